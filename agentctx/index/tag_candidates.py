"""Phrases that were seen once: kept in a table of fixed size, so that rare words of a long history cost nothing."""

from __future__ import annotations

from array import array
from typing import Final
from zlib import crc32

import numpy as np
import numpy.typing as npt

_FIRST: Final = 1 << 9
_LAST: Final = 1 << 19  # 6 MB
_EMPTY: Final = -1
_SEED: Final = 0x9E3779B9


class SeenOnce:
    """By key of a phrase the row that it was first seen in. A slot holds one phrase; a later one takes its place.

    So a phrase that comes back after very long counts as new. What is held is a function of the calls alone.
    """

    def __init__(self, slots: int = _FIRST) -> None:
        self._keys = array("q", bytes(8 * slots))
        self._rows = array("i", [_EMPTY]) * slots
        self._mask = slots - 1
        self._held = 0

    def take(self, key: str, row: int) -> int:
        """The earlier row that held a phrase, which is forgotten then; if there is none, -1, and it is remembered."""
        code = key.encode()
        number = crc32(code) << 31 | crc32(code, _SEED) >> 1
        slot = number & self._mask
        earlier = self._rows[slot]
        if earlier >= 0 and self._keys[slot] == number and earlier != row:
            self._rows[slot] = _EMPTY
            self._held -= 1
            return earlier
        if earlier < 0:
            self._held += 1
        self._keys[slot] = number
        self._rows[slot] = row
        if 2 * self._held > self._mask and self._mask + 1 < _LAST:
            self._grow()
        return _EMPTY

    def _grow(self) -> None:
        slots = 2 * (self._mask + 1)
        held = np.frombuffer(self._rows, dtype=np.int32) >= 0
        held_keys = np.frombuffer(self._keys, dtype=np.int64)[held]
        keys, rows = np.zeros(slots, dtype=np.int64), np.full(slots, _EMPTY, dtype=np.int32)
        places = held_keys & (slots - 1)  # each another one: what shared no slot before shares none of twice as many
        keys[places], rows[places] = held_keys, np.frombuffer(self._rows, dtype=np.int32)[held]
        self._keys, self._rows, self._mask = array("q", keys.tobytes()), array("i", rows.tobytes()), slots - 1

    def arrays(self) -> dict[str, npt.NDArray[np.integer]]:
        """A copy for a snapshot; a millisecond at most."""
        return {"keys": np.array(self._keys, dtype=np.int64), "rows": np.array(self._rows, dtype=np.int32)}

    @classmethod
    def restore(cls, keys: npt.NDArray[np.integer], rows: npt.NDArray[np.integer]) -> SeenOnce:
        """The table that `arrays` came from."""
        self = cls(len(rows))
        self._keys = array("q", keys.astype(np.int64).tobytes())
        self._rows = array("i", rows.astype(np.int32).tobytes())
        self._held = int((rows >= 0).sum())
        return self

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return 12 * len(self._rows)
