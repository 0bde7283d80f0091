"""`agentctx routing`: which backend would take a request, which there are, and what they cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from agentctx.cli.code.options import read_query
from agentctx.cli.output import one_line
from agentctx.cli.routing_demo import demo
from agentctx.cli.spread import options, spread
from agentctx.cli.target import Target
from agentctx.cli.times import optional_time
from agentctx.types import USAGE_GROUPS, BackendStatus, Route, UsageReport

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from agentctx.types import UsageGroup

app = typer.Typer(help="Find the cheapest model that still does the job.", no_args_is_help=True, rich_markup_mode=None)


@options
@dataclass(frozen=True)
class Routed:
    """What a route is decided by; `decide` and `context complete` take it."""

    namespace: Annotated[
        str, typer.Option("--namespace", "-n", metavar="NAMESPACE", help="On whose behalf, such as acme/user-42.")
    ] = ""
    session: Annotated[str, typer.Option(metavar="NAME", help="The conversation that the request belongs to.")] = ""
    policy: Annotated[
        str, typer.Option(metavar="NAME", help="auto, auto:cost, auto:quality or auto:value. [default: the settings']")
    ] = ""
    task_type: Annotated[str, typer.Option(metavar="NAME", help="The kind of task. [default: told from the words]")] = (
        ""
    )
    turns_left: Annotated[
        int | None, typer.Option(metavar="N", help="How many more requests the session may bring.")
    ] = None
    output_tokens: Annotated[int | None, typer.Option(metavar="TOKENS", help="What the answer will take.")] = None
    quality_floor: Annotated[
        float | None, typer.Option(metavar="SHARE", help="Quality to keep, of the best backend's, from 0 to 1.")
    ] = None
    max_cost: Annotated[float | None, typer.Option(metavar="DOLLARS", help="What the request may cost.")] = None
    max_seconds: Annotated[float | None, typer.Option(metavar="SECONDS", help="Until the answer is complete.")] = None
    min_tier: Annotated[int | None, typer.Option(metavar="BITS", help="4, 8 or 16 bit at least.")] = None
    region: Annotated[
        list[str] | None, typer.Option("--region", metavar="NAME", help="Only backends there; may be repeated.")
    ] = None
    capability: Annotated[
        list[str] | None, typer.Option("--capability", metavar="NAME", help="Only backends that can; may be repeated.")
    ] = None
    allow: Annotated[
        list[str] | None, typer.Option("--allow", metavar="NAME", help="Only this backend; may be repeated.")
    ] = None
    deny: Annotated[
        list[str] | None, typer.Option("--deny", metavar="NAME", help="Not this backend; may be repeated.")
    ] = None

    def given(self) -> dict[str, Any]:
        """The options of `RoutingAPI.decide`, as far as they were given."""
        chosen: dict[str, Any] = {
            name: getattr(self, name)
            for name in (
                "namespace", "session", "policy", "task_type", "turns_left", "output_tokens", "quality_floor",
                "max_cost", "max_seconds", "min_tier",
            )
        }  # fmt: skip
        lists = {"regions": self.region, "capabilities": self.capability, "allow": self.allow, "deny": self.deny}
        chosen |= {name: tuple(value or ()) for name, value in lists.items()}
        return {name: value for name, value in chosen.items() if value not in ("", (), None)}


@spread
def decide(
    prompt: Annotated[
        str,
        typer.Argument(metavar="[PROMPT]", help="The request, in words; - reads it from stdin.", show_default=False),
    ] = "",
    *,
    file: Annotated[str, typer.Option("--file", "-f", metavar="FILE", help="A file with the PROMPT.")] = "",
    input_tokens: Annotated[
        int | None, typer.Option(metavar="TOKENS", help="All that will be sent. [default: the PROMPT's]")
    ] = None,
    explain: Annotated[bool, typer.Option("--explain", help="Also show every backend, and why.")] = False,
    routed: Routed,
    target: Target,
) -> None:
    """Say where a request would go, and why.

    Nothing is sent, and nothing recorded.
    """
    wanted = read_query(prompt, file)
    with target.routing() as routing:
        route = routing.decide(wanted, input_tokens=input_tokens, **routed.given())
    target.out.result(route, lambda console: _route(console, route, explain=explain))


@spread
def backends(
    *,
    check: Annotated[bool, typer.Option("--check", help="Ask each whether it answers, up to 5 s each.")] = False,
    target: Target,
) -> None:
    """Show the configured backends, and how they do."""
    with target.routing() as routing:
        found = routing.backends(check=check)
    target.out.result({"backends": found}, lambda console: _backends(console, found))


@spread
def usage(
    *,
    by: Annotated[
        list[str] | None,
        typer.Option("--by", metavar="GROUP", help=f"{', '.join(USAGE_GROUPS)}; may be repeated. [default: backend]"),
    ] = None,
    namespace: Annotated[
        str, typer.Option("--namespace", "-n", metavar="NAMESPACE", help="Only this one. [default: all]")
    ] = "",
    session: Annotated[str, typer.Option(metavar="NAME", help="Only this conversation.")] = "",
    since: Annotated[str | None, typer.Option(metavar="TIME", help="Only what began then or later.")] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="Only what began before.")] = None,
    target: Target,
) -> None:
    """Show requests, tokens and dollars, and what was saved."""
    groups = cast("tuple[UsageGroup, ...]", tuple(by or ("backend",)))
    start, end = optional_time(since, "since"), optional_time(until, "until")
    with target.routing() as routing:
        report = routing.usage(by=groups, namespace=namespace, session=session, since=start, until=end)
    target.out.result(report, lambda console: _usage(console, report))


@spread
def feedback(
    request_id: Annotated[
        str, typer.Argument(metavar="REQUEST", help="The request's id, as complete says it.", show_default=False)
    ],
    quality: Annotated[float, typer.Argument(metavar="QUALITY", help="From 0 (useless) to 1.", show_default=False)],
    *,
    target: Target,
) -> None:
    """Judge an answer, from 0 to 1.

    It counts once a request, and teaches which backend is good enough for what.
    """
    with target.routing() as routing:
        counted = routing.feedback(request_id, quality)
    answer = {"request_id": request_id, "counted": counted}
    target.out.result(answer, lambda console: console.print("noted" if counted else "it was judged before"))


for command in (decide, backends, usage, feedback):
    app.command(command.__name__)(command)


# --- what people see --------------------------------------------------------------------------------------------------


def told(route: Route) -> str:
    """A route in one line."""
    parts = [
        f"{route.backend} ({route.precision}, {route.tier} bit)",
        f"{route.task.task_type}{'?' if route.task.abstained else ''}",
        f"quality {route.quality:.3f}",
        f"${dollars(route.cost)}",
    ]
    return one_line(", ".join(parts))


def dollars(cost: float | None) -> str:
    """A price for people; ? where it is not known."""
    return "?" if cost is None else f"{cost:.6f}"


def _route(console: Console, route: Route, *, explain: bool) -> None:
    console.print(_text(told(route), "bold"), soft_wrap=True)
    for reason in route.reasons:
        console.print(_text(f"  {one_line(reason)}"), soft_wrap=True)
    if route.fallback:
        console.print(_text(f"  then: {', '.join(map(one_line, route.fallback))}"), soft_wrap=True)
    if not explain:
        return
    table = _table("backend", "tier", "quality", "enough", "dollars", "seconds", "why not")
    for one in route.candidates:
        table.add_row(
            _text(one_line(one.backend)),
            str(one.tier),
            f"{one.quality:.3f}",
            f"{one.acceptable:.2f}",
            dollars(one.cost),
            "?" if one.seconds is None else f"{one.seconds:.1f}",
            _text(one_line("; ".join(one.excluded))),
        )
    console.print(table)
    likely = sorted(route.task.distribution.items(), key=lambda pair: -pair[1])[:5]
    kinds = "  ".join(f"{one_line(name)} {share:.2f}" for name, share in likely)
    console.print(_text(f"task: {kinds}", "dim"), soft_wrap=True)
    for reason in route.task.reasons:
        console.print(_text(f"  {one_line(reason)}", "dim"), soft_wrap=True)
    high, low = dollars(route.saving_against_highest), dollars(route.saving_against_lowest)
    console.print(_text(f"saves ${high} against the highest tier, ${low} against the lowest", "dim"))


def _backends(console: Console, found: tuple[BackendStatus, ...]) -> None:
    if not found:
        console.print("no backend is configured; add [backends.NAME] to the settings")
        return
    table = _table("backend", "model", "precision", "tier", "prices", "circuit", "running", "answers", "where")
    for one in found:
        answers = "" if one.reachable is None else "yes" if one.reachable else "no"
        table.add_row(
            _text(one_line(one.name)),
            _text(one_line(one.model)),
            one.precision,
            str(one.tier),
            "yes" if one.priced else "no",
            one.circuit,
            str(one.running),
            answers,
            _text(one_line(f"{one.base_url} {one.detail}")),
        )
    console.print(table)


def _usage(console: Console, report: UsageReport) -> None:
    table = _table(*report.by, "requests", "answered", "sent", "warm", "got", "dollars", "ms", "quality")
    for row in report.rows:
        table.add_row(
            *(_text(one_line(part)) for part in row.key),
            f"{row.requests:,}",
            f"{row.ok:,}",
            f"{row.input_tokens:,}",
            f"{row.cached_tokens:,}",
            f"{row.output_tokens:,}",
            f"{row.cost:.4f}" + (f" +{row.unpriced} unpriced" if row.unpriced else ""),
            f"{row.latency_ms:,.0f}",
            "" if row.quality is None else f"{row.quality:.2f} ({row.judged})",
        )
    if report.rows:
        console.print(table)
    else:
        console.print("no requests")
    one = report.savings
    if one.requests:
        console.print(
            f"{one.requests:,} requests with known prices: ${one.routed:.4f} instead of ${one.all_high:.4f} on the "
            f"highest tier, ${one.all_low:.4f} on the lowest, ${one.random:.4f} at random"
        )


def _table(*columns: str) -> Table:
    from rich.table import Table  # noqa: PLC0415

    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _text(text: str, style: str = "") -> Text:
    from rich.text import Text  # noqa: PLC0415

    return Text(text, style=style, overflow="fold")


app.command("demo")(demo)
