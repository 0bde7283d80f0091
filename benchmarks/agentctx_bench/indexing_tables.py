"""The report of `bench index` as tables for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table


def show_index(report: Mapping[str, Any]) -> None:
    """Print a report of `agentctx bench index`."""
    console = Console()
    edges = ", ".join(f"{kind} {count:,}" for kind, count in report["edges"].items())
    calls = report["calls"]
    console.print(
        f"{report['repository']}: {report['files']:,} files, {report['symbols']:,} symbols; {edges}",
        f"calls: {_share(calls['bound_of_all'])} bound, {_share(calls['outside_of_all'])} lead outside; "
        f"{_share(calls['bound_of_inside'])} bound of those that may lead inside",
        f"on disk {report['disk_mib']:,} MiB; opening and the first answer {report['open_and_first_answer_s']} s",
        sep="\n",
        markup=False,
        highlight=False,
    )
    table = Table(box=box.SIMPLE)
    for column in ("run", "wall s", "cpu s", "peak MiB", "parsed", "resolved", "stages"):
        table.add_column(column, justify="left" if column in ("run", "stages") else "right")
    for name, run in report["runs"].items():
        stages = ", ".join(f"{stage} {seconds:.2f}" for stage, seconds in run["seconds"].items())
        cells = (run["wall_s"], run["cpu_s"], run["peak_mib"], run["parsed"], run["resolved"])
        table.add_row(name, *(f"{cell:,}" for cell in cells), stages)
    console.print(table)
    table = Table("query", "n", "p50 ms", "p95 ms", box=box.SIMPLE)
    for name, taken in report["latency_ms"].items():
        table.add_row(name, *(f"{taken[key]:,}" for key in ("n", "p50", "p95")))
    console.print(table)
    for name, peer in report["peers"].items():
        told = ", ".join(f"{key} {value}" for key, value in peer.items())
        console.print(f"{name}: {told}", markup=False, highlight=False)


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"
