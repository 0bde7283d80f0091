"""A clock for tests."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta


class ManualClock:
    """A clock that stands still until `advance` or `set` moves it. Implements `agentctx.ids.Clock`; thread-safe.

    Recorded times of one namespace never go backwards or repeat: while the clock stands still, the store gives each
    write the microsecond after the one before.
    """

    def __init__(self, start: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        self._now = _in_utc(start)
        self._lock = threading.Lock()

    def now(self) -> datetime:
        """The time that the clock shows, in UTC."""
        with self._lock:
            return self._now

    def advance(
        self, by: timedelta | None = None, *, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0
    ) -> datetime:
        """Move the clock by a span, given whole or in parts, and return the new time. A negative span turns it back."""
        span = (by or timedelta()) + timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
        with self._lock:
            self._now += span
            return self._now

    def set(self, moment: datetime) -> datetime:
        """Set the clock to a timezone-aware moment, and return it in UTC."""
        moment = _in_utc(moment)
        with self._lock:
            self._now = moment
            return moment


def _in_utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("a clock needs a timezone-aware time, such as datetime(2026, 1, 1, tzinfo=UTC)")
    return moment.astimezone(UTC)
