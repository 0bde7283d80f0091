"""Where some rows say some terms: looked up from the side of the rows, or of the terms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from agentctx.index.lexical_fold import norm
from agentctx.index.lexical_segment import IMPACTS, Counts, Ints, Rows, Segment
from agentctx.index.lexical_tail import Tail, slices, spread_out

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
    base: Segment, tails: Sequence[Tail], terms: Rows, lengths: npt.NDArray[np.float32], mean: float
) -> tuple[npt.NDArray[np.intp], Rows, npt.NDArray[np.float32]]:
    """See `LexicalIndex.look`."""
    known = terms if not len(terms) or int(terms.max()) < base.vocabulary else terms[terms < base.vocabulary]
    which = None if len(known) == len(terms) else np.flatnonzero(terms < base.vocabulary)
    begins, sizes = base.look_starts[known], base.look_sizes[known]
    owner, at = spread_out(begins, sizes)
    rows, says = base.rows.take(at), base.impacts.take(at) * np.float32(1 / IMPACTS)
    if which is not None:
        owner = which[owner]
    newer = [
        (place, *held)
        for tail in tails
        if len(tail)
        for place, term in enumerate(terms.tolist())
        if (held := tail.postings(term)) is not None
    ]
    if not newer:
        return owner, rows, says
    new_rows, counts = np.concatenate([one[1] for one in newer]), np.concatenate([one[2] for one in newer])
    impacts = counts / (counts + norm(lengths[new_rows], mean))
    owner = np.concatenate((owner, np.repeat([one[0] for one in newer], [len(one[1]) for one in newer])))
    order = np.argsort(owner, kind="stable")
    return owner[order], np.concatenate((rows, new_rows))[order], np.concatenate((says, impacts))[order]


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
    owner, at = slices(starts, rows)
    code[wanted] = np.arange(1, len(wanted) + 1, dtype=np.int16)
    met = code.take(terms.take(at))
    code[wanted] = 0
    hits = np.flatnonzero(met)
    return Met(place[owner[hits]], met[hits].astype(np.intp) - 1, counts.take(at[hits]), len(at))


def by_term(base: Segment, rows: npt.NDArray[np.integer[Any]], place: Rows, wanted: Rows) -> Met:
    """Look through all rows that say the terms."""
    owner, at = slices(base.starts, wanted)
    said = base.rows.take(at)
    where = place.take(said)
    hits = np.flatnonzero(rows.take(where, mode="clip") == said)
    return Met(where[hits], owner[hits], base.counts.take(at[hits]), len(at))
