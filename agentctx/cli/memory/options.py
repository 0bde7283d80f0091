"""Options that several memory commands share."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from agentctx.cli.spread import options
from agentctx.cli.times import optional_time, parse_time
from agentctx.cli.values import parse_object, parse_revision
from agentctx.errors import Cancelled, InvalidArgument
from agentctx.types import NewEpisode

Namespace = Annotated[str, typer.Argument(metavar="NAMESPACE", help="A path such as acme/user-42.", show_default=False)]
Id = Annotated[str, typer.Argument(metavar="ID", help="The episode's id.", show_default=False)]
Ids = Annotated[list[str], typer.Argument(metavar="ID...", help="The episodes' ids.", show_default=False)]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
PageSize = Annotated[int, typer.Option("--page-size", help="How many a page holds.")]
PageToken = Annotated[
    str, typer.Option("--page-token", metavar="TOKEN", help="Go on where the page with this next_page_token ended.")
]
All = Annotated[bool, typer.Option("--all", help="All pages; with --json one line of JSON for each entry.")]

_TIME = "TIME"


@options
@dataclass(frozen=True)
class Described:
    """What `add` may say about an episode beside its text."""

    session: Annotated[str, typer.Option(metavar="ID", help="The conversation or task that it is part of.")] = ""
    speaker: Annotated[str, typer.Option(metavar="NAME", help="Who said it.")] = ""
    role: Annotated[str, typer.Option(metavar="ROLE", help="user, assistant, system or tool.")] = ""
    occurred_at: Annotated[
        str | None, typer.Option(metavar=_TIME, help="When it happened. [default: now]", show_default=False)
    ] = None
    valid_from: Annotated[str | None, typer.Option(metavar=_TIME, help="From when on it is true.")] = None
    valid_to: Annotated[str | None, typer.Option(metavar=_TIME, help="Until when it is true.")] = None
    expires_at: Annotated[str | None, typer.Option(metavar=_TIME, help="Hidden for good from then on.")] = None
    tag: Annotated[list[str] | None, typer.Option("--tag", metavar="TAG", help="A topic; may be repeated.")] = None
    metadata: Annotated[str | None, typer.Option(metavar="JSON", help="A JSON object to filter by later.")] = None

    def episode(self, content: str = "", *, id: str = "", supersedes: str = "") -> NewEpisode:
        """An episode described by these options."""
        return NewEpisode(
            content,
            id=id,
            session=self.session,
            speaker=self.speaker,
            role=self.role,  # type: ignore[arg-type]  # the service names the roles that there are
            occurred_at=optional_time(self.occurred_at, "occurred_at"),
            valid_from=optional_time(self.valid_from, "valid_from"),
            valid_to=optional_time(self.valid_to, "valid_to"),
            expires_at=optional_time(self.expires_at, "expires_at"),
            tags=tuple(self.tag or ()),
            metadata={} if self.metadata is None else parse_object(self.metadata, "metadata"),
            supersedes=supersedes,
        )


@options
@dataclass(frozen=True)
class Narrowed:
    """What narrows `list` and `search`; all of it must hold."""

    session: Annotated[str, typer.Option(metavar="ID", help="Only this conversation or task.")] = ""
    speaker: Annotated[str, typer.Option(metavar="NAME", help="Only what they said.")] = ""
    role: Annotated[str, typer.Option(metavar="ROLE", help="Only this role: user, assistant, system, tool.")] = ""
    tag: Annotated[
        list[str] | None, typer.Option("--tag", metavar="TAG", help="Only with this tag; repeat it to ask for several.")
    ] = None
    narrower: Annotated[bool, typer.Option("--narrower", help="What has a tag below --tag has --tag, too.")] = False
    filter: Annotated[
        str | None,
        typer.Option(
            metavar="JSON", help='Only where the metadata passes, as in \'{"topic": "work", "stars": {"gte": 3}}\'.'
        ),
    ] = None
    occurred_from: Annotated[
        str | None, typer.Option("--from", metavar=_TIME, help="Only what happened then or later.")
    ] = None
    occurred_to: Annotated[str | None, typer.Option("--to", metavar=_TIME, help="Only what happened before.")] = None
    as_of: Annotated[str | None, typer.Option(metavar=_TIME, help="What the store knew then.")] = None
    valid_at: Annotated[
        str | None, typer.Option(metavar=_TIME, help="What was true then. [default: now, or --as-of]")
    ] = None
    include_invalid: Annotated[
        bool, typer.Option("--include-invalid", help="Also what is not true any more, or not yet.")
    ] = False
    min_revision: Annotated[
        str | None, typer.Option(metavar="REVISION", help="Fail rather than answer from an older state, such as 1.42.")
    ] = None

    def given(self) -> dict[str, Any]:
        """The options of `MemoryAPI.list` and `.search`, as far as they were given."""
        chosen: dict[str, Any] = {
            "session": self.session,
            "speaker": self.speaker,
            "role": self.role,
            "tags": tuple(self.tag or ()),
            "narrower": self.narrower,
            "filter": None if self.filter is None else parse_object(self.filter, "filter"),
            "include_invalid": self.include_invalid,
            "min_revision": None if self.min_revision is None else parse_revision(self.min_revision, "min_revision"),
        }
        for name in ("occurred_from", "occurred_to", "as_of", "valid_at"):
            text: str | None = getattr(self, name)
            chosen[name] = None if text is None else parse_time(text, name)
        return {name: value for name, value in chosen.items() if value not in ("", (), None, False)}


def confirm(question: str, *, yes: bool) -> None:
    """Ask before something is gone for good. Raises Cancelled for a no, InvalidArgument where nobody can be asked."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise InvalidArgument("this is for good, and there is no terminal to ask at: give --yes", field="yes")
    try:
        agreed = typer.confirm(question, err=True)
    except typer.Abort:
        agreed = False
    if not agreed:
        raise Cancelled("not confirmed; nothing was removed")
