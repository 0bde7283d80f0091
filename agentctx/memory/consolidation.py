"""Puts a namespace's tags and vectors in order, beside what is in use, and swaps it in (docs/consolidation.md).

Tags are grouped, the groups seed clusters of episodes, the vectors are laid out cluster by cluster and swapped in, and
at last near-duplicate tags are merged. Everything before the swap touches nothing, so that it may stop at any point.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from time import perf_counter
from typing import Any, Final, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from agentctx.errors import Unavailable
from agentctx.index.clustering import Floats, assign, clusters_for, lay_out, learn, sampled, unit_length
from agentctx.index.episodes import EpisodeIndex
from agentctx.index.layout import Layout
from agentctx.index.tag_graph import TagGraph
from agentctx.index.vectors import VectorIndex
from agentctx.memory.duplicates import Merge, duplicates
from agentctx.memory.known_tags import KnownTags, known_tags
from agentctx.memory.topics import Embed, Topics, topics
from agentctx.types import Progress, Revision

T = TypeVar("T")
Steps = Generator[None, None, T]

LEAST: Final = 50_000
"""Episodes from which a layout is worth having."""
_ROW_COST: Final = 30e-6  # seconds that consolidation takes for a row
_BACKGROUND: Final = 0.1  # what a second of the background is worth in seconds that searches wait
_CATCH_UP: Final = 256  # rows brought over in one unit
_LAST: Final = 64  # ... and at most while the index is locked
_PHASES: Final = {"tags": 0.25, "clusters": 0.25, "episodes": 0.3, "layout": 0.1, "vectors": 0.1}
"""What is done, one after the other, and its share of the time."""


class Shelf(Protocol):
    """Where the indexes are (`runtime.residency`)."""

    def reading(self, namespace: str) -> AbstractContextManager[EpisodeIndex]:
        """A namespace's index, in step with the log and locked."""
        ...

    def publish(self, namespace: str, index: EpisodeIndex, swap: Callable[[], None]) -> bool:
        """Run `swap` on an index that was looked up before, locked, if it is still the one in use."""
        ...


MergeTags = Callable[[str, Sequence[Merge]], int]
"""Merges tags of a namespace in the log; how many of the merges it accepted."""


def pays(index: EpisodeIndex) -> bool:
    """Whether a layout would by now have saved what it costs: the time that searches lost against that of making it."""
    vectors = index.vectors
    return len(vectors) >= LEAST and vectors.lost > _BACKGROUND * _ROW_COST * len(vectors)


def consolidation(
    shelf: Shelf, namespace: str, embed: Embed, refresh: Callable[[str], Iterator[None]], merge: MergeTags
) -> Generator[Progress, None, None]:
    """Put a namespace in order; yields after each small unit of work. Closing it leaves everything as it was.

    embed: vectors of names. refresh: brings the graph of a namespace's tags up to date, in steps. Raises Unavailable
    when the namespace is purged or re-embedded meanwhile.
    """
    with shelf.reading(namespace) as index:
        vectors, size = index.vectors, len(index.vectors)
        began: tuple[Revision, str] = (index.revision, index.embedder_key)
    if not size:
        yield Progress(0, 0, "there is nothing to put in order")
        return
    report = _Report(size)
    yield Progress(0, size, "tags")
    for _ in refresh(namespace):
        yield Progress(0, size, "tags")
    tags = yield from report.phase("tags", _tags(shelf, namespace, index, vectors, embed))
    merges: list[Merge] = []
    if tags is not None:
        found, known = tags
        merges = yield from report.phase("tags", duplicates(known, found))
    guesses = _guesses(vectors, size, tags[0] if tags is not None else None)
    centroids = yield from report.phase("clusters", learn(vectors.vectors, size, guesses))
    labels, centroids = yield from report.phase("episodes", assign(vectors.vectors, size, centroids))
    layout = yield from report.phase("layout", lay_out(vectors.vectors, labels, centroids))
    yield from report.phase("vectors", _renew(shelf, namespace, began, vectors, layout))
    merged = merge(namespace, merges) if merges else 0
    words = f"{size:,} episodes in {layout.clusters:,} clusters"
    yield Progress(size, size, f"{words}; {merged} tags merged" if merged else words)


def steps(job: Iterator[Progress]) -> Iterator[None]:
    """The same work for whoever does not ask how far it is."""
    for _ in job:
        yield


class _Report:
    """Turns the units of the phases into progress in episodes; how many units a phase has is not known before."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._done = 0.0

    def phase(self, name: str, work: Steps[T]) -> Generator[Progress, None, T]:
        began, share = perf_counter(), _PHASES[name]
        first = min(self._done, 1 - share)
        while True:
            try:
                next(work)
            except StopIteration as end:
                self._done = sum(list(_PHASES.values())[: list(_PHASES).index(name) + 1])
                result: T = end.value
                return result
            spent = perf_counter() - began
            within = share * spent / (spent + _ROW_COST * self._size * share)  # ever slower towards the end
            yield Progress(int((first + within) * self._size), self._size, name)


def _guesses(vectors: VectorIndex, size: int, found: Topics | None) -> Floats:
    """First guesses of the clusters' centroids: what groups of tags have in common, then single episodes."""
    wanted = clusters_for(size)
    episodes = unit_length(vectors.vectors(sampled(size, wanted)))
    if found is None:
        return episodes
    groups = found.centroids[:wanted]
    return np.concatenate((groups, episodes[: wanted - len(groups)]))


def _tags(
    shelf: Shelf, namespace: str, index: EpisodeIndex, vectors: VectorIndex, embed: Embed
) -> Steps[tuple[Topics, KnownTags] | None]:
    """The groups of a namespace's tags; None without tags to speak of, or when the index is not in use any more."""
    held: list[tuple[TagGraph, Sequence[Mapping[str, npt.NDArray[Any]]]]] = []

    def hold() -> None:
        tags = index.tags
        postings = [one.arrays() for one in (tags.derived, tags.given, tags.written)]
        held.append((tags.graph(stale=True), postings))

    if not shelf.publish(namespace, index, hold):
        return None
    yield
    ((graph, postings),) = held
    known = yield from known_tags(graph, postings)
    found = yield from topics(known, vectors.vectors, len(vectors), embed, clusters_for(len(vectors)))
    return (found, known) if found is not None else None


def _renew(
    shelf: Shelf, namespace: str, began: tuple[Revision, str], vectors: VectorIndex, layout: Layout
) -> Steps[None]:
    """Build the vectors in their new order and put them in the place of the old ones."""
    fresh = yield from vectors.relaid(layout)
    while True:
        with shelf.reading(namespace) as index:
            current = index.vectors
        if index.revision.epoch != began[0].epoch or index.embedder_key != began[1]:
            raise Unavailable("the namespace was purged or re-embedded meanwhile; consolidate it again")
        while not fresh.catch_up(current, _CATCH_UP):
            yield
        swapped: list[bool] = []

        def swap(index: EpisodeIndex = index, swapped: list[bool] = swapped) -> None:
            if fresh.catch_up(index.vectors, _LAST):
                index.vectors = fresh
                index.saved = None  # no snapshot has this order
                swapped.append(True)

        if shelf.publish(namespace, index, swap) and swapped:
            return
        yield
