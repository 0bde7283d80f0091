"""The commands about tags: tags, edit-tags, retag."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Annotated, Any, cast, get_args

import typer

from agentctx.cli import tables
from agentctx.cli.memory.options import All, Namespace, PageSize, PageToken
from agentctx.cli.output import one_line
from agentctx.cli.progress import progress
from agentctx.cli.spread import spread
from agentctx.cli.target import Target
from agentctx.errors import Cancelled, InvalidArgument
from agentctx.types import MemoryAPI, Progress, Tag, TagEdit, TagOp, TagPage

_OPS = get_args(TagOp)
_FORMATS = ("table", "json", "dot")
_PAGE = 1000


@spread
def tags(
    namespace: Namespace,
    *,
    under: Annotated[str, typer.Option(metavar="TAG", help="Only this tag and those below it.")] = "",
    prefix: Annotated[str, typer.Option(metavar="TEXT", help="Only tags whose names begin so.")] = "",
    format: Annotated[
        str, typer.Option("--format", metavar="FORMAT", help="table; or the whole graph as json or dot (Graphviz).")
    ] = "table",
    page_size: PageSize = 100,
    page_token: PageToken = "",
    every: All = False,
    target: Target,
) -> None:
    """Show the topics of a namespace.

    Those of most episodes first, each with the tags right above and below it. A drawing: agentctx memory tags
    acme/user-42 --format dot | dot -Tsvg
    """
    if format not in _FORMATS:
        raise InvalidArgument(f"format is one of {', '.join(_FORMATS)}", field="format")
    options: dict[str, Any] = {"under": under, "prefix": prefix}
    with target.open() as memory:
        if format != "table":
            found = [tag for page in _pages(memory, namespace, "", options | {"page_size": _PAGE}) for tag in page.tags]
            if format == "json":
                target.out.line(_graph(found))
            else:
                for line in _dot(found):
                    target.out.text(line, flush=False)
            return
        options["page_size"] = page_size
        if not every:
            page = memory.list_tags(namespace, page_token=page_token, **options)
            target.out.result(page, lambda console: tables.tags(console, page))
            return
        for page in _pages(memory, namespace, page_token, options):
            if target.json:
                for tag in page.tags:
                    target.out.line(tag)
            else:
                target.out.people(partial(tables.tags, page=page, more=False))


@spread
def edit_tags(
    namespace: Namespace,
    op: Annotated[str, typer.Argument(metavar="OP", help=", ".join(_OPS) + ".", show_default=False)],
    tag: Annotated[str, typer.Argument(metavar="TAG", help="The tag to change.", show_default=False)],
    other: Annotated[
        str,
        typer.Argument(
            metavar="[OTHER]", help="The new name; the tag to merge into; or the broader tag.", show_default=False
        ),
    ] = "",
    *,
    target: Target,
) -> None:
    """Rename, merge, link or delete a tag.

    No episode changes, and each change can be undone:
    add TAG [BROADER]; rename TAG NAME; merge TAG INTO; link and unlink TAG BROADER; delete TAG; restore TAG undoes a
    delete, a rename or a merge.
    """
    if op not in _OPS:
        raise InvalidArgument(f"{op!r} is not one of {', '.join(_OPS)}", field="op")
    with target.open() as memory:
        revision = memory.edit_tags(namespace, TagEdit(cast("TagOp", op), tag, other))
    target.out.result({"revision": revision}, lambda console: console.print(f"done; revision {revision}"))


@spread
def retag(
    namespace: Namespace,
    *,
    tagger: Annotated[
        str, typer.Option(metavar="NAME", help="rules or llm. [default: the one that settings name]")
    ] = "",
    target: Target,
) -> None:
    """Tag every episode of a namespace anew.

    With llm, the chat endpoint of the settings is asked about every episode that it has not tagged yet; Ctrl-C is safe,
    the same command goes on where it stopped. With rules, what a model said is taken back. With --json each line is the
    progress.
    """
    last = Progress(0, None)
    try:
        with target.open() as memory, progress(f"tagging {namespace}", beside_lines=target.json) as bar:
            for last in memory.retag(namespace, tagger):
                bar.to(last.done, last.total)
                if target.json:
                    target.out.line(last)
    except KeyboardInterrupt:
        raise Cancelled("stopped; nothing is lost: the same command goes on where this one stopped") from None
    target.out.people(lambda console: console.print(f"{last.done} episodes; {one_line(last.message)}"))


def _pages(memory: MemoryAPI, namespace: str, token: str, options: dict[str, Any]) -> Iterator[TagPage]:
    while True:
        page = memory.list_tags(namespace, page_token=token, **options)
        yield page
        token = page.next_page_token
        if not token:
            return


def _edges(found: Iterable[Tag]) -> Iterator[tuple[str, str]]:
    shown = {tag.name: tag for tag in found}
    for tag in shown.values():
        yield from ((tag.name, below) for below in tag.narrower if below in shown)


def _graph(found: list[Tag]) -> dict[str, Any]:
    return {"tags": found, "edges": [{"broader": up, "narrower": down} for up, down in _edges(found)]}


def _dot(found: list[Tag]) -> Iterator[str]:
    yield "digraph tags {"
    yield "  rankdir=LR; node [shape=box];"
    for tag in found:
        yield f"  {_quoted(tag.name)} [label={_quoted(f'{tag.name} ({tag.episodes})')}];"
    for up, down in _edges(found):
        yield f"  {_quoted(up)} -> {_quoted(down)};"
    yield "}"


def _quoted(text: str) -> str:
    return '"' + one_line(text).replace("\\", "\\\\").replace('"', '\\"') + '"'
