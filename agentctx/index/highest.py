"""The rows of the highest of many scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, TypeVar

import numpy as np
import numpy.typing as npt

from agentctx import kernels

N = TypeVar("N", bound=np.integer[Any])
Rows = npt.NDArray[np.integer[Any]]
Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

_SAMPLED: Final = 16  # among so many times more scores than are wanted, a sample is looked at first
_SAMPLE: Final = 8_192  # scores that tell about how high the highest of very many are; in native/highest.c, too


@dataclass(frozen=True, slots=True)
class Nearest:
    """The rows nearest to a query, the nearest first, and what it took to find them."""

    rows: npt.NDArray[np.int64]
    scores: Floats
    codes: int
    """Codes looked at."""
    scored: int
    """Rows scored exactly."""
    cells: int
    """Cells of the layout whose codes were looked at."""


def highest(rows: npt.NDArray[N], scores: Floats, n: int) -> tuple[npt.NDArray[N], Floats]:
    """The rows of the `n` highest scores, more where the last of them is equal to others; in the order given."""
    if len(rows) <= n:
        return rows, scores
    chosen = np.flatnonzero(scores >= least_of(scores, n))
    return rows[chosen], scores[chosen]


def best_first(rows: Rows, scores: Floats, about: int, allowed: Mask | None = None) -> tuple[Rows, Floats]:
    """The rows of `about` so many highest scores, the best first, equal ones in the order given.

    allowed: by row whether it may be among them; None for all. Both arrays are used up.
    """
    native = kernels.compiled
    if native is not None:
        rows = rows.astype(np.int32, copy=False)
        count = native.best_first(rows, scores, allowed, about)
        return rows[:count], scores[:count]
    if allowed is not None:
        seen = np.flatnonzero(allowed.take(rows))
        rows, scores = rows.take(seen), scores.take(seen)
    chosen = np.flatnonzero(scores >= about_least_of(scores, about))
    rows, scores = rows.take(chosen), scores.take(chosen)
    order = (-scores).argsort(kind="stable")
    return rows.take(order), scores.take(order)


def least_of(scores: Floats, n: int) -> float:
    """The least of the `n` highest of more than `n` scores."""
    if len(scores) > _SAMPLED * n:  # a sample tells below what none of them lies, most likely
        sample = scores[:: _SAMPLED // 2]
        place = max(0, len(sample) - 2 * (2 * n // _SAMPLED) - _SAMPLED)
        high = scores[scores >= np.partition(sample, place)[place]]
        if len(high) >= n:
            scores = high
    return float(np.partition(scores, len(scores) - n)[len(scores) - n])


def about_least_of(scores: Floats, n: int) -> float:
    """About the least of the `n` highest of some scores, as a sample of them tells; below all if they are few."""
    step = max(1, min(len(scores) // _SAMPLE, n // 32))
    sample = scores[::step]
    place = len(sample) - 1 - n // step
    return float(np.partition(sample, place)[place]) if place >= 0 else -np.inf
