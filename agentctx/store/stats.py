"""What `doctor` wants to know: counts, versions, and every invariant of the log that can be checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, exc, func, select

from agentctx.errors import StoreCorrupt
from agentctx.store import codec, heads, migrate
from agentctx.store.driver_errors import translate
from agentctx.store.schema import changes, embedders, episodes, namespaces, tag_edits, vectors

_e, _c, _n, _v = episodes.c, changes.c, namespaces.c, vectors.c
_SHOWN: Final = 20  # damaged rows that are named
_FETCHED: Final = 1000


@dataclass(frozen=True, slots=True)
class StoreStats:
    """A store at a glance. `problems` says what is wrong with it; empty: nothing was found."""

    location: str
    engine: str
    schema: str
    embedder: str | None
    namespaces: int
    episodes: int
    changes: int
    vectors: int
    size_bytes: int
    problems: tuple[str, ...]


def counts(connection: Connection) -> dict[str, Any]:
    """The part of StoreStats that the tables know."""
    active = heads.active_embedder(connection)
    tables: Final = {"namespaces": namespaces, "episodes": episodes, "changes": changes, "vectors": vectors}
    numbers = {
        name: connection.execute(select(func.count()).select_from(table)).scalar_one() for name, table in tables.items()
    }
    revision = migrate.read_revision(connection) or ""
    return {"schema": revision, "embedder": active[1] if active else None, **numbers}


def broken_invariants(connection: Connection) -> list[str]:
    """What does not fit together. Namespaces are named by number: reports leave the machine, names stay."""
    problems = []
    adds = select(_e.namespace_id, _e.sequence.label("sequence"), _e.recorded_at.label("at"))
    later = [select(one.c.namespace_id, one.c.sequence, one.c.recorded_at) for one in (changes, tag_edits)]
    log = adds.union_all(*later).subquery()
    for key, sequence, last, live in connection.execute(
        select(_n.id, _n.head_sequence, _n.last_recorded_at, _n.live)
    ).all():
        here = select(func.count(), func.count(log.c.sequence.distinct()), func.max(log.c.sequence), func.max(log.c.at))
        total, different, newest, at = connection.execute(here.where(log.c.namespace_id == key)).one()
        if total != different:
            problems.append(f"namespace {key}: a sequence number is used twice")
        if (newest or 0) > sequence:
            problems.append(f"namespace {key}: the log ends behind its head")
        if (at or 0) > last:
            problems.append(f"namespace {key}: a record is later than the head says")
        present = select(func.count()).select_from(episodes).where(_e.namespace_id == key, _e.deleted_at.is_(None))
        if connection.execute(present).scalar_one() != live:
            problems.append(f"namespace {key}: the number of episodes is not {live}")
    return problems


def damaged_rows(connection: Connection) -> list[str]:
    """Rows that cannot be read: JSON and values that agentctx never wrote, vectors of a wrong length. Reads all."""
    found: list[str] = []
    try:
        _damaged_episodes(connection, found)
        _damaged_changes(connection, found)
        _damaged_vectors(connection, found)
    except exc.DBAPIError as error:
        found.append(str(translate(error)))
    more = len(found) - _SHOWN
    return found if more <= 0 else [*found[:_SHOWN], f"{more:,} more rows are damaged"]


def _damaged_episodes(connection: Connection, found: list[str]) -> None:
    for rows in connection.execute(select(*codec.EPISODE)).partitions(_FETCHED):
        for values in rows:
            try:
                codec.decode("", values)
            except StoreCorrupt:
                found.append(f"episode row {values[0]} is damaged")


def _damaged_changes(connection: Connection, found: list[str]) -> None:
    query = select(_c.namespace_id, _c.sequence, _c.row, _c.after, _c.before)
    for rows in connection.execute(query).partitions(_FETCHED):
        for key, sequence, row, after, before in rows:
            if not (codec.is_change(after) and codec.is_change(before, revision=True)):
                found.append(f"namespace {key}: change {sequence}, of episode row {row}, is damaged")


def _damaged_vectors(connection: Connection, found: list[str]) -> None:
    kind = func.typeof(_v.vector) == "blob" if connection.dialect.name == "sqlite" else _v.vector.is_not(None)
    for number, name in connection.execute(select(embedders.c.id, embedders.c.key)).all():
        width = heads.vector_bytes(name)
        wrong = ~kind if width is None else ~kind | (func.length(_v.vector) != width)
        rows = connection.execute(select(_v.row).where(_v.embedder_id == number, wrong)).scalars()
        found.extend(f"the vector of episode row {row} is damaged" for row in rows)
