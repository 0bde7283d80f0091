"""Working memory of searches: arrays as long as the index that are reused instead of being made anew."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True, eq=False)
class Scratch:
    """By row, and by term: code. reached, mark and code are zero between uses, the others anything."""

    promise: npt.NDArray[np.float32]
    reached: npt.NDArray[np.float32]
    guess: npt.NDArray[np.float32]
    mark: npt.NDArray[np.int32]
    place: npt.NDArray[np.int32]
    rows: npt.NDArray[np.int32]
    hearers: npt.NDArray[np.int32]
    code: npt.NDArray[np.int16]


class ScratchPool:
    """Lends working memory. Thread-safe."""

    def __init__(self) -> None:
        self._free: list[Scratch] = []

    @contextmanager
    def lend(self, rows: int, terms: int) -> Iterator[Scratch]:
        """Working memory for so many rows and terms. What fails inside loses it, as it may be left half used."""
        try:
            scratch = self._free.pop()
        except IndexError:
            scratch = make_scratch(0, 0)
        if len(scratch.promise) < rows or len(scratch.code) < terms:
            # Half as much again, so that a namespace that grows does not make it anew at every search.
            scratch = make_scratch(rows + rows // 2 + 64, terms + terms // 2 + 64)
        yield scratch
        self._free.append(scratch)

    @property
    def nbytes(self) -> int:
        """Bytes held by what is not lent."""
        return sum(7 * one.promise.nbytes + one.code.nbytes for one in list(self._free))


def make_scratch(rows: int, terms: int) -> Scratch:
    """Fresh working memory; what is not used of it costs nothing."""
    promise, reached, guess = (np.zeros(rows, dtype=np.float32) for _ in range(3))
    mark, place, chosen, hearers = (np.zeros(rows, dtype=np.int32) for _ in range(4))
    return Scratch(promise, reached, guess, mark, place, chosen, hearers, np.zeros(terms, dtype=np.int16))
