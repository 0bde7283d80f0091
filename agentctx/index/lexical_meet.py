"""Where terms are said: the lists of some terms put together, and where some rows say them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from agentctx import kernels
from agentctx.index.lexical_fold import norm
from agentctx.index.lexical_segment import IMPACTS, Counts, Ints, Rows, Segment
from agentctx.index.lexical_tail import Tail, stretches

EITHER: Final = 6
"""Occurrences that are looked at by term in the time of one by row."""
SAMPLE: Final = 8_192
"""Occurrences, and up to twice as many, that tell how high the sums of rows are."""
_LONG: Final = 1_024  # occurrences a list from which on each is dealt with by itself

Floats = npt.NDArray[np.float32]
Rooms = tuple[Rows, npt.NDArray[np.int16]]
"""Working memory by row and by term, all 0 before and after."""


@dataclass(frozen=True, slots=True, eq=False)
class Met:
    """Where some rows say some terms: by occurrence the place of the row, that of the term, and how often.

    looked: occurrences that were looked at to find these.
    """

    place: npt.NDArray[np.intp]
    code: npt.NDArray[np.intp]
    counts: Counts
    looked: int


@dataclass(frozen=True, slots=True, eq=False)
class Lists:
    """The rows that say some terms, hidden ones too: of each term those of the base, and behind all these the newest.

    begins, sizes: where the list of each term lies in the base. new_codes, new_counts: of the newest rows, the place of
    the term and how often it is said.
    """

    rows: npt.NDArray[np.intp]
    begins: Ints
    sizes: Ints
    new_codes: npt.NDArray[np.intp]
    new_counts: Counts

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True, slots=True, eq=False)
class Added:
    """What adding up found. looked: occurrences that were looked at. lists: of the terms, if they are at hand.

    sample: of one in `step` occurrences what the sum of its row is.
    """

    looked: int
    sample: Floats
    step: int
    lists: Lists | None = None

    def least_of(self, most: int) -> float:
        """About the sum that the rows of the `most` occurrences with the highest sums have at least; 0 if all are."""
        place = len(self.sample) - 1 - most // self.step
        return float(np.partition(self.sample, place)[place]) if place >= 0 else 0.0


def sizes_of(base: Segment, terms: Rows) -> tuple[Ints, Ints]:
    """Where the lists of some terms begin in the base, and how long they are there."""
    begins = base.starts.take(terms, mode="clip")  # terms that the base does not know have an empty list at the end
    return begins, base.starts.take(terms + 1, mode="clip") - begins


def gather(base: Segment, tails: Sequence[Tail], terms: Rows, most: int) -> Lists:
    """The lists of the first terms, as many as have `most` rows of the base together, at least one's."""
    begins, sizes = sizes_of(base, terms)
    enough = int(sizes.cumsum().searchsorted(most)) + 1
    begins, sizes, terms = begins[:enough], sizes[:enough], terms[:enough]
    parts: list[npt.NDArray[Any]] = [
        base.rows[begin:end] for begin, end in zip(begins.tolist(), (begins + sizes).tolist(), strict=True)
    ]
    rows, codes, counts = _newest(tails, terms)
    return Lists(np.concatenate([_NO_ROWS, *parts, rows]).astype(np.intp), begins, sizes, codes, counts)


def _newest(tails: Sequence[Tail], terms: Rows) -> tuple[npt.NDArray[np.integer[Any]], npt.NDArray[np.intp], Counts]:
    """The newest rows that say some terms: (the row, the place of the term, how often it says it)."""
    rows: list[Rows] = [_NO_ROWS]
    codes: list[npt.NDArray[np.intp]] = [_NO_CODES]
    counts: list[Counts] = [_NO_COUNTS]
    for tail in tails:
        if len(tail):
            for code, term in enumerate(terms.tolist()):
                held = tail.postings(term)
                if held is not None:
                    rows.append(held[0])
                    counts.append(held[1])
                    codes.append(np.full(len(held[0]), code, dtype=np.intp))
    if len(rows) == 1:
        return _NO_ROWS, _NO_CODES, _NO_COUNTS
    return np.concatenate(rows), np.concatenate(codes), np.concatenate(counts)


def add_up(
    base: Segment,
    tails: Sequence[Tail],
    terms: Rows,
    weights: Floats,
    most: int,
    lengths: Floats,
    mean: float,
    sums: Floats,
) -> Added:
    """Write to `sums`, by row, of each term its weight times about how much the row is about it.

    Only of the first terms, as many as have `most` rows of the base together, at least one's.
    """
    size = len(base)
    lists: Lists | None = None
    rows: npt.NDArray[np.integer[Any]]
    native = kernels.compiled
    if native is None:
        lists = gather(base, tails, terms, most)
        sums.fill(0)
        _add_lists(base, lists, weights, sums)
        known = len(lists) - len(lists.new_codes)
        step = max(1, known // SAMPLE)
        sample = sums.take(lists.rows[:known:step])
        rows, codes, counts = lists.rows[known:], lists.new_codes, lists.new_counts
    else:
        sums[size:] = 0
        room = np.empty(2 * SAMPLE, dtype=np.float32)
        known, taken, sampled = native.add_up(
            base.starts, base.rows, base.impacts, terms, weights, sums, room, size, most, SAMPLE
        )
        step, sample = max(1, known // SAMPLE), room[:sampled]
        rows, codes, counts = _newest(tails, terms[:taken])
    if len(rows):
        said = counts / (counts + norm(lengths[rows], mean))
        np.add.at(sums, rows, (said * weights.take(codes)).astype(np.float32))
        sample = np.concatenate((sample, sums.take(rows[::step])))
    return Added(known + len(rows), sample, step, lists)


def _add_lists(base: Segment, lists: Lists, weights: Floats, sums: Floats) -> None:
    """Add to `sums` what the lists of the base come to."""
    parts = weights[: len(lists.sizes)] * np.float32(1 / IMPACTS)
    known = len(lists.rows) - len(lists.new_codes)
    begins, ends = lists.begins.tolist(), (lists.begins + lists.sizes).tolist()
    if known > _LONG * len(parts):
        done = 0
        for part, begin, end in zip(parts, begins, ends, strict=True):
            np.add.at(sums, lists.rows[done : done + end - begin], base.impacts[begin:end] * part)
            done += end - begin
    elif known:
        impacts = np.concatenate([base.impacts[begin:end] for begin, end in zip(begins, ends, strict=True)])
        np.add.at(sums, lists.rows[:known], impacts * parts.repeat(lists.sizes))


def meet(
    base: Segment,
    tails: Sequence[Tail],
    rows: npt.NDArray[np.integer[Any]],
    terms: Rows,
    rooms: Rooms,
    lists: Lists | None = None,
) -> Met:
    """Where some rows, each given once, say some terms. lists: those of the first terms, if they are at hand."""
    marks, code = rooms
    size = len(base)
    inside: npt.NDArray[np.intp] | None = None  # all
    if len(rows) and int(rows.max()) >= size:
        inside = np.flatnonzero(rows < size)
    some = rows if inside is None else rows[inside]
    at_hand = 0 if lists is None else len(lists.sizes)
    listed = 0 if lists is None else len(lists)
    rest = sizes_of(base, terms[at_hand:])[1]
    texts = base.row_starts.take(some + 1) - base.row_starts.take(some)
    if size and listed + 3 * int(rest.sum()) <= EITHER * int(texts.sum()):
        found = []
        marks[rows] = np.arange(1, len(rows) + 1, dtype=np.int32)
        if lists is not None:
            found.append(_by_term(base, lists, marks, 0))
        if at_hand < len(terms):
            further = gather(base, tails, terms[at_hand:], np.iinfo(np.int64).max)
            found.append(_by_term(base, further, marks, at_hand))
        marks[rows] = 0
        return _joined(found)
    found = []
    code[terms] = np.arange(1, len(terms) + 1, dtype=np.int16)
    if len(some):
        found.append(_by_row(base.row_starts, base.terms, base.row_counts, some, inside, code))
    if inside is not None:
        for tail in tails:
            newer = np.flatnonzero((rows >= tail.first) & (rows < tail.end))
            if len(newer):
                held = tail.forward
                some = rows[newer] - tail.first
                found.append(_by_row(held.starts, held.terms.array, held.counts.array, some, newer, code))
    code[terms] = 0
    return _joined(found)


def _joined(found: list[Met]) -> Met:
    if len(found) == 1:
        return found[0]
    if not found:
        return Met(_NO_CODES, _NO_CODES, _NO_COUNTS, 0)
    return Met(
        np.concatenate([one.place for one in found]),
        np.concatenate([one.code for one in found]),
        np.concatenate([one.counts for one in found]),
        sum(one.looked for one in found),
    )


def _by_row(
    starts: Ints,
    terms: Rows,
    counts: Counts,
    rows: npt.NDArray[np.integer[Any]],
    places: npt.NDArray[np.intp] | None,
    code: npt.NDArray[np.int16],
) -> Met:
    """Look through all that the rows say."""
    ends, at = stretches(starts, rows)
    met = code.take(terms.take(at))
    hits = np.flatnonzero(met)
    owner = ends.searchsorted(hits, side="right")
    place: npt.NDArray[np.intp] = owner if places is None else places.take(owner)
    return Met(place, met.take(hits).astype(np.intp) - 1, counts.take(at.take(hits)), len(at))


def _by_term(base: Segment, lists: Lists, marks: Rows, first: int) -> Met:
    """Look through all rows that say the terms."""
    where = marks.take(lists.rows)
    hits = np.flatnonzero(where)
    place = where.take(hits).astype(np.intp) - 1
    known = len(lists.rows) - len(lists.new_codes)
    ends = lists.sizes.cumsum()
    old = int(hits.searchsorted(known)) if len(lists.new_codes) else len(hits)
    owner = ends.searchsorted(hits[:old], side="right")
    counts = base.counts.take(hits[:old] + (lists.begins - ends + lists.sizes).take(owner))
    if old < len(hits):
        new = hits[old:] - known
        owner = np.concatenate((owner, lists.new_codes.take(new)))
        counts = np.concatenate((counts, lists.new_counts.take(new)))
    return Met(place, owner + first, counts, len(lists))


_NO_ROWS: Final[Rows] = np.zeros(0, dtype=np.int32)
_NO_CODES: Final[npt.NDArray[np.intp]] = np.zeros(0, dtype=np.intp)
_NO_COUNTS: Final[Counts] = np.zeros(0, dtype=np.uint8)
