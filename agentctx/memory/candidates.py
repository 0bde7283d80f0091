"""Where to look in a large namespace: rows that may bear on a query, each with a first guess of its score.

The guess is the exact score without what takes long: the session, and neighbours that are two turns away. Rows come
from the words and those of like meaning, from the vectors, from times and tags that the query speaks of.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Final

import numpy as np
import numpy.typing as npt

from agentctx.ids import to_micros
from agentctx.index.vectors import least_of
from agentctx.memory.exact import Question
from agentctx.memory.scratch import Scratch
from agentctx.memory.weights import DENSE, TIME
from agentctx.memory.wording import ABSENT, Floats

Rows = npt.NDArray[np.integer[Any]]
Mask = npt.NDArray[np.bool_]

_POSTINGS: Final = 1 << 20
"""Occurrences that are looked at for one query; past them, the terms that count least are left out."""


WORDS: Final = "words"
VECTORS: Final = "vectors"


WORTH: Final = 0.04
"""A word of like meaning leads to rows if its nearness times the share of the word that it stands for is as much."""
CUT: Final = 2
"""So many times more rows than are asked for are looked at to find those that the words and all else speak for."""


@dataclass(frozen=True, slots=True)
class Reach:
    """How far to look: rows that come from words, from vectors (chosen among `rerank` whose codes are near), times."""

    words: int
    nearest: int
    rerank: int
    ranges: int

    MOST_WORDS: ClassVar[int] = 2_048
    MOST_RERANK: ClassVar[int] = 2_048

    @classmethod
    def of(cls, k: int, size: int) -> Reach:
        """What is enough for k hits of most queries among `size` rows."""
        words, rerank = min(cls.MOST_WORDS, 384 + size // 256), min(cls.MOST_RERANK, 320 + size // 64)
        return cls(
            words=max(words, 16 * k),
            nearest=max(rerank // 4, 4 * k),
            rerank=max(rerank, 8 * k),
            ranges=max(2_048, 16 * k),
        )

    def wider(self, source: str) -> Reach:
        """Four times as far, for one of the sources."""
        if source == VECTORS:
            return replace(self, nearest=2 * self.nearest, rerank=4 * self.rerank)
        return replace(self, words=4 * self.words, ranges=4 * self.ranges)


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """Rows worth a look, the most promising first.

    guess: of each. dense: its product with the query's vector. words_cut: no row that is not here has words that
    promise more (0: there is none), vectors_cut: nor a higher product (0: as before). sources: how many rows each
    source offered. postings, codes: what was looked at for it.
    """

    rows: Rows
    guess: Floats
    dense: Floats | None
    words_cut: float
    vectors_cut: float
    sources: Mapping[str, int]
    postings: int
    codes: int

    @property
    def usual(self) -> float:
        """A product with the query's vector that few of the rows exceed."""
        if self.dense is None or not len(self.dense):
            return 0.0
        place = int(0.9 * (len(self.dense) - 1))
        return float(np.partition(self.dense, place)[place])

    def joined(self, wider: Pool, upto: int) -> Pool:
        """The first rows, which were looked at, and behind them those of this and a wider pool, the best first."""
        new = ~np.isin(wider.rows, self.rows)
        rows = np.concatenate((self.rows[upto:], wider.rows[new]))
        guess = np.concatenate((self.guess[upto:], wider.guess[new]))
        order = np.argsort(-guess, kind="stable")
        dense = None
        if self.dense is not None and wider.dense is not None:
            dense = np.concatenate((self.dense[upto:], wider.dense[new]))[order]
            dense = np.concatenate((self.dense[:upto], dense))
        return replace(
            wider,
            rows=np.concatenate((self.rows[:upto], rows[order])),
            guess=np.concatenate((self.guess[:upto], guess[order])),
            dense=dense,
            postings=self.postings + wider.postings,
            codes=self.codes + wider.codes,
        )


def pool(question: Question, scratch: Scratch, reach: Reach, eligible: Mask | None, tagged: Rows | None = None) -> Pool:
    """The rows to begin with. eligible: what may be a hit, by row; None for all that is visible."""
    allowed = question.view.visible if eligible is None else eligible
    sources: dict[str, int] = {}
    parts: list[Rows] = []
    touched, words = (_NONE, 0) if question.wording is None else touch(question, scratch)
    postings = len(touched)
    words_cut = vectors_cut = 0.0
    said, said_guess = _NONE, np.zeros(0, dtype=np.float32)
    if len(touched):
        said, said_guess, words_cut = _said_most(question, scratch, touched, reach.words, allowed, words)
        sources[WORDS] = len(said)
    codes = 0
    nearest = None
    if question.vector is not None:
        nearest = question.index.vectors.nearest(question.vector, reach.nearest, eligible=allowed, rerank=reach.rerank)
        parts.append(nearest.rows)
        sources[VECTORS] = len(nearest.rows)
        codes = nearest.codes
        if len(nearest.rows) == reach.nearest:
            vectors_cut = float(nearest.scores[-1])
    for name, offered in (("times", _in_times(question, reach, allowed)), ("tags", tagged)):
        if offered is not None and len(offered):
            some = offered if allowed is None else offered[allowed[offered]]
            parts.append(some)
            sources[name] = len(some)
    every = np.concatenate(parts).astype(np.intp) if parts else _NONE
    place = scratch.place
    count = np.arange(len(said) + len(every), dtype=np.int32)
    place[every] = count[: len(every)]
    place[said] = -1
    rows = np.concatenate((said, every[place[every] == count[: len(every)]]))
    guess = np.concatenate((said_guess, question.guess(rows[len(said) :], scratch.sums)))
    dense = None
    if nearest is not None:
        assert question.vector is not None
        place[rows] = count[: len(rows)]
        dense = np.empty(len(rows), dtype=np.float32)
        known = place[nearest.rows]
        rest = np.ones(len(rows), dtype=np.bool_)
        rest[known] = False
        dense[known] = nearest.scores
        dense[rest] = question.index.vectors.score(rows[rest], question.vector)
        guess += np.float32(DENSE) * dense
    scratch.sums[touched] = 0
    order = np.argsort(-guess, kind="stable")
    return Pool(
        rows[order],
        guess[order],
        None if dense is None else dense[order],
        words_cut,
        vectors_cut,
        sources,
        postings,
        codes,
    )


def touch(question: Question, scratch: Scratch) -> tuple[Rows, int]:
    """Add up in `sums` what rows say of the words by themselves; the rows, again for each word, and how many words."""
    slot, number, worth = lists(question)
    touched: list[Rows] = [_NONE]
    left = _POSTINGS
    for word in dict.fromkeys(slot.tolist()):
        own = np.flatnonzero(slot == word)
        rows, says = question.index.lexical.look(number[own], worth[own], left, entire=True)
        left -= len(rows)
        if len(own) > 1:
            # By the word itself or by the nearest one of like meaning that the row holds: where a row is in several
            # lists, the place that is written last stands, so the nearest come last.
            rows, says = rows[::-1], says[::-1]
            count = np.arange(len(rows), dtype=np.int32)
            scratch.place[rows] = count
            kept = np.flatnonzero(scratch.place[rows] == count)
            rows, says = rows[kept], says[kept]
        scratch.sums[rows] += says
        touched.append(rows)
        if left <= 0:
            break
    return np.concatenate(touched), len(touched) - 1


def lists(question: Question) -> tuple[Rows, npt.NDArray[np.int32], Floats]:
    """The terms that lead to rows, those of the words that count most first: (place of the word, number, worth)."""
    wording = question.wording
    assert wording is not None
    shares = np.array(wording.shares, dtype=np.float32)
    own = np.array(wording.own, dtype=np.int32)
    worth = shares[wording.slot] * wording.strength
    chosen = np.flatnonzero(worth >= WORTH)[::-1]  # the nearest first
    known = np.flatnonzero((own != ABSENT) & (shares > 0))
    slot = np.concatenate((known, wording.slot[chosen]))
    number = np.concatenate((own[known], wording.number[chosen]))
    worth = np.concatenate((shares[known], worth[chosen]))
    order = np.argsort(-shares[slot], kind="stable")
    return slot[order], number[order], worth[order]


def _said_most(
    question: Question, scratch: Scratch, touched: Rows, most: int, allowed: Mask | None, words: int
) -> tuple[Rows, Floats, float]:
    """Of the rows that say something, those that promise most, their guesses, and the highest one of the others."""
    if allowed is not None:
        touched = touched[allowed[touched]]
    sums = scratch.sums
    looked = CUT * most * words  # a row occurs once for each word that it says
    cut_off = len(touched) > looked
    if cut_off:
        said = sums[touched]
        if question.hints:
            said += np.float32(TIME) * question.nearness(touched)
        touched = touched[said >= least_of(said, looked)]
    count = np.arange(len(touched), dtype=np.int32)
    scratch.place[touched] = count
    rows = touched[scratch.place[touched] == count].astype(np.intp)
    guess = question.guess(rows, sums)
    if len(rows) <= most:
        return rows, guess, float(guess.min()) if cut_off and len(rows) else 0.0
    cut = np.partition(guess, len(guess) - most)[len(guess) - most]
    kept = np.flatnonzero(guess >= cut)
    return rows[kept], guess[kept], float(cut)


def _in_times(question: Question, reach: Reach, allowed: Mask | None) -> Rows:
    """The rows from the times that the query speaks of; of a time that has very many, those nearest in meaning."""
    found: list[Rows] = []
    timeline = question.index.timeline
    for hint in question.hints:
        start, end = to_micros(hint.start), to_micros(hint.end)
        if timeline.count(start, end) <= reach.ranges:
            found.append(timeline.range(start, end))
        elif question.vector is not None:
            within = np.zeros(question.view.size, dtype=np.bool_)
            within[timeline.range(start, end)] = True
            if allowed is not None:
                within &= allowed
            nearest = question.index.vectors.nearest(
                question.vector, reach.nearest, eligible=within, rerank=reach.rerank
            )
            found.append(nearest.rows)
    return np.concatenate(found) if found else _NONE


_NONE: Final[Rows] = np.zeros(0, dtype=np.intp)
