"""What a search needs to score the rows of one namespace, and in words how a score came about."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from agentctx.config import SearchSettings
from agentctx.embed.near_words import NearWords
from agentctx.index.episodes import EpisodeIndex
from agentctx.index.view import View
from agentctx.memory.exact import Question, Scored
from agentctx.memory.plan import Plan
from agentctx.memory.scratch import Scratch
from agentctx.memory.wording import Floats, PastStatistics, Statistics, Wording, word_query


@dataclass(frozen=True, slots=True)
class HitParts:
    """A hit's score, the parts that it is the sum of, and in words what spoke for it."""

    total: float
    values: Mapping[str, float]
    why: tuple[str, ...]


class Scorer:
    """Makes questions that score rows. Holds no state of its own."""

    def __init__(self, settings: SearchSettings, near: Callable[[], NearWords]) -> None:
        self._settings = settings
        self._near = near

    def ask(
        self, index: EpisodeIndex, view: View, plan: Plan, vector: Floats | None, scratch: Scratch, *, live: bool
    ) -> Question:
        """A query against `view`. live: the view is the index's present one, whose statistics are at hand."""
        settings = self._settings
        statistics = Statistics(index, view) if live else PastStatistics(index, view)
        wording: Wording | None = None
        if settings.lexical:
            wording = word_query(plan, statistics, self._near() if settings.dense else None)
        return Question(statistics, plan, wording, vector if settings.dense else None, settings, scratch)


def explain(question: Question, scored: Scored) -> list[HitParts]:
    """The parts of the scores of some rows, in their order."""
    spellings = [] if question.wording is None else [term.spelling for term in question.wording.terms]
    answers: list[HitParts] = []
    names = list(scored.parts)
    columns = zip(*(part.tolist() for part in scored.parts.values()), strict=True)
    told = zip(scored.total.tolist(), columns, scored.exact.T.tolist(), scored.alike.T.tolist(), strict=True)
    for total, parts, exact, alike in told:
        values = {name: part for name, part in zip(names, parts, strict=True) if part > _NIL or part < -_NIL}
        said = [word for word, there in zip(spellings, exact, strict=False) if there]
        like = [word for word, there in zip(spellings, alike, strict=False) if there]
        answers.append(HitParts(total, values, _why(said, like, values)))
    return answers


def _why(said: list[str], alike: list[str], values: Mapping[str, float]) -> tuple[str, ...]:
    why = [f"says {', '.join(said)}"] if said else []
    why += [f"says words like {', '.join(alike)}"] if alike else []
    for name, words in _REASONS.items():
        if values.get(name, 0) >= 0.02:
            why.append(words)
    return tuple(why)


_NIL: Final = 1e-6
_REASONS: Final = {
    "window": "its neighbours speak of it",
    "session": "its session speaks of it",
    "dense": "alike in meaning",
    "speaker": "said by someone named",
    "time": "from the time asked for",
}
