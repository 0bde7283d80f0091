"""Records that one transaction adds to one namespace's log: collected here, written together by `flush`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, bindparam, insert, select, update

from agentctx.ids import from_micros, to_micros
from agentctx.store import codec, heads
from agentctx.store.schema import changes, episodes, vectors
from agentctx.types import ChangeKind, Episode, LogRecord, Revision

T = TypeVar("T")

_e = episodes.c
_LOAD: Final = select(*codec.EPISODE, _e.changed_at)
_INSERT_EPISODES: Final = insert(episodes)
_INSERT_CHANGES: Final = insert(changes)
_INSERT_VECTORS: Final = insert(vectors)
_UPDATE_EPISODES: Final = (
    update(episodes)
    .where(_e.row == bindparam("b_row"))
    .values(
        {
            name: bindparam(name)
            for name in (
                "valid_from", "valid_to", "expires_at", "tags", "metadata", "superseded_by", "deleted_at",
                "changed_epoch", "changed_sequence", "changed_at",
            )
        }
    )
)  # fmt: skip


def chunks(items: Sequence[T], size: int = 500) -> Iterator[Sequence[T]]:
    """Slices of `items`, short enough for the parameters of one statement."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


@dataclass(slots=True)
class Entry:
    """An episode in the batch: its newest state, and the revision of its add where the batch adds it."""

    row: int
    episode: Episode
    changed_at: int
    added: Revision | None = None
    request_id: str = ""


class Batch:
    """The records of one transaction. `records` holds them in log order, complete.

    Times are given in microseconds where a record bears another time than the transaction's own (imports).
    """

    def __init__(self, connection: Connection, head: heads.Head, *, adds: int = 0) -> None:
        self.head = head
        self.records: list[LogRecord] = []
        self._connection = connection
        self._entries: dict[str, Entry] = {}
        self._rows = iter(heads.reserve_rows(connection, adds))
        self._changed: dict[int, Entry] = {}
        self._changes: list[dict[str, Any]] = []
        self._vectors: list[dict[str, Any]] = []

    def load(self, ids: Iterable[str]) -> None:
        """Read the present state of those of `ids` that exist."""
        if self.head.created:
            return
        wanted = [id_ for id_ in dict.fromkeys(ids) if id_ not in self._entries]
        for part in chunks(wanted):
            query = _LOAD.where(_e.namespace_id == self.head.id, _e.id.in_(part))
            for values in self._connection.execute(query):
                episode = codec.decode(self.head.namespace, values)
                self._entries[episode.id] = Entry(values[0], episode, values[-1])

    def get(self, id: str) -> Entry | None:
        """The newest state of an episode that was loaded or added."""
        return self._entries.get(id)

    def add(
        self,
        episode: Episode,
        vector: bytes | None,
        embedder_id: int,
        *,
        request_id: str = "",
        recorded_at: int | None = None,
        changed_at: int | None = None,
    ) -> None:
        """Append an add record; `recorded_at` and `revision` of `episode` are set here."""
        moment = self.head.recorded_at if recorded_at is None else recorded_at
        revision = Revision(self.head.epoch, self.head.take())
        episode = replace(episode, revision=revision, recorded_at=from_micros(moment))
        known_at = moment if changed_at is None else changed_at
        entry = Entry(next(self._rows), episode, known_at, revision, request_id)
        self._entries[episode.id] = entry
        self.records.append(LogRecord("add", entry.row, episode.recorded_at, episode, vector))
        self.head.live += 1
        if vector is not None:
            self._vectors.append({"row": entry.row, "embedder_id": embedder_id, "vector": vector})

    def change(
        self,
        id: str,
        kind: ChangeKind,
        values: dict[str, Any],
        *,
        recorded_at: int | None = None,
        changed_at: int | None = None,
    ) -> LogRecord:
        """Append an update or delete record that sets `values` on a loaded or added episode."""
        entry = self._entries[id]
        moment = self.head.recorded_at if recorded_at is None else recorded_at
        old = entry.episode
        before = codec.fields_of(old, tuple(values)) | {"revision": [old.revision.epoch, old.revision.sequence]}
        entry.episode = replace(old, **values, revision=Revision(self.head.epoch, self.head.take()))
        entry.changed_at = moment if changed_at is None else changed_at
        self._changes.append(
            {
                "namespace_id": self.head.id,
                "sequence": self.head.sequence,
                "epoch": self.head.epoch,
                "row": entry.row,
                "kind": kind,
                "recorded_at": moment,
                "after": codec.to_json(codec.fields_of(entry.episode, tuple(values))),
                "before": codec.to_json(before),
            }
        )
        if entry.added is None:
            self._changed[entry.row] = entry
        if kind == "delete":
            self.head.live -= 1
        record = LogRecord(kind, entry.row, from_micros(moment), entry.episode)
        self.records.append(record)
        return record

    def flush(self) -> None:
        """Write everything, the head included."""
        execute = self._connection.execute
        added = [self._row(entry) for entry in self._entries.values() if entry.added is not None]
        if added:
            execute(_INSERT_EPISODES, added)
        if self._vectors:
            execute(_INSERT_VECTORS, self._vectors)
        if self._changes:
            execute(_INSERT_CHANGES, self._changes)
        if self._changed:
            changed = [
                {"b_row": e.row, "changed_at": e.changed_at, **codec.columns_of(e.episode)}
                for e in self._changed.values()
            ]
            execute(_UPDATE_EPISODES, changed)
        heads.save(self._connection, self.head)

    def _row(self, entry: Entry) -> dict[str, Any]:
        assert entry.added is not None
        episode = entry.episode
        return {
            "row": entry.row,
            "namespace_id": self.head.id,
            "id": episode.id,
            "epoch": entry.added.epoch,
            "sequence": entry.added.sequence,
            "changed_at": entry.changed_at,
            "content": episode.content,
            "session": episode.session,
            "position": episode.position,
            "speaker": episode.speaker,
            "role": episode.role,
            "occurred_at": to_micros(episode.occurred_at),
            "recorded_at": to_micros(episode.recorded_at),
            "supersedes": episode.supersedes,
            "request_id": entry.request_id,
            **codec.columns_of(episode),
        }
