"""Readers first: work in the background asks here whether a search is under way, and waits a little if one is."""

from __future__ import annotations

import threading
import time
from types import TracebackType
from typing import Final

_LATELY: Final = 0.1  # seconds after a search in which the next one is expected soon
_REST: Final = 0.002


class Courtesy:
    """Counts the searches under way. Used around each: `with courtesy: ...`. Thread-safe, about a microsecond."""

    def __init__(self) -> None:
        self._free = threading.Condition()
        self._searches = 0
        self._last = -_LATELY

    def __enter__(self) -> None:
        with self._free:
            self._searches += 1

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with self._free:
            self._searches -= 1
            self._last = time.monotonic()
            if not self._searches:
                self._free.notify_all()

    def give_way(self, patience: float) -> None:
        """Wait until no search is under way, at most `patience` seconds; rest a little where searches come often."""
        with self._free:
            self._free.wait_for(lambda: not self._searches, patience)
            often = time.monotonic() - self._last < _LATELY
        if often:
            time.sleep(_REST)
