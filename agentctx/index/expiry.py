"""Which rows expire next."""

from __future__ import annotations

import heapq
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

Moments = npt.NDArray[np.int64]
FOREVER = np.iinfo(np.int64).max


class Expiry:
    """Rows by the time at which they expire: a sorted array for those known at the start, a heap for later ones.

    Entries are not taken out when a row's time changes: whoever asks knows which still hold. The owner locks.
    """

    def __init__(self) -> None:
        self._times: Moments = np.zeros(0, dtype=np.int64)
        self._rows: Moments = self._times
        self._place = 0
        self._later: list[tuple[int, int]] = []

    def start(self, expires: Moments, after: int) -> None:
        """Begin anew with the rows of a whole column that expire after a moment. O(n log n) in those."""
        rows = np.flatnonzero((expires != FOREVER) & (expires > after))
        order = np.argsort(expires[rows], kind="stable")
        self._rows, self._times = rows[order], expires[rows][order]
        self._place = 0
        self._later = []

    def add(self, row: int, moment: int) -> None:
        """A row expires at a moment. O(log n)."""
        if moment != FOREVER:
            heapq.heappush(self._later, (moment, row))

    @property
    def crowded(self) -> bool:
        """Whether so much was added that starting anew saves memory."""
        return len(self._later) > max(1024, len(self._times))

    def next(self) -> int:
        """When the next entry is due; FOREVER without one. O(1)."""
        known = int(self._times[self._place]) if self._place < len(self._times) else FOREVER
        return min(known, self._later[0][0]) if self._later else known

    def due(self, now: int) -> Iterator[tuple[int, int]]:
        """The (row, time) entries due at `now`, in no order; they are taken out."""
        upto = int(np.searchsorted(self._times, now, side="right"))
        for place in range(self._place, upto):
            yield int(self._rows[place]), int(self._times[place])
        self._place = max(self._place, upto)
        while self._later and self._later[0][0] <= now:
            moment, row = heapq.heappop(self._later)
            yield row, moment

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self._times.nbytes + self._rows.nbytes + 128 * len(self._later)
