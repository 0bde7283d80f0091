"""Tokens of what a system handed over, counted by the benchmark itself."""

from __future__ import annotations

from collections.abc import Callable

from agentctx.errors import InvalidArgument
from agentctx.text.tokens import open_counter


def exact_counter(spec: str) -> Callable[[str], int]:
    """What counts a text whole, exactly. Raises InvalidArgument for an unknown spec and for the estimate."""
    return open_counter(_exact(spec)).count


def _exact(spec: str) -> str:
    if spec == "estimate":
        raise InvalidArgument("a benchmark counts exactly: name a vocabulary such as cl100k_base", field="counter")
    return spec
