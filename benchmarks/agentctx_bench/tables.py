"""The report as tables for people. Eighty columns are enough for all of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from rich import box
from rich.console import Console
from rich.table import Table

_COMPARED: Final = (
    ("turn", "any@10"),
    ("turn", "all@10"),
    ("turn", "ndcg@10"),
    ("session", "any@5"),
    ("session", "all@5"),
)

_PLAIN: Final[dict[str, Any]] = {
    "box": box.SIMPLE_HEAD,
    "padding": (0, 1, 0, 0),
    "show_edge": False,
    "pad_edge": False,
}


def show(report: Mapping[str, Any], console: Console) -> None:
    """Print a whole report."""
    data = report["data"]
    console.print(f"{report['benchmark']}, {data['file']} (sha256 {data['sha256'][:12]})", style="bold", markup=False)
    for note in report["notes"]:
        console.print(f"- {note}", style="dim", markup=False, highlight=False)
    console.print()
    _levels(console, f"{report['embedder']}, {report['questions']} questions", report)
    if audited := report.get("audited"):
        _levels(console, f"audited evidence, other than published for {audited['changed']} questions", audited)
    _print(console, _facts(report))
    if rows := report.get("comparison"):
        _print(console, _comparison(report, rows))
    if answers := report.get("answers"):
        _print(console, _answers(answers))


def show_time(report: Mapping[str, Any], console: Console) -> None:
    """Print the report on time expressions."""
    data = report["data"]
    console.print(f"time expressions, {data['file']} (sha256 {data['sha256'][:12]})", style="bold", markup=False)
    for note in report["notes"]:
        console.print(f"- {note}", style="dim", markup=False, highlight=False)
    console.print()
    table = _table("exact intervals", "", *report["exact"], "all", "false\npositives")
    for label, part in (("supported", report), ("not by upstream's Python", report["unsupported_upstream"])):
        cells = [f"{_figure(part['exact'][kind])}\nof {part['n'][kind]}" for kind in part["exact"]]
        total = f"{_figure(part['exact_all'])}\nof {sum(part['n'].values())}"
        table.add_row(label, *cells, total, f"{_figure(part['false_positives'])}\nof {part['negatives']}")
    _print(console, table)
    facts = Table(show_header=False, **_PLAIN)
    other = report["found_without_a_time_range"]
    facts.add_row(
        "a range found where times of day, durations or sets only", f"{_figure(other['share'])} of {other['n']}"
    )
    timed = ", ".join(f"{name} {value:.0f} us" for name, value in report["us_per_query"].items())
    facts.add_row("per query", timed)
    _provenance(facts, report)
    _print(console, facts)


def _figure(share: float | None) -> str:
    return "-" if share is None else f"{share:.3f}"


def _print(console: Console, table: Table) -> None:
    console.print(table)
    console.print()


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", **_PLAIN)
    for column in columns:
        narrow = column in ("", "n")
        table.add_column(
            column, justify="right" if column else "left", min_width=None if narrow else 5, overflow="fold"
        )
    return table


def _levels(console: Console, title: str, scores: Mapping[str, Any]) -> None:
    """A table for each level, and one for cut-offs that do not fit beside the others."""
    for level in ("turn", "session"):
        names = [name for name in scores[level] if name != "n"]
        narrow, wide = names[:6] + names[-1:], names[6:-1]
        for part in (narrow, wide):
            if part:
                _print(console, _level(f"{level} level, {title}", level, part, scores))


def _level(title: str, level: str, names: list[str], scores: Mapping[str, Any]) -> Table:
    table = _table(title, "", "n", *(name.replace("fraction", "frac.").replace("@", "\n@") for name in names))
    for label, row in {"headline": scores, **scores["by_category"]}.items():
        values = row[level]
        table.add_row(label, str(values["n"]), *(f"{values[n]:.3f}" if n in values else "" for n in names))
    return table


def _facts(report: Mapping[str, Any]) -> Table:
    table = Table(show_header=False, **_PLAIN)
    if latency := report["latency_ms"]:
        told = ", ".join(f"{name} {value:.2f} ms" for name, value in latency.items())
        table.add_row("search, k = 10, text in to hits with text out", told)
    if report["ingest_per_s"]:
        rate = f"{report['ingest_per_s']:,.0f} episodes/s, synchronous={report['settings']['synchronous']}"
        table.add_row("ingest, embedded, indexed and durable", rate)
    handed = ", ".join(f"{value:,.0f} at {k}" for k, value in report["tokens"]["mean_at_k"].items())
    table.add_row(f"tokens handed over ({report['tokens']['counter']})", handed)
    for reason, count in report["excluded"].items():
        table.add_row(reason, str(count))
    if report["rankings_that_depended_on_k"]:
        table.add_row("rankings whose first 10 depended on k", str(report["rankings_that_depended_on_k"]))
    _provenance(table, report)
    return table


def _provenance(table: Table, report: Mapping[str, Any]) -> None:
    table.add_row("versions", ", ".join(f"{name} {value}" for name, value in report["versions"].items()))
    machine = report["machine"]
    table.add_row("machine", f"{machine['cpu']}, {machine['cores']} cores, load {machine['load_1min']}")
    table.add_row("seed", str(report["seed"]))


def _comparison(report: Mapping[str, Any], rows: list[dict[str, Any]]) -> Table:
    title = "paired difference from the first row, 95% interval over questions (* leaves out 0)"
    table = _table(title, "", *(f"{level}\n{name}" for level, name in _COMPARED), "p50\nms")
    first = [f"{report[level][name]:.3f}" if name in report[level] else "" for level, name in _COMPARED]
    table.add_row(report["system"], *first, f"{report['latency_ms'].get('p50', 0):.2f}")
    for row in rows:
        cells = [_difference(row, level, name) for level, name in _COMPARED]
        table.add_row(row["system"], *cells, f"{row['latency_ms'].get('p50', 0):.2f}")
    return table


def _difference(row: Mapping[str, Any], level: str, name: str) -> str:
    found = row["difference"][level].get(name)
    if found is None:
        return ""
    star = "*" if found["clear"] else ""
    return f"{row[level][name]:.3f}\n{found['mean']:+.3f}{star}\n({found['low']:+.3f},\n {found['high']:+.3f})"


def _answers(answers: Mapping[str, Any]) -> Table:
    title = f"answers of {answers['model']} from the first {answers['k']} turns, judged by {answers['judge']}"
    table = _table(title, "", "n", "F1", "BLEU-1", "LLM score")
    for label, row in answers["rows"].items():
        cells = ["" if row[n] is None else f"{row[n]:.3f}" for n in ("f1", "bleu1", "llm")]
        table.add_row(label, str(row["questions"]), *cells)
    return table
