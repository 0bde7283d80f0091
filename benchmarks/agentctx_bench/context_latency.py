"""What a build costs beyond its search of memory and its scouting: 10,000 episodes and a large code base."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from agentctx.config import Settings
from agentctx.engine import ContextEngine
from agentctx_bench import synthetic
from agentctx_bench.progress import bar
from agentctx_bench.stats import percentiles

if TYPE_CHECKING:
    from agentctx_bench.context import Options

EPISODES: Final = 10_000
QUERIES: Final = 100
BUDGET: Final = 4000
_NAMESPACE: Final = "bench/latency"
_REPOSITORY: Final = "measured"
_BATCH: Final = 500
_CODE_QUERIES: Final = (
    "the cache returns a stale value after the key expired",
    "TypeError when a field with a default is serialized",
    "a form with an empty date raises instead of showing an error",
    "the migration of a renamed model drops its table",
    "redirect loses the query string after login",
)


def latency(options: Options) -> dict[str, Any]:
    """Builds at 4,000 tokens over both, each query once untimed and once timed; the median of what is not search."""
    assert options.latency is not None
    with (
        tempfile.TemporaryDirectory(prefix="agentctx-bench-") as folder,
        ContextEngine.open(Path(folder) / "store.db", embedder=options.embedder, settings=Settings.load()) as engine,
    ):
        files = _fill(engine, options.latency, options.seed)
        queries = synthetic.questions(QUERIES, EPISODES, options.seed)
        with bar("builds over 10,000 episodes and the repository", len(queries)) as advance:
            timed = []
            for number, question in enumerate(queries):
                timed.append(
                    _timed(engine, f"{question} {_CODE_QUERIES[number % len(_CODE_QUERIES)]}", options.counter)
                )
                advance(1)
    return {
        "episodes": EPISODES,
        "files": files,
        "budget": BUDGET,
        "queries": len(timed),
        "beyond_ms": {"cold": _beyond(timed, 0), "warm": _beyond(timed, 1)},
        "stages_ms": {
            name: percentiles([stages[1].get(name, 0.0) for stages in timed]) for name in sorted(timed[0][1])
        },
    }


def _fill(engine: ContextEngine, repository: Path, seed: int) -> int:
    episodes = list(synthetic.episodes(EPISODES, seed))
    with bar("filling the store", EPISODES) as advance:
        for start in range(0, EPISODES, _BATCH):
            engine.memory.add(_NAMESPACE, episodes[start : start + _BATCH])
            advance(_BATCH)
    for progress in engine.code.index(str(repository), name=_REPOSITORY):
        report = progress.report
    assert report is not None
    return report.repository.files


def _timed(engine: ContextEngine, query: str, counter: str) -> list[dict[str, float]]:
    """The stages of two builds of one query: texts not counted before, and counted before."""
    found = []
    for _ in range(2):
        began = time.perf_counter()
        bundle = engine.context.build(
            query, budget=BUDGET, namespace=_NAMESPACE, repositories=[_REPOSITORY], counter=counter
        )
        total = (time.perf_counter() - began) * 1000
        found.append({**bundle.receipt.stages_ms, "total": total})
    return found


def _beyond(timed: Sequence[Sequence[dict[str, float]]], which: int) -> dict[str, float]:
    totals = (stages[which] for stages in timed)
    return percentiles([one["total"] - one.get("search", 0.0) - one.get("scout", 0.0) for one in totals])
