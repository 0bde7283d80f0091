"""The vectors of one namespace: exact scores of chosen rows, and the rows nearest to a query.

A vector is held as 16-bit whole numbers with one scale a row (two bytes a number, as exact as what the store keeps,
and turned to floats five times as fast), and as a short code (`codes.py`). Rows that a layout covers lie in its
order, the rest, the tail, in log order. docs/consolidation.md has the measurements behind these choices.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from time import perf_counter
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

from agentctx import kernels
from agentctx.index.codes import Aim, Coder, Codes, Floats, words_for
from agentctx.index.highest import Nearest, highest
from agentctx.index.layout import Layout, Places
from agentctx.index.vector_rows import GrowingRows, Runs, VectorRows

EXACT: Final = 4_096
"""Up to so many rows, looking at each vector is cheaper than choosing by codes."""
_LOOK: Final = 4.0  # codes looked at: so many times the number of rows to the power of 3/4
_LEAST_LOOK: Final = 16_384
_RERANK: Final = 8  # rows scored exactly for each one asked for
_LEAST_RERANK: Final = 1_024
_UNIT: Final = 512  # rows moved in one go by `relaid`: well below two milliseconds

Rows = npt.NDArray[np.int64]
_NONE: Final = np.empty(0, dtype=np.int64)
_WHOLE: Final = 32_768
"""Up to so many rows, looking at each code is cheaper than choosing cells."""


class VectorIndex:
    """Vectors by row, rows numbered in log order and never removed. The owner locks.

    A search that took hold of an index may go on with it while a newer layout is put in its place.
    """

    def __init__(self, dimensions: int) -> None:
        self.dimensions = dimensions
        self._layout: Layout | None = None
        self._base = VectorRows.empty(dimensions)
        self._tail = GrowingRows(dimensions)
        self._coder: Coder | None = None  # none while looking at every vector is cheaper
        self._cell_codes: Codes | None = None  # made at the first need
        self.lost = 0.0
        """Seconds that searches have spent on codes that a layout of all rows would have let them pass over."""

    def __len__(self) -> int:
        return len(self._base) + len(self._tail)

    @property
    def layout(self) -> Layout | None:
        """The order that the first rows lie in; None while all are in log order."""
        return self._layout

    @property
    def _place(self) -> Places | None:
        """The place of each row that has one of its own."""
        return None if self._layout is None else self._layout.place

    @property
    def tail(self) -> int:
        """How many rows no layout covers."""
        return len(self) - (len(self._layout) if self._layout is not None else 0)

    @property
    def nbytes(self) -> int:
        """Bytes held, memory maps included."""
        return self._base.nbytes + self._tail.nbytes + (self._layout.nbytes if self._layout is not None else 0)

    # --- writing ------------------------------------------------------------------------------------------------------

    def extend(self, vectors: npt.NDArray[np.floating[Any]]) -> None:
        """Append one row a vector; a vector of zeros stands for none. O(rows), amortised."""
        if not len(vectors):
            return
        self._tail.extend(np.asarray(vectors, dtype=np.float32))
        self._encode()

    def _encode(self) -> None:
        """Give the rows of the tail that lack one their code."""
        if self._coder is None:
            if len(self) <= EXACT:
                return
            self._coder = Coder(self._tail.rows.take(np.arange(EXACT)).mean(axis=0))
        self._tail.encode(self._coder)

    # --- reading ------------------------------------------------------------------------------------------------------

    def score(self, rows: npt.NDArray[np.integer], query: Floats) -> Floats:
        """The inner product of `query` with each of some rows; a row's does not depend on the others asked for."""
        query = np.ascontiguousarray(query, dtype=np.float32)
        size = len(self._base)
        native = kernels.compiled
        if native is not None:
            base, tail, found = self._base, self._tail.rows, np.empty(len(rows), dtype=np.float32)
            native.score_rows(base.fixed, tail.fixed, base.scale, tail.scale, self._place, rows, query, found)
            return found
        if not size:
            return self._tail.rows.score(rows, query)
        places = rows if self._layout is None else self._layout.place.take(rows, mode="clip")
        newer = rows >= size
        if not newer.any():
            return self._base.score(places, query)
        found = np.empty(len(rows), dtype=np.float32)
        found[newer] = self._tail.rows.score(rows[newer] - size, query)
        found[~newer] = self._base.score(places[~newer], query)
        return found

    def score_all(self, query: Floats) -> Floats:
        """`score` of every row."""
        if kernels.compiled is not None:
            return self.score(np.arange(len(self)), query)
        query = np.ascontiguousarray(query, dtype=np.float32)
        found = np.empty(len(self), dtype=np.float32)
        base = self._base.score_range(0, len(self._base), query)
        if self._layout is None:
            found[: len(base)] = base
        else:
            found[self._layout.order] = base
        found[len(base) :] = self._tail.rows.score_range(0, len(self._tail), query)
        return found

    def look(self, among: int) -> float:
        """What share of the codes to look at to find the rows near to a query if so many are eligible."""
        return min(1.0, max(int(_LOOK * among**0.75), _LEAST_LOOK) / max(among, 1))

    @property
    def whole(self) -> bool:
        """Whether looking at all codes, or vectors, is as good as choosing where to look."""
        return self._coder is None or self._layout is None or len(self) <= _WHOLE

    def estimate_all(self, query: Floats) -> Floats:
        """About `score` of every row, by the codes where there are any."""
        query = np.ascontiguousarray(query, dtype=np.float32)
        if self._coder is None:
            return self.score_all(query)
        return self._estimate_all(self._coder.aim(query))

    def _estimate_all(self, aim: Aim) -> Floats:
        """About `score` of every row, by its code."""
        found, size, native = np.empty(len(self), dtype=np.float32), len(self._base), kernels.compiled
        if native is not None:
            order = None if self._layout is None else self._layout.order
            native.estimate_all(self._base.codes, order, found[:size], aim.signs, aim.says, aim.same)
            native.estimate_all(self._tail.codes, None, found[size:], aim.signs, aim.says, aim.same)
            return found
        found[slice(size) if self._layout is None else self._layout.order] = aim.estimate(self._base.codes)
        found[size:] = aim.estimate(self._tail.codes)
        return found

    def estimate(self, rows: npt.NDArray[np.integer], query: Floats) -> Floats:
        """About `score` of some rows, by the codes where there are any."""
        query = np.ascontiguousarray(query, dtype=np.float32)
        if self._coder is None:
            return self.score(rows, query)
        aim, size = self._coder.aim(query), len(self._base)
        native = kernels.compiled
        if native is not None:
            found, told = np.empty(len(rows), dtype=np.float32), (aim.signs, aim.says, aim.same)
            native.estimate_rows(self._base.codes, self._tail.codes, self._place, rows, found, *told)
            return found
        places = rows if self._layout is None else self._layout.place.take(rows, mode="clip")
        if not len(self._tail):
            return aim.estimate(self._base.codes, places)
        found = np.empty(len(rows), dtype=np.float32)
        newer = rows >= size
        found[newer] = aim.estimate(self._tail.rows.codes, rows[newer] - size)
        if size:
            found[~newer] = aim.estimate(self._base.codes, places[~newer])
        return found

    def like(self, query: Floats, share: float) -> tuple[npt.NDArray[np.integer[Any]], Floats]:
        """About a share of the rows, in the cells most like `query`, and all that no layout covers.

        Beside the rows, in no order, about the `score` of each, by its code; all rows where there are no codes.
        """
        query = np.ascontiguousarray(query, dtype=np.float32)
        if self._coder is None:
            return np.arange(len(self)), self.score_all(query)
        began = perf_counter()
        aim, size = self._coder.aim(query), len(self._base)
        rows: npt.NDArray[np.integer[Any]]
        if self._layout is None:
            rows, estimate = np.arange(len(self)), self._estimate_all(aim)
        elif kernels.compiled is not None:
            rows, estimate = self._estimate_like(aim, int(share * size))
        else:
            places = self._layout.places(self._cells_like(aim, int(share * size)))
            rows = np.concatenate((self._layout.order.take(places), np.arange(size, len(self))))
            estimate = np.concatenate((aim.estimate(self._base.codes, places), aim.estimate(self._tail.codes)))
        self.lost += (perf_counter() - began) * max(0.0, 1 - share * len(self) / max(len(rows), 1))
        return rows, estimate

    def _estimate_like(self, aim: Aim, wanted: int) -> tuple[npt.NDArray[np.int32], Floats]:
        """The rows of the cells most like a query, and of the tail, with what their codes tell."""
        layout, native = self._layout, kernels.compiled
        assert layout is not None
        assert native is not None
        codes, cells = self._codes_of_cells(), np.empty(layout.cells, dtype=np.int64)
        told = aim.signs, aim.says, aim.same
        chosen, held = native.choose_cells(codes, layout.cell_offsets, cells, *told, wanted)
        rows = np.empty(held + len(self._tail), dtype=np.int32)
        found = np.empty(len(rows), dtype=np.float32)
        held_codes = self._base.codes, self._tail.codes
        native.estimate_cells(*held_codes, cells[:chosen], layout.cell_offsets, layout.order, rows, found, *told)
        return rows, found

    def _cells_like(self, aim: Aim, wanted: int) -> npt.NDArray[np.intp]:
        """The cells most like a query that hold at least `wanted` rows together, by their centroids' codes."""
        layout = self._layout
        assert layout is not None
        best = (-aim.estimate(self._codes_of_cells())).argsort(kind="stable")
        sizes = np.diff(layout.cell_offsets).take(best)
        return best[: int(sizes.cumsum().searchsorted(wanted)) + 1]

    def _codes_of_cells(self) -> Codes:
        """The codes of the cells' centroids, made at the first need."""
        if self._cell_codes is None:
            assert self._layout is not None
            assert self._coder is not None
            self._cell_codes = self._coder.encode(self._layout.cell_centroids)
        return self._cell_codes

    def vectors(self, rows: npt.NDArray[np.integer]) -> Floats:
        """The vectors of some rows, as they are held."""
        fixed, scale = self._held(rows)
        found: Floats = fixed.astype(np.float32)
        found *= scale[:, None]
        return found

    def _held(self, rows: npt.NDArray[np.integer]) -> tuple[npt.NDArray[np.int16], Floats]:
        """What is held of some rows. Rows that were there before may be read while others are appended."""
        base, tail = self._base, self._tail.rows
        places = rows if self._layout is None else self._layout.place.take(rows, mode="clip")
        newer = rows >= len(base)
        if not newer.any():
            return base.fixed.take(places, axis=0), base.scale.take(places)
        if newer.all():
            return tail.fixed.take(rows - len(base), axis=0), tail.scale.take(rows - len(base))
        fixed = base.fixed.take(places, axis=0, mode="clip")
        scale = base.scale.take(places, mode="clip")
        fixed[newer], scale[newer] = tail.fixed[rows[newer] - len(base)], tail.scale[rows[newer] - len(base)]
        return fixed, scale

    def nearest(
        self,
        query: Floats,
        n: int,
        *,
        eligible: npt.NDArray[np.bool_] | None = None,
        look: int | None = None,
        rerank: int | None = None,
    ) -> Nearest:
        """The `n` rows of the highest inner product with `query`, approximately; equal ones in log order.

        eligible: the rows to choose from, by row. look: codes to look at, at least; by default some that the size of
        the index decides. rerank: rows to score exactly. Exact among few rows.
        """
        query = np.ascontiguousarray(query, dtype=np.float32)
        among = len(self) if eligible is None else int(np.count_nonzero(eligible))
        if not among or n <= 0:
            return Nearest(np.empty(0, np.int64), np.empty(0, np.float32), 0, 0, 0)
        coder = self._coder
        if coder is None or among <= EXACT:
            rows = np.arange(len(self)) if eligible is None else np.flatnonzero(eligible)
            return self._best(query, n, rows, 0, 0)
        wanted = max(_RERANK * n, _LEAST_RERANK) if rerank is None else max(n, rerank)
        aim = max(int(_LOOK * among**0.75), _LEAST_LOOK, wanted) if look is None else look
        share = min(1.0, aim / among)
        aim_at = coder.aim(query)
        runs, cells = self._probe(query, share)
        began = perf_counter()
        found: list[tuple[Rows, Floats]] = []
        codes = 0
        tail = self._tail.rows
        for source, places, first in ((self._base, runs, 0), (tail, [(0, len(tail))], len(self._base))):
            rows = self._rows_at(places, first)
            codes += len(rows)
            if len(rows):
                estimate = aim_at.estimate(source.coded(places))
                if eligible is not None:
                    allowed = np.flatnonzero(eligible.take(rows))
                    rows, estimate = rows[allowed], estimate[allowed]
                found.append(highest(rows, estimate, wanted))
        self.lost += (perf_counter() - began) * max(0.0, 1 - share * len(self) / codes)
        rows, estimate = (np.concatenate(both) for both in zip(*found, strict=True))
        if len(rows) < min(n, among):  # what is eligible lies elsewhere
            return self.nearest(query, n, eligible=eligible, look=among, rerank=rerank)
        return self._best(query, n, highest(rows, estimate, wanted)[0], codes, cells)

    def _probe(self, query: Floats, share: float) -> tuple[Runs, int]:
        """The places of the base to look at, about a share of them, and the number of cells that they make up."""
        layout, size = self._layout, len(self._base)
        if layout is None or share >= 1:
            return [(0, size)] if size else [], layout.cells if layout is not None else 0
        cells = layout.probe(query, int(share * size))
        return layout.runs(cells), len(cells)

    def _rows_at(self, places: Runs, first: int) -> Rows:
        """The rows at some runs of places of the base, or of the tail, whose first row is `first`."""
        parts: list[npt.NDArray[np.integer]]
        if first or self._layout is None:
            parts = [np.arange(first + begin, first + end) for begin, end in places]
        else:
            parts = [self._layout.order[begin:end] for begin, end in places]
        return np.concatenate(parts).astype(np.int64, copy=False) if parts else _NONE

    def _best(self, query: Floats, n: int, rows: Rows, codes: int, cells: int) -> Nearest:
        rows = np.sort(rows)
        scores = self.score(rows, query)
        top, best = highest(rows, scores, n)
        order = np.lexsort((top, -best))[:n]
        return Nearest(top[order], best[order], codes, len(rows), cells)

    # --- snapshots and layouts ----------------------------------------------------------------------------------------

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """What `restore` needs, by reference: later rows do not change it."""
        arrays: dict[str, npt.NDArray[Any]] = {"width": np.array([self.dimensions])}
        for prefix, rows in (("base.", self._base), ("tail.", self._tail.rows)):
            if len(rows):
                arrays |= {f"{prefix}{name}": array for name, array in rows.arrays().items()}
        if self._coder is not None:
            arrays["centre"] = self._coder.centre
        if self._layout is not None:
            arrays |= self._layout.arrays()
        return arrays

    @classmethod
    def restore(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> Self:
        """The index that gave `arrays`, which may be read-only: only what has no layout yet is copied, if little."""
        index = cls(int(arrays["width"][0]))
        index._layout = Layout.restore(arrays)
        if "centre" in arrays:
            index._coder = Coder(np.array(arrays["centre"]))
        tail = VectorRows.restore(arrays, "tail.") if "tail.fixed" in arrays else None
        if "base.fixed" in arrays:
            index._base = VectorRows.restore(arrays, "base.")
        elif tail is not None and index._coder is not None:
            index._base, tail = tail, None
        if tail is not None:
            index._tail = GrowingRows.of(tail)
        return index

    def relaid(self, layout: Layout) -> Generator[None, None, VectorIndex]:
        """Build the same index in another order beside this one; yields after each small unit of the work.

        What it returns lacks the rows that the layout does not cover; `catch_up` brings those.
        """
        size = len(layout)
        fresh = VectorIndex(self.dimensions)
        total = np.zeros(self.dimensions)
        for first in range(0, size, _UNIT):
            total += self.vectors(np.arange(first, min(first + _UNIT, size))).sum(axis=0, dtype=np.float64)
            yield
        coder = Coder((total / max(size, 1)).astype(np.float32))
        base = VectorRows.empty(self.dimensions, size)
        for first in range(0, size, _UNIT):
            end = min(first + _UNIT, size)
            base.fixed[first:end], base.scale[first:end] = self._held(layout.order[first:end])
            base.encode(first, end, coder)
            yield
        fresh._layout, fresh._base, fresh._coder = layout, base, coder
        return fresh

    def catch_up(self, newer: VectorIndex, most: int) -> bool:
        """Take up to `most` of the rows that `newer` holds beyond this one's; True when none is left."""
        first, end = len(self), min(len(self) + most, len(newer))
        if first < end:
            self._tail.extend_held(*newer._held(np.arange(first, end)))
            self._encode()
        return end == len(newer)

    def check_invariants(self) -> None:
        """Assert that every row is held once, with the code that its vector has. For tests."""
        for rows in (self._base, self._tail.rows):
            coded = 0 if self._coder is None else len(rows)
            assert rows.scale.shape == (len(rows),)
            assert rows.codes.shape == (words_for(self.dimensions), coded)
            if self._coder is not None and coded:
                codes = self._coder.encode(rows.take(np.arange(coded)))
                assert np.array_equal(codes[:-1], rows.codes[:-1])
                numbers = np.ascontiguousarray(rows.codes[-1]).view(np.float32)
                assert np.allclose(codes[-1].view(np.float32), numbers, atol=1e-5)
        if self._layout is not None:
            self._layout.check_invariants()
            assert len(self._layout) == len(self._base)
            assert self._coder is not None
