"""Where to look in a namespace that is not large: a first guess of the score of each of its rows, and the best of them.

The guess adds up what the words say of a row and of its neighbours before it joins the two, leaves the session out, and
takes the product of the vectors from their short codes. Arrays as long as the index are gone through in order, which
costs some nanoseconds a row; choosing rows first, as `candidates.pool` does, costs more until there are many.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from agentctx.index.vectors import least_of
from agentctx.memory.candidates import VECTORS, WORDS, Pool, lists
from agentctx.memory.exact import Question, closeness, reach, step
from agentctx.memory.scratch import Scratch
from agentctx.memory.weights import DENSE, TIME, WEIGHTS
from agentctx.memory.wording import Floats

Rows = npt.NDArray[np.integer[Any]]
Mask = npt.NDArray[np.bool_]

SURVEYED: Final = 1 << 17
"""Up to so many rows each is guessed at."""
_MOST: Final = 1_024  # rows that are kept
_BLOCK: Final = 16_384  # rows guessed at in one go: what is worked on stays in the processor's cache
_LOUD: Final = 0.06  # what words must say of a row for its neighbours to hear of it
_POSTINGS: Final = 3 << 16  # occurrences that are looked at; past them, the words that count least are left out
_ONE: Final = np.float32(1)


def survey(question: Question, scratch: Scratch, most: int, eligible: Mask | None, tagged: Rows | None = None) -> Pool:
    """The most promising rows of all. eligible: what may be a hit, by row; None for all that is visible."""
    view, index = question.view, question.index
    allowed = view.visible if eligible is None else eligible
    size = view.size
    every = slice(0, size)
    sources: dict[str, int] = {}
    guess: Floats = np.zeros(size, dtype=np.float32)
    postings = codes = 0
    if question.wording is not None:
        _, number, worth = lists(question)
        said, says = index.lexical.look(number, worth, _POSTINGS, entire=True)
        # A word of like meaning counts beside the word itself, which makes some guesses too high.
        np.add.at(scratch.sums, said, says)
        postings = sources[WORDS] = len(said)
        _say(question, scratch, guess)
        scratch.sums[every] = 0
    if question.vector is not None:
        guess += np.float32(DENSE) * index.vectors.estimate_all(question.vector)
        sources[VECTORS] = codes = size
    for hint in question.hints:
        near = index.timeline.range(*reach(hint))
        guess[near] += np.float32(TIME) * closeness(index.occurred.array[near], hint)
        sources["times"] = sources.get("times", 0) + len(near)
    if tagged is not None and len(tagged):
        sources["tags"] = len(tagged)
    if allowed is not None:
        guess[~allowed] = -np.inf
    rows = _best(guess, max(_MOST, most))
    if allowed is not None:
        rows = rows[allowed[rows]]
    rows = rows[np.argsort(-guess[rows])]
    return Pool(rows, guess[rows], None, 0.0, 0.0, sources, postings, codes)


def _say(question: Question, scratch: Scratch, guess: Floats) -> None:
    """Write what the words say of each row, with what reaches it of its neighbours, and the nudges."""
    size = len(guess)
    reached = _reached(question, scratch.sums[:size]) if question.context else None
    for start in range(0, size, _BLOCK):
        rows = slice(start, min(start + _BLOCK, size))
        said = scratch.sums[rows]
        if reached is not None:
            more = reached[rows]
            more *= question.need(rows)
            np.minimum(more, _ONE, out=more)
            more *= _ONE - said
            said = said + more
        guess[rows] = question.nudged(rows, said)


def _reached(question: Question, said: Floats) -> Floats:
    """What reaches each row of the neighbours that say most, if it needs all of it."""
    view = question.view
    loud = np.flatnonzero(said >= _LOUD)
    strength = said.take(loud)
    after, before = view.following.take(loud), view.previous.take(loud)
    reached = np.zeros(len(said) + 1, dtype=np.float32)  # one place more, to which NOBODY leads
    asks = np.float32(WEIGHTS.previous_asks) * question.index.asks.array.take(loud)
    reached[after] += (np.float32(WEIGHTS.previous) + asks) * strength
    reached[before] += np.float32(WEIGHTS.following) * strength
    reached[step(view.following, after)] += np.float32(WEIGHTS.second_previous) * strength
    reached[step(view.previous, before)] += np.float32(WEIGHTS.second_following) * strength
    return reached


def _best(guess: Floats, most: int) -> Rows:
    """The places of about the `most` highest guesses, a sample of which tells where these begin."""
    if len(guess) <= most:
        return np.arange(len(guess))
    return np.flatnonzero(guess >= least_of(guess, most))
