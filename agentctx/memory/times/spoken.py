"""Makers of numbers, durations, clock times and dates in digits."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from agentctx.memory.times.makers import every, maker, pick, place, says
from agentctx.memory.times.values import Clock, Duration, Hours

if TYPE_CHECKING:
    from agentctx.memory.times.engine import Context, Node

_MONTHS: Final = {"month": 1, "quarter": 3, "year": 12, "decade": 120, "century": 1200}
_DAYS: Final = {"day": 1, "business day": 1, "week": 7, "weekend": 7, "workweek": 7, "fortnight": 14}
_SECONDS: Final = {"second": 1, "minute": 60, "hour": 3600}
_MOST: Final = 200_000  # of any unit: what is longer leaves the calendar anyhow
_THIS_CENTURY: Final = 50  # two digits below it are of this century, as computers have it


def value_of_year(short: int) -> int:
    """The year that two digits mean."""
    return short + (2000 if short < _THIS_CENTURY else 1900)


def full_year(nodes: Sequence[Node], after: int = -1) -> int | None:
    """The year that is named in four digits, words or two digits."""
    year = pick(nodes, "YEAR", after=after)
    if year is None and (short := pick(nodes, "SHORT", after=after)) is not None:
        return value_of_year(short)
    return None if year is None else int(year)


@maker
def nothing(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> bool:
    """What looks like a time and is none."""
    return True


@maker
def constant(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> float:
    """The number that the rule names."""
    return float(arguments[0])


@maker
def spoken_number(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> int:
    """Twenty-one, two thousand and fifteen."""
    total = part = 0
    for node in nodes:
        if "=thousand" in node.values:
            total, part = total + max(part, 1) * 1000, 0
        elif "=hundred" in node.values:
            part = max(part, 1) * 100
        else:
            part += pick([node], "ONES", "TEENS", "TENS") or 0
    return total + part


@maker
def spoken_year(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> int | None:
    """Nineteen eighty-six."""
    century, *rest = every(nodes, "ONES", "TEENS", "TENS")
    return century * 100 + sum(rest) if 11 <= century <= 20 else None


@maker
def spoken_ordinal(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> int | None:
    """Twenty-first."""
    ones: int = pick(nodes, "ORD")
    return pick(nodes, "TENS") + ones if ones < 10 else None


@maker
def half(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> float:
    """Half an hour."""
    return 0.5


@maker
def and_a_half(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> float:
    """Two and a half."""
    return float(pick(nodes, "ONES", "TEENS", "NUM")) + 0.5


@maker
def dotted_number(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> float:
    """2.5."""
    return float(pick(nodes, "DOTTED", "DECIMAL"))


@maker
def vague(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> int:
    """A couple, a few."""
    return int(pick(nodes, "VAGUE"))


def length(count: float, unit: str) -> Duration:
    """So many of a unit."""
    if not 0 < count <= _MOST:
        raise ValueError
    if unit in _MONTHS:
        months = count * _MONTHS[unit]
        return Duration(months=int(months), days=round((months - int(months)) * 30), unit=unit, count=count)
    if unit in _DAYS:
        days, rest = divmod(count * _DAYS[unit], 1)
        return Duration(days=days, seconds=rest * 86_400, unit=unit, count=count)
    return Duration(seconds=count * _SECONDS[unit], unit=unit, count=count)


@maker
def duration(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Duration | None:
    """Two weeks; 2 years 1 month 21 days."""
    total: Duration | None = None
    number: float | None = None
    for node in nodes:
        if "NUM" in node.values:
            number = node.values["NUM"]
        elif "DURATION" in node.values:
            total = node.values["DURATION"] if total is None else total.joined(node.values["DURATION"])
        elif (unit := pick([node], "UNIT", "GLUED")) is not None:
            one = length(1 if number is None else number, unit)
            total, number = one if total is None else total.joined(one), None
    if total is not None and says(nodes, "half"):
        total = total.joined(length(0.5, total.unit))
    return total


@maker
def clock(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Clock | None:
    """8 pm, 1140 a.m., 9.30 am, seven o'clock."""
    return clock_of(nodes)


def clock_of(nodes: Sequence[Node]) -> Clock | None:
    """The clock time that some nodes tell, in whatever way; None where the numbers are none."""
    at = place(nodes, "CLOCK", "DOTTED", "HHMM", "HOUR")
    if at < 0:
        return None
    kinds = nodes[at].values
    afternoon = pick(nodes, "AMPM")
    if "CLOCK" in kinds:
        found: Clock = kinds["CLOCK"]
    elif "DOTTED" in kinds:
        hour, _, minute = kinds["DOTTED"].partition(".")
        if len(minute) != 2 or int(minute) > 59 or int(hour) > 24:
            return None
        found = Clock(int(hour), int(minute), grain="minute", open=int(hour) <= 12)
    elif "HHMM" in kinds:
        found = Clock(kinds["HHMM"] // 100, kinds["HHMM"] % 100, grain="minute", open=kinds["HHMM"] < 1300)
    else:
        minute = pick(nodes, "MINUTE", after=at)
        spoken = pick(nodes, "DURATION", after=at)
        if spoken is not None and spoken.unit == "minute":
            minute = int(spoken.count)
        hour = int(kinds["HOUR"])
        found = Clock(hour, int(minute or 0), grain="hour" if minute is None else "minute", open=1 <= hour <= 12)
    if found.hour > 24 or (afternoon is not None and found.hour > 12 and not afternoon):
        return None
    return found if afternoon is None else found.half(bool(afternoon))


def hours_between(first: Clock, last: Clock) -> Hours:
    """From one clock time to another: what is said of the one half of the day holds for the other where it can."""
    if last.open:
        start = first.likely
        fits = [hour for hour in (last.hour, last.hour + 12) if (hour, last.minute) > (start, first.minute)]
        return Hours(since_midnight(start, first), since_midnight(fits[0] if fits else last.likely, last))
    start = first.hour
    if first.open:
        both = (first.half(last.hour >= 12).hour, first.half(last.hour < 12).hour)
        start = next((hour for hour in both if (hour, first.minute) < (last.hour, last.minute)), first.hour)
    return Hours(since_midnight(start, first), since_midnight(last.hour, last))


def since_midnight(hour: int, clock: Clock) -> timedelta:
    """The time from midnight to an hour and the minutes of a clock time."""
    return timedelta(hours=hour, minutes=clock.minute, seconds=clock.second)


@maker
def clock_word(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Clock:
    """Noon, midnight; 12 noon."""
    return Clock(pick(nodes, "CLOCKWORD"))


@maker
def past_hour(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Clock | None:
    """Half past seven, 20 minutes to 9 pm."""
    sign = arguments[0]
    if (spoken := pick(nodes, "DURATION")) is not None:
        minutes = int(spoken.count * {"minute": 1, "quarter": 15}.get(spoken.unit, 0))
        at = place(nodes, "DURATION")
    elif says(nodes, "half", "quarter"):
        minutes, at = (30 if says(nodes, "half") else 15), place(nodes, "=half", "=quarter")
    else:
        minutes, at = pick(nodes, "MINUTE", "DAY") or 0, 0
    hour = clock_of(nodes[at + 1 :])
    if hour is None or not 0 < minutes < 60:
        return None
    moment = datetime(2000, 1, 2, hour.hour % 24, hour.minute) + sign * timedelta(minutes=minutes)  # noqa: DTZ001
    return Clock(moment.hour, moment.minute, grain="minute", open=hour.open)


def half_by(found: Clock, part: Hours) -> Clock:
    """A clock time in a part of the day: 7 in the evening is 19:00, 2 at night is 2:00."""
    if not 1 <= found.hour <= 12 or not (found.open or part.late):
        return found
    if part.start >= timedelta(hours=20):
        return found.half(5 <= found.hour < 12)
    return found.half(part.late)


@maker
def clock_in_part(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Clock | None:
    """8 in the evening; in the morning at 7."""
    found = clock_of(nodes)
    return None if found is None else half_by(found, part_hours(nodes))


def part_hours(nodes: Sequence[Node]) -> Hours:
    """The part of the day that some nodes name, or its early or late half."""
    part = pick(nodes, "PART")
    if part is None:
        part = [20, 24]
    start, end = timedelta(hours=part[0]), timedelta(hours=part[1])
    edge = pick(nodes, "EDGE")
    middle = (end - start) / 2
    if edge in ("early", "earlier", "start"):
        return Hours(start, start + middle)
    if edge in ("late", "later", "end"):
        return Hours(start + middle, end)
    return Hours(start, end)
