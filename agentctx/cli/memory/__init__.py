"""`agentctx memory`: remember, find again, change, remove, move."""

from __future__ import annotations

import typer

from agentctx.cli.memory import read, tags, tidy, transfer, write

app = typer.Typer(
    help="Remember what happened, and find it again.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

for command in (
    write.add,
    read.search,
    read.list_,
    read.get,
    write.update,
    write.delete,
    write.purge,
    read.history,
    read.namespaces,
    write.delete_namespace,
    tags.tags,
    tags.edit_tags,
    tags.retag,
    transfer.export,
    transfer.import_,
    transfer.reembed,
    tidy.consolidate,
):
    app.command(command.__name__.strip("_").replace("_", "-"))(command)
