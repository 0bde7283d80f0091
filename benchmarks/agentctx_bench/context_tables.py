"""The report of `agentctx bench context` as tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from agentctx_bench.tables import _PLAIN as PLAIN

_WAYS: Final = {"top_k": "concatenated", "whole_sessions": "whole sessions", "whole_files": "whole files"}


def show_context(report: Mapping[str, Any], console: Console) -> None:
    """Print a whole report."""
    console.print(f"bundles, counted by {report['counter']}", style="bold", markup=False)
    for name in ("locomo", "longmemeval", "localization"):
        if name in report:
            console.print()
            console.print(f"{name}, {report[name]['questions']} questions", style="bold", markup=False)
            console.print(_evidence(report[name]))
            _facts(console, report[name])
    if "latency" in report:
        console.print()
        _latency(console, report["latency"])


def _evidence(part: Mapping[str, Any]) -> Table:
    table = Table(**PLAIN)
    budgets = part["budgets"]
    ways = [way for way in _WAYS if way in next(iter(budgets.values()))]
    for title in ("budget", "evidence", "tokens", *(f"{_WAYS[way]}\n(difference)" for way in ways)):
        table.add_column(title, justify="right")
    for budget, row in budgets.items():
        cells = []
        for way in ways:
            found = row[way]["difference"]
            cells.append(f"{row[way]['evidence']:.3f}\n({found['low']:+.3f} to {found['high']:+.3f})")
        table.add_row(budget, f"{row['evidence']:.3f}", f"{row['tokens']:,.0f}", *cells)
    return table


def _facts(console: Console, part: Mapping[str, Any]) -> None:
    facts = Table(show_header=False, **PLAIN)
    facts.add_row("over the budget", str(part["over_budget"]))
    if same := part.get("whole_sessions_for_the_same"):
        told = "not reached" if same["ratio"] is None else f"{same['tokens']:,.0f} tokens, {same['ratio']:.1f} times"
        facts.add_row(f"whole sessions for the evidence of {same['budget']:,} tokens", told)
    for budget, row in part["budgets"].items():
        if times := row.get("beyond_search_ms"):
            facts.add_row(f"build at {budget}, beyond the search", f"p50 {times['p50']:.1f} ms")
    console.print(facts)


def _latency(console: Console, part: Mapping[str, Any]) -> None:
    facts = Table(show_header=False, **PLAIN)
    facts.add_row("episodes, files", f"{part['episodes']:,}, {part['files']:,}")
    for name, times in part["beyond_ms"].items():
        facts.add_row(f"beyond search and scout, {name}", f"p50 {times['p50']:.1f} ms, p95 {times['p95']:.1f} ms")
    for name, times in part["stages_ms"].items():
        facts.add_row(f"stage {name}", f"p50 {times['p50']:.2f} ms")
    console.print(facts)
