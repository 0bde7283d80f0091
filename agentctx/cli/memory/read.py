"""The commands that look things up: search, list, get, history, namespaces."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Annotated, Any

import typer

from agentctx.cli import tables
from agentctx.cli.memory.options import All, Id, Namespace, Narrowed, PageSize, PageToken
from agentctx.cli.spread import spread
from agentctx.cli.target import Target
from agentctx.cli.times import optional_time
from agentctx.errors import InvalidArgument
from agentctx.types import EpisodePage, MemoryAPI, NamespacePage

_LONGEST = 86_400


@spread
def search(
    namespace: Namespace,
    query: Annotated[str, typer.Argument(metavar="QUERY", help="What to look for, in words.", show_default=False)],
    *,
    k: Annotated[int, typer.Option("-k", help="How many hits.")] = 10,
    reference_time: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="The now of the question, from which 'last week' counts. [default: now]"),
    ] = None,
    explain: Annotated[bool, typer.Option("--explain", help="Also show how the hits were found.")] = False,
    exhaustive: Annotated[
        bool, typer.Option("--exhaustive", help="Score every episode, not only the promising ones.")
    ] = False,
    timeout: Annotated[float | None, typer.Option(metavar="SECONDS", help="Give up after so long.")] = None,
    full: Annotated[bool, typer.Option("--full", help="Show long texts whole.")] = False,
    narrowed: Narrowed,
    target: Target,
) -> None:
    """Find what bears most on QUERY, best first.

    Each hit comes with its score and what the score is made of. All options that narrow must hold. A time without a
    zone is in UTC.
    """
    options: dict[str, Any] = narrowed.given() | {"k": k}
    if reference_time is not None:
        options["reference_time"] = optional_time(reference_time, "reference_time")
    if explain:
        options["explain"] = True
    if exhaustive:
        options["exhaustive"] = True
    if timeout is not None:
        if not 0 < timeout < _LONGEST:
            raise InvalidArgument(f"timeout must be above 0 and below {_LONGEST} seconds", field="timeout")
        options["timeout"] = timeout
    with target.open() as memory:
        found = memory.search(namespace, query, **options)
    target.out.result(found, lambda console: tables.hits(console, found, full=full))


@spread
def list_(
    namespace: Namespace,
    *,
    page_size: PageSize = 50,
    page_token: PageToken = "",
    every: All = False,
    full: Annotated[bool, typer.Option("--full", help="Show long texts whole.")] = False,
    narrowed: Narrowed,
    target: Target,
) -> None:
    """Show episodes in the order they were recorded.

    A page at a time, unranked. All options that narrow must hold. A time without a zone is in UTC.
    """
    options = narrowed.given() | {"page_size": page_size}
    with target.open() as memory:
        if not every:
            page = memory.list(namespace, page_token=page_token, **options)
            target.out.result(page, lambda console: tables.episodes(console, page, full=full))
            return
        for page in _pages(memory, namespace, page_token, options):
            if target.json:
                for episode in page.episodes:
                    target.out.line(episode)
            else:
                target.out.people(partial(tables.episodes, page=page, full=full, more=False))


def _pages(memory: MemoryAPI, namespace: str, token: str, options: dict[str, Any]) -> Iterator[EpisodePage]:
    while True:
        page = memory.list(namespace, page_token=token, **options)
        yield page
        token = page.next_page_token
        if not token:
            return


@spread
def get(
    namespace: Namespace,
    id: Id,
    as_of: Annotated[str | None, typer.Option(metavar="TIME", help="As the store knew it then.")] = None,
    *,
    target: Target,
) -> None:
    """Show one episode whole."""
    at = optional_time(as_of, "as_of")
    with target.open() as memory:
        episode = memory.get(namespace, id, as_of=at)
    target.out.result(episode, lambda console: tables.episode(console, episode))


@spread
def history(namespace: Namespace, id: Id, *, target: Target) -> None:
    """Show every change of an episode, oldest first."""
    with target.open() as memory:
        changes = memory.history(namespace, id)
    target.out.result({"changes": changes}, lambda console: tables.changes(console, changes))


@spread
def namespaces(
    prefix: Annotated[
        str, typer.Argument(metavar="[PREFIX]", help="Only at or below this path, such as acme.", show_default=False)
    ] = "",
    page_size: PageSize = 100,
    page_token: PageToken = "",
    every: All = False,
    *,
    target: Target,
) -> None:
    """Show the namespaces by name."""
    with target.open() as memory:
        if not every:
            page = memory.list_namespaces(prefix=prefix, page_size=page_size, page_token=page_token)
            target.out.result(page, lambda console: tables.namespaces(console, page))
            return
        for page in _namespace_pages(memory, prefix, page_size, page_token):
            if target.json:
                for one in page.namespaces:
                    target.out.line(one)
            else:
                target.out.people(partial(tables.namespaces, page=page, more=False))


def _namespace_pages(memory: MemoryAPI, prefix: str, size: int, token: str) -> Iterator[NamespacePage]:
    while True:
        page = memory.list_namespaces(prefix=prefix, page_size=size, page_token=token)
        yield page
        token = page.next_page_token
        if not token:
            return
