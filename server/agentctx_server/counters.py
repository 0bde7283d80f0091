"""Which token counters a caller may name."""

from __future__ import annotations

from agentctx.errors import PermissionDenied


def allowed_counter(spec: str) -> str:
    """The spec, unless it makes the server read a file or ask an address: that is not a caller's to say.

    Raises PermissionDenied.
    """
    if any(":" in one for one in spec.split("|")):
        raise PermissionDenied(
            "counter must be a published vocabulary, such as o200k_base or cl100k_base, or estimate: a server reads no "
            "file and asks no address for a caller",
            field="counter",
        )
    return spec
