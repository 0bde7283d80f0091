"""What results look like to people."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from agentctx.cli.output import one_line, plain, printable
from agentctx.cli.times import show_time
from agentctx.types import (
    AddResult,
    Change,
    Episode,
    EpisodePage,
    Explanation,
    Hit,
    NamespacePage,
    SearchResult,
    TagPage,
)

if TYPE_CHECKING:  # rich is loaded by the first table that is drawn
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

_TAGS: Final = 8  # of the tags above or below one
_SHOWN: Final = 300  # characters of a text in a table


def added(console: Console, result: AddResult) -> None:
    """Each id on its line, so that a shell can read it."""
    for one in result.ids:
        console.print(_text(printable(one)), soft_wrap=True)


def hits(console: Console, found: SearchResult, *, full: bool) -> None:
    """Rank, score, when, who, what, and below it what the score is made of."""
    table = _table(("", "right"), ("score", "right"), "when", "who", "what")
    for rank, hit in enumerate(found.hits, 1):
        what = _text(_shortened(hit.episode.content, full))
        what.append("\n" + _reasons(hit), style="dim")
        table.add_row(str(rank), f"{hit.score:.3f}", show_time(hit.episode.occurred_at), _cell(_who(hit.episode)), what)
    if found.hits:
        console.print(table)
    else:
        console.print("nothing found")
    for lack in found.degraded:
        console.print(_text(f"note: {one_line(lack)}", "yellow"))
    if found.explanation is not None:
        _explanation(console, found.explanation)


def _reasons(hit: Hit) -> str:
    parts = "  ".join(f"{one_line(name)} {value:.3f}" for name, value in _largest(hit.parts))
    why = "; ".join(one_line(reason) for reason in hit.why)
    return "  |  ".join(part for part in (one_line(hit.episode.id), parts, why) if part)


def _largest(parts: Mapping[str, float]) -> list[tuple[str, float]]:
    return sorted(parts.items(), key=lambda part: -part[1])


def _explanation(console: Console, explanation: Explanation) -> None:
    table = _grid()
    table.add_row("terms", _text(", ".join(map(one_line, explanation.terms)) or "-"))
    table.add_row("hints", _text(", ".join(map(one_line, explanation.hints)) or "-"))
    if explanation.tags:
        table.add_row("tags", _text(", ".join(map(one_line, explanation.tags))))
    if explanation.sources:
        table.add_row("sources", _text(_pairs(explanation.sources.items(), "{:,}")))
    table.add_row("rows", _text(_pairs(explanation.candidates.items(), "{:,}")))
    if explanation.widened:
        table.add_row("widened", _text(one_line(explanation.widened)))
    table.add_row("ms", _text(_pairs(explanation.stages_ms.items(), "{:.2f}")))
    console.print(table)


def _pairs(items: Iterable[tuple[str, float]], form: str) -> str:
    return "  ".join(f"{one_line(name)} {form.format(value)}" for name, value in items) or "-"


def episodes(console: Console, page: EpisodePage, *, full: bool, more: bool = True) -> None:
    """A page of episodes, and how to see the next one."""
    table = _table("id", "when", "who", "what")
    for one in page.episodes:
        what = _text(_shortened(one.content, full))
        if one.tags:
            what.append("\n" + " ".join(f"#{one_line(tag)}" for tag in one.tags), style="dim")
        table.add_row(_cell(one.id), show_time(one.occurred_at), _cell(_who(one)), what)
    if page.episodes:
        console.print(table)
    elif more:
        console.print("no episodes")
    if more and page.next_page_token:
        console.print(f"more: --page-token {page.next_page_token}", soft_wrap=True)


def episode(console: Console, one: Episode) -> None:
    """One episode whole: the content, then every field that is set."""
    console.print(_text(printable(one.content)), soft_wrap=True)
    table = _grid()
    for name, value in plain(one).items():
        if name == "content" or value in ("", None, [], {}):
            continue
        shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        table.add_row(_text(name, "dim"), _cell(shown))
    console.print(table)


def changes(console: Console, found: Sequence[Change]) -> None:
    """A history, oldest first."""
    table = _table("revision", "recorded", "change", "fields")
    for change in found:
        fields = json.dumps(plain(change.fields), ensure_ascii=False) if change.fields else ""
        table.add_row(str(change.revision), show_time(change.recorded_at), change.kind, _cell(fields))
    console.print(table)


def namespaces(console: Console, page: NamespacePage, *, more: bool = True) -> None:
    """Namespaces by name."""
    table = _table("namespace", ("episodes", "right"), "revision", "made")
    for one in page.namespaces:
        table.add_row(_cell(one.name), f"{one.episodes:,}", str(one.revision), show_time(one.created_at))
    if page.namespaces:
        console.print(table)
    elif more:
        console.print("no namespaces")
    if more and page.next_page_token:
        console.print(f"more: --page-token {page.next_page_token}", soft_wrap=True)


def tags(console: Console, page: TagPage, *, more: bool = True) -> None:
    """Tags with what is above and below them."""
    table = _table("tag", ("episodes", "right"), "named by", "broader", "narrower")
    for one in page.tags:
        name = one_line(one.name) + (f" ({', '.join(map(one_line, one.aliases))})" if one.aliases else "")
        above, below = (", ".join(map(one_line, some[:_TAGS])) for some in (one.broader, one.narrower))
        left = len(one.narrower) - _TAGS
        table.add_row(
            _text(name), f"{one.episodes:,}", one.origin, _text(above), _text(below + (f" +{left}" if left > 0 else ""))
        )
    if page.tags:
        console.print(table)
    elif more:
        console.print("no tags")
    if more and page.next_page_token:
        console.print(f"more: --page-token {page.next_page_token}", soft_wrap=True)


def _table(*columns: str | tuple[str, str]) -> Table:
    from rich.table import Table  # noqa: PLC0415

    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for column in columns:
        name, justify = column if isinstance(column, tuple) else (column, "left")
        fixed = name not in ("what", "fields", "who", "tag", "broader", "narrower")
        table.add_column(name, justify="right" if justify == "right" else "left", no_wrap=fixed, overflow="fold")
    return table


def _grid() -> Table:
    from rich.table import Table  # noqa: PLC0415

    return Table(box=None, show_header=False, padding=(0, 2, 0, 0))


def _text(text: str, style: str = "") -> Text:
    from rich.text import Text  # noqa: PLC0415

    return Text(text, style=style, overflow="fold")


def _cell(text: str) -> Text:
    return _text(one_line(text))


def _who(one: Episode) -> str:
    return one.speaker or one.role


def _shortened(content: str, full: bool) -> str:
    text = printable(content).strip()
    return text if full or len(text) <= _SHOWN else text[: _SHOWN - 1].rstrip() + "…"
