"""Which repository a code command is about, and what else several of them take."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from agentctx.cli.lines import opened as opened_file
from agentctx.cli.output import one_line
from agentctx.cli.target import Target
from agentctx.errors import InvalidArgument, NotFound
from agentctx.types import CodeAPI, Repository

Repo = Annotated[
    str,
    typer.Option(
        "--repo",
        "-r",
        metavar="NAME",
        help="The repository. [default: the only one, or the one that the current folder is in]",
        show_default=False,
    ),
]
Path_ = Annotated[str, typer.Option("--path", metavar="PATH", help="Only below this folder or file, or a glob.")]
Kinds = Annotated[
    list[str] | None,
    typer.Option("--kind", metavar="KIND", help="Only this kind, such as function or class; may be repeated."),
]
_NAMED = 10
_LONGEST = 1 << 20


def read_query(query: str, file: str) -> str:
    """What a command is asked: an argument, a file, or stdin for `-`."""
    if bool(query) == bool(file):
        raise InvalidArgument("give either QUERY or --file", field="query")
    if query and query != "-":
        return query
    with opened_file(file or "-") as source:
        try:
            data = source.read(_LONGEST + 1)
        except (OSError, ValueError) as error:
            raise InvalidArgument(f"cannot read {file or 'stdin'}: {one_line(str(error))}", field="query") from None
    if len(data) > _LONGEST:
        raise InvalidArgument(f"query has more than {_LONGEST} bytes", field="query")
    return data.decode(errors="replace").removeprefix("\ufeff")


@contextmanager
def opened(target: Target, repo: str) -> Iterator[tuple[CodeAPI, str]]:
    """The code service, and the repository that a command is about. Says the nearest names of one that is not there."""
    with target.code() as code:
        repository = repo or _only(code, target)
        try:
            yield code, repository
        except NotFound as error:
            if error.field != "repository":
                raise
            raise _with_nearest(error, code, repository) from None


@contextmanager
def nearest(target: Target) -> Iterator[None]:
    """Within the block, the error about a repository that is not there says the nearest names."""
    try:
        yield
    except NotFound as error:
        if error.field != "repository":
            raise
        with target.code() as code:
            raise _with_nearest(error, code, error.details.get("repository", "")) from None


def every(code: CodeAPI) -> Iterator[Repository]:
    """All repositories that can be seen, by name."""
    page = code.list()
    while True:
        yield from page.repositories
        if not page.next_page_token:
            return
        page = code.list(page_token=page.next_page_token)


def _only(code: CodeAPI, target: Target) -> str:
    known = list(every(code))
    if not known:
        raise NotFound("no repository is indexed; `agentctx index PATH` indexes one", field="repository")
    around = _around(known) if target.here() else None
    if around is not None:
        return around
    if len(known) == 1:
        return known[0].name
    names = ", ".join(one.name for one in known[:_NAMED]) + (", ..." if len(known) > _NAMED else "")
    raise InvalidArgument(f"{len(known)} repositories are indexed ({names}): name one with --repo", field="repository")


def _around(known: list[Repository]) -> str | None:
    """The repository that the current folder is in; of several the innermost."""
    try:
        here = Path.cwd().resolve()
        inside = [(len(root.parts), one.name) for one in known if here.is_relative_to(root := Path(one.root).resolve())]
    except (OSError, ValueError, RuntimeError):
        return None
    return max(inside)[1] if inside else None


def _with_nearest(error: NotFound, code: CodeAPI, name: str) -> NotFound:
    known = [one.name for one in every(code)]
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    if near:
        hint = f"the nearest: {', '.join(near)}"
    else:
        hint = "`agentctx code list` shows those that are" if known else "`agentctx index PATH` indexes one"
    return NotFound(f"{error.message}; {hint}", field=error.field, **error.details)
