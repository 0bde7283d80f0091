"""Makers of dates and times that are written with digits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from agentctx.memory.times.almanac import leap_safe
from agentctx.memory.times.makers import shape
from agentctx.memory.times.spoken import value_of_year
from agentctx.memory.times.values import Clock, Value, fixed, month_of, year_of

if TYPE_CHECKING:
    from agentctx.memory.times.grammar import Grammar


def dated(year: int, month: int, day: int) -> Value | None:
    """A day of a year; None where there is no such day."""
    found = leap_safe(year, month, day)
    return None if found is None else fixed(*found, "day", relative=False)


@shape
def year_first(grammar: Grammar, text: str, parts: Sequence[str]) -> Value | None:
    """2019-08-01."""
    return dated(int(parts[0]), int(parts[-2]), int(parts[-1]))


@shape
def compact_date(grammar: Grammar, text: str, parts: Sequence[str]) -> Value | None:
    """20190801."""
    return dated(*map(int, parts))


@shape
def month_first(grammar: Grammar, text: str, parts: Sequence[str]) -> Value | None:
    """8/1/2019, 8/1; day first where the language has it so or the month would be none."""
    first, second, *rest = (int(part) for part in parts if part.strip().isdigit())
    month, day = (first, second) if grammar.month_first else (second, first)
    if month > 12:
        month, day = day, month
    if not 1 <= month <= 12:
        return None
    if rest:
        return dated(rest[0] if rest[0] > 99 else value_of_year(rest[0]), month, day)
    return Value(lambda moment: leap_safe(moment.year, month, day), "year", "day", sure=0.8) if day <= 31 else None


@shape
def month_and_year(grammar: Grammar, text: str, parts: Sequence[str]) -> Value | None:
    """12/2019."""
    month, year = map(int, parts)
    return fixed(*month_of(year, month), "month", relative=False) if 1 <= month <= 12 and 1000 <= year < 3000 else None


@shape
def year_and_month(grammar: Grammar, text: str, parts: Sequence[str]) -> Value | None:
    """2019/12, 2019-12."""
    found: Value | None = month_and_year(grammar, text, parts[::-1])
    return found


@shape
def written_clock(grammar: Grammar, text: str, parts: Sequence[str]) -> Clock | None:
    """14:30, 2:30:15."""
    hour, minute, *second = map(int, parts)
    if hour > 24 or minute > 59 or (second and second[0] > 59):
        return None
    open_ = 1 <= hour <= 12 and not text.startswith("0")
    return Clock(hour, minute, second[0] if second else 0, grain="second" if second else "minute", open=open_)


@shape
def written_ordinal(grammar: Grammar, text: str, parts: Sequence[str]) -> int:
    """4th."""
    return int("".join(filter(str.isdigit, text)))


@shape
def written_decade(grammar: Grammar, text: str, parts: Sequence[str]) -> Value | None:
    """1990s, '90s, 90s; 30s as often means an age."""
    number = int(parts[0])
    if number % 10:
        return None
    year = number if number > 99 else number + (1900 if number >= 20 else 2000)
    return fixed(*year_of(year, 10), "other", relative=False, sure=1.0 if number > 99 or text[0] == "'" else 0.5)


@shape
def text(grammar: Grammar, text: str, parts: Sequence[str]) -> str:
    """The digits as they stand."""
    return text


@shape
def decimal(grammar: Grammar, text: str, parts: Sequence[str]) -> float:
    """A number that is not whole."""
    return float(text)
