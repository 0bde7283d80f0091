"""The newest rows of the inverted index, which no segment holds yet: cheap to add to, one row at a time."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from agentctx.index.growable import Growable
from agentctx.index.lexical_segment import MOST, Counts, Ints, Rows

_BITS: Final = 8  # of an entry that are the count; the others are the row


class Forward:
    """Terms by row, from some row on; grows at its end.

    The terms of row r, counted from there, are terms[ends[r-1]:ends[r]], with counts.
    """

    __slots__ = ("counts", "ends", "terms")

    def __init__(self) -> None:
        self.ends: Growable[np.int64] = Growable(np.int64)
        self.terms: Growable[np.int32] = Growable(np.int32)
        self.counts: Growable[np.uint8] = Growable(np.uint8)

    def __len__(self) -> int:
        return len(self.ends)

    @property
    def starts(self) -> Ints:
        """Where each row begins, and at the end where the last one ends."""
        return np.concatenate((_ZERO, self.ends.array))

    @property
    def arrays(self) -> tuple[Ints, Rows, Counts]:
        """Where each row ends, the terms and the counts; what is added later does not change them."""
        return self.ends.array, self.terms.array, self.counts.array

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self.ends.nbytes + self.terms.nbytes + self.counts.nbytes


class Tail:
    """The rows from `first` on, by term and by row. The owner locks."""

    def __init__(self, first: int) -> None:
        self.first = first
        self.forward = Forward()
        self.pairs: set[int] = set()
        """Which term is said in which session: term << 32 | run."""
        self._postings: dict[int, int | array[int]] = {}

    def __len__(self) -> int:
        return len(self.forward)

    @property
    def end(self) -> int:
        """The row behind the last one."""
        return self.first + len(self.forward)

    def add(self, numbers: Sequence[int], counts: Sequence[int]) -> None:
        """Enter the terms of the next row."""
        forward, postings = self.forward, self._postings
        shifted = self.end << _BITS
        capped = [min(count, MOST) for count in counts]
        for number, count in zip(numbers, capped, strict=True):
            held = postings.get(number)
            if held is None:
                postings[number] = shifted | count
            elif isinstance(held, int):
                postings[number] = array("q", (held, shifted | count))
            else:
                held.append(shifted | count)
        forward.terms.extend(numbers)
        forward.counts.extend(capped)
        forward.ends.append(len(forward.terms))

    def postings(self, term: int) -> tuple[Rows, Counts] | None:
        """The rows of a term, ascending, with how often each says it."""
        held = self._postings.get(term)
        if held is None:
            return None
        if isinstance(held, int):
            held = array("q", (held,))
        entries = np.frombuffer(held, dtype=np.int64)
        return (entries >> _BITS).astype(np.int32), (entries & MOST).astype(np.uint8)

    @property
    def nbytes(self) -> int:
        """About how many bytes are held."""
        return self.forward.nbytes + 130 * len(self._postings) + 9 * len(self.forward.terms) + 70 * len(self.pairs)


def slices(
    starts: npt.NDArray[np.integer[Any]], rows: npt.NDArray[np.integer[Any]]
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """The entries of some rows, which begin at `starts`: (which of `rows` each is of, its place), in order."""
    begins = starts[rows]
    return spread_out(begins, starts[rows + 1] - begins)


def stretches(
    starts: npt.NDArray[np.integer[Any]], rows: npt.NDArray[np.integer[Any]]
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """The same places and, by row, how many entries end with it: cheaper where few owners are asked for."""
    begins = starts.take(rows)
    lengths = starts.take(rows + 1) - begins
    return lengths.cumsum(), places_of(begins, lengths)


def places_of(begins: npt.NDArray[np.integer[Any]], lengths: npt.NDArray[np.integer[Any]]) -> npt.NDArray[np.intp]:
    """The places of some stretches, one behind the other."""
    places: npt.NDArray[np.intp] = (begins - lengths.cumsum() + lengths).repeat(lengths)
    places += np.arange(len(places))
    return places


def spread_out(
    begins: npt.NDArray[np.integer[Any]], lengths: npt.NDArray[np.integer[Any]]
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """The places of some stretches, one behind the other: (which stretch each is of, the place)."""
    before = np.cumsum(lengths)
    total = int(before[-1]) if len(before) else 0
    owner = np.repeat(np.arange(len(lengths)), lengths)
    places = (begins - before + lengths)[owner]
    places += np.arange(total)
    return owner, places


_ZERO: Final[Ints] = np.zeros(1, dtype=np.int64)
