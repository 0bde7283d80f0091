"""What `doctor` wants to know: counts, versions, and every invariant of the log that can be checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, func, select

from agentctx.store import heads, migrate
from agentctx.store.schema import changes, episodes, namespaces, vectors

_e, _c, _n = episodes.c, changes.c, namespaces.c


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
    log = adds.union_all(select(_c.namespace_id, _c.sequence, _c.recorded_at)).subquery()
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
