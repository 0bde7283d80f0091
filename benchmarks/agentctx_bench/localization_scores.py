"""Scoring of the localization benchmark: keys, Acc@k, and paired comparison, as docs/benchmarks.md defines them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from agentctx_bench.localization_data import Row
from agentctx_bench.stats import paired_bootstrap

CUTOFFS: Final[Mapping[str, tuple[int, ...]]] = {"file": (1, 3, 5, 10), "module": (5, 10), "function": (5, 10)}
_INIT: Final = "__init__"


@dataclass(frozen=True, slots=True)
class Ranking:
    """What a system answers for an issue: paths, and functions or classes as `path::Qualified.name`, best first."""

    files: tuple[str, ...]
    functions: tuple[str, ...]

    @property
    def modules(self) -> list[str]:
        """The top-level names of the functions."""
        return distinct(module_of(key) for key in self.functions)


def function_key(path: str, names: Sequence[tuple[str, bool]]) -> str:
    """The key of a definition from the names around it, outermost first, and whether each is a function.

    What is nested in a function folds into that, `__init__` into its class.
    """
    kept: list[str] = []
    for name, is_function in names:
        if is_function and name == _INIT and kept:
            break
        kept.append(name)
        if is_function:
            break
    return f"{path}::{'.'.join(kept)}"


def normal(key: str) -> str:
    """A key with `__init__` folded into its class."""
    return key.removesuffix(f".{_INIT}")


def module_of(key: str) -> str:
    """The key of the top-level class or function that a function is in."""
    path, _, name = key.partition("::")
    return f"{path}::{name.partition('.')[0]}"


def distinct(keys: Iterable[str]) -> list[str]:
    """Each key at its first place."""
    return list(dict.fromkeys(keys))


def outcome(row: Row, ranking: Ranking) -> dict[str, float]:
    """`file@1` and so on: 1 where the whole gold is among the first k distinct ones."""
    ranked = {
        "file": (row.files, distinct(ranking.files)),
        "module": (row.modules, ranking.modules),
        "function": (frozenset(map(normal, row.functions)), distinct(map(normal, ranking.functions))),
    }
    return {
        f"{level}@{k}": float(gold <= set(found[:k])) for level, (gold, found) in ranked.items() for k in CUTOFFS[level]
    }


def accuracy(outcomes: Sequence[Mapping[str, float]]) -> dict[str, dict[str, float]]:
    """{"file": {"acc@1": ...}, ...} over issues."""
    return {
        level: {f"acc@{k}": _mean([one[f"{level}@{k}"] for one in outcomes]) for k in ks}
        for level, ks in CUTOFFS.items()
    }


def compare(ours: Sequence[Mapping[str, float]], theirs: Sequence[Mapping[str, float]], *, seed: int) -> dict[str, Any]:
    """Ours minus theirs on the same issues by metric: the mean with its 95% interval, wins, losses, McNemar's p."""
    found = {}
    for name in ours[0] if ours else ():
        a, b = [one[name] for one in ours], [one[name] for one in theirs]
        difference = paired_bootstrap(b, a, seed=seed)
        won, lost = sum(x > y for x, y in zip(a, b, strict=True)), sum(x < y for x, y in zip(a, b, strict=True))
        found[name] = {
            "mean": round(difference.mean, 4),
            "low": round(difference.low, 4),
            "high": round(difference.high, 4),
            "won": won,
            "lost": lost,
            "p": round(mcnemar(won, lost), 5),
        }
    return found


def mcnemar(won: int, lost: int) -> float:
    """The exact two-sided p of so many wins and losses if both were as likely."""
    n = won + lost
    if not n:
        return 1.0
    tail = sum(math.comb(n, i) for i in range(min(won, lost) + 1))
    return min(1.0, 2 * tail / int(2**n))


def _mean(values: Sequence[float]) -> float:
    return round(sum(values) / len(values), 4) if values else 0.0
