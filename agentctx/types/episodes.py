"""Episodes, and the log records that they come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal

from agentctx.types.common import JsonValue

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
