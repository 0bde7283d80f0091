"""The frozen part of the inverted index: rows by term, terms by row, and what sessions hold, as flat arrays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Rows = npt.NDArray[np.int32]
Counts = npt.NDArray[np.uint8]

MOST: Final = 255
"""Occurrences of a term in one row beyond it say nothing more."""
IMPACTS: Final = 255.0
"""An impact is kept as a whole number of so many parts of one."""
_CHUNK: Final = 32_768  # occurrences that one step of building deals with


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """Rows 0 to n - 1 of a namespace. Immutable; the arrays may be read-only memory maps.

    Of term t: rows[starts[t]:starts[t+1]], ascending, with counts and impacts (how much a row is about a term, from
    its count and length). Of row r: terms[row_starts[r]:row_starts[r+1]], with row_counts. Of term t in sessions:
    runs[run_starts[t]:run_starts[t+1]], ascending, with totals; rows without a session are not among them.
    """

    starts: Ints
    rows: Rows
    counts: Counts
    impacts: Counts
    row_starts: Ints
    terms: Rows
    row_counts: Counts
    run_starts: Ints
    runs: Rows
    totals: Rows
    holders: Rows
    """By term in how many rows it is."""
    sessions: Rows
    """By term in how many sessions it is; a row without a session is one by itself."""

    def __len__(self) -> int:
        return len(self.row_starts) - 1

    @property
    def vocabulary(self) -> int:
        """How many terms it knows of."""
        return len(self.holders)

    @property
    def nbytes(self) -> int:
        """Bytes held, memory maps included."""
        return sum(getattr(self, one.name).nbytes for one in fields(self))

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """What `restore` needs."""
        return {one.name: getattr(self, one.name) for one in fields(self)}

    @classmethod
    def restore(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> Self:
        """From `arrays`."""
        return cls(**{one.name: arrays[one.name] for one in fields(cls)})

    @classmethod
    def empty(cls) -> Self:
        """One of no rows."""
        ints = ("starts", "row_starts", "run_starts")
        small = ("counts", "impacts", "row_counts")
        kinds = {one.name: np.int64 if one.name in ints else np.uint8 if one.name in small else np.int32
                 for one in fields(cls)}  # fmt: skip
        arrays: dict[str, Any] = {name: np.zeros(int(name in ints), dtype=kind) for name, kind in kinds.items()}
        return cls(**arrays)

    def rows_of(self, term: int) -> Rows:
        """All rows of a term, ascending."""
        if term >= len(self.holders):
            return _NO_ROWS
        return self.rows[int(self.starts[term]) : int(self.starts[term + 1])]

    def totals_of(self, terms: Sequence[int], runs: Rows, totals: npt.NDArray[np.integer[Any]]) -> Ints:
        """By term and run (ascending) how often it is said there; `totals` are to be used instead of its own."""
        found = np.zeros((len(terms), len(runs)), dtype=np.int64)
        known = [place for place, term in enumerate(terms) if term < len(self.holders)]
        if not known or not len(self.runs):
            return found
        numbers = np.array([terms[place] for place in known])
        begins, ends = self.run_starts.take(numbers), self.run_starts.take(numbers + 1)
        at = np.empty((len(known), len(runs)), dtype=np.int64)
        for place, begin, end in zip(range(len(known)), begins.tolist(), ends.tolist(), strict=True):
            at[place] = self.runs[begin:end].searchsorted(runs)
        at += begins[:, None]
        there = self.runs.take(at, mode="clip") == runs
        there &= at < ends[:, None]
        found[known] = totals.take(at, mode="clip") * there
        return found

    def find(self, terms: npt.NDArray[np.integer[Any]], runs: npt.NDArray[np.integer[Any]]) -> Ints:
        """The places in `totals` of some pairs of a term and a run, one by one; -1 where there is none."""
        known = terms < len(self.holders)
        terms = np.where(known, terms, 0)
        if not len(self.runs):
            return np.full(len(terms), -1, dtype=np.int64)
        low, high = self.run_starts[terms], np.where(known, self.run_starts[terms + 1], self.run_starts[terms])
        end = high.copy()
        while (low < high).any():
            middle = (low + high) >> 1
            below = (self.runs[np.minimum(middle, len(self.runs) - 1)] < runs) & (low < high)
            low = np.where(below, middle + 1, low)
            high = np.where(below, high, np.minimum(middle, high))
        here = np.minimum(low, len(self.runs) - 1)
        return np.where((low < end) & (self.runs[here] == runs), low, -1)


@dataclass(frozen=True, slots=True)
class Source:
    """What a segment is built of, all by row: where its terms begin, the terms, their counts; its run; its length.

    alone: rows without a session. norms: of each row, the count at which half is said (BM25's k with the length in it).
    """

    row_starts: Ints
    terms: Rows
    counts: Counts
    runs: Rows
    alone: npt.NDArray[np.bool_]
    norms: npt.NDArray[np.float32]


def build(source: Source, vocabulary: int) -> Iterator[Segment | None]:
    """Make a segment, in small steps; the last one yields it. Some 0.1 us an occurrence."""
    size, row_starts = len(source.row_starts) - 1, source.row_starts
    total = int(row_starts[-1])
    holders = np.zeros(vocabulary, dtype=np.int64)
    for start in range(0, total, 4 * _CHUNK):
        holders += np.bincount(source.terms[start : start + 4 * _CHUNK], minlength=vocabulary)
        yield None
    starts = np.zeros(vocabulary + 1, dtype=np.int64)
    np.cumsum(holders, out=starts[1:])
    rows = np.empty(total, dtype=np.int32)
    impacts = np.empty(total, dtype=np.uint8)
    counts = np.empty(total, dtype=np.uint8)
    free = starts[:-1].copy()  # by term where its next row goes
    yield None
    for first, end in _steps(row_starts, size):
        place = slice(int(row_starts[first]), int(row_starts[end]))
        terms, row = (
            source.terms[place],
            np.repeat(np.arange(first, end, dtype=np.int32), np.diff(row_starts[first : end + 1])),
        )
        order = np.argsort(terms, kind="stable")
        terms, row, count = terms[order], row[order], source.counts[place][order]
        yield None
        begins = np.flatnonzero(np.append(True, terms[1:] != terms[:-1])) if len(terms) else np.zeros(0, np.intp)
        lengths = np.diff(np.append(begins, len(terms)))
        each = terms[begins]
        target = np.repeat(free[each] - begins, lengths) + np.arange(len(terms))
        free[each] += lengths
        said = count.astype(np.float32)
        rows[target], counts[target] = row, count
        impacts[target] = np.maximum(1, np.rint(IMPACTS * said / (said + source.norms[row])))
        yield None
    pair_terms, pair_runs, pair_totals = [_NO_ROWS], [_NO_ROWS], [_NO_ROWS]
    alone = np.zeros(vocabulary, dtype=np.int64)
    for first, end in _steps(starts, vocabulary):
        place = slice(int(starts[first]), int(starts[end]))
        row = rows[place]
        term = np.repeat(np.arange(first, end, dtype=np.int64), holders[first:end])
        apart = source.alone[row]
        alone[first:end] += np.bincount(term[apart] - first, minlength=end - first)
        together = ~apart
        keys = term[together] << 32 | source.runs[row[together]]
        yield None
        if len(keys):
            order = np.argsort(keys, kind="stable")
            keys, count64 = keys[order], counts[place][together][order].astype(np.int64)
            begins = np.flatnonzero(np.append(True, keys[1:] != keys[:-1]))
            pair_terms.append((keys[begins] >> 32).astype(np.int32))
            pair_runs.append((keys[begins] & 0xFFFFFFFF).astype(np.int32))
            pair_totals.append(np.add.reduceat(count64, begins).astype(np.int32))
        yield None
    per_term = np.bincount(np.concatenate(pair_terms), minlength=vocabulary)
    yield None
    runs = np.concatenate(pair_runs)
    yield None
    totals = np.concatenate(pair_totals)
    yield None
    yield Segment(
        starts=starts,
        rows=rows,
        counts=counts,
        impacts=impacts,
        row_starts=row_starts,
        terms=source.terms,
        row_counts=source.counts,
        run_starts=_starts(per_term),
        runs=runs,
        totals=totals,
        holders=holders.astype(np.int32),
        sessions=(per_term + alone).astype(np.int32),
    )


def _steps(starts: Ints, size: int) -> Iterator[tuple[int, int]]:
    """Cut items 0 to `size`, whose entries begin at `starts`, into pieces of about `_CHUNK` entries."""
    first = 0
    while first < size:
        end = int(np.searchsorted(starts, starts[first] + _CHUNK, side="right")) - 1
        end = min(max(end, first + 1), size)
        yield first, end
        first = end


def _starts(sizes: npt.NDArray[np.integer[Any]]) -> Ints:
    starts = np.zeros(len(sizes) + 1, dtype=np.int64)
    np.cumsum(sizes, out=starts[1:])
    return starts


_NO_ROWS: Final[Rows] = np.zeros(0, dtype=np.int32)
