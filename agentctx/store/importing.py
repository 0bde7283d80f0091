"""Replaying an exported log.

A record is applied if it is newer than anything the store knows of its episode: `episodes.changed_at` holds when the
store that first wrote the newest known record did so. That makes an import that broke off safe to run again, in the
same batches or others, and lets an export be imported over a copy that has moved on.

Recorded times are kept where the log's order allows it, so that a copy of a store answers `as_of` as the original.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from agentctx.errors import InvalidArgument
from agentctx.ids import Clock, from_micros, to_micros
from agentctx.store import heads
from agentctx.store.append import Positions, new_state
from agentctx.store.batch import Batch, Entry
from agentctx.store.codec import CHANGING
from agentctx.types import ChangeKind, NewEpisode, Revision


@dataclass(frozen=True, slots=True)
class ImportRecord:
    """One record of an exported log, checked: what `Store.apply_import` takes.

    An add brings its `episode` in its first state, position and occurred_at included; `fields` may add a
    `superseded_by` (exports of the newest states only). An update brings the `fields` that it set: metadata, tags (a
    tuple), valid_from, valid_to, expires_at, superseded_by. A delete brings nothing.
    """

    kind: ChangeKind
    id: str
    recorded_at: datetime
    episode: NewEpisode | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)


def apply_import(
    connection: Connection,
    namespace: str,
    records: Sequence[ImportRecord],
    vectors: Sequence[bytes | None],
    *,
    embedder_key: str,
    clock: Clock,
) -> tuple[int, int, Revision]:
    """Apply records of another log, in their order."""
    embedder_id = heads.use_embedder(connection, embedder_key)
    head = heads.lock_or_create(connection, namespace, clock)
    batch = Batch(connection, head, adds=sum(record.kind == "add" for record in records))
    batch.load(record.id for record in records)
    positions = Positions(connection, head)
    times = _Times(head.last_recorded_at, to_micros(clock.now()))
    for index, (record, vector) in enumerate(zip(records, vectors, strict=True)):
        _check(record, index)
        entry = batch.get(record.id)
        original = to_micros(record.recorded_at)
        if record.episode is not None:
            if entry is None:
                moment = times.take(original)
                state = new_state(head, record.episode, record.id, positions.take(record.episode))
                episode = replace(state, **record.fields)
                batch.add(episode, vector, embedder_id, recorded_at=moment, changed_at=original)
            continue
        if entry is None:
            raise InvalidArgument(
                f"this {record.kind} is of an episode that the import has not added",
                field=f"records[{index}].id",
                id=record.id,
            )
        if _is_known(entry, record, original):
            continue
        moment = times.take(original)
        values = {"deleted_at": from_micros(moment)} if record.kind == "delete" else dict(record.fields)
        batch.change(record.id, record.kind, values, recorded_at=moment, changed_at=original)
    head.recorded_at = times.last
    batch.flush()
    return len(batch.records), len(records) - len(batch.records), head.revision


def _check(record: ImportRecord, index: int) -> None:
    if (record.kind == "add") != (record.episode is not None):
        raise InvalidArgument("an add record, and no other, brings an episode", field=f"records[{index}].kind")
    for name in record.fields:
        if name not in CHANGING or name == "deleted_at":
            raise InvalidArgument(f"{name} is not set by a change", field=f"records[{index}].fields.{name}")


def _is_known(entry: Entry, record: ImportRecord, original: int) -> bool:
    """Whether the store knows this update or delete record already, or something newer of its episode."""
    if original != entry.changed_at or record.kind == "delete":
        return original < entry.changed_at or entry.episode.deleted_at is not None
    # Records of one transaction share their time: an episode that was added and superseded by the same call.
    return all(getattr(entry.episode, name) == value for name, value in record.fields.items())


class _Times:
    """Gives records their recorded time: the original one, unless that is before the log's end or in the future."""

    def __init__(self, last: int, now: int) -> None:
        self.last = last
        self._now = now
        self._original: int | None = None

    def take(self, original: int) -> int:
        if original != self._original:
            kept = self.last <= original <= self._now
            self.last = original if kept else max(self._now, self.last + 1)
            self._original = original
        return self.last
