"""`agentctx code`: find things in indexed code bases."""

from __future__ import annotations

import typer

from agentctx.cli.code import manage, read

app = typer.Typer(
    help="Find things in code that `agentctx index` has read.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

for command in (
    read.search,
    read.symbol,
    read.refs,
    read.outline,
    read.map_,
    read.scout,
    read.show,
    manage.list_,
    manage.remove,
):
    app.command(command.__name__.strip("_"))(command)
