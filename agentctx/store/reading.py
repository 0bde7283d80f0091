"""Reads of single episodes, pages, histories and namespaces."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, and_, bindparam, or_, select

from agentctx.errors import NotFound
from agentctx.ids import from_micros, to_micros
from agentctx.store import codec, heads
from agentctx.store.batch import chunks
from agentctx.store.changing import no_episode
from agentctx.store.schema import changes, episodes, namespaces
from agentctx.types import Change, Episode, NamespaceInfo, Revision

_e, _c, _n = episodes.c, changes.c, namespaces.c
_GET: Final = (
    select(*codec.EPISODE)
    .join(namespaces, _n.id == _e.namespace_id)
    .where(_n.name == bindparam("namespace"), _e.id == bindparam("id"))
)


@dataclass(frozen=True, slots=True)
class ScanOptions:
    """What narrows a `scan`; "" and None do not. `occurred_from` is inclusive, `occurred_to` exclusive."""

    session: str = ""
    speaker: str = ""
    role: str = ""
    occurred_from: datetime | None = None
    occurred_to: datetime | None = None
    include_deleted: bool = False
    as_of: datetime | None = None


def get(connection: Connection, namespace: str, id: str, as_of: datetime | None) -> Episode:
    """One episode, as it is or as it was known at `as_of`; a deleted one is not found."""
    values = connection.execute(_GET, {"namespace": namespace, "id": id}).first()
    if values is None:
        raise no_episode(id)
    episode = codec.decode(namespace, values)
    if as_of is not None:
        if episode.recorded_at > as_of:
            raise no_episode(id)
        episode = as_known_at(connection, {values[0]: episode}, as_of)[values[0]]
    if episode.deleted_at is not None:
        raise no_episode(id)
    return episode


def as_known_at(connection: Connection, rows: dict[int, Episode], as_of: datetime) -> dict[int, Episode]:
    """The states that the episodes of `rows` had at `as_of`, by undoing what came later."""
    answer = dict(rows)
    later = select(_c.row, _c.before).where(_c.recorded_at > to_micros(as_of)).order_by(_c.sequence.desc())
    for part in chunks(list(rows)):
        for row, before in connection.execute(later.where(_c.row.in_(part))):
            answer[row] = codec.undo(answer[row], before)
    return answer


def history(connection: Connection, namespace: str, id: str) -> tuple[Change, ...]:
    """Every change of an episode, oldest first; of a deleted one too."""
    values = connection.execute(_GET, {"namespace": namespace, "id": id}).first()
    if values is None:
        raise no_episode(id)
    episode = codec.decode(namespace, values)
    query = select(_c.epoch, _c.sequence, _c.kind, _c.recorded_at, _c.after, _c.before).where(_c.row == values[0])
    later: list[Change] = []
    for epoch, sequence, kind, recorded_at, after, before in connection.execute(query.order_by(_c.sequence.desc())):
        fields = {} if kind == "delete" else codec.shown_after(episode, after)
        later.append(Change(kind, Revision(epoch, sequence), from_micros(recorded_at), fields))
        episode = codec.undo(episode, before)
    first = Change("add", episode.revision, episode.recorded_at, _given(episode))
    return (first, *reversed(later))


def _given(episode: Episode) -> dict[str, Any]:
    names = ("session", "position", "speaker", "role", "occurred_at", *codec.CHANGING, "supersedes")
    fields = codec.shown(codec.fields_of(episode, names))
    return {"content": episode.content} | {name: value for name, value in fields.items() if value or value == 0}


def scan(
    connection: Connection, namespace: str, options: ScanOptions, *, after: int, upto: int | None, limit: int
) -> list[tuple[int, Episode]]:
    """Episodes with the sequence numbers of their adds: `after` < sequence <= `upto`, at most `limit`."""
    found = heads.find(connection, namespace)
    if found is None:
        raise NotFound("there is no such namespace", field="namespace")
    wanted: list[ColumnElement[bool]] = [_e.namespace_id == found[0], _e.sequence > after]
    if upto is not None:
        wanted.append(_e.sequence <= upto)
    for name in ("session", "speaker", "role"):
        value = getattr(options, name)
        if value:
            wanted.append(_e[name] == value)
    if options.occurred_from is not None:
        wanted.append(_e.occurred_at >= to_micros(options.occurred_from))
    if options.occurred_to is not None:
        wanted.append(_e.occurred_at < to_micros(options.occurred_to))
    if options.as_of is not None:
        moment = to_micros(options.as_of)
        wanted.append(_e.recorded_at <= moment)
        if not options.include_deleted:
            wanted.append(or_(_e.deleted_at.is_(None), _e.deleted_at > moment))
    elif not options.include_deleted:
        wanted.append(_e.deleted_at.is_(None))
    query = select(*codec.EPISODE, _e.sequence).where(*wanted).order_by(_e.sequence).limit(limit)
    found_rows = connection.execute(query).all()
    rows = {values[0]: codec.decode(namespace, values) for values in found_rows}
    if options.as_of is not None:
        rows = as_known_at(connection, rows, options.as_of)
    return [(values[19], rows[values[0]]) for values in found_rows]


def namespace_infos(connection: Connection, prefix: str, after: str, limit: int) -> list[NamespaceInfo]:
    """Namespaces by name, those behind `after`, at or below the path `prefix`."""
    wanted: list[ColumnElement[bool]] = [_n.name > after]
    path = prefix.rstrip("/")
    if path:
        # "0" is the character behind "/": everything that begins with `path/`, without LIKE and its wildcards.
        wanted.append(or_(_n.name == path, and_(_n.name > path + "/", _n.name < path + "0")))
    query = select(_n.name, _n.epoch, _n.head_sequence, _n.live, _n.created_at).where(*wanted)
    return [
        NamespaceInfo(name, Revision(epoch, sequence), live, from_micros(created_at))
        for name, epoch, sequence, live, created_at in connection.execute(query.order_by(_n.name).limit(limit))
    ]


def group_by_row(rows: Iterable[Any]) -> dict[int, list[Any]]:
    """Rows of `changes` by the episode that they belong to (their first column), in the order given."""
    grouped: dict[int, list[Any]] = defaultdict(list)
    for row in rows:
        grouped[row[0]].append(row)
    return grouped
