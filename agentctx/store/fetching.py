"""Episodes by row, fast: what a search shows of the rows that it found."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import Connection, or_, select

from agentctx.ids import to_micros
from agentctx.store import codec
from agentctx.store.batch import chunks
from agentctx.store.database import Database
from agentctx.store.schema import changes, episodes, namespaces
from agentctx.types import Episode, Revision

_e, _c, _n = episodes.c, changes.c, namespaces.c
_COLUMNS: Final = ", ".join(f'e."{column.name}"' for column in codec.EPISODE)
_EPOCH: Final = len(codec.EPISODE)
_SEQUENCE: Final = codec.EPISODE.index(_e.changed_sequence)
_QUERY: Final = (
    f"SELECT {_COLUMNS}, n.epoch FROM episodes e {{join}} namespaces n ON n.id = e.namespace_id "  # noqa: S608 - our names
    "WHERE n.name = {name} AND e.row {rows}"
)
_AT_ONCE: Final = 512  # rows a statement; a power of two


@lru_cache
def _sqlite(count: int) -> str:
    # CROSS JOIN makes SQLite begin with the rows; for more than a few it would go through the whole namespace.
    return _QUERY.format(join="CROSS JOIN", name="?", rows=f"IN ({', '.join('?' * count)})")


_POSTGRES: Final = _QUERY.format(join="JOIN", name="%s", rows="= ANY(%s)")


def fetch(
    database: Database, namespace: str, rows: Sequence[int], revision: Revision, as_of: datetime | None
) -> list[Episode] | None:
    """The episodes of `rows`, in their order, in their state at `revision`, or as known at `as_of` by then.

    None: one of them is gone, or the namespace has begun another epoch.
    """
    if as_of is None:
        found, behind = _present(database, namespace, rows, revision)
        if not behind:
            return found
    return database.read(lambda connection: _undone(connection, namespace, rows, revision, as_of))


def _present(
    database: Database, namespace: str, rows: Sequence[int], revision: Revision
) -> tuple[list[Episode] | None, bool]:
    """They as they are, and whether one was changed behind the revision.

    One statement, and so one snapshot, as long as `rows` are few.
    """
    found: dict[int, Episode] = {}
    behind = False
    for first in range(0, len(rows), _AT_ONCE):
        some = rows[first : first + _AT_ONCE]
        if database.dialect == "sqlite":
            # A few lengths only, so that each is a statement that SQLite has compiled already.
            padded = [*some, *[some[0]] * ((1 << (len(some) - 1).bit_length()) - len(some))]
            values = database.select(_sqlite(len(padded)), (namespace, *padded))
        else:
            values = database.select(_POSTGRES, (namespace, list(some)))
        for one, episode in zip(values, codec.decode_all(namespace, values), strict=True):
            if one[_EPOCH] != revision.epoch:
                return None, False
            behind = behind or one[_SEQUENCE] > revision.sequence
            found[one[0]] = episode
    return _in_order(found, rows), behind


def _undone(
    connection: Connection, namespace: str, rows: Sequence[int], revision: Revision, as_of: datetime | None
) -> list[Episode] | None:
    """What came behind the revision, or after `as_of`, is undone."""
    query = select(*codec.EPISODE, _n.epoch).join(namespaces, _n.id == _e.namespace_id).where(_n.name == namespace)
    later = select(_c.row, _c.before).order_by(_c.sequence.desc())
    behind = [_c.sequence > revision.sequence]
    if as_of is not None:
        behind.append(_c.recorded_at > to_micros(as_of))
    found: dict[int, Episode] = {}
    for part in chunks(list(rows)):
        for values in connection.execute(query.where(_e.row.in_(part))):
            if values[_EPOCH] != revision.epoch:
                return None
            found[values[0]] = codec.decode(namespace, values)
        for row, before in connection.execute(later.where(_c.row.in_(part), or_(*behind))):
            if row in found:
                found[row] = codec.undo(found[row], before)
    return _in_order(found, rows)


def _in_order(found: dict[int, Any], rows: Sequence[int]) -> list[Episode] | None:
    try:
        return [found[row] for row in rows]
    except KeyError:
        return None
