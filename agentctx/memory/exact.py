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
from agentctx.index.episodes import EpisodeIndex
from agentctx.index.lexical_fold import norm
from agentctx.index.lexical_meet import Lists
from agentctx.index.lexical_tail import distinct, slices
from agentctx.index.view import NOBODY, View
from agentctx.memory.nearness import closeness
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
_ONE: Final = np.float32(1)
_SAMPLE: Final = 8_192
_ZERO: Final = np.zeros(1, dtype=np.intp)
WORTH: Final = 0.04
"""A word of like meaning leads to rows if its nearness times the share of the word that it stands for is as much."""
_WAYS: Final = np.array(
    [[WEIGHTS.previous], [WEIGHTS.following], [WEIGHTS.second_previous], [WEIGHTS.second_following]], dtype=np.float32
)


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
        self._lists: Lists | None = None
        if wording is not None:
            self._lay_out(wording)

    def _lay_out(self, wording: Wording) -> None:
        """Which terms count for which words: by code, a code for each distinct term; the words themselves come first.

        Behind them words of like meaning, those first that could count most.
        """
        own = np.array(wording.own, dtype=np.int32)
        self._bare = np.array(wording.shares, dtype=np.float32)[:, None]
        known = np.flatnonzero(own != ABSENT)
        self._own = known.tolist(), own.take(known).tolist()
        numbers = np.concatenate((own.take(known), wording.number))
        slot = np.concatenate((known, wording.slot))
        strength = np.zeros(len(numbers), dtype=np.float32)
        strength[len(known) :] = wording.strength
        worth = self._bare[:, 0].take(slot)
        worth[len(known) :] *= wording.strength
        rank = worth.copy()
        rank[: len(known)] += _ONE  # a share is 1 at most
        order = (-rank).argsort(kind="stable")
        numbers, slot, strength, worth = numbers[order], slot[order], strength[order], worth[order]
        code, count = self._scratch.code, np.arange(1, len(numbers) + 1, dtype=np.int16)
        code[numbers[::-1]] = count[::-1]  # where a term stands twice, the place that is written last stays: its first
        first = code.take(numbers)
        code[numbers] = 0
        new = first == count
        self._single = bool(new.all())
        if self._single:
            self._codes, self._worth = numbers, worth
            self._leads = int(np.count_nonzero(rank >= WORTH))
        else:
            number_of = new.cumsum() - 1  # the code of each that is new
            code_of = number_of.take(first - 1)
            self._codes = numbers[new]
            self._worth = np.bincount(code_of, weights=worth, minlength=len(self._codes)).astype(np.float32)
            self._leads = int(np.count_nonzero(rank[order][new] >= WORTH))
            by_code = code_of.argsort(kind="stable")
            self._pair_starts = np.concatenate((_ZERO, np.bincount(code_of, minlength=len(self._codes)).cumsum()))
            slot, strength = slot[by_code], strength[by_code]
        self._slot, self._strength = slot, strength

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

    def guess(self, rows: Rows, said: Floats, reached: Floats) -> Floats:
        """About the score of some rows but for the vectors, if each says so much, and so much of others reaches it.

        said: with what the row's time promises.

        What is said around a row is often what it says itself, and then adds little: found by trying.
        """
        if self.wording is None:
            return np.zeros(len(rows), dtype=np.float32)
        near = np.float32(TIME) * self.nearness(rows) if self._hints else None
        if near is not None:
            said -= near
        np.clip(said, 0, _ONE, out=said)
        if self.context:
            reached *= -self.need(rows)
            np.exp(reached, out=reached)
            np.subtract(_ONE, reached, out=reached)
            missed = _ONE - said
            missed *= missed
            reached *= missed
            said += reached
        guess = self.nudged(rows, said)
        if near is not None:
            guess += near
        return guess

    @property
    def favours(self) -> bool:
        """Whether it counts who says a row."""
        return self.wording is not None and bool(self.wording.named or self._roles())

    def favoured(self, rows: Rows, promise: Floats) -> Floats:
        """What the words promise of some rows with what is given to those that a named or meant person says."""
        favoured = promise
        if self.wording is not None and self.wording.named:
            more = np.float32(SPEAKER_LEXICAL) * promise
            more += np.float32(SPEAKER)
            more *= self.spoken_by_named(rows)
            favoured = promise + more
        for number, weight in self._roles():
            favoured = favoured + np.float32(weight) * (self.index.role.array.take(rows) == number)
        return favoured

    def loudness(self, sums: Floats, most: int) -> float:
        """About what the `most` rows at least say of which `sums`, by row, tells what they say."""
        rows = self._lists.rows if self._lists is not None else _ZERO[:0]
        if len(rows) <= most:
            return 0.0
        step = max(1, len(rows) // _SAMPLE)
        sample = sums.take(rows[::step])
        place = len(sample) - 1 - most // step
        return float(np.partition(sample, place)[place])

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
        for number, weight in self._roles():
            kind += np.float32(weight) * (index.role.array[rows] == number)
        parts["kind"] = kind.astype(np.float32, copy=False)
        return parts

    def _roles(self) -> list[tuple[int, float]]:
        """The roles that the query asks about, and how much more their turns count."""
        asked, roles = self.plan.features, self.index.roles
        wanted = ((asked.about_me, "user", ABOUT_ME), (asked.you_said, "assistant", YOU_SAID))
        return [(roles[role], weight) for asks, role, weight in wanted if asks and role in roles]

    # --- what the words say -------------------------------------------------------------------------------------------

    def add_up(self, sums: Floats, most: int) -> int:
        """Add to `sums`, by row, about what each row says itself of the words; how many occurrences were looked at.

        Of words of like meaning only those that could count; of all so many, the weightiest first, as have `most`
        occurrences together. A row that says a word and one like it is given more than it is worth.
        """
        lexical = self.index.lexical
        lists = self._lists = lexical.gather(self._codes[: self._leads], most)
        lexical.add_up(lists, self._worth, sums)
        self.occurrences += len(lists)
        return len(lists)

    def _say(self, rows: Rows, parts: dict[str, Floats]) -> tuple[Floats, npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
        """What the words say for some rows, from 0 to 1, and which terms each holds itself (exactly, or by another)."""
        around, places = self._around(rows)
        direct, counts = self._direct(around)
        mine, held = direct.take(places[0], axis=1), counts.take(places[0], axis=1)
        missed = _ONE - mine
        bare = self._bare
        parts["turn"] = _total(bare * mine)
        said = parts["turn"]
        if self.context:
            need = self.need(rows)
            reaching = direct.take(places[1:], axis=1)
            reaching *= self._shares(rows) * need
            np.subtract(_ONE, reaching, out=reaching)
            for way in range(reaching.shape[1]):
                missed *= reaching[:, way]
            parts["window"] = _total(bare * (_ONE - missed - mine))
            missed *= self._spread(rows, held, need)
            parts["session"] = _total(bare * missed)
            said = said + parts["window"] + parts["session"]
        exact = held > 0
        return said, exact, (mine > 0) & ~exact

    def _around(self, rows: Rows) -> tuple[Rows, npt.NDArray[np.intp]]:
        """Some rows and their neighbours, each once; the places in it of the rows themselves and by way of a neighbour.

        The ways are one back, one ahead, two back, two ahead. A place behind the last one stands for nobody.
        """
        size = len(rows)
        if not self.context:
            return rows, np.arange(size)[None, :]
        previous, following = self.view.previous, self.view.following
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
        asks = self.index.asks.array.take(self.view.previous.take(rows), mode="clip")
        shares = np.empty((len(_WAYS), len(rows)), dtype=np.float32)
        shares[:] = _WAYS
        shares[0] += np.float32(WEIGHTS.previous_asks) * asks
        np.minimum(shares[0], _ONE, out=shares[0])
        return shares

    def _direct(self, rows: Rows) -> tuple[Floats, Floats]:
        """By term and row how far the row is about it, and how often it says it; the last column is empty."""
        terms, width = len(self._bare), len(rows) + 1
        scratch = self._scratch
        met = self.index.lexical.meet(rows, self._codes, (scratch.mark, scratch.code), self._lists)
        self.occurrences += met.looked
        owner, said, pairs = met.place, met.counts, met.code
        if not self._single:
            again, pairs = slices(self._pair_starts, met.code)
            owner, said = owner[again], said[again]
        place = self._slot.take(pairs) * width + owner
        how = self._strength.take(pairs)
        norms = norm(self.index.length.array.take(rows), self._mean_turn).take(owner)
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
        run = self.view.run.take(rows)
        runs = distinct(run)
        slots, numbers = self._own
        spread = np.zeros_like(held)
        if slots:
            spread[slots] = self._statistics.totals(numbers, runs).take(runs.searchsorted(run), axis=1)
        alone = self.index.session.array.take(rows) == 0
        if alone.any():
            spread = np.where(alone, held, spread)
        spread /= spread + norm(self.view.run_length.take(run), self._mean_run)
        spread *= np.float32(WEIGHTS.session) * need
        return spread


def _total(parts: Floats) -> Floats:
    """The sum over the first axis, of each column in the same order, however many columns there are."""
    if parts.shape[1] == 1:  # a single column would be added up pairwise
        parts = parts.repeat(2, axis=1)
        return _total(parts)[:1]
    total: Floats = np.add.reduce(parts, axis=0)
    return total
