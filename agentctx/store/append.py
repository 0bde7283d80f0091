"""Adding episodes: ids, positions, superseding, and the replay of a request that was answered before."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, bindparam, delete, func, insert, select

from agentctx.errors import AgentctxError, AlreadyExists, InvalidArgument, NotFound, RequestConflict
from agentctx.ids import Clock, IdFactory, from_micros
from agentctx.store import codec, heads
from agentctx.store.batch import Batch
from agentctx.store.schema import episodes, namespaces, requests
from agentctx.types import Episode, LogRecord, NewEpisode, Revision

_e = episodes.c
_LAST_POSITION: Final = select(func.max(_e.position)).where(
    _e.namespace_id == bindparam("namespace_id"), _e.session == bindparam("session")
)
_REQUEST: Final = select(requests.c.body_hash, requests.c.result).where(
    requests.c.namespace_id == bindparam("namespace_id"), requests.c.request_id == bindparam("request_id")
)


@dataclass(frozen=True, slots=True)
class Appended:
    """What an `append` did. `ids` follow the order given; an item that failed (`partial`) has "" there.

    `records` are its log records, complete, for the indexes; a replay has none, as they were handed out before.
    """

    ids: tuple[str, ...]
    revision: Revision
    records: tuple[LogRecord, ...] = ()
    replayed: bool = False
    failures: Mapping[int, AgentctxError] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AppendCommand:
    """The arguments of `Store.append`."""

    namespace: str
    items: Sequence[NewEpisode]
    vectors: Sequence[bytes | None]
    embedder_key: str
    request: tuple[str, str] | None = None
    partial: bool = False


def append(connection: Connection, command: AppendCommand, clock: Clock, ids: IdFactory) -> Appended:
    """Run one append inside the transaction of `connection`."""
    embedder_id = heads.use_embedder(connection, command.embedder_key)
    head = heads.lock_or_create(connection, command.namespace, clock)
    if command.request is not None and not head.created:
        replay = _find_request(connection, head, command.request)
        if replay is not None:
            return replay
    given = [item.id or ids.new_id() for item in command.items]
    batch = Batch(connection, head, adds=len(given))
    batch.load([*given, *(item.supersedes for item in command.items if item.supersedes)])
    positions = Positions(connection, head)
    superseded: set[str] = set()
    failures: dict[int, AgentctxError] = {}
    request_id = command.request[0] if command.request else ""
    for index, (item, id_, vector) in enumerate(zip(command.items, given, command.vectors, strict=True)):
        try:
            _check(batch, index, item, id_, superseded)
        except AgentctxError as error:
            if not command.partial:
                raise
            failures[index] = error
            continue
        batch.add(new_state(head, item, id_, positions.take(item)), vector, embedder_id, request_id=request_id)
        if item.supersedes:
            superseded.add(item.supersedes)
            batch.change(item.supersedes, "update", _end_of(batch, item, id_))
    if head.created and not batch.records:
        connection.execute(delete(namespaces).where(namespaces.c.id == head.id))
    else:
        batch.flush()
    answer = tuple("" if index in failures else id_ for index, id_ in enumerate(given))
    if command.request is not None:
        _save_request(connection, head, command.request, answer)
    return Appended(answer, head.revision, tuple(batch.records), failures=failures)


def _check(batch: Batch, index: int, item: NewEpisode, id_: str, superseded: set[str]) -> None:
    if batch.get(id_) is not None:
        raise AlreadyExists(f"the id {id_!r} is taken", field=f"episodes[{index}].id", id=id_)
    if not item.supersedes:
        return
    where = f"episodes[{index}].supersedes"
    old = batch.get(item.supersedes)
    if old is None or old.episode.deleted_at is not None:
        raise NotFound(f"there is no episode {item.supersedes!r} to supersede", field=where, id=item.supersedes)
    if item.supersedes in superseded:
        # One transaction is one moment: which of two corrections came last could not be told from the log's times.
        raise InvalidArgument(f"another item of this call supersedes {item.supersedes!r} already", field=where)


def new_state(head: heads.Head, item: NewEpisode, id_: str, position: int) -> Episode:
    """The first state of an episode."""
    recorded_at = from_micros(head.recorded_at)
    return Episode(
        namespace=head.namespace,
        id=id_,
        content=item.content,
        session=item.session,
        position=position,
        speaker=item.speaker,
        role=item.role,
        occurred_at=item.occurred_at or recorded_at,
        recorded_at=recorded_at,
        revision=head.revision,
        valid_from=item.valid_from,
        valid_to=item.valid_to,
        expires_at=item.expires_at,
        tags=tuple(item.tags),
        metadata=item.metadata,
        supersedes=item.supersedes,
    )


def _end_of(batch: Batch, item: NewEpisode, id_: str) -> dict[str, Any]:
    """What superseding sets on the old episode: its validity ends where the new one's begins, and never later."""
    old, new = batch.get(item.supersedes), batch.get(id_)
    assert old is not None
    assert new is not None
    end: datetime = new.episode.valid_from or new.episode.occurred_at
    if old.episode.valid_to is not None:
        end = min(end, old.episode.valid_to)
    if old.episode.valid_from is not None:
        end = max(end, old.episode.valid_from)
    return {"valid_to": end, "superseded_by": id_}


class Positions:
    """Gives each episode without a position the one behind the last of its session."""

    def __init__(self, connection: Connection, head: heads.Head) -> None:
        self._connection = connection
        self._head = head
        self._last: dict[str, int] = {}

    def take(self, item: NewEpisode) -> int:
        """The position of one more episode."""
        session = item.session
        if session not in self._last:
            stored: int | None = None
            if not self._head.created:
                key = {"namespace_id": self._head.id, "session": session}
                stored = self._connection.execute(_LAST_POSITION, key).scalar()
            self._last[session] = -1 if stored is None else stored
        position = self._last[session] + 1 if item.position is None else item.position
        self._last[session] = max(self._last[session], position)
        return position


def _find_request(connection: Connection, head: heads.Head, request: tuple[str, str]) -> Appended | None:
    request_id, body_hash = request
    found = connection.execute(_REQUEST, {"namespace_id": head.id, "request_id": request_id}).first()
    if found is None:
        return None
    if found[0] != body_hash:
        raise RequestConflict(
            f"request_id {request_id!r} was used before with another body; use a new one for a new request",
            field="request_id",
            request_id=request_id,
        )
    what = f"the stored result of request {request_id!r}"
    result = codec.load_object(found[1], what)
    try:
        return Appended(tuple(result["ids"]), Revision(*result["revision"]), replayed=True)
    except (KeyError, TypeError) as error:
        raise codec.corrupt(what) from error


def _save_request(connection: Connection, head: heads.Head, request: tuple[str, str], ids: tuple[str, ...]) -> None:
    result = json.dumps({"ids": ids, "revision": [head.epoch, head.sequence]}, ensure_ascii=False)
    row = {"namespace_id": head.id, "request_id": request[0], "body_hash": request[1], "result": result}
    connection.execute(insert(requests), row)
