"""What code looks like to people: places that an editor can open, one a line where that is enough."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final

from agentctx.cli.output import one_line
from agentctx.types import (
    CodeHit,
    CodeSearchResult,
    FileProblem,
    Generation,
    IndexReport,
    NeighbourResult,
    Outline,
    Relation,
    Repository,
    RepositoryPage,
    ScoutResult,
    Symbol,
    SymbolResult,
)

if TYPE_CHECKING:  # rich is loaded by the first table that is drawn
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

_EXAMPLES: Final = 5  # files of one reason
_REASONS: Final = 12
_COMMIT: Final = 10


def report(console: Console, done: IndexReport) -> None:
    """What an index did: files, calls, edges, time; then what was left out and what went wrong."""
    one = done.repository
    console.print(_text(f"{one.name}: {generation(one.generation)}, of {one.root}"), soft_wrap=True)
    if not done.published:
        console.print("nothing has changed")
    grid = _grid()
    grid.add_row("files", _text(f"{one.files:,}: {_counts(one.languages)}"))
    grid.add_row(
        "read",
        _text(
            f"{done.parsed:,} parsed, {done.reused:,} reused, {done.resolved:,} resolved again, {done.removed:,} gone"
        ),
    )
    grid.add_row("symbols", f"{one.symbols:,}")
    if done.edges:
        grid.add_row("edges", _text(_counts(done.edges)))
    if done.calls:
        grid.add_row("calls", _text(_shares(done.calls)))
    if done.seconds:
        total = done.seconds.get("total", sum(done.seconds.values()))
        stages = "  ".join(f"{one_line(name)} {spent:.3f}" for name, spent in done.seconds.items() if name != "total")
        grid.add_row("seconds", _text(f"{total:.3f}: {stages}"))
    console.print(grid)
    _files(console, "left out", done.skipped)
    _files(console, "problems", done.problems, "yellow")


def change(console: Console, done: IndexReport) -> None:
    """One line about an index that follows another."""
    told = f"{done.parsed:,} parsed, {done.resolved:,} resolved again, {done.removed:,} gone"
    spent = done.seconds.get("total", sum(done.seconds.values()))
    console.print(_text(f"{generation(done.repository.generation)}: {told}, {spent:.2f} s"), soft_wrap=True)


def _files(console: Console, title: str, found: Iterable[FileProblem], style: str = "dim") -> None:
    by: dict[str, list[str]] = {}
    for one in found:
        by.setdefault(one.reason, []).append(one.path)
    if not by:
        return
    total = sum(map(len, by.values()))
    console.print(_text(f"{title}: {total:,} {'file' if total == 1 else 'files'}"))
    most = sorted(by.items(), key=lambda entry: (-len(entry[1]), entry[0]))
    for reason, paths in most[:_REASONS]:
        shown = ", ".join(map(one_line, paths[:_EXAMPLES])) + (", ..." if len(paths) > _EXAMPLES else "")
        console.print(_text(f"  {one_line(reason)} ({len(paths):,}): {shown}", style), soft_wrap=True)
    if len(most) > _REASONS:
        console.print(_text(f"  and {len(most) - _REASONS} more reasons; --json has them all", style))


def repositories(console: Console, page: RepositoryPage, *, more: bool = True) -> None:
    """Repositories by name."""
    table = _table("repository", ("files", "right"), ("symbols", "right"), ("edges", "right"), "state", "root")
    for one in page.repositories:
        table.add_row(
            _cell(one.name),
            f"{one.files:,}",
            f"{one.symbols:,}",
            f"{one.edges:,}",
            _cell(_state(one)),
            _cell(one.root),
        )
    if page.repositories:
        console.print(table)
    elif more:
        console.print("nothing is indexed; `agentctx index PATH` does it")
    if more and page.next_page_token:
        console.print(f"more: --page-token {page.next_page_token}", soft_wrap=True)


def _state(one: Repository) -> str:
    changed = one.generation.changed
    return generation(one.generation) + ("" if changed is None else ", changed since" if changed else ", up to date")


def generation(one: Generation) -> str:
    """Which state of a repository an answer speaks of."""
    at = " ".join(part for part in (one_line(one.branch), one.commit[:_COMMIT]) if part)
    stale = " (the tree has changed since)" if one.changed else ""
    return f"generation {one.number}" + (f" at {at}" if at else "") + stale


def hits(console: Console, found: CodeSearchResult, *, explain: bool = False) -> None:
    """Rank, score, place and declaration of each hit."""
    _hits(console, found.hits, explain=explain)
    _footer(console, found.generation)
    if explain and found.stages_ms:
        console.print(_text(f"ms: {_pairs(found.stages_ms)}", "dim"))


def _hits(console: Console, found: Iterable[CodeHit], *, explain: bool) -> None:
    table = _table(("", "right"), ("score", "right"), "what")
    for rank, hit in enumerate(found, 1):
        what = _text(f"{_place(hit.symbol.path, hit.start_line, hit.end_line)}")
        what.append(f"  {_declared(hit.symbol)}")
        if hit.reason:
            what.append(f"\n{one_line(hit.reason)}", style="dim")
        if explain and hit.parts:
            what.append(f"\n{_pairs(dict(sorted(hit.parts.items(), key=lambda part: -part[1])))}", style="dim")
        table.add_row(str(rank), f"{hit.score:.3f}", what)
    if table.row_count:
        console.print(table)
    else:
        console.print("nothing found")


def symbols(console: Console, found: SymbolResult) -> None:
    """Each symbol with its place, its declaration and its documentation."""
    for one in found.symbols:
        line = _text(f"{_place(one.path, one.start_line, one.end_line)}  {_declared(one)}")
        if one.doc:
            line.append(f"  {one_line(one.doc)}", style="dim")
        console.print(line, soft_wrap=True)
    if not found.symbols:
        console.print("nothing found")
    elif not found.exact:
        console.print(_text("none of them bears just that name", "dim"))
    _footer(console, found.generation)


_HEADINGS: Final = {
    ("calls", "in"): "called by",
    ("calls", "out"): "calls",
    ("imports", "in"): "imported by",
    ("imports", "out"): "imports",
    ("references", "in"): "named by",
    ("references", "out"): "names",
    ("inherits", "in"): "inherited by",
    ("inherits", "out"): "inherits",
    ("overrides", "in"): "overridden by",
    ("overrides", "out"): "overrides",
    ("tests", "in"): "tested by",
    ("tests", "out"): "tests",
    ("contains", "in"): "in",
    ("contains", "out"): "contains",
}


def neighbours(console: Console, found: NeighbourResult) -> None:
    """The symbol, then its relations, those of one kind under one heading."""
    one = found.symbol
    console.print(_text(f"{_place(one.path, one.start_line, one.end_line)}  {_declared(one)}"), soft_wrap=True)
    groups: dict[tuple[str, str], list[Relation]] = {}
    for relation in found.relations:
        groups.setdefault((relation.kind, relation.direction), []).append(relation)
    for key, heading in _HEADINGS.items():
        if key not in groups:
            continue
        console.print(_text(f"{heading}:", "bold"))
        for relation in groups[key]:
            other = relation.symbol
            line = _text(f"  {'  ' * (relation.depth - 1)}{one_line(other.path)}:{other.start_line}  {_named(other)}")
            told = [f"line {relation.line}"] if relation.line else []
            told += [f"via {one_line(relation.source)}"] if relation.depth > 1 else []
            told += [f"{relation.confidence:.0%} {one_line(relation.rung)}".strip()] if relation.confidence < 1 else []
            if told:
                line.append(f"  {', '.join(told)}", style="dim")
            console.print(line, soft_wrap=True)
    if not found.relations:
        console.print("nothing that is known has to do with it")
    if found.truncated:
        console.print("there are more: --limit")
    _footer(console, found.generation)


def outline(console: Console, found: Outline) -> None:
    """Each entry on its line, as deep as it is."""
    for entry in found.entries:
        one = entry.symbol
        indent = "  " * entry.depth
        if one.kind in ("folder", "file"):
            line = _text(f"{indent}{one_line(one.name or one.path)}{'/' if one.kind == 'folder' else ''}")
        else:
            line = _text(f"{indent}{one.start_line}-{one.end_line}  {_declared(one)}")
        if entry.tokens:
            line.append(f"  {entry.tokens:,} tokens", style="dim")
        console.print(line, soft_wrap=True)
    if not found.entries:
        console.print("there is nothing in it")
    if found.truncated:
        console.print("there is more: --limit")
    _footer(console, found.generation)


def scouted(console: Console, found: ScoutResult, *, explain: bool) -> None:
    """The hits, and how sure it is; with `explain` what pointed where, and each round."""
    _hits(console, found.hits, explain=explain)
    for lack in found.degraded:
        console.print(_text(f"note: {one_line(lack)}", "yellow"))
    if explain:
        if found.anchors:
            console.print(_text("what points at code:", "bold"))
        for anchor in found.anchors:
            console.print(_text(f"  {anchor.kind:<10} {one_line(anchor.text)}  ({anchor.matches:,} places)"))
        if found.trace:
            console.print(_text("rounds:", "bold"))
        for step in found.trace:
            console.print(
                _text(
                    f"  {step.number}  {one_line(step.action)}: {step.new:,} new of {step.candidates:,}, confidence "
                    f"{step.confidence:.2f}, {step.cost:,} tokens, gain {step.gain:.3f}"
                )
            )
        if found.stages_ms:
            console.print(_text(f"ms: {_pairs(found.stages_ms)}", "dim"))
    console.print(
        _text(
            f"confidence {found.confidence:.2f}; {one_line(found.stopped)}; {found.tokens:,} tokens of structure", "dim"
        )
    )
    _footer(console, found.generation)


def _footer(console: Console, one: Generation) -> None:
    console.print(_text(f"{one_line(one.repository)}, {generation(one)}", "dim"), soft_wrap=True)


def _place(path: str, first: int, last: int) -> str:
    lines = f":{first}-{last}" if last > first else f":{first}" if first else ""
    return one_line(path) + lines


def _declared(one: Symbol) -> str:
    """How a symbol is declared, or at least what it is called."""
    if one.kind == "file":
        return one_line(one.language)
    return one_line(one.signature) if one.signature and one.name in one.signature else _named(one)


def _named(one: Symbol) -> str:
    return f"{one_line(one.kind)} {one_line(one.qualname or one.name)}"


def _counts(found: Mapping[str, int]) -> str:
    most = Counter(dict(found)).most_common()
    return "  ".join(f"{one_line(name or 'other')} {count:,}" for name, count in most) or "-"


def _shares(found: Mapping[str, int]) -> str:
    total = sum(found.values())
    most = Counter(dict(found)).most_common()
    return f"{total:,}: " + "  ".join(f"{one_line(name)} {count / max(total, 1):.1%}" for name, count in most)


def _pairs(found: Mapping[str, float]) -> str:
    return "  ".join(f"{one_line(name)} {value:.3f}" for name, value in found.items())


def _table(*columns: str | tuple[str, str]) -> Table:
    from rich.table import Table  # noqa: PLC0415

    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for column in columns:
        name, justify = column if isinstance(column, tuple) else (column, "left")
        fixed = name not in ("what", "state", "root")
        table.add_column(name, justify="right" if justify == "right" else "left", no_wrap=fixed, overflow="fold")
    return table


def _grid() -> Table:
    from rich.table import Table  # noqa: PLC0415

    return Table(box=None, show_header=False, padding=(0, 2, 0, 2))


def _text(text: str, style: str = "") -> Text:
    from rich.text import Text  # noqa: PLC0415

    return Text(text, style=style, overflow="fold")


def _cell(text: str) -> Text:
    return _text(one_line(text))
