"""From runs to the report: the JSON document, whose keys are promised, and the tables on the console."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from agentctx.errors import InvalidArgument
from agentctx_bench import metrics
from agentctx_bench.runner import Cutoffs, Outcome, Run, by_category
from agentctx_bench.stats import paired_bootstrap, percentiles

CHARACTERS_PER_TOKEN = 4  # an estimate, and labelled as one wherever it is told
Scores = Mapping[str, Any]


def levels(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """`turn` and `session` metrics of some outcomes, each over the questions that have gold at that level."""
    turn = [o.turn for o in outcomes if o.turn]
    session = [o.session for o in outcomes if o.session]
    return {
        "questions": max(len(turn), len(session)),
        "turn": {"n": len(turn), **_rounded(metrics.average(turn))},
        "session": {"n": len(session), **_rounded(metrics.average(session))},
    }


def headline(run: Run) -> list[Outcome]:
    """The outcomes that the headline speaks of: questions with gold, those reported apart left out."""
    return [o for o in run.outcomes if o.question.headline and (o.turn or o.session)]


def categories(run: Run) -> dict[str, Any]:
    """The metrics of each category; one without a question that counts has none."""
    return {name: levels(group) for name, group in by_category(run.outcomes) if any(o.session for o in group)}


def tokens(outcomes: Sequence[Outcome], cutoffs: Cutoffs) -> dict[str, Any]:
    """The mean size of the first k texts, which is what a reader of k hits pays for."""
    n = max(len(outcomes), 1)
    means = {str(k): round(sum(o.characters[k] for o in outcomes) / n / CHARACTERS_PER_TOKEN, 1) for k in cutoffs.turn}
    return {"counter": f"characters / {CHARACTERS_PER_TOKEN}, an estimate", "mean_at_k": means}


def system_report(run: Run, cutoffs: Cutoffs) -> dict[str, Any]:
    """Everything about one system."""
    outcomes = headline(run)
    return {
        **levels(outcomes),
        "by_category": categories(run),
        "latency_ms": percentiles([o.latency_ms for o in run.outcomes]),
        "ingest_per_s": round(run.ingest_per_s, 1) or None,
        "tokens": tokens(outcomes, cutoffs),
        "rankings_that_depended_on_k": run.unstable,
    }


def comparison(base: Run, others: Sequence[Run], cutoffs: Cutoffs, seed: int) -> list[dict[str, Any]]:
    """Each other system, with its paired difference from `base` for every metric."""
    rows = []
    for other in others:
        differences: dict[str, dict[str, Any]] = {}
        pairs = list(zip(headline(base), headline(other), strict=True))
        for level in ("turn", "session"):
            scores = [(getattr(a, level), getattr(b, level)) for a, b in pairs if getattr(a, level)]
            differences[level] = {}
            for name in scores[0][0] if scores else ():
                found = paired_bootstrap([a[name] for a, _ in scores], [b[name] for _, b in scores], seed=seed)
                differences[level][name] = {
                    "mean": round(found.mean, 4),
                    "low": round(found.low, 4),
                    "high": round(found.high, 4),
                    "clear": found.clear,
                }
        rows.append({"system": other.label, **system_report(other, cutoffs), "difference": differences})
    return rows


def write_json(report: Mapping[str, Any], path: str | Path) -> None:
    """Write the report to a file."""
    try:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise InvalidArgument(f"cannot write {path}: {error.strerror}", field="json") from error


def _rounded(scores: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, 4) for name, value in scores.items()}
