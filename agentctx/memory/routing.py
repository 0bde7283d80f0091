"""From candidates to the best rows: score the most promising ones exactly, and go on while another could be better."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from agentctx import kernels
from agentctx.memory.candidates import VECTORS, WORDS, Pool, Reach, pool
from agentctx.memory.exact import Question, Scored
from agentctx.memory.scratch import Scratch
from agentctx.memory.weights import DENSE
from agentctx.memory.wording import Floats

Rows = npt.NDArray[np.integer[Any]]
Mask = npt.NDArray[np.bool_]

ALL: Final = 2_048
"""Up to so many eligible rows, each is scored."""
_FIRST: Final = 128  # rows scored in the first round, for ten hits among ten thousand
_MORE: Final = 0.35  # ... and with what power of the number of rows there are more
_BY_VECTORS: Final = 1_024  # rows, at least, where vectors alone decide
_BEHIND: Final = 3  # of what was scored first, the part behind the first third must hold none of the best
_MOST: Final = 4_096  # rows scored for one query, for ten hits
_CHUNK: Final = 4_096  # rows at once: a millisecond or so, in which no other thread runs
_WIDER: Final = 2  # times that a search looks farther
_MOSTLY: Final = 0.55  # vectors decide if a row that they do not offer could come so near to the last hit by them alone
_NEXT: Final = "next"


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
    found = pool(question, scratch, reach, eligible, tagged)
    first, most = max(int(_FIRST * (question.view.count / 10_000) ** _MORE), 8 * k), max(_MOST, 64 * k)
    if question.wording is None:
        first = max(first, _BY_VECTORS)
    done = upto = 0
    widened: list[str] = []
    partial = False
    best: Scored | None = None
    while True:
        end = min(len(found.rows), max(first, 2 * upto))
        scored = question.score(found.rows[upto:end])
        best = best_of([scored] if best is None else [best, scored], k)
        behind = scored.total if upto else scored.total[len(scored.total) // _BEHIND :]
        done += end - upto
        upto = end
        reason = _reason(found, upto, behind, best, k)
        if not reason or done >= most:
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


def _reason(found: Pool, upto: int, behind: Floats, best: Scored, k: int) -> str:
    """Which source to look at further, as what was not scored yet could be among the best; empty if it could not.

    behind: the scores of the last part of what was scored. While some of these are among the best, so may be the next.
    """
    if len(best.rows) < k:
        return _NEXT if upto < len(found.rows) else WORDS if found.words_cut > 0 else VECTORS
    worst = float(best.total[-1])
    if upto < len(found.rows) and len(behind) and float(behind.max()) >= worst:
        return _NEXT
    if found.words_cut > 0 and found.words_cut + DENSE * found.usual > worst:
        return WORDS
    if found.vectors_cut > 0 and DENSE * found.vectors_cut > _MOSTLY * worst:
        return VECTORS
    return ""


def best_of(kept: list[Scored], k: int) -> Scored:
    """The k best rows that something speaks for, best first, equal ones in log order."""
    one = kept[0] if len(kept) == 1 else join(kept)
    native = kernels.compiled
    if native is not None:
        best = np.empty(min(k, len(one.rows)), dtype=np.int64)
        count = native.best_of(one.rows.astype(np.int64, copy=False), one.total, one.found, best)
        return one.take(best[:count])
    places = np.flatnonzero(one.found)
    if len(places) > k:
        total = one.total[places]
        places = places[total >= np.partition(total, len(total) - k)[len(total) - k]]
    order = np.lexsort((one.rows[places], -one.total[places]))[:k]
    return one.take(places[order])


def join(kept: list[Scored]) -> Scored:
    """Rows of several sets, which have none in common."""
    return Scored(
        np.concatenate([one.rows for one in kept]),
        np.concatenate([one.total for one in kept]),
        np.concatenate([one.found for one in kept]),
        np.concatenate([one.parts for one in kept]),
    )
