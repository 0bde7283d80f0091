"""From broad tags to narrow ones. An edge needs a tag of more episodes above one of fewer, so there are no circles.

Edges come from users, from language models, from names (`group` above `support_group`) and from company (four fifths of
the episodes of the narrow tag bear the broad one). A user's edge always stands: where it leads from a tag of few
episodes to one of more, the tag above counts as if it had more, and other edges give way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from agentctx.index.tag_postings import Keys, Rows, keys_of, split_keys
from agentctx.index.tag_vocabulary import MADE, TagVocabulary

if TYPE_CHECKING:
    import networkx as nx

    from agentctx.index.tags import TagIndex

BY_NAME, BY_COMPANY, BY_MODEL, BY_USER = range(4)

Ints = npt.NDArray[np.int64]


@dataclass(slots=True)
class TagGraph:
    """The tags of one version of an index. Tags go by number; several numbers may be one tag (`canon`)."""

    version: int
    edits: int  # of the users' edits
    words: TagVocabulary
    canon: npt.NDArray[np.int32]  # by number the tag that it belongs to, or -1 where it is out of sight
    df: npt.NDArray[np.int32]  # episodes by tag
    rank: Ints  # falls along every edge
    broader: npt.NDArray[np.int32]  # the edges, by narrower tag, ...
    narrower: npt.NDArray[np.int32]
    kind: npt.NDArray[np.uint8]
    rows: int
    _up: npt.NDArray[np.int64] = field(init=False)
    _down: npt.NDArray[np.int64] = field(init=False)
    _below: npt.NDArray[np.int32] = field(init=False)  # ... and again by broader tag
    _merged: dict[int, list[int]] = field(init=False)

    def __post_init__(self) -> None:
        size = len(self.canon)
        self._up = np.searchsorted(self.narrower, np.arange(size + 1))
        order = np.lexsort((-self.df[self.narrower], self.broader))
        self._below = self.narrower[order]
        self._down = np.searchsorted(self.broader[order], np.arange(size + 1))
        self._merged = {}
        for number in np.flatnonzero((self.canon != np.arange(size)) & (self.canon >= 0)).tolist():
            self._merged.setdefault(int(self.canon[number]), []).append(number)

    @property
    def tags(self) -> npt.NDArray[np.int64]:
        """The numbers of all tags that are there to be seen."""
        own = self.canon == np.arange(len(self.canon))
        return np.flatnonzero(own & ((self.df > 0) | (self.words.kinds.array[: len(own)] & MADE > 0)))

    def number(self, name: str) -> int | None:
        """The number of a tag of this very name."""
        number = self.words.find(name)
        return number if number is not None and number < len(self.canon) and self.canon[number] == number else None

    def members(self, name: str) -> list[int]:
        """All numbers that make up a tag."""
        number = self.number(name)
        return [] if number is None else [number, *self._merged.get(number, ())]

    def parts(self, number: int) -> list[int]:
        """All numbers that make up the tag of a number."""
        return [number, *self._merged.get(number, ())]

    def parents(self, number: int) -> list[int]:
        """The tags right above one."""
        parents: list[int] = self.broader[self._up[number] : self._up[number + 1]].tolist()
        return parents

    def children(self, number: int, most: int | None = None) -> list[int]:
        """The tags right below one, those of most episodes first, `most` of them at most."""
        end = self._down[number + 1]
        if most is not None:
            end = min(end, self._down[number] + most)
        children: list[int] = self._below[self._down[number] : end].tolist()
        return children

    def below(self, name: str, depth: int | None) -> list[str]:
        """A tag and those below it, down to a depth, nearest first and the most frequent first."""
        number = self.number(name)
        if number is None:
            return []
        seen = {number}
        level = [number]
        found = [number]
        while level and (depth is None or depth > 0):
            nearer = {child for one in level for child in self.children(one)} - seen
            level = sorted(nearer, key=lambda one: (-int(self.df[one]), one))
            seen |= nearer
            found += level
            depth = None if depth is None else depth - 1
        return [self.words.name(one) for one in found]

    def linked(self, broader: str, narrower: str) -> bool:
        """Whether one tag is right above another."""
        up, down = self.number(broader), self.number(narrower)
        return up is not None and down is not None and up in self.parents(down)

    def pairs(self, index: TagIndex) -> tuple[Rows, Rows]:
        """Every (tag, row) once, tags as this graph has them, by tag and then row."""
        parts = [keys_of(postings.arrays()) for postings in (index.derived, index.given, index.written)]
        return canonical_pairs(parts, self.canon)

    def to_networkx(self) -> nx.DiGraph[str]:
        """The graph by names, for export and for what networkx can do; up to some 100,000 tags."""
        import networkx as nx  # noqa: PLC0415 - 100 ms, and searches can do without

        graph: nx.DiGraph[str] = nx.DiGraph()
        names = {number: self.words.name(number) for number in self.tags.tolist()}
        graph.add_nodes_from((name, {"episodes": int(self.df[number])}) for number, name in names.items())
        for up, down in zip(self.broader.tolist(), self.narrower.tolist(), strict=True):
            graph.add_edge(names[up], names[down])
        return graph

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """What a snapshot keeps, by reference; nothing of it is ever written."""
        return {name: getattr(self, name) for name in ("canon", "df", "rank", "broader", "narrower", "kind")}

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        arrays = (self.canon, self.df, self.rank, self.broader, self.narrower, self.kind, self._up, self._down)
        return sum(one.nbytes for one in arrays) + self._below.nbytes

    def check_invariants(self) -> None:
        """Assert that the edges are between tags that can be seen and lead downwards. For tests."""
        tags = set(self.tags.tolist())
        assert set(self.broader.tolist()) <= tags
        assert set(self.narrower.tolist()) <= tags
        assert (self.rank[self.broader] > self.rank[self.narrower]).all()
        derived = self.kind < BY_USER
        assert (self.df[self.broader[derived]] > 0).all()
        import networkx as nx  # noqa: PLC0415

        assert nx.is_directed_acyclic_graph(self.to_networkx())


def canonical_pairs(parts: Sequence[Keys], canon: npt.NDArray[np.int32]) -> tuple[Rows, Rows]:
    """Every (tag, row) of some postings once, by tag and then row. `parts`: what `keys_of` gave."""
    parts = [part for part in parts if len(part)]
    keys = parts[0] if len(parts) == 1 else _distinct(np.concatenate(parts)) if parts else np.zeros(0, dtype=np.int64)
    keys = keys[: np.searchsorted(keys, len(canon) << 32)]  # the others came later
    if (canon != np.arange(len(canon))).any():
        tags = canon[keys >> 32].astype(np.int64)
        keys = _distinct((tags << 32 | keys & 0xFFFFFFFF)[tags >= 0])
    return split_keys(keys)


def _distinct(keys: Keys) -> Keys:
    """Each key once, ascending: `numpy.unique`, which would keep other threads waiting for as long as it takes."""
    keys = np.sort(keys, kind="stable")  # some runs in order: merged in one pass
    first = np.ones(len(keys), dtype=np.bool_)
    np.not_equal(keys[1:], keys[:-1], out=first[1:])
    return keys[first]
