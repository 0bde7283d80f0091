"""The head of a namespace's log, its lock, and the two counters of a whole store: epochs and episode rows.

Whoever writes to a namespace holds its head row: on PostgreSQL by SELECT ... FOR UPDATE, on SQLite because a writing
transaction is alone (BEGIN IMMEDIATE). So sequence numbers are given in commit order and without gaps.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, bindparam, insert, select, text, update

from agentctx.errors import EmbedderMismatch
from agentctx.ids import Clock, to_micros
from agentctx.store.schema import embedders, meta, namespaces
from agentctx.types import Revision

_STORE_LOCK: Final = 0x61676378  # any constant; PostgreSQL's advisory locks are named by numbers

_n = namespaces.c
_HEAD = select(_n.id, _n.epoch, _n.head_sequence, _n.last_recorded_at, _n.live).where(_n.name == bindparam("name"))
_LOCK_HEAD = _HEAD.with_for_update()
_SAVE_HEAD = (
    update(namespaces)
    .where(_n.id == bindparam("b_id"))
    .values(
        epoch=bindparam("epoch"),
        head_sequence=bindparam("head_sequence"),
        last_recorded_at=bindparam("last_recorded_at"),
        live=bindparam("live"),
    )
)
_ACTIVE = select(embedders.c.id, embedders.c.key).where(embedders.c.active)
_COUNTER = select(meta.c.value).where(meta.c.key == "epoch_counter").with_for_update()
_IDENTITY = select(meta.c.value).where(meta.c.key == "identity")
_ORIGIN = select(meta.c.value).where(meta.c.key == "epoch_origin")
_ROWS_SQLITE = text("SELECT seq FROM sqlite_sequence WHERE name = 'episodes'")
_ROWS_POSTGRES = text("SELECT nextval(pg_get_serial_sequence('episodes', 'row')) FROM generate_series(1, :count)")


@dataclass(slots=True)
class Head:
    """A locked head. Change it, then `save` it; `recorded_at` is the time that this transaction's records bear."""

    id: int
    namespace: str
    epoch: int
    sequence: int
    recorded_at: int
    live: int
    last_recorded_at: int
    created: bool = False

    @property
    def revision(self) -> Revision:
        """Where the log stands, with what this transaction has taken so far."""
        return Revision(self.epoch, self.sequence)

    def take(self) -> int:
        """The next sequence number."""
        self.sequence += 1
        return self.sequence

    def start_epoch(self, epoch: int) -> None:
        """Tell every reader of the namespace that what it has built is void. Takes a sequence number of its own."""
        self.epoch = epoch
        self.take()


def find(connection: Connection, namespace: str) -> tuple[int, Revision] | None:
    """The key and the head of a namespace, without a lock."""
    found = connection.execute(_HEAD, {"name": namespace}).first()
    return None if found is None else (found[0], Revision(found[1], found[2]))


def lock(connection: Connection, namespace: str, clock: Clock) -> Head | None:
    """The head of a namespace, locked until the transaction ends; None where there is no such namespace."""
    found = connection.execute(_LOCK_HEAD, {"name": namespace}).first()
    if found is None:
        return None
    key, epoch, sequence, last, live = found
    return Head(key, namespace, epoch, sequence, max(to_micros(clock.now()), last + 1), live, last)


def lock_or_create(connection: Connection, namespace: str, clock: Clock) -> Head:
    """The locked head of a namespace, made now if there is none."""
    head = lock(connection, namespace, clock)
    if head is not None:
        return head
    # The counter's row is locked from here on, so whoever makes namespaces does so one after the other: look again.
    epoch = next_epoch(connection, clock)
    head = lock(connection, namespace, clock)
    if head is not None:
        return head
    now = to_micros(clock.now())
    row = {"name": namespace, "epoch": epoch, "head_sequence": 0, "last_recorded_at": 0, "live": 0}
    key = connection.execute(insert(namespaces).returning(_n.id), {**row, "created_at": now}).scalar_one()
    return Head(key, namespace, epoch, 0, now, 0, 0, created=True)


def save(connection: Connection, head: Head) -> None:
    """Write a changed head back."""
    values = {"b_id": head.id, "epoch": head.epoch, "head_sequence": head.sequence, "live": head.live}
    connection.execute(_SAVE_HEAD, {**values, "last_recorded_at": head.recorded_at})


def next_epoch(connection: Connection, clock: Clock) -> int:
    """A number that no epoch of any namespace of this store ever had; higher than all before.

    It follows the clock, in microseconds since the store's first epoch: a plain count would tell the owner of one
    namespace how many others come and go.
    """
    last = int(connection.execute(_COUNTER).scalar_one())
    now = to_micros(clock.now())
    origin = connection.execute(_ORIGIN).scalar()
    if origin is None:
        origin = str(now - last)
        connection.execute(insert(meta), {"key": "epoch_origin", "value": origin})
    epoch = max(last + 1, now - int(origin))
    connection.execute(update(meta).where(meta.c.key == "epoch_counter").values(value=str(epoch)))
    return epoch


def identity(connection: Connection) -> str | None:
    """The name that this store gave itself; None before it did."""
    return connection.execute(_IDENTITY).scalar()


def name_store(connection: Connection) -> str:
    """Give the store a name of its own, once."""
    connection.execute(_COUNTER).scalar_one()  # locks: two that open a new store must agree
    found = identity(connection)
    if found is None:
        found = secrets.token_hex(16)
        connection.execute(insert(meta), {"key": "identity", "value": found})
    return found


def reserve_rows(connection: Connection, count: int) -> list[int]:
    """So many episode rows that were never given before."""
    if not count:
        return []
    if connection.dialect.name == "sqlite":
        last = connection.execute(_ROWS_SQLITE).scalar() or 0
        return list(range(last + 1, last + 1 + count))
    return list(connection.execute(_ROWS_POSTGRES, {"count": count}).scalars())


def share_store(connection: Connection) -> None:
    """Keep the active embedder as it is until the transaction ends; others may do the same meanwhile."""
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SELECT pg_advisory_xact_lock_shared({_STORE_LOCK})"))


def own_store(connection: Connection) -> None:
    """Wait until no other transaction writes to any namespace, and keep it so until this one ends."""
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SELECT pg_advisory_xact_lock({_STORE_LOCK})"))


def active_embedder(connection: Connection) -> tuple[int, str] | None:
    """Key and name of the embedder whose vectors the store is on; None while it has none."""
    found = connection.execute(_ACTIVE).first()
    return None if found is None else (found[0], found[1])


def vector_bytes(key: str) -> int | None:
    """How long each vector of an embedder is: its key is `spec#dimensions#fingerprint`. None: the key does not say."""
    parts = key.rsplit("#", 2)
    return 2 * int(parts[1]) if len(parts) == 3 and parts[1].isdecimal() else None


def use_embedder(connection: Connection, key: str) -> int:
    """The number of the active embedder, which must be `key`; the first one that comes becomes it."""
    active = active_embedder(connection)
    if active is None:
        connection.execute(_COUNTER).scalar_one()  # locks: two first writers must not both set theirs
        active = active_embedder(connection)
    if active is None:
        number = connection.execute(select(embedders.c.id).where(embedders.c.key == key)).scalar()
        if number is None:
            statement = insert(embedders).returning(embedders.c.id)
            return int(connection.execute(statement, {"key": key, "active": True}).scalar_one())
        connection.execute(update(embedders).where(embedders.c.id == number).values(active=True))
        return int(number)
    number, name = active
    if name != key:
        spec = key.split("#", 1)[0]
        raise EmbedderMismatch(
            f"the store holds vectors of {name}, not of {key}; open it with that embedder, "
            f"or re-embed it: agentctx memory reembed --embedder {spec}",
            field="embedder",
            stored=name,
            given=key,
            command=f"agentctx memory reembed --embedder {spec}",
        )
    return number
