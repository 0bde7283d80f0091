"""What the kernels of the score read, put together once a question: `native/texts.h` and `native/score.c` name it.

The order of the arguments and of the numbers is that of the enumerations there.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from agentctx import kernels
from agentctx.index.episodes import EpisodeIndex
from agentctx.index.lexical_fold import LENGTH_NORM, SATURATION
from agentctx.index.lexical_open import base_texts, by_session, tail_texts
from agentctx.index.view import View
from agentctx.memory.nearness import edges
from agentctx.memory.times import TimeHint
from agentctx.memory.weights import (
    DENSE,
    FIRST,
    FIRST_LEXICAL,
    SPEAKER,
    SPEAKER_LEXICAL,
    TIME,
    WEIGHTS,
)
from agentctx.memory.wording import ABSENT, Floats, Wording

_FIXED: Final = (
    WEIGHTS.previous,
    WEIGHTS.following,
    WEIGHTS.second_previous,
    WEIGHTS.second_following,
    WEIGHTS.previous_asks,
    WEIGHTS.session,
    1 / WEIGHTS.context_length,
    SPEAKER,
    SPEAKER_LEXICAL,
)
WORTH: Final = 0.04
"""A word of like meaning leads to rows if its nearness times the share of the word that it stands for is as much."""
_NO_HINTS: Final = (np.zeros((0, 2), dtype=np.int64), np.zeros((0, 2)))
_NO_ROLES: Final = (np.zeros(0, dtype=np.int32), np.zeros(0, dtype=np.float32))
_NO_NAMES: Final = np.zeros(0, dtype=np.int32)


@dataclass(frozen=True, slots=True, eq=False)
class Laid:
    """Which terms count for which words: by code, a code for each distinct term, the words themselves first.

    codes: the terms' numbers. worth: what each could count at most. leads: how many of the first are worth a look.
    pair_starts: by code where the words that it counts for begin in slot and strength; 0 stands for the very word.
    """

    codes: npt.NDArray[np.int32]
    worth: Floats
    leads: int
    pair_starts: npt.NDArray[np.int64]
    slot: npt.NDArray[np.int64]
    strength: Floats


def lay_out(wording: Wording, own: npt.NDArray[np.int32], bare: Floats, code: npt.NDArray[np.int16]) -> Laid:
    """The terms of a query by code: the words themselves first, then those that could count most.

    own: by word its number, or ABSENT. bare: the words' shares. code: working memory by term, 0 before and after.
    """
    native = kernels.compiled
    if native is None:
        return _lay_out(wording, own, bare, code)
    room = len(own) + len(wording.number)
    codes, worth = np.empty(room, dtype=np.int32), np.empty(room, dtype=np.float32)
    starts, slot = np.empty(room + 1, dtype=np.int64), np.empty(room, dtype=np.int64)
    strength = np.empty(room, dtype=np.float32)
    known, pairs, leads = native.lay_out(
        own, bare, wording.slot, wording.number, wording.strength, code, codes, worth, starts, slot, strength, WORTH
    )
    return Laid(codes[:known], worth[:known], leads, starts[: known + 1], slot[:pairs], strength[:pairs])


def _lay_out(wording: Wording, own: npt.NDArray[np.int32], bare: Floats, code: npt.NDArray[np.int16]) -> Laid:
    known = np.flatnonzero(own != ABSENT)
    numbers = np.concatenate((own.take(known), wording.number))
    slot = np.concatenate((known, wording.slot))
    strength = np.zeros(len(numbers), dtype=np.float32)
    strength[len(known) :] = wording.strength
    worth = bare.take(slot)
    worth[len(known) :] *= wording.strength
    rank = worth.copy()
    rank[: len(known)] += np.float32(1)  # a share is 1 at most
    order = (-rank).argsort(kind="stable")
    numbers, slot = numbers[order], slot[order]
    strength, worth, rank = strength[order], worth[order], rank[order]
    count = np.arange(1, len(numbers) + 1, dtype=np.int16)
    code[numbers[::-1]] = count[::-1]  # where a term stands twice, the place that is written last stays: its first
    first = code.take(numbers)
    code[numbers] = 0
    new = first == count
    code_of = (new.cumsum() - 1).take(first - 1)
    by_code = code_of.argsort(kind="stable")
    size = int(np.count_nonzero(new))
    return Laid(
        codes=numbers[new],
        worth=np.bincount(code_of, weights=worth, minlength=size).astype(np.float32),
        leads=int(np.count_nonzero(rank[new] >= WORTH)),
        pair_starts=np.append(0, np.bincount(code_of, minlength=size).cumsum()),
        slot=slot[by_code],
        strength=strength[by_code],
    )


def texts_of(
    laid: Laid,
    bare: Floats,
    code: npt.NDArray[np.int16],
    index: EpisodeIndex,
    view: View,
    told: float,
    *,
    context: bool,
) -> tuple[Any, ...]:
    """What every kernel takes that reads what rows say. told: what it counts that a turn tells a time."""
    numbers = array(
        "d",
        (
            SATURATION,
            LENGTH_NORM,
            view.total_length / max(view.count, 1),
            view.total_length / max(view.filled, 1),
            context,
            *_FIXED,
            told,
            FIRST,
            FIRST_LEXICAL,
            TIME,
            DENSE,
        ),
    )
    return (
        numbers, bare, laid.codes, laid.pair_starts, laid.slot, laid.strength, code,
        *base_texts(index.lexical), index.length.array, tail_texts(index.lexical),
    )  # fmt: skip


def columns_of(
    own: npt.NDArray[np.int32],
    named: tuple[int, ...],
    roles: list[tuple[int, float]],
    hints: tuple[TimeHint, ...],
    index: EpisodeIndex,
    view: View,
) -> tuple[Any, ...]:
    """What else the score of a row is made of."""
    run_starts, runs, totals, shown = by_session(index.lexical)
    told = _NO_ROLES
    if roles:
        told = np.array([one for one, _ in roles], dtype=np.int32), np.array([x for _, x in roles], dtype=np.float32)
    times = _NO_HINTS
    if hints:
        near = [edges(hint) for hint in hints]
        spans, slopes = [one[:2] for one in near], [one[2:] for one in near]
        times = np.array(spans, dtype=np.int64), np.array(slopes, dtype=np.float64)
    return (
        own, view.previous, view.following, view.run, index.session.array, index.asks.array, index.times_told.array,
        index.speaker.array, index.role.array, index.occurred.array, view.run_length, run_starts, runs, totals, shown,
        np.array(named, dtype=np.int32) if named else _NO_NAMES, *told, *times,
    )  # fmt: skip
