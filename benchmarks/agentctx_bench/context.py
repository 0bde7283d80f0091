"""`agentctx bench context`: evidence kept within a budget, and what a build costs, through the engine."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from agentctx.config import Settings
from agentctx.engine import ContextEngine
from agentctx.errors import InvalidArgument
from agentctx_bench import context_memory, host, locomo, longmemeval
from agentctx_bench.counting import exact_counter
from agentctx_bench.dataset import Dataset
from agentctx_bench.progress import bar
from agentctx_bench.report import write_json

BUDGETS: Final = (1000, 2000, 4000, 8000)
Load = Callable[[str | Path], Dataset]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What is measured.

    locomo, longmemeval: data files. localization, repos: a file of issues, and the folder with clones of their
    repositories. latency: a folder with a large code base: builds over 10,000 made-up episodes and it are timed.
    counter: an exact one. limit: only the first questions of each data set.
    """

    locomo: Path | None = None
    longmemeval: Path | None = None
    localization: Path | None = None
    repos: Path | None = None
    latency: Path | None = None
    budgets: Sequence[int] = BUDGETS
    counter: str = "o200k_base"
    embedder: str = "static"
    limit: int | None = None
    seed: int = 0
    json_out: Path | None = None


def context(options: Options) -> dict[str, Any]:
    """Measure what the options name; the report. Raises InvalidArgument for wrong options or data."""
    _check(options)
    count = exact_counter(options.counter)
    report: dict[str, Any] = {
        "benchmark": "context",
        "budgets": list(options.budgets),
        "counter": options.counter,
        "embedder": options.embedder,
        "seed": options.seed,
        "limit": options.limit,
    }
    loaders: list[tuple[str, Path | None, Load]] = [
        ("locomo", options.locomo, locomo.load),
        ("longmemeval", options.longmemeval, longmemeval.load),
    ]
    for name, path, load in loaders:
        if path is not None:
            report[name] = _conversations(load(path), path, options, count)
    if options.localization is not None and options.repos is not None:
        from agentctx_bench.context_code import localization  # noqa: PLC0415 - not needed for conversations

        report["localization"] = localization(options, count)
    if options.latency is not None:
        from agentctx_bench.context_latency import latency  # noqa: PLC0415

        report["latency"] = latency(options)
    report["versions"] = host.versions()
    report["machine"] = host.machine() | {"peak_memory_mib": host.peak_memory_mib()}
    if options.json_out is not None:
        write_json(report, options.json_out)
    return report


def _check(options: Options) -> None:
    if not options.budgets or not all(1 <= budget <= 1_000_000 for budget in options.budgets):
        raise InvalidArgument("budgets must be whole numbers from 1 to 1000000", field="budgets")
    if options.limit is not None and options.limit < 1:
        raise InvalidArgument("limit must be at least 1", field="limit")
    if (options.localization is None) != (options.repos is None):
        raise InvalidArgument("localization needs both its data and the folder of clones", field="repos")
    if not any((options.locomo, options.longmemeval, options.localization, options.latency)):
        raise InvalidArgument("name something to measure: locomo, longmemeval, localization or latency", field="data")


def _conversations(dataset: Dataset, path: Path, options: Options, count: Callable[[str], int]) -> dict[str, Any]:
    if options.limit is not None:
        dataset = dataset.limited(options.limit)
    work = dataset.turn_count() + sum(1 for one in dataset.questions() if one.headline and one.gold_turns)
    with (
        tempfile.TemporaryDirectory(prefix="agentctx-bench-") as folder,
        ContextEngine.open(Path(folder) / "store.db", embedder=options.embedder, settings=_fast()) as engine,
        bar(f"{dataset.benchmark}, bundles", work) as advance,
    ):
        asked = context_memory.run(
            engine, dataset, f"bench/{secrets.token_hex(4)}", options.budgets, options.counter, count, advance
        )
    told = context_memory.summary(asked, options.budgets, options.seed)
    told["data"] = {"file": path.name, "sha256": dataset.sha256, "turns": dataset.turn_count()}
    told["excluded"] = dict(dataset.excluded)
    told["notes"] = list(dataset.notes)
    return told


def _fast() -> Settings:
    """Nothing here is timed while it is written, and nothing is kept."""
    settings = Settings.load()
    return replace(settings, store=replace(settings.store, synchronous="NORMAL"))
