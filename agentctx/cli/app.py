"""The tree of commands."""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any

import typer

from agentctx.cli import bench, code, context, doctor, exits, memory, routing, serve
from agentctx.cli.code.index import index

_ORDER = ("memory", "index", "code", "context", "routing", "serve", "doctor", "bench")


class _Ordered(typer.core.TyperGroup):
    """Lists the commands in the order of their importance."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002, RUF100
        """The names, as the help shows them."""
        return sorted(self.commands, key=_ORDER.index)


app = typer.Typer(
    cls=_Ordered,
    name="agentctx",
    epilog="\b\nExit codes:\n" + exits.table() + "\n\n\b\n"
    'An error is one line on stderr; with --json it is {"error": {"code", "message", "field", ...}} there.\n'
    "AGENTCTX_DEBUG=1 adds the traceback.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(memory.app, name="memory")
app.command("index")(index)
app.add_typer(code.app, name="code")
app.add_typer(context.app, name="context")
app.add_typer(routing.app, name="routing")
app.command("serve")(serve.serve)
app.command("doctor")(doctor.doctor)
bench.mount(app)


def _version(wanted: bool) -> None:
    if wanted:
        from agentctx import __version__  # noqa: PLC0415

        print(f"agentctx {__version__}")  # noqa: T201
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """The right context for LLM agents at the lowest cost: memory, code, contexts and routing.

    Everything works on a local store, or on a server over gRPC.
    """


@cache
def command() -> Any:
    """The tree as click runs it."""
    return typer.main.get_command(app)
