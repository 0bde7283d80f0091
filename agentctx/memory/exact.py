"""The exact score of some rows: a function of the query, the row, its neighbours and what the namespace holds in all.

Whatever set of rows it is asked for, a row's score is the same to the last bit: every number is worked out element by
element, nothing is normalised over the rows at hand.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from agentctx.config import SearchSettings
from agentctx.ids import to_micros
from agentctx.index.episodes import EpisodeIndex
from agentctx.index.lexical_fold import norm
from agentctx.index.lexical_tail import slices
from agentctx.index.view import NOBODY, View
from agentctx.memory.plan import Plan
from agentctx.memory.scratch import Scratch
from agentctx.memory.times import TimeHint
from agentctx.memory.weights import (
    ABOUT_ME,
    DENSE,
    FIRST,
    FIRST_LEXICAL,
    SPEAKER,
    SPEAKER_LEXICAL,
    TIME,
    TIMES_ASKED,
    TIMES_TOLD,
    WEIGHTS,
    YOU_SAID,
)
from agentctx.memory.wording import ABSENT, Floats, Statistics, Wording

Rows = npt.NDArray[np.integer[Any]]
_DAY: Final = 86_400_000_000
_ONE: Final = np.float32(1)
_TRUE: Final = np.ones(1, dtype=np.bool_)


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """Rows with their scores, and the parts that each is the sum of.

    found: whether anything about the query speaks for the row; a mere prior makes no hit. exact, alike: by term and
    row, whether the row holds the very term, or only one of like meaning.
    """

    rows: Rows
    total: Floats
    found: npt.NDArray[np.bool_]
    parts: dict[str, Floats]
    exact: npt.NDArray[np.bool_]
    alike: npt.NDArray[np.bool_]

    def take(self, places: Rows) -> Scored:
        """Some of them, in that order."""
        parts = {name: part[places] for name, part in self.parts.items()}
        return Scored(
            self.rows[places],
            self.total[places],
            self.found[places],
            parts,
            self.exact[:, places],
            self.alike[:, places],
        )


class Question:
    """One query against one view of a namespace, ready to score any of its rows."""

    def __init__(
        self,
        statistics: Statistics,
        plan: Plan,
        wording: Wording | None,
        vector: Floats | None,
        settings: SearchSettings,
        scratch: Scratch,
    ) -> None:
        self.index: EpisodeIndex = statistics.index
        self.view: View = statistics.view
        self.plan, self.wording, self.vector = plan, wording, vector
        self._statistics = statistics
        self.context = settings.context
        self._hints = plan.hints if settings.lexical and settings.time else ()
        self._scratch = scratch
        view = self.view
        self._mean_turn = view.total_length / max(view.count, 1)
        self._mean_run = view.total_length / max(view.filled, 1)
        self.occurrences = 0
        """Occurrences of terms looked at so far."""
        if wording is not None:
            self._pairs(wording)

    def _pairs(self, wording: Wording) -> None:
        """Lay out which terms count for which words: by code, a code for each distinct term."""
        own = [(number, slot) for slot, number in enumerate(wording.own) if number != ABSENT]
        numbers = np.concatenate((np.array([number for number, _ in own], dtype=np.int32), wording.number))
        order = numbers.argsort(kind="stable")
        ascending = numbers.take(order)
        self._codes = distinct(numbers)
        self._pair_starts = np.append(ascending.searchsorted(self._codes), len(numbers))
        slots = np.concatenate((np.array([slot for _, slot in own], dtype=np.intp), wording.slot))
        strengths = np.concatenate((np.zeros(len(own), dtype=np.float32), wording.strength))
        self._pair_slot, self._pair_strength = slots[order], strengths[order]
        self._single = len(self._codes) == len(numbers)
        self._bare = np.array(wording.shares, dtype=np.float32)

    # --- all parts ----------------------------------------------------------------------------------------------------

    def score(self, rows: Rows, dense: Floats | None = None) -> Scored:
        """The scores of some visible rows, each given once. dense: their products with the query, if known."""
        size = len(rows)
        parts: dict[str, Floats] = {}
        found = np.zeros(size, dtype=np.bool_)
        exact = alike = np.zeros((0, size), dtype=np.bool_)
        total: Floats = np.zeros(size, dtype=np.float32)
        if self.wording is not None:
            said, exact, alike = self._say(rows, parts)
            total += said
            found |= said > 0
            parts |= self._kind(rows, said)
            for name in ("speaker", "kind"):
                if name in parts:
                    total += parts[name]
            if self._hints:
                near = self.nearness(rows)
                parts["time"] = np.float32(TIME) * near
                total += parts["time"]
                found |= near > 0
        if self.vector is not None:
            product = self.index.vectors.score(rows, self.vector) if dense is None else dense
            parts["dense"] = np.float32(DENSE) * product
            total += parts["dense"]
            found |= product > 0
        return Scored(rows, total, found, parts, exact, alike)

    def guess(self, rows: Rows, sums: Floats) -> Floats:
        """About the score of some rows if `sums`, by row, is what each says by itself; the vectors left out."""
        if self.wording is None:
            return np.zeros(len(rows), dtype=np.float32)
        said = sums[rows]
        if self.context:
            back, ahead = self.view.previous[rows], self.view.following[rows]
            need = self.need(rows)
            missed = _ONE - said
            for way, share in ((back, WEIGHTS.previous), (ahead, WEIGHTS.following)):
                # Of nobody: the last row, times nothing.
                missed *= _ONE - need * (np.float32(share) * sums[way] * (way != NOBODY))
            said = _ONE - missed
        guess = self.nudged(rows, said)
        if self._hints:
            guess += np.float32(TIME) * self.nearness(rows)
        return guess

    def nudged(self, rows: Rows | slice, said: Floats) -> Floats:
        """What the words say of some rows, with what their kind and their speaker add."""
        parts = self._kind(rows, said)
        guess: Floats = said + parts["kind"]
        if "speaker" in parts:
            guess += parts["speaker"]
        return guess

    def need(self, rows: Rows | slice) -> Floats:
        """How much each of some rows needs what is around it."""
        need: Floats = _ONE / (_ONE + self.index.length.array[rows] * np.float32(1 / WEIGHTS.context_length))
        return need

    def nearness(self, rows: Rows) -> Floats:
        """How near each of some rows is to a time that the query speaks of."""
        near: Floats = np.zeros(len(rows), dtype=np.float32)
        if self._hints:
            occurred = self.index.occurred.array[rows]
            for hint in self._hints:
                np.maximum(near, closeness(occurred, hint), out=near)
        return near

    @property
    def hints(self) -> tuple[TimeHint, ...]:
        """The times that the query speaks of and that count."""
        return self._hints

    def spoken_by_named(self, rows: Rows | slice) -> npt.NDArray[np.bool_]:
        """Which of some rows are said by someone whom the query names."""
        assert self.wording is not None
        if len(self.wording.named) == 1:
            return np.asarray(self.index.speaker.array[rows] == self.wording.named[0])
        table = np.zeros(len(self.index.speakers), dtype=np.bool_)
        table[list(self.wording.named)] = True
        return np.asarray(table[self.index.speaker.array[rows]])

    def _kind(self, rows: Rows | slice, said: Floats) -> dict[str, Floats]:
        """Small nudges: who says it, and what kind of turn answers what kind of question."""
        index, asked = self.index, self.plan.features
        parts: dict[str, Floats] = {}
        if self.wording is not None and self.wording.named:
            more = np.float32(SPEAKER) + np.float32(SPEAKER_LEXICAL) * said
            parts["speaker"] = self.spoken_by_named(rows) * more
        told = np.float32(TIMES_TOLD + TIMES_ASKED * asked.when)
        first = self.view.previous[rows] == NOBODY
        kind = told * index.times_told.array[rows] + (np.float32(FIRST) + np.float32(FIRST_LEXICAL) * said) * first
        for asks, role, weight in ((asked.about_me, "user", ABOUT_ME), (asked.you_said, "assistant", YOU_SAID)):
            if asks and role in index.roles:
                kind += np.float32(weight) * (index.role.array[rows] == index.roles[role])
        parts["kind"] = kind.astype(np.float32, copy=False)
        return parts

    # --- what the words say -------------------------------------------------------------------------------------------

    def _say(self, rows: Rows, parts: dict[str, Floats]) -> tuple[Floats, npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
        """What the words say for some rows, from 0 to 1, and which terms each holds itself (exactly, or by another)."""
        assert self.wording is not None
        size, terms = len(rows), len(self.wording)
        around, here, ways = self._around(rows)
        direct, counts = self._direct(around, terms)
        mine = direct.take(here, axis=1)
        held = counts.take(here, axis=1)
        exact = held > 0
        alike = (mine > 0) & ~exact
        need = self.need(rows)
        missed = _ONE - mine
        if self.context:
            for way, share in ways:
                missed *= _ONE - (need * share) * direct.take(way, axis=1)
        spread = self._spread(rows, held, need) if self.context else np.zeros((terms, size), dtype=np.float32)
        turn, window, session = (np.zeros(size, dtype=np.float32) for _ in range(3))
        for place, weight in enumerate(self._bare):
            local = _ONE - missed[place]
            turn += weight * mine[place]
            window += weight * (local - mine[place])
            session += weight * (spread[place] * missed[place])
        parts |= {"turn": turn, "window": window, "session": session}
        return turn + window + session, exact, alike

    def _around(self, rows: Rows) -> tuple[Rows, Rows, list[tuple[Rows, Floats]]]:
        """Some rows and their neighbours, each once; the places of the rows in it, and by way those of a neighbour.

        A place behind the last one stands for nobody. Beside a neighbour's places how much of it reaches the row.
        """
        place = self._scratch.place
        if not self.context:
            place[rows] = np.arange(len(rows), dtype=np.int32)
            return rows, np.arange(len(rows)), []
        previous, following = self.view.previous, self.view.following
        back, ahead = previous[rows], following[rows]
        every = np.concatenate((rows, back, ahead, step(previous, back), step(following, ahead)))
        there = np.flatnonzero(every != NOBODY)
        some = every[there]
        count = np.arange(len(some), dtype=np.int32)
        place[some] = count
        around = some[place[some] == count]
        place[around] = count[: len(around)]
        places = np.full(len(every), len(around), dtype=np.intp)
        places[there] = place[some]
        here, *ways = places.reshape(5, len(rows))
        asks = np.minimum(
            _ONE,
            np.float32(WEIGHTS.previous)
            + np.float32(WEIGHTS.previous_asks) * (self.index.asks.array[back] * (back != NOBODY)),
        )
        shares = asks, *map(np.float32, (WEIGHTS.following, WEIGHTS.second_previous, WEIGHTS.second_following))
        return around, here, list(zip(ways, shares, strict=True))

    def _direct(self, rows: Rows, terms: int) -> tuple[Floats, Floats]:
        """By term and row how far the row is about it, and how often it says it; the last column is empty."""
        width = len(rows) + 1
        counts: Floats = np.zeros(terms * width, dtype=np.float32)
        strength: Floats = np.zeros(terms * width, dtype=np.float32)
        met = self.index.lexical.meet(rows, self._scratch.place, self._codes, self._scratch.code)
        self.occurrences += met.looked
        owner, said = met.place, met.counts
        if self._single:
            pairs = self._pair_starts[met.code]
        else:
            again, pairs = slices(self._pair_starts, met.code)
            owner, said = owner[again], said[again]
        place = self._pair_slot[pairs] * width + owner
        how = self._pair_strength[pairs]
        own = how == 0
        counts[place[own]] = said[own]
        similar = ~own
        np.maximum.at(strength, place[similar], how[similar])
        counts, strength = counts.reshape(terms, width), strength.reshape(terms, width)
        norms = np.ones(width, dtype=np.float32)
        norms[:-1] = norm(self.index.length.array[rows], self._mean_turn)
        strength /= _ONE + norms
        return np.maximum(strength, counts / (counts + norms)), counts

    def _spread(self, rows: Rows, held: Floats, need: Floats) -> Floats:
        """By term and row how much of what its session says reaches the row."""
        assert self.wording is not None
        run = self.view.run[rows]
        alone = self.index.session.array[rows] == 0
        together = np.flatnonzero(~alone)
        runs = distinct(run.take(together))
        place = runs.searchsorted(run.take(together))
        norms = norm(self.view.run_length[run], self._mean_run)
        spread = np.array(held)
        if len(runs):
            for slot, number in enumerate(self.wording.own):
                if number != ABSENT:
                    spread[slot, together] = self._statistics.totals(number, runs).take(place)
        spread /= spread + norms
        spread *= np.float32(WEIGHTS.session) * need
        return spread


def distinct(numbers: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """Each number once, ascending: what np.unique does, in a third of the time."""
    ascending = np.sort(numbers)
    found: npt.NDArray[np.int32] = ascending[np.append(_TRUE[: len(ascending)], ascending[1:] != ascending[:-1])]
    return found


def step(neighbour: npt.NDArray[np.int32], rows: Rows) -> Rows:
    """One step further along, for those who are there."""
    return np.where(rows == NOBODY, NOBODY, neighbour[rows])


def reach(hint: TimeHint) -> tuple[int, int]:
    """The range outside of which `closeness` is 0."""
    start, end = to_micros(hint.start), to_micros(hint.end)
    slack = 0.3 * (end - start)
    return start - int(max(1.5 * _DAY, slack)) - 1, end + int(max(7 * _DAY, slack)) + 1


def closeness(occurred: npt.NDArray[np.int64], hint: TimeHint) -> Floats:
    """1 inside the hint's range, falling to 0 behind it within a week (or a third of it), before it within a day."""
    start, end = to_micros(hint.start), to_micros(hint.end)
    slack = 0.3 * (end - start)
    after = np.clip(1 - (occurred - end) / max(7 * _DAY, slack), 0, 1)
    before = np.clip(1 - (start - occurred) / max(1.5 * _DAY, slack), 0, 1)
    return np.where(occurred >= end, after, np.where(occurred < start, before, 1)).astype(np.float32)
