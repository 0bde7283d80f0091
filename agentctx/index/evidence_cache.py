"""What a term says about each row, kept between searches of an unchanged index."""

from __future__ import annotations

from collections import OrderedDict
from typing import Generic, TypeVar

T = TypeVar("T")


class EvidenceCache(Generic[T]):
    """The latest values by key, at most `budget` bytes of them. The owner locks and clears it at each change."""

    def __init__(self, budget: int = 64 << 20) -> None:
        self._budget = budget
        self._held = 0
        self._values: OrderedDict[tuple[object, ...], tuple[T, int]] = OrderedDict()

    def get(self, key: tuple[object, ...]) -> T | None:
        """The value under `key`, or None."""
        entry = self._values.get(key)
        if entry is None:
            return None
        self._values.move_to_end(key)
        return entry[0]

    def put(self, key: tuple[object, ...], value: T, size: int) -> T:
        """Keep `value`, of `size` bytes, and return it."""
        self._held -= self._values.pop(key, (None, 0))[1]
        self._values[key] = (value, size)
        self._held += size
        while self._held > self._budget:
            self._held -= self._values.popitem(last=False)[1][1]
        return value

    def clear(self) -> None:
        """Forget everything."""
        self._values.clear()
        self._held = 0
