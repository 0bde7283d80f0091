"""What can be bought with tokens: units of memory and code, each at several levels of detail."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from agentctx.context.shown import Shown
from agentctx.types.context import Citation, CodeCitation, DetailLevel

MEMORY = "memory"
CODE = "code"


@dataclass(frozen=True, slots=True)
class Offer:
    """A unit at one level: how it is shown, and what that is worth to the reader in all. id: of the item that it is."""

    id: str
    shown: Shown
    worth: float

    @property
    def level(self) -> DetailLevel:
        """How much of the unit it shows."""
        return self.shown.level


@dataclass(frozen=True, slots=True)
class Unit:
    """An episode, a file or a symbol, that may be shown at one of its levels.

    key: its identity, whatever the level. side: MEMORY or CODE. order: its place among those shown anew. offers: by
    rising worth. words: what it says, for telling repetitions. needs: keys of units without which a reader
    would be at a loss where it is shown whole. inside: keys of units that hold it, were they shown
    whole.
    """

    key: str
    side: str
    order: tuple[object, ...]
    score: float
    offers: tuple[Offer, ...]
    parts: Mapping[str, float] = field(default_factory=dict)
    reason: str = ""
    needs: tuple[str, ...] = ()
    inside: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """What it is, for people."""
        return label_of(self.offers[0].shown.citation)


def label_of(citation: Citation) -> str:
    """A path with lines, or a speaker with a time."""
    if isinstance(citation, CodeCitation):
        return f"{citation.path}:{citation.start_line}-{citation.end_line}"
    who = citation.speaker or citation.role or citation.episode
    return f"{who}, {citation.occurred_at:%Y-%m-%d %H:%M}"
