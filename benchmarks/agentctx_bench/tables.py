"""The report as tables for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

_COMPARED = (("turn", "any@10"), ("turn", "all@10"), ("turn", "ndcg@10"), ("session", "any@5"), ("session", "all@5"))


def show(report: Mapping[str, Any], console: Console) -> None:
    """Print a whole report."""
    data = report["data"]
    console.print(f"[bold]{report['benchmark']}[/bold]  {data['file']}  sha256 {data['sha256'][:12]}")
    for note in report["notes"]:
        console.print(f"  {note}", style="dim", highlight=False)
    console.print(_levels(f"{report['embedder']}: {report['questions']} questions", report, report["by_category"]))
    if audited := report.get("audited"):
        console.print(_levels(f"with audited evidence ({audited['changed']} questions differ)", audited, {}))
    console.print(_plain(report))
    if rows := report.get("comparison"):
        console.print(_comparison(report, rows))
    if answers := report.get("answers"):
        console.print(_answers(answers))


def _levels(title: str, scores: Mapping[str, Any], categories: Mapping[str, Any]) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold")
    names = [n for n in scores["turn"] if n != "n"]
    for column in ("", "level", "n", *names):
        table.add_column(column, justify="left" if column in ("", "level") else "right")
    rows = {"all of the headline": scores, **categories}
    for label, row in rows.items():
        for level in ("turn", "session"):
            values = row[level]
            cells = [f"{values[n]:.3f}" if n in values else "" for n in names]
            table.add_row(label if level == "turn" else "", level, str(values["n"]), *cells)
        table.add_section()
    return table


def _plain(report: Mapping[str, Any]) -> Table:
    table = Table(show_header=False)
    latency = report["latency_ms"]
    if latency:
        told = ", ".join(f"{name} {value:.2f} ms" for name, value in latency.items())
        table.add_row("search, k = 10, text in to hits with text out", told)
    if report["ingest_per_s"]:
        table.add_row("ingest, embedded and durable", f"{report['ingest_per_s']:,.0f} episodes/s")
    handed = ", ".join(f"{value:,.0f} at {k}" for k, value in report["tokens"]["mean_at_k"].items())
    table.add_row(f"tokens handed over ({report['tokens']['counter']})", handed)
    for reason, count in report["excluded"].items():
        table.add_row(reason, str(count))
    if report["rankings_that_depended_on_k"]:
        table.add_row("[red]rankings whose first 10 depended on k[/red]", str(report["rankings_that_depended_on_k"]))
    table.add_row("versions", ", ".join(f"{name} {value}" for name, value in report["versions"].items()))
    machine = report["machine"]
    table.add_row("machine", f"{machine['cpu']}, {machine['cores']} cores, load {machine['load_1min']}")
    table.add_row("seed", str(report["seed"]))
    return table


def _comparison(report: Mapping[str, Any], rows: list[dict[str, Any]]) -> Table:
    table = Table(
        title="comparison: paired difference from the first row, 95% interval over questions (* leaves out 0)",
        title_justify="left",
        title_style="bold",
    )
    table.add_column("system")
    for level, name in _COMPARED:
        table.add_column(f"{level} {name}", justify="right")
    table.add_column("p50 ms", justify="right")
    table.add_row(
        report["system"],
        *(f"{report[level][name]:.3f}" if name in report[level] else "" for level, name in _COMPARED),
        f"{report['latency_ms'].get('p50', 0):.2f}",
    )
    for row in rows:
        cells = []
        for level, name in _COMPARED:
            found = row["difference"][level].get(name)
            if found is None:
                cells.append("")
                continue
            star = "*" if found["clear"] else ""
            cells.append(
                f"{row[level][name]:.3f}\n{found['mean']:+.3f}{star}\n({found['low']:+.3f}, {found['high']:+.3f})"
            )
        table.add_row(row["system"], *cells, f"{row['latency_ms'].get('p50', 0):.2f}")
        table.add_section()
    return table


def _answers(answers: Mapping[str, Any]) -> Table:
    table = Table(
        title=f"answers of {answers['model']} from the first {answers['k']} turns, judged by {answers['judge']}",
        title_justify="left",
        title_style="bold",
    )
    for column in ("", "n", "F1", "BLEU-1", "LLM score"):
        table.add_column(column, justify="left" if not column else "right")
    for label, row in answers["rows"].items():
        cells = ["" if row[n] is None else f"{row[n]:.3f}" for n in ("f1", "bleu1", "llm")]
        table.add_row(label, str(row["questions"]), *cells)
    return table
