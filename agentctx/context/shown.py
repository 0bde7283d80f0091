"""What a renderer is handed: one item at its level, with all that may be printed of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from typing import Final

from agentctx.types.context import Citation, CodeCitation, DetailLevel, EpisodeCitation

_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")  # whatever the locale calls them


@dataclass(frozen=True, slots=True)
class Shown:
    """An item as it is printed. `number` is its place in the bundle, from 1; a unit that is being priced has 1."""

    number: int
    level: DetailLevel
    citation: Citation
    text: str
    language: str = ""
    qualname: str = ""

    def numbered(self, number: int) -> Shown:
        """The same at another place."""
        return self if number == self.number else replace(self, number=number)

    @property
    def memory(self) -> bool:
        """Whether it comes from memory."""
        return isinstance(self.citation, EpisodeCitation)

    @property
    def episode(self) -> EpisodeCitation:
        """Its citation, which must be that of an episode."""
        assert isinstance(self.citation, EpisodeCitation)
        return self.citation

    @property
    def code(self) -> CodeCitation:
        """Its citation, which must be that of code."""
        assert isinstance(self.citation, CodeCitation)
        return self.citation

    @property
    def speaker(self) -> str:
        """Who says it, or in which role; "" where neither is known."""
        cited = self.episode
        return cited.speaker or cited.role

    @property
    def day(self) -> str:
        """The day on which it was said, with the day of the week: what "last Friday" is counted from."""
        return _day(self.episode.occurred_at.toordinal())


@lru_cache(maxsize=4096)
def _day(ordinal: int) -> str:
    day = date.fromordinal(ordinal)
    return f"{day.isoformat()} {_DAYS[day.weekday()]}"
