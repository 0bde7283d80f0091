"""Clock and id factory, injected so that runs can be repeated exactly; `agentctx.testing` has fixed ones."""

from __future__ import annotations

import secrets
import time
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""Where microseconds are counted from."""
_MICROSECOND: Final = timedelta(microseconds=1)
_CROCKFORD: Final = "0123456789abcdefghjkmnpqrstvwxyz"


class Clock(Protocol):
    """Tells the time. Thread-safe."""

    def now(self) -> datetime:
        """The present, timezone-aware."""
        ...


class IdFactory(Protocol):
    """Makes ids that were never given before. Thread-safe."""

    def new_id(self) -> str:
        """A fresh id, at most 64 characters of [0-9a-z_-]."""
        ...


class SystemClock:
    """The machine's clock, in UTC."""

    def now(self) -> datetime:
        """The present in UTC, to the microsecond."""
        return datetime.now(UTC)


class TimeOrderedIds:
    """Ids of 26 characters that sort by the time they were made: 48 bits of milliseconds, 80 random bits (as ULIDs)."""

    def new_id(self) -> str:
        """A fresh id."""
        number = (time.time_ns() // 1_000_000) << 80 | secrets.randbits(80)
        return "".join(_CROCKFORD[number >> shift & 31] for shift in range(125, -5, -5))


def to_micros(moment: datetime) -> int:
    """Microseconds since 1970 of a timezone-aware datetime."""
    return (moment - EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    """The UTC datetime of so many microseconds since 1970."""
    return EPOCH + timedelta(0, 0, micros)
