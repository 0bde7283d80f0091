"""Ranked search: plan, gather, score, cut."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from functools import partial
from time import perf_counter
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from agentctx.config import Limits, Settings
from agentctx.embed.base import Embedder
from agentctx.errors import DeadlineExceeded, EmbedderMismatch, InvalidArgument, Unavailable
from agentctx.ids import Clock, to_micros
from agentctx.index.blas import one_thread
from agentctx.index.episodes import EpisodeIndex
from agentctx.index.tag_match import NO_MATCHES, Embed, MatchLimits, TagMatches, match_tags
from agentctx.index.view import View
from agentctx.memory import validate
from agentctx.memory.exact import Question
from agentctx.memory.filters import holds
from agentctx.memory.listing import Narrowing
from agentctx.memory.plan import Plan, make_plan
from agentctx.memory.routing import ALL, Outcome, exhaust, route
from agentctx.memory.scoring import Scorer, explain
from agentctx.memory.scratch import Scratch, ScratchPool
from agentctx.memory.tags import tag_mask
from agentctx.memory.wording import ABSENT
from agentctx.runtime.hits import HitCache
from agentctx.runtime.residency import Residency
from agentctx.types import And, Condition, Explanation, Filter, Hit, Not, Or, SearchOptions, SearchResult

DEFAULT_K: Final = 10
_LONGEST_TIMEOUT: Final = 1e9
_ATTEMPTS: Final = 4
_TAGGED: Final = 1_024  # episodes that tags may offer
_REACHED: Final = 12  # tags that are looked at
_FEW: Final = 2  # words up to which tags near in meaning are looked at, too: some 0.3 ms
_NO_TERMS: Final = "the query holds nothing to search for"

_OPTIONS: Final = tuple(SearchOptions.__annotations__)
_NARROWING: Final = frozenset(one.name for one in fields(Narrowing))

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class SearchRequest(Narrowing):
    """A checked `search` call."""

    query: str = ""
    k: int = DEFAULT_K
    reference_time: datetime | None = None
    explain: bool = False
    exhaustive: bool = False
    timeout: float | None = None

    @property
    def narrows(self) -> bool:
        """Whether a hard filter leaves out episodes that are visible and valid."""
        times = self.occurred_from, self.occurred_to
        return bool(self.session or self.speaker or self.role or self.tags or self.filter or any(times))

    @classmethod
    def read(cls, query: object, options: SearchOptions, limits: Limits) -> Self:
        """The request in its normal form. Raises InvalidArgument."""
        validate.unknown_options(options, _OPTIONS)
        timeout = options.get("timeout")
        if timeout is not None and (
            isinstance(timeout, bool) or not isinstance(timeout, int | float) or not 0 < timeout <= _LONGEST_TIMEOUT
        ):
            raise InvalidArgument("timeout must be a number of seconds above 0, at most 1e9", field="timeout")
        return cls(
            **({} if _NARROWING.isdisjoint(options) else cls.checked(options, limits)),
            query=validate.text(query, "query", limits.query_bytes),
            k=validate.integer(options.get("k", min(DEFAULT_K, limits.k)), "k", 0, limits.k),
            reference_time=validate.moment(options.get("reference_time"), "reference_time"),
            explain=validate.boolean(options.get("explain", False), "explain"),
            exhaustive=validate.boolean(options.get("exhaustive", False), "exhaustive"),
            timeout=timeout,
        )


class Searcher:
    """Answers `search` over resident indexes. Thread-safe. embed: of tags' names, whatever embedder fills the store."""

    def __init__(
        self,
        residency: Residency,
        hits: HitCache,
        embedder: Callable[[], Embedder],
        embed: Embed,
        scorer: Scorer,
        settings: Settings,
        clock: Clock,
    ) -> None:
        self._residency = residency
        self._hits = hits
        self._embedder = embedder
        self._embed = embed
        self._scorer = scorer
        self._settings = settings
        self._clock = clock
        self._scratch = ScratchPool()

    def search(self, namespace: str, query: object, options: SearchOptions) -> SearchResult:
        """The hits, best first; see `Memory.search`."""
        for _ in range(_ATTEMPTS):
            result = self._search(namespace, query, options)
            if result is not None:
                return result
        raise Unavailable("episodes are being purged while the search reads them; retry", field="namespace")

    def _search(self, namespace: str, query: object, options: SearchOptions) -> SearchResult | None:
        """One attempt: None if something that it found was purged meanwhile."""
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
        acquired = partial(watch.stage, "wait")
        with self._residency.reading(namespace, request.min_revision, acquired, watch.remaining()) as index:
            revision = index.revision
            watch.stage("open")
            as_of = None if request.as_of is None else to_micros(request.as_of)
            view = index.view(to_micros(now), as_of)
            if plan.empty or not request.k or not view.count:
                if plan.empty:
                    degraded.append(_NO_TERMS)
                return SearchResult((), revision, tuple(degraded), _explanation(request, plan, {}, watch))
            if vector is not None and index.embedder_key != key:
                raise EmbedderMismatch("the store was re-embedded during the search; retry", field="embedder")
            if vector is not None and index.without_vector:
                degraded.append(f"{index.without_vector} episodes wait for a vector")
            live = as_of is None
            every = live and not request.narrows and not _some_invalid(index, request, to_micros(now))
            mask = None if every else admitted(index, view, request, to_micros(now))
            watch.stage("filter")
            with one_thread(), self._scratch.lend(len(index) + 1, len(index.lexical.terms)) as scratch:
                question = self._scorer.ask(index, view, plan, vector, scratch, live=live)
                watch.stage("words")
                outcome, tags = self._find(question, scratch, request, mask, live=live, late=watch.late)
            watch.note("score")
            places, explained = index.places(outcome.best.rows, as_of), explain(question, outcome.best)
            counts = {"episodes": len(index), "visible": view.count}
            counts["eligible"] = view.count if mask is None else int(np.count_nonzero(mask))
            counts |= outcome.counts
        if outcome.partial:
            degraded.append(f"partial: the time was up after {counts['scored']} of {counts['candidates']} candidates")
        watch.note("rank")
        episodes = self._hits.episodes(namespace, places, revision, request.as_of)
        if episodes is None:
            return None
        hits = tuple(
            Hit(episode, parts.total, parts.values, parts.why)
            for episode, parts in zip(episodes, explained, strict=True)
        )
        counts["hits"] = len(hits)
        watch.note("fetch")
        return SearchResult(hits, revision, tuple(degraded), _explanation(request, plan, counts, watch, outcome, tags))

    def _find(
        self,
        question: Question,
        scratch: Scratch,
        request: SearchRequest,
        mask: Mask | None,
        *,
        live: bool,
        late: Callable[[], bool],
    ) -> tuple[Outcome, tuple[str, ...]]:
        """The best rows, of all where they are few or the request says so, else of the promising ones; and the tags."""
        view = question.view
        eligible = view.count if mask is None else int(np.count_nonzero(mask))
        if live and self._settings.search.routing and not request.exhaustive and eligible > ALL:
            matches = self._tags(question, request.query) if self._settings.search.tags else NO_MATCHES
            outcome = route(question, scratch, request.k, mask, late, matches.rows)
            return outcome, tuple(tag.name for tag in matches.tags)
        seen = view.visible if mask is None else mask
        rows = np.arange(view.size) if seen is None else np.flatnonzero(seen)
        return exhaust(question, request.k, rows, late), ()

    def _tags(self, question: Question, query: str) -> TagMatches:
        """The tags that a query names, and those near to it in meaning, if its words are few.

        Where there are words enough they lead to what tags lead to, and more (docs/search.md).
        """
        tags, wording = self._settings.tags, question.wording
        if wording is not None and sum(number != ABSENT for number in wording.own) > _FEW:
            return NO_MATCHES
        limits = MatchLimits(k=tags.k, depth=tags.depth, rows=_TAGGED, reached=_REACHED)
        return match_tags(question.index.tags, query, self._embed([query])[0], self._embed, limits)


def _explanation(
    request: SearchRequest,
    plan: Plan,
    counts: Mapping[str, int],
    watch: _Watch,
    outcome: Outcome | None = None,
    tags: tuple[str, ...] = (),
) -> Explanation | None:
    if not request.explain:
        return None
    return Explanation(
        terms=plan.described_terms(),
        hints=plan.described_hints(),
        candidates=counts,
        stages_ms=watch.stages,
        tags=tags,
        sources=outcome.sources if outcome else {},
        widened=outcome.widened if outcome else "",
    )


def _some_invalid(index: EpisodeIndex, request: SearchRequest, now: int) -> bool:
    """Whether there are episodes that do not hold at the time asked for, and that matters."""
    at = now if request.valid_at is None else to_micros(request.valid_at)
    return not request.include_invalid and bool(len(index.validity.outside(at, at + 1)))


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
    start, end = (None if at is None else to_micros(at) for at in (request.occurred_from, request.occurred_to))
    if start is not None or end is not None:
        within = np.zeros(size, dtype=np.bool_)
        within[index.timeline.range(start, end)] = True
        mask &= within
    present = now if request.as_of is None else to_micros(request.as_of)
    valid_at = present if request.valid_at is None else to_micros(request.valid_at)
    as_of = None if request.as_of is None else present
    if not request.include_invalid and as_of is None:
        mask[index.validity.outside(valid_at, valid_at + 1)] = False
    elif not request.include_invalid:
        mask &= (index.column("valid_from", as_of) <= valid_at) & (valid_at < index.column("valid_to", as_of))
    if request.tags:
        labels = index.column("tags", as_of)
        for tag in request.tags:
            mask &= tag_mask(index, tag, size, labels, narrower=request.narrower)
    if request.filter is not None:
        mask &= where(index, request.filter, size, index.column("metadata", as_of))
    return mask


def where(index: EpisodeIndex, filter: Filter, size: int, metadata: npt.NDArray[np.int32]) -> Mask:
    """The rows whose metadata (by number) pass a filter, decided once a distinct value."""
    match filter:
        case Condition():
            if filter.op == "ne":
                having = index.attributes.having(filter.field, size, metadata)
                return ~having | index.attributes.where(
                    filter.field, lambda value: holds(filter, value), size, metadata
                )
            return index.attributes.where(filter.field, lambda value: holds(filter, value), size, metadata)
        case And():
            mask = np.ones(size, dtype=np.bool_)
            for one in filter.filters:
                mask &= where(index, one, size, metadata)
            return mask
        case Or():
            mask = np.zeros(size, dtype=np.bool_)
            for one in filter.filters:
                mask |= where(index, one, size, metadata)
            return mask
        case Not():
            return ~where(index, filter.filter, size, metadata)


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

    def late(self) -> bool:
        """Whether the allowed time is over."""
        return self._deadline is not None and perf_counter() > self._deadline

    def note(self, name: str) -> None:
        """The stage `name` ends now. Of one that comes again, the times are added up."""
        now = perf_counter()
        self.stages[name] = self.stages.get(name, 0.0) + (now - self._last) * 1000
        self._last = now

    def stage(self, name: str) -> None:
        """The same. Raises DeadlineExceeded when the allowed time is over."""
        self.note(name)
        if self.late():
            raise DeadlineExceeded(f"the search did not finish in its time (it was in the stage {name!r})")
