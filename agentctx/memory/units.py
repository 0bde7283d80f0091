"""What an episode says to each kind of evidence."""

from __future__ import annotations


def embedded_text(content: str) -> str:
    """The text that is embedded: the content alone. Widening it helps lexical evidence and hurts dense."""
    return content
