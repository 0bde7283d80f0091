"""The commands about repositories: list, remove."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from agentctx.cli.code import tables
from agentctx.cli.code.options import opened
from agentctx.cli.memory.options import All, PageSize, PageToken, Yes, confirm
from agentctx.cli.spread import spread
from agentctx.cli.target import Target
from agentctx.types import CodeAPI, RepositoryPage


@spread
def list_(
    *,
    changed: Annotated[
        bool, typer.Option("--changed", help="Also look whether each tree has changed since, which takes its time.")
    ] = False,
    page_size: PageSize = 100,
    page_token: PageToken = "",
    every: All = False,
    target: Target,
) -> None:
    """Show what is indexed, by name."""
    with target.code() as code:
        page = _looked_at(code, code.list(page_size=page_size, page_token=page_token), changed=changed)
        if not every:
            target.out.result(page, lambda console: tables.repositories(console, page))
            return
        while True:
            shown = page
            if target.json:
                for one in shown.repositories:
                    target.out.line(one)
            else:
                target.out.people(partial(tables.repositories, page=shown, more=False))
            if not page.next_page_token:
                return
            following = code.list(page_size=page_size, page_token=page.next_page_token)
            page = _looked_at(code, following, changed=changed)


def _looked_at(code: CodeAPI, page: RepositoryPage, *, changed: bool) -> RepositoryPage:
    if not changed:
        return page
    return RepositoryPage(tuple(code.get(one.name) for one in page.repositories), page.next_page_token)


@spread
def remove(
    repository: Annotated[str, typer.Argument(metavar="NAME", help="The repository's name.", show_default=False)],
    yes: Yes = False,
    *,
    target: Target,
) -> None:
    """Forget a repository. Its files are not touched."""
    confirm(f"Forget what was indexed of {repository}?", yes=yes)
    with opened(target, repository) as (code, name):
        code.remove(name)
    target.out.result({"repository": repository}, lambda console: console.print(f"{repository} is forgotten"))
