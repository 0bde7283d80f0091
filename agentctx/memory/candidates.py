"""Where to look: rows that may bear on a query, each with a first guess of its score.

The guess is the exact score without the session, with what the words say taken from rounded numbers and added up, and
with the vectors' products as short codes tell them. Arrays as long as the index are gone through in order, which costs
a nanosecond a row or less; only what promises most is looked at more closely.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Final

import numpy as np

from agentctx import kernels
from agentctx.ids import to_micros
from agentctx.index.highest import best_first
from agentctx.memory.exact import Question
from agentctx.memory.finder import Finder, Like, Mask, Rows
from agentctx.memory.finder_compiled import CompiledFinder
from agentctx.memory.scratch import Scratch
from agentctx.memory.weights import DENSE
from agentctx.memory.wording import Floats

WORDS: Final = "words"
VECTORS: Final = "vectors"
_FEW_IN_TIME: Final = 2_048
_FEW_ELIGIBLE: Final = 65_536  # rows each of whose codes is looked at
_BY_VECTORS: Final = 4  # so many times more rows where vectors alone decide, which are soon compared


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
    if question.wording is None and vector is not None:
        return _by_vectors(question, vector, reach, eligible, tagged)
    native, words = kernels.compiled, question.wording is not None
    finder = (
        Finder(question, scratch, allowed) if native is None else CompiledFinder(native, question, scratch, allowed)
    )
    sources: dict[str, int] = {}
    postings = finder.promise(reach.postings)
    if words:
        sources[WORDS] = postings
    if question.hints:
        sources["times"] = finder.draw_near()
    if tagged is not None and len(tagged):
        sources["tags"] = len(tagged)
    codes, cut, like = 0, 0.0, Like(0, 0.0, 0.0)
    if vector is not None and vectors.whole:
        sources[VECTORS] = codes = size
        finder.choose_by_all(vectors.estimate_all(vector), 2 * reach.words)
    else:
        cut = finder.choose(reach.words, _offered(question, tagged))
        if vector is not None:
            near = vectors.estimate(finder.rows, vector)
            rows, products = _like(question, reach, eligible)
            codes = len(rows)
            like = finder.join_like(near, rows, products, reach.nearest, reach.nearest if codes < size else None)
            sources[VECTORS] = like.offered
    finder.settle()
    return Pool(finder.rows, finder.guess, cut, like.cut, like.usual, sources, postings, codes)


def _by_vectors(question: Question, vector: Floats, reach: Reach, eligible: Mask | None, tagged: Rows | None) -> Pool:
    """The rows to begin with where nothing but vectors and tags speaks for any."""
    vectors, allowed = question.index.vectors, question.view.visible if eligible is None else eligible
    if vectors.whole:
        products, wanted = vectors.estimate_all(vector), 2 * reach.words
        rows: Rows = np.arange(len(products), dtype=np.int32)
    else:
        (rows, products), wanted = _like(question, reach, eligible), _BY_VECTORS * reach.nearest
    codes = len(rows)
    rows, products = best_first(rows, products, wanted, allowed)
    sources = {VECTORS: len(rows)}
    if tagged is not None and len(tagged):
        sources["tags"] = len(tagged)
        rows = np.concatenate((rows, np.setdiff1d(tagged, rows)))
        rows, products = best_first(rows, vectors.estimate(rows, vector), len(rows), allowed)
    return Pool(rows, np.float32(DENSE) * products, 0.0, 0.0, 0.0, sources, 0, codes)


def _offered(question: Question, tagged: Rows | None) -> Rows:
    """The rows that tags lead to, and those of a time that the query speaks of, if they are few."""
    found: list[Rows] = [] if tagged is None else [tagged]
    timeline = question.index.timeline
    for hint in question.hints:
        start, end = to_micros(hint.start), to_micros(hint.end)
        if timeline.count(start, end) <= _FEW_IN_TIME:
            found.append(timeline.range(start, end))
    return np.concatenate(found) if found else _NONE


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


_NONE: Final[Rows] = np.zeros(0, dtype=np.int32)
