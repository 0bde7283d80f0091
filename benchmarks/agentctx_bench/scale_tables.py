"""The reports of `scale` and `peers` as tables for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table


def show_scale(report: Mapping[str, Any]) -> None:
    """Print a report of `agentctx bench scale`."""
    console = Console()
    for row in report["sizes"]:
        told = ", ".join(f"{count:,} {name}" for name, count in row["sources"].items())
        console.print(f"{row['episodes']:,} episodes ({told})", style="bold", markup=False)
        facts = (
            f"ingest {row['ingest_per_s'] or 0:,.0f}/s ({row['synchronous']})",
            f"consolidated in {row['settle']['consolidate_s']} s",
            f"open {_pairs(row['open_s'], 's')}",
            f"first search when cold {_pairs(row['cold_namespace_ms'], 'ms')}",
            f"resident {row['resident_mib']['asked']['total']:,.0f} MiB",
            f"disk {_pairs(row['disk_mib'], 'MiB')}",
        )
        console.print(", ".join(facts), markup=False, highlight=False)
        table = _table(
            "", "n", "p50 ms", "p95 ms", "cpu ms", "recall", "scored", "share %", "postings", "codes", "widened"
        )
        _families(table, "", row["families"])
        for name, families in (row.get("ablation") or {}).items():
            if families is None:
                table.add_row(f"without {name}: no such switch")
            else:
                _families(table, f"without {name}: ", families)
        for name, family in row.get("baseline", {}).get("families", {}).items():
            ratio = row["baseline"]["ratio_p50"][name]
            taken = family["latency_ms"]
            cells = (
                str(family["n"]),
                f"{taken['p50']:.2f}",
                f"{taken['p95']:.2f}",
                f"{family['cpu_ms']['p50']:.2f}",
                f"{ratio}x",
            )
            table.add_row(f"baseline: {name}", *cells)
        console.print(table)
        console.print()
    _closing(console, report)


def show_peers(report: Mapping[str, Any]) -> None:
    """Print a report of `agentctx bench peers`."""
    console = Console()
    for row in report["sizes"]:
        table = _table(f"{row['episodes']:,}", "task", "p50 ms", "p95 ms", "recall", "add/s", "MiB", "disk")
        for one in row["systems"]:
            if "error" in one:
                table.add_row(one["system"], one["task"], one["error"])
                continue
            taken = one["latency_ms"]
            table.add_row(
                one["system"],
                one["task"],
                f"{taken['p50']:.2f}",
                f"{taken['p95']:.2f}",
                "" if one["recall"] is None else f"{one['recall']:.3f}",
                f"{one['add_per_s']:,.0f}" if one["add_per_s"] else "",
                f"{one['resident_mib']:,.0f}",
                f"{one['disk_mib']:,.0f}",
            )
        console.print(table)
        console.print()
    _closing(console, report)


def _families(table: Table, prefix: str, families: Mapping[str, Any]) -> None:
    for name, row in families.items():
        taken = row["latency_ms"]
        table.add_row(
            prefix + name,
            str(row["n"]),
            f"{taken['p50']:.2f}",
            f"{taken['p95']:.2f}",
            f"{row['cpu_ms']['p50']:.2f}",
            f"{row['recall']:.4f}",
            f"{row['scored']:,.0f}",
            f"{100 * row['scored_share']:.2f}",
            f"{row['postings']:,.0f}",
            f"{row['codes']:,.0f}",
            f"{row['widened_share']:.2f}",
        )


def _table(*columns: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False, pad_edge=False)
    for place, column in enumerate(columns):
        table.add_column(column, justify="right" if place else "left")
    return table


def _pairs(values: Mapping[str, Any], unit: str) -> str:
    return ", ".join(f"{name} {value:,} {unit}" for name, value in values.items())


def _closing(console: Console, report: Mapping[str, Any]) -> None:
    machine = report["machine"]
    versions = ", ".join(f"{name} {value}" for name, value in report["versions"].items())
    console.print(
        f"{machine['cpu']}, {machine['cores']} cores, load {machine['load_1min']}; {versions}; seed {report['seed']}",
        markup=False,
        highlight=False,
    )
    if warning := machine.get("warning"):
        console.print(warning, style="yellow", markup=False)
