"""One score for every episode, on a fixed scale, the same whatever road brought the episode.

score = turn + window + session + speaker + kind + time + dense, each a number that depends only on the query, the
episode, its session and what the namespace as a whole holds (docs/search.md). Nothing is normalised over candidates.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from agentctx.config import SearchSettings
from agentctx.ids import to_micros
from agentctx.index.episodes import EpisodeIndex
from agentctx.index.evidence_cache import EvidenceCache
from agentctx.index.view import NOBODY, View
from agentctx.index.vocabulary import Words
from agentctx.memory.evidence import Evidence, Floats, Rows, Weights, gather, make_norms
from agentctx.memory.plan import Plan, PlannedTerm
from agentctx.memory.time_hints import TimeHint
from agentctx.text.terms import fold, stem

DENSE: Final = 0.3
SPEAKER: Final = 0.05  # the speaker is named in the query
SPEAKER_LEXICAL: Final = 0.4  # ... and so much more of what the words say
FIRST: Final = 0.03  # the first turn of its session says what the session is about
FIRST_LEXICAL: Final = 0.15  # ... and so much more of what the words say
TIMES_TOLD: Final = 0.03
TIMES_ASKED: Final = 0.10  # the question asks for a time and the turn tells one
ABOUT_ME: Final = 0.15  # it asks about its asker, and the turn is the user's
YOU_SAID: Final = 0.10  # it asks what the assistant said, and the turn is the assistant's
TIME: Final = 0.15
NAME_WEIGHT: Final = 0.5  # a speaker's name is said by everyone; who speaks is looked at apart
NOT_NAMES: Final = frozenset({"", "user", "assistant", "system", "tool", "human", "ai", "bot", "agent"})
_DAY: Final = 86_400_000_000
_WORD: Final = re.compile(r"[^\W_]+")
_NORMS: Final = ("norms",)


@dataclass(frozen=True, slots=True)
class HitParts:
    """A hit's score, the parts that it is the sum of, and in words what spoke for it."""

    total: float
    values: Mapping[str, float]
    why: tuple[str, ...]


class Scorer:
    """Scores all visible rows of an index for a plan. Holds no state of its own."""

    def __init__(self, settings: SearchSettings, words: Words, weights: Weights | None = None) -> None:
        self._settings = settings
        self._words = words if settings.dense else None
        self._weights = weights or Weights()

    def score(self, index: EpisodeIndex, view: View, plan: Plan, vector: Floats | None, *, live: bool) -> Scores:
        """The scores of all rows of `view`. `live`: the view is the index's own, so what terms say may be kept."""
        scores = Scores(index, view, plan)
        if not view.count:
            return scores  # there is no mean of nothing
        if self._settings.lexical:
            scores.add_lexical(*self._evidence(index, view, plan, scores.name_terms, live=live))
            scores.add_kind()
            scores.add_time()
        if self._settings.dense and vector is not None:
            scores.add_dense(vector)
        return scores

    def _evidence(
        self, index: EpisodeIndex, view: View, plan: Plan, names: frozenset[str], *, live: bool
    ) -> tuple[list[tuple[PlannedTerm, Evidence]], Floats]:
        """What each term says, and how much each row needs what is around it."""
        kept: EvidenceCache[Any] = index.evidence if live else EvidenceCache()
        norms = kept.get(_NORMS)
        if norms is None:
            norms = make_norms(index, view, self._weights)
            kept.put(_NORMS, norms, norms.size)
        keys = [(term.term, term.spelling, term.similar and term.term not in names) for term in plan.terms]
        found = [kept.get(key) for key in keys]
        wanted = [term for term, key, known in zip(plan.terms, keys, found, strict=True) if known is None and key[2]]
        similar = self._similar(index, view, wanted)
        for place, (term, key) in enumerate(zip(plan.terms, keys, strict=True)):
            if found[place] is None:
                others = similar.get(term.term, ())
                made = gather(
                    index, view, norms, self._weights, term=term.term, similar=others, context=self._settings.context
                )
                found[place] = kept.put(key, made, made.size)
        return [(term, one) for term, one in zip(plan.terms, found, strict=True) if one is not None], norms.need

    def _similar(
        self, index: EpisodeIndex, view: View, terms: Sequence[PlannedTerm]
    ) -> dict[str, list[tuple[int, float]]]:
        """By term the terms of visible rows that are most like it: (number, strength), the strongest first."""
        if self._words is None or not terms:
            return {}
        w = self._weights
        similar: dict[str, list[tuple[int, float]]] = {}
        near = index.vocabulary.near([term.spelling for term in terms], self._words, w.similar_from)
        # With every row visible, the nearest terms are all held by one; no need to look farther.
        enough = slice(None if view.visible is not None else w.similar_terms + 1)
        for term, (numbers, cosines) in zip(terms, near, strict=True):
            own = index.postings.number(term.term)
            chosen = similar[term.term] = []
            for number, cosine in zip(numbers[enough].tolist(), cosines[enough].tolist(), strict=True):
                if number == own or (view.visible is not None and not view.visible[index.postings.rows(number)].any()):
                    continue
                chosen.append((number, (cosine - w.similar_from) / (1 - w.similar_from)))
                if len(chosen) == w.similar_terms:
                    break
        return similar


class Scores:
    """The scores of one search by row, and how each came about."""

    def __init__(self, index: EpisodeIndex, view: View, plan: Plan) -> None:
        size = view.size
        self.total: Floats = np.zeros(size, dtype=np.float32)
        self.found: npt.NDArray[np.bool_] = np.zeros(size, dtype=np.bool_)
        """The rows that something about the query speaks for; a mere prior makes no hit."""
        self._index = index
        self._view = view
        self._plan = plan
        self._lexical: list[tuple[PlannedTerm, float, Evidence]] = []
        self._said: Floats = np.zeros(size, dtype=np.float32)  # what the words say by row
        self._need: Floats = self._said
        self._parts: dict[str, Floats] = {}
        spoke = index.speaker.array[:size] if view.visible is None else index.speaker.array[:size][view.visible]
        heard = np.bincount(spoke, minlength=len(index.speakers))  # one who is deleted is no name any more
        names = {
            name: _WORD.findall(fold(name).lower())
            for name, number in index.speakers.items()
            if heard[number] and name.lower().strip() not in NOT_NAMES
        }
        spoken = set(_WORD.findall(plan.folded))
        named = [index.speakers[name] for name, parts in names.items() if parts and parts[0] in spoken]
        self._named: Floats | None = None
        if named:
            table = np.zeros(len(index.speakers), dtype=np.float32)
            table[named] = 1
            self._named = table[index.speaker.array[:size]]
        self.name_terms = frozenset(stem(part) for parts in names.values() for part in parts)

    def add_lexical(self, gathered: list[tuple[PlannedTerm, Evidence]], need: Floats) -> None:
        """Add what the terms say, each weighed by its rarity among turns and among sessions.

        need: by row how much it needs what is around it.
        """
        view = self._view
        shares: list[tuple[PlannedTerm, float, Evidence]] = []
        for term, evidence in gathered:
            rarity = _rarity(evidence.holders, view.count) + _rarity(evidence.sessions, view.runs)
            weight = term.weight * (NAME_WEIGHT if term.term in self.name_terms else 1.0)
            shares.append((term, rarity * weight, evidence))
        whole = sum(share for _, share, _ in shares)
        if whole <= 0:
            return
        self._lexical = [(term, share / whole, evidence) for term, share, evidence in shares]
        spread = np.zeros(view.runs, dtype=np.float32)
        lexical = np.zeros(view.size, dtype=np.float32)
        for _, share, evidence in self._lexical:
            spread += np.float32(share) * evidence.spread
            lexical[evidence.reached] += np.float32(share) * evidence.joined
        lexical += need * spread[view.run]
        self._said, self._need = lexical, need
        self.total += lexical
        self.found |= lexical > 0
        if self._named is not None:
            self._add("speaker", self._named * (SPEAKER + SPEAKER_LEXICAL * lexical))

    def add_dense(self, vector: Floats) -> None:
        """Add the cosine of the query's vector with each episode's."""
        dense = DENSE * (self._index.vectors.array[: self._view.size] @ vector)
        self._add("dense", dense)
        self.found |= dense > 0

    def add_kind(self) -> None:
        """Add small nudges: what kind of turn answers what kind of question."""
        index, view, asked = self._index, self._view, self._plan.features
        size = view.size
        told = TIMES_TOLD + TIMES_ASKED * asked.when
        kind = told * index.times_told.array[:size] + (FIRST + FIRST_LEXICAL * self._said) * (view.previous == NOBODY)
        for asks, role, weight in ((asked.about_me, "user", ABOUT_ME), (asked.you_said, "assistant", YOU_SAID)):
            if asks and role in index.roles:
                kind += weight * (index.role.array[:size] == index.roles[role])
        self._add("kind", kind.astype(np.float32))

    def add_time(self) -> None:
        """Add a little to what happened in or near a time that the query speaks of."""
        if self._plan.hints:
            near = np.zeros(self._view.size, dtype=np.float32)
            for hint in self._plan.hints:
                np.maximum(near, closeness(self._index.occurred.array[: self._view.size], hint), out=near)
            self._add("time", TIME * near)
            self.found |= near > 0

    def explain(self, rows: npt.NDArray[np.int64]) -> list[HitParts]:
        """The parts of the scores of some rows, in their order."""
        said: list[list[str]] = [[] for _ in rows]
        alike: list[list[str]] = [[] for _ in rows]
        turn, window, session = (np.zeros(len(rows), dtype=np.float32) for _ in range(3))
        runs = self._view.run[rows]
        for term, share, evidence in self._lexical:
            direct = _at(evidence.here, evidence.direct, rows)
            spread = self._need[rows] * evidence.spread[runs]
            local = _at(evidence.reached, evidence.joined, rows) / (1 - spread)
            turn += share * direct
            window += share * (local - direct)
            session += share * spread * (1 - local)
            exact = self._index.postings.held(term.term, rows)
            for place in np.flatnonzero(direct > 0).tolist():
                (said if exact[place] else alike)[place].append(term.spelling)
        named = {"turn": turn, "window": window, "session": session}
        named |= {name: values[rows] for name, values in self._parts.items()}
        answers: list[HitParts] = []
        for place, row in enumerate(rows.tolist()):
            values = {name: float(part[place]) for name, part in named.items() if abs(part[place]) > 1e-6}
            answers.append(HitParts(float(self.total[row]), values, _why(said[place], alike[place], values)))
        return answers

    def _add(self, name: str, part: Floats) -> None:
        self.total += part
        self._parts[name] = part


def _rarity(holders: float, of: int) -> float:
    return math.log(1 + (of - holders + 0.5) / (holders + 0.5))


def closeness(occurred: npt.NDArray[np.int64], hint: TimeHint) -> Floats:
    """1 inside the hint's range, falling to 0 behind it within a week (or a third of it), before it within a day."""
    start, end = to_micros(hint.start), to_micros(hint.end)
    slack = 0.3 * (end - start)
    after = np.clip(1 - (occurred - end) / max(7 * _DAY, slack), 0, 1)
    before = np.clip(1 - (start - occurred) / max(1.5 * _DAY, slack), 0, 1)
    return np.where(occurred >= end, after, np.where(occurred < start, before, 1)).astype(np.float32)


def _at(held: Rows, values: Floats, rows: npt.NDArray[np.integer]) -> Floats:
    """`values`, which belong to the rows `held`, at some rows; 0 where there is none."""
    if not len(held):
        return np.zeros(len(rows), dtype=np.float32)
    place = np.minimum(np.searchsorted(held, rows), len(held) - 1)
    found: Floats = values[place] * (held[place] == rows)
    return found


def _why(said: list[str], alike: list[str], values: Mapping[str, float]) -> tuple[str, ...]:
    why = [f"says {', '.join(said)}"] if said else []
    why += [f"says words like {', '.join(alike)}"] if alike else []
    for name, words in _REASONS.items():
        if values.get(name, 0) >= 0.02:
            why.append(words)
    return tuple(why)


_REASONS: Final = {
    "window": "its neighbours speak of it",
    "session": "its session speaks of it",
    "dense": "alike in meaning",
    "speaker": "said by someone named",
    "time": "from the time asked for",
}
