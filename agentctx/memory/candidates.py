"""Where to look: rows that may bear on a query, each with a first guess of its score.

The guess is the exact score without the session, with what the words say taken from rounded numbers and added up, and
with the vectors' products as short codes tell them. Arrays as long as the index are gone through in order, which costs
a nanosecond a row or less; only what promises most is looked at more closely.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Final

import numpy as np
import numpy.typing as npt

from agentctx.ids import to_micros
from agentctx.index.vectors import about_least_of
from agentctx.index.view import NOBODY
from agentctx.memory.exact import Question
from agentctx.memory.nearness import closeness, reach
from agentctx.memory.scratch import Scratch
from agentctx.memory.weights import DENSE, TIME, WEIGHTS
from agentctx.memory.wording import Floats

Rows = npt.NDArray[np.integer[Any]]
Mask = npt.NDArray[np.bool_]

WORDS: Final = "words"
VECTORS: Final = "vectors"
_LOUD: Final = 0.06  # what words must say of a row for its neighbours to hear of it
_LOUDEST: Final = 8_192  # rows, about, whose neighbours hear of them
_FEW_IN_TIME: Final = 2_048
_FEW_ELIGIBLE: Final = 65_536  # rows each of whose codes is looked at
_CUT: Final = 4  # so many times more rows than are wanted are looked at for those that most speaks for
_FAVOURED: Final = 8  # ... and so many times more than these where it counts who says them
_BY_VECTORS: Final = 4  # and so many times more where vectors alone decide, which are soon compared
_HEARD: Final = np.float32(0.5)
_ONE: Final = np.float32(1)


@dataclass(frozen=True, slots=True)
class Reach:
    """How far to look.

    words: rows that are chosen by what words and times say. nearest: rows chosen by vectors with these. postings:
    occurrences of words looked at. codes: so many times more than usual.
    """

    words: int
    nearest: int
    postings: int
    codes: int = 1

    POSTINGS: ClassVar[int] = 1 << 20
    MOST: ClassVar[int] = 4_096

    @classmethod
    def of(cls, k: int, size: int) -> Reach:
        """What is enough for k hits of most queries among `size` rows."""
        words = max(min(cls.MOST, 640 + size // 256), 64 * k)
        return cls(words=words, nearest=max(words // 2, 32 * k), postings=cls.POSTINGS)

    def wider(self, source: str) -> Reach:
        """Four times as far, for one of the sources."""
        if source == VECTORS:
            return replace(self, nearest=2 * self.nearest, codes=4 * self.codes)
        return replace(self, words=4 * self.words, postings=4 * self.postings)


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """Rows worth a look, the most promising first.

    guess: of each. words_cut: no row that is not here has words that promise more (0: there is none), vectors_cut: nor
    a higher product with the query's vector (0: as before). sources: how many rows each source offered. postings,
    codes: what was looked at for it.
    """

    rows: Rows
    guess: Floats
    words_cut: float
    vectors_cut: float
    usual: float
    """A product with the query's vector that few of the rows exceed."""
    sources: Mapping[str, int]
    postings: int
    codes: int

    def joined(self, wider: Pool, upto: int) -> Pool:
        """The first rows, which were looked at, and behind them those of this and a wider pool, the best first."""
        new = ~np.isin(wider.rows, self.rows)
        rows = np.concatenate((self.rows[upto:], wider.rows[new]))
        guess = np.concatenate((self.guess[upto:], wider.guess[new]))
        order = np.argsort(-guess, kind="stable")
        return replace(
            wider,
            rows=np.concatenate((self.rows[:upto], rows[order])),
            guess=np.concatenate((self.guess[:upto], guess[order])),
            postings=self.postings + wider.postings,
            codes=self.codes + wider.codes,
        )


def pool(question: Question, scratch: Scratch, reach: Reach, eligible: Mask | None, tagged: Rows | None = None) -> Pool:
    """The rows to begin with. eligible: what may be a hit, by row; None for all that is visible."""
    vectors, vector, size = question.index.vectors, question.vector, question.view.size
    allowed = question.view.visible if eligible is None else eligible
    sources: dict[str, int] = {}
    promise = scratch.promise[:size]
    postings = _promise(question, scratch, reach.postings, sources)
    if tagged is not None and len(tagged):
        sources["tags"] = len(tagged)
    if eligible is not None:
        promise[~eligible] = -_ONE
    cut = vectors_cut = usual = 0.0
    codes = 0
    near: Floats | None = None
    if vector is not None and vectors.whole:
        every = vectors.estimate_all(vector)
        sources[VECTORS] = codes = size
        value = promise + np.float32(DENSE) * every
        rows = _seen(np.flatnonzero(value >= about_least_of(value, 2 * reach.words)), allowed)
        guess = _guess(question, scratch, rows)
        near = every.take(rows)
    else:
        rows, cut = _promising(promise, (_FAVOURED if question.favours else 1) * _CUT * reach.words)
        if question.favours and len(rows) > _CUT * reach.words:
            favoured = question.favoured(rows, promise.take(rows))
            rows = rows[favoured >= about_least_of(favoured, _CUT * reach.words)]
        rows = _seen(np.concatenate((rows, _new(_offered(question, tagged), rows, scratch))), allowed)
        guess = _guess(question, scratch, rows)
        if len(rows) > reach.words:
            cut = max(cut, about_least_of(guess, reach.words))
            best = np.flatnonzero(guess >= cut)
            rows, guess = rows.take(best), guess.take(best)
        if vector is not None:
            near = vectors.estimate(rows, vector)
            usual = _usual(near)
            like, estimate = _like(question, reach, eligible)
            codes = len(like)
            if codes < size and question.wording is not None:
                vectors_cut = max(0.0, about_least_of(estimate, reach.nearest))
            value = promise.take(like)
            value += np.float32(DENSE) * estimate
            most = reach.nearest if question.wording is not None else _BY_VECTORS * reach.nearest
            chosen = np.flatnonzero(value >= about_least_of(value, most))
            like, estimate = like.take(chosen), estimate.take(chosen)
            sources[VECTORS] = len(like)
            scratch.mark[rows] = 1
            new = scratch.mark.take(like) == 0
            scratch.mark[rows] = 0
            if allowed is not None:
                new &= allowed.take(like)
            like, estimate = like[new], estimate[new]
            rows, near = np.concatenate((rows, like)), np.concatenate((near, estimate))
            guess = np.concatenate((guess, _guess(question, scratch, like)))
    if near is not None:
        guess += np.float32(DENSE) * near
    for room in (scratch.promise, scratch.reached):
        room[:size] = 0
        room[NOBODY] = 0
    order = (-guess).argsort()
    return Pool(rows.take(order), guess.take(order), cut, vectors_cut, usual, sources, postings, codes)


def _seen(rows: Rows, allowed: Mask | None) -> Rows:
    return rows if allowed is None else rows[allowed.take(rows)]


def _guess(question: Question, scratch: Scratch, rows: Rows) -> Floats:
    """About the score of some rows but for the vectors."""
    reached = scratch.reached.take(rows)
    said = scratch.promise.take(rows)
    said -= _HEARD * reached
    return question.guess(rows, said, reached)


def _promise(question: Question, scratch: Scratch, most: int, sources: dict[str, int]) -> int:
    """Write to `promise` what words and times promise of each row; how many occurrences were looked at."""
    if question.wording is None:
        return 0
    promise = scratch.promise[: question.view.size]
    postings = sources[WORDS] = question.add_up(promise, most)
    if question.context:
        _reach_out(question, scratch)
    timeline = question.index.timeline
    for hint in question.hints:
        first, last = reach(hint)
        start, end = to_micros(hint.start), to_micros(hint.end)
        within = timeline.range(start, end)
        np.add.at(promise, within, np.full(len(within), TIME, dtype=np.float32))
        sources["times"] = sources.get("times", 0) + len(within)
        for beside in (timeline.range(first, start), timeline.range(end, last)):
            if len(beside):
                near = np.float32(TIME) * closeness(question.index.occurred.array.take(beside), hint)
                np.add.at(promise, beside, near)
                sources["times"] += len(beside)
    return postings


def _reach_out(question: Question, scratch: Scratch) -> None:
    """Write to `reached` what reaches each row, if it needs all of it, of the neighbours that say most.

    A part of it is added to `promise`, which is what each says by then.
    """
    view, promise, reached = question.view, scratch.promise, scratch.reached
    said = promise[: view.size]
    loud = np.flatnonzero(said >= max(_LOUD, question.loudness(said, _LOUDEST)))
    strength = said.take(loud)
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


def _promising(promise: Floats, most: int) -> tuple[Rows, float]:
    """About so many rows that promise most, and what the others promise at most; 0 if they promise nothing."""
    least = about_least_of(promise, most)
    if least > 0:
        return np.flatnonzero(promise >= np.float32(least)), least
    return np.flatnonzero(promise > 0), 0.0


def _offered(question: Question, tagged: Rows | None) -> Rows:
    """The rows that tags lead to, and those of a time that the query speaks of, if they are few."""
    found: list[Rows] = [] if tagged is None else [tagged]
    timeline = question.index.timeline
    for hint in question.hints:
        start, end = to_micros(hint.start), to_micros(hint.end)
        if timeline.count(start, end) <= _FEW_IN_TIME:
            found.append(timeline.range(start, end))
    return np.unique(np.concatenate(found)) if found else _NONE


def _new(rows: Rows, known: Rows, scratch: Scratch) -> Rows:
    """Those of some rows that are not known."""
    if not len(rows):
        return rows
    scratch.mark[known] = 1
    new: Rows = rows[scratch.mark.take(rows) == 0]
    scratch.mark[known] = 0
    return new


def _like(question: Question, reach: Reach, eligible: Mask | None) -> tuple[Rows, Floats]:
    """The rows that are worth a look for their vectors, and about their products with the query's."""
    vectors, vector = question.index.vectors, question.vector
    assert vector is not None
    among = question.view.count
    if eligible is not None:
        among = int(np.count_nonzero(eligible))
        if among <= _FEW_ELIGIBLE:
            rows = np.flatnonzero(eligible)
            return rows, vectors.estimate(rows, vector)
    share = vectors.look(among) * reach.codes
    # Words and times lead to most rows, and then a third as many codes were seen to do.
    return vectors.like(vector, min(1.0, 2 * share if question.wording is None else share / 3))


def _usual(near: Floats) -> float:
    """A product that few of some rows exceed."""
    if not len(near):
        return 0.0
    place = int(0.9 * (len(near) - 1))
    return float(np.partition(near, place)[place])


_NONE: Final[Rows] = np.zeros(0, dtype=np.int32)
