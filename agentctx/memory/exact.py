"""The exact score of some rows: a function of the query, the row, its neighbours and what the namespace holds in all.

Whatever set of rows it is asked for, a row's score is the same to the last bit: every number is worked out element by
element, nothing is normalised over the rows at hand.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from agentctx import kernels
from agentctx.config import SearchSettings
from agentctx.index.episodes import EpisodeIndex
from agentctx.index.lexical_meet import Added, Lists
from agentctx.index.lexical_open import newer
from agentctx.index.lexical_tail import distinct
from agentctx.index.view import NOBODY, View
from agentctx.memory.laid_open import columns_of, lay_out, texts_of
from agentctx.memory.nearness import closeness
from agentctx.memory.plan import Plan
from agentctx.memory.saying import Saying
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
from agentctx.memory.wording import ABSENT, Floats, PastStatistics, Statistics, Wording

Rows = npt.NDArray[np.integer[Any]]
Mask = npt.NDArray[np.bool_]
PARTS: Final = ("turn", "window", "session", "speaker", "kind", "time", "dense")
"""What a score is the sum of."""
_ONE: Final = np.float32(1)


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """Rows with their scores, and the parts that each is the sum of, in the order of `PARTS`.

    found: whether anything about the query speaks for the row; a mere prior makes no hit.
    """

    rows: Rows
    total: Floats
    found: Mask
    parts: Floats

    @classmethod
    def room(cls, rows: Rows) -> Scored:
        """Those rows, with room for what they score."""
        size = len(rows)
        total, found = np.empty(size, dtype=np.float32), np.empty(size, dtype=np.bool_)
        return cls(rows, total, found, np.empty((size, len(PARTS)), dtype=np.float32))

    def take(self, places: Rows) -> Scored:
        """Some of them, in that order."""
        return Scored(
            self.rows.take(places), self.total.take(places), self.found.take(places), self.parts.take(places, axis=0)
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
        self.occurrences = 0
        """Occurrences of terms looked at so far."""
        self._lists: Lists | None = None
        self._texts: tuple[Any, ...] = ()
        self._columns: tuple[Any, ...] = ()
        if wording is not None:
            self._numbers = np.array(wording.own, dtype=np.int32)
            self._bare = np.array(wording.shares, dtype=np.float32)
            self._laid = lay_out(wording, self._numbers, self._bare, scratch.code)

    # --- all parts ----------------------------------------------------------------------------------------------------

    def score(self, rows: Rows, dense: Floats | None = None) -> Scored:
        """The scores of some visible rows, each given once. dense: their products with the query, if known."""
        if self.vector is not None and dense is None:
            dense = self.index.vectors.score(rows, self.vector)
        native = kernels.compiled
        if native is not None and self.wording is not None:
            return self._score(native, rows, dense)
        scored = Scored.room(rows)
        total, found, parts = scored.total, scored.found, dict(zip(PARTS, scored.parts.T, strict=True))
        for room in (total, found, scored.parts):
            room.fill(0)
        if self.wording is not None:
            saying = self._saying()
            said = saying.say(rows, self.need(rows), parts)
            self.occurrences += saying.occurrences
            total += said
            found |= said > 0
            for name, nudge in self._kind(rows, said).items():
                parts[name][:] = nudge
            total += parts["speaker"]
            total += parts["kind"]
            if self._hints:
                near = self.nearness(rows)
                np.multiply(near, np.float32(TIME), out=parts["time"])
                total += parts["time"]
                found |= near > 0
        if dense is not None:
            np.multiply(dense, np.float32(DENSE), out=parts["dense"])
            total += parts["dense"]
            found |= dense > 0
        return scored

    def _score(self, native: ModuleType, rows: Rows, dense: Floats | None) -> Scored:
        """The same by a kernel, for a query with words."""
        assert self.wording is not None
        scored = Scored.room(rows.astype(np.int64, copy=False))
        statistics, runs, totals = self._statistics, None, None
        past = self.context and isinstance(statistics, PastStatistics)
        if past:
            runs = distinct(self.view.run.take(rows))
            totals = np.zeros((len(self._bare), len(runs)), dtype=np.int64)
            known = np.flatnonzero(self._numbers != ABSENT)
            totals[known] = statistics.totals(self._numbers.take(known).tolist(), runs)
        if not self._columns:
            said_lately = () if past or not self.context else newer(self.index.lexical, self.wording.own)
            roles = self.roles
            columns = columns_of(self._numbers, self.wording.named, roles, self._hints, self.index, self.view)
            self._columns = *columns, said_lately
        self.occurrences += native.score(
            *self.texts, *self._columns, runs, totals, scored.rows, dense, scored.total, scored.found, scored.parts
        )
        return scored

    @property
    def texts(self) -> tuple[Any, ...]:
        """What kernels take that read what rows say."""
        if not self._texts:
            code, context = self._scratch.code, self.context
            self._texts = texts_of(self._laid, self._bare, code, self.index, self.view, self.told, context=context)
        return self._texts

    def _saying(self) -> Saying:
        """What does without kernels."""
        laid, own, bare, scratch = self._laid, self._numbers, self._bare, self._scratch
        return Saying(self._statistics, laid, own, bare, scratch, self._lists, context=self.context)

    def held(self, rows: Rows) -> tuple[Mask, Mask]:
        """By row and word whether the row says the very word, and whether it says only one of like meaning."""
        if self.wording is None:
            none = np.zeros((len(rows), 0), dtype=np.bool_)
            return none, none
        direct, counts = self._saying().direct(rows)
        exact = counts.T[:-1] > 0
        return exact, (direct.T[:-1] > 0) & ~exact

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
        return self.wording is not None and bool(self.wording.named or self.roles)

    @property
    def told(self) -> float:
        """What it counts that a turn tells a time."""
        return TIMES_TOLD + TIMES_ASKED * self.plan.features.when

    def favoured(self, rows: Rows, promise: Floats) -> Floats:
        """What the words promise of some rows with what is given to those that a named or meant person says."""
        favoured = promise
        if self.wording is not None and self.wording.named:
            more = np.float32(SPEAKER_LEXICAL) * promise
            more += np.float32(SPEAKER)
            more *= self.spoken_by_named(rows)
            favoured = promise + more
        for number, weight in self.roles:
            favoured = favoured + np.float32(weight) * (self.index.role.array.take(rows) == number)
        return favoured

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
        for number, weight in self.roles:
            kind += np.float32(weight) * (index.role.array[rows] == number)
        parts["kind"] = kind.astype(np.float32, copy=False)
        return parts

    @property
    def roles(self) -> list[tuple[int, float]]:
        """The roles that the query asks about, and how much more their turns count."""
        asked, roles = self.plan.features, self.index.roles
        wanted = ((asked.about_me, "user", ABOUT_ME), (asked.you_said, "assistant", YOU_SAID))
        return [(roles[role], weight) for asks, role, weight in wanted if asks and role in roles]

    # --- what the words say -------------------------------------------------------------------------------------------

    def add_up(self, sums: Floats, most: int) -> Added:
        """Write to `sums`, by row, about what each row says itself of the words.

        Of words of like meaning only those that could count; of all so many, the weightiest first, as have `most`
        occurrences together. A row that says a word and one like it is given more than it is worth.
        """
        laid = self._laid
        added = self.index.lexical.add_up(laid.codes[: laid.leads], laid.worth, most, sums)
        self._lists = added.lists
        self.occurrences += added.looked
        return added
