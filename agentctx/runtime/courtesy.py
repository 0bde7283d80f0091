"""Readers first: work in the background asks here whether a search is under way, and waits a little if one is."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Final, TypeVar

T = TypeVar("T")

_LATELY: Final = 0.1  # seconds after a search in which the next one is expected soon
_REST: Final = 0.002
_UNIT: Final = 0.002  # seconds of work after which it is time to give way
_WAIT: Final = 3.0  # seconds to wait at most for one of work: so work gets a quarter, however busy the readers are
_PATIENCE: Final = 0.02  # seconds to wait at most at one time


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
        """Wait until no search is under way, and rest a little where searches come often: `patience` seconds in all."""
        end = time.monotonic() + patience
        with self._free:
            self._free.wait_for(lambda: not self._searches, patience)
            now = time.monotonic()
            often = now - self._last < _LATELY
        if often and now < end:
            time.sleep(min(_REST, end - now))

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
