"""Bounded pools of threads for calls. A lane says when it is full; the router then refuses at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any


class Lane(ThreadPoolExecutor):
    """A pool of `workers` threads that knows how many calls it holds, at work or waiting.

    gRPC submits a call to the pool that its handler names, right after asking the router for the handler and in the
    same thread; what the router saw of `full` therefore still holds.
    """

    def __init__(self, name: str, workers: int, backlog: int) -> None:
        super().__init__(max_workers=workers, thread_name_prefix=f"agentctx-{name}")
        self.name = name
        self._capacity = workers + backlog
        self._held = 0
        self._counting = threading.Lock()

    @property
    def held(self) -> int:
        """Calls at work or waiting."""
        return self._held

    @property
    def full(self) -> bool:
        """Whether another call is one too many."""
        return self._held >= self._capacity

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run a call as soon as a thread is free."""
        with self._counting:
            self._held += 1
        try:
            future = super().submit(fn, *args, **kwargs)
        except BaseException:
            self._release(None)
            raise
        future.add_done_callback(self._release)
        return future

    def _release(self, _done: object) -> None:
        with self._counting:
            self._held -= 1
