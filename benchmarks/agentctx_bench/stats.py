"""Percentiles of timings and the uncertainty of differences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

RESAMPLES = 10_000
_CHUNK = 1_000  # resamples drawn at once: 1,000 x 1,000 questions are 8 MB


@dataclass(frozen=True, slots=True)
class Difference:
    """A mean difference with its 95% interval; it is `clear` where the interval leaves out 0."""

    mean: float
    low: float
    high: float

    @property
    def clear(self) -> bool:
        """Whether chance alone is an unlikely reason for the difference."""
        return self.low > 0 or self.high < 0


def paired_bootstrap(
    ours: Sequence[float], theirs: Sequence[float], *, seed: int, resamples: int = RESAMPLES
) -> Difference:
    """`theirs` minus `ours`, question by question; the percentile interval over resampled sets of questions."""
    differences: npt.NDArray[np.float64] = np.asarray(theirs, dtype=np.float64) - np.asarray(ours, dtype=np.float64)
    n = len(differences)
    if n == 0:
        return Difference(0.0, 0.0, 0.0)
    rng = np.random.default_rng(seed)
    means = np.concatenate(
        [
            rng.multinomial(n, np.full(n, 1 / n), size=min(_CHUNK, resamples - done)) @ differences / n
            for done in range(0, resamples, _CHUNK)
        ]
    )
    low, high = np.percentile(means, [2.5, 97.5])
    return Difference(float(differences.mean()), float(low), float(high))


def percentiles(values: Sequence[float], digits: int = 3) -> dict[str, float]:
    """p50, p95 and p99 of timings; empty where nothing was timed."""
    if not values:
        return {}
    p50, p95, p99 = np.percentile(np.asarray(values), [50, 95, 99])
    return {"p50": round(float(p50), digits), "p95": round(float(p95), digits), "p99": round(float(p99), digits)}
