"""Makers that put times together: a day and its hours, parts, ranges from one to another, open ranges."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from agentctx.memory.times.dates import on_day, on_weekday
from agentctx.memory.times.makers import every, maker, pick, place, says
from agentctx.memory.times.shapes import dated, month_first
from agentctx.memory.times.spoken import clock_of, half_by, hours_between, part_hours, since_midnight
from agentctx.memory.times.values import (
    Clock,
    Grain,
    Hours,
    Range,
    Value,
)
from agentctx.memory.times.within import agrees, hours_of

if TYPE_CHECKING:
    from agentctx.memory.times.engine import Context, Node

_ENDS: Final = ("DATE", "SPAN", "MOMENT", "MSPAN")
_SIZES: Final[dict[Grain, timedelta]] = {"second": timedelta(seconds=1), "minute": timedelta(minutes=1)}
_EARLY: Final = ("early", "earlier", "start")


@maker
def numbers(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> tuple[int, int] | None:
    """9 to 12: hours or days, as what follows has it."""
    first, last = every(nodes, "NUM", "ORD")
    if not all(number == int(number) and number <= 31 for number in (first, last)):
        return None
    return int(first), int(last)


@maker
def hours(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Hours | None:
    """3 to 5 pm, between 9:30 and 11."""
    cut = place(nodes, "TO", "=and")
    first, last = clock_of(nodes[:cut]), clock_of(nodes[cut + 1 :])
    return None if first is None or last is None else hours_between(first, last)


@maker
def hours_for(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Hours | None:
    """From 9:30 for 7 hours."""
    found, much = clock_of(nodes), pick(nodes, "DURATION")
    if found is None or not much.timed or much.days or much.months:
        return None
    start = since_midnight(found.likely, found)
    return Hours(start, start + timedelta(seconds=much.seconds))


@maker
def date_and_hours(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Value | None:
    """Tomorrow from 3 to 5 pm."""
    day: Value = pick(nodes, "DATE", "HOLIDATE")
    found = hours_of(nodes)
    if found is None or day.grain != "day":
        return None
    if place(nodes, "PART") >= 0:
        found = _halved(found, part_hours(nodes).late)
    return day.mapped(lambda start, _: found.on(start), "other")


def _halved(found: Hours, late: bool) -> Hours:
    """The same hours in the half of the day that was named, where they may lie in either."""
    noon = timedelta(hours=12)
    if late and found.end <= noon:
        return Hours(found.start + noon, found.end + noon)
    if not late and found.start >= noon and found.end <= 2 * noon:
        return Hours(found.start - noon, found.end - noon)
    return found


@maker
def part_and_hours(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Value | None:
    """Last night between 7 and 9:30."""
    part: Value = pick(nodes, "DAYPART")
    found = hours_of(nodes)
    if found is None and place(nodes, "=and") >= 0:
        cut = place(nodes, "=and")
        first, last = clock_of(nodes[:cut]), clock_of(nodes[cut + 1 :])
        found = None if first is None or last is None else hours_between(first, last)
    if found is None:
        return None
    late = part.latest(context.now)[0].hour >= 12
    return part.mapped(lambda start, _: _halved(found, late).on(start), "other")


@maker
def weekday_and_numbers(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Value | None:
    """Monday 8-9; Friday 7-6, where the 6th of July is a Friday."""
    number = pick(nodes, "WEEKDAY")
    return _day_and_numbers(context, on_weekday(number), number, nodes)


@maker
def date_and_numbers(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Value | None:
    """Next Monday 6-8."""
    return _day_and_numbers(context, pick(nodes, "DATE"), None, nodes)


def _day_and_numbers(context: Context, day: Value, number: int | None, nodes: Sequence[Node]) -> Value | None:
    if number is not None and not says(nodes, "from", "between"):
        date = month_first(context.grammar, "", [str(part) for part in pick(nodes, "NUMBERS")])
        if date is not None and agrees(date, number, context.today):
            found: Value = date
            return found
    hours = hours_of(nodes)
    return None if hours is None or day.grain != "day" else day.mapped(lambda start, _: hours.on(start), "other")


@maker
def date_and_duration(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Value | None:
    """14th Feb from 9:30am for 7 hours."""
    found = hours_for(context, nodes, arguments)
    return None if found is None else pick(nodes, "DATE", "HOLIDATE").mapped(lambda start, _: found.on(start), "other")


@maker
def date_and_clock(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Value | None:
    """Tomorrow at 5 pm, 3pm today, Sunday early morning at 8:00."""
    day: Value = pick(nodes, "DATE", "HOLIDATE", "AWAY")
    at = place(nodes, "CLOCK", "DATE", "HOLIDATE", "AWAY")
    found = clock_of(nodes if "CLOCK" in nodes[at].values else nodes[at + 1 :] or nodes[:at])
    if found is None or day.grain in _SIZES:
        return None
    if place(nodes, "PART") >= 0:
        found = half_by(found, part_hours(nodes))
    return _at(day, found)


def _at(day: Value, clock: Clock) -> Value:
    def change(start: datetime, _: datetime) -> Range:
        moment = clock.on(start)
        return moment, moment + _SIZES.get(clock.grain, timedelta(hours=1))

    return day.mapped(change, clock.grain)


@maker
def clock_on_day(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Value | None:
    """8pm on the 15th."""
    day, clock = on_day(int(pick(nodes[1:], "ORD", "DAY"))), clock_of(nodes)
    return None if day is None or clock is None else _at(day, clock)


@maker
def month_day_clock_year(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Value | None:
    """Oct 26 15:50:06 2016."""
    day, clock = dated(pick(nodes, "YEAR"), pick(nodes, "MONTH"), pick(nodes, "DAY")), clock_of(nodes[2:3])
    return None if day is None or clock is None else _at(day, clock)


@maker
def part_and_clock(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Value | None:
    """Tonight around 7, 8am this morning; what is past midnight is the day after's."""
    part: Value = pick(nodes, "DAYPART")
    at = place(nodes, "DAYPART")
    found = clock_of(nodes[:at] or nodes[at + 1 :])
    if found is None:
        return None
    start = part.latest(context.now)[0]
    found = half_by(found, Hours(timedelta(hours=start.hour), timedelta(hours=24)))
    if start.hour >= 20 and found.hour < 5:
        found = Clock(found.hour + 24, found.minute, found.second, found.grain)
    return _at(part, found)


@maker
def date_and_part(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Value | None:
    """Tomorrow night, Tuesday in the morning."""
    day: Value = pick(nodes, "DATE", "HOLIDATE", "AWAY")
    found = part_hours(nodes)
    return day.mapped(lambda start, _: found.on(start), "other") if day.grain == "day" else None


@maker
def date_and_ampm(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Value:
    """Tomorrow am."""
    first = 12 if pick(nodes, "AMPM") else 8
    found = Hours(timedelta(hours=first), timedelta(hours=first + 4))
    day: Value = pick(nodes, "DATE")
    return day.mapped(lambda start, _: found.on(start), "other")


@maker
def edge_of_part(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Value:
    """Early this evening."""
    part: Value = pick(nodes, "DAYPART")
    edge = pick(nodes, "EDGE")
    half = (lambda s, e: (s, s + (e - s) / 2)) if edge in _EARLY else (lambda s, e: (s + (e - s) / 2, e))
    return part.mapped(half, "other")


@maker
def latter(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Value:
    """Tomorrow, 13/04/21: the second says more; this Friday, Jun 15: unless they are the same day."""
    first: Value
    last: Value
    first, last = every(nodes, "DATE")
    day = first.latest(context.now)
    return first if first.fixed and not last.fixed and last.make(day[0]) == day else last


@maker
def same(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Value:
    """What it was, in a plainer kind."""
    found: Value = pick(nodes, "HOLIDATE", "AWAY", "DAYPART")
    return found
