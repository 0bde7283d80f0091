"""Makers of times that lie within others, and of weekdays."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from agentctx.memory.times.almanac import GRAINS, middle_of, nth_unit, nth_weekday, unit_of
from agentctx.memory.times.dates import GUESSED, on_day, on_weekday, seasonal, weekend_at, yearly
from agentctx.memory.times.makers import every, maker, pick, place
from agentctx.memory.times.shapes import month_first
from agentctx.memory.times.spoken import full_year, hours_between, part_hours
from agentctx.memory.times.values import DAY, Clock, Range, Value, add_months, day_of, fixed, midnight, week_of, year_of

if TYPE_CHECKING:
    from agentctx.memory.times.engine import Context, Node


def container(context: Context, nodes: Sequence[Node], after: int) -> Value | None:
    """What something else lies in: a span, a month, "the year"."""
    span: Value | None = pick(nodes, "SPAN")
    if span is None and (number := pick(nodes, "MONTH")) is not None:
        span = yearly(number)
    if span is None and (first := pick(nodes, "SEASON")) is not None:
        span = seasonal(first)
    if span is None and not every(nodes[after + 1 :], "UNIT") and place(nodes, "WEEKDAY") >= 0:
        span = fixed(*unit_of(context.today, "month"), "month", sure=0.5)
    if span is None and (unit := every(nodes[after + 1 :], "UNIT")):
        span = fixed(*unit_of(context.today, unit[-1]), GRAINS.get(unit[-1], "other"))
    if span is not None:
        span = span.like(span.make)
        span.sure = max(span.sure, GUESSED)
    return span


@maker
def nth_of(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Value | None:
    """The first week of June, the last three weeks of this year, the second Monday of May, next year's Q1."""
    at = place(nodes, "ORD", "REL", "=q", "ORDINAL_DAY")
    kinds = nodes[at].values
    count, weekday, unit = 1, pick(nodes, "WEEKDAY"), None
    if "=q" in kinds:
        nth, unit, at = int(pick(nodes, "NUM", after=at)), "quarter", at + 1
    elif "ORDINAL_DAY" in kinds:
        nth, unit = kinds["ORDINAL_DAY"], "day"
    else:
        nth = int(kinds["ORD"]) if "ORD" in kinds else kinds["REL"]
        if "ORD" not in kinds and nth != -1:
            return None
        if (length := pick(nodes, "DURATION")) is not None:
            count, unit = int(length.count), length.unit
        elif weekday is None:
            count = int(pick(nodes, "NUM", after=at) or 1)
            at = place(nodes, "UNIT", after=at)
            unit = nodes[at].values["UNIT"]
    wide = container(context, nodes, at)
    if wide is None or count < 1 or not nth:
        return None

    def change(start: datetime, end: datetime) -> Range | None:
        if weekday is not None:
            found = nth_weekday(start, end, weekday, nth)
            return None if found is None else day_of(found)
        return nth_unit(start, end, unit or "day", nth, count)

    single = weekday is not None or (unit == "day" and count == 1)
    found = wide.mapped(change, "day" if single else "other")
    found.slack = timedelta(days=3.5) if unit in ("week", "weekend") else timedelta(0)  # weeks of months are vague
    return found


@maker
def week_of_month(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Value:
    """Week two of May 2019."""
    at = place(nodes, "NUM")
    number = int(nodes[at].values["NUM"])
    month = yearly(pick(nodes, "MONTH"), full_year(nodes, after=place(nodes, "MONTH")))
    return month.mapped(lambda start, end: nth_unit(start, end, "week", number), "week")


@maker
def half_of(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Value | None:
    """The first half of September, the 2nd half of the year."""
    at, which = place(nodes, "=half"), pick(nodes, "ORD") or 2
    at += place(nodes, "=year") == at + 1
    wide = container(context, nodes, at)
    if wide is None or which not in (1, 2):
        return None

    def change(start: datetime, end: datetime) -> Range:
        middle = add_months(start, 6) if add_months(start, 12) == end else middle_of(start, end)
        return (start, middle) if which == 1 else (middle, end)

    return wide.mapped(change, "other")


@maker
def nth_of_hours(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Value | None:
    """First Monday 1pm to 3pm of next month."""
    day = nth_of(context, nodes, arguments)
    hours = part_hours(nodes) if place(nodes, "PART") >= 0 else hours_of(nodes)
    return None if day is None or hours is None else day.mapped(lambda start, _: hours.on(start), "other")


def hours_of(nodes: Sequence[Node]) -> Any:
    """The hours of a day that some nodes tell."""
    found = pick(nodes, "HOURS")
    if found is None and (numbers := pick(nodes, "NUMBERS")) is not None and max(numbers) <= 24:
        return hours_between(*(Clock(number, open=1 <= number <= 12) for number in numbers))
    return found


@maker
def day_of_span(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Value | None:
    """The 21st of this month."""
    wide, day = container(context, nodes, place(nodes, "ORD")), on_day(int(pick(nodes, "ORD")))
    if wide is None or day is None or wide.grain != "month":
        return None
    return day.within(wide)


@maker
def span_in_year(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Value | None:
    """The last week of May of 2019."""
    span: Value = pick(nodes, "SPAN")
    year = full_year(nodes)
    if span.fixed or year is None:
        return None
    return span.within(fixed(*year_of(year), "year", relative=False))


@maker
def span_in_span(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Value | None:
    """Q3 of last year, spring next year, last year's Q3."""
    narrow, wide = sorted(every(nodes, "SPAN"), key=lambda span: span.fixed)
    if narrow.fixed or narrow.cycle != "year" or wide.grain != "year" or narrow.grain not in ("month", "quarter"):
        return None
    found: Value = narrow.within(wide)
    return found


@maker
def month_in_span(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Value | None:
    """April of last year."""
    wide: Value = pick(nodes, "SPAN")
    return yearly(pick(nodes, "MONTH")).within(wide) if wide.grain == "year" else None


@maker
def season_in_span(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Value | None:
    """The summer of last year, last year's summer."""
    wide: Value = pick(nodes, "SPAN")
    return seasonal(pick(nodes, "SEASON")).within(wide) if wide.grain == "year" else None


@maker
def date_in_span(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Value | None:
    """May 5th last year."""
    day, wide = pick(nodes, "DATE"), pick(nodes, "SPAN")
    return day.within(wide) if day.cycle == "year" and wide.grain == "year" and wide.relative else None


@maker
def holiday_in_span(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Value | None:
    """Christmas of last year, last year's Easter."""
    found: Value = pick(nodes, "HOLIDATE")
    wide: Value = pick(nodes, "SPAN")
    return found.within(wide) if wide.grain == "year" else None


@maker
def days_of_month(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Value | None:
    """9 to 12 of June, November 19-20, from 4-23 in next month. The last day named is the end."""
    first, last = pick(nodes, "NUMBERS")
    wide: Value | None = pick(nodes, "SPAN")
    if wide is None:
        wide = yearly(pick(nodes, "MONTH"), full_year(nodes, after=place(nodes, "MONTH", "NUMBERS")))
    if wide.grain != "month" or not 1 <= first < last <= 31:
        return None
    return wide.mapped(lambda start, _: (start + DAY * (first - 1), start + DAY * (last - 1)), "other")


@maker
def days_of_month_and_year(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Value | None:
    """May 3-9, 2015. The last day named is the end."""
    first, last = every(nodes, "DAY", "ORD")[:2]
    year = full_year(nodes, after=place(nodes, "TO", "=and"))
    if year is None or not 1 <= first < last <= 31:
        return None
    start = yearly(pick(nodes, "MONTH"), year).latest(context.now)[0]
    return fixed(start + DAY * (first - 1), start + DAY * (last - 1), "other", relative=False)


# --------------------------------------------------------------------------------------------------------- weekdays


@maker
def weekday(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Value:
    """Friday."""
    return on_weekday(pick(nodes, "WEEKDAY"))


@maker
def weekday_and_date(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Value:
    """Tuesday, May 9: the date counts."""
    found: Value = pick(nodes, "DATE", "HOLIDATE", "MOMENT")
    return found


@maker
def weekday_and_day(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Value | None:
    """Friday the 13th: this month's where that is a Friday, else the last one."""
    number: int = pick(nodes, "WEEKDAY")
    day = on_day(int(pick(nodes, "ORD", "DAY", after=place(nodes, "WEEKDAY"))))

    def change(start: datetime, end: datetime) -> Range | None:
        return (start, end) if start.weekday() == number else None

    if day is None:
        return None
    found = day.mapped(change)
    present = found.make(context.today)
    return found if present is None else fixed(*present, "day")


@maker
def weekday_and_dotted(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Value | None:
    """Friday 7.6, where the 6th of July is a Friday."""
    found: Value | None = month_first(context.grammar, "", pick(nodes, "DOTTED").split("."))
    number = pick(nodes, "WEEKDAY")
    if found is None or (number is not None and not agrees(found, number, context.today)):
        return None
    return found


def agrees(value: Value, number: int, today: datetime) -> bool:
    """Whether a day of the year is such a weekday in this year."""
    found = value.make(today)
    return found is not None and found[0].weekday() == number


@maker
def day_of_month(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Value | None:
    """The 18th."""
    return on_day(int(pick(nodes, "ORD", "DAY")))


@maker
def week_around(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Value | None:
    """The week of April 10th."""
    day = pick(nodes, "DATE", "HOLIDATE") or on_day(int(pick(nodes, "ORD")))
    return None if day is None else day.mapped(lambda start, _: week_of(start), "week")


@maker
def weekend_around(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Value | None:
    """Labor Day weekend."""
    day: Value = pick(nodes, "HOLIDATE", "DATE")
    return day.mapped(weekend_at, "week") if day.grain == "day" else None


@maker
def the_unit(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Value:
    """The month, that weekend: mostly another one than this."""
    unit = pick(nodes, "UNIT")
    return fixed(*unit_of(midnight(context.now), unit), GRAINS.get(unit, "other"), sure=0.2)
