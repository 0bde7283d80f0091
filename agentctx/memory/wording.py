"""What a query's words come to in one namespace: which terms to look for, in whose place, and how much each counts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from agentctx import kernels
from agentctx.embed.near_words import NearWords
from agentctx.index.episodes import EpisodeIndex
from agentctx.index.names import Names
from agentctx.index.view import View
from agentctx.memory.plan import Plan, PlannedTerm
from agentctx.memory.weights import NAME_WEIGHT, WEIGHTS

Floats = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.int32]
Slots = npt.NDArray[np.intp]
ABSENT: Final = -1
HALF: Final = 0.5
"""What a row that holds a word of like meaning adds to the rows that hold the word; found by trying 0 to 1.5."""


@dataclass(frozen=True, slots=True, eq=False)
class Wording:
    """The terms of a plan against a namespace.

    shares: what part of the whole each term is; they sum up to 1. own: its number there, or ABSENT. slot, number,
    strength: further terms that count for a term of the plan (by its place), the weakest first.
    """

    terms: tuple[PlannedTerm, ...]
    shares: tuple[float, ...]
    own: tuple[int, ...]
    slot: Slots
    number: Numbers
    strength: Floats
    named: tuple[int, ...]
    """Speakers whom the query names."""

    def __len__(self) -> int:
        return len(self.terms)


class Statistics:
    """In how many visible rows and sessions terms are."""

    def __init__(self, index: EpisodeIndex, view: View) -> None:
        self.index, self.view = index, view

    @property
    def names(self) -> Names:
        """Who is heard."""
        return self.index.names

    def holders(self, terms: npt.NDArray[np.integer[Any]]) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        """By term the rows and the sessions. O(1) a term."""
        return self.index.lexical.all_holders(terms)

    def totals(self, terms: Sequence[int], runs: Numbers) -> npt.NDArray[np.int64]:
        """By term how often each of some sessions, their runs ascending, says it."""
        return self.index.lexical.totals(terms, runs)


class PastStatistics(Statistics):
    """The same of a view that is not the present one: counted when asked for. O(occurrences) a term."""

    def __init__(self, index: EpisodeIndex, view: View) -> None:
        super().__init__(index, view)
        self._totals: dict[int, npt.NDArray[np.int64]] = {}
        speakers = index.speaker.array[: view.size]
        self._names = Names.of(index.speakers, speakers if view.visible is None else speakers[view.visible])

    @property
    def names(self) -> Names:
        """Who was heard."""
        return self._names

    def holders(self, terms: npt.NDArray[np.integer[Any]]) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        """By term the rows and the sessions."""
        counted = np.zeros((2, *terms.shape), dtype=np.int64)
        for place in np.ndindex(terms.shape):
            rows = self._rows(int(terms[place]))
            counted[0][place], counted[1][place] = len(rows), len(np.unique(self.view.run[rows]))
        return counted[0], counted[1]

    def totals(self, terms: Sequence[int], runs: Numbers) -> npt.NDArray[np.int64]:
        """By term how often each of some sessions says it."""
        found = np.empty((len(terms), len(runs)), dtype=np.int64)
        for place, term in enumerate(terms):
            known = self._totals.get(term)
            if known is None:
                rows = self._rows(term)
                _, numbers, counts = self.index.lexical.terms_of(rows)
                said = counts[numbers == term]
                known = np.bincount(self.view.run[rows], weights=said, minlength=self.view.runs).astype(np.int64)
                self._totals[term] = known
            found[place] = known[runs]
        return found

    def _rows(self, term: int) -> Numbers:
        rows = self.index.lexical.rows(term)
        return rows[rows < self.view.size] if self.view.visible is None else self.view.of(rows[rows < self.view.size])


def word_query(plan: Plan, statistics: Statistics, near: NearWords | None) -> Wording:
    """What the plan's words come to. near: words of like meaning, None to do without."""
    names, terms = statistics.names, [term.term for term in plan.terms]
    own = statistics.index.lexical.terms.numbers(terms)
    names_said = names.said(terms)
    native = kernels.compiled
    if native is None or isinstance(statistics, PastStatistics):
        shares, slot, numbers, strength = _shared(plan, names_said, own, statistics, near)
    else:
        shares, slot, numbers, strength = _shared_natively(native, plan, names_said, own, statistics, near)
    return Wording(
        terms=plan.terms,
        shares=shares,
        own=tuple(own),
        slot=slot,
        number=numbers,
        strength=strength,
        named=tuple(names.named(plan.spoken)) if names.known else (),
    )


def _shared_natively(
    native: ModuleType, plan: Plan, names: list[bool], own: list[int], statistics: Statistics, near: NearWords | None
) -> tuple[tuple[float, ...], Slots, Numbers, Floats]:
    """`_shared` by a kernel, of the present view."""
    index, view = statistics.index, statistics.view
    said = list(zip(plan.terms, names, strict=True))
    weights = [term.weight * NAME_WEIGHT if name else term.weight for term, name in said]
    if near is None or not len(index.lexical.terms):
        table, rows, room = _NO_TABLE, [ABSENT] * len(own), 0
    else:
        row_of = near.row_of
        table = near.ids, near.nearness, index.lexical.terms.numbers_of(near)
        rows = [row_of(term.spelling, term.term) if term.similar and not name else ABSENT for term, name in said]
        room = WEIGHTS.similar_terms * len(own)
    slot, number = np.empty(room, dtype=np.int64), np.empty(room, dtype=np.int32)
    strength = np.empty(room, dtype=np.float32)
    found, shares = native.shares_of_words(
        own,
        weights,
        rows,
        *table,
        *index.lexical.every_holder,
        slot,
        number,
        strength,
        view.count,
        view.filled,
        HALF,
        WEIGHTS.saturation,
        WEIGHTS.similar_terms,
        view.visible is not None,
    )
    return shares, slot[:found], number[:found], strength[:found]


def _shared(
    plan: Plan, names: list[bool], own: list[int], statistics: Statistics, near: NearWords | None
) -> tuple[tuple[float, ...], Slots, Numbers, Floats]:
    """The share of each word, and the terms of like meaning: (place of the word, number, strength), the weakest first.

    own: by word its number, or ABSENT. names: whether it is part of a speaker's name.
    """
    view = statistics.view
    numbers = np.array(own, dtype=np.int32)
    known = numbers != ABSENT
    rows, sessions = np.zeros(len(own)), np.zeros(len(own))
    rows[known], sessions[known] = statistics.holders(numbers[known])
    slot, number, strength = _similar(plan, names, numbers, statistics, near)
    if len(slot):
        held, spread = statistics.holders(number)
        says = strength / (1 + WEIGHTS.saturation)  # in a turn of usual length
        rows += _further(rows, view.count, slot, HALF * says * held)
        sessions += _further(sessions, view.filled, slot, says * spread)
    shares = []
    for place, term in enumerate(plan.terms):
        rarity = _rarity(rows[place], view.count) + _rarity(sessions[place], view.filled)
        shares.append(max(0.0, rarity) * term.weight * (NAME_WEIGHT if names[place] else 1.0))
    whole = sum(shares) or 1.0
    return tuple(share / whole for share in shares), slot, number, strength


def _similar(
    plan: Plan, names: list[bool], own: Numbers, statistics: Statistics, near: NearWords | None
) -> tuple[Slots, Numbers, Floats]:
    """The terms of like meaning that visible rows hold, at most 16 a word: (place of the word, number, strength)."""
    asked = [place for place, term in enumerate(plan.terms) if term.similar and not names[place]]
    if near is None or not asked or not len(statistics.index.lexical.terms):
        return _NOTHING
    words = [plan.terms[place] for place in asked]
    ids, strengths = near.near([word.spelling for word in words], [word.term for word in words])
    numbers = statistics.index.lexical.terms.numbers_of(near)[ids]
    there = (strengths > 0) & (numbers >= 0) & (numbers != own[asked][:, None])
    if isinstance(statistics, PastStatistics) or statistics.view.visible is not None:
        held, _ = statistics.holders(numbers[there])
        there[there] = held > 0
    there &= np.cumsum(there, axis=1) <= WEIGHTS.similar_terms
    row, column = np.nonzero(there)
    strength = strengths[row, column]
    order = np.argsort(strength, kind="stable")
    row, column = row[order], column[order]
    return np.array(asked, dtype=np.intp)[row], numbers[row, column], strength[order]


def _further(
    held: npt.NDArray[np.float64], of: int, slot: Slots, more: npt.NDArray[np.floating[Any]]
) -> npt.NDArray[np.float64]:
    """How many of those that do not hold a word itself hold one of like meaning, if they fall as by chance."""
    missed = np.ones(len(held))
    np.multiply.at(missed, slot, 1 - np.minimum(1, more / of))
    return (of - held) * (1 - missed)


def _rarity(holders: float, of: int) -> float:
    return math.log(1 + (of - holders + 0.5) / (holders + 0.5))


_NOTHING: Final = (np.zeros(0, dtype=np.intp), np.zeros(0, dtype=np.int32), np.zeros(0, dtype=np.float32))
_NO_TABLE: Final = (
    np.zeros((0, 0), dtype=np.uint16),
    np.zeros((0, 0), dtype=np.uint8),
    np.zeros(0, dtype=np.int32),
)
