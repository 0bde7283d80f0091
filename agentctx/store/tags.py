"""Tags in the log: users' edits, which are the truth, and what consolidation and language models made of the texts,
which can be made again.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, and_, delete, exists, func, insert, select

from agentctx.errors import NotFound
from agentctx.ids import Clock, from_micros, to_micros
from agentctx.store import codec, heads
from agentctx.store.batch import chunks
from agentctx.store.schema import episode_tags, episodes, tag_edits
from agentctx.types import EditOrigin, Episode, Revision, TagEdit, TagRecord

_e, _t, _w = episodes.c, tag_edits.c, episode_tags.c
Written = tuple[int, Sequence[str], Sequence[tuple[str, str]]]

_NO_NAMESPACE: Final = "there is no such namespace"


def add_edits(
    connection: Connection,
    namespace: str,
    edits: Sequence[TagEdit],
    *,
    known: int | None,
    epoch: int | None = None,
    origins: Sequence[EditOrigin],
    original: Sequence[datetime] | None = None,
    clock: Clock,
) -> Revision | None:
    """Append edits, if epoch and number of edits are those that the caller knows; None if something came between."""
    head = heads.lock(connection, namespace, clock)
    if head is None:
        raise NotFound(_NO_NAMESPACE, field="namespace")
    if epoch is not None and epoch != head.epoch:
        return None
    if known is not None:
        held = connection.execute(select(func.count()).where(_t.namespace_id == head.id)).scalar_one()
        if held != known:
            return None
    rows = [
        {
            "namespace_id": head.id,
            "sequence": head.take(),
            "epoch": head.epoch,
            "recorded_at": head.recorded_at,
            "changed_at": head.recorded_at if original is None else to_micros(original[place]),
            "op": edit.op,
            "tag": edit.tag,
            "other": edit.other,
            "origin": origins[place],
        }
        for place, edit in enumerate(edits)
    ]
    if rows:
        connection.execute(insert(tag_edits), rows)
        heads.save(connection, head)
    return head.revision


def import_edits(
    connection: Connection,
    namespace: str,
    edits: Sequence[TagEdit],
    origins: Sequence[EditOrigin],
    original: Sequence[datetime],
    clock: Clock,
) -> tuple[int, Revision]:
    """Append the edits of another log that this one has not; how many those were."""
    found = heads.find(connection, namespace)
    if found is None:
        raise NotFound(_NO_NAMESPACE, field="namespace")
    held = {tuple(row) for row in connection.execute(
        select(_t.changed_at, _t.op, _t.tag, _t.other).where(_t.namespace_id == found[0])
    )}  # fmt: skip
    new = [
        (edit, origin, at)
        for edit, origin, at in zip(edits, origins, original, strict=True)
        if (to_micros(at), edit.op, edit.tag, edit.other) not in held
    ]
    revision = add_edits(
        connection,
        namespace,
        [edit for edit, _, _ in new],
        known=None,
        origins=[origin for _, origin, _ in new],
        original=[at for _, _, at in new],
        clock=clock,
    )
    assert revision is not None
    return len(new), revision


def forget_made(connection: Connection, key: int) -> None:
    """Remove the edits of a namespace that nobody made by hand: the names that they hold are out of its episodes."""
    connection.execute(delete(tag_edits).where(_t.namespace_id == key, _t.origin != "user"))


def put_written(connection: Connection, namespace: str, producer: str, items: Sequence[Written], clock: Clock) -> None:
    """Store what a producer said of episodes, by row; what was purged meanwhile is dropped."""
    head = heads.lock(connection, namespace, clock)
    if head is None:
        raise NotFound(_NO_NAMESPACE, field="namespace")
    sequence = head.take()
    stored = False
    for part in chunks(items):
        given = {row: (tags, relations) for row, tags, relations in part}
        here = select(_e.row).where(_e.namespace_id == head.id, _e.row.in_(list(given)))
        alive = list(connection.execute(here).scalars())
        connection.execute(delete(episode_tags).where(_w.row.in_(alive)))
        rows = [
            {
                "row": row,
                "namespace_id": head.id,
                "sequence": sequence,
                "producer": producer,
                "tags": codec.to_json(list(given[row][0])),
                "relations": codec.to_json([list(pair) for pair in given[row][1]]),
            }
            for row in alive
        ]
        if rows:
            connection.execute(insert(episode_tags), rows)
            stored = True
    if stored:
        heads.save(connection, head)


def read_records(connection: Connection, namespace: str, after: int, upto: Revision) -> list[TagRecord]:
    """The records about tags in (after, upto], in log order; none if the namespace has begun another epoch."""
    found = heads.find(connection, namespace)
    if found is None or found[1].epoch != upto.epoch:
        return []
    key = found[0]
    edits = select(_t.sequence, _t.changed_at, _t.op, _t.tag, _t.other, _t.origin).where(
        _t.namespace_id == key, _t.sequence > after, _t.sequence <= upto.sequence
    )
    records = [
        TagRecord(sequence, from_micros(at), TagEdit(op, tag, other), origin)
        for sequence, at, op, tag, other, origin in connection.execute(edits)
    ]
    written = select(_w.sequence, _w.row, _w.tags, _w.relations).where(
        _w.namespace_id == key, _w.sequence > after, _w.sequence <= upto.sequence
    )
    for sequence, row, tags, relations in connection.execute(written.order_by(_w.row)):
        records.append(_written(sequence, row, tags, relations))
    records.sort(key=lambda record: record.sequence)
    return records


def _written(sequence: int, row: int, tags: str, relations: str) -> TagRecord:
    try:
        pairs = tuple((str(up), str(down)) for up, down in json.loads(relations))
        return TagRecord(sequence, row=row, tags=tuple(map(str, json.loads(tags))), relations=pairs)
    except (ValueError, TypeError) as error:
        raise codec.corrupt(f"the tags of episode row {row}") from error


def untagged(
    connection: Connection, namespace: str, producer: str, limit: int, after_row: int
) -> list[tuple[int, Episode]]:
    """Episodes (not deleted) that this producer has said nothing of, by row, behind `after_row`."""
    found = heads.find(connection, namespace)
    if found is None:
        raise NotFound(_NO_NAMESPACE, field="namespace")
    query = select(*codec.EPISODE).where(*_without(found[0], producer), _e.row > after_row).order_by(_e.row)
    return [(values[0], codec.decode(namespace, values)) for values in connection.execute(query.limit(limit))]


def count_untagged(connection: Connection, namespace: str, producer: str) -> int:
    """How many episodes (not deleted) this producer has said nothing of."""
    found = heads.find(connection, namespace)
    if found is None:
        raise NotFound(_NO_NAMESPACE, field="namespace")
    return connection.execute(
        select(func.count()).select_from(episodes).where(*_without(found[0], producer))
    ).scalar_one()


def rows_written(connection: Connection, namespace: str, limit: int) -> list[int]:
    """Rows that a language model's tags are stored of."""
    found = heads.find(connection, namespace)
    if found is None:
        raise NotFound(_NO_NAMESPACE, field="namespace")
    query = select(_w.row).where(_w.namespace_id == found[0], _w.tags != "[]").order_by(_w.row).limit(limit)
    return list(connection.execute(query).scalars())


def _without(key: int, producer: str) -> tuple[ColumnElement[bool], ...]:
    said: Any = exists().where(and_(_w.row == _e.row, _w.producer == producer))
    return _e.namespace_id == key, _e.deleted_at.is_(None), ~said
