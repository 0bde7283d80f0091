"""Bounded pools of threads for calls. A lane says when it is full; the router then refuses at once."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any


class Lane(ThreadPoolExecutor):
    """A pool of `workers` threads that knows how many calls it holds, at work or waiting, and whose they are.

    gRPC submits a call to the pool that its handler names, right after asking the router for the handler and in the
    same thread; what the router saw of `full` therefore still holds, and `caller` is whose call is submitted next.
    """

    def __init__(self, name: str, workers: int, backlog: int) -> None:
        super().__init__(max_workers=workers, thread_name_prefix=f"agentctx-{name}")
        self.name = name
        self.caller = ""
        self._capacity = workers + backlog
        self._share = max(1, self._capacity // 2)
        self._silent_share = max(1, workers // 2)
        self._held = 0
        self._by: Counter[str] = Counter()
        self._silent: Counter[str] = Counter()
        self._counting = threading.Lock()

    @property
    def capacity(self) -> int:
        """Calls that it may hold."""
        return self._capacity

    @property
    def held(self) -> int:
        """Calls at work or waiting."""
        return self._held

    @property
    def full(self) -> bool:
        """Whether another call is one too many."""
        return self._held >= self._capacity

    def has_share(self, caller: str) -> bool:
        """Whether a caller has its fair share, half of the lane, already. Nobody in particular ("") never has."""
        return bool(caller) and self._by[caller] >= self._share

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run a call as soon as a thread is free."""
        caller, self.caller = self.caller, ""
        with self._counting:
            self._held += 1
            self._by[caller] += 1
        try:
            future = super().submit(fn, *args, **kwargs)
        except BaseException:
            self._release(caller)
            raise
        future.add_done_callback(lambda _done: self._release(caller))
        return future

    @contextmanager
    def taking(self, caller: str) -> Iterator[bool]:
        """Count a call that is at work as the caller's, too; False where that is beyond its share."""
        with self._counting:
            within = not self.has_share(caller)
            self._by[caller] += within
        try:
            yield within
        finally:
            if within:
                with self._counting:
                    self._less(self._by, caller)

    @contextmanager
    def silence(self, caller: str) -> Iterator[Callable[[], bool]]:
        """Count a thread that waits for a caller's message. Gives: whether that caller lets too many threads wait."""
        with self._counting:
            self._silent[caller] += 1
        try:
            yield lambda: self._silent[caller] > self._silent_share
        finally:
            with self._counting:
                self._less(self._silent, caller)

    def _release(self, caller: str) -> None:
        with self._counting:
            self._held -= 1
            self._less(self._by, caller)

    @staticmethod
    def _less(counter: Counter[str], caller: str) -> None:
        counter[caller] -= 1
        if counter[caller] <= 0:
            del counter[caller]
