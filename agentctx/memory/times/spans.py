"""Makers of stretches: parts of a span, from one time to another, open ranges."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from agentctx.memory.times.almanac import middle_of, part_of, unit_of
from agentctx.memory.times.dates import on_day, yearly
from agentctx.memory.times.makers import every, maker, pick, place
from agentctx.memory.times.spoken import clock_of
from agentctx.memory.times.values import DAY, FIRST, LAST, Clock, Duration, Grain, Range, Value, fixed, midnight

if TYPE_CHECKING:
    from agentctx.memory.times.engine import Context, Node

_ENDS: Final = ("DATE", "SPAN", "MOMENT", "MSPAN")
_NO_EDGES: Final = ("second", "minute", "hour", "business day", "decade", "century")
_PARTS: Final = {"early": "early", "earlier": "early", "start": "early", "mid": "mid", "middle": "mid"}


@maker
def edge(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Value | None:
    """Early March, the end of 1989, later this week."""
    whole: Value = pick(nodes, "SPAN")
    if whole.grain == "day":
        return edge_of_day_value(context, pick(nodes, "EDGE"), whole)
    return _edged(context, pick(nodes, "EDGE"), whole)


@maker
def edge_to_edge(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Value | None:
    """Mid to late May: from where the one begins to where the other ends."""
    first, last = every(nodes, "EDGE")
    whole: Value = pick(nodes, "SPAN")
    if "rest" in (first, last):
        return None
    starts, ends = _edged(context, first, whole), _edged(context, last, whole)

    def change(start: datetime, _: datetime) -> Range | None:
        until = ends.make(start)
        return None if until is None else (start, until[1])

    return starts.mapped(change, "other")


@maker
def edge_of_the_unit(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Value | None:
    """End of month."""
    at = place(nodes, "UNIT", after=place(nodes, "EDGE"))
    unit = nodes[at].values["UNIT"]
    if nodes[at].values.keys() & {"PART", "PLURAL"} or unit in _NO_EDGES:
        return None
    grain: Grain = "day" if unit == "day" else "other"
    whole = fixed(*unit_of(context.today, unit), grain)
    word = pick(nodes, "EDGE")
    return edge_of_day_value(context, word, whole) if unit == "day" else _edged(context, word, whole)


@maker
def edge_of_day(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Value | None:
    """The end of tomorrow is its last second; mid today, later today."""
    return edge_of_day_value(context, pick(nodes, "EDGE"), pick(nodes, "DATE"))


@maker
def end_of_day(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Value | None:
    """Eod Friday, end of day tomorrow."""
    word = pick(nodes, "EDGE") or "end"
    if pick(nodes, "EDGE_OF") not in (None, "day"):
        return None
    return edge_of_day_value(context, word, pick(nodes, "DATE", "HOLIDATE"))


def edge_of_day_value(context: Context, word: str, day: Value) -> Value | None:
    """A part of a day, or its last second."""
    if day.grain != "day":
        return None
    if word == "rest":
        return fixed(context.now, day.latest(context.now)[1], "other")
    if word == "end":
        return day.mapped(lambda _, end: (end - timedelta(seconds=1), end), "second")
    return day.mapped(lambda start, end: part_of(start, end, _PARTS.get(word, "late"), True), "other")


def _edged(context: Context, word: str, whole: Value) -> Value:
    today = context.today

    def change(start: datetime, end: datetime) -> Range:
        if word == "rest":
            return max(start, today), end - DAY if end - DAY > max(start, today) else end
        first, last = part_of(start, end, _PARTS.get(word, "late"), whole.relative)
        if word == "earlier" and first < today < last:
            last = today
        if word == "later" and first < today < last:
            first = today
        return first, last

    found = whole.mapped(change, "other")
    found.slack = timedelta(0)
    found.sure = max(whole.sure, 0.6)
    if word in ("start", "middle", "end"):
        found.edge, found.whole = word, whole
    return found


# --------------------------------------------------------------------------------------------------------- ranges


def _point(found: Range, value: Value, begin: bool) -> datetime:
    """Where a range begins or ends that is said to begin or end with a value: ends are left out, as in `[a, b)`."""
    if value.edge == "middle":
        return middle_of(*found)
    if value.edge == "end" and not begin:
        return found[1]
    return found[0]


@maker
def from_to(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Value | None:
    """From May to October 2020, between Jan 22 and now, 2014-2018."""
    cut = place(nodes, "TO", "TODATE", "=and", after=0)
    first, last = _end(nodes[:cut]), _end(nodes[cut + 1 :])
    if place(nodes, "TODATE") >= 0:
        last = fixed(context.now, context.now + timedelta(seconds=1), "second")
    if first is None:
        return None
    if last is None:
        clock = clock_of(nodes[cut + 1 :])
        return None if clock is None else first.mapped(lambda start, _: (start, _later(start, clock)), "other")
    if first.cycle == "month" and last.grain not in ("day", "second", "minute", "hour"):
        return None  # from the 18th to the 20th century
    a, b = _points(context, first, last)
    if not a < b:
        return None
    sure = min(first.sure, last.sure) if first.sure < 0.5 or last.sure < 0.5 else 0.9
    return fixed(a, b, "other", sure=max(sure, 0.6))


def _points(context: Context, first: Value, last: Value) -> Range:
    whole, until = first.whole or first, last.whole or last
    if last.grain == "second" and first.grain not in ("second", "minute", "hour"):
        until = fixed(context.today, context.today + DAY, "day")
    if first.grain == "second" and last.grain not in ("second", "minute", "hour"):
        whole = fixed(context.today, context.today + DAY, "day")
    if whole.rank < until.rank:
        b = until.latest(context.now)
        a = whole.latest(b[0])
    else:
        a = whole.latest(context.now)
        b = until.soonest(a[0])
        if b[0] <= a[0] and not until.fixed:
            b = until.soonest(a[0] + DAY)
    return _point(a, first, True), _point(b, last, False)


def _end(nodes: Sequence[Node]) -> Value | None:
    for node in nodes:
        for kind in _ENDS:
            if kind in node.values:
                found: Value = node.values[kind]
                return found
        if "ORD" in node.values or "DAY" in node.values:
            return on_day(int(pick([node], "ORD", "DAY")))
        if "MONTH" in node.values:
            return yearly(node.values["MONTH"])
        if "DAYS_AWAY" in node.values:
            return None
    return None


def _later(start: datetime, clock: Clock) -> datetime:
    moment = clock.on(midnight(start))
    return moment if moment > start else moment + timedelta(hours=12)


@maker
def range_from_clock(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Value | None:
    """From 2 pm till tomorrow 4:30 pm."""
    clock = clock_of(nodes)
    end = pick(nodes, "MOMENT").latest(context.now)[0]
    start = None if clock is None else clock.on(context.today)
    return fixed(start, end, "other") if start is not None and start < end else None


@maker
def duration_from(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Value | None:
    """3 days starting from next Monday."""
    much: Duration = pick(nodes, "DURATION")
    day: Value | None = pick(nodes, "DATE") or on_day(int(pick(nodes, "ORD", "DAY")))
    return None if day is None else day.mapped(lambda start, _: (start, much.added(start)), "other")


def _open(context: Context, value: Value, change: Callable[[datetime, datetime], Range]) -> Value:
    return fixed(*change(*value.latest(context.now)), "other", sure=value.sure)


@maker
def since(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Value:
    """Since August, 2012 or later."""
    value = pick(nodes, *_ENDS)
    return _open(context, value, lambda start, _: (start, LAST))


@maker
def after(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Value:
    """After 2016 begins with 2017; after a day or a moment with that."""
    value = pick(nodes, *_ENDS)
    exact = place(nodes, "DATE", "MOMENT") >= 0 or value.edge == "start"
    return _open(context, value, lambda start, end: (start if exact else end, LAST))


@maker
def before(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Value:
    """Before 2018, until tomorrow, by the end of December."""
    value: Value = pick(nodes, *_ENDS)
    return _open(context, value, lambda start, end: (FIRST, end if value.edge == "end" else start))


@maker
def until_end(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Value:
    """2012 or earlier."""
    moment = place(nodes, "MOMENT") >= 0
    return _open(context, pick(nodes, *_ENDS), lambda start, end: (FIRST, start if moment else end))


@maker
def to_date(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Value:
    """To date."""
    return fixed(FIRST, context.today, "other", sure=0.25)


@maker
def after_clock(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Value | None:
    """1/1/2015 after 2:00, after 5 today."""
    day, hour = place(nodes, "DATE"), place(nodes, "AFTER", "SINCE")
    clock = pick(nodes, "CLOCK") or clock_of(nodes[hour + 1 : day] if hour < day else nodes[hour + 1 :])
    return None if clock is None else _open(context, pick(nodes, "DATE"), lambda start, _: (clock.on(start), LAST))


@maker
def before_clock(context: Context, nodes: Sequence[Node], arguments: Sequence[Any]) -> Value | None:
    """Thursday before 5pm."""
    clock = clock_of(nodes[place(nodes, "BEFORE") + 1 :])
    return None if clock is None else _open(context, pick(nodes, "DATE"), lambda start, _: (FIRST, clock.on(start)))
