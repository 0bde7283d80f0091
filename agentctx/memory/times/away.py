"""Makers of times at a distance from others: so long ago, after a date, beside one, in the week of one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from agentctx.memory.times.almanac import unit_of
from agentctx.memory.times.dates import on_day, on_weekday, seasonal, yearly
from agentctx.memory.times.makers import every, maker, pick, place, says
from agentctx.memory.times.relative import NONE, TIMED, business_days, slack_of
from agentctx.memory.times.spoken import length, part_hours
from agentctx.memory.times.values import DAY, FIRST, Duration, Grain, Range, Value, day_of, fixed

if TYPE_CHECKING:
    from agentctx.memory.times.engine import Context, Node


@maker
def away(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Value | None:
    """Two weeks ago, in 3 days, an hour from now. "Later" may be counted from another time."""
    sure = pick(nodes, "HENCE")
    much: Duration = pick(nodes, "DURATION")
    if much.unit == "weekend":
        found = unit_of(context.today, "weekend", arguments[0] * int(much.count))
        return fixed(*found, "week", sure=1.0 if sure is None else sure, slack=slack_of("weekend"))
    return moved(much, context, context.now, arguments[0], sure=1.0 if sure is None else sure)


@maker
def season_of_away(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Value | None:
    """May two years ago, two years ago in the summer, Christmas three years ago."""
    wide: Value = pick(nodes, "AWAY")
    if wide.grain != "year":
        return None
    value: Value | None = pick(nodes, "HOLIDATE")
    if value is None:
        first = pick(nodes, "SEASON")
        value = yearly(pick(nodes, "MONTH")) if first is None else seasonal(first)
    found = value.make(wide.latest(context.now)[0])
    return None if found is None else fixed(*found, value.grain)


@maker
def earlier(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Value | None:
    """Three weeks earlier: often than another time."""
    return moved(pick(nodes, "DURATION"), context, context.now, arguments[0], sure=0.4)


def moved(much: Duration, context: Context, start: datetime, sign: int, *, sure: float = 1.0) -> Value | None:
    """So much before or after a moment; a day where days or more are counted."""
    moment = much.added(start, sign)
    if much.timed:
        return fixed(
            moment, moment + timedelta(minutes=1), "minute", sure=sure, slack=timedelta(seconds=much.seconds / 10)
        )
    day = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    if much.unit == "business day":
        days = business_days(context.today, int(much.count), sign)
        day = days[0] if sign < 0 else days[1] - DAY
    return fixed(day, day + DAY, _counted_in(much.unit), sure=sure, slack=slack_of(much.unit, much.count))


def _counted_in(unit: str) -> Grain:
    return "month" if unit == "month" else "year" if unit == "year" else "day"


@maker
def away_from(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Value | None:
    """Three weeks after Easter, two days before 5 May, 4 months from tomorrow."""
    much: Duration = pick(nodes, "DURATION")
    value: Value = pick(nodes, "DATE", "HOLIDATE", "AWAY", "SPAN")
    if much.timed:
        return None

    def change(start: datetime, _: datetime) -> Range:
        moment = much.added(start, arguments[0])
        return moment, moment + DAY

    if says(nodes, "from") and not value.fixed:  # "from" looks ahead
        return fixed(*change(*value.soonest(context.today)), _counted_in(much.unit))
    return value.mapped(change, _counted_in(much.unit))


@maker
def away_from_day(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Value | None:
    """Two days after the 15th."""
    much: Duration = pick(nodes, "DURATION")
    day = on_day(int(pick(nodes, "ORD")))
    if day is None or much.timed:
        return None
    return day.mapped(lambda start, _: day_of(much.added(start, arguments[0])), "day")


@maker
def away_from_point(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Value | None:
    """Five days before the end of May, two hours after noon tomorrow."""
    much: Duration = pick(nodes, "DURATION")
    value: Value = pick(nodes, "SPAN", "MOMENT", "MSPAN")
    point = value.grain in TIMED

    def change(start: datetime, end: datetime) -> Range:
        moment = end if value.edge == "end" or (arguments[0] > 0 and not (point or value.edge)) else start
        moment = much.added(moment, arguments[0])
        return (moment, moment + timedelta(minutes=1)) if much.timed or point else day_of(moment)

    return None if much.timed and not point else value.mapped(change, "minute" if much.timed or point else "day")


@maker
def away_from_weekday(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Value | None:
    """A week from Friday: from the next one; a week before Friday: before the last one."""
    much: Duration = pick(nodes, "DURATION")
    day = on_weekday(pick(nodes, "WEEKDAY"))
    if much.timed:
        return None
    if says(nodes, "before"):
        start = much.added(day.latest(context.today)[0], -1)
    else:
        start = much.added(day.soonest(context.today + DAY)[0] if says(nodes, "from") else day.latest(context.today)[0])
    return fixed(start, start + DAY, "day")


@maker
def compared(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Value | None:
    """More than 2 weeks ago, less than 3 days after tomorrow."""
    much: Duration = pick(nodes, "DURATION")
    how = arguments[0]
    if how in ("more", "less"):
        how = "more" if pick(nodes, "BEFORE") == 0 else how
        start = much.added(context.now if much.timed else context.today, -1)
        return fixed(FIRST, start, "other") if how == "more" else fixed(start, context.now, "other")
    value: Value = pick(nodes, "DATE", "HOLIDATE")
    if how == "before":
        return fixed(FIRST, much.added(value.latest(context.now)[0], -1), "other", sure=value.sure)
    return value.mapped(lambda start, _: (start, much.added(start)), "other")


@maker
def weekdays_away(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Value:
    """Two Fridays ago."""
    day, step = on_weekday(pick(nodes, "WEEKDAYS")), arguments[0]
    near = day.latest(context.today - DAY) if step < 0 else day.soonest(context.today + DAY)
    shift = DAY * 7 * step * (int(pick(nodes, "NUM")) - 1)
    return fixed(near[0] + shift, near[1] + shift, "day")


@maker
def weekday_of_span(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Value | None:
    """Tuesday of last week, next week on Monday."""
    wide: Value = pick(nodes, "SPAN")
    number = pick(nodes, "WEEKDAY")
    if (wide.grain not in ("week", "other")) or number is None:
        return None
    found = on_weekday(number).within(wide)
    if place(nodes, "PART") >= 0:
        hours = part_hours(nodes)
        found = found.mapped(lambda start, _: hours.on(start), "other")
    found.slack = NONE
    return found


@maker
def weekdays_of_span(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Value | None:
    """Next week from Wednesday to Friday."""
    wide: Value = pick(nodes, "SPAN")
    first, last = (on_weekday(number) for number in every(nodes, "WEEKDAY"))
    if wide.grain != "week":
        return None

    def change(start: datetime, _: datetime) -> Range | None:
        found = first.make(start)
        return None if found is None else (found[0], last.soonest(found[0])[0])

    return wide.mapped(change, "other")


@maker
def unit_beside(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Value | None:
    """The day before Christmas, the week after 5 May."""
    unit = pick(nodes, "UNIT")
    day: Value = pick(nodes, "DATE", "HOLIDATE")
    if unit in TIMED or day.grain != "day":
        return None
    much = length(1, unit)
    if says(nodes, "before"):
        return day.mapped(lambda start, _: (much.added(start, -1), start), "day" if unit == "day" else "other")
    return day.mapped(lambda _, end: (end, much.added(end)), "day" if unit == "day" else "other")


@maker
def weekend_beside(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Value:
    """The weekend before Halloween."""
    saturday = on_weekday(5)
    day: Value = pick(nodes, "DATE", "HOLIDATE")

    def change(start: datetime, end: datetime) -> Range:
        found = saturday.latest(start - 2 * DAY) if says(nodes, "before") else saturday.soonest(end)
        return found[0], found[1] + DAY

    return day.mapped(change, "week")


@maker
def weekday_beside(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Value:
    """The Sunday before 25 October."""
    weekday = on_weekday(pick(nodes, "WEEKDAY"))
    day: Value = pick(nodes, "DATE", "HOLIDATE")
    if says(nodes, "before"):
        return day.mapped(lambda start, _: weekday.latest(start - DAY), "day")
    return day.mapped(lambda _, end: weekday.soonest(end), "day")


@maker
def weekday_of_away(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Value | None:
    """Friday two weeks ago: of that week; Friday two months ago: the first from then on."""
    value: Value = pick(nodes, "AWAY")
    number = pick(nodes, "WEEKDAY")
    if number is None:
        day = pick(nodes, "DATE")
        if day.cycle != "week":
            return None
        number = day.make(context.today)[0].weekday()
    weekday = on_weekday(number)
    sooner = value.grain in ("month", "year")

    def change(start: datetime, _: datetime) -> Range | None:
        return weekday.soonest(start) if sooner else weekday.make(start)

    found = value.mapped(change, "day")
    found.slack = NONE
    return found
