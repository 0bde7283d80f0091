"""Updating, deleting, purging, and removing a whole namespace."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, bindparam, delete, select, update

from agentctx.errors import InvalidArgument, NotFound, RevisionMismatch
from agentctx.ids import Clock, from_micros
from agentctx.store import codec, heads, tags
from agentctx.store.batch import Batch, chunks
from agentctx.store.schema import changes, episodes, llm_requests, namespaces, requests
from agentctx.types import LogRecord, Revision

UPDATABLE: Final = frozenset({"metadata", "tags", "valid_from", "valid_to", "expires_at"})

_e = episodes.c


def no_episode(id: str, field: str = "id") -> NotFound:
    """The one answer to an id that leads nowhere, be it the namespace or the episode that is missing."""
    return NotFound(f"there is no episode {id!r} here", field=field, id=id)


def update_episode(
    connection: Connection,
    namespace: str,
    id: str,
    values: Mapping[str, object],
    *,
    if_revision: Revision | None,
    clock: Clock,
) -> LogRecord:
    """Set some of the UPDATABLE fields of an episode."""
    unknown = values.keys() - UPDATABLE
    if unknown:
        name = min(unknown)
        raise InvalidArgument(f"{name} cannot be updated; one of {', '.join(sorted(UPDATABLE))} can", field=name)
    head = heads.lock(connection, namespace, clock)
    if head is None:
        raise no_episode(id)
    batch = Batch(connection, head)
    batch.load([id])
    entry = batch.get(id)
    if entry is None or entry.episode.deleted_at is not None:
        raise no_episode(id)
    if if_revision is not None and entry.episode.revision != if_revision:
        raise RevisionMismatch(
            f"episode {id!r} is at revision {entry.episode.revision}, not {if_revision}; read it again",
            field="if_revision",
            revision=str(entry.episode.revision),
        )
    new: dict[str, Any] = dict(values)
    if "tags" in new:
        new["tags"] = tuple(new["tags"])
    start = new.get("valid_from", entry.episode.valid_from)
    end = new.get("valid_to", entry.episode.valid_to)
    if new.keys() & {"valid_from", "valid_to"} and start is not None and end is not None and end < start:
        field = "valid_to" if "valid_to" in new else "valid_from"
        raise InvalidArgument("valid_to must not be before valid_from", field=field)
    record = batch.change(id, "update", new)
    batch.flush()
    return record


def delete_episodes(
    connection: Connection, namespace: str, ids: Sequence[str], clock: Clock
) -> tuple[Revision, tuple[LogRecord, ...]]:
    """Hide episodes from now on: all of `ids`, or none."""
    head = heads.lock(connection, namespace, clock)
    if head is None:
        raise no_episode(ids[0], "ids[0]")
    batch = Batch(connection, head)
    batch.load(ids)
    for index, id_ in enumerate(ids):
        entry = batch.get(id_)
        if entry is None or entry.episode.deleted_at is not None:
            raise no_episode(id_, f"ids[{index}]")
    for id_ in dict.fromkeys(ids):
        batch.change(id_, "delete", {"deleted_at": from_micros(head.recorded_at)})
    batch.flush()
    return head.revision, tuple(batch.records)


def purge_episodes(connection: Connection, namespace: str, ids: Sequence[str], clock: Clock) -> Revision:
    """Remove episodes and every trace of them, merges of tags that were made of them too: all of `ids`, or none.

    Starts a new epoch.
    """
    # The counter before the head, as making a namespace does: the other way round the two could deadlock.
    epoch = heads.next_epoch(connection, clock)
    head = heads.lock(connection, namespace, clock)
    if head is None:
        raise no_episode(ids[0], "ids[0]")
    here = _e.namespace_id == head.id
    found: dict[str, Any] = {}
    for part in chunks(list(dict.fromkeys(ids))):
        query = select(_e.id, _e.row, _e.request_id, _e.supersedes, _e.deleted_at).where(here, _e.id.in_(part))
        found |= {row.id: row for row in connection.execute(query)}
    for index, id_ in enumerate(ids):
        if id_ not in found:
            raise no_episode(id_, f"ids[{index}]")
    _forget_requests(connection, head, {row.request_id for row in found.values() if row.request_id})
    for part in chunks([row.row for row in found.values()]):
        connection.execute(delete(episodes).where(_e.row.in_(part)))  # changes and vectors go with them
    for part in chunks(list(found)):
        connection.execute(update(episodes).where(here, _e.supersedes.in_(part)).values(supersedes=""))
    _forget_successors(connection, head, {row.supersedes for row in found.values() if row.supersedes}, set(found))
    tags.forget_made(connection, head.id)
    head.live -= sum(row.deleted_at is None for row in found.values())
    head.start_epoch(epoch)
    heads.save(connection, head)
    return head.revision


def _forget_requests(connection: Connection, head: heads.Head, request_ids: set[str]) -> None:
    """Drop the results of requests, and the requests' ids from the episodes that they added."""
    for part in chunks(sorted(request_ids)):
        chosen = requests.c.namespace_id == head.id, requests.c.request_id.in_(part)
        results = connection.execute(select(requests.c.result).where(*chosen)).scalars().all()
        connection.execute(delete(requests).where(*chosen))
        answers = [codec.load_object(result, "the stored result of a request") for result in results]
        for ids in chunks([id_ for answer in answers for id_ in answer.get("ids", ())]):
            mentioned = _e.namespace_id == head.id, _e.id.in_(ids), _e.request_id != ""
            connection.execute(update(episodes).where(*mentioned).values(request_id=""))


def _forget_successors(connection: Connection, head: heads.Head, olds: set[str], gone: set[str]) -> None:
    """Take purged ids out of the rows and the history of the episodes that they superseded."""
    here = _e.namespace_id == head.id
    for part in chunks(sorted(olds - gone)):
        rows = {row.row: row.superseded_by for row in connection.execute(
            select(_e.row, _e.superseded_by).where(here, _e.id.in_(part))
        )}  # fmt: skip
        blank = [row for row, successor in rows.items() if successor in gone]
        if blank:
            connection.execute(update(episodes).where(_e.row.in_(blank)).values(superseded_by=""))
        history = select(changes.c.sequence, changes.c.after, changes.c.before).where(changes.c.row.in_(list(rows)))
        edits = []
        for sequence, after, before in connection.execute(history):
            clean = _without(after, gone), _without(before, gone)
            if clean != (after, before):
                edits.append({"b_namespace": head.id, "b_sequence": sequence, "after": clean[0], "before": clean[1]})
        if edits:
            key = changes.c.namespace_id == bindparam("b_namespace"), changes.c.sequence == bindparam("b_sequence")
            connection.execute(
                update(changes).where(*key).values(after=bindparam("after"), before=bindparam("before")), edits
            )


def _without(fields: str, gone: set[str]) -> str:
    loaded = codec.load_object(fields, "the history of an episode")
    if loaded.get("superseded_by") not in gone:
        return fields
    return codec.to_json(loaded | {"superseded_by": ""})


def delete_namespace(connection: Connection, namespace: str, clock: Clock) -> None:
    """Remove a namespace and everything in it."""
    head = heads.lock(connection, namespace, clock)
    if head is None:
        raise NotFound("there is no such namespace", field="namespace")
    connection.execute(delete(namespaces).where(namespaces.c.id == head.id))
    # What was spent stays on record; what was asked goes.
    connection.execute(update(llm_requests).where(llm_requests.c.namespace == namespace).values(prompt=None))
