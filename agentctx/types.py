"""The nouns of agentctx as frozen values. They know nothing of SQL, protobuf or indexes.

Times are timezone-aware datetimes; naive ones are refused where they enter. All values are immutable and may be
shared between threads.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal, Protocol, TypedDict, Unpack

JsonValue = Any  # a JSON value: None, bool, int, float, str, list or dict of the same

Role = Literal["", "user", "assistant", "system", "tool"]
ROLES: Final[tuple[Role, ...]] = ("", "user", "assistant", "system", "tool")

ChangeKind = Literal["add", "update", "delete"]


@dataclass(frozen=True, slots=True, order=True)
class Revision:
    """A point in a namespace's log: what a write returns and a read may wait for.

    `epoch` grows when the namespace is purged from or made anew; `sequence` grows by one with each record.
    Written `epoch.sequence`, as in `3.120`.
    """

    epoch: int
    sequence: int

    def __str__(self) -> str:
        return f"{self.epoch}.{self.sequence}"


@dataclass(frozen=True, slots=True)
class NewEpisode:
    """One thing that was said or happened, as a caller hands it in. Only `content` is needed.

    `id` is the caller's own key (default: made by the store). `session` groups episodes into an ordered run;
    `position` is the place in it (default: behind the last one). `occurred_at` defaults to now. `supersedes` names
    an episode that this one corrects: its validity ends where this one's begins.
    """

    content: str
    id: str = ""
    session: str = ""
    position: int | None = None
    speaker: str = ""
    role: Role = ""
    occurred_at: datetime | None = None
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    expires_at: datetime | None = None
    tags: Sequence[str] = ()
    metadata: Mapping[str, JsonValue] = field(default_factory=dict)
    supersedes: str = ""


@dataclass(frozen=True, slots=True)
class Episode:
    """A stored episode. Content, session, position, speaker, role and `occurred_at` never change after `add`.

    `occurred_at` is event time, `recorded_at` is when the store learned of it. It holds true in
    [valid_from, valid_to) and is hidden for good from `expires_at` on. `revision` is that of its last change.
    """

    namespace: str
    id: str
    content: str
    session: str
    position: int
    speaker: str
    role: Role
    occurred_at: datetime
    recorded_at: datetime
    revision: Revision
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    expires_at: datetime | None = None
    tags: tuple[str, ...] = ()
    metadata: Mapping[str, JsonValue] = field(default_factory=dict)
    supersedes: str = ""
    superseded_by: str = ""
    deleted_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class LogRecord:
    """One entry of a namespace's log, complete: `episode` is the state after it. Indexes know only `apply(record)`.

    `row` is the store's integer key of the episode, unique in the store. `vector` (raw little-endian float16) comes
    with an `add` alone; it is None where the embedder that the store is on has not made one yet.
    """

    kind: ChangeKind
    row: int
    recorded_at: datetime
    episode: Episode
    vector: bytes | None = None

    @property
    def sequence(self) -> int:
        """The record's place in the log."""
        return self.episode.revision.sequence


# --- filters ----------------------------------------------------------------------------------------------------------

FilterOp = Literal["eq", "ne", "in", "gt", "gte", "lt", "lte", "contains"]
FILTER_OPS: Final[tuple[FilterOp, ...]] = ("eq", "ne", "in", "gt", "gte", "lt", "lte", "contains")


@dataclass(frozen=True, slots=True)
class Condition:
    """`field op value` on one metadata key (a dot reaches into nested objects).

    A missing key satisfies `ne` and nothing else. Order operators compare number with number and text with text.
    `contains` asks for a part of a text or a member of a list; `in` takes a list of values.
    """

    field: str
    op: FilterOp
    value: JsonValue


@dataclass(frozen=True, slots=True)
class And:
    """All of `filters` hold (an empty one always holds)."""

    filters: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """At least one of `filters` holds (an empty one never does)."""

    filters: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """`filter` does not hold."""

    filter: Filter


Filter = Condition | And | Or | Not
FilterLike = Filter | Mapping[str, JsonValue]
"""A Filter, or its JSON form: `{"topic": "work"}`, `{"stars": {"gte": 3}}`, `{"and": [...]}`, `{"not": {...}}`."""


# --- answers ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AddResult:
    """What an acknowledged `add` did: the ids in the order given. `replayed`: an earlier call with this request_id."""

    ids: tuple[str, ...]
    revision: Revision
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class ItemResult:
    """What became of one item of a bulk add: `id` and `revision`, or `error_code` and `error_message`."""

    index: int
    id: str = ""
    revision: Revision | None = None
    error_code: str = ""
    error_message: str = ""
    error_field: str = ""

    @property
    def ok(self) -> bool:
        """Whether the item is stored."""
        return not self.error_code


@dataclass(frozen=True, slots=True)
class Change:
    """One entry of an episode's history: what a record of the log set, and when the store learned of it."""

    kind: ChangeKind
    revision: Revision
    recorded_at: datetime
    fields: Mapping[str, JsonValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EpisodePage:
    """One page of `list`, in the order in which episodes were recorded. An empty `next_page_token` ends the list."""

    episodes: tuple[Episode, ...]
    next_page_token: str
    revision: Revision


@dataclass(frozen=True, slots=True)
class NamespaceInfo:
    """A namespace that exists: its head revision and the number of episodes that are not deleted."""

    name: str
    revision: Revision
    episodes: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class NamespacePage:
    """One page of namespaces by name. An empty `next_page_token` ends the list."""

    namespaces: tuple[NamespaceInfo, ...]
    next_page_token: str


@dataclass(frozen=True, slots=True)
class Hit:
    """A found episode: its score, the parts that sum up to the score, and in words why it was considered."""

    episode: Episode
    score: float
    parts: Mapping[str, float]
    why: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Explanation:
    """How a search was answered: terms, time ranges and tags of the plan, rows per stage, milliseconds per stage.

    sources: the rows that words, vectors, times and tags each offered; empty when every eligible row was scored.
    widened: why the search looked farther than at first; empty if it did not.
    """

    terms: tuple[str, ...]
    hints: tuple[str, ...]
    candidates: Mapping[str, int]
    stages_ms: Mapping[str, float]
    tags: tuple[str, ...] = ()
    sources: Mapping[str, int] = field(default_factory=dict)
    widened: str = ""


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Ranked hits, best first. `degraded` says what could not take part (empty: everything did)."""

    hits: tuple[Hit, ...]
    revision: Revision
    degraded: tuple[str, ...] = ()
    explanation: Explanation | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a long operation is. `total` is None while it is not known."""

    done: int
    total: int | None
    message: str = ""


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What an import did: records applied, records that were already there, the head afterwards."""

    imported: int
    skipped: int
    revision: Revision


TagOrigin = Literal["given", "llm", "derived"]
TagOp = Literal["add", "rename", "merge", "link", "unlink", "delete", "restore"]
TAG_OPS: Final[tuple[TagOp, ...]] = ("add", "rename", "merge", "link", "unlink", "delete", "restore")
EditOrigin = Literal["user", "consolidation"]
EDIT_ORIGINS: Final[tuple[EditOrigin, ...]] = ("user", "consolidation")


@dataclass(frozen=True, slots=True)
class Tag:
    """A topic of a namespace: how many of the visible episodes bear it, and the tags right above and below it.

    origin: `given` (a caller put it on an episode, or added it), `llm` (a language model named it), `derived` (found
    by rule). aliases: names that were renamed to or merged into this one.
    """

    name: str
    episodes: int
    broader: tuple[str, ...] = ()
    narrower: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    origin: TagOrigin = "derived"


@dataclass(frozen=True, slots=True)
class TagPage:
    """One page of `list_tags`, the tags of most episodes first. An empty `next_page_token` ends the list."""

    tags: tuple[Tag, ...]
    next_page_token: str
    revision: Revision


@dataclass(frozen=True, slots=True)
class TagEdit:
    """One change of the tags of a namespace. `tag` is the tag that is changed, `other` a second one:

    add: a new tag, under `other` if that is given. rename: `other` is the new name. merge: into `other`. link, unlink:
    `other` is (no longer) a broader tag of `tag`. delete: out of sight, with its aliases. restore: undoes a delete, or
    the merge or rename that `tag` was lost by. No edit changes an episode.
    """

    op: TagOp
    tag: str
    other: str = ""


@dataclass(frozen=True, slots=True)
class TagRecord:
    """An entry of a namespace's log about tags: either an `edit`, or what a language model said of an episode.

    `origin` tells who made the edit: what consolidation made can be made again, and goes with the next purge. `row` is
    the store's key of the episode; `tags` replace what was said before; `relations` are (broader, narrower).
    """

    sequence: int
    recorded_at: datetime | None = None
    edit: TagEdit | None = None
    origin: EditOrigin = "user"
    row: int = 0
    tags: tuple[str, ...] = ()
    relations: tuple[tuple[str, str], ...] = ()


# --- requests ---------------------------------------------------------------------------------------------------------


class ListOptions(TypedDict, total=False):
    """What narrows `list` and how it pages. Everything is a hard filter, applied before the page is cut.

    narrower: `tags` also match by the tags below them.
    """

    session: str
    speaker: str
    role: Role
    tags: Sequence[str]
    narrower: bool
    filter: FilterLike | None
    occurred_from: datetime | None
    occurred_to: datetime | None
    as_of: datetime | None
    valid_at: datetime | None
    include_invalid: bool
    min_revision: Revision | None
    page_size: int
    page_token: str


class SearchOptions(TypedDict, total=False):
    """What narrows and shapes `search`.

    k: how many hits (0 gives none). session, speaker, role, tags (all of them), filter, occurred_from (inclusive)
    and occurred_to (exclusive) are hard filters. as_of: what the store knew then. valid_at: what was true then
    (default: the present, or as_of); include_invalid drops that test. reference_time: the "now" of the question,
    from which "last week" counts (default: now). min_revision: fail rather than answer from an older state.
    explain: return how the answer was found. timeout: seconds. narrower: `tags` also match by the tags below them.
    """

    k: int
    session: str
    speaker: str
    role: Role
    tags: Sequence[str]
    narrower: bool
    filter: FilterLike | None
    occurred_from: datetime | None
    occurred_to: datetime | None
    as_of: datetime | None
    valid_at: datetime | None
    include_invalid: bool
    reference_time: datetime | None
    min_revision: Revision | None
    explain: bool
    exhaustive: bool
    timeout: float | None


class UpdateOptions(TypedDict, total=False):
    """What `update` may change. A field that is left out stays; None clears a time. metadata and tags are replaced."""

    metadata: Mapping[str, JsonValue]
    tags: Sequence[str]
    valid_from: datetime | None
    valid_to: datetime | None
    expires_at: datetime | None
    if_revision: Revision | None


class MemoryAPI(Protocol):
    """The memory service as every face of agentctx offers it: the embedded engine and the sync client.

    Thread-safe. Every method may raise InvalidArgument (naming the field), Unavailable, and over the wire also
    Unauthenticated, ResourceExhausted and DeadlineExceeded; methods that name a namespace or an id raise NotFound.
    """

    def add(
        self,
        namespace: str,
        episodes: str | NewEpisode | Sequence[str | NewEpisode],
        *,
        request_id: str = "",
    ) -> AddResult:
        """Store one or many episodes in one transaction: all of them, durable and searchable, or none."""
        ...

    def bulk_add(self, namespace: str, episodes: Iterable[NewEpisode]) -> Iterator[ItemResult]:
        """Store a stream of episodes in batches; yields a result per item, in order. A bad item costs only itself."""
        ...

    def get(self, namespace: str, id: str, *, as_of: datetime | None = None) -> Episode:
        """One episode as it is now, or as the store knew it at `as_of`."""
        ...

    def list(self, namespace: str, **options: Unpack[ListOptions]) -> EpisodePage:
        """One page of episodes in the order they were recorded, unranked."""
        ...

    def search(self, namespace: str, query: str, **options: Unpack[SearchOptions]) -> SearchResult:
        """The `k` episodes that bear most on `query`, best first."""
        ...

    def update(self, namespace: str, id: str, **changes: Unpack[UpdateOptions]) -> Episode:
        """Change metadata, tags, validity or expiry; content never changes. Returns the episode afterwards."""
        ...

    def delete(self, namespace: str, ids: str | Sequence[str]) -> Revision:
        """Hide episodes from now on; they are still there `as_of` an earlier time. All of `ids`, or none."""
        ...

    def purge(self, namespace: str, ids: str | Sequence[str]) -> Revision:
        """Remove episodes for good, deleted ones too: rows, history, vectors, indexes, log. Starts a new epoch."""
        ...

    def history(self, namespace: str, id: str) -> tuple[Change, ...]:
        """Every change of an episode, oldest first."""
        ...

    def list_namespaces(self, *, prefix: str = "", page_size: int = 100, page_token: str = "") -> NamespacePage:
        """One page of the namespaces at or below the path `prefix` (whole segments)."""
        ...

    def delete_namespace(self, namespace: str) -> None:
        """Remove a namespace and all that is in it, for good."""
        ...

    def export(self, namespace: str, *, live_only: bool = False) -> Iterator[str]:
        """The namespace's log as JSON lines, a header first. `live_only` leaves out deleted episodes and history."""
        ...

    def import_(self, namespace: str, lines: Iterable[str]) -> ImportResult:
        """Apply exported JSON lines. Records already there are skipped, so that a broken import can be run again."""
        ...

    def reembed(self, embedder: str) -> Iterator[Progress]:
        """Give every episode of the store a vector of another embedder, then switch to it. Resumes where it stopped."""
        ...

    def consolidate(self, namespace: str) -> Iterator[Progress]:
        """Put a namespace in order: merge tags that say the same, lay vectors of one topic side by side."""
        ...

    def list_tags(
        self, namespace: str, *, under: str = "", prefix: str = "", page_size: int = 100, page_token: str = ""
    ) -> TagPage:
        """One page of the namespace's tags, or of a tag `under` and those below it: most episodes first."""
        ...

    def edit_tags(self, namespace: str, edits: TagEdit | Sequence[TagEdit]) -> Revision:
        """Rename, merge, link, add, delete and restore tags, in order: all of the edits or none."""
        ...

    def retag(self, namespace: str, tagger: str = "") -> Iterator[Progress]:
        """Tag every episode of a namespace anew, by `rules` or by `llm`. Resumes where it stopped."""
        ...


class AsyncMemoryAPI(Protocol):
    """The asyncio twin of MemoryAPI: the same methods, results and errors."""

    async def add(
        self,
        namespace: str,
        episodes: str | NewEpisode | Sequence[str | NewEpisode],
        *,
        request_id: str = "",
    ) -> AddResult: ...

    def bulk_add(
        self, namespace: str, episodes: Iterable[NewEpisode] | AsyncIterator[NewEpisode]
    ) -> AsyncIterator[ItemResult]: ...

    async def get(self, namespace: str, id: str, *, as_of: datetime | None = None) -> Episode: ...

    async def list(self, namespace: str, **options: Unpack[ListOptions]) -> EpisodePage: ...

    async def search(self, namespace: str, query: str, **options: Unpack[SearchOptions]) -> SearchResult: ...

    async def update(self, namespace: str, id: str, **changes: Unpack[UpdateOptions]) -> Episode: ...

    async def delete(self, namespace: str, ids: str | Sequence[str]) -> Revision: ...

    async def purge(self, namespace: str, ids: str | Sequence[str]) -> Revision: ...

    async def history(self, namespace: str, id: str) -> tuple[Change, ...]: ...

    async def list_namespaces(
        self, *, prefix: str = "", page_size: int = 100, page_token: str = ""
    ) -> NamespacePage: ...

    async def delete_namespace(self, namespace: str) -> None: ...

    def export(self, namespace: str, *, live_only: bool = False) -> AsyncIterator[str]: ...

    async def import_(self, namespace: str, lines: Iterable[str]) -> ImportResult: ...

    def reembed(self, embedder: str) -> AsyncIterator[Progress]: ...

    def consolidate(self, namespace: str) -> AsyncIterator[Progress]: ...

    async def list_tags(
        self, namespace: str, *, under: str = "", prefix: str = "", page_size: int = 100, page_token: str = ""
    ) -> TagPage: ...

    async def edit_tags(self, namespace: str, edits: TagEdit | Sequence[TagEdit]) -> Revision: ...

    def retag(self, namespace: str, tagger: str = "") -> AsyncIterator[Progress]: ...
