"""What each conversation was shown last, so that the next bundle can begin with it."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Final

_KEPT: Final = 1024


class Sessions:
    """The item ids of the last bundle by session: those of the last 1,024 sessions, in memory only. Thread-safe."""

    def __init__(self, kept: int = _KEPT) -> None:
        self._kept = kept
        self._lock = threading.Lock()
        self._shown: OrderedDict[Hashable, tuple[str, ...]] = OrderedDict()

    def last(self, key: Hashable) -> tuple[str, ...]:
        """What a session was shown last; nothing for one that is not known (any more)."""
        with self._lock:
            if key in self._shown:
                self._shown.move_to_end(key)
            return self._shown.get(key, ())

    def remember(self, key: Hashable, ids: tuple[str, ...]) -> None:
        """A session was shown this."""
        with self._lock:
            self._shown[key] = ids
            self._shown.move_to_end(key)
            while len(self._shown) > self._kept:
                self._shown.popitem(last=False)

    def __len__(self) -> int:
        return len(self._shown)
