"""Vectors are derived data, kept by producer: a second embedder's grow beside the active one's until the switch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy import ColumnElement, Connection, and_, delete, exists, func, insert, select, update

from agentctx.ids import Clock
from agentctx.store import codec, heads
from agentctx.store.batch import chunks
from agentctx.store.schema import embedders, episodes, namespaces, vectors
from agentctx.types import Episode

_e, _v = episodes.c, vectors.c
_COUNT: Final = select(func.count()).select_from(episodes)


def missing(connection: Connection, key: str, limit: int, after_row: int) -> list[tuple[int, Episode]]:
    """Episodes without a vector of this embedder, by row, with their rows."""
    number = _number(connection, key)
    query = select(*codec.EPISODE, namespaces.c.name).join(namespaces, namespaces.c.id == _e.namespace_id)
    query = query.where(_e.row > after_row, _without(number)).order_by(_e.row).limit(limit)
    return [(values[0], codec.decode(values[19], values)) for values in connection.execute(query)]


def count_missing(connection: Connection, key: str) -> int:
    """How many episodes have no vector of this embedder."""
    return connection.execute(_COUNT.where(_without(_number(connection, key)))).scalar_one()


def put(connection: Connection, key: str, items: Sequence[tuple[int, bytes]]) -> None:
    """Store vectors by row; those of rows that were purged meanwhile are dropped."""
    number = _number(connection, key)
    if number is None:
        statement = insert(embedders).returning(embedders.c.id)
        number = int(connection.execute(statement, {"key": key, "active": False}).scalar_one())
    for part in chunks(items):
        given = dict(part)
        # The key-share lock keeps PostgreSQL from purging a row between this look and the insert.
        rows = select(_e.row).where(_e.row.in_(list(given))).with_for_update(read=True, key_share=True)
        alive = list(connection.execute(rows).scalars())
        connection.execute(delete(vectors).where(_v.embedder_id == number, _v.row.in_(alive)))
        if alive:
            new = [{"row": row, "embedder_id": number, "vector": given[row]} for row in alive]
            connection.execute(insert(vectors), new)


def switch(connection: Connection, key: str, clock: Clock) -> bool:
    """Make `key` the active embedder if no episode lacks its vector; every namespace then starts a new epoch."""
    heads.own_store(connection)
    number = _number(connection, key)
    if connection.execute(select(_e.row).where(_without(number)).limit(1)).first() is not None:
        return False
    if number is None:
        connection.execute(insert(embedders), {"key": key, "active": False})
        number = _number(connection, key)
    connection.execute(delete(vectors).where(_v.embedder_id != number))
    connection.execute(delete(embedders).where(embedders.c.id != number))
    connection.execute(update(embedders).values(active=True))
    epoch = heads.next_epoch(connection, clock)
    sequence = namespaces.c.head_sequence + 1
    connection.execute(update(namespaces).values(epoch=epoch, head_sequence=sequence))
    return True


def _number(connection: Connection, key: str) -> int | None:
    return connection.execute(select(embedders.c.id).where(embedders.c.key == key)).scalar()


def _without(number: int | None) -> ColumnElement[bool]:
    return ~exists().where(and_(_v.row == _e.row, _v.embedder_id == (-1 if number is None else number)))
