"""From candidates to the best rows: score the most promising ones exactly, and go on while another could be better."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from agentctx.index.view import NOBODY
from agentctx.memory.candidates import VECTORS, WORDS, Pool, Reach, pool
from agentctx.memory.exact import Question, Scored
from agentctx.memory.scratch import Scratch
from agentctx.memory.survey import SURVEYED, survey
from agentctx.memory.weights import DENSE

Rows = npt.NDArray[np.integer[Any]]
Mask = npt.NDArray[np.bool_]

ALL: Final = 2_048
"""Up to so many eligible rows, each is scored."""
_FIRST: Final = 192  # rows scored in the first round, for ten hits
_AROUND: Final = 96  # of which so many bring their neighbours
_MOST: Final = 4_096  # rows scored for one query, for ten hits
_CHUNK: Final = 8_192
_WIDER: Final = 2  # times that a search looks farther
_MOSTLY: Final = 0.55  # vectors decide if a row that they do not offer could come so near to the last hit by them alone
_NEXT: Final = "next"
_NOBODY: Final = np.zeros(0, dtype=np.intp)


@dataclass(slots=True)
class Outcome:
    """The best rows, and how they were found. partial: time ran out before all that was to be scored was."""

    best: Scored
    counts: dict[str, int] = field(default_factory=dict)
    sources: Mapping[str, int] = field(default_factory=dict)
    widened: str = ""
    partial: bool = False


def exhaust(question: Question, k: int, rows: Rows, late: Callable[[], bool]) -> Outcome:
    """The k best of some rows, each scored."""
    kept: list[Scored] = []
    done = 0
    for start in range(0, len(rows), _CHUNK):
        if start and late():
            break
        some = rows[start : start + _CHUNK]
        scored = question.score(some)
        kept.append(best_of([scored], k))
        done += len(scored.rows)
        if len(kept) > 16:
            kept = [best_of(kept, k)]
    partial = bool(len(rows)) and start + len(some) < len(rows)
    counts = {"candidates": len(rows), "scored": done, "postings": question.occurrences, "codes": 0}
    return Outcome(best_of(kept, k) if kept else question.score(rows), counts, partial=partial)


def route(
    question: Question,
    scratch: Scratch,
    k: int,
    eligible: Mask | None,
    late: Callable[[], bool],
    tagged: Rows | None = None,
) -> Outcome:
    """The k best rows, as far as scoring the promising ones tells. eligible: as for `pool`."""
    reach = Reach.of(k, question.view.count)
    whole = question.view.size <= SURVEYED
    if whole:
        found = survey(question, scratch, 64 * k, eligible, tagged)
    else:
        found = pool(question, scratch, reach, eligible, tagged)
    few = min(2.0, 0.5 + question.view.count / 200_000)
    first, most = max(int(few * _FIRST), 4 * k), max(_MOST, 64 * k)
    around_each = 0 if whole else max(int(few * _AROUND), 2 * k)  # a survey looks around by itself
    kept: list[Scored] = []
    seen = _NOBODY
    uplift = 0.0
    done = upto = 0
    widened: list[str] = []
    partial = False
    best: Scored | None = None
    while True:
        end = min(len(found.rows), max(first, 2 * upto))
        block = slice(upto, end)
        around = found.rows[upto : min(end, upto + around_each)]
        if best is not None and not whole:
            around = np.concatenate((around, best.rows))
        extra = _beside(question, scratch, found.rows[block], around, seen) if len(around) else _NOBODY
        if eligible is not None:
            extra = extra[eligible[extra]]
        scored, more = _score(question, found, block, extra, seen)
        kept.append(scored)
        seen = np.concatenate((seen, scored.rows))
        uplift = max(uplift, more)
        done += len(scored.rows)
        upto = end
        best = best_of(kept, k)
        reason = _reason(found, upto, uplift, best, k)
        if not reason or done >= most or (whole and reason != _NEXT):
            break
        if late():
            partial = True
            break
        if reason == _NEXT:
            continue
        if len(widened) == _WIDER:
            break
        widened.append(reason)
        reach = reach.wider(reason)
        found = found.joined(pool(question, scratch, reach, eligible, tagged), upto)
        if upto == len(found.rows):
            break
    counts = {
        "candidates": len(found.rows),
        "scored": done,
        "postings": found.postings + question.occurrences,
        "codes": found.codes,
    }
    return Outcome(best, counts, found.sources, ", ".join(widened), partial)


def _beside(question: Question, scratch: Scratch, block: Rows, around: Rows, seen: Rows) -> Rows:
    """The neighbours of some rows, but for those of the block and those seen."""
    view, place = question.view, scratch.place
    some = np.concatenate((view.previous[around], view.following[around]))
    some = some[some != NOBODY].astype(np.intp)
    count = np.arange(len(some), dtype=np.int32)
    place[some] = count
    place[block] = -1
    place[seen] = -1
    beside: Rows = some[place[some] == count]
    return beside


def _score(question: Question, found: Pool, block: slice, extra: Rows, seen: Rows) -> tuple[Scored, float]:
    """The scores of a block of the pool, less what is seen, and of some rows more; by how much the guess was short."""
    rows, guess, dense = found.rows[block], found.guess[block], None if found.dense is None else found.dense[block]
    if len(seen):
        fits = np.isin(rows, seen, invert=True)
        rows, guess, dense = rows[fits], guess[fits], None if dense is None else dense[fits]
    if dense is not None:
        assert question.vector is not None
        dense = np.concatenate((dense, question.index.vectors.score(extra, question.vector)))
    scored = question.score(np.concatenate((rows, extra)), dense)
    if not len(rows):
        return scored, 0.0
    return scored, float((scored.total[: len(rows)] - guess).max())


def _reason(found: Pool, upto: int, uplift: float, best: Scored, k: int) -> str:
    """Which source to look at further, as what was not scored yet could be among the best; empty if it could not."""
    if len(best.rows) < k:
        return _NEXT if upto < len(found.rows) else WORDS if found.words_cut > 0 else VECTORS
    worst = float(best.total[-1])
    if upto < len(found.rows) and float(found.guess[upto]) + uplift > worst:
        return _NEXT
    if found.words_cut > 0 and found.words_cut + DENSE * found.usual + uplift > worst:
        return WORDS
    if found.vectors_cut > 0 and DENSE * found.vectors_cut > _MOSTLY * worst:
        return VECTORS
    return ""


def best_of(kept: list[Scored], k: int) -> Scored:
    """The k best rows that something speaks for, best first, equal ones in log order."""
    if len(kept) > 1:
        kept = [join([best_of([one], k) for one in kept])]
    one = kept[0]
    places = np.flatnonzero(one.found)
    if len(places) > k:
        total = one.total[places]
        places = places[total >= np.partition(total, len(total) - k)[len(total) - k]]
    order = np.lexsort((one.rows[places], -one.total[places]))[:k]
    return one.take(places[order])


def join(kept: list[Scored]) -> Scored:
    """Rows of several sets, which have none in common."""
    names = dict.fromkeys(name for one in kept for name in one.parts)
    return Scored(
        np.concatenate([one.rows for one in kept]),
        np.concatenate([one.total for one in kept]),
        np.concatenate([one.found for one in kept]),
        {name: np.concatenate([one.parts[name] for one in kept]) for name in names},
        np.concatenate([one.exact for one in kept], axis=1),
        np.concatenate([one.alike for one in kept], axis=1),
    )
