"""A numpy array that grows at its end in amortised constant time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Generic, Self, TypeVar

import numpy as np
import numpy.typing as npt

S = TypeVar("S", bound=np.generic)


class Growable(Generic[S]):
    """Rows of one dtype and shape. `array` is a view of what is filled; appending never changes an older view."""

    __slots__ = ("_buffer", "_size")

    def __init__(self, dtype: type[S], width: int = 0) -> None:
        self._buffer: npt.NDArray[S] = np.empty((16, width) if width else (16,), dtype=dtype)
        self._size = 0

    @classmethod
    def of(cls, rows: npt.NDArray[S]) -> Self:
        """One that begins with a copy of `rows`, which may be read-only."""
        grown = cls.__new__(cls)
        grown._size = len(rows)
        # Some room: the first append does not copy it all, and numpy asks for large pages from 4 MiB on, on which
        # looking up scattered rows of a million takes less time.
        grown._buffer = np.empty((len(rows) + len(rows) // 8 + 16, *rows.shape[1:]), dtype=rows.dtype)
        grown._buffer[: len(rows)] = rows
        return grown

    def __len__(self) -> int:
        return self._size

    @property
    def nbytes(self) -> int:
        """Bytes of the filled rows; what is reserved behind them is not touched, and so costs no memory."""
        return self._size * (self._buffer.nbytes // max(len(self._buffer), 1))

    @property
    def array(self) -> npt.NDArray[S]:
        """The filled rows; writable, so that a single row may be corrected in place."""
        return self._buffer[: self._size]

    def append(self, row: Any) -> None:
        """Append one row. O(1), amortised."""
        if self._size == len(self._buffer):
            self._reserve(self._size + 1)
        self._buffer[self._size] = row
        self._size += 1

    def extend(self, rows: Sequence[Any] | npt.NDArray[Any]) -> None:
        """Append rows. O(rows), amortised."""
        if not len(rows):
            return  # an empty list has no width to speak of
        size = self._size + len(rows)
        if size > len(self._buffer):
            self._reserve(size)
        self._buffer[self._size : size] = rows
        self._size = size

    def _reserve(self, size: int) -> None:
        grown = np.empty((max(size, 2 * len(self._buffer)), *self._buffer.shape[1:]), dtype=self._buffer.dtype)
        grown[: self._size] = self.array
        self._buffer = grown
