"""Terms and where they occur: the inverted lists of one namespace."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.int32]
Counts = npt.NDArray[np.uint16]

_MOST = 65_535  # occurrences beyond it say nothing more


class Postings:
    """For each term the rows that hold it, ascending, with counts. Append-only; the owner locks.

    Returned arrays are views that stay as they are while the lists grow.
    """

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._terms: list[str] = []
        self._rows: list[array[int]] = []
        self._counts: list[array[int]] = []

    def __len__(self) -> int:
        return len(self._terms)

    @property
    def terms(self) -> list[str]:
        """Every term, in the order first seen; a term's place is its number."""
        return self._terms

    def number(self, term: str) -> int | None:
        """The term's number, or None for one never seen."""
        return self._numbers.get(term)

    def add(self, row: int, counts: Mapping[str, int]) -> None:
        """Enter the terms of a row; rows come in ascending order. O(terms)."""
        for term, count in counts.items():
            number = self._numbers.get(term)
            if number is None:
                self._numbers[term] = len(self._terms)
                self._terms.append(term)
                self._rows.append(array("i", (row,)))
                self._counts.append(array("H", (min(count, _MOST),)))
                continue
            try:
                self._rows[number].append(row)
                self._counts[number].append(min(count, _MOST))
            except BufferError:
                # A reader still holds a view of the buffer: leave it to the reader and go on with a copy.
                length = len(self._counts[number])
                self._rows[number] = self._rows[number][:length] + array("i", (row,))
                self._counts[number] = self._counts[number][:length] + array("H", (min(count, _MOST),))

    def rows(self, number: int) -> Rows:
        """The rows that hold term `number`, ascending. O(1)."""
        return np.frombuffer(self._rows[number], dtype=np.int32)

    def held(self, term: str, rows: npt.NDArray[np.integer]) -> npt.NDArray[np.bool_]:
        """Which of `rows` hold the very term. O(rows log occurrences)."""
        number = self._numbers.get(term)
        if number is None:
            return np.zeros(len(rows), dtype=np.bool_)
        holders = self.rows(number)
        found: npt.NDArray[np.bool_] = holders[np.minimum(np.searchsorted(holders, rows), len(holders) - 1)] == rows
        return found

    def joined(self, numbers: Iterable[int]) -> tuple[Rows, list[int]]:
        """The rows of several terms one behind the other, and how many each has. O(occurrences), one allocation."""
        joined: array[int] = array("i")
        lengths: list[int] = []
        for number in numbers:
            rows = self._rows[number]
            joined += rows
            lengths.append(len(rows))
        return np.frombuffer(joined, dtype=np.int32), lengths

    def counts(self, number: int) -> Counts:
        """How often each of `rows(number)` holds it. O(1)."""
        return np.frombuffer(self._counts[number], dtype=np.uint16)

    def check_invariants(self, documents: list[Mapping[str, int]]) -> None:
        """Assert that the lists say exactly what `documents`, by row, say. For tests."""
        held: list[dict[str, int]] = [{} for _ in documents]
        for term, number in self._numbers.items():
            assert self._terms[number] == term
            rows = self.rows(number)
            assert len(rows) == len(self.counts(number)) > 0
            assert np.all(np.diff(rows) > 0)
            for row, count in zip(rows.tolist(), self.counts(number).tolist(), strict=True):
                held[row][term] = count
        assert held == [dict(document) for document in documents]
