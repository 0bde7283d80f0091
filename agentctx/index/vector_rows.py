"""Vectors as they are held: 16-bit whole numbers, a scale a row, and codes beside them."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

from agentctx.index.codes import Coder, Codes, Floats, words_for
from agentctx.index.growable import Growable

_LARGEST: Final = 32_767
_BLOCK: Final = 256  # rows turned to floats at a time: a quarter of a megabyte, which stays in the processor's cache
_CODED_BLOCK: Final = 2_048

Runs = Sequence[tuple[int, int]]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class VectorRows:
    """Rows by place, and their codes, if they have any. The arrays may be read-only."""

    fixed: npt.NDArray[np.int16]
    scale: Floats
    codes: Codes

    @classmethod
    def empty(cls, dimensions: int, size: int = 0) -> Self:
        """Room for `size` rows that are yet to be written."""
        codes = np.empty((words_for(dimensions), size), dtype=np.uint64)
        return cls(np.empty((size, dimensions), dtype=np.int16), np.empty(size, dtype=np.float32), codes)

    def __len__(self) -> int:
        return len(self.fixed)

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return sum(array.nbytes for array in self.arrays().values())

    def score(self, places: npt.NDArray[np.integer], query: Floats) -> Floats:
        """The inner product of `query` with the vector at each place."""
        # vecdot makes one product a row, so that a row's value depends on nothing else: a matrix product may add up
        # the last rows of a block in another order.
        found = np.empty(len(places), dtype=np.float32)
        taken, floats = _room(self.fixed.shape[1])
        for start in range(0, len(places), _BLOCK):
            chosen = places[start : start + _BLOCK]
            t, f = taken[: len(chosen)], floats[: len(chosen)]
            np.take(self.fixed, chosen, axis=0, out=t, mode="clip")
            np.copyto(f, t)
            np.vecdot(f, query, out=found[start : start + _BLOCK])
        found *= self.scale.take(places)
        return found

    def score_range(self, first: int, end: int, query: Floats) -> Floats:
        """`score` of the places from `first` up to `end`."""
        found = np.empty(end - first, dtype=np.float32)
        _, floats = _room(self.fixed.shape[1])
        for start in range(first, end, _BLOCK):
            stop = min(start + _BLOCK, end)
            f = floats[: stop - start]
            np.copyto(f, self.fixed[start:stop])
            np.vecdot(f, query, out=found[start - first : stop - first])
        found *= self.scale[first:end]
        return found

    def take(self, places: npt.NDArray[np.integer]) -> Floats:
        """The vectors at some places."""
        found: Floats = self.fixed.take(places, axis=0).astype(np.float32)
        found *= self.scale.take(places)[:, None]
        return found

    def coded(self, runs: Runs) -> Codes:
        """The codes of some runs of places (first, end), good until the thread asks again."""
        if len(runs) == 1:
            ((first, end),) = runs
            return self.codes[:, first:end]
        found = _room_for_codes(len(self.codes), sum(end - first for first, end in runs))
        return np.concatenate([self.codes[:, first:end] for first, end in runs], axis=1, out=found)

    def encode(self, first: int, end: int, coder: Coder) -> None:
        """Write the codes of the places from `first` up to `end`."""
        floats = self.fixed[first:end].astype(np.float32)
        floats *= self.scale[first:end, None]
        self.codes[:, first:end] = coder.encode(floats)

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """The arrays by name."""
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def restore(cls, arrays: Mapping[str, npt.NDArray[Any]], prefix: str) -> Self:
        """Rows over what `arrays` hold under `prefix`."""
        return cls(*(arrays[f"{prefix}{name}"] for name in cls.__slots__))


_rooms = threading.local()


def _room(dimensions: int) -> tuple[npt.NDArray[np.int16], Floats]:
    """The thread's room for a block: to ask the system for it anew costs as much as what is done in it."""
    room: tuple[npt.NDArray[np.int16], Floats] | None = getattr(_rooms, "room", None)
    if room is None or room[0].shape[1] != dimensions:
        shape = (_BLOCK, dimensions)
        room = _rooms.room = np.empty(shape, dtype=np.int16), np.empty(shape, dtype=np.float32)
    return room


def _room_for_codes(words: int, size: int) -> Codes:
    """The same for the codes of so many rows."""
    room: Codes | None = getattr(_rooms, "codes", None)
    if room is None or len(room) < words * size:
        room = _rooms.codes = np.empty(words * (size + size // 4), dtype=np.uint64)
    return room[: words * size].reshape(words, size)


class GrowingRows:
    """Rows that are appended to, in log order. What `rows` gave is not changed by appending."""

    def __init__(self, dimensions: int) -> None:
        self._fixed = Growable(np.int16, dimensions)
        self._scale = Growable(np.float32)
        self._codes: Codes = np.empty((words_for(dimensions), 16), dtype=np.uint64)
        self._coded = 0

    @classmethod
    def of(cls, rows: VectorRows) -> Self:
        """Ones that begin with a copy of `rows`."""
        grown = cls(rows.fixed.shape[1])
        grown._fixed, grown._scale = Growable.of(rows.fixed), Growable.of(rows.scale)
        grown._codes, grown._coded = np.array(rows.codes, order="C"), rows.codes.shape[1]
        return grown

    def __len__(self) -> int:
        return len(self._fixed)

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self.rows.nbytes

    @property
    def codes(self) -> Codes:
        """Those of the rows so far."""
        return self._codes[:, : self._coded]

    @property
    def rows(self) -> VectorRows:
        """The rows so far."""
        return VectorRows(self._fixed.array, self._scale.array, self.codes)

    def extend(self, vectors: Floats) -> None:
        """Append vectors, without codes."""
        largest = np.abs(vectors).max(axis=1)
        scale = largest / np.float32(_LARGEST)
        scaled = vectors / np.where(scale > 0, scale, 1)[:, None]
        self.extend_held(np.rint(scaled, out=scaled).astype(np.int16), scale)

    def extend_held(self, fixed: npt.NDArray[np.int16], scale: Floats) -> None:
        """Append rows that are held elsewhere, unchanged and without codes."""
        self._scale.extend(scale)
        self._fixed.extend(fixed)  # the last: it says how many rows there are

    def encode(self, coder: Coder) -> None:
        """Give the rows that lack one their code."""
        rows = self.rows
        for first in range(self._coded, len(self), _CODED_BLOCK):
            end = min(first + _CODED_BLOCK, len(self))
            if end > self._codes.shape[1]:
                grown = np.empty((len(self._codes), max(end, 2 * self._codes.shape[1])), dtype=np.uint64)
                grown[:, :first] = self._codes[:, :first]
                self._codes = grown
            self._codes[:, first:end] = coder.encode(rows.take(np.arange(first, end)))
            self._coded = end
