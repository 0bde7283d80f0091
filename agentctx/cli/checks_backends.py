"""What `doctor` checks about the backends of the settings."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from agentctx.cli.checks import Check, guarded

if TYPE_CHECKING:
    from agentctx.cli.target import Target


def backends(target: Target) -> Iterator[Check]:
    """Whether each configured backend has its key, a known price, and answers."""
    from agentctx.errors import AgentctxError  # noqa: PLC0415

    try:
        settings = target.settings()
    except AgentctxError:
        return  # told by the check of the settings
    if not settings.backends:
        yield Check(
            "backends", "configured", "note", "none", "build works without; docs/complete.md shows how to add one"
        )
        return
    from agentctx.llm.backends import Backends  # noqa: PLC0415

    for name, one in settings.backends.items():

        def look(name: str = name) -> Check:
            opened = Backends({name: one}, settings.routing, os.environ)  # noqa: B023 - run before the next turn
            try:
                (status,) = opened.status(check=True)
            finally:
                opened.close()
            if not status.reachable:
                return Check("backends", name, "failed", status.detail, f"start it, or mend [backends.{name}]")
            if not status.priced:
                fix = f"give input_per_1m and output_per_1m in [backends.{name}]"
                return Check(
                    "backends", name, "note", "answers, but has no price: it is never taken for being cheap", fix
                )
            return Check("backends", name, "ok", f"{status.model} at {status.precision}, answers")

        yield guarded("backends", name, look)
