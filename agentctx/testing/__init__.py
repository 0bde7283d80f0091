"""Fakes for tests of code that uses agentctx, supported like the rest of the public API.

ManualClock      a clock that stands still until it is told to move
SequentialIds    ids that count up, so that runs can be compared
HashingEmbedder  an embedder without a model: deterministic, instant, and blind to meaning
Failpoints       actions at named places inside the store: raise an error there, wait, or end the process

Everything else in a test can be the real thing: an engine on a file in a temporary folder opens in milliseconds.

>>> from datetime import UTC, datetime
>>> from agentctx.testing import ManualClock
>>> clock = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
>>> clock.advance(days=1, hours=6).isoformat()
'2026-01-02T06:00:00+00:00'
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agentctx.testing.clock import ManualClock
from agentctx.testing.failpoints import Failpoints
from agentctx.testing.ids import SequentialIds

if TYPE_CHECKING:
    from agentctx.testing.embedders import HashingEmbedder

__all__ = ["Failpoints", "HashingEmbedder", "ManualClock", "SequentialIds"]


def __getattr__(name: str) -> Any:
    if name == "HashingEmbedder":  # the only one that needs numpy
        from agentctx.testing.embedders import HashingEmbedder  # noqa: PLC0415

        return HashingEmbedder
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
