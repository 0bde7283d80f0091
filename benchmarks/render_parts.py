"""What every rendered result has: tables, and a line on the machine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Result = Mapping[str, Any]


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """A Markdown table."""
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield "| " + " | ".join(row) + " |"
    yield ""


def where(machine: Result) -> str:
    """The machine in a sentence."""
    return (
        f"Measured on {machine['measured_at'][:10]} on {machine['cpu']}, {machine['cores']} cores, load "
        f"{machine['load_1min']}."
    )
