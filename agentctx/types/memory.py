"""What the memory service answers and takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypedDict

from agentctx.types.common import JsonValue
from agentctx.types.episodes import ChangeKind, Episode, Revision, Role
from agentctx.types.filters import FilterLike


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
class ImportResult:
    """What an import did: records applied, records that were already there, the head afterwards."""

    imported: int
    skipped: int
    revision: Revision


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
