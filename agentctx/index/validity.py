"""Which rows hold true at a moment or in a span: intervals in B-trees, for the few rows that have bounds at all.

Rows that are open on both sides are not in here: they hold true always, and most are such. The others are kept by
level, as in a Relational Interval Tree: over the binary tree of all 64-bit moments, an interval belongs to the highest
node that it contains, and the height of that node is its level. At one level the nodes do not overlap, so one end of
an interval says all there is to say about a moment within reach of its node, and each level is two ordered trees. There
are 64 levels whatever the number of rows, they never need to be balanced, and empty ones are skipped.

Whoever applies the log calls `extend` for rows that are added, and `set` for one that changes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from agentctx.index.moment_tree import FIRST, LAST, MomentTree, Rows

_OPEN_BELOW = -LAST  # what columns hold where an interval has no start, and LAST where it has no end
_BIAS = 2**63


class ValidityIndex:
    """Rows by [valid_from, valid_to) in microseconds; ±(2^63 - 1) stands for an open side. Not thread-safe."""

    def __init__(self) -> None:
        self._spans: dict[int, tuple[int, int]] = {}
        self._starts: dict[int, MomentTree] = {}  # by level
        self._lasts: dict[int, MomentTree] = {}  # by level; the last moment that is still in
        self._never: set[int] = set()  # rows whose interval is empty

    @classmethod
    def of(cls, valid_from: npt.NDArray[Any], valid_to: npt.NDArray[Any]) -> Self:
        """One over whole columns. O(n), and O(log n) for each row with a bound."""
        index = cls()
        index.extend(0, valid_from, valid_to)
        return index

    def extend(self, first: int, valid_from: npt.NDArray[Any], valid_to: npt.NDArray[Any]) -> None:
        """The bounds of rows `first`, `first + 1`, ...: O(rows), and O(log n) for each that has one."""
        bounded = np.flatnonzero((valid_from > _OPEN_BELOW) | (valid_to < LAST))
        starts, ends = valid_from[bounded].tolist(), valid_to[bounded].tolist()
        for place, start, end in zip(bounded.tolist(), starts, ends, strict=True):
            self.set(first + place, start, end)

    def __len__(self) -> int:
        """How many rows have a bound."""
        return len(self._spans)

    def set(self, row: int, start: int, end: int) -> None:
        """A row holds true in [start, end) from now on, whatever was said of it before. O(log n)."""
        before = self._spans.get(row)
        if before == (start, end):
            return
        if before is not None:
            del self._spans[row]
            self._forget(row, *before)
        if start <= _OPEN_BELOW and end >= LAST:
            return
        self._spans[row] = (start, end)
        if start >= end:
            self._never.add(row)
            return
        level = _level(start, end - 1)
        self._starts.setdefault(level, MomentTree()).add(start, row)
        self._lasts.setdefault(level, MomentTree()).add(end - 1, row)

    def _forget(self, row: int, start: int, end: int) -> None:
        if start >= end:
            self._never.discard(row)
            return
        level = _level(start, end - 1)
        self._starts[level].remove(start, row)
        self._lasts[level].remove(end - 1, row)
        if not self._starts[level]:
            del self._starts[level], self._lasts[level]

    # --- questions: about rows with a bound; those without are in every answer but `outside` -------------------------

    def valid_at(self, moment: int) -> Rows:
        """The rows with a bound that hold true at a moment, in no order. O(log n + r)."""
        return self.overlapping(moment, moment + 1)

    def overlapping(self, start: int, end: int) -> Rows:
        """The rows with a bound that hold true at some moment of [start, end), in no order. O(log n + r)."""
        return _joined(self._overlapping(max(start, FIRST), min(end, LAST))) if start < end else _joined(())

    def outside(self, start: int, end: int) -> Rows:
        """The rows with a bound that hold true at no moment of [start, end): what to take away. O(log n + r)."""
        if start >= end:
            return np.fromiter(self._spans, np.int32, len(self._spans))
        never = np.fromiter(self._never, np.int32, len(self._never))
        return _joined((never, *self._outside(max(start, FIRST), min(end, LAST))))

    def _overlapping(self, start: int, end: int) -> Iterator[Rows]:
        for level, starts in self._starts.items():
            bottom, node, top = _node(start, level)
            if (
                start < node
            ):  # whatever of this node has begun by then holds the moment, and later ones begin in the span
                yield starts.rows(max(bottom, FIRST), end)
                continue
            yield self._lasts[level].items(start, min(top, LAST), last=top > LAST)[1]
            if start < LAST:
                yield starts.rows(start + 1, end)

    def _outside(self, start: int, end: int) -> Iterator[Rows]:
        for level, starts in self._starts.items():
            yield self._lasts[level].rows(FIRST, start)
            yield starts.items(end, LAST, last=True)[1]

    # --- memory -------------------------------------------------------------------------------------------------------

    @property
    def nbytes(self) -> int:
        """About how many bytes are held."""
        trees = sum(tree.nbytes for trees in (self._starts, self._lasts) for tree in trees.values())
        return trees + 250 * len(self._spans) + 64 * len(self._never)

    def check_invariants(self, rows: Mapping[int, tuple[int, int]] | None = None) -> None:
        """Assert that the trees say what the spans say, and these what `rows` says. For tests."""
        if rows is not None:
            assert self._spans == {row: span for row, span in rows.items() if span != (_OPEN_BELOW, LAST)}
        assert self._starts.keys() == self._lasts.keys()
        told: dict[int, tuple[int, int]] = {}
        for level, starts in self._starts.items():
            starts.check_invariants()
            self._lasts[level].check_invariants()
            lasts = {row: last for last, row in zip(*_lists(self._lasts[level]), strict=True)}
            for start, row in zip(*_lists(starts), strict=True):
                assert _level(start, lasts[row]) == level
                told[row] = (start, lasts[row] + 1)
        assert self._never == {row for row, (start, end) in self._spans.items() if start >= end}
        assert told == {row: span for row, span in self._spans.items() if row not in self._never}


def _level(first: int, last: int) -> int:
    """The height of the highest node between two moments, both in."""
    return max((first + _BIAS ^ last + _BIAS).bit_length() - 1, 0)


def _node(moment: int, level: int) -> tuple[int, int, int]:
    """The node of a level whose reach holds a moment: where the reach begins, the node itself, and where it ends."""
    bottom = (moment + _BIAS >> level + 1 << level + 1) - _BIAS
    return bottom, bottom + (1 << level), bottom + (2 << level)


def _joined(found: Iterator[Rows] | tuple[Rows, ...]) -> Rows:
    parts = [rows for rows in found if len(rows)]
    return np.concatenate(parts) if parts else np.zeros(0, dtype=np.int32)


def _lists(tree: MomentTree) -> tuple[list[int], list[int]]:
    moments, rows = tree.items(last=True)
    return moments.tolist(), rows.tolist()
