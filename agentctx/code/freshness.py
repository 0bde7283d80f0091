"""Whether trees have changed since they were indexed: looked up beside the answers, which never wait for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from agentctx.errors import AgentctxError

_SHORTEST: Final = 2.0  # seconds that a look counts at least
_SHARE: Final = 50  # looking takes at most one part in so many of the time


@dataclass(frozen=True, slots=True)
class _Look:
    number: int
    changed: bool | None
    at: float
    counts: float


class Freshness:
    """The last look at each tree. `look` does the looking, by repository; it runs in a thread of its own."""

    def __init__(self, look: Callable[[str], bool | None]) -> None:
        self._look = look
        self._lock = threading.Lock()
        self._seen: dict[str, _Look] = {}
        self._threads: dict[str, threading.Thread] = {}
        self._closed = False

    def of(self, repository: str, number: int) -> bool | None:
        """Whether the tree had changed when it was looked at a moment ago; None: nobody has, but someone will now."""
        with self._lock:
            seen = self._seen.get(repository)
            if seen is not None and seen.number == number and time.monotonic() - seen.at < seen.counts:
                return seen.changed
            if repository not in self._threads and not self._closed:
                thread = threading.Thread(target=self._run, args=(repository, number), daemon=True)
                self._threads[repository] = thread
                thread.start()
        return None

    def note(self, repository: str, number: int, changed: bool | None, took: float) -> None:
        """Somebody has just looked, which took so many seconds."""
        with self._lock:
            self._seen[repository] = _Look(number, changed, time.monotonic(), max(_SHORTEST, took * _SHARE))

    def forget(self, repository: str) -> None:
        """The repository is gone."""
        with self._lock:
            self._seen.pop(repository, None)

    def close(self) -> None:
        """Wait for looks under way; no other begins."""
        with self._lock:
            self._closed = True
            threads = list(self._threads.values())
        for thread in threads:
            thread.join()

    def _run(self, repository: str, number: int) -> None:
        started = time.monotonic()
        try:
            changed = self._look(repository)
        except AgentctxError:  # it cannot be read just now, or is gone: nobody knows
            changed = None
        self.note(repository, number, changed, time.monotonic() - started)
        with self._lock:
            self._threads.pop(repository, None)
