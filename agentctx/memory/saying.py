"""What the words of a query say for some rows, in numpy: the twin of what native/score.c does with them."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from agentctx.index.lexical_fold import norm
from agentctx.index.lexical_meet import Lists
from agentctx.index.lexical_tail import distinct, slices
from agentctx.index.view import NOBODY
from agentctx.memory.laid_open import Laid
from agentctx.memory.scratch import Scratch
from agentctx.memory.weights import WEIGHTS
from agentctx.memory.wording import ABSENT, Floats, Numbers, Statistics

Rows = npt.NDArray[np.integer[Any]]
_ONE: Final = np.float32(1)
_WAYS: Final = np.array(
    [[WEIGHTS.previous], [WEIGHTS.following], [WEIGHTS.second_previous], [WEIGHTS.second_following]], dtype=np.float32
)


class Saying:
    """The words of one query against one view of a namespace.

    own: by word its number, or ABSENT. bare: the shares. lists: where the first terms are said, if that is at hand.
    """

    def __init__(
        self,
        statistics: Statistics,
        laid: Laid,
        own: Numbers,
        bare: Floats,
        scratch: Scratch,
        lists: Lists | None,
        *,
        context: bool,
    ) -> None:
        self._index, self._view = statistics.index, statistics.view
        self._statistics, self._laid, self._numbers, self._scratch = statistics, laid, own, scratch
        self._bare = bare[:, None]
        self._lists, self._context = lists, context
        view = self._view
        self._mean_turn = view.total_length / max(view.count, 1)
        self._mean_run = view.total_length / max(view.filled, 1)
        self.occurrences = 0
        """Occurrences of terms looked at so far."""

    def say(self, rows: Rows, need: Floats, parts: dict[str, Floats]) -> Floats:
        """What the words say for some rows, from 0 to 1. need: how much each needs what is around it."""
        around, places = self._around(rows)
        direct, counts = self.direct(around)
        mine, held = direct.take(places[0], axis=1), counts.take(places[0], axis=1)
        missed = _ONE - mine
        bare = self._bare
        said = parts["turn"][:] = _total(bare * mine)
        if self._context:
            reaching = direct.take(places[1:], axis=1)
            reaching *= self._shares(rows) * need
            np.subtract(_ONE, reaching, out=reaching)
            for way in range(reaching.shape[1]):
                missed *= reaching[:, way]
            parts["window"][:] = _total(bare * (_ONE - missed - mine))
            missed *= self._spread(rows, held, need)
            parts["session"][:] = _total(bare * missed)
            said = said + parts["window"] + parts["session"]
        return said

    def _around(self, rows: Rows) -> tuple[Rows, npt.NDArray[np.intp]]:
        """Some rows and their neighbours, each once; the places in it of the rows themselves and by way of a neighbour.

        The ways are one back, one ahead, two back, two ahead. A place behind the last one stands for nobody.
        """
        size = len(rows)
        if not self._context:
            return rows, np.arange(size)[None, :]
        previous, following = self._view.previous, self._view.following
        every = np.empty((5, size), dtype=np.int32)
        every[0], every[1], every[2] = rows, previous.take(rows), following.take(rows)
        # Of nobody, the neighbours of any row, which are no neighbours then.
        every[3], every[4] = previous.take(every[1], mode="clip"), following.take(every[2], mode="clip")
        every[3:][every[1:3] == NOBODY] = NOBODY
        flat = every.ravel()
        place, count = self._scratch.place, np.arange(flat.size, dtype=np.int32)
        place[flat] = count
        once = place.take(flat, mode="wrap") == count
        once &= flat != NOBODY
        around = flat[once]
        place[around] = count[: len(around)]
        place[NOBODY] = len(around)
        return around, place.take(every, mode="wrap").astype(np.intp)

    def _shares(self, rows: Rows) -> Floats:
        """How much of what is said reaches each row, by way."""
        asks = self._index.asks.array.take(self._view.previous.take(rows), mode="clip")
        shares = np.empty((len(_WAYS), len(rows)), dtype=np.float32)
        shares[:] = _WAYS
        shares[0] += np.float32(WEIGHTS.previous_asks) * asks
        np.minimum(shares[0], _ONE, out=shares[0])
        return shares

    def direct(self, rows: Rows) -> tuple[Floats, Floats]:
        """By term and row how far the row is about it, and how often it says it; the last column is empty."""
        terms, width = len(self._bare), len(rows) + 1
        scratch, laid = self._scratch, self._laid
        met = self._index.lexical.meet(rows, laid.codes, (scratch.mark, scratch.code), self._lists)
        self.occurrences += met.looked
        owner, said, pairs = met.place, met.counts, met.code
        if len(laid.slot) > len(laid.codes):
            again, pairs = slices(laid.pair_starts, met.code)
            owner, said = owner[again], said[again]
        place = laid.slot.take(pairs) * width + owner
        how = laid.strength.take(pairs)
        norms = norm(self._index.length.array.take(rows), self._mean_turn).take(owner)
        own = np.flatnonzero(how == 0)
        says = how / (_ONE + norms)
        times = said.take(own).astype(np.float32)
        says[own] = times / (times + norms.take(own))
        direct, counts = np.zeros((2, terms * width), dtype=np.float32)
        np.maximum.at(direct, place, says)
        counts[place.take(own)] = times
        return direct.reshape(terms, width), counts.reshape(terms, width)

    def _spread(self, rows: Rows, held: Floats, need: Floats) -> Floats:
        """By term and row how much of what its session says reaches the row."""
        run = self._view.run.take(rows)
        runs = distinct(run)
        known = np.flatnonzero(self._numbers != ABSENT)
        spread = np.zeros_like(held)
        if len(known):
            totals = self._statistics.totals(self._numbers.take(known).tolist(), runs)
            spread[known] = totals.take(runs.searchsorted(run), axis=1)
        alone = self._index.session.array.take(rows) == 0
        if alone.any():
            spread = np.where(alone, held, spread)
        spread /= spread + norm(self._view.run_length.take(run), self._mean_run)
        spread *= np.float32(WEIGHTS.session) * need
        return spread


def _total(parts: Floats) -> Floats:
    """The sum over the first axis, of each column in the same order, however many columns there are."""
    if parts.shape[1] == 1:  # a single column would be added up pairwise
        parts = parts.repeat(2, axis=1)
        return _total(parts)[:1]
    total: Floats = np.add.reduce(parts, axis=0)
    return total
