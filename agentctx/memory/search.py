"""Ranked search: plan, gather, score, cut."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from time import perf_counter
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from agentctx.config import Limits, Settings
from agentctx.embed.base import Embedder
from agentctx.errors import DeadlineExceeded, EmbedderMismatch, InvalidArgument
from agentctx.ids import Clock, to_micros
from agentctx.index.blas import one_thread
from agentctx.index.episodes import EpisodeIndex
from agentctx.index.view import View
from agentctx.memory import validate
from agentctx.memory.filters import holds, matches
from agentctx.memory.listing import Narrowing
from agentctx.memory.plan import Plan, make_plan
from agentctx.memory.scoring import Scorer
from agentctx.runtime.residency import Residency
from agentctx.types import And, Condition, Explanation, Filter, Hit, Not, Or, SearchOptions, SearchResult

DEFAULT_K: Final = 10
_LONGEST_TIMEOUT: Final = 1e9
_NO_TERMS: Final = "the query holds nothing to search for"

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class SearchRequest(Narrowing):
    """A checked `search` call."""

    query: str = ""
    k: int = DEFAULT_K
    reference_time: datetime | None = None
    explain: bool = False
    timeout: float | None = None

    @classmethod
    def read(cls, query: object, options: SearchOptions, limits: Limits) -> Self:
        """The request in its normal form. Raises InvalidArgument."""
        validate.unknown_options(options, tuple(SearchOptions.__annotations__))
        timeout = options.get("timeout")
        if timeout is not None and (
            isinstance(timeout, bool) or not isinstance(timeout, int | float) or not 0 < timeout <= _LONGEST_TIMEOUT
        ):
            raise InvalidArgument("timeout must be a number of seconds above 0, at most 1e9", field="timeout")
        return cls(
            **cls.checked(options, limits),
            query=validate.text(query, "query", limits.query_bytes),
            k=validate.integer(options.get("k", min(DEFAULT_K, limits.k)), "k", 0, limits.k),
            reference_time=validate.moment(options.get("reference_time"), "reference_time"),
            explain=validate.boolean(options.get("explain", False), "explain"),
            timeout=timeout,
        )


class Searcher:
    """Answers `search` over resident indexes. Thread-safe."""

    def __init__(
        self, residency: Residency, embedder: Callable[[], Embedder], scorer: Scorer, settings: Settings, clock: Clock
    ) -> None:
        self._residency = residency
        self._embedder = embedder
        self._scorer = scorer
        self._settings = settings
        self._clock = clock

    def search(self, namespace: str, query: object, options: SearchOptions) -> SearchResult:
        """The hits, best first; see `Memory.search`."""
        watch = _Watch()
        request = SearchRequest.read(query, options, self._settings.limits)
        watch.limit(request.timeout)
        now = self._clock.now()
        plan = make_plan(request.query, request.reference_time or request.as_of or now)
        degraded: list[str] = []
        vector, key = None, ""
        if not plan.empty and self._settings.search.dense and request.k:
            embedder = self._embedder()
            key = embedder.identity.key
            with one_thread():
                vector = embedder.embed([request.query], "query", watch.remaining())[0]
            if not vector.any():
                vector = None
                degraded.append("no dense evidence: the embedder knows no word of the query")
        watch.stage("plan")
        with self._residency.reading(namespace, request.min_revision) as index:
            revision = index.revision
            watch.stage("open")
            as_of = None if request.as_of is None else to_micros(request.as_of)
            view = index.view(to_micros(now), as_of)
            if plan.empty or not request.k or not view.count:
                if plan.empty:
                    degraded.append(_NO_TERMS)
                return SearchResult((), revision, tuple(degraded), self._explain(request, plan, {}, watch))
            if vector is not None and index.embedder_key != key:
                raise EmbedderMismatch("the store was re-embedded during the search; retry", field="embedder")
            if vector is not None and index.without_vector:
                degraded.append(f"{index.without_vector} episodes wait for a vector")
            eligible = admitted(index, view, request, to_micros(now))
            watch.stage("filter")
            with one_thread():
                scores = self._scorer.score(index, view, plan, vector, live=as_of is None)
            watch.stage("score")
            rows = top(scores.total, eligible & scores.found, request.k)
            hits = tuple(
                Hit(index.episode(row, as_of), parts.total, parts.values, parts.why)
                for row, parts in zip(rows.tolist(), scores.explain(rows), strict=True)
            )
        watch.stage("rank")
        counts = {"episodes": len(index), "visible": view.count, "eligible": int(eligible.sum()), "hits": len(hits)}
        return SearchResult(hits, revision, tuple(degraded), self._explain(request, plan, counts, watch))

    @staticmethod
    def _explain(request: SearchRequest, plan: Plan, counts: Mapping[str, int], watch: _Watch) -> Explanation | None:
        if not request.explain:
            return None
        return Explanation(plan.described_terms(), plan.described_hints(), counts, watch.stages)


def top(scores: npt.NDArray[np.float32], eligible: Mask, k: int) -> npt.NDArray[np.int64]:
    """The k best eligible rows, best first; equal scores in log order."""
    usable = np.flatnonzero(eligible)
    if len(usable) > k:
        chosen = scores[usable]
        least = np.partition(chosen, len(chosen) - k)[len(chosen) - k]
        usable = usable[chosen >= least]
    return usable[np.argsort(-scores[usable], kind="stable")][:k]


def admitted(index: EpisodeIndex, view: View, request: Narrowing, now: int) -> Mask:
    """The rows that pass every hard filter of a request, in their state at `as_of`."""
    size = view.size
    mask = np.ones(size, dtype=np.bool_) if view.visible is None else view.visible.copy()
    for name, numbers, column in (
        (request.session, index.sessions, index.session),
        (request.speaker, index.speakers, index.speaker),
        (request.role, index.roles, index.role),
    ):
        if name:
            mask &= column.array == numbers.get(name, -1)
    if request.occurred_from is not None:
        mask &= index.occurred.array >= to_micros(request.occurred_from)
    if request.occurred_to is not None:
        mask &= index.occurred.array < to_micros(request.occurred_to)
    present = now if request.as_of is None else to_micros(request.as_of)
    valid_at = present if request.valid_at is None else to_micros(request.valid_at)
    changeable = np.ones(size, dtype=np.bool_)
    if not request.include_invalid:
        changeable &= (index.valid_from.array <= valid_at) & (valid_at < index.valid_to.array)
    for tag in request.tags:
        changeable &= _rows_mask(index.tags.get(tag, set()), size)
    if request.filter is not None:
        changeable &= where(index, request.filter, size)
    if request.as_of is not None:
        for row in index.changed_after(present):
            changeable[row] = _held(request, index, row, present, valid_at)
    return mask & changeable


def _held(request: Narrowing, index: EpisodeIndex, row: int, present: int, valid_at: int) -> bool:
    """Whether a row passed the filters on what can change, in its state at `present`."""
    then = index.episode(row, present)
    valid = (then.valid_from is None or to_micros(then.valid_from) <= valid_at) and (
        then.valid_to is None or valid_at < to_micros(then.valid_to)
    )
    return (
        (request.include_invalid or valid)
        and all(tag in then.tags for tag in request.tags)
        and (request.filter is None or matches(request.filter, then.metadata))
    )


def where(index: EpisodeIndex, filter: Filter, size: int) -> Mask:
    """The rows whose present metadata pass a filter, decided once a distinct value."""
    match filter:
        case Condition():
            if filter.op == "ne":
                having = index.attributes.having(filter.field, size)
                return ~having | index.attributes.where(filter.field, lambda value: holds(filter, value), size)
            return index.attributes.where(filter.field, lambda value: holds(filter, value), size)
        case And():
            mask = np.ones(size, dtype=np.bool_)
            for one in filter.filters:
                mask &= where(index, one, size)
            return mask
        case Or():
            mask = np.zeros(size, dtype=np.bool_)
            for one in filter.filters:
                mask |= where(index, one, size)
            return mask
        case Not():
            return ~where(index, filter.filter, size)


def _rows_mask(rows: set[int], size: int) -> Mask:
    mask = np.zeros(size, dtype=np.bool_)
    mask[np.fromiter(rows, dtype=np.int64, count=len(rows))] = True
    return mask


class _Watch:
    """Times the stages of one search and holds it to its deadline."""

    def __init__(self) -> None:
        self.stages: dict[str, float] = {}
        self._last = perf_counter()
        self._deadline: float | None = None

    def limit(self, timeout: float | None) -> None:
        """Allow so many seconds from the start on."""
        if timeout is not None:
            self._deadline = self._last + timeout

    def remaining(self) -> float | None:
        """Seconds left, None without a limit."""
        return None if self._deadline is None else max(self._deadline - perf_counter(), 0.0)

    def stage(self, name: str) -> None:
        """The stage `name` ends now. Raises DeadlineExceeded when the allowed time is over."""
        now = perf_counter()
        self.stages[name] = (now - self._last) * 1000
        self._last = now
        if self._deadline is not None and now > self._deadline:
            raise DeadlineExceeded(f"the search did not finish in its time (it was in the stage {name!r})")
