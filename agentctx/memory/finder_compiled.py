"""Finding rows that may bear on a query, by compiled kernels: native/words.c, native/pool.c and native/guess.c.

The order of the arguments is that of the enumerations in native/pool.h.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from agentctx.memory.exact import Question
from agentctx.memory.finder import CUT, LOUD, LOUDEST, Like, Mask, Rows
from agentctx.memory.nearness import edges, reach
from agentctx.memory.scratch import Scratch
from agentctx.memory.weights import (
    DENSE,
    FIRST,
    FIRST_LEXICAL,
    SPEAKER,
    SPEAKER_LEXICAL,
    TIME,
    WEIGHTS,
)
from agentctx.memory.wording import Floats

_SHARES: Final = np.array(
    [
        WEIGHTS.previous,
        WEIGHTS.following,
        WEIGHTS.second_previous,
        WEIGHTS.second_following,
        WEIGHTS.previous_asks,
    ],
    dtype=np.float32,
)
_NO_ROWS: Final = np.zeros(0, dtype=np.int32)
_NOBODY: Final = np.zeros(0, dtype=np.bool_)
_NO_WEIGHTS: Final = np.zeros(0, dtype=np.float32)


class CompiledFinder:
    """What `Finder` is, by kernels."""

    def __init__(self, native: ModuleType, question: Question, scratch: Scratch, allowed: Mask | None) -> None:
        self._native, self._question, self._scratch = native, question, scratch
        self._promise = scratch.promise[: question.view.size]
        self._edges = [edges(hint) for hint in question.hints]
        self._traits = _traits(question, scratch, self._promise, allowed, self._edges)
        self._count = self._heard = 0
        self.rows: Rows = _NO_ROWS
        self.guess: Floats = _NO_WEIGHTS

    def promise(self, most: int) -> int:
        """As `Finder.promise`."""
        question, scratch, promise = self._question, self._scratch, self._promise
        if question.wording is None:
            promise.fill(0)
            return 0
        added = question.add_up(promise, most)
        if question.context:
            view, asks = question.view, question.index.asks.array
            self._heard = self._native.reach_out(
                promise, scratch.reached, view.following, view.previous, asks, _SHARES, added.sample, scratch.rows,
                scratch.hearers, LOUD, LOUDEST // added.step,
            )  # fmt: skip
        return added.looked

    def draw_near(self) -> int:
        """As `Finder.draw_near`."""
        index, found = self._question.index, 0
        for hint, (start, end, behind, ahead) in zip(self._question.hints, self._edges, strict=True):
            rows = index.timeline.range(*reach(hint))
            bounds, widths = np.array((start, end)), np.array((behind, ahead))
            self._native.draw_near(rows, index.occurred.array, bounds, widths, self._promise, TIME)
            found += len(rows)
        return found

    def choose_by_all(self, products: Floats, wanted: int) -> None:
        """As `Finder.choose_by_all`."""
        scratch = self._scratch
        self._take(self._native.choose_by_all(*self._traits, products, scratch.rows, scratch.guess, wanted))

    def choose(self, wanted: int, offered: Rows) -> float:
        """As `Finder.choose`."""
        scratch, offered = self._scratch, offered.astype(np.int32, copy=False)
        count, cut = self._native.choose(
            *self._traits, offered, scratch.mark, scratch.rows, scratch.guess, CUT * wanted, wanted
        )
        self._take(count)
        return float(cut)

    def join_like(self, near: Floats, like: Rows, products: Floats, wanted: int, nearest: int | None) -> Like:
        """As `Finder.join_like`."""
        scratch, like = self._scratch, like.astype(np.int32, copy=False)
        count, offered, cut, usual = self._native.join_like(
            *self._traits, near, like, products, scratch.mark, scratch.rows, scratch.guess, wanted,
            -1 if nearest is None else nearest,
        )  # fmt: skip
        self._take(count)
        return Like(offered, cut, usual)

    def settle(self) -> None:
        """As `Finder.settle`."""
        self._native.settle(self.rows, self.guess, self._scratch.reached, self._scratch.hearers, self._heard)
        self.rows, self.guess = self.rows.astype(np.int64), self.guess.copy()

    def _take(self, count: int) -> None:
        """The first rows of the working memory are the candidates now."""
        self.rows, self.guess = self._scratch.rows[:count], self._scratch.guess[:count]


def _traits(
    question: Question,
    scratch: Scratch,
    promise: Floats,
    allowed: Mask | None,
    times: list[tuple[int, int, float, float]],
) -> tuple[Any, ...]:
    """What every kernel takes that guesses: what is known of each row, and what the query asks of it."""
    index, wording, roles = question.index, question.wording, question.roles
    numbers = np.array(
        (
            wording is not None,
            question.context,
            1 / WEIGHTS.context_length,
            question.told,
            FIRST,
            FIRST_LEXICAL,
            SPEAKER,
            SPEAKER_LEXICAL,
            TIME,
            DENSE,
        ),
        dtype=np.float32,
    )
    told: tuple[npt.NDArray[np.int32], Floats] = (_NO_ROWS, _NO_WEIGHTS)
    if roles:
        told = np.array([one for one, _ in roles], dtype=np.int32), np.array([x for _, x in roles], dtype=np.float32)
    named = _NOBODY
    if wording is not None and wording.named:
        named = np.zeros(len(index.speakers), dtype=np.bool_)
        named[list(wording.named)] = True
    occurred = bounds = widths = None
    if times:
        occurred = index.occurred.array
        bounds, widths = np.array([one[:2] for one in times]), np.array([one[2:] for one in times])
    return (
        numbers, promise, scratch.reached, index.length.array, index.times_told.array, question.view.previous,
        index.role.array, index.speaker.array, occurred, *told, named, bounds, widths, allowed,
    )  # fmt: skip
