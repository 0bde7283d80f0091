"""Reading a namespace's log: complete records, made from the episodes as they are by undoing what came later."""

from __future__ import annotations

from itertools import chain
from typing import Any, Final

from sqlalchemy import Connection, and_, bindparam, select, union_all

from agentctx.errors import NotFound
from agentctx.ids import from_micros
from agentctx.store import codec, heads
from agentctx.store.batch import chunks
from agentctx.store.reading import group_by_row
from agentctx.store.schema import changes, episodes, namespaces, vectors
from agentctx.types import LogRecord, Revision

_FETCHED: Final = 1000  # rows at a time: a call for each costs as much as decoding it

_e, _c, _n, _v = episodes.c, changes.c, namespaces.c, vectors.c
_CHANGES: Final = select(_c.row, _c.sequence, _c.kind, _c.recorded_at, _c.before)
_RECORDED: Final = union_all(  # made once: that takes longer than to run it
    *(
        select(of.recorded_at)
        .join(namespaces, _n.id == of.namespace_id)
        .where(_n.name == bindparam("namespace"), of.sequence == bindparam("sequence"))
        for of in (_e, _c)
    )
)


def read_log(
    connection: Connection, namespace: str, after: Revision | None, limit: int | None = None
) -> tuple[Revision, list[LogRecord]]:
    """The records behind `after`, or from the first on if it is of another epoch, and where the log stands with them.

    With a `limit`, those of so many sequence numbers; else all of them, and where it stands is the head.
    """
    found = heads.find(connection, namespace)
    if found is None:
        raise NotFound("there is no such namespace", field="namespace")
    key, head = found
    start = after.sequence if after is not None and after.epoch == head.epoch else 0
    if start >= head.sequence:
        return head, []
    active = heads.active_embedder(connection)
    upto = head.sequence if limit is None else min(start + limit, head.sequence)
    recent = [_c.namespace_id == key, _c.sequence > start]
    added = [_e.namespace_id == key, _e.sequence > start]
    if upto < head.sequence:  # what came later is undone for the episodes of this part only
        added.append(_e.sequence <= upto)
        touched = select(_c.row).where(*recent, _c.sequence <= upto)
        recent.append(_c.row.in_(select(_e.row).where(*added).union(touched)))
    changed = group_by_row(connection.execute(_CHANGES.where(*recent).order_by(_c.sequence.desc())))
    # A left join on the primary key of `vectors`; an embedder that does not exist gives None for each.
    vector = and_(_v.row == _e.row, _v.embedder_id == (active[0] if active else -1))
    query = select(*codec.EPISODE, _v.vector).join_from(episodes, vectors, vector, isouter=True)
    decode, undone = codec.decode, changed.pop
    width = heads.vector_bytes(active[1]) if active else None
    numbered: list[LogRecord] = []
    add = numbered.append
    adds = connection.execute(query.where(*added).order_by(_e.sequence))
    for values in chain.from_iterable(adds.partitions(_FETCHED)):
        episode = decode(namespace, values)
        row, held = values[0], values[19]
        if held is not None and (held.__class__ is not bytes or (width and len(held) != width)):
            raise codec.corrupt(f"the vector of episode row {row}")
        if row in changed:
            for _, _, kind, recorded_at, before in undone(row):
                add(LogRecord(kind, row, from_micros(recorded_at), episode))
                episode = codec.undo(episode, before)
        add(LogRecord("add", row, episode.recorded_at, episode, held))
    for part in chunks(list(changed)):
        for values in connection.execute(select(*codec.EPISODE).where(_e.row.in_(part))):
            numbered.extend(_unwound(namespace, values, changed[values[0]]))
    if upto < head.sequence:
        numbered = [record for record in numbered if record.sequence <= upto]
    numbered.sort(key=_sequence)
    return Revision(head.epoch, upto), numbered


def recorded_at(connection: Connection, namespace: str, sequence: int) -> int | None:
    """When a record of the log was recorded, in microseconds."""
    return connection.execute(_RECORDED, {"namespace": namespace, "sequence": sequence}).scalar()


def _unwound(namespace: str, values: Any, later: list[Any]) -> list[LogRecord]:
    episode = codec.decode(namespace, values)
    records = []
    for _, _, kind, recorded_at, before in later:
        records.append(LogRecord(kind, values[0], from_micros(recorded_at), episode))
        episode = codec.undo(episode, before)
    return records


def _sequence(record: LogRecord) -> int:
    return record.episode.revision.sequence
