"""Where some rows say some terms: looked up from the side of the rows, or of the terms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from agentctx.index.lexical_fold import norm
from agentctx.index.lexical_segment import IMPACTS, Counts, Ints, Rows, Segment
from agentctx.index.lexical_tail import Tail, places_of, stretches

EITHER: Final = 1.5  # occurrences that are looked at by term in the time of one by row


@dataclass(frozen=True, slots=True, eq=False)
class Met:
    """Where some rows say some terms: by occurrence the place of the row, that of the term, and how often.

    looked: occurrences that were looked at to find these.
    """

    place: Rows
    code: npt.NDArray[np.intp]
    counts: Counts
    looked: int


def meet(
    base: Segment,
    tails: Sequence[Tail],
    rows: npt.NDArray[np.integer[Any]],
    place: Rows,
    terms: Rows,
    code: npt.NDArray[np.int16],
) -> Met:
    """See `LexicalIndex.meet`."""
    found: list[Met] = []
    size = len(base)
    inside = rows if not len(rows) or int(rows.max()) < size else rows[rows < size]
    if len(inside):
        known = terms[: int(np.searchsorted(terms, base.vocabulary))]
        lists, texts = base.starts[known + 1] - base.starts[known], base.row_starts
        if len(known) and int(lists.sum()) <= EITHER * int((texts[inside + 1] - texts[inside]).sum()):
            found.append(by_term(base, rows, place, known))
        else:
            found.append(by_row(texts, base.terms, base.row_counts, inside, place[inside], terms, code))
    if len(inside) < len(rows):
        for tail in tails:
            newer = rows[(rows >= tail.first) & (rows < tail.end)]
            if len(newer):
                held = tail.forward
                some = newer - tail.first
                found.append(by_row(held.starts, held.terms.array, held.counts.array, some, place[newer], terms, code))
    if len(found) == 1:
        return found[0]
    if not found:
        return Met(np.zeros(0, np.int32), np.zeros(0, np.intp), np.zeros(0, np.uint8), 0)
    return Met(
        np.concatenate([one.place for one in found]),
        np.concatenate([one.code for one in found]),
        np.concatenate([one.counts for one in found]),
        sum(one.looked for one in found),
    )


def look(
    base: Segment,
    tails: Sequence[Tail],
    wanted: tuple[Rows, npt.NDArray[np.float32], int, bool],
    lengths: npt.NDArray[np.float32],
    mean: float,
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.float32]]:
    """See `LexicalIndex.look`, whose arguments are in `wanted`."""
    terms, weights, most, entire = wanted
    inside = np.flatnonzero(terms < base.vocabulary)
    known = terms.take(inside)
    begins = (base.starts if entire else base.look_starts).take(known)
    sizes = base.starts.take(known + 1) - begins if entire else base.look_sizes.take(known)
    enough = int(sizes.cumsum().searchsorted(most)) + 1
    begins, sizes, inside = begins[:enough], sizes[:enough], inside[:enough]
    places = places_of(begins, sizes)
    rows = base.rows.take(places).astype(np.intp)
    says = (weights.take(inside) * np.float32(1 / IMPACTS)).repeat(sizes)
    says *= base.impacts.take(places)
    newer = [
        (*held, weight)
        for tail in tails
        if len(tail)
        for term, weight in zip(terms.tolist(), weights.tolist(), strict=True)
        if (held := tail.postings(term)) is not None
    ]
    if not newer:
        return rows, says
    new_rows, counts = np.concatenate([one[0] for one in newer]), np.concatenate([one[1] for one in newer])
    impacts = counts / (counts + norm(lengths[new_rows], mean))
    impacts *= np.repeat(np.array([one[2] for one in newer], dtype=np.float32), [len(one[0]) for one in newer])
    return np.concatenate((rows, new_rows)), np.concatenate((says, impacts))


def by_row(
    starts: Ints,
    terms: Rows,
    counts: Counts,
    rows: npt.NDArray[np.integer[Any]],
    place: Rows,
    wanted: Rows,
    code: npt.NDArray[np.int16],
) -> Met:
    """Look through all that the rows say."""
    ends, at = stretches(starts, rows)
    code[wanted] = np.arange(1, len(wanted) + 1, dtype=np.int16)
    met = code.take(terms.take(at))
    code[wanted] = 0
    hits = np.flatnonzero(met)
    owner = ends.searchsorted(hits, side="right")
    return Met(place.take(owner), met.take(hits).astype(np.intp) - 1, counts.take(at.take(hits)), len(at))


def by_term(base: Segment, rows: npt.NDArray[np.integer[Any]], place: Rows, wanted: Rows) -> Met:
    """Look through all rows that say the terms."""
    ends, at = stretches(base.starts, wanted)
    said = base.rows.take(at)
    where = place.take(said)
    hits = np.flatnonzero(rows.take(where, mode="clip") == said)
    owner = ends.searchsorted(hits, side="right")
    return Met(where.take(hits), owner, base.counts.take(at.take(hits)), len(at))
