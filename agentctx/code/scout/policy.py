"""FastCode's cost policy with signals that are computed, not stated by a model: when is it enough?"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

LEAST_ROUNDS: Final = 2
MOST_ROUNDS: Final = 6
DECAY: Final = 0.5
"""What a relation one step further away is worth."""
_ENOUGH: Final = 0.95
_LOW_GAIN: Final = 0.01
"""Confidence per 1,000 tokens under which a round did not pay."""


@dataclass(frozen=True, slots=True)
class State:
    """What a round left: confidence 0 to 1, tokens of structure read in all, candidates that were new in it."""

    round: int
    confidence: float
    cost: int
    new: int


@dataclass(frozen=True, slots=True)
class Policy:
    """When to stop.

    budget: tokens of structure. complexity: of the query, 0 to 1. entropy: of the repository, 0.5 to 2.
    """

    budget: int
    complexity: float
    entropy: float

    @property
    def rounds(self) -> int:
        """How many rounds at most: more for long queries and for large repositories."""
        wanted = 4 * (0.7 + 0.6 * (self.complexity + self.entropy) / 2)
        return max(LEAST_ROUNDS, min(int(wanted), MOST_ROUNDS))

    @property
    def enough(self) -> float:
        """The confidence that suffices; less is asked where little can be known."""
        return _ENOUGH - 0.05 * self.complexity

    def stop(self, states: list[State]) -> str:
        """Why to stop after these rounds: "sufficient", "budget", "exhausted", "rounds", "inefficient", or "" to go on.

        At least two rounds are made (words first, then relations), unless the budget is spent or nothing came new.
        """
        last = states[-1]
        if last.cost >= self.budget:
            return "budget"
        if not last.new:
            return "exhausted"
        if last.round < LEAST_ROUNDS:
            return ""
        if last.confidence >= self.enough:
            return "sufficient"
        if last.round >= self.rounds:
            return "rounds"
        low = [gain(before, now) < _LOW_GAIN for before, now in pairwise(states)]
        return "inefficient" if low[-2:] == [True, True] else ""


def gain(before: State, now: State) -> float:
    """Confidence won per 1,000 tokens of structure. A round that cost nothing counts as one that cost a token."""
    return 1000 * (now.confidence - before.confidence) / max(now.cost - before.cost, 1)


def repository_entropy(files: int, lines: float, depth: float) -> float:
    """How hard a repository is to find one's way in, 0.5 to 2, from files, mean lines of a file, and mean depth."""
    size = _clip(math.log10(files + 1) / 3, 0.3, 1.5)
    length = _clip(lines / 200, 0.5, 2.0)
    return _clip((size + length + _clip(depth / 5, 0.7, 1.3)) / 3, 0.5, 2.0)


def query_complexity(terms: int, anchors: int) -> float:
    """How much a query asks for, 0 to 1: many words and few anchors make it hard."""
    return _clip(terms / 200, 0.0, 1.0) * (1.0 if not anchors else 0.8)


def _clip(value: float, low: float, high: float) -> float:
    return max(low, min(value, high))
