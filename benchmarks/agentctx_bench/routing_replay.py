"""A seeded replay: requests draw their outcome from QuantClaw's published table, and the router learns by feedback.

The router gets no row of that table: it starts from what it believes of formats and sizes alone.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any, Final

from agentctx.routing.posteriors import Posteriors
from agentctx.routing.router import POLICIES, Router
from agentctx.routing.setup import RoutingTables
from agentctx.types.routing import Backend, Prices, RouteRequest
from agentctx_bench.quantclaw import HIGH_SCORE, TABLE, Row

REQUESTS: Final = 2_000
SEEDS: Final = 10
# Both from the study's larger models; the ratio of prices is the mean published saving.
_INPUT, _OUTPUT = 3_000, 600
_SAVING: Final = fmean(row.saving for row in TABLE) / 100
_BILLIONS: Final = 400.0

Outcome = Callable[[random.Random, float], float]
NOISES: Final[Mapping[str, Outcome]] = {
    "pass_or_fail": lambda rng, score: float(rng.random() < score),
    "graded": lambda rng, score: min(max(rng.gauss(score, 0.2), 0.0), 1.0),
}


@dataclass(frozen=True, slots=True)
class Told:
    """How a way of choosing did. saving: percent of the cost of always 16 bit; points: change of the mean score."""

    saving: float
    points: float
    low: float

    def report(self, hindsight: float) -> dict[str, float]:
        """As the report has it."""
        return {
            "saving_percent": round(self.saving, 2),
            "share_of_hindsight": round(self.saving / hindsight, 3),
            "score_points": round(self.points, 3),
            "sent_low": round(self.low, 3),
        }


def hindsight() -> Told:
    """The greatest saving without loss of mean score: who knows the table takes 4 bit wherever that gains score, and
    spends the gain where it buys most saving.
    """
    low = {row.task_type: 1.0 for row in TABLE if row.gain <= 0}
    slack = -sum(row.gain for row in TABLE if row.gain <= 0)
    for row in sorted((row for row in TABLE if row.gain > 0), key=lambda row: -row.saving / row.gain):
        share = min(1.0, slack / row.gain)
        low[row.task_type] = share
        slack -= share * row.gain
    return _expected(lambda row: low.get(row.task_type, 0.0))


def fixed() -> dict[str, Told]:
    """What needs no learning: always high, always low, a coin, and the tiers that QuantClaw's cost view names."""
    return {
        "all_high": _expected(lambda _: 0.0),
        "all_low": _expected(lambda _: 1.0),
        "random": _expected(lambda _: 0.5),
        "quantclaw_rule": _expected(lambda row: float(row.low)),
        "hindsight": hindsight(),
    }


def learn(policy: str, noise: str, seed: int, requests: int = REQUESTS) -> Told:
    """One run of the router from its priors of format and size, `requests` long."""
    tables = RoutingTables.load(
        {"task_types": {row.task_type: {"gain": 0.012, "tasks": 0, "sensitivity": "moderate"} for row in TABLE}}
    )
    posteriors = Posteriors(tables.priors)
    rng, own = random.Random(seed), random.Random(seed + 1)  # noqa: S311 - no secrets
    backends = [
        Backend("high", "bf16", Prices(1.0, 4.0), 131_072, _BILLIONS),
        Backend("low", "nvfp4", Prices(1 - _SAVING, 4 * (1 - _SAVING)), 131_072, _BILLIONS),
    ]
    # The kind of each request is given, so that no classifier takes part: it is measured apart.
    router = Router(backends, _NoClassifier(), tables.catalog, tables.priors, posteriors, own)  # type: ignore[arg-type]
    chosen: list[tuple[Row, bool]] = []
    for number in range(requests):
        row = rng.choice(TABLE)
        request = RouteRequest("", _INPUT, output_tokens=_OUTPUT, task_type=row.task_type)
        low = router.decide(request, policy=POLICIES[policy]).backend == "low"
        chosen.append((row, low))
        score = HIGH_SCORE * (1 - row.gain / 100) if low else HIGH_SCORE
        posteriors.feedback(str(number), row.task_type, "low" if low else "high", NOISES[noise](rng, score))
    return Told(
        fmean(row.saving if low else 0.0 for row, low in chosen),
        100 * fmean(-HIGH_SCORE * row.gain / 100 if low else 0.0 for row, low in chosen),
        fmean(low for _, low in chosen),
    )


def replay(policy: str, seed: int, requests: int = REQUESTS, seeds: int = SEEDS) -> dict[str, Any]:
    """The router beside what it is to be compared with; means over `seeds` runs, and their range."""
    best = hindsight().saving
    found: dict[str, Any] = {"policy": policy, "requests": requests, "seeds": [seed + n for n in range(seeds)]}
    for noise in NOISES:
        runs = [learn(policy, noise, seed + n, requests) for n in range(seeds)]
        found[noise] = _mean(runs).report(best) | {
            "share_range": [round(one / best, 3) for one in _range([run.saving for run in runs])],
            "score_range": [round(one, 3) for one in _range([run.points for run in runs])],
        }
    headline = found["pass_or_fail"]
    found["share_of_hindsight"] = headline["share_of_hindsight"]
    found["score_points_lost"] = round(-headline["score_points"], 3)
    found["others"] = {name: told.report(best) for name, told in fixed().items()}
    return found


class _NoClassifier:
    """Stands where a classifier would: a request whose kind is given never asks it."""


def _expected(low: Callable[[Row], float]) -> Told:
    return Told(
        fmean(low(row) * row.saving for row in TABLE),
        fmean(-low(row) * HIGH_SCORE * row.gain for row in TABLE),
        fmean(low(row) for row in TABLE),
    )


def _mean(runs: Sequence[Told]) -> Told:
    return Told(fmean(r.saving for r in runs), fmean(r.points for r in runs), fmean(r.low for r in runs))


def _range(values: Sequence[float]) -> tuple[float, float]:
    return min(values), max(values)
