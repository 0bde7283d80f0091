"""Time expressions: which ranges of time a text speaks of, seen from a reference time.

The grammar is data, one file a language; docs/time.md says what is understood. Nothing of it is loaded before the
first text is read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from agentctx.memory.times.engine import Found
    from agentctx.memory.times.grammar import Grammar

MOST_HINTS: Final = 16
_FIRST: Final = datetime.min  # noqa: DTZ901 - compared with moments without a zone
_LAST: Final = datetime.max  # noqa: DTZ901


@dataclass(frozen=True, slots=True)
class TimeHint:
    """A range of time that a text speaks of: [start, end), the words that say so and where they stand.

    Ranges without a beginning or an end ("before May", "since August") start at the first moment of the calendar or end
    with its last. confidence: from 0 to 1, how likely the words mean this range. slack: how far off people are who say
    it so; "two weeks ago" is a day here, and may have been three days before or after. `start` and `end` are in the
    zone of the reference time, or without one as that is.
    """

    start: datetime
    end: datetime
    text: str
    span: tuple[int, int]
    confidence: float = 1.0
    slack: timedelta = timedelta(0)

    @property
    def open_start(self) -> bool:
        """Whether the range has no beginning."""
        return self.start.replace(tzinfo=None) == _FIRST

    @property
    def open_end(self) -> bool:
        """Whether the range has no end."""
        return self.end.replace(tzinfo=None) == _LAST


def time_hints(text: str, reference_time: datetime, *, language: str = "en") -> Iterator[TimeHint]:
    """The ranges that `text` names, none overlapping, in its order, at most 16; some 50 us.

    A text may name what is no range: durations ("for two weeks"), what recurs ("every Monday") and clock times without
    a day give nothing. Where the year or the direction is open, the last one before `reference_time` is meant: memory
    is asked about the past. Only the first 4,096 characters are read. Never raises for any text;
    InvalidArgument for a language without a grammar.
    """
    find, grammar = _engine()
    zone = reference_time.tzinfo
    now = reference_time.replace(tzinfo=None, fold=0)
    for one in islice(find(text, now, grammar(language)), MOST_HINTS):
        start, end = one.start.replace(tzinfo=zone), one.end.replace(tzinfo=zone)
        yield TimeHint(start, end, text[slice(*one.span)], one.span, round(one.sure, 2), one.slack)


@cache
def _engine() -> tuple[Callable[[str, datetime, Grammar], Iterator[Found]], Callable[[str], Grammar]]:
    from agentctx.memory.times.engine import find  # noqa: PLC0415 - no cost before the first use
    from agentctx.memory.times.grammar import grammar  # noqa: PLC0415

    return find, grammar
