"""Ranked search: plan, gather, score, cut."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, fields
from datetime import datetime
from functools import partial
from time import perf_counter
from typing import Final

import numpy as np
import numpy.typing as npt

from agentctx import kernels
from agentctx.config import Limits, Settings
from agentctx.embed.base import Embedder
from agentctx.embed.static import StaticEmbedder
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
from agentctx.types.making import maker_of

DEFAULT_K: Final = 10
_LONGEST_TIMEOUT: Final = 1e9
_ATTEMPTS: Final = 4
_TAGGED: Final = 1_024  # episodes that tags may offer
_REACHED: Final = 12  # tags that are looked at
_FEW: Final = 2  # words up to which tags near in meaning are looked at, too: up to a millisecond
_NO_TERMS: Final = "the query holds nothing to search for"

_OPTIONS: Final = frozenset(SearchOptions.__annotations__)
_NARROWING: Final = frozenset(one.name for one in fields(Narrowing))

Mask = npt.NDArray[np.bool_]
_hit = maker_of(Hit)
_AS_IT_IS: Final = nullcontext()


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """A checked `search` call."""

    where: Narrowing
    query: str
    k: int
    reference_time: datetime | None
    explain: bool
    exhaustive: bool
    timeout: float | None

    @property
    def narrows(self) -> bool:
        """Whether a hard filter leaves out episodes that are visible and valid."""
        if self.where is _EVERYWHERE:
            return False
        where = self.where
        times = where.occurred_from, where.occurred_to
        return bool(where.session or where.speaker or where.role or where.tags or where.filter or any(times))

    @classmethod
    def read(cls, query: object, options: SearchOptions, limits: Limits) -> SearchRequest:
        """The request in its normal form. Raises InvalidArgument."""
        if not options.keys() <= _OPTIONS:
            validate.unknown_options(options, _OPTIONS)
        option = options.get
        timeout = option("timeout")
        if timeout is not None and (
            isinstance(timeout, bool) or not isinstance(timeout, int | float) or not 0 < timeout <= _LONGEST_TIMEOUT
        ):
            raise InvalidArgument("timeout must be a number of seconds above 0, at most 1e9", field="timeout")
        return _request(
            _EVERYWHERE if _NARROWING.isdisjoint(options) else Narrowing(**Narrowing.checked(options, limits)),
            validate.text(query, "query", limits.query_bytes),
            validate.integer(option("k", min(DEFAULT_K, limits.k)), "k", 0, limits.k),
            validate.moment(option("reference_time"), "reference_time"),
            validate.boolean(option("explain", False), "explain"),
            validate.boolean(option("exhaustive", False), "exhaustive"),
            timeout,
        )


_EVERYWHERE: Final = Narrowing()
_request = maker_of(SearchRequest)


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
        looked_for, reference = self._settings.search, request.reference_time or request.where.as_of or now
        plan = make_plan(request.query, reference, lexical=looked_for.lexical, time=looked_for.time)
        degraded: list[str] = []
        vector, key = None, ""
        if not plan.empty and self._settings.search.dense and request.k:
            embedder = self._embedder()
            key = embedder.identity.key
            with _calm(isinstance(embedder, StaticEmbedder)):
                vector = embedder.embed([request.query], "query", watch.remaining())[0]
            if not vector.dot(vector):  # its length is 1, or it is all zeros
                vector = None
                degraded.append("no dense evidence: the embedder knows no word of the query")
        watch.stage("plan")
        acquired = partial(watch.stage, "wait")
        with self._residency.reading(namespace, request.where.min_revision, acquired, watch.remaining()) as index:
            revision = index.revision
            watch.stage("open")
            as_of = None if request.where.as_of is None else to_micros(request.where.as_of)
            present = to_micros(now)
            view = index.view(present, as_of)
            if plan.empty or not request.k or not view.count:
                if plan.empty:
                    degraded.append(_NO_TERMS)
                return SearchResult((), revision, tuple(degraded), _explanation(request, plan, {}, watch))
            if vector is not None and index.embedder_key != key:
                raise EmbedderMismatch("the store was re-embedded during the search; retry", field="embedder")
            if vector is not None and index.without_vector:
                degraded.append(f"{index.without_vector} episodes wait for a vector")
            live = as_of is None
            every = live and not request.narrows and not _some_invalid(index, request.where, present)
            mask = None if every else admitted(index, view, request.where, present)
            watch.stage("filter")
            with _calm(), self._scratch.lend(len(index) + 1, len(index.lexical.terms)) as scratch:
                question = self._scorer.ask(index, view, plan, vector, scratch, live=live)
                watch.stage("words")
                outcome, tags = self._find(question, scratch, request, mask, live=live, late=watch.late)
                watch.note("score")
                explained = explain(question, outcome.best)
            places = index.places(outcome.best.rows, as_of)
            counts = {"episodes": len(index), "visible": view.count}
            counts["eligible"] = view.count if mask is None else int(np.count_nonzero(mask))
            counts |= outcome.counts
        if outcome.partial:
            degraded.append(f"partial: the time was up after {counts['scored']} of {counts['candidates']} candidates")
        watch.note("rank")
        episodes = self._hits.episodes(namespace, places, revision, request.where.as_of)
        if episodes is None:
            return None
        hits = tuple(
            [
                _hit(episode, parts.total, parts.values, parts.why)
                for episode, parts in zip(episodes, explained, strict=True)
            ]
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
        with one_thread():
            return match_tags(question.index.tags, query, self._embed([query])[0], self._embed, limits)


def _calm(by_kernel: bool = True) -> AbstractContextManager[None]:
    """Hold matrix products to one thread where numpy makes them; kernels have none."""
    return _AS_IT_IS if by_kernel and kernels.compiled is not None else one_thread()


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


def _some_invalid(index: EpisodeIndex, request: Narrowing, now: int) -> bool:
    """Whether there are episodes that do not hold at the time asked for, and that matters."""
    if request.include_invalid or not len(index.validity):
        return False
    at = now if request.valid_at is None else to_micros(request.valid_at)
    return bool(len(index.validity.outside(at, at + 1)))


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
        self._began = perf_counter()
        self._ended: list[tuple[str, float]] = []
        self._deadline: float | None = None

    def limit(self, timeout: float | None) -> None:
        """Allow so many seconds from the start on."""
        if timeout is not None:
            self._deadline = self._began + timeout

    def remaining(self) -> float | None:
        """Seconds left, None without a limit."""
        return None if self._deadline is None else max(self._deadline - perf_counter(), 0.0)

    def late(self) -> bool:
        """Whether the allowed time is over."""
        return self._deadline is not None and perf_counter() > self._deadline

    def note(self, name: str) -> None:
        """The stage `name` ends now."""
        self._ended.append((name, perf_counter()))

    @property
    def stages(self) -> dict[str, float]:
        """Milliseconds by stage. Of one that came again, the times are added up."""
        took: dict[str, float] = {}
        last = self._began
        for name, ended in self._ended:
            took[name] = took.get(name, 0.0) + (ended - last) * 1000
            last = ended
        return took

    def stage(self, name: str) -> None:
        """The same. Raises DeadlineExceeded when the allowed time is over."""
        self._ended.append((name, perf_counter()))
        if self._deadline is not None and self.late():
            raise DeadlineExceeded(f"the search did not finish in its time (it was in the stage {name!r})")
