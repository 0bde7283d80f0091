"""The commands that find things: search, symbol, refs, outline, map, scout, show."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, cast

import typer

from agentctx.cli.code import tables
from agentctx.cli.code.options import Kinds, Path_, Repo, opened, read_query
from agentctx.cli.output import printable
from agentctx.cli.spread import spread
from agentctx.cli.target import Target
from agentctx.errors import InvalidArgument, NotFound
from agentctx.types import DIRECTIONS, EDGE_KINDS, GRANULARITIES, CodeAPI, Direction, EdgeKind, SourceText

_LINES: Final = re.compile(r"(?P<path>.+?):(?P<first>\d{1,9})(?:-(?P<last>\d{1,9}))?")

Query = Annotated[str, typer.Argument(metavar="QUERY", help="Words, names or paths.", show_default=False)]


@spread
def search(
    query: Query,
    *,
    repo: Repo = "",
    k: Annotated[int, typer.Option("-k", help="How many hits.")] = 10,
    granularity: Annotated[
        str, typer.Option("--granularity", "-g", metavar="WHAT", help="file, symbol or chunk: what a hit is.")
    ] = "symbol",
    path: Path_ = "",
    language: Annotated[str, typer.Option(metavar="NAME", help="Only files of this language.")] = "",
    kind: Kinds = None,
    no_tests: Annotated[bool, typer.Option("--no-tests", help="Without test files.")] = False,
    no_vendored: Annotated[bool, typer.Option("--no-vendored", help="Without code of others and made code.")] = False,
    explain: Annotated[bool, typer.Option("--explain", help="Also show what the scores are made of.")] = False,
    target: Target,
) -> None:
    """Find code for words, names or paths, best first."""
    _one_of(granularity, GRANULARITIES, "granularity")
    options: dict[str, Any] = {"k": k, "granularity": granularity}
    options |= {name: value for name, value in (("path", path), ("language", language)) if value}
    if kind:
        options["kinds"] = tuple(kind)
    options |= {name: False for name, left in (("tests", no_tests), ("vendored", no_vendored)) if left}
    if explain:
        options["explain"] = True
    with opened(target, repo) as (code, repository):
        found = code.search(repository, query, **options)
    target.out.result(found, lambda console: tables.hits(console, found, explain=explain))


@spread
def symbol(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="A name, a part of it, or an id: run, App.run.", show_default=False)
    ],
    *,
    repo: Repo = "",
    kind: Kinds = None,
    path: Path_ = "",
    k: Annotated[int, typer.Option("-k", help="How many symbols.")] = 20,
    target: Target,
) -> None:
    """Find what bears a name: where it is defined, and how."""
    with opened(target, repo) as (code, repository):
        found = code.symbol(repository, name, kinds=tuple(kind or ()), path=path, k=k)
    target.out.result(found, lambda console: tables.symbols(console, found))


@spread
def refs(
    symbol: Annotated[
        str, typer.Argument(metavar="SYMBOL", help="An id, or a name that only one symbol bears.", show_default=False)
    ],
    *,
    repo: Repo = "",
    kind: Annotated[
        list[str] | None,
        typer.Option(
            "--kind",
            metavar="KIND",
            help=f"Only this kind: {', '.join(EDGE_KINDS)}; may be repeated. [default: all but contains]",
        ),
    ] = None,
    direction: Annotated[
        str,
        typer.Option(metavar="WAY", help="in: what has to do with SYMBOL; out: what it has to do with; or both."),
    ] = "both",
    depth: Annotated[int, typer.Option(help="How many steps away.")] = 1,
    limit: Annotated[int, typer.Option(help="How many relations.")] = 100,
    target: Target,
) -> None:
    """Show who calls, imports, inherits or tests a symbol.

    And what it calls, imports and inherits itself. Nearest first, then surest.
    """
    _one_of(direction, DIRECTIONS, "direction")
    for one in kind or ():
        _one_of(one, EDGE_KINDS, "kind")
    with opened(target, repo) as (code, repository):
        found = code.neighbours(
            repository,
            symbol,
            kinds=cast("tuple[EdgeKind, ...]", tuple(kind or ())),
            direction=cast("Direction", direction),
            depth=depth,
            limit=limit,
        )
    target.out.result(found, lambda console: tables.neighbours(console, found))


@spread
def outline(
    path: Annotated[
        str, typer.Argument(metavar="[PATH]", help="A file or folder of the repository.", show_default=False)
    ] = "",
    *,
    repo: Repo = "",
    depth: Annotated[int, typer.Option(help="How far down. [default: all of a file, one level of a folder]")] = 0,
    limit: Annotated[int, typer.Option(help="How many lines.")] = 1000,
    target: Target,
) -> None:
    """Show what a file or folder holds."""
    with opened(target, repo) as (code, repository):
        found = code.outline(repository, path, depth=depth, limit=limit)
    target.out.result(found, lambda console: tables.outline(console, found))


@spread
def map_(
    *,
    repo: Repo = "",
    budget: Annotated[int, typer.Option("--budget", "-b", metavar="TOKENS", help="What the map may cost.")] = 2000,
    query: Annotated[str, typer.Option(metavar="TEXT", help="A task to map for. [default: in general]")] = "",
    counter: Annotated[
        str, typer.Option(metavar="NAME", help="What counts the tokens, such as cl100k_base; see docs/tokens.md.")
    ] = "",
    target: Target,
) -> None:
    """Print the best overview that fits a budget."""
    with opened(target, repo) as (code, repository):
        found = code.map(repository, budget=budget, query=query, counter=counter)
    if target.json:
        target.out.line(found)
        return
    target.out.text(printable(found.text).rstrip("\n"))
    target.out.note(
        f"{found.tokens:,} of {found.budget:,} tokens ({found.counter}), {found.files:,} files, {found.symbols:,} "
        f"symbols; {tables.generation(found.generation)}"
    )


@spread
def scout(
    query: Annotated[
        str,
        typer.Argument(
            metavar="[QUERY]", help="A task or an issue, in words; - reads it from stdin.", show_default=False
        ),
    ] = "",
    *,
    file: Annotated[str, typer.Option("--file", "-f", metavar="FILE", help="A file with the QUERY.")] = "",
    repo: Repo = "",
    budget: Annotated[int, typer.Option("--budget", "-b", metavar="TOKENS", help="Structure to look at.")] = 2000,
    k: Annotated[int, typer.Option("-k", help="How many hits at most.")] = 20,
    path: Path_ = "",
    tests: Annotated[bool, typer.Option("--tests", help="Test code may be a hit, too.")] = False,
    llm: Annotated[bool, typer.Option("--llm", help="Ask the model of the settings, too.")] = False,
    explain: Annotated[bool, typer.Option("--explain", help="Also show what pointed where, and each round.")] = False,
    target: Target,
) -> None:
    """Find where to look for a task, without reading the code.

    QUERY may be a whole issue with stack traces, paths and names.
    """
    wanted = read_query(query, file)
    options: dict[str, Any] = {"budget": budget, "k": k}
    options |= {name: value for name, value in (("path", path), ("tests", tests), ("llm", llm)) if value}
    with opened(target, repo) as (code, repository):
        found = code.scout(repository, wanted, **options)
    target.out.result(found, lambda console: tables.scouted(console, found, explain=explain))


@spread
def show(
    what: Annotated[
        str,
        typer.Argument(
            metavar="PATH[:LINES]", help="A file, with lines such as 10-40 or without; or a symbol.", show_default=False
        ),
    ],
    *,
    repo: Repo = "",
    target: Target,
) -> None:
    """Print lines of a file, or a symbol, as indexed."""
    with opened(target, repo) as (code, repository):
        found = _source(code, repository, what)
    if target.json:
        target.out.line(found)
        return
    target.out.text(printable(found.text).rstrip("\n"))
    stale = "; the file has changed since" if found.stale else ""
    target.out.note(f"{found.path}:{found.start_line}-{found.end_line}, {tables.generation(found.generation)}{stale}")


def _source(code: CodeAPI, repository: str, what: str) -> SourceText:
    lines = _LINES.fullmatch(what)
    if lines is not None and "::" not in what:
        first = int(lines["first"])
        last = first if lines["last"] is None else int(lines["last"])
        if not 1 <= first <= last:
            raise InvalidArgument("lines count from 1, the first before the last, as in app.py:10-40", field="path")
        return code.source(repository, lines["path"], start_line=first, end_line=last)
    if "::" not in what:
        try:
            return code.source(repository, what)
        except NotFound as error:
            if error.field == "repository":
                raise
            missing = error
    else:
        missing = NotFound(f"there is no symbol {what!r}", field="symbol")
    found = code.symbol(repository, what)
    named = found.symbols[: found.exact]
    if len(named) == 1:
        one = named[0]
        return code.source(repository, one.path, start_line=one.start_line, end_line=one.end_line)
    if named:
        ids = ", ".join(one.id for one in named[:5])
        raise InvalidArgument(f"{len(named)} symbols are called {what!r}: {ids}", field="symbol")
    near = ", ".join(one.id for one in found.symbols[:3])
    hint = f"; the nearest symbols: {near}" if near else ""
    raise NotFound(f"{missing.message}{hint}", field=missing.field, **missing.details)


def _one_of(value: str, known: tuple[str, ...], field: str) -> None:
    if value not in known:
        raise InvalidArgument(f"{field} must be one of {', '.join(known)}", field=field)
