"""Makers of times that are counted from the reference time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from agentctx.memory.times.almanac import GRAINS, part_of, unit_of
from agentctx.memory.times.dates import on_weekday, quarter_of_year, seasonal, yearly
from agentctx.memory.times.makers import maker, pick, place, says
from agentctx.memory.times.spoken import length, part_hours
from agentctx.memory.times.values import DAY, Duration, Range, Value, fixed, week_of

if TYPE_CHECKING:
    from agentctx.memory.times.engine import Context, Node

# How far off people are who say "two weeks ago" or "last month": about half of the unit, less of months.
_SLACK: Final = {
    "week": timedelta(days=3.5),
    "weekend": timedelta(days=3.5),
    "fortnight": timedelta(days=7),
    "month": timedelta(days=10),
    "quarter": timedelta(days=45),
    "year": timedelta(days=180),
}
TIMED: Final = ("second", "minute", "hour")
_ALIGNED: Final = ("quarter", "decade", "century", "weekend")
NONE: Final = timedelta(0)


def slack_of(unit: str, count: float = 1) -> timedelta:
    """How far off a speaker is who counts so many of a unit: the farther away, the vaguer; years are vague as it is."""
    vaguer = 1.0 if unit == "year" else min(0.8 + 0.2 * max(count, 1), 1.5)
    return _SLACK.get(unit, NONE) * vaguer


@maker
def now(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Value:
    """Now."""
    return fixed(context.now, context.now + timedelta(seconds=1), "second", sure=0.25)


@maker
def days_away(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Value:
    """Yesterday."""
    start = context.today + DAY * pick(nodes, "DAYS_AWAY")
    return fixed(start, start + DAY, "day")


@maker
def relative_unit(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Value | None:
    """Last week, this month, next year."""
    unit, step = pick(nodes, "UNIT", after=place(nodes, "REL", "JUST")), pick(nodes, "REL", "JUST")
    if unit in TIMED:
        return _several(context, length(1, unit), step, within=True) if step else None
    if unit == "business day":
        return None
    slack = slack_of(unit) if step and unit in ("week", "weekend", "month") else NONE
    return fixed(*unit_of(context.today, unit, step), GRAINS.get(unit, "other"), slack=slack)


@maker
def several_units(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Value | None:
    """The last three months, the next couple of weeks: they end today or begin tomorrow."""
    step = pick(nodes, "REL", "JUST")
    much = pick(nodes, "DURATION")
    if much is None:
        much = length(float(pick(nodes, "NUM")), pick(nodes, "UNIT", after=place(nodes, "NUM")))
    return _several(context, much, step, within=says(nodes, "within")) if step else None


def _several(context: Context, much: Duration, step: int, *, within: bool) -> Value:
    today = context.today
    if much.unit in _ALIGNED:
        edge = unit_of(today, much.unit)
        count = int(much.count)
        if step < 0:
            return fixed(unit_of(today, much.unit, -count)[0], edge[0], "other")
        return fixed(edge[1], unit_of(today, much.unit, count)[1], "other")
    if much.timed or (within and much.unit in TIMED):
        other = much.added(context.now, step)
        return fixed(min(context.now, other), max(context.now, other), "other")
    if much.unit == "business day":
        return fixed(*business_days(today, int(much.count), step), "other")
    if step < 0:
        return fixed(much.added(today, -1), today, "other")
    start = today if within else today + DAY
    return fixed(start, much.added(start), "other")


def business_days(today: datetime, count: int, step: int) -> Range:
    """So many days without Saturdays and Sundays, up to today or from tomorrow on."""
    if count > 1000:
        raise ValueError
    day = today
    while count:
        day += DAY * step
        count -= day.weekday() < 5
    return (day, today) if step < 0 else (today + DAY, day + DAY)


@maker
def unit_after_next(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Value:
    """The week after next."""
    unit = pick(nodes, "UNIT")
    return fixed(*unit_of(context.today, unit, 2), GRAINS.get(unit, "other"))


@maker
def unit_before_last(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Value:
    """The week before last."""
    unit = pick(nodes, "UNIT")
    return fixed(*unit_of(context.today, unit, -2), GRAINS.get(unit, "other"), slack=slack_of(unit))


@maker
def weekday_beyond(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Value:
    """The Friday before last, Monday after next."""
    day, step = on_weekday(pick(nodes, "WEEKDAY")), arguments[0]
    near = day.latest(context.today - DAY) if step < 0 else day.soonest(context.today + DAY)
    return fixed(near[0] + 7 * DAY * step, near[1] + 7 * DAY * step, "day")


@maker
def season_before_last(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Value | None:
    """The summer before last."""
    first = pick(nodes, "SEASON")
    value = seasonal(first) if first is not None else yearly(pick(nodes, "MONTH"))
    last = cycled(context, value, -1)
    return None if last is None else fixed(*value.latest(last.latest(context.today)[0] - DAY), value.grain)


@maker
def relative_quarter(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Value | None:
    """Last Q3."""
    return cycled(context, quarter_of_year(context, nodes, arguments), pick(nodes, "REL"))


@maker
def relative_month(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Value | None:
    """Last March, this September."""
    return cycled(context, yearly(pick(nodes, "MONTH")), pick(nodes, "REL", "JUST"))


@maker
def relative_season(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Value | None:
    """Last summer."""
    return cycled(context, seasonal(pick(nodes, "SEASON")), pick(nodes, "REL", "JUST"))


@maker
def relative_cycle(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Value | None:
    """Last Christmas."""
    return cycled(context, pick(nodes, "HOLIDATE"), pick(nodes, "REL", "JUST"))


@maker
def relative_date(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Value | None:
    """A date of this year, of the last or the next: this 5/12."""
    value: Value = pick(nodes, "DATE")
    return None if value.fixed else cycled(context, value, pick(nodes, "REL"))


def cycled(context: Context, value: Value | None, step: int) -> Value | None:
    """The last one that is over, this year's, or the next one that has not begun."""
    if value is None:
        return None
    if step == 0:
        found = value.make(context.today)
    elif step > 0:
        found = value.soonest(context.today + DAY)
    else:
        found = value.latest(context.today - DAY)
        if found[1] > context.today:
            found = value.latest(found[0] - DAY)
    return None if found is None else fixed(*found, value.grain)


@maker
def recent_weekday(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Value:
    """The last one before today: this past Tuesday."""
    return fixed(*on_weekday(pick(nodes, "WEEKDAY")).latest(context.today - DAY), "day")


@maker
def relative_weekday(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Value:
    """Last Tuesday is last week's, though half of the people mean this week's where it is over."""
    step = pick(nodes, "REL")
    start = week_of(context.today)[0] + DAY * (7 * step + pick(nodes, "WEEKDAY"))
    slack = timedelta(days=7) if step < 0 else NONE
    return fixed(start, start + DAY, "day", slack=slack)


@maker
def relative_part(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Value:
    """Last night, this morning, tonight, late this afternoon."""
    step = pick(nodes, "REL", "JUST") or 0
    return fixed(*part_hours(nodes).on(context.today + DAY * step), "other")


@maker
def within_duration(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Value:
    """Within 9 months, from today on."""
    return _several(context, pick(nodes, "DURATION"), 1, within=True)


@maker
def ahead_of_now(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Value:
    """Four weeks in the future: all of them."""
    return _several(context, pick(nodes, "DURATION"), 1, within=False)


@maker
def constant_days(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Value:
    """The next day: mostly after another one than today."""
    start = context.today + DAY * arguments[0]
    return fixed(start, start + DAY, "day", sure=0.2)


@maker
def edge_of_unit(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Value:
    """EOY, year to date."""
    unit, _, passed = pick(nodes, "EDGE_OF").partition(" ")
    start, end = unit_of(context.today, unit)
    if passed:
        return fixed(start, max(context.today, start + DAY), "other")
    if unit == "day":
        return fixed(end - timedelta(seconds=1), end, "second")
    return fixed(*part_of(start, end, "late", relative=True), "other")


@maker
def ordinal_day(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> int:
    """The 26th day, of what will be said."""
    return int(pick(nodes, "ORD"))
