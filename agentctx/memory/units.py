"""What an episode says to each kind of evidence."""

from __future__ import annotations


def embedded_text(content: str) -> str:
    """The text that is embedded: the content alone. The speaker in front was no gain to the whole score."""
    return content
