"""The place that one namespace's index has in memory: its lock, who writes there, and how it is held for reading."""

from __future__ import annotations

import threading
from collections.abc import Callable

from agentctx.index.episodes import EpisodeIndex


class Writers:
    """Those who write to a namespace just now, and have not told its index yet. Thread-safe."""

    __slots__ = ("_changed", "count", "told")

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self.count = 0
        self.told = 0  # how many have by now, or failed

    def __enter__(self) -> None:
        with self._changed:
            self.count += 1

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self.count -= 1
            self.told += 1
            self._changed.notify_all()

    def wait(self, told: int, timeout: float) -> None:
        """Wait until more than so many have told it."""
        with self._changed:
            self._changed.wait_for(lambda: self.told > told, timeout)


class Slot:
    """A place for one namespace's index; its lock is held while the index is read or brought up to date."""

    __slots__ = ("index", "lock", "nbytes", "retired", "writers")

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.writers = Writers()
        self.index: EpisodeIndex | None = None
        self.nbytes = 0  # as last counted, and below: both under the lock of Residency
        self.retired = False


class Reading:
    """While it lasts, a slot is locked. A class, as a generator would cost each search some microseconds more."""

    __slots__ = ("_slot", "_take")

    def __init__(self, take: Callable[[], tuple[Slot, EpisodeIndex]]) -> None:
        self._take = take

    def __enter__(self) -> EpisodeIndex:
        self._slot, index = self._take()
        return index

    def __exit__(self, *_: object) -> None:
        self._slot.lock.release()
