"""What a time expression means before and after it is pinned down: occurrences, clock times, durations."""

from __future__ import annotations

import calendar
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

Range = tuple[datetime, datetime]
Cycle = Literal["", "week", "month", "year"]
Grain = Literal["second", "minute", "hour", "day", "week", "month", "quarter", "year", "other"]

DAY: Final = timedelta(days=1)
FIRST: Final = datetime.min  # noqa: DTZ901 - zones come last
LAST: Final = datetime.max  # noqa: DTZ901
_RANK: Final[dict[str, int]] = {"week": 0, "month": 1, "year": 2, "": 3}
_YEARS: Final = 8  # 29 February may be so far away
_MONTHS: Final = 84  # a Friday the 31st may be so far away


class Value:
    """A stretch of the calendar, once ("2019") or over and over ("May", "Friday", "the 18th").

    `make` gives the occurrence of the year, month or week (by `cycle`) that a moment lies in, or None where there is
    none; it may raise ValueError or OverflowError beyond the calendar. sure: how likely the words mean a time at all.
    slack: how far off speakers are who say it so.
    """

    __slots__ = ("cycle", "edge", "grain", "make", "relative", "slack", "sure", "whole")

    def __init__(
        self,
        make: Callable[[datetime], Range | None],
        cycle: Cycle,
        grain: Grain,
        *,
        sure: float = 1.0,
        slack: timedelta = timedelta(0),
        relative: bool = False,
    ) -> None:
        self.make = make
        self.cycle: Cycle = cycle
        self.grain: Grain = grain
        self.sure = sure
        self.slack = slack
        self.relative = relative
        self.edge = ""  # "start", "middle" or "end" where the words name a point of `whole` rather than a part of it
        self.whole: Value | None = None

    @property
    def fixed(self) -> bool:
        """Whether it is one stretch only."""
        return not self.cycle

    @property
    def rank(self) -> int:
        """How much is said: a weekday says less than a day of a month, that less than a date, that less than a year."""
        return _RANK[self.cycle]

    def latest(self, anchor: datetime) -> Range:
        """The last occurrence that starts at `anchor` or before. ValueError where there is none."""
        return self._search(anchor, -1)

    def soonest(self, anchor: datetime) -> Range:
        """The first occurrence that starts at `anchor` or after. ValueError where there is none."""
        return self._search(anchor, 1)

    def _search(self, anchor: datetime, step: int) -> Range:
        if not self.cycle:
            found = self.make(anchor)
            if found is None:
                raise ValueError
            return found
        if self.cycle == "week":
            tries = (anchor + timedelta(weeks=step * n) for n in range(3))
        elif self.cycle == "year":
            tries = (datetime(anchor.year + step * n, 1, 1) for n in range(_YEARS + 1))  # noqa: DTZ001
        else:
            tries = (add_months(anchor.replace(day=1), step * n) for n in range(_MONTHS))
        for moment in tries:
            found = self.make(moment)
            if found is not None and (found[0] <= anchor if step < 0 else found[0] >= anchor):
                return found
        raise ValueError

    def mapped(self, change: Callable[[datetime, datetime], Range | None], grain: Grain | None = None) -> Value:
        """The stretch that `change` makes of each occurrence."""

        def make(moment: datetime) -> Range | None:
            found = self.make(moment)
            return None if found is None else change(*found)

        return self.like(make, grain)

    def like(self, make: Callable[[datetime], Range | None], grain: Grain | None = None) -> Value:
        """Another one as sure, as slack and as frequent as this one."""
        return Value(make, self.cycle, grain or self.grain, sure=self.sure, slack=self.slack, relative=self.relative)

    def within(self, wide: Value) -> Value:
        """The first occurrence of this one in each occurrence of `wide`."""

        def change(start: datetime, end: datetime) -> Range | None:
            found = self.soonest(start)
            return found if found[0] < end else None

        return wide.mapped(change, self.grain)


def fixed(
    start: datetime,
    end: datetime,
    grain: Grain,
    *,
    sure: float = 1.0,
    slack: timedelta = timedelta(0),
    relative: bool = True,
) -> Value:
    """A stretch that is what it is. relative: it was counted from the reference time."""
    if start >= end:
        raise ValueError
    return Value(lambda _: (start, end), "", grain, sure=sure, slack=slack, relative=relative)


@dataclass(frozen=True, slots=True)
class Clock:
    """A time of day. open: whether noon has been said to lie before it or not is open, as in "at 5"."""

    hour: int
    minute: int = 0
    second: int = 0
    grain: Grain = "hour"
    open: bool = False

    def on(self, day: datetime) -> datetime:
        """The moment on a day; 24:00 is the midnight that ends it."""
        return day.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(
            hours=self.likely, minutes=self.minute, seconds=self.second
        )

    @property
    def likely(self) -> int:
        """The hour, in the afternoon where that is open and nobody is up: people say 5 and mean 17."""
        return self.hour + 12 if self.open and 1 <= self.hour <= 6 else self.hour

    def half(self, afternoon: bool) -> Clock:
        """The same in the given half of the day."""
        hour = self.hour % 12 + (12 if afternoon else 0) if self.hour <= 12 else self.hour
        return Clock(hour, self.minute, self.second, self.grain)


@dataclass(frozen=True, slots=True)
class Hours:
    """A stretch of a day, in hours from its midnight: afternoon is 12 to 16. late: begins after noon."""

    start: timedelta
    end: timedelta

    def on(self, day: datetime) -> Range:
        """The stretch of one day; one that ends before it starts ends the day after."""
        midnight = day.replace(hour=0, minute=0, second=0, microsecond=0)
        end = self.end if self.end > self.start else self.end + DAY
        return midnight + self.start, midnight + end

    @property
    def late(self) -> bool:
        """Whether it lies after noon."""
        return self.start >= timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Duration:
    """A length of time: calendar months, days, and seconds; `unit` is its finest unit and `count` how many of it."""

    months: int = 0
    days: float = 0
    seconds: float = 0
    unit: str = "day"
    count: float = 1

    def added(self, moment: datetime, sign: int = 1) -> datetime:
        """The moment so much later, or earlier."""
        moment = add_months(moment, sign * self.months) if self.months else moment
        return moment + sign * timedelta(days=self.days, seconds=self.seconds)

    def joined(self, other: Duration) -> Duration:
        """Both together."""
        return Duration(
            self.months + other.months, self.days + other.days, self.seconds + other.seconds, other.unit, other.count
        )

    @property
    def timed(self) -> bool:
        """Whether it is said in hours or less."""
        return bool(self.seconds)


def add_months(moment: datetime, months: int) -> datetime:
    """So many months later or earlier; the last day of a shorter month where the day is missing."""
    number = moment.year * 12 + moment.month - 1 + months
    year, month = divmod(number, 12)
    if not 1 <= year <= 9999:
        raise ValueError
    return moment.replace(year=year, month=month + 1, day=min(moment.day, calendar.monthrange(year, month + 1)[1]))


def midnight(moment: datetime) -> datetime:
    """The start of its day."""
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def day_of(start: datetime) -> Range:
    """The day that starts there."""
    return start, start + DAY


def month_of(year: int, month: int) -> Range:
    """A month."""
    start = datetime(year, month, 1)  # noqa: DTZ001 - ranges carry the reference's zone in the end
    return start, add_months(start, 1)


def year_of(year: int, years: int = 1) -> Range:
    """A year, or several."""
    if year < 1 or year + years > 9999:
        raise ValueError
    return datetime(year, 1, 1), datetime(year + years, 1, 1)  # noqa: DTZ001


def week_of(moment: datetime) -> Range:
    """The week, Monday to Sunday, that a moment lies in."""
    start = midnight(moment) - DAY * moment.weekday()
    return start, start + 7 * DAY
