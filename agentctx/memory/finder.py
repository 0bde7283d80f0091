"""Finding rows that may bear on a query: what is promised of each, and the ones that promise most.

The twin of `finder_compiled`, with the same methods to the same results but for the last bits of a float.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from agentctx.ids import to_micros
from agentctx.index.highest import about_least_of
from agentctx.index.view import NOBODY
from agentctx.memory.exact import Question
from agentctx.memory.nearness import closeness, reach
from agentctx.memory.scratch import Scratch
from agentctx.memory.weights import DENSE, TIME, WEIGHTS
from agentctx.memory.wording import Floats

Rows = npt.NDArray[np.integer[Any]]
Mask = npt.NDArray[np.bool_]

LOUD: Final = 0.06
"""What words must say of a row for its neighbours to hear of it."""
LOUDEST: Final = 8_192
"""Occurrences, about, whose rows' neighbours hear of them."""
CUT: Final = 4
"""So many times more rows than are wanted are looked at for those that most speaks for."""
_FAVOURED: Final = 8  # ... and among so many times more than these where it counts who says them; kernels take all
_HEARD: Final = np.float32(0.5)  # the part of what reaches a row that its promise counts; in pool.h, too
_ONE: Final = np.float32(1)


class Like(NamedTuple):
    """What `join_like` found.

    offered: rows that are worth it for their vectors, known ones too. cut: what the products of those that were not
    looked at are at most. usual: a product that few of the rows exceed that were known before.
    """

    offered: int
    cut: float
    usual: float


class Finder:
    """The candidates of one question. allowed: by row whether it may be a hit; None for all.

    The methods are called in the order in which they stand here; each takes up what those before it left.
    """

    def __init__(self, question: Question, scratch: Scratch, allowed: Mask | None) -> None:
        self._question, self._scratch, self._allowed = question, scratch, allowed
        self._size = question.view.size
        self._promise = scratch.promise[: self._size]
        self.rows: Rows = np.zeros(0, dtype=np.int64)
        """The candidates so far."""
        self.guess: Floats = np.zeros(0, dtype=np.float32)
        """About how high each will score."""

    def promise(self, most: int) -> int:
        """Find out what words promise of each row; how many of at most about `most` occurrences were looked at."""
        if self._question.wording is None:
            self._promise.fill(0)
            return 0
        added = self._question.add_up(self._promise, most)
        if self._question.context:
            self._reach_out(max(LOUD, added.least_of(LOUDEST)))
        return added.looked

    def _reach_out(self, least: float) -> None:
        """Write to `reached` what reaches each row, if it needs all of it, of the neighbours that say so much.

        A part of it is added to what is promised, which is what each says by then.
        """
        question, view = self._question, self._question.view
        promise, reached = self._scratch.promise, self._scratch.reached
        loud = np.flatnonzero(self._promise >= np.float32(least))
        strength = self._promise.take(loud)
        after, before = view.following.take(loud), view.previous.take(loud)
        asks = np.float32(WEIGHTS.previous_asks) * question.index.asks.array.take(loud)
        ways = [
            (after, (np.float32(WEIGHTS.previous) + asks) * strength),
            (before, np.float32(WEIGHTS.following) * strength),
        ]
        for neighbour, way, share in (
            (view.following, after, WEIGHTS.second_previous),
            (view.previous, before, WEIGHTS.second_following),
        ):
            second = neighbour.take(way, mode="clip")
            second[way == NOBODY] = NOBODY
            ways.append((second, np.float32(share) * strength))
        # Both are longer than there are rows: NOBODY leads to the last place.
        for way, heard in ways:
            np.add.at(reached, way, heard)
            np.add.at(promise, way, _HEARD * heard)
        reached[NOBODY] = promise[NOBODY] = 0

    def draw_near(self) -> int:
        """Add what times promise; how many rows are near to one that the query speaks of."""
        timeline, occurred = self._question.index.timeline, self._question.index.occurred.array
        found = 0
        for hint in self._question.hints:
            first, last = reach(hint)
            start, end = to_micros(hint.start), to_micros(hint.end)
            within = timeline.range(start, end)
            np.add.at(self._promise, within, np.full(len(within), TIME, dtype=np.float32))
            found += len(within)
            for beside in (timeline.range(first, start), timeline.range(end, last)):
                if len(beside):
                    near = np.float32(TIME) * closeness(occurred.take(beside), hint)
                    np.add.at(self._promise, beside, near)
                    found += len(beside)
        return found

    def choose_by_all(self, products: Floats, wanted: int) -> None:
        """Choose about so many rows by all that is known. products: about those of every row with the query."""
        self._leave_out()
        value = self._promise + np.float32(DENSE) * products
        self.rows = self._seen(np.flatnonzero(value >= about_least_of(value, wanted)))
        self.guess = self._guess(self.rows) + np.float32(DENSE) * products.take(self.rows)

    def choose(self, wanted: int, offered: Rows) -> float:
        """Choose about so many rows by what is promised of them, and of the offered ones; what others promise."""
        self._leave_out()
        question, most = self._question, CUT * wanted
        least = about_least_of(self._promise, (_FAVOURED if question.favours else 1) * most)
        rows = np.flatnonzero(self._promise >= np.float32(least) if least > 0 else self._promise > 0)
        cut = 0.0 if question.favours else max(least, 0.0)
        if question.favours and len(rows) > most:
            favoured = question.favoured(rows, self._promise.take(rows))
            rows = rows[favoured >= about_least_of(favoured, most)]
        rows = np.concatenate((rows, self._seen(self._new(np.unique(offered), rows))))
        guess = self._guess(rows)
        if len(rows) > wanted:
            cut = max(cut, about_least_of(guess, wanted))
            best = np.flatnonzero(guess >= cut)
            rows, guess = rows.take(best), guess.take(best)
        self.rows, self.guess = rows, guess
        return cut

    def join_like(self, near: Floats, like: Rows, products: Floats, wanted: int, nearest: int | None) -> Like:
        """Choose about `wanted` more rows of those like the query.

        near: about the products with the query of those chosen by now. products: of those in `like`. nearest: about how
        many of these are to be below the cut that is told of; None for no cut.
        """
        usual = 0.0
        if len(near):
            place = int(0.9 * (len(near) - 1))
            usual = float(np.partition(near, place)[place])
        cut = 0.0 if nearest is None else max(0.0, about_least_of(products, nearest))
        value = self._promise.take(like)
        value += np.float32(DENSE) * products
        chosen = np.flatnonzero(value >= about_least_of(value, wanted))
        like, products = like.take(chosen), products.take(chosen)
        offered = len(like)
        new = self._unknown(like, self.rows)
        if self._allowed is not None:
            new &= self._allowed.take(like)
        like, products = like[new], products[new]
        guess = self.guess + np.float32(DENSE) * near
        self.guess = np.concatenate((guess, self._guess(like) + np.float32(DENSE) * products))
        self.rows = np.concatenate((self.rows, like))
        return Like(offered, cut, usual)

    def settle(self) -> None:
        """Put the candidates in order, the best first, and the working memory as it was."""
        self._scratch.reached[: self._size] = 0
        order = (-self.guess).argsort(kind="stable")
        self.rows, self.guess = self.rows.take(order), self.guess.take(order)

    def _leave_out(self) -> None:
        if self._allowed is not None:
            self._promise[~self._allowed] = -_ONE

    def _seen(self, rows: Rows) -> Rows:
        return rows if self._allowed is None else rows[self._allowed.take(rows)]

    def _unknown(self, rows: Rows, known: Rows) -> Mask:
        mark = self._scratch.mark
        mark[known] = 1
        new: Mask = mark.take(rows) == 0
        mark[known] = 0
        return new

    def _new(self, rows: Rows, known: Rows) -> Rows:
        return rows[self._unknown(rows, known)] if len(rows) else rows

    def _guess(self, rows: Rows) -> Floats:
        """About the score of some rows but for the vectors."""
        reached = self._scratch.reached.take(rows)
        said = self._promise.take(rows)
        said -= _HEARD * reached
        return self._question.guess(rows, said, reached)
