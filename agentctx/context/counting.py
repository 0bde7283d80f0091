"""The counters that builds ask for, each opened once."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Final

from agentctx.errors import InvalidArgument
from agentctx.text.tokens import DEFAULT_SPEC, Strictest, TokenCounter, open_counter

_KEPT: Final = 16
JOINED: Final = "|"


class Counters:
    """Opens counters by spec and keeps the last 16 of them. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: OrderedDict[str, TokenCounter] = OrderedDict()

    def get(self, spec: str | TokenCounter) -> TokenCounter:
        """The counter of a spec, of several joined by `|` the strictest; "" is the default. Raises InvalidArgument."""
        if not isinstance(spec, str):
            if not all(hasattr(spec, name) for name in ("name", "exact", "count", "count_many")):
                raise InvalidArgument("counter must be a spec such as o200k_base, or a TokenCounter", field="counter")
            return spec
        specs = [one.strip() for one in spec.split(JOINED)] if spec else [DEFAULT_SPEC]
        if not all(specs):
            raise InvalidArgument("counter names an empty spec beside a |", field="counter")
        counters = [self._one(one) for one in specs]
        return counters[0] if len(counters) == 1 else Strictest(counters)

    def close(self) -> None:
        """Close every counter; later builds open them anew."""
        with self._lock:
            opened, self._open = self._open, OrderedDict()
        for counter in opened.values():
            counter.close()

    def _one(self, spec: str) -> TokenCounter:
        with self._lock:
            known = self._open.get(spec)
            if known is None:
                known = self._open[spec] = open_counter(spec)
                if len(self._open) > _KEPT:
                    # It may be counting for another build: it is let go of, not closed.
                    self._open.popitem(last=False)
            else:
                self._open.move_to_end(spec)
            return known
