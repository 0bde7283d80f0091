"""The one thread in the background of an engine, and the queue of what it has to do.

A job is a generator: each step is a small piece of the work, of at most some two milliseconds of Python. Between
steps the thread gives way to searches (`Courtesy.paced`), but not for ever. A job publishes what it has made by
itself, under the lock of what it replaces. One that fails is logged and forgotten: what it was to improve stays as it
was.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Generator, Hashable
from contextlib import closing
from typing import Any, Final

from agentctx.runtime.courtesy import Courtesy

Job = Callable[[], Generator[Any, None, None]]

_log = logging.getLogger(__name__)
_IDLE: Final = 60.0  # seconds without work after which the thread ends


class Housekeeping:
    """Runs jobs one after the other in a daemon thread that begins with the first one. Thread-safe.

    Not `enabled`, it does nothing by itself, and `run` does what was asked for: so tests decide when.
    """

    def __init__(self, courtesy: Courtesy, *, enabled: bool = True) -> None:
        self.enabled = enabled
        self._courtesy = courtesy
        self._jobs: OrderedDict[Hashable, tuple[float, Job]] = OrderedDict()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._busy = False
        self._closed = False
        self.failures = 0

    def submit(self, key: Hashable, job: Job, *, delay: float = 0.0) -> bool:
        """Do `job` in its turn, `delay` seconds from now at the earliest; False if one of this key waits already."""
        with self._changed:
            if self._closed or key in self._jobs:
                return False
            self._jobs[key] = time.monotonic() + delay, job
            if self.enabled and (self._thread is None or not self._thread.is_alive()):  # a fork has it, but not alive
                self._thread = threading.Thread(target=self._work, name="agentctx-housekeeping", daemon=True)
                self._thread.start()
            self._changed.notify_all()
            return True

    def run(self) -> None:
        """Do here and now what waits in the queue, also what is to wait longer."""
        while (job := self._next(now=None)) is not None:
            self._do(job)

    def wait(self, timeout: float) -> bool:
        """Wait until the queue is empty and nothing is being done; False: it took longer than `timeout` seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._jobs and not self._busy, timeout)

    def close(self) -> None:
        """Stop behind the present step; what waits is dropped."""
        with self._changed:
            self._closed = True
            self._jobs.clear()
            self._changed.notify_all()
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or self._jobs, _IDLE)
                if self._closed or not self._jobs:
                    self._thread = None
                    return
                soonest = min(due for due, _ in self._jobs.values()) - time.monotonic()
                if soonest > 0:
                    self._changed.wait(soonest)
                    continue
            job = self._next(time.monotonic())
            if job is not None:
                self._do(job)

    def _next(self, now: float | None) -> Job | None:
        with self._changed:
            for key, (due, job) in self._jobs.items():
                if now is None or due <= now:
                    del self._jobs[key]
                    self._busy = True
                    return job
        return None

    def _do(self, job: Job) -> None:
        try:
            with closing(job()) as steps:
                for _ in self._courtesy.paced(steps):
                    if self._closed:
                        return
        except Exception:
            self.failures += 1
            _log.exception("work in the background failed; everything goes on as before it")
        finally:
            with self._changed:
                self._busy = False
                self._changed.notify_all()
