"""The episodes of one namespace as columns: what a search asks of a row, without a Python object a row."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Self

import numpy as np

from agentctx.ids import to_micros
from agentctx.index.expiry import FOREVER
from agentctx.index.growable import Growable
from agentctx.index.history import CHANGING, History
from agentctx.index.texts import Packing, Texts, unpacked
from agentctx.types import Episode, LogRecord

_NAMED: Final = ("sessions", "speakers", "roles")
_TYPES: Final[Mapping[str, type[np.generic]]] = {
    "store_row": np.int64,
    "changed": np.int64,
    "occurred": np.int64,
    "recorded": np.int64,
    "deleted": np.int64,
    "expires": np.int64,
    "valid_from": np.int64,
    "valid_to": np.int64,
    "session": np.int32,
    "position": np.int64,
    "speaker": np.int32,
    "role": np.int32,
    "tags": np.int32,
    "metadata": np.int32,
}

_encode: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode

Arrays = Mapping[str, Any]


class Columns:
    """A column a field, a row an episode, in log order. Not thread-safe: the owner locks.

    `changed` is the sequence number of the episode's last record. Times are microseconds; one that is not set is
    before or after all others. `tags` and `metadata` are numbers in `texts`, of their JSON; 0 stands for none.
    """

    def __init__(self) -> None:
        self.of: dict[str, Growable[Any]] = {name: Growable(dtype) for name, dtype in _TYPES.items()}
        self.names: dict[str, dict[str, int]] = {name: {"": 0} for name in _NAMED}
        self.texts = Texts()
        self.history = History()

    def __len__(self) -> int:
        return len(self.of["store_row"])

    def add(self, records: Sequence[LogRecord]) -> None:
        """Append a row for each record of an add."""
        episodes = [record.episode for record in records]
        of, numbered = self.of, self._numbered
        of["store_row"].extend([record.row for record in records])
        of["changed"].extend([one.revision.sequence for one in episodes])
        of["occurred"].extend([to_micros(one.occurred_at) for one in episodes])
        of["recorded"].extend([to_micros(record.recorded_at) for record in records])
        of["deleted"].extend([FOREVER] * len(episodes))
        of["expires"].extend([_or(one.expires_at, FOREVER) for one in episodes])
        of["valid_from"].extend([_or(one.valid_from, -FOREVER) for one in episodes])
        of["valid_to"].extend([_or(one.valid_to, FOREVER) for one in episodes])
        of["session"].extend([numbered("sessions", one.session) for one in episodes])
        of["position"].extend([one.position for one in episodes])
        of["speaker"].extend([numbered("speakers", one.speaker) for one in episodes])
        of["role"].extend([numbered("roles", one.role) for one in episodes])
        of["tags"].extend([self._text(one.tags) for one in episodes])
        of["metadata"].extend([self._text(one.metadata) for one in episodes])

    def change(self, record: LogRecord) -> int:
        """Set a row to its state after a record, and remember the one before; returns the row."""
        row = self.row(record.row)
        after = self._state(record.episode)
        # First the history, then the columns: a snapshot that is copied meanwhile can tell what it must undo.
        self.history.add(row, to_micros(record.recorded_at), {name: int(self.of[name].array[row]) for name in CHANGING})
        for name, value in after.items():
            self.of[name].array[row] = value
        return row

    def row(self, store_row: int) -> int:
        """The row of an episode that the store calls so. O(log n)."""
        rows = self.of["store_row"].array
        row = int(np.searchsorted(rows, store_row))
        if row < len(rows) and rows[row] == store_row:
            return row
        # The store counts rows up, within a namespace in log order. Were it otherwise, it would only take longer.
        found = np.flatnonzero(rows == store_row)
        if not len(found):
            raise KeyError(store_row)
        return int(found[0])

    def tags_of(self, number: int) -> tuple[str, ...]:
        """The tags that a number in the column `tags` stands for."""
        return tuple(json.loads(self.texts.get(number))) if number else ()

    def _numbered(self, table: str, name: str) -> int:
        names = self.names[table]
        return names.setdefault(name, len(names))

    def _text(self, value: Any) -> int:
        return self.texts.put(_encode(value).encode()) if value else 0

    def _state(self, episode: Episode) -> dict[str, int]:
        return {
            "changed": episode.revision.sequence,
            "deleted": _or(episode.deleted_at, FOREVER),
            "expires": _or(episode.expires_at, FOREVER),
            "valid_from": _or(episode.valid_from, -FOREVER),
            "valid_to": _or(episode.valid_to, FOREVER),
            "tags": self._text(episode.tags),
            "metadata": self._text(episode.metadata),
        }

    # --- snapshots and memory -----------------------------------------------------------------------------------------

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        names = sum(150 * len(table) for table in self.names.values())
        return sum(one.nbytes for one in self.of.values()) + names + self.texts.nbytes + self.history.nbytes

    def arrays(self) -> dict[str, Any]:
        """Everything, by reference or as a function that makes it. Later changes leak into the columns in CHANGING."""
        arrays: dict[str, Any] = {name: column.array for name, column in self.of.items()}
        for name, table in self.names.items():
            arrays |= Packing(table, len(table)).arrays(f"{name}.data", f"{name}.ends")
        for prefix, part in (("texts", self.texts.arrays()), ("history", self.history.arrays())):
            arrays |= {f"{prefix}.{name}": one for name, one in part.items()}
        return arrays

    @classmethod
    def restore(cls, arrays: Arrays) -> Self:
        """From `arrays`. Columns are copied, as they may be corrected; texts are kept as they are."""
        columns = cls()
        columns.of = {name: Growable.of(arrays[name].view(dtype)) for name, dtype in _TYPES.items()}
        columns.names = {
            name: {one: number for number, one in enumerate(unpacked(**part(arrays, name)))} for name in _NAMED
        }
        columns.texts = Texts.restore(part(arrays, "texts"))
        columns.history = History.restore(part(arrays, "history"))
        return columns


def part(arrays: Arrays, prefix: str) -> dict[str, Any]:
    """The arrays named `prefix.…`, without the prefix."""
    start = prefix + "."
    return {name.removeprefix(start): one for name, one in arrays.items() if name.startswith(start)}


def _or(moment: datetime | None, otherwise: int) -> int:
    return otherwise if moment is None else to_micros(moment)
