"""An id factory for tests."""

from __future__ import annotations

import threading
from itertools import count


class SequentialIds:
    """Ids `ep-000001`, `ep-000002`, … in the order asked for. Implements `agentctx.ids.IdFactory`; thread-safe.

    One factory serves one store: a second one on the same store starts over and meets ids that are taken.
    """

    def __init__(self, prefix: str = "ep-", *, start: int = 1, width: int = 6) -> None:
        self._prefix = prefix
        self._width = width
        self._numbers = count(start)
        self._lock = threading.Lock()

    def new_id(self) -> str:
        """The next id."""
        with self._lock:
            return f"{self._prefix}{next(self._numbers):0{self._width}d}"
