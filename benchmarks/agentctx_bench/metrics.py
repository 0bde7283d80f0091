"""Retrieval metrics of one ranking against its gold, as `docs/benchmarks.md` defines them."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence

NDCG_AT = 10


def distinct(units: Iterable[str]) -> list[str]:
    """The units in their order, each at its first place only."""
    return list(dict.fromkeys(units))


def any_recall(ranking: Sequence[str], gold: Collection[str], k: int) -> float:
    """1 if one of `gold` is among the first `k`, else 0."""
    return float(any(unit in gold for unit in ranking[:k]))


def all_recall(ranking: Sequence[str], gold: Collection[str], k: int) -> float:
    """1 if the whole of `gold` is among the first `k`, else 0; so always 0 where gold is larger than `k`."""
    return float(sum(unit in gold for unit in ranking[:k]) == len(gold))


def fraction_recall(ranking: Sequence[str], gold: Collection[str], k: int) -> float:
    """The share of `gold` that is among the first `k`."""
    return sum(unit in gold for unit in ranking[:k]) / len(gold)


def ndcg(ranking: Sequence[str], gold: Collection[str], k: int = NDCG_AT) -> float:
    """Normalised discounted cumulative gain, binary, in the textbook form: rank r counts 1 / log2(r + 1)."""
    gained = sum(1 / math.log2(rank + 1) for rank, unit in enumerate(ranking[:k], 1) if unit in gold)
    best = sum(1 / math.log2(rank + 1) for rank in range(1, min(len(gold), k) + 1))
    return gained / best


def score(units: Iterable[str], gold: frozenset[str], ks: Iterable[int]) -> dict[str, float]:
    """Every metric of one question: `any@k`, `all@k` and `fraction@k` for each k, and `ndcg@10`.

    A unit that comes again counts at its first place and takes no second one. `gold` must not be empty.
    """
    if not gold:
        raise ValueError("a question without gold has no retrieval metrics")
    ranking = distinct(units)
    scores: dict[str, float] = {}
    for k in ks:
        scores[f"any@{k}"] = any_recall(ranking, gold, k)
        scores[f"all@{k}"] = all_recall(ranking, gold, k)
        scores[f"fraction@{k}"] = fraction_recall(ranking, gold, k)
    scores[f"ndcg@{NDCG_AT}"] = ndcg(ranking, gold)
    return scores


def average(scores: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The mean of each metric over questions (not over evidence); empty where there is no question."""
    if not scores:
        return {}
    return {name: sum(s[name] for s in scores) / len(scores) for name in scores[0]}
