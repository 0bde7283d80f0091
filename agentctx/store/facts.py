"""Facts by content: put once, shared by whoever holds the same content, gone when no generation needs them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from sqlalchemy import Connection, Table, delete, exists, func, select
from sqlalchemy.dialects import postgresql, sqlite

from agentctx.store.batch import chunks
from agentctx.store.schema import code_derived, code_facts, code_files, code_repositories

_c, _d, _f, _r = code_facts.c, code_derived.c, code_files.c, code_repositories.c
_UNUSED: Final = ~exists().where(_f.facts_key == _c.key)


class FactsRow(NamedTuple):
    """The facts of a content in their two parts; see docs/formats/facts.md."""

    key: str
    outline: bytes
    references: bytes


def put(
    connection: Connection,
    rows: Sequence[FactsRow],
    derived: Sequence[tuple[str, str, bytes]],
    now: int,
    *,
    anew: bool = False,
) -> None:
    """Store facts, and what producers derived from a content: (key, producer, data).

    What is there stays, unless it is made `anew`.
    """
    if anew:
        for part in chunks([one.key for one in rows]):
            connection.execute(delete(code_facts).where(_c.key.in_(part)))
    facts = [{"key": one.key, "added_at": now, "outline": one.outline, "uses": one.references} for one in rows]
    _insert_new(connection, code_facts, facts)
    _insert_new(connection, code_derived, [{"key": k, "producer": p, "data": data} for k, p, data in derived])


def _insert_new(connection: Connection, table: Table, rows: list[dict[str, object]]) -> None:
    if not rows:
        return
    if connection.dialect.name == "postgresql":
        connection.execute(postgresql.insert(table).on_conflict_do_nothing(), rows)
    else:
        connection.execute(sqlite.insert(table).on_conflict_do_nothing(), rows)


def missing(connection: Connection, keys: Iterable[str], producers: Sequence[str] = ()) -> set[str]:
    """Which of `keys` are not stored, or not with what each of `producers` derives."""
    wanted = set(keys)
    for part in chunks(sorted(wanted)):
        query = select(_c.key).where(_c.key.in_(part))
        if producers:
            made = select(func.count()).where(_d.key == _c.key, _d.producer.in_(producers)).scalar_subquery()
            query = query.where(made == len(producers))
        wanted.difference_update(connection.execute(query).scalars())
    return wanted


def outlines(connection: Connection, keys: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    """The outlines of those of `keys` that are stored, in no order."""
    for part in chunks(keys):
        rows = connection.execute(select(_c.key, _c.outline).where(_c.key.in_(part)))
        yield from ((key, outline) for key, outline in rows)


def read(connection: Connection, keys: Sequence[str]) -> Iterator[FactsRow]:
    """The facts of those of `keys` that are stored, in no order."""
    for part in chunks(keys):
        for row in connection.execute(select(_c.key, _c.outline, _c.uses).where(_c.key.in_(part))):
            yield FactsRow(*row)


def derived(connection: Connection, producer: str, keys: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    """What `producer` derived from the contents of `keys`, in no order."""
    for part in chunks(keys):
        query = select(_d.key, _d.data).where(_d.producer == producer, _d.key.in_(part))
        yield from ((key, data) for key, data in connection.execute(query))


def count(connection: Connection) -> int:
    """How many contents have facts."""
    return int(connection.execute(select(func.count()).select_from(code_facts)).scalar_one())


def collect(connection: Connection, keys: set[str] | None) -> None:
    """Drop those of `keys` (None: all) that no generation uses and that no run under way has just put."""
    oldest = connection.execute(select(func.min(_r.lease_since)).where(_r.lease_owner != "")).scalar()
    unused = _UNUSED if oldest is None else _UNUSED & (_c.added_at < oldest)
    if keys is None:
        connection.execute(delete(code_facts).where(unused))
        return
    for part in chunks(sorted(keys)):
        connection.execute(delete(code_facts).where(unused, _c.key.in_(part)))
