"""Makers of dates, months, quarters, seasons, years and what lies within them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from agentctx.memory.times.almanac import leap_safe, nth_unit, unit_of, week_number
from agentctx.memory.times.makers import every, maker, pick, place
from agentctx.memory.times.shapes import dated, month_first
from agentctx.memory.times.spoken import full_year
from agentctx.memory.times.values import (
    DAY,
    Range,
    Value,
    add_months,
    day_of,
    fixed,
    month_of,
    week_of,
    year_of,
)

if TYPE_CHECKING:
    from agentctx.memory.times.engine import Context, Node

GUESSED: Final = 0.9  # the year or the direction is left open
_LEAP: Final = 2000  # a year that has every day


def yearly(month: int, year: int | None = None) -> Value:
    """A month of a year, or of any year."""
    if year is not None:
        return fixed(*month_of(year, month), "month", relative=False)
    return Value(lambda moment: month_of(moment.year, month), "year", "month", sure=GUESSED)


def on_day(day: int) -> Value | None:
    """A day of any month."""
    if not 1 <= day <= 31:
        return None
    return Value(lambda moment: leap_safe(moment.year, moment.month, day), "month", "day", sure=GUESSED)


def on_weekday(number: int) -> Value:
    """A day of any week."""
    return Value(lambda moment: day_of(week_of(moment)[0] + DAY * number), "week", "day", sure=GUESSED)


@maker
def month_day_year(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Value | None:
    """May 9; 9th of May, 2019; 2019/aug/01."""
    month: int = pick(nodes, "MONTH")
    year = pick(nodes, "YEAR")
    at = next(i for i, node in enumerate(nodes) if ("DAY" in node.values or "ORD" in node.values))
    day = int(pick(nodes[at : at + 1], "ORD", "DAY"))
    if year is None:
        year = full_year(nodes, after=max(at, place(nodes, "MONTH")))
    if leap_safe(_LEAP, month, day) is None:
        return None
    if year is not None:
        return dated(int(year), month, day) or Value(lambda _: None, "", "day")
    return Value(lambda moment: leap_safe(moment.year, month, day), "year", "day", sure=GUESSED)


@maker
def month_dash_day(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Value | None:
    """On 4-22; 4-5 may as well be hours."""
    parts = [str(part) for part in every(nodes, "DAY")]
    return month_first(context.grammar, "", parts) if len(parts) == 2 and max(map(int, parts)) > 12 else None


@maker
def month_of_year(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Value | None:
    """May 2019, 2017 april, Dec/2018."""
    year = full_year(nodes)
    return None if year is None else yearly(pick(nodes, "MONTH"), year)


@maker
def month(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Value:
    """May."""
    return yearly(pick(nodes, "MONTH"))


@maker
def season(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Value:
    """Summer; winter 2019 begins in December 2019. The seasons of weather reports, north of the equator."""
    first: int = pick(nodes, "SEASON")
    year = full_year(nodes)
    found = seasonal(first)
    return found if year is None else found.within(fixed(*year_of(year), "year", relative=False))


def seasonal(first: int) -> Value:
    """The three months from a month on, of any year."""

    def make(moment: datetime) -> Range:
        start = month_of(moment.year, first)[0]
        return start, add_months(start, 3)

    return Value(make, "year", "quarter", sure=GUESSED)


@maker
def quarter_of_year(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Value | None:
    """Q1, 2017 q1, 1Q 2017, quarter 1 of 2017."""
    after = place(nodes, "ORD")
    if after < 0:
        after = _numbered(nodes, place(nodes, "=q", "=quarter", "=qtr"), 4)
    number = int(pick(nodes[after : after + 1], "ORD", "NUM") or 0)
    if not 1 <= number <= 4:
        return None
    year = pick(nodes, "YEAR") or full_year(nodes, after=after)
    if year is None:
        return Value(lambda moment: unit_of(month_of(moment.year, 3 * number)[0], "quarter"), "year", "quarter")
    return fixed(*unit_of(month_of(int(year), 3 * number)[0], "quarter"), "quarter", relative=False)


@maker
def ordinal_unit_of_year(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Value | None:
    """First quarter of 2013, third month of 2021."""
    at = place(nodes, "ORD")
    unit = pick(nodes, "UNIT", after=at)
    year = full_year(nodes, after=-1)
    if unit is None or year is None:
        return None
    found = nth_unit(*year_of(year), unit, int(nodes[at].values["ORD"]))
    return None if found is None else fixed(*found, "other", relative=False)


@maker
def whole_year(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Value | None:
    """In 2019, the year 2019."""
    year = full_year(nodes) or pick(nodes, "NUM")
    return None if year is None or year < 100 else fixed(*year_of(int(year)), "year", relative=False)


@maker
def half_of_year(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Value | None:
    """H1 2016, 2H 2016."""
    after = _numbered(nodes, place(nodes, "=h"), 2)
    year = pick(nodes, "YEAR") or full_year(nodes, after=after)
    if after < 0 or year is None:
        return None
    start = datetime(int(year), 6 * int(nodes[after].values["NUM"]) - 5, 1)  # noqa: DTZ001
    return fixed(start, add_months(start, 6), "other", relative=False)


def _numbered(nodes: Sequence[Node], at: int, most: int) -> int:
    """Where the small number beside a unit stands, behind it or before it: Q1, 1Q; -1 where none is."""
    beside = [at + 1, at - 1] if at > 0 else [at + 1]
    return next((n for n in beside if 1 <= (pick(nodes[n : n + 1], "NUM") or 0) <= most), -1)


@maker
def bare_year(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Value | None:
    """2019, which may be a number of something."""
    year = full_year(nodes)
    if year is None or not 1200 <= year < 2200:
        return None
    return fixed(*year_of(year), "year", relative=False, sure=0.8 if 1900 <= year < 2100 else 0.6)


@maker
def century(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Value | None:
    """The 21st century, counted from its round year."""
    number = int(pick(nodes, "ORD"))
    return fixed(*year_of((number - 1) * 100, 100), "other", relative=False) if 2 <= number <= 98 else None


@maker
def decade(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Value:
    """The nineties."""
    hundred = pick(nodes, "NUM")
    start = 1900 if hundred is None or not 10 <= hundred <= 20 else int(hundred) * 100
    return fixed(*year_of(start + pick(nodes, "DECADE"), 10), "other", relative=False, sure=0.8)


@maker
def week_of_year(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Value | None:
    """Week 23, week 3 of 2027: by ISO number, this year's where no year is named."""
    at = place(nodes, "NUM", after=place(nodes, "=week", "=wk", "=w"))
    year = full_year(nodes, after=at) or pick(nodes[:at], "YEAR")
    found = week_number(year or context.today.year, int(nodes[at].values["NUM"]))
    return None if found is None else fixed(*found, "week", relative=False, sure=0.5 if year is None else 1.0)


@maker
def week_of_span(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Value | None:
    """Week 27 of last year."""
    wide: Value = pick(nodes, "SPAN")
    number = int(pick(nodes, "NUM"))
    return wide.mapped(lambda start, _: week_number(start.year, number), "week") if wide.grain == "year" else None


@maker
def holiday(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Value:
    """Easter."""
    find = pick(nodes, "HOLIDAY")
    return Value(lambda moment: find(moment.year), "year", "day", sure=GUESSED)


@maker
def holiday_of_year(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Value | None:
    """Easter 2019; Labor Day weekend 2021."""
    year = full_year(nodes)
    found: Range | None = None if year is None else pick(nodes, "HOLIDAY")(year)
    if found is None:
        return None
    if pick(nodes, "UNIT") == "weekend":
        found = weekend_at(*found)
    elif place(nodes, "=week") >= 0:
        found = week_of(found[0])
    return fixed(*found, "day", relative=False)


def weekend_at(start: datetime, end: datetime) -> Range:
    """The weekend at a day and all the days between them."""
    days = (5 - start.weekday()) % 7 if start.weekday() in (2, 3, 4, 5) else -((start.weekday() - 5) % 7)
    saturday = start + DAY * days
    return min(start, saturday), max(end, saturday + 2 * DAY)
