"""The tags of a namespace as they were at one moment, and the rows of each, for work that takes its time."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from agentctx.index.tag_graph import TagGraph

Keys = npt.NDArray[np.int64]
Arrays = Mapping[str, npt.NDArray[Any]]


class KnownTags:
    """Tags by number, as `topics` and `duplicates` want them."""

    def __init__(self, graph: TagGraph, offsets: Keys, rows: npt.NDArray[np.int32]) -> None:
        self._graph = graph
        self._offsets = offsets
        self._rows = rows

    def numbers(self) -> Keys:
        """The tags."""
        return self._graph.tags

    def sizes(self) -> Keys:
        """By number how many episodes bear a tag."""
        return np.diff(self._offsets)

    def rows(self, number: int) -> npt.NDArray[np.int32]:
        """The rows that bear a tag, ascending."""
        return self._rows[self._offsets[number] : self._offsets[number + 1]]

    def name(self, number: int) -> str:
        """What it is called."""
        return self._graph.words.name(number)

    def kind(self, number: int) -> int:
        """Who made it (`index.tag_vocabulary`)."""
        return int(self._graph.words.kinds.array[number])

    def above(self, number: int) -> list[int]:
        """The tags right above it."""
        return self._graph.parents(number)


def known_tags(graph: TagGraph, postings: Sequence[Arrays]) -> Generator[None, None, KnownTags]:
    """The tags of a graph with their rows. `postings`: what `TagPostings.arrays` gave, held while it was locked."""
    size = len(graph.canon)
    parts: list[Keys] = []
    for arrays in postings:
        keys = _keys(arrays)
        yield
        tags = keys >> 32
        keys = keys[tags < size]
        canon = graph.canon[keys >> 32].astype(np.int64)
        parts.append((canon << 32 | keys & 0xFFFFFFFF)[canon >= 0])
        yield
    keys = np.unique(np.concatenate(parts))
    yield
    offsets = np.searchsorted(keys, np.arange(size + 1, dtype=np.int64) << 32)
    yield
    return KnownTags(graph, offsets, (keys & 0xFFFFFFFF).astype(np.int32))


def _keys(arrays: Arrays) -> Keys:
    """Every (tag, row) as one number: the frozen pairs, and what came and went since."""
    offsets, base, since = arrays["offsets"], arrays["base"], arrays["pairs"]
    held: Keys = np.repeat(np.arange(len(offsets) - 1, dtype=np.int64), np.diff(offsets)) << 32 | base
    if not len(since):
        return held
    gone = since[:, 1] < 0
    keys = since[:, 0].astype(np.int64) << 32 | np.where(gone, ~since[:, 1], since[:, 1])
    last, place = np.unique(keys[::-1], return_index=True)  # the last word on each pair
    left = gone[::-1][place]
    if left.any():
        held = held[~np.isin(held, last[left])]
    return np.concatenate((held, last[~left]))
