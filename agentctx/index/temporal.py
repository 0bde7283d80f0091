"""The temporal index: rows of a namespace in order of a time.

A namespace holds one for event time and one for recorded time. Whoever applies the log feeds it: `extend(times of the
added rows, the rows)` after an add; no other record changes either time. A snapshot takes `arrays()`, which is a matter
of references, and `restore(arrays)` opens it; `TemporalIndex.of(column)` makes one of a whole column.

Two parts answer together. What was there at the start is a sorted pair of arrays, which may be a memory map: filling a
B-tree with a million moments takes over a second, sorting them a tenth of that, mapping them nothing. What came since
is in a B-tree, where late events cost no more than others. `fold()` moves the second into the first.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from agentctx.index.growable import Growable
from agentctx.index.moment_tree import FIRST, LAST, Moments, MomentTree, Rows

_BULK = 4096  # from this many rows at once, and as many as there are, sorting beats inserting


class TemporalIndex:
    """Rows by moment (microseconds since 1970, any number of 64 bits). Not thread-safe: the owner locks.

    Answers are rows in order of time, those of one instant by number. Ranges are [start, end); None leaves a side open.
    """

    def __init__(self) -> None:
        self._use(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int32))

    def _use(self, moments: Moments, rows: Rows) -> None:
        """Begin with sorted arrays and an empty tree."""
        self._moments, self._rows = moments, rows
        self._top = int(rows.max(initial=-1))
        self._tree = MomentTree()
        self._late: tuple[Growable[np.int64], Growable[np.int32]] | None = (Growable(np.int64), Growable(np.int32))
        self._mixed = False  # the tree has a row below one of the arrays: rows of an instant need sorting
        self._removals = 0

    @classmethod
    def of(
        cls, moments: Sequence[int] | npt.NDArray[Any], rows: Sequence[int] | npt.NDArray[Any] | None = None
    ) -> Self:
        """One over a whole column: the moments of rows 0, 1, ..., or of `rows`. O(n log n): .1 s a million."""
        index = cls()
        index._use(*_sorted(moments, range(len(moments)) if rows is None else rows))
        return index

    def __len__(self) -> int:
        return len(self._rows) + len(self._tree)

    # --- changes ------------------------------------------------------------------------------------------------------

    def add(self, moment: int, row: int) -> None:
        """A row of a moment; not one that is there already. O(log n)."""
        self.extend((moment,), (row,))

    def extend(self, moments: Sequence[int] | npt.NDArray[Any], rows: Sequence[int] | npt.NDArray[Any]) -> None:
        """Many rows. O(log n) each, or a sort of all where they are many and no fewer than those that are there."""
        if len(moments) != len(rows):
            raise ValueError(f"{len(moments)} moments for {len(rows)} rows")
        if len(rows) >= max(_BULK, len(self)):
            ours, theirs = self.sorted()
            every = np.concatenate([ours, np.asarray(moments, dtype=np.int64)])
            self._use(*_sorted(every, np.concatenate([theirs, np.asarray(rows, dtype=np.int32)])))
            return
        for moment, row in zip(_numbers(moments), _numbers(rows), strict=True):
            self._tree.add(moment, row)
            self._mixed |= row <= self._top
        if self._late is not None:
            self._late[0].extend(moments)
            self._late[1].extend(rows)

    def remove(self, moment: int, row: int) -> None:
        """Forget a row. Raises KeyError where it is not there. O(log n) in the tree, a copy in the sorted part."""
        if self._tree.holds(moment, row):
            self._tree.remove(moment, row)
            self._late = None  # `arrays` then lists the tree
        else:
            place = self._place(moment, row)
            # Copies: arrays that were handed out never change.
            self._moments, self._rows = np.delete(self._moments, place), np.delete(self._rows, place)
        self._removals += 1

    def _place(self, moment: int, row: int) -> int:
        left, right = (int(np.searchsorted(self._moments, moment, side=side)) for side in ("left", "right"))
        place = left + int(np.searchsorted(self._rows[left:right], row))
        if place == right or self._rows[place] != row:
            raise KeyError((moment, row))
        return place

    @property
    def late(self) -> int:
        """How many rows are in the tree: what a `fold` would move."""
        return len(self._tree)

    def fold(self) -> Generator[None, None, None]:
        """Move the tree into the sorted part: its first and last step need the lock, the second not.

        Rows that are added between the steps stay in the tree; a removal in between makes it give up.
        """
        taken, count, removals = self.arrays(), len(self._tree), self._removals
        yield
        moments, rows = _merged(taken)
        yield
        if self._removals == removals and self._late is not None:
            late_moments, late_rows = (one.array[count:].copy() for one in self._late)
            self._use(moments, rows)
            self.extend(late_moments, late_rows)

    # --- questions ----------------------------------------------------------------------------------------------------

    def range(self, start: int | None = None, end: int | None = None) -> Rows:
        """The rows in [start, end). O(log n + r)."""
        low, high, last = _bounds(start, end)
        left, right = self._slice(low, high, last=last)
        if not len(self._tree):
            return self._rows[left:right]
        if left == right and not last:
            return self._tree.rows(low, high)
        return self._joined(left, right, *self._tree.items(low, high, last=last))[1]

    def items(self, start: int | None = None, end: int | None = None) -> tuple[Moments, Rows]:
        """The moments in [start, end) with their rows. O(log n + r)."""
        low, high, last = _bounds(start, end)
        left, right = self._slice(low, high, last=last)
        return self._joined(left, right, *self._tree.items(low, high, last=last))

    def count(self, start: int | None = None, end: int | None = None) -> int:
        """How many rows lie in [start, end). O(log n) and a fiftieth of a visit to each row of the tree in it."""
        low, high, last = _bounds(start, end)
        left, right = self._slice(low, high, last=last)
        return right - left + self._tree.count(low, high, last=last)

    def after(self, moment: int, n: int) -> Rows:
        """The first `n` rows at or after a moment. O(log n + r)."""
        n = max(n, 0)
        if moment > LAST:
            return self._rows[:0]
        moment = max(moment, FIRST)
        left = int(np.searchsorted(self._moments, moment))
        return self._joined(left, min(left + n, len(self._rows)), *self._tree.after(moment, n))[1][:n]

    def before(self, moment: int, n: int) -> Rows:
        """The last `n` rows before a moment, in order of time. O(log n + r), or O(r log n) for those in the tree."""
        right = (
            int(np.searchsorted(self._moments, min(max(moment, FIRST), LAST))) if moment <= LAST else len(self._rows)
        )
        return self._last(right, None if moment > LAST else max(moment, FIRST), n)

    def first(self, n: int) -> Rows:
        """The earliest `n` rows. O(log n + r)."""
        return self.after(FIRST, n)

    def last(self, n: int) -> Rows:
        """The latest `n` rows, in order of time. O(log n + r), or O(r log n) for those in the tree."""
        return self._last(len(self._rows), None, n)

    def _last(self, right: int, moment: int | None, n: int) -> Rows:
        n = max(n, 0)
        rows = self._joined(max(right - n, 0), right, *self._tree.before(moment, n))[1]
        return rows[max(len(rows) - n, 0) :]

    def sorted(self) -> tuple[Moments, Rows]:
        """Everything: the moments and their rows. O(n)."""
        return self.items()

    def _slice(self, low: int, high: int, *, last: bool) -> tuple[int, int]:
        left = int(np.searchsorted(self._moments, low))
        return left, max(left, int(np.searchsorted(self._moments, high, side="right" if last else "left")))

    def _joined(self, left: int, right: int, moments: Moments, rows: Rows) -> tuple[Moments, Rows]:
        """A slice of the arrays and what the tree found, in order."""
        ours, theirs = self._moments[left:right], self._rows[left:right]
        if not len(rows):
            return ours, theirs
        if not len(theirs):
            return moments, rows
        every, numbers = np.concatenate([ours, moments]), np.concatenate([theirs, rows])
        # Stable: of one instant, the rows of the arrays come first, and those are the lower ones unless mixed.
        order = np.lexsort((numbers, every)) if self._mixed else np.argsort(every, kind="stable")
        return every[order], numbers[order]

    # --- snapshots and memory -----------------------------------------------------------------------------------------

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """All of it by reference: nothing that comes later changes these arrays. O(1), unless rows were removed."""
        late = self._tree.items(last=True) if self._late is None else tuple(one.array for one in self._late)
        return {"moments": self._moments, "rows": self._rows, "late_moments": late[0], "late_rows": late[1]}

    @classmethod
    def restore(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> Self:
        """From `arrays`, which may be read-only. O(1) where nothing came late, else a merge."""
        index = cls()
        index._use(*_merged(arrays))
        return index

    @property
    def nbytes(self) -> int:
        """About how many bytes are held. O(rows of the tree / 50)."""
        late = 0 if self._late is None else self._late[0].nbytes + self._late[1].nbytes
        return self._moments.nbytes + self._rows.nbytes + late + self._tree.nbytes

    def check_invariants(self) -> None:
        """Assert that both parts are in order and agree with what a snapshot would take. For tests."""
        self._tree.check_invariants()
        assert len(self._moments) == len(self._rows)
        assert np.array_equal(np.lexsort((self._rows, self._moments)), np.arange(len(self._rows)))
        assert len(np.unique(self._rows)) == len(self._rows)
        moments, rows = self.sorted()
        assert len(rows) == len(self)
        again = self.restore(self.arrays()).sorted()
        assert np.array_equal(again[0], moments)
        assert np.array_equal(again[1], rows)


def as_of(recorded: TemporalIndex, deleted: TemporalIndex, moment: int) -> Rows:
    """The rows recorded by a moment and not deleted by then, in order of recording. O(log n + r)."""
    known, gone = recorded.range(None, moment + 1), deleted.range(None, moment + 1)
    if not len(gone) or not len(known):
        return known
    left = np.ones(max(int(known.max()), int(gone.max())) + 1, dtype=bool)
    left[gone] = False
    return known[left[known]]


def _bounds(start: int | None, end: int | None) -> tuple[int, int, bool]:
    """Both ends as 64-bit numbers; the flag says that the upper one is meant to be in, as nothing lies above it."""
    low = FIRST if start is None else max(start, FIRST)
    if low > LAST:
        return LAST, LAST, False
    if end is None or end > LAST:
        return low, LAST, True
    return low, max(end, FIRST), False


def _sorted(moments: Sequence[int] | npt.NDArray[Any], rows: Sequence[int] | npt.NDArray[Any]) -> tuple[Moments, Rows]:
    times, numbers = np.asarray(moments, dtype=np.int64), np.asarray(rows, dtype=np.int32)
    if len(times) != len(numbers):
        raise ValueError(f"{len(times)} moments for {len(numbers)} rows")
    if np.all(numbers[1:] > numbers[:-1]):
        if np.all(times[1:] >= times[:-1]):
            return times, numbers
        order = np.argsort(times, kind="stable")
    else:
        order = np.lexsort((numbers, times))
    return times[order], numbers[order]


def _merged(arrays: Mapping[str, npt.NDArray[Any]]) -> tuple[Moments, Rows]:
    if not len(arrays["late_rows"]):
        return arrays["moments"], arrays["rows"]
    return _sorted(
        np.concatenate([arrays["moments"], arrays["late_moments"]]),
        np.concatenate([arrays["rows"], arrays["late_rows"]]),
    )


def _numbers(values: Sequence[int] | npt.NDArray[Any]) -> Sequence[int]:
    return values.tolist() if isinstance(values, np.ndarray) else values
