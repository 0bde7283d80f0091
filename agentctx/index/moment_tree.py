"""Moments in a B-tree, each with the rows of that instant: the part of a timeline that changes."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator
from itertools import islice, pairwise
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
from BTrees.LOBTree import LOBTree

Moments = npt.NDArray[np.int64]
Rows = npt.NDArray[np.int32]
Held: TypeAlias = "int | array[int]"
"""The rows of one instant: the row itself where there is one, else an ascending array of them."""

FIRST: Final = -(2**63)
LAST: Final = 2**63 - 1
_ENTRY: Final = 72  # bytes of one moment: key, reference and number, and what a bucket leaves empty


class MomentTree:
    """Rows by moment (microseconds, 64 bits), ordered by moment and then by row. Not thread-safe: the owner locks.

    Iterators of a BTree go forward only, and the length of a slice is found by walking it; so the last ones before a
    moment are found by asking for one key after another from above, O(log n) each.
    """

    def __init__(self) -> None:
        self._tree: LOBTree[int, Held] = LOBTree()
        self._shared: LOBTree[int, int] = LOBTree()  # by moment with several rows: how many more than one
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def add(self, moment: int, row: int) -> None:
        """A row of a moment. O(log n), and a move of what is shared where many rows share the moment."""
        held = self._tree.get(moment)
        if held is None:
            self._tree[moment] = row
        elif isinstance(held, int):
            if held == row:
                raise ValueError(f"row {row} is there already")
            self._tree[moment] = array("i", sorted((held, row)))
            self._shared[moment] = 1
        else:
            if held[-1] < row:
                held.append(row)
            elif _place(held, row) is not None:
                raise ValueError(f"row {row} is there already")
            else:
                insort(held, row)
            self._shared[moment] = len(held) - 1
        self._size += 1

    def remove(self, moment: int, row: int) -> None:
        """Forget a row of a moment. Raises KeyError where it is not. O(log n)."""
        held = self._tree.get(moment)
        if held == row:
            del self._tree[moment]
        else:
            place = None if held is None or isinstance(held, int) else _place(held, row)
            if place is None or held is None or isinstance(held, int):
                raise KeyError((moment, row))
            del held[place]
            if len(held) == 1:
                self._tree[moment] = held[0]
                del self._shared[moment]
            else:
                self._shared[moment] = len(held) - 1
        self._size -= 1

    def holds(self, moment: int, row: int) -> bool:
        """Whether the row is there at that moment. O(log n)."""
        held = self._tree.get(moment)
        return held == row or (held is not None and not isinstance(held, int) and _place(held, row) is not None)

    def count(self, start: int, end: int, *, last: bool = False) -> int:
        """How many rows lie in [start, end), with `last` those at `end` too. A fiftieth of a visit to each."""
        slice_ = (start, end, False, not last)
        return int(len(self._tree.keys(*slice_)) + sum(self._shared.values(*slice_)))

    def rows(self, start: int, end: int) -> Rows:
        """The rows in [start, end), in order. O(log n + r)."""
        found = list(self._tree.values(start, end, excludemax=True))
        if not self._shared:
            return np.fromiter(found, np.int32, len(found))
        return _flat(found)

    def items(self, start: int = FIRST, end: int = LAST, *, last: bool = False) -> tuple[Moments, Rows]:
        """The moments and rows in [start, end), with `last` those at `end` too, in order. O(log n + r)."""
        slice_ = (start, end, False, not last)
        moments, found = list(self._tree.keys(*slice_)), list(self._tree.values(*slice_))
        return _spread(moments, found)

    def after(self, moment: int, n: int) -> tuple[Moments, Rows]:
        """The first `n` at or after a moment, in order. O(log n + r)."""
        pairs = list(islice(self._tree.iteritems(moment), n))
        moments, rows = _spread([one for one, _ in pairs], [held for _, held in pairs])
        return moments[:n], rows[:n]

    def before(self, moment: int | None, n: int) -> tuple[Moments, Rows]:
        """The last `n` before a moment (None: of all), in order. O(n log n)."""
        moments: list[int] = []
        found: list[Held] = []
        wanted = n
        for at in self._downwards(moment):
            if wanted <= 0:
                break
            held = self._tree[at]
            moments.append(at)
            found.append(held)
            wanted -= 1 if isinstance(held, int) else len(held)
        times, rows = _spread(moments[::-1], found[::-1])
        return times[max(len(times) - n, 0) :], rows[max(len(rows) - n, 0) :]

    def _downwards(self, moment: int | None) -> Iterator[int]:
        if not self._tree or moment == FIRST:
            return
        try:
            at: int = self._tree.maxKey() if moment is None else self._tree.maxKey(moment - 1)
            while True:
                yield at
                if at == FIRST:
                    return
                at = self._tree.maxKey(at - 1)
        except ValueError:  # no key is that early
            return

    @property
    def nbytes(self) -> int:
        """About how many bytes are held. O(moments / 50)."""
        return _ENTRY * (len(self._tree) + len(self._shared)) + 4 * self._size + 64 * len(self._shared)

    def check_invariants(self) -> None:
        """Assert that it is in order. For tests."""
        moments, held = list(self._tree.keys()), list(self._tree.values())
        assert all(a < b for a, b in pairwise(moments))
        shared = {at: len(one) - 1 for at, one in zip(moments, held, strict=True) if not isinstance(one, int)}
        assert shared == dict(self._shared.items())
        assert all(more >= 1 for more in shared.values())
        for one in held:
            assert isinstance(one, int) or all(a < b for a, b in pairwise(one))
        assert self._size == len(moments) + sum(shared.values())


def _place(held: array[int], row: int) -> int | None:
    place = bisect_left(held, row)
    return place if bisect_right(held, row) > place else None


def _flat(found: list[Held]) -> Rows:
    rows = array("i")
    for held in found:
        if isinstance(held, int):
            rows.append(held)
        else:
            rows.extend(held)
    return np.array(rows, dtype=np.int32)


def _spread(moments: list[int], found: list[Held]) -> tuple[Moments, Rows]:
    counts = [1 if isinstance(held, int) else len(held) for held in found]
    return np.repeat(np.array(moments, dtype=np.int64), counts), _flat(found)
