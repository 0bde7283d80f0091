"""`agentctx index`: read a code base, and keep its map up to date."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from agentctx.cli.code import tables
from agentctx.cli.progress import progress
from agentctx.cli.spread import spread
from agentctx.cli.stopping import noticed
from agentctx.cli.target import Target
from agentctx.errors import Cancelled, Internal, InvalidArgument
from agentctx.types import CodeAPI, IndexProgress, IndexReport


@spread
def index(
    path: Annotated[
        str, typer.Argument(metavar="PATH", help="A folder; with --commit also a bare repository.", show_default=False)
    ],
    *,
    name: Annotated[
        str,
        typer.Option(metavar="NAME", help="What the repository is called. [default: the folder's name]"),
    ] = "",
    commit: Annotated[
        str, typer.Option(metavar="REV", help="Read this commit instead of the work tree; nothing is checked out.")
    ] = "",
    watch: Annotated[bool, typer.Option("--watch", help="Go on: index again after each change, until Ctrl-C.")] = False,
    target: Target,
) -> None:
    """Index a code base, or bring its index up to date.

    Only what has changed since the last time is read. What git ignores is left out, and so is what .agentctxignore
    names. Nothing of the code base is executed. On a server, PATH must lie within its --code-root. Ctrl-C is safe: the
    index is left as it was.
    """
    where = _as_the_store_sees_it(path, target)
    if watch and commit:
        raise InvalidArgument("a commit does not change: give --watch or --commit", field="watch")
    if watch and not target.here():
        raise InvalidArgument("watch sees the files of this machine only, and the server is on another", field="watch")
    try:
        with target.code(create=True) as code:
            if watch:
                _watched(code, where, name, target)
            else:
                report = _reported(code.index(where, name=name, commit=commit), path)
    except KeyboardInterrupt:
        raise Cancelled("stopped; what was indexed before is as it was") from None
    if not watch:
        target.out.result(report, lambda console: tables.report(console, report))


def _reported(steps: Iterator[IndexProgress], path: str) -> IndexReport:
    """The report of an index, which ends with whoever waits for it."""
    with noticed() as check, progress(f"indexing {path}") as bar, closing(cast("Any", steps)):
        for step in steps:
            check()
            bar.to(step.done, step.total, step.stage)
            if step.report is not None:
                return step.report
    raise Internal("the index ended without a report")


def _watched(code: CodeAPI, path: str, name: str, target: Target) -> None:
    """Index until Ctrl-C: first a whole report, then one for each change."""
    from agentctx.code.watch import watch as watching  # noqa: PLC0415 - only this option needs it

    first = True
    with noticed() as check, closing(cast("Any", watching(code, path, name=name))) as steps:
        for step in steps:
            check()
            report = step.report
            if report is None or not (first or report.published):
                continue
            target.out.result(report, partial(tables.report if first else tables.change, done=report))
            if first:
                target.out.note("watching; Ctrl-C ends it")
            first = False


def _as_the_store_sees_it(path: str, target: Target) -> str:
    """A server has another current folder, and one elsewhere other folders altogether."""
    if not path:
        raise InvalidArgument("path must name a folder", field="path")
    if target.address() is None or not target.here():
        return path
    try:
        return str(Path(path).expanduser().absolute())
    except (OSError, RuntimeError):
        return path
