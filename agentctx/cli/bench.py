"""`agentctx bench`: the benchmark runner is a package of its own, mounted here where it is installed."""

from __future__ import annotations

from typing import Annotated

import typer

from agentctx.errors import MissingDependency


def mount(app: typer.Typer) -> None:
    """Add `bench` to the commands: the runner's own (its module is light), or one that says what to install."""
    try:
        from agentctx_bench.app import app as runner  # noqa: PLC0415 - may be missing
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != "agentctx_bench":
            raise
        app.command("bench", context_settings={"ignore_unknown_options": True})(absent)
    else:
        app.add_typer(runner, name="bench")


def absent(arguments: Annotated[list[str] | None, typer.Argument(hidden=True)] = None) -> None:
    """Measure agentctx on public benchmarks (not installed)."""
    raise MissingDependency(
        "the benchmark runner is not part of this installation; install the whole package again: "
        "pip install --force-reinstall agentctx",
        package="agentctx_bench",
    )
