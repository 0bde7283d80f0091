"""The tables of the localization benchmark on a console."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from agentctx_bench.localization import rows_of
from agentctx_bench.localization_context import METRICS
from agentctx_bench.localization_scores import CUTOFFS


def show_localization(report: Mapping[str, Any], console: Console) -> None:
    """Print a report: accuracies by system and by repository, bundles, costs."""
    console.print(f"localization: {report['instances']} issues, no network, no LLM")
    console.print(_accuracies(report))
    if report["context"]:
        console.print(_bundles(report))
    index = report["index_seconds"]
    cold = index["without_cache"] or "not measured"
    console.print(
        f"index p50 {index['with_cache'].get('p50')} s a commit with the cache of facts "
        f"({index['parsed']} files parsed, {index['reused']} reused); without: {cold}"
    )
    console.print(f"scout {report['scout_ms']} ms; structure of 10 and 50 hits {report['structure_tokens']} tokens")


def _accuracies(report: Mapping[str, Any]) -> Table:
    table = Table(title="Acc@k: the whole gold among the first k, in percent")
    table.add_column("system")
    for level, ks in CUTOFFS.items():
        table.add_column(f"{level} @{' @'.join(map(str, ks))}", justify="right")
    for label, found in rows_of(report):
        table.add_row(label, *_cells(found))
    table.add_row("mean of repositories", *_cells(report["mean_over_repositories"]))
    for name, found in report["per_repo"].items():
        table.add_row(f"{name.rpartition('/')[2]} ({found['instances']})", *_cells(found))
    return table


def _cells(found: Mapping[str, Any]) -> list[str]:
    return [
        " ".join(f"{100 * found[level][f'acc@{k}']:.1f}" for k in ks) if level in found else "–"
        for level, ks in CUTOFFS.items()
    ]


def _bundles(report: Mapping[str, Any]) -> Table:
    table = Table(title="Gold in context, in percent of what a fix edits")
    heads = ("system", "budget", "file", "seen", "body", "all bodies", "tokens p50", "over", "ms p50")
    for name in heads:
        table.add_column(name, justify="left" if name == "system" else "right")
    floor = report.get("baselines", {}).get("bm25 units", {}).get("context", {})
    for label, found in (("agentctx", report["context"]), ("bm25 units", floor)):
        for budget, values in found.items():
            table.add_row(
                label,
                budget,
                *(f"{100 * values[name]:.1f}" for name in METRICS),
                f"{values['tokens'].get('p50', 0):.0f}",
                str(values.get("violations", "–")),
                f"{values['build_ms']['p50']:.0f}" if values.get("build_ms") else "–",
            )
    return table
