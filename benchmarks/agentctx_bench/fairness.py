"""Recall with ties counted fairly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

EPSILON = 1e-5


def tie_fair_recall(found: Sequence[str], exhaustive: Mapping[str, float], k: int, epsilon: float = EPSILON) -> float:
    """The share of the best `k` that was found, where any row as good as the k-th counts as one of them.

    exhaustive: the scores of at least the best `k` rows, and of more where ties may reach past them. 1 where there is
    nothing to find.
    """
    best = sorted(exhaustive.values(), reverse=True)[:k]
    if not best:
        return 1.0
    bar = best[-1] - epsilon
    hits = sum(1 for one in dict.fromkeys(found[:k]) if exhaustive.get(one, float("-inf")) >= bar)
    return min(hits, len(best)) / len(best)
