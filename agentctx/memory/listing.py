"""Unranked, paged listings of episodes and namespaces."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Self

from agentctx.config import Limits
from agentctx.errors import NotFound, StalePageToken
from agentctx.memory import paging, validate
from agentctx.memory.filters import matches, parse_filter
from agentctx.store import Store
from agentctx.types import Episode, EpisodePage, Filter, ListOptions, NamespacePage, Revision, Role

_CHUNK = 500
_PAGE = 50


def no_such_episode(id: str) -> NotFound:
    """The one answer for an episode that is absent, hidden or somebody else's."""
    return NotFound(f"no episode {id!r}", field="id", id=id)


@dataclass(frozen=True, slots=True)
class Narrowing:
    """What both list and search may be narrowed by; every part is a hard filter."""

    session: str = ""
    speaker: str = ""
    role: Role = ""
    tags: tuple[str, ...] = ()
    narrower: bool = False
    filter: Filter | None = None
    occurred_from: datetime | None = None
    occurred_to: datetime | None = None
    as_of: datetime | None = None
    valid_at: datetime | None = None
    include_invalid: bool = False
    min_revision: Revision | None = None

    @staticmethod
    def checked(options: Mapping[str, Any], limits: Limits) -> dict[str, Any]:
        """The narrowing options among `options`, each checked."""
        start = validate.moment(options.get("occurred_from"), "occurred_from")
        end = validate.moment(options.get("occurred_to"), "occurred_to")
        validate.time_range(start, end, ("occurred_from", "occurred_to"))
        return {
            "session": validate.identifier(options.get("session", ""), "session", empty=True),
            "speaker": validate.identifier(options.get("speaker", ""), "speaker", empty=True),
            "role": validate.role(options.get("role", ""), "role"),
            "tags": validate.names(options.get("tags", ()), "tags", limits.tags),
            "narrower": validate.boolean(options.get("narrower", False), "narrower"),
            "filter": parse_filter(options.get("filter"), limits),
            "occurred_from": start,
            "occurred_to": end,
            "as_of": validate.moment(options.get("as_of"), "as_of"),
            "valid_at": validate.moment(options.get("valid_at"), "valid_at"),
            "include_invalid": validate.boolean(options.get("include_invalid", False), "include_invalid"),
            "min_revision": validate.revision(options.get("min_revision"), "min_revision"),
        }

    def admits(self, episode: Episode, now: datetime, tags: Sequence[frozenset[str]] = ()) -> bool:
        """Whether one episode, in its state at `as_of`, passes every part. `now` decides expiry and validity.

        tags: for each tag of the request the names that stand for it.
        """
        present = self.as_of or now
        valid_at = self.valid_at or present
        return (
            (not self.session or episode.session == self.session)
            and (not self.speaker or episode.speaker == self.speaker)
            and (not self.role or episode.role == self.role)
            and (episode.expires_at is None or episode.expires_at > present)
            and (self.include_invalid or is_valid(episode, valid_at))
            and (self.occurred_from is None or episode.occurred_at >= self.occurred_from)
            and (self.occurred_to is None or episode.occurred_at < self.occurred_to)
            and all(not names.isdisjoint(episode.tags) for names in tags)
            and (self.filter is None or matches(self.filter, episode.metadata))
        )


def is_valid(episode: Episode, at: datetime) -> bool:
    """Whether the episode holds true at a moment: valid_from <= at < valid_to."""
    return (episode.valid_from is None or episode.valid_from <= at) and (
        episode.valid_to is None or at < episode.valid_to
    )


@dataclass(frozen=True, slots=True)
class ListRequest(Narrowing):
    """A checked `list` call."""

    namespace: str = ""
    page_size: int = _PAGE
    page_token: str = ""

    @classmethod
    def read(cls, namespace: str, options: ListOptions, limits: Limits) -> Self:
        """The request in its normal form. Raises InvalidArgument."""
        validate.unknown_options(options, tuple(ListOptions.__annotations__))
        size = options.get("page_size", min(_PAGE, limits.page_size))
        return cls(
            **cls.checked(options, limits),
            namespace=namespace,
            page_size=validate.integer(size, "page_size", 1, limits.page_size),
            page_token=validate.text(options.get("page_token", ""), "page_token", 4096),
        )

    def hash(self) -> str:
        """Binds a page token to everything but the page itself."""
        skipped = ("page_size", "page_token", "min_revision")
        return paging.request_hash({f.name: getattr(self, f.name) for f in fields(self) if f.name not in skipped})


@dataclass(frozen=True, slots=True)
class TagTest:
    """What the tags of a request stand for. names: those that callers gave, by tag; for the others the store's `rows`.

    rows: of all episodes that bear the tags which were found in texts, ascending; None if there are none of those.
    """

    names: tuple[frozenset[str], ...] = ()
    rows: Sequence[int] | None = None


def page(store: Store, request: ListRequest, revision: Revision, now: datetime, tags: TagTest) -> EpisodePage:
    """One page: walks the log in order until it is full, so that a filter never shortens a page silently."""
    after, upto = 0, revision.sequence
    if request.page_token:
        epoch, upto, after = paging.read_token(request.page_token, request.hash(), int)
        paging.check_epoch(epoch, revision.epoch)
    found: list[Episode] = []
    while True:
        chunk = _chunk(store, request, Revision(revision.epoch, upto), after, tags.rows)
        for sequence, episode in chunk:
            if request.admits(episode, now, tags.names):
                if len(found) == request.page_size:
                    token = paging.write_token(request.hash(), revision.epoch, upto, after)
                    return EpisodePage(tuple(found), token, revision)
                found.append(episode)
            after = sequence
        if len(chunk) < _CHUNK:
            return EpisodePage(tuple(found), "", revision)


def _chunk(
    store: Store, request: ListRequest, upto: Revision, after: int, rows: Sequence[int] | None
) -> list[tuple[int, Episode]]:
    """The next episodes, each with the place to go on after: the sequence of its add, or where `rows` lead, its row."""
    if rows is None:
        return store.scan(
            request.namespace,
            after_sequence=after,
            upto_sequence=upto.sequence,
            limit=_CHUNK,
            session=request.session,
            as_of=request.as_of,
        )
    first = bisect_right(rows, after)
    some = rows[first : first + _CHUNK]
    episodes = store.episodes_at(request.namespace, some, upto, request.as_of) if some else []
    if episodes is None:
        raise StalePageToken("the namespace was purged from while it was listed; start anew", field="page_token")
    return list(zip(some, episodes, strict=True))


def namespaces(store: Store, prefix: str, page_size: int, page_token: str) -> NamespacePage:
    """One page of namespaces by name."""
    hash = paging.request_hash({"namespaces": prefix})
    after = paging.read_token(page_token, hash, str)[2] if page_token else ""
    found = store.list_namespaces(prefix=prefix, after=after, limit=page_size + 1)
    if len(found) <= page_size:
        return NamespacePage(tuple(found), "")
    found = found[:page_size]
    return NamespacePage(tuple(found), paging.write_token(hash, 0, 0, found[-1].name))
