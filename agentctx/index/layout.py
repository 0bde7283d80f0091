"""In which order vectors lie in memory: cluster by cluster, within it cell by cell, and there in log order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.int64]
Places = npt.NDArray[np.int32]
_PREFIX: Final = "layout."
_STORED: Final = ("order", "cell_offsets", "cell_centroids", "cluster_cells", "cluster_centroids")
_FEW: Final = 2_048  # cells, which are compared without choosing clusters before
_WIDER: Final = 3  # clusters are looked into that hold so many times the rows that are wanted


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Layout:
    """An order of the rows 0 to n - 1 in which every cluster is one contiguous block. Immutable.

    A cluster is a topic, some hundred rows or more; a cell is a part of it, small enough to be worth choosing by
    itself. Rows that came after a layout was made are not in it; they are the tail of the index that uses it.
    """

    order: Places
    """The row at each place."""
    cell_offsets: Numbers
    """Where each cell begins, and at the end where the last one ends."""
    cell_centroids: Floats
    """What each cell's vectors have in common, of unit length."""
    cluster_cells: Numbers
    """The first cell of each cluster, and at the end the number of cells."""
    cluster_centroids: Floats
    """What each cluster's vectors have in common, of unit length."""
    place: Places = field(default_factory=lambda: np.empty(0, dtype=np.int32))
    """The place of each row; made of `order` where it is not given."""

    def __post_init__(self) -> None:
        if len(self.place) != len(self.order):
            place = np.empty(len(self.order), dtype=np.int32)
            place[self.order] = np.arange(len(self.order), dtype=np.int32)
            object.__setattr__(self, "place", place)

    def __len__(self) -> int:
        return len(self.order)

    @property
    def cells(self) -> int:
        """How many cells there are."""
        return len(self.cell_offsets) - 1

    @property
    def clusters(self) -> int:
        """How many clusters there are."""
        return len(self.cluster_cells) - 1

    @property
    def cluster_offsets(self) -> Numbers:
        """Where each cluster begins, and at the end where the last one ends."""
        return self.cell_offsets[self.cluster_cells]

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self.place.nbytes + sum(array.nbytes for array in self.arrays().values())

    def cluster_of(self, rows: npt.NDArray[np.integer]) -> Numbers:
        """The cluster of each of some rows."""
        found: Numbers = np.searchsorted(self.cluster_offsets, self.place[rows], side="right") - 1
        return found

    def probe(self, query: Floats, wanted: int) -> npt.NDArray[np.integer]:
        """The cells most like `query` that hold at least `wanted` rows together."""
        if self.cells <= _FEW:
            return _most_like(query, self.cell_centroids, np.diff(self.cell_offsets), wanted)
        best = _most_like(query, self.cluster_centroids, np.diff(self.cluster_offsets), _WIDER * wanted)
        first, many = self.cluster_cells[best], self.cluster_cells[best + 1] - self.cluster_cells[best]
        cells = np.repeat(first + many - np.cumsum(many), many) + np.arange(many.sum())
        sizes = self.cell_offsets[cells + 1] - self.cell_offsets[cells]
        return cells[_most_like(query, self.cell_centroids[cells], sizes, wanted)]

    def places(self, cells: npt.NDArray[np.integer]) -> npt.NDArray[np.intp]:
        """The places of some cells, in ascending order."""
        cells = np.sort(cells)
        begins = self.cell_offsets.take(cells)
        sizes = self.cell_offsets.take(cells + 1) - begins
        places: npt.NDArray[np.intp] = (begins - sizes.cumsum() + sizes).repeat(sizes)
        places += np.arange(len(places))
        return places

    def runs(self, cells: npt.NDArray[np.integer]) -> list[tuple[int, int]]:
        """The places of some cells as (first, end), in ascending order, neighbouring blocks joined."""
        cells = np.sort(cells)
        breaks = np.flatnonzero(np.diff(cells) > 1)
        first = self.cell_offsets[cells[np.concatenate(([0], breaks + 1))]]
        end = self.cell_offsets[cells[np.concatenate((breaks, [len(cells) - 1]))] + 1]
        return list(zip(first.tolist(), end.tolist(), strict=True))

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """What `restore` needs."""
        return {f"{_PREFIX}{name}": getattr(self, name) for name in _STORED}

    @classmethod
    def restore(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> Self | None:
        """The layout that `arrays` hold, which may be read-only; None if they hold none."""
        if f"{_PREFIX}order" not in arrays:
            return None
        return cls(*(arrays[f"{_PREFIX}{name}"] for name in _STORED))

    def check_invariants(self) -> None:
        """Assert that every row has one place, every place one cell and every cell one cluster. For tests."""
        size = len(self.order)
        assert np.array_equal(np.sort(self.order), np.arange(size))
        assert np.array_equal(self.order[self.place], np.arange(size))
        for offsets, end in ((self.cell_offsets, size), (self.cluster_cells, self.cells)):
            assert offsets[0] == 0
            assert offsets[-1] == end
            assert (np.diff(offsets) > 0).all()
        assert len(self.cell_centroids) == self.cells
        assert len(self.cluster_centroids) == self.clusters
        for first, end in zip(self.cell_offsets[:-1].tolist(), self.cell_offsets[1:].tolist(), strict=True):
            assert (np.diff(self.order[first:end]) > 0).all()


def _most_like(query: Floats, centroids: Floats, sizes: Numbers, wanted: int) -> npt.NDArray[np.intp]:
    """The groups most like `query`, the best first, until they hold `wanted` rows together."""
    best = np.argsort(-np.vecdot(centroids, query))
    return best[: int(np.searchsorted(np.cumsum(sizes[best]), wanted)) + 1]
