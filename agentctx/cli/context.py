"""`agentctx context`: the best of memory and code for a task, in a number of tokens."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from agentctx.cli.code.options import Path_, nearest, read_query
from agentctx.cli.output import one_line, plain, printable
from agentctx.cli.routing import Routed, dollars, told
from agentctx.cli.spread import spread
from agentctx.cli.target import Target
from agentctx.cli.times import optional_time
from agentctx.errors import Cancelled
from agentctx.types import (
    BUNDLE_FORMATS,
    Bundle,
    CodeCitation,
    CompletionEvent,
    Done,
    DroppedItem,
    Restarted,
    RouteDecided,
    TextPart,
)

if TYPE_CHECKING:
    from rich.console import Console

_SHOWN: Final = 20

app = typer.Typer(help="Build the best context for a task.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def group() -> None:
    """Build the best context for a task."""


@spread
def build(
    query: Annotated[
        str,
        typer.Argument(metavar="[QUERY]", help="The task or the question; - reads it from stdin.", show_default=False),
    ] = "",
    *,
    budget: Annotated[int, typer.Option("--budget", "-b", metavar="TOKENS", help="What the context may cost.")] = 4000,
    namespace: Annotated[
        str, typer.Option("--namespace", "-n", metavar="NAMESPACE", help="Whose memory takes part. [default: none]")
    ] = "",
    repo: Annotated[
        list[str] | None,
        typer.Option("--repo", "-r", metavar="NAME", help="A repository that takes part; may be repeated."),
    ] = None,
    file: Annotated[str, typer.Option("--file", "-f", metavar="FILE", help="A file with the QUERY.")] = "",
    format: Annotated[
        str, typer.Option("--format", metavar="FORMAT", help=f"{', '.join(BUNDLE_FORMATS)}.")
    ] = "markdown",
    counter: Annotated[
        str, typer.Option(metavar="NAME", help="What counts the tokens, such as cl100k_base; see docs/tokens.md.")
    ] = "",
    memory_budget: Annotated[
        int | None, typer.Option(metavar="TOKENS", help="What memory may take. [default: what it is worth]")
    ] = None,
    code_budget: Annotated[
        int | None, typer.Option(metavar="TOKENS", help="What code may take. [default: what it is worth]")
    ] = None,
    session: Annotated[
        str,
        typer.Option(metavar="NAME", help="The conversation that asks: a server keeps what it showed it at the start."),
    ] = "",
    previous: Annotated[
        list[str] | None,
        typer.Option(metavar="ID", help="An item of the context before, to be kept at the start; may be repeated."),
    ] = None,
    reference_time: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="The now of the question, from which 'last week' counts. [default: now]"),
    ] = None,
    as_of: Annotated[str | None, typer.Option(metavar="TIME", help="What the store knew then.")] = None,
    path: Path_ = "",
    tests: Annotated[bool, typer.Option("--tests", help="Test code may take part, too.")] = False,
    receipt: Annotated[
        bool, typer.Option("--receipt", help="Show what is in it and what is not, with costs, instead of the text.")
    ] = False,
    target: Target,
) -> None:
    """Print the best context for QUERY that fits a budget.

    From the memory of a NAMESPACE, from repositories, or from both. What it costs is said on stderr.
    """
    options: dict[str, Any] = {
        "namespace": namespace,
        "repositories": tuple(repo or ()),
        "counter": counter,
        "session": session,
        "previous": tuple(previous or ()),
        "path": path,
        "memory_budget": memory_budget,
        "code_budget": code_budget,
        "reference_time": optional_time(reference_time, "reference_time"),
        "as_of": optional_time(as_of, "as_of"),
    }
    options = {name: value for name, value in options.items() if value not in ("", (), None)}
    if tests:
        options["tests"] = True
    if format != "markdown":
        options["format"] = format
    wanted = read_query(query, file)
    with nearest(target), target.context() as context:
        bundle = context.build(wanted, budget=budget, **options)
    if receipt or target.json:
        target.out.result(bundle, lambda console: _receipt(console, bundle))
        return
    target.out.text(printable(bundle.text).rstrip("\n"))
    target.out.note(_told(bundle))


@spread
def complete(
    task: Annotated[
        str, typer.Argument(metavar="[TASK]", help="What to do, in words; - reads it from stdin.", show_default=False)
    ] = "",
    *,
    file: Annotated[str, typer.Option("--file", "-f", metavar="FILE", help="A file with the TASK.")] = "",
    repo: Annotated[
        list[str] | None,
        typer.Option("--repo", "-r", metavar="NAME", help="A repository to take context from; may be repeated."),
    ] = None,
    budget: Annotated[
        int | None, typer.Option("--budget", "-b", metavar="TOKENS", help="What the context may cost. [default: 4000]")
    ] = None,
    system: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Instructions that stand before everything.")
    ] = None,
    max_tokens: Annotated[int, typer.Option(metavar="TOKENS", help="What the answer may take.")] = 1024,
    temperature: Annotated[
        float | None, typer.Option(metavar="NUMBER", help="From 0 to 2. [default: the backend's]")
    ] = None,
    request_id: Annotated[
        str, typer.Option(metavar="ID", help="An id of your own; one that was used before is refused.")
    ] = "",
    routed: Routed,
    target: Target,
) -> None:
    """Answer a TASK by the cheapest model that is good enough.

    With context from the memory of a --namespace, from repositories, or from both; without them, with none. The answer
    is streamed to stdout, what it cost is said on stderr. With --json each line is an event.
    """
    options: dict[str, Any] = routed.given() | {"max_tokens": max_tokens}
    maybe = {"budget": budget, "system": system, "temperature": temperature, "request_id": request_id or None}
    options |= {name: value for name, value in maybe.items() if value is not None}
    if repo:
        options["repositories"] = tuple(repo)
    wanted = read_query(task, file)
    try:
        with nearest(target), target.context(create=True) as context:
            events: Any = context.complete(wanted, **options)
            with closing(events):
                for event in events:
                    _show(event, target)
    except KeyboardInterrupt:
        raise Cancelled("stopped; the request to the backend is ended") from None


def _show(event: CompletionEvent, target: Target) -> None:
    if target.json:
        target.out.line({"event": type(event).__name__, **plain(event)})
        return
    match event:
        case RouteDecided():
            items = len(event.bundle.items) if event.bundle is not None else 0
            target.out.note(f"{told(event.route)}; {items} items of context")
        case TextPart():
            target.out.part(printable(event.text))
        case Restarted():
            target.out.part("\n")
            target.out.note(f"{event.backend} failed ({event.reason}): what stands above is void")
        case Done():
            target.out.part("\n")
            spent = f"${dollars(event.cost)}, {event.latency_ms / 1000:.1f} s"
            target.out.note(f"{event.backend}: {spent}, request {event.request_id}")
        case _:
            pass


app.command("build")(build)
app.command("complete")(complete)


def _told(bundle: Bundle) -> str:
    one = bundle.receipt
    exact = "" if one.exact else ", estimated"
    parts = [
        f"{one.tokens:,} of {one.budget:,} tokens ({one.counter}{exact}): {len(bundle.items):,} items",
        f"{one.dropped_total:,} left out",
        f"ended by {one.stopped}",
    ]
    return one_line("; ".join([*parts, *one.degraded, *(["a file has changed since"] if one.stale else [])]))


def _receipt(console: Console, bundle: Bundle) -> None:
    """Each item with what it costs and why it is there, then what was left out."""
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name in ("", "tokens", "score"):
        table.add_column(name, justify="right", no_wrap=True)
    for name in ("level", "what"):
        table.add_column(name, overflow="fold")
    for item in bundle.items:
        cited = item.citation
        if isinstance(cited, CodeCitation):
            where = f"{cited.repository}: {cited.path}:{cited.start_line}-{cited.end_line}"
        else:
            where = f"{cited.namespace}: {cited.episode} {cited.speaker or cited.role}"
        what = Text(one_line(where), overflow="fold")
        if item.reason:
            what.append(f"\n{one_line(item.reason)}", style="dim")
        table.add_row(str(item.number), f"{item.tokens:,}", f"{item.score:.3f}", item.level, what)
    if bundle.items:
        console.print(table)
    _left_out(console, "left out", bundle.receipt.dropped)
    _left_out(console, "1,000 tokens more would add", bundle.receipt.next_buys)
    console.print(Text(_told(bundle), "dim"), soft_wrap=True)


def _left_out(console: Console, title: str, found: Iterable[DroppedItem]) -> None:
    from rich.text import Text  # noqa: PLC0415

    some = list(found)
    if not some:
        return
    console.print(Text(f"{title}:", "bold"))
    for one in some[:_SHOWN]:
        line = f"  {one.tokens:,} tokens, {one.level}, {one.reason}: {one_line(one.label or one.id)}"
        console.print(Text(line, "dim"), soft_wrap=True)
