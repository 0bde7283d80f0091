"""The commands that write: add, update, delete, purge, delete-namespace."""

from __future__ import annotations

from typing import Annotated

import typer

from agentctx.cli import exits, tables
from agentctx.cli.lines import add_lines, numbered, opened
from agentctx.cli.memory.options import Described, Id, Ids, Namespace, Yes, confirm
from agentctx.cli.progress import progress
from agentctx.cli.spread import spread
from agentctx.cli.target import Target
from agentctx.cli.times import parse_time
from agentctx.cli.values import parse_object, parse_revision
from agentctx.errors import Cancelled, InvalidArgument
from agentctx.types import UpdateOptions

_LONGEST = 16 << 20  # far above what an episode may hold
_CLEARABLE = "A time in ISO 8601, or none to clear it."


@spread
def add(
    namespace: Namespace,
    text: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[TEXT]...", help="What was said or happened; - reads it from stdin.", show_default=False
        ),
    ] = None,
    *,
    file: Annotated[
        str | None,
        typer.Option("--file", "-f", metavar="FILE", help="JSON lines, an episode each; - reads them from stdin."),
    ] = None,
    id: Annotated[str, typer.Option("--id", metavar="ID", help="Your own id. [default: a new one]")] = "",
    supersedes: Annotated[
        str, typer.Option(metavar="ID", help="The episode that this one corrects: that one stops being true.")
    ] = "",
    request_id: Annotated[
        str, typer.Option(metavar="ID", help="Makes it safe to run the same command again: it adds nothing twice.")
    ] = "",
    described: Described,
    target: Target,
) -> None:
    """Store episodes.

    Either the TEXTs given, all of them or none, or a FILE of episodes, where a bad one costs only itself.

    A line of the file is a JSON object with the fields content (needed), id, session, position, speaker, role,
    occurred_at, valid_from, valid_to, expires_at, tags, metadata and supersedes, or a JSON string, the content. The
    options fill in what a line leaves out. The namespace is made if there is none. A time without a zone is in UTC.
    """
    if file is not None:
        if text or id or supersedes or request_id:
            raise InvalidArgument(
                "--file goes without TEXT, --id, --supersedes and --request-id; a line has its own", field="file"
            )
        _add_file(namespace, file, described, target)
        return
    texts = [_read_text() if one == "-" else one for one in text or ()]
    if not texts:
        raise InvalidArgument("give a TEXT, or --file with JSON lines", field="episodes")
    if len(texts) > 1 and (id or supersedes):
        raise InvalidArgument("--id and --supersedes are for one TEXT", field="id" if id else "supersedes")
    episodes = [described.episode(one, id=id, supersedes=supersedes) for one in texts]
    with target.open(create=True) as memory:
        added = memory.add(namespace, episodes, request_id=request_id)
    target.out.result(added, lambda console: tables.added(console, added))


def _add_file(namespace: str, file: str, described: Described, target: Target) -> None:
    defaults = described.episode()
    stored = refused = 0
    try:
        with (
            opened(file) as source,
            target.open(create=True) as memory,
            progress(f"adding to {namespace}", beside_lines=target.json) as bar,
        ):
            for one in add_lines(memory, namespace, numbered(source), defaults):
                if one.result.ok:
                    stored += 1
                else:
                    refused += 1
                    target.out.note(f"line {one.line}: {one.result.error_code}: {one.result.error_message}")
                if target.json:
                    target.out.line(one.as_dict())
                bar.to(stored + refused)
    except KeyboardInterrupt:
        raise Cancelled(f"interrupted after {stored + refused} lines; what was stored stays") from None
    target.out.people(lambda console: console.print(f"{stored} added, {refused} refused"))
    if refused:
        raise typer.Exit(exits.PARTLY)


def _read_text() -> str:
    with opened("-", "episodes") as source:
        read = source.read(_LONGEST + 1)
    if len(read) > _LONGEST:
        raise InvalidArgument(f"the text on stdin has more than {_LONGEST} bytes", field="episodes")
    try:
        return read.decode().removesuffix("\n")
    except UnicodeDecodeError:
        raise InvalidArgument("the text on stdin is not UTF-8", field="episodes") from None


@spread
def update(
    namespace: Namespace,
    id: Id,
    *,
    metadata: Annotated[
        str | None, typer.Option(metavar="JSON", help="A JSON object that replaces the metadata.")
    ] = None,
    tag: Annotated[
        list[str] | None, typer.Option("--tag", metavar="TAG", help="Replaces the tags; may be repeated.")
    ] = None,
    clear_tags: Annotated[bool, typer.Option("--clear-tags", help="Take all tags away.")] = False,
    valid_from: Annotated[str | None, typer.Option(metavar="TIME|none", help=_CLEARABLE)] = None,
    valid_to: Annotated[str | None, typer.Option(metavar="TIME|none", help=_CLEARABLE)] = None,
    expires_at: Annotated[str | None, typer.Option(metavar="TIME|none", help=_CLEARABLE)] = None,
    if_revision: Annotated[
        str | None, typer.Option(metavar="REVISION", help="Refuse if the episode has changed since, such as 1.42.")
    ] = None,
    target: Target,
) -> None:
    """Change an episode's metadata, tags, validity or expiry.

    Its content never changes: to correct it, add another one with --supersedes.
    """
    changes: UpdateOptions = {}
    if metadata is not None:
        changes["metadata"] = parse_object(metadata, "metadata")
    if tag and clear_tags:
        raise InvalidArgument("give --tag or --clear-tags, not both", field="tags")
    if tag or clear_tags:
        changes["tags"] = tuple(tag or ())
    if valid_from is not None:
        changes["valid_from"] = None if valid_from == "none" else parse_time(valid_from, "valid_from")
    if valid_to is not None:
        changes["valid_to"] = None if valid_to == "none" else parse_time(valid_to, "valid_to")
    if expires_at is not None:
        changes["expires_at"] = None if expires_at == "none" else parse_time(expires_at, "expires_at")
    if if_revision is not None:
        changes["if_revision"] = parse_revision(if_revision, "if_revision")
    with target.open() as memory:
        episode = memory.update(namespace, id, **changes)
    target.out.result(episode, lambda console: tables.episode(console, episode))


@spread
def delete(namespace: Namespace, ids: Ids, *, target: Target) -> None:
    """Hide episodes from now on, all of them or none.

    They stay in the store, and --as-of an earlier time shows them; `purge` removes for good.
    """
    with target.open() as memory:
        revision = memory.delete(namespace, ids)
    answer = {"ids": ids, "revision": revision}
    target.out.result(answer, lambda console: console.print(f"{len(ids)} deleted, revision {revision}"))


@spread
def purge(namespace: Namespace, ids: Ids, yes: Yes = False, *, target: Target) -> None:
    """Remove episodes for good.

    Deleted ones too, with their history, from everything that the store consists of: all of them or none.
    """
    confirm(f"Remove {len(ids)} of {namespace} for good?", yes=yes)
    with target.open() as memory:
        revision = memory.purge(namespace, ids)
    answer = {"ids": ids, "revision": revision}
    target.out.result(answer, lambda console: console.print(f"{len(ids)} purged, revision {revision}"))


@spread
def delete_namespace(namespace: Namespace, yes: Yes = False, *, target: Target) -> None:
    """Remove a namespace and all that is in it, for good."""
    confirm(f"Remove the namespace {namespace} and all that is in it for good?", yes=yes)
    with target.open() as memory:
        memory.delete_namespace(namespace)
    target.out.result({"namespace": namespace}, lambda console: console.print(f"{namespace} is gone"))
