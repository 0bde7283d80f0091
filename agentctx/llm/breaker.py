"""A circuit breaker: a backend that keeps failing rests for a while instead of making every request wait."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Literal

Circuit = Literal["closed", "open", "half-open"]


class CircuitBreaker:
    """Opens after `failures` in a row, lets one request try after `cooldown` seconds, and closes when that succeeds.

    Thread-safe. `now` is a monotonic clock in seconds.
    """

    def __init__(self, failures: int = 3, cooldown: float = 60.0, now: Callable[[], float] = time.monotonic) -> None:
        self._failures = failures
        self._cooldown = cooldown
        self._now = now
        self._lock = threading.Lock()
        self._failed = 0
        self._opened: float | None = None
        self._trying = False

    @property
    def state(self) -> Circuit:
        """closed, open, or half-open: one request may try, or is trying."""
        with self._lock:
            return self._state()

    def _state(self) -> Circuit:
        if self._opened is None:
            return "closed"
        return "half-open" if self._trying or self._now() - self._opened >= self._cooldown else "open"

    def allows(self) -> bool:
        """Whether a request would be let through; changes nothing."""
        with self._lock:
            return self._state() == "closed" or (self._state() == "half-open" and not self._trying)

    def enter(self) -> bool:
        """Whether a request may go through now. Whoever gets True tells `success`, `failure` or `neither` after it."""
        with self._lock:
            state = self._state()
            if state == "half-open" and not self._trying:
                self._trying = True
                return True
            return state == "closed"

    def success(self) -> None:
        """The backend answered: all is forgiven."""
        with self._lock:
            self._failed, self._opened, self._trying = 0, None, False

    def failure(self) -> None:
        """The backend failed."""
        with self._lock:
            self._failed += 1
            if self._trying or self._failed >= self._failures:
                self._opened = self._now()
            self._trying = False

    def neither(self) -> None:
        """The request ended for a reason that says nothing about the backend, such as a caller that went away."""
        with self._lock:
            self._trying = False
