"""Which rows carry which value of which metadata key, so that a filter is decided once a value, not once a row."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from agentctx.types import JsonValue


class AttributeIndex:
    """Metadata by key and value. Not thread-safe: the owner locks.

    A key is reached by its own name or, for nested objects, by a dotted path; the own name wins.
    """

    def __init__(self) -> None:
        self._values: dict[str, dict[str, tuple[JsonValue, set[int]]]] = {}

    def add(self, row: int, metadata: Mapping[str, JsonValue]) -> None:
        """Enter a row's metadata."""
        for path, value in _flatten(metadata):
            self._values.setdefault(path, {}).setdefault(_key(value), (value, set()))[1].add(row)

    def remove(self, row: int, metadata: Mapping[str, JsonValue]) -> None:
        """Take out what `add` entered for the same metadata."""
        for path, value in _flatten(metadata):
            values = self._values[path]
            key = _key(value)
            rows = values[key][1]
            rows.discard(row)
            if not rows:
                del values[key]
            if not values:
                del self._values[path]

    def having(self, path: str, size: int) -> npt.NDArray[np.bool_]:
        """A mask over `size` rows of those that have the key at all."""
        return self.where(path, lambda _: True, size)

    def where(self, path: str, holds: Callable[[JsonValue], bool], size: int) -> npt.NDArray[np.bool_]:
        """A mask over `size` rows of those whose value passes `holds`. O(distinct values + matching rows)."""
        mask = np.zeros(size, dtype=np.bool_)
        for value, rows in self._values.get(path, {}).values():
            if holds(value):
                mask[np.fromiter(rows, dtype=np.int64, count=len(rows))] = True
        return mask

    def check_invariants(self, rows: Mapping[int, Mapping[str, JsonValue]]) -> None:
        """Assert that the index holds exactly `rows`. For tests."""
        fresh = AttributeIndex()
        for row, metadata in rows.items():
            fresh.add(row, metadata)
        held = {path: {key: rows for key, (_, rows) in values.items()} for path, values in self._values.items()}
        want = {path: {key: rows for key, (_, rows) in values.items()} for path, values in fresh._values.items()}
        assert held == want


def _flatten(metadata: Mapping[str, JsonValue]) -> Iterator[tuple[str, JsonValue]]:
    yield from metadata.items()
    for key, value in metadata.items():
        if isinstance(value, Mapping) and "." not in key:
            yield from ((path, one) for path, one in _nested(value, key) if path not in metadata)


def _nested(value: Mapping[str, Any], path: str) -> Iterator[tuple[str, JsonValue]]:
    for key, one in value.items():
        if "." in key:
            continue  # a dotted path cannot name it, or what is below it
        yield f"{path}.{key}", one
        if isinstance(one, Mapping):
            yield from _nested(one, f"{path}.{key}")


def _key(value: JsonValue) -> str:
    return json.dumps(value, sort_keys=True)
