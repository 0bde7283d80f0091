"""The newest rows of the inverted index, which no segment holds yet: cheap to add to, one row at a time."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from types import ModuleType
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from agentctx.index.growable import Growable
from agentctx.index.lexical_segment import MOST, Counts, Ints, Rows

_AT_ONCE: Final = 64  # rows entered in one go: a millisecond, if they are long
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

    @contextmanager
    def entering(self) -> Iterator[Callable[[Sequence[int], Sequence[int]], None]]:
        """Enter rows: what it gives takes the terms of the next row and how often it says each.

        `postings` knows a row at once, the rest of the tail when all are entered.
        """
        forward, postings = self.forward, self._postings
        end, shifted = len(forward.terms), self.end << _BITS
        ends: list[int] = []
        terms: list[int] = []
        said: list[int] = []

        def put(numbers: Sequence[int], counts: Sequence[int]) -> None:
            nonlocal shifted
            capped = [min(count, MOST) for count in counts]
            for number, count in zip(numbers, capped, strict=True):
                held = postings.get(number)
                if held is None:
                    postings[number] = shifted | count
                elif isinstance(held, int):
                    postings[number] = array("q", (held, shifted | count))
                else:
                    held.append(shifted | count)
            terms.extend(numbers)
            said.extend(capped)
            ends.append(end + len(terms))
            shifted += 1 << _BITS

        yield put
        forward.terms.extend(terms)
        forward.counts.extend(said)
        forward.ends.extend(ends)

    def entry(self, term: int) -> int | array[int] | None:
        """What is kept of a term: for each row that says it, ascending, row << 8 | how often; None if none does."""
        return self._postings.get(term)

    def enter(
        self,
        native: ModuleType,
        texts: tuple[Ints, Rows, Counts],
        runs: Rows,
        alone: npt.NDArray[np.bool_],
        heard: list[set[int]],
        base_runs: int,
    ) -> tuple[Rows, Ints]:
        """Enter rows: where each ends, the terms and the counts; its run, and whether it is without a session.

        heard: the `pairs` of all tails, this one's last. Returns the terms that no row of the tails says in the same
        session: of rows without one, and of runs from `base_runs` on, of which no earlier row is; and, as pairs, those
        that perhaps a row before all tails says.
        """
        ends, terms, counts = texts
        starts = np.concatenate((_ZERO, ends))
        fresh, unsure = np.empty(len(terms), dtype=np.int32), np.empty(len(terms), dtype=np.int64)
        known = doubtful = 0
        for row in range(0, len(ends), _AT_ONCE):
            known, doubtful = native.enter_rows(
                self._postings, heard, self.end + row, base_runs, known, doubtful, starts[row : row + _AT_ONCE + 1],
                terms, counts, runs[row : row + _AT_ONCE], alone[row : row + _AT_ONCE], fresh, unsure,
            )  # fmt: skip
        self.forward.ends.extend(ends + len(self.forward.terms))
        self.forward.terms.extend(terms)
        self.forward.counts.extend(counts)
        return fresh[:known], unsure[:doubtful]

    def postings(self, term: int) -> tuple[Rows, Counts] | None:
        """The rows of a term, ascending, with how often each says it."""
        held = self._postings.get(term)
        if held is None:
            return None
        if isinstance(held, int):
            held = array("q", (held,))
        entries = np.frombuffer(held, dtype=np.int64)
        return (entries >> _BITS).astype(np.int32), (entries & MOST).astype(np.uint8)

    def add_said(
        self, found: Ints, terms: Ints, runs: Ints, run: Rows, shown: npt.NDArray[np.bool_], besides: int
    ) -> None:
        """Add to `found`, pair by pair, how often shown rows of a run say a term, all but the row `besides`."""
        for place, (term, number) in enumerate(zip(terms.tolist(), runs.tolist(), strict=True)) if self.pairs else ():
            if term << 32 | number in self.pairs and (entry := self.postings(term)) is not None:
                rows, counts = entry
                there = (run[rows] == number) & shown[rows] & (rows != besides)
                found[place] += int(counts[there].sum())

    def add_totals(
        self, found: Ints, terms: Sequence[int], runs: Rows, run: Rows, shown: npt.NDArray[np.bool_] | None
    ) -> None:
        """Add to `found` how often each term is said in each of some runs, ascending. run, shown: by row."""
        for place, term in enumerate(terms) if self.pairs and len(runs) else ():
            entry = self.postings(term)
            if entry is None:
                continue
            rows, counts = entry
            if shown is not None:
                seen = shown[rows]
                rows, counts = rows[seen], counts[seen]
            held = run[rows]
            at = np.minimum(np.searchsorted(runs, held), len(runs) - 1)
            there = runs[at] == held
            found[place] += np.bincount(at[there], weights=counts[there], minlength=len(runs)).astype(np.int64)

    @property
    def nbytes(self) -> int:
        """About how many bytes are held."""
        return self.forward.nbytes + 130 * len(self._postings) + 9 * len(self.forward.terms) + 70 * len(self.pairs)


def distinct(numbers: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """Each number once, ascending: what np.unique does, in a third of the time."""
    ascending = np.sort(numbers)
    found: npt.NDArray[np.int32] = ascending[np.append(_TRUE[: len(ascending)], ascending[1:] != ascending[:-1])]
    return found


def parts_of(keys: Collection[int]) -> tuple[Ints, Ints]:
    """The terms and the runs of such pairs: term << 32 | run."""
    both = np.fromiter(keys, dtype=np.int64, count=len(keys))
    return both >> 32, both & 0xFFFFFFFF


def cut(values: npt.NDArray[np.integer[Any]], ends: Ints) -> list[list[int]]:
    """The values up to some places, from the places before on."""
    every = values.tolist()
    return [every[start:end] for start, end in pairwise([0, *ends.tolist()])]


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
_TRUE: Final = np.ones(1, dtype=np.bool_)
