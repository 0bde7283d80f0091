"""Readers first: work in the background asks here whether a search is under way, and waits a little if one is."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Final, TypeVar

T = TypeVar("T")

_LATELY: Final = 0.1  # seconds after a search in which the next one is expected soon
_REST: Final = 0.002
_UNIT: Final = 0.002  # seconds of work after which it is time to give way
_WAIT: Final = 3.0  # seconds to wait at most for one of work: so work gets a quarter, however busy the readers are
_PATIENCE: Final = 0.02  # seconds to wait at most at one time
_LOADED: Final = 0.0005  # as _UNIT and _WAIT, of a search that loads: somebody waits for it, so it gets a third
_LOADING: Final = 2.0
_JUST: Final = 0.003  # seconds after a search in which one may be followed by the next at once


class Courtesy:
    """Counts the searches under way. Used around each: `with courtesy: ...`. Thread-safe, about a microsecond.

    A thread has one search under way at a time.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._free = threading.Condition(self._lock)
        self._searches: set[int] = set()  # the threads that are at it
        self._held_up: set[int] = set()  # those of them that had to load or to wait
        self._last = self._last_ready = -_LATELY  # when a search ended, and one that had to do neither

    def __enter__(self) -> None:
        with self._lock:
            self._searches.add(threading.get_ident())

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        here = threading.get_ident()
        with self._lock:
            self._searches.discard(here)
            self._last = time.monotonic()
            if here in self._held_up:
                self._held_up.discard(here)
            else:
                self._last_ready = self._last
            if not self._searches:
                self._free.notify_all()

    def give_way(self, patience: float) -> None:
        """Wait until no search is under way, and rest a little where searches come often: `patience` seconds in all."""
        end = time.monotonic() + patience
        with self._free:
            self._free.wait_for(lambda: not self._searches, patience)
            now = time.monotonic()
            often = now - self._last < _LATELY
        if often and now < end:
            time.sleep(min(_REST, end - now))

    def let_pass(self, patience: float) -> None:
        """The same for a search that loads: it rests `patience` seconds if one that does not is under way or just was.

        Nobody wakes it: to be woken at the end of each search, and find the next one begun, would cost that one more.
        """
        if self._searches or time.monotonic() - self._last_ready < _JUST:
            time.sleep(patience)

    def paced(self, work: Iterable[T]) -> Iterator[T]:
        """The same steps, giving way between them: after each two milliseconds that they took the processor.

        What they wait for, say for Python's lock or an answer, is not counted: it stands in nobody's way.
        """
        worked = 0.0
        steps = iter(work)
        while True:
            began = time.thread_time()
            try:
                step = next(steps)
            except StopIteration:
                return
            worked += time.thread_time() - began
            yield step
            if worked >= _UNIT:
                self.give_way(min(_PATIENCE, _WAIT * worked))
                worked = 0.0

    def loading(self, work: Iterable[object], deadline: float | None = None) -> None:
        """Do the steps of what this thread's search has to load; others pass after each half millisecond of work.

        It waits for them twice as long as it works, at most, and not in the second half of the time that is left to
        `deadline`, on the monotonic clock.
        """
        until = None if deadline is None else (time.monotonic() + deadline) / 2
        worked = 0.0
        with self.standing_back():
            steps = iter(work)
            while True:
                began = time.thread_time()
                if next(steps, self) is self:
                    return
                worked += time.thread_time() - began
                if worked >= _LOADED:
                    left = _PATIENCE if until is None else until - time.monotonic()
                    if left > 0:
                        self.let_pass(min(_PATIENCE, left, _LOADING * worked))
                    worked = 0.0

    @contextmanager
    def standing_back(self) -> Iterator[None]:
        """Within it, this thread's search counts as none: it waits for something, or loads."""
        here = threading.get_ident()
        with self._free:
            counted = here in self._searches
            if counted:
                self._searches.discard(here)
                self._held_up.add(here)
                if not self._searches:
                    self._free.notify_all()
        try:
            yield
        finally:
            if counted:
                with self._free:
                    self._searches.add(here)
