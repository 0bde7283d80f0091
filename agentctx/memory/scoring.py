"""What a search needs to score the rows of one namespace, and in words how a score came about."""

from __future__ import annotations

from collections.abc import Callable
from itertools import compress
from typing import Final, NamedTuple

import numpy as np

from agentctx import kernels
from agentctx.config import SearchSettings
from agentctx.embed.near_words import NearWords
from agentctx.index.episodes import EpisodeIndex
from agentctx.index.view import View
from agentctx.memory.exact import PARTS, Question, Scored
from agentctx.memory.plan import Plan
from agentctx.memory.scratch import Scratch
from agentctx.memory.wording import Floats, PastStatistics, Statistics, Wording, word_query


class HitParts(NamedTuple):
    """A hit's score, the parts that it is the sum of, and in words what spoke for it."""

    total: float
    values: dict[str, float]
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
    spellings = () if question.wording is None else tuple([term.spelling for term in question.wording.terms])
    native = kernels.compiled
    if native is not None and spellings:
        rows = scored.rows.astype(np.int64, copy=False)
        answers: list[HitParts] = native.explain(*question.texts, rows, scored.total, scored.parts, spellings, *_TOLD)
        return answers
    answers = []
    exact, alike = question.held(scored.rows)
    told = zip(scored.total.tolist(), scored.parts.tolist(), exact.tolist(), alike.tolist(), strict=True)
    for total, parts, said, like in told:
        values = {name: part for name, part in zip(PARTS, parts, strict=True) if part > _NIL or part < -_NIL}
        why = []
        for intro, words in zip(_SAYS, (compress(spellings, said), compress(spellings, like)), strict=True):
            joined = _COMMA.join(words)
            if joined:
                why.append(intro + joined)
        why += [words for part, words in _REASONS if parts[part] >= _WORTH]
        answers.append(HitParts(total, values, tuple(why)))
    return answers


_NIL: Final = 1e-6
_WORTH: Final = 0.02  # what a part must count to be spoken of
_SAYS: Final = ("says ", "says words like ")
_COMMA: Final = ", "
_REASONS: Final = (
    (PARTS.index("window"), "its neighbours speak of it"),
    (PARTS.index("session"), "its session speaks of it"),
    (PARTS.index("dense"), "alike in meaning"),
    (PARTS.index("speaker"), "said by someone named"),
    (PARTS.index("time"), "from the time asked for"),
)
_TOLD: Final = (PARTS, _REASONS, _NIL, _WORTH, *_SAYS, _COMMA, HitParts)
