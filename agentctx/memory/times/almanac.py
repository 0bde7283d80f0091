"""Which days are holidays and how units of the calendar lie: Easter, Islamic months, weeks by number."""

from __future__ import annotations

import calendar
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Final

from agentctx.memory.times.values import DAY, Grain, Range, add_months, day_of, midnight, month_of, week_of, year_of

_WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_HIJRI_EPOCH: Final = date(622, 7, 18).toordinal()  # 1 Muharram of the year 1, in the Gregorian calendar


def easter(year: int) -> datetime:
    """Easter Sunday of a Gregorian year, by the anonymous Gregorian algorithm."""
    golden, (century, rest) = year % 19, divmod(year, 100)
    leap, skipped = divmod(century, 4)
    moon = (century - (century + 8) // 25 + 1) // 3
    epact = (19 * golden + century - leap - moon + 15) % 30
    quarter, years = divmod(rest, 4)
    weekday = (32 + 2 * skipped + 2 * quarter - epact - years) % 7
    late = (golden + 11 * epact + 22 * weekday) // 451
    month, day = divmod(epact + weekday - 7 * late + 114, 31)
    return datetime(year, month, day + 1)  # noqa: DTZ001


def hijri(year: int, month: int, day: int) -> datetime | None:
    """The first day of a Gregorian year that is a day of the (tabular) Islamic calendar."""
    for islamic in range((year - 622) * 33 // 32, (year - 622) * 33 // 32 + 3):
        days = (islamic - 1) * 354 + (3 + 11 * islamic) // 30 + (59 * (month - 1) + 1) // 2 + day - 1
        ordinal = _HIJRI_EPOCH + days
        if ordinal > 0 and (found := date.fromordinal(ordinal)).year == year:
            return datetime(found.year, found.month, found.day)  # noqa: DTZ001
    return None


def holiday(rule: str) -> Callable[[int], Range | None]:
    """From a rule of the grammar file to the day in a given year. ValueError for a rule that cannot be read.

    "12-25"; "11 thu 4" (4th Thursday of November), "5 mon -1" (the last Monday); "easter -2"; "hijri 10-1"; "on" and a
    list of days; any of them with "+ 1" for days after, and "days 30" for a longer feast.
    """
    text, _, length = rule.partition(" days ")
    text, _, later = text.partition(" + ")
    days, shift = int(length or 1), int(later or 0)
    find = _finder(text.split())

    def found(year: int) -> Range | None:
        start = find(year)
        return None if start is None else (start + DAY * shift, start + DAY * (shift + days))

    return found


def _finder(words: list[str]) -> Callable[[int], datetime | None]:
    if words[0] == "on":
        days = {int(word[:4]): datetime.fromisoformat(word) for word in words[1:]}
        return days.get
    if words[0] == "easter":
        offset = int(words[1]) if len(words) > 1 else 0
        return lambda year: easter(year) + DAY * offset
    if words[0] == "hijri":
        month, day = map(int, words[1].split("-"))
        return lambda year: hijri(year, month, day)
    if len(words) == 3:
        month, weekday, nth = int(words[0]), _WEEKDAYS.index(words[1]), int(words[2])
        return lambda year: nth_weekday(*month_of(year, month), weekday, nth)
    month, day = map(int, words[0].split("-"))
    return lambda year: datetime(year, month, day)  # noqa: DTZ001


def nth_weekday(start: datetime, end: datetime, weekday: int, nth: int) -> datetime | None:
    """The nth such weekday from `start` on, or from `end` back if nth is negative; None where it is outside."""
    if nth > 0:
        found = start + DAY * ((weekday - start.weekday()) % 7 + 7 * (nth - 1))
    else:
        last = end - DAY
        found = last - DAY * ((last.weekday() - weekday) % 7 + 7 * (-nth - 1))
    return found if start <= found < end else None


def unit_of(moment: datetime, unit: str, step: int = 0) -> Range:
    """The calendar day, week, weekend, month, quarter, year, decade or century around a moment, or `step` further."""
    if unit in ("month", "quarter"):
        size = 1 if unit == "month" else 3
        start = add_months(datetime(moment.year, moment.month - (moment.month - 1) % size, 1), size * step)  # noqa: DTZ001
        return start, add_months(start, size)
    if unit in ("year", "decade", "century"):
        size = {"year": 1, "decade": 10, "century": 100}[unit]
        return year_of(moment.year - moment.year % size + size * step, size)
    if unit == "day":
        return day_of(midnight(moment) + DAY * step)
    monday = week_of(moment)[0] + 7 * DAY * step
    if unit == "weekend":
        return monday + 5 * DAY, monday + 7 * DAY
    if unit == "workweek":
        return monday, monday + 5 * DAY
    if unit == "week":
        return monday, monday + 7 * DAY
    if unit == "fortnight":
        return monday, monday + 14 * DAY
    raise ValueError


def nth_unit(start: datetime, end: datetime, unit: str, nth: int, count: int = 1) -> Range | None:
    """The nth unit of a stretch, from its end if negative, or the `count` units from there; a week belongs where its
    Thursday lies.
    """
    grain = timedelta(days=3) if unit == "week" else timedelta(0)
    if unit == "week":
        first = week_of(start)[0]
        first += 7 * DAY * (first + grain < start)
        if nth > 0:
            found = first + 7 * DAY * (nth - 1)
        else:
            last = week_of(end - DAY)[0]
            last -= 7 * DAY * (last + grain >= end)
            found = last - 7 * DAY * (count - 1)
        return (found, found + 7 * DAY * count) if start <= found + grain < end else None
    if unit == "weekend":
        saturday = nth_weekday(start, end, 5, nth)
        return None if saturday is None else (saturday, saturday + 2 * DAY)
    if nth > 0:
        opening = unit_of(start, unit)
        found = unit_of(start, unit, nth - 1 + (opening[0] < start))[0]
    else:
        found = unit_of(end - DAY, unit, 1 - count)[0]
    stop = unit_of(found, unit, count - 1)[1]
    return (found, stop) if start <= found and stop <= end else None


def week_number(year: int, number: int) -> Range | None:
    """A week by its ISO number."""
    if not 1 <= number <= 53:
        return None
    first = date.fromisocalendar(year, number, 1)
    start = datetime(first.year, first.month, first.day)  # noqa: DTZ001
    return start, start + 7 * DAY


def part_of(start: datetime, end: datetime, part: str, relative: bool) -> Range:
    """The early, mid or late part of a stretch: halves of months and of this or last year, thirds of named years.

    Middles lie in the middle and overlap both halves, as people mean them.
    """
    days = (end - start).days
    which = ("early", "mid", "late").index(part)
    if days == 7:
        first, last = ((0, 3), (1, 5), (3, 7))[which]
        return start + first * DAY, start + last * DAY
    if days <= 2:
        hours = ((0, 12), (10, 14), (12, 24 * days))[which]
        return start + timedelta(hours=hours[0]), start + timedelta(hours=hours[1])
    if 28 <= days <= 31 and start.day == 1:
        first, last = ((0, 15), (9, 20), (15, days))[which]
        return start + first * DAY, start + last * DAY
    if days in (365, 366) and start.day == start.month == 1:
        first, last = ((0, 6), (3, 9), (6, 12))[which] if relative else ((0, 4), (4, 8), (8, 12))[which]
        return add_months(start, first), add_months(start, last)
    third = DAY * (days // 3)
    return start + which * third, end if which == 2 else start + (which + 1) * third


def middle_of(start: datetime, end: datetime) -> datetime:
    """The day on which the second half of a stretch begins."""
    if (start.month, start.day, end.month, end.day) == (1, 1, 1, 1):
        return midnight(start + (end - start) / 2)
    return start + 15 * DAY if 28 <= (end - start).days <= 31 else midnight(start + (end - start) / 2)


def leap_safe(year: int, month: int, day: int) -> Range | None:
    """A day of a year, None where that year has no such day."""
    if not 1 <= day <= calendar.monthrange(year, month)[1]:
        return None
    return day_of(datetime(year, month, day))  # noqa: DTZ001


GRAINS: Final[dict[str, Grain]] = {
    "day": "day", "week": "week", "weekend": "week", "workweek": "week", "fortnight": "week", "month": "month",
    "quarter": "quarter", "year": "year",
}  # fmt: skip
