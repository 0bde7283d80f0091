"""A directed multigraph with labelled edges as CSR arrays, both ways, and personalised PageRank over it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

Places = npt.NDArray[np.int32]
Offsets = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_STORED: Final = ("starts", "sources", "targets", "kinds", "rungs", "confidences", "lines", "in_starts", "in_edges")


@dataclass(frozen=True, slots=True, eq=False)
class Graph:
    """Nodes 0 to n - 1. Immutable; the arrays may be read-only memory maps.

    Edges are sorted by source, and of one source as they were given: those that leave node i are starts[i] to
    starts[i+1]. The edges that reach i are in_edges[in_starts[i]:in_starts[i+1]], ascending. kinds and rungs are codes
    of the caller's.
    """

    starts: Offsets
    sources: Places
    targets: Places
    kinds: npt.NDArray[np.uint8]
    rungs: npt.NDArray[np.uint8]
    confidences: npt.NDArray[np.float32]
    lines: Places
    in_starts: Offsets
    in_edges: Places

    @classmethod
    def build(
        cls,
        nodes: int,
        sources: Places,
        targets: Places,
        kinds: npt.NDArray[np.uint8],
        rungs: npt.NDArray[np.uint8],
        confidences: npt.NDArray[np.float32],
        lines: Places,
    ) -> Self:
        """From edges in any order; those of one source stay in theirs. O(n log n) in C, O(n) where they are sorted."""
        order = _order(sources)
        sources, targets = sources[order], targets[order]
        return cls(
            _offsets(sources, nodes), sources, targets, kinds[order], rungs[order], confidences[order], lines[order],
            _offsets(targets, nodes), _order(targets).astype(np.int32),
        )  # fmt: skip

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def edges(self) -> int:
        """How many edges there are."""
        return len(self.sources)

    def leaving(self, node: int) -> Places:
        """The edges out of a node, ascending."""
        return np.arange(self.starts[node], self.starts[node + 1], dtype=np.int32)

    def reaching(self, node: int) -> Places:
        """The edges into a node, ascending."""
        return self.in_edges[self.in_starts[node] : self.in_starts[node + 1]]

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """What `restore` needs."""
        return {name: getattr(self, name) for name in _STORED}

    @classmethod
    def restore(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> Self:
        """From `arrays`."""
        return cls(*(arrays[name] for name in _STORED))

    def check_invariants(self) -> None:
        """Assert that both directions hold the same edges. For tests."""
        nodes = len(self)
        assert np.array_equal(self.starts, _offsets(self.sources, nodes))
        assert np.array_equal(self.in_starts, _offsets(self.targets, nodes))
        assert np.array_equal(np.sort(self.in_edges), np.arange(self.edges))
        assert (np.diff(self.targets[self.in_edges]) >= 0).all()
        assert (np.diff(self.sources) >= 0).all()
        if self.edges:
            assert min(self.sources.min(), self.targets.min()) >= 0
            assert max(self.sources.max(), self.targets.max()) < nodes


def _order(places: Places) -> npt.NDArray[np.int64]:
    """As a stable argsort, which is slower than sorting numbers that carry their place."""
    size = max(len(places), 1)
    return np.sort(places.astype(np.int64) * size + np.arange(len(places))) % size


def _offsets(places: Places, nodes: int) -> Offsets:
    found = np.zeros(nodes + 1, dtype=np.int64)
    np.cumsum(np.bincount(places, minlength=nodes), out=found[1:])
    return found


def pagerank(
    nodes: int,
    sources: npt.NDArray[np.integer[Any]],
    targets: npt.NDArray[np.integer[Any]],
    weights: Floats,
    start: Floats | None = None,
    *,
    damping: float = 0.85,
    rounds: int = 60,
    tolerance: float = 1e-6,
) -> Floats:
    """The share of time that a walk along weighted edges spends at each node; it starts again at `start` (default:
    anywhere), and from nodes without an edge. Sums to 1. Stops when a round changes less than `tolerance` in all.
    """
    if not nodes:
        return np.zeros(0)
    begin = np.full(nodes, 1 / nodes) if start is None or not start.sum() else start / start.sum()
    out = np.bincount(sources, weights=weights, minlength=nodes)
    dangling = out == 0
    share = weights / np.where(dangling, 1, out)[sources]
    rank = begin
    for _ in range(rounds):
        moved = np.bincount(targets, weights=rank[sources] * share, minlength=nodes)
        new = damping * (moved + rank[dangling].sum() * begin) + (1 - damping) * begin
        done = np.abs(new - rank).sum() < tolerance
        rank = new
        if done:
            break
    return rank
