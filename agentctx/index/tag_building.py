"""Builds the graph of a namespace's tags, in small steps and beside what is in use."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from agentctx.index.tag_edits import TagEdits
from agentctx.index.tag_graph import BY_COMPANY, BY_MODEL, BY_NAME, BY_USER, Ints, TagGraph, canonical_pairs
from agentctx.index.tag_postings import Rows, keys_of
from agentctx.index.tag_vocabulary import MADE, TagVocabulary

if TYPE_CHECKING:
    import networkx as nx

    from agentctx.index.tags import TagIndex

SHARE: Final = 0.8  # of the narrow tag's episodes that bear the broad one
_FEWEST: Final = 3  # episodes of a narrow tag that company may speak for
_MOST: Final = 500  # ... a tag of more is broad itself
_PARENTS: Final = 6  # by company
_UNIT: Final = 20_000  # pairs looked at between two yields: a millisecond or two
_EDGES: Final = 4_096  # ... and edges


def building(index: TagIndex) -> Iterator[TagGraph | None]:
    """Builds the graph of an index in small steps: None after each, the graph at the end.

    The index has to be locked for the first step alone. What it takes up later takes no part.
    """
    words, version, rows = index.words, index.version, index.rows
    size, edits, relations = len(index.words), index.edits.copy(), list(index.relations())
    held = [postings.arrays() for postings in (index.derived, index.given, index.written)]
    made = words.kinds.array[:size] & MADE > 0
    yield None
    canon = _canonical(words, edits, size)
    yield None
    parts = []
    for arrays in held:
        parts.append(keys_of(arrays))
        yield None
    tags, bearing = canonical_pairs(parts, canon)
    yield None
    df = np.bincount(tags, minlength=size).astype(np.int32)
    visible = (canon == np.arange(size)) & ((df > 0) | made)
    draft = _Draft(words, canon, visible, df.astype(np.int64), set())
    draft.take_users(edits)
    draft.cut = {(_number(words, down, size), _number(words, up, size)) for up, down in edits.cuts()}
    for up, down in relations:
        draft.take_named(up, down)
    yield None
    for start in range(0, size, 500):
        for number in range(start, min(size, start + 500)):
            if visible[number]:
                draft.take_by_name(number)
        yield None
    for child, parents in _company(tags, bearing, df, visible, draft.rank):
        if child < 0:
            yield None
        for parent in parents:
            draft.take(child, parent, BY_COMPANY)
    broader, narrower, kind = yield from _ordered(draft.edges)
    yield TagGraph(
        version,
        edits.version,
        words,
        canon,
        df,
        draft.rank,
        broader,
        narrower,
        kind,
        rows,
    )


def _ordered(
    edges: Mapping[tuple[int, int], int],
) -> Generator[None, None, tuple[Rows, Rows, npt.NDArray[np.uint8]]]:
    """The tags above, those below and the kinds of some edges, by the one below and then the one above."""
    ends, kind = np.empty((len(edges), 2), dtype=np.int32), np.empty(len(edges), dtype=np.uint8)
    rest = iter(edges.items())
    for first in range(0, len(edges), _EDGES):
        some = list(islice(rest, _EDGES))
        ends[first : first + len(some)] = [edge for edge, _ in some]
        kind[first : first + len(some)] = [one for _, one in some]
        yield
    order = np.lexsort((ends[:, 1], ends[:, 0]))
    yield
    return ends[order, 1], ends[order, 0], kind[order]


@dataclass(slots=True)
class _Draft:
    """The edges so far, and what decides whether one more is taken. Edges and cuts are (narrower, broader)."""

    words: TagVocabulary
    canon: npt.NDArray[np.int32]
    visible: npt.NDArray[np.bool_]
    rank: Ints
    cut: set[tuple[int | None, int | None]]
    edges: dict[tuple[int, int], int] = field(default_factory=dict)

    def take(self, below: int, above: int, kind: int) -> bool:
        """Add an edge, if it leads downwards and no user has cut it."""
        fits = self.visible[above] and self.visible[below] and self.rank[above] > self.rank[below]
        if not fits or (below, above) in self.cut:
            return False
        self.edges.setdefault((below, above), kind)
        return True

    def take_users(self, edits: TagEdits) -> None:
        """Add the users' edges, and lift the tags above so that rank falls along each."""
        if not edits.links:
            return
        import networkx as nx  # noqa: PLC0415 - 100 ms, and few namespaces have edges of their users

        graph: nx.DiGraph[int] = nx.DiGraph()
        for up, down in edits.edges():
            above, below = (_number(self.words, name, len(self.rank)) for name in (up, down))
            if above is not None and below is not None and self.visible[above] and self.visible[below]:
                graph.add_edge(above, below)
        if not nx.is_directed_acyclic_graph(graph):  # two logs brought together by an import may disagree
            acyclic: nx.DiGraph[int] = nx.DiGraph()
            for above, below in graph.edges:
                acyclic.add_nodes_from((above, below))
                if not nx.has_path(acyclic, below, above):
                    acyclic.add_edge(above, below)
            graph = acyclic
        for number in reversed(list(nx.topological_sort(graph))):
            for below in graph.successors(number):
                self.rank[number] = max(self.rank[number], self.rank[below] + 1)
                self.edges[below, number] = BY_USER

    def take_named(self, up: str, down: str) -> None:
        """Add an edge that a language model named."""
        above, below = (_number(self.words, name, len(self.rank)) for name in (up, down))
        if above is not None and below is not None:
            above, below = int(self.canon[above]), int(self.canon[below])
            if above >= 0 and below >= 0:
                self.take(below, above, BY_MODEL)

    def take_by_name(self, number: int) -> None:
        """Add edges from the tags whose words are some of this one's, unless a longer one of them stands between."""
        parts = self.words.name(number).split("_")
        if not 2 <= len(parts) <= 4:
            return
        covered: set[str] = set()
        for length in range(len(parts) - 1, 0, -1):
            for first in range(len(parts) - length + 1):
                some = parts[first : first + length]
                if covered.issuperset(some):
                    continue
                above = _number(self.words, "_".join(some), len(self.rank))
                above = -1 if above is None else int(self.canon[above])
                if above >= 0 and above != number and self.take(number, above, BY_NAME):
                    covered.update(some)


def _canonical(words: TagVocabulary, edits: TagEdits, size: int) -> npt.NDArray[np.int32]:
    """By number the tag that it is after the users' edits."""
    canon = np.arange(size, dtype=np.int32)
    for name in (*edits.alias, *edits.hidden):
        number = _number(words, name, size)
        if number is not None:
            target = edits.resolve(name)
            onto = None if target is None else _number(words, target, size)
            canon[number] = -1 if onto is None else onto
    return canon


def _number(words: TagVocabulary, name: str, size: int) -> int | None:
    number = words.find(name)
    return number if number is not None and number < size else None


def _company(
    tags: Rows, rows: Rows, df: npt.NDArray[np.int32], visible: npt.NDArray[np.bool_], rank: Ints
) -> Iterator[tuple[int, Sequence[int]]]:
    """(child, parents) by what stands together; (-1, ()) after each unit of work."""
    if not len(tags):
        return
    starts = np.searchsorted(tags, np.arange(len(df) + 1))
    order = _order(rows)
    by_row = tags[order]
    lengths = np.bincount(rows)
    row_starts = np.concatenate([[0], np.cumsum(lengths)])
    yield -1, ()
    children = np.flatnonzero((df >= _FEWEST) & (df <= _MOST) & visible)
    weight = np.add.reduceat(lengths[rows].astype(np.int64), starts[:-1][df > 0]) if len(rows) else np.zeros(0)
    cost = np.zeros(len(df), dtype=np.int64)
    cost[df > 0] = weight
    unit = np.cumsum(cost[children]) // _UNIT
    for part in np.split(children, np.flatnonzero(np.diff(unit)) + 1):
        place = _ranges(starts[part], df[part])
        child, row = tags[place], rows[place]
        many = lengths[row]
        other = by_row[_ranges(row_starts[row], many)]
        keys, counts = np.unique(np.repeat(child, many).astype(np.int64) << 32 | other, return_counts=True)
        child, other = keys >> 32, keys & 0xFFFFFFFF
        good = (counts >= SHARE * df[child]) & (rank[other] > rank[child]) & visible[other]
        child, other = child[good], other[good]
        # The narrowest of those above say most; what is above them is reached through them.
        by_child = np.lexsort((rank[other], child))
        child, other = child[by_child], other[by_child]
        for group in np.split(np.arange(len(child)), np.flatnonzero(np.diff(child)) + 1) if len(child) else ():
            yield int(child[group[0]]), other[group[:_PARENTS]].tolist()
        yield -1, ()


def _order(rows: Rows) -> Ints:
    """What puts rows in order, equal ones as they are: by their lower and then their upper half, in linear time."""
    order = np.argsort((rows & 0xFFFF).astype(np.uint16), kind="stable")
    upper = (rows >> 16).astype(np.uint16)
    placed: Ints = order[np.argsort(upper[order], kind="stable")] if upper.any() else order
    return placed


def _ranges(starts: npt.NDArray[np.integer], lengths: npt.NDArray[np.integer]) -> Ints:
    """start, start + 1, ... for each of some ranges, one after the other."""
    total = int(lengths.sum())
    shift = np.repeat(starts - np.concatenate([[0], np.cumsum(lengths)[:-1]]), lengths)
    places: Ints = np.arange(total, dtype=np.int64) + shift
    return places
