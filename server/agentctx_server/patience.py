"""Waiting for a caller's messages, but not forever: a thread of a lane waits with it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from typing import Any, Final

from agentctx.errors import DeadlineExceeded
from agentctx_server.lanes import Lane

_POLL: Final = 0.25
_CROWDED: Final = 0.5


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds to wait for the first message of a call, and for each later one."""

    first: float
    idle: float

    def messages(self, packed: Iterator[bytes], lane: Lane, caller: Callable[[], str]) -> Iterator[bytes]:
        """The messages of a call. Raises DeadlineExceeded where one is late.

        While more than half of the lane's threads wait for first messages of one caller, it has half a second for each.
        """
        one = self.single(packed, lane, caller)
        while one is not None:
            yield one
            one = _next(packed, self.idle)

    def single(self, packed: Iterator[bytes], lane: Lane, caller: Callable[[], str]) -> bytes | None:
        """The first message; None where there is none. Raises DeadlineExceeded."""
        return _next(packed, self.first, lambda: lane.silence(caller()))


def _next(
    packed: Any, limit: float, silence: Callable[[], AbstractContextManager[Callable[[], bool]]] | None = None
) -> bytes | None:
    """The next message: what gRPC's iterator does, with an end to the wait. None after the last.

    gRPC has no wait with a timeout. Cancelling the call from another thread would end it, too, but the caller could not
    be told why. Where the iterator is another one (a test's, or that of a future gRPC), it is just asked.
    """
    state = getattr(packed, "_state", None)
    start = getattr(packed, "_raise_or_start_receive_message", None)
    look = getattr(packed, "_look_for_request", None)
    if state is None or start is None or look is None:
        return next(packed, None)
    began = time.monotonic()
    with ExitStack() as counted, state.condition:
        crowding: Callable[[], bool] | None = None
        try:
            start()
            while (one := look()) is None:
                waited = time.monotonic() - began
                if waited >= limit:
                    raise DeadlineExceeded(f"no message within {limit:g} s")
                if waited >= _POLL and silence is not None:  # most messages are there at once, and never counted
                    crowding = crowding or counted.enter_context(silence())
                    if waited >= _CROWDED and crowding():
                        raise DeadlineExceeded(
                            f"no message within {_CROWDED:g} s, which is what a caller has that lets half of the "
                            "server wait"
                        )
                state.condition.wait(min(_POLL, limit - waited))
        except StopIteration:
            return None
    return one  # type: ignore[no-any-return]
