"""The ranges of time that a question names, counted from its reference time.

A first, small grammar for English, deterministic: a hint only ever boosts, so what it misses costs little. Where a
year is open, the latest past one is meant: a memory is asked about the past.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

_DAY: Final = timedelta(days=1)
_LONGEST: Final = timedelta(days=400)  # a longer range singles nothing out
_FARTHEST_DAYS: Final = 36_525
_MOST: Final = 16  # ranges in one text; the cost of a search grows with each

_MONTHS: Final = {
    name.lower(): number
    for names in (calendar.month_name, calendar.month_abbr)
    for number, name in enumerate(names)
    if name
} | {"sept": 9}
_WEEKDAYS: Final = {name.lower(): number for number, name in enumerate(calendar.day_name)}
_NUMBERS: Final = {
    word: number
    for number, word in enumerate("zero one two three four five six seven eight nine ten eleven twelve".split())
} | {"a": 1, "an": 1, "couple": 2, "few": 3, "several": 4}
_UNITS: Final = {"day": 1.0, "week": 7.0, "weekend": 7.0, "month": 30.44, "year": 365.25}

_MONTH: Final = "|".join(sorted(_MONTHS, key=len, reverse=True))
_NUMBER: Final = r"\d{1,4}|" + "|".join(_NUMBERS)
_UNIT: Final = r"(?P<unit>day|week|weekend|month|year)s?"
_AFTER_A_PREPOSITION: Final = re.compile(r"\b(?:in|of|during|since|last|this|early|late|mid|by|until)[ -]$")


@dataclass(frozen=True, slots=True)
class TimeHint:
    """A range of time that a text speaks of: [start, end), the words that say so and where they stand."""

    start: datetime
    end: datetime
    text: str
    span: tuple[int, int]


def time_hints(text: str, reference_time: datetime) -> Iterator[TimeHint]:
    """The ranges that `text` names, none overlapping, at most 16, the most definite forms first. Some 20 us."""
    lower = text.lower()
    if len(lower) != len(text):  # a letter whose lower case is longer would shift every span
        lower = "".join(letter if len(letter.lower()) != 1 else letter.lower() for letter in text)
    today = reference_time.replace(hour=0, minute=0, second=0, microsecond=0)
    taken: list[tuple[int, int]] = []
    for pattern, resolve in _FORMS:
        for match in pattern.finditer(lower):
            start, end = match.span()
            if any(start < other_end and other_start < end for other_start, other_end in taken):
                continue
            try:
                found = resolve(match, today)
            except (ValueError, OverflowError):
                continue  # 31 February, or beyond the calendar
            if found is not None:
                if len(taken) == _MOST:
                    return
                taken.append((start, end))
                if found[1] - found[0] < _LONGEST:
                    yield TimeHint(found[0], found[1], text[start:end], (start, end))


Range = tuple[datetime, datetime]


def _day_of_month(match: re.Match[str], today: datetime) -> Range:
    month, day = _MONTHS[match["month"]], int(match["day"])
    start = today.replace(year=_year(match["year"], today, month, day), month=month, day=day)
    return start, start + _DAY


def _slashed(match: re.Match[str], today: datetime) -> Range:
    month, day = int(match["month"]), int(match["day"])
    year = _year(match["year"], today, month, day)
    start = today.replace(year=year + 2000 * (year < 100), month=month, day=day)
    return start, start + _DAY


def _month(match: re.Match[str], today: datetime) -> Range | None:
    name = match["month"]
    ambiguous = name in ("may", "mar", "march") and not match["year"]  # verb, modal or name as often as a month
    if ambiguous and not _AFTER_A_PREPOSITION.search(match.string, max(0, match.start() - 8), match.start()):
        return None
    month = _MONTHS[name]
    start = today.replace(year=_year(match["year"], today, month, 1), month=month, day=1)
    return start, start + _DAY * calendar.monthrange(start.year, month)[1]


def _whole_year(match: re.Match[str], today: datetime) -> Range:
    start = today.replace(year=int(match["year"]), month=1, day=1)
    return start, start.replace(year=start.year + 1)


def _ago(match: re.Match[str], today: datetime) -> Range | None:
    unit = _UNITS[match["unit"]]
    days = _count(match["number"]) * unit
    if days > _FARTHEST_DAYS:
        return None
    around = today - timedelta(days=days)
    slack = timedelta(days=unit / 2 if unit > 1 else 0)
    return around - slack, around + _DAY + slack


def _last_few(match: re.Match[str], today: datetime) -> Range | None:
    days = _count(match["number"]) * _UNITS[match["unit"]]
    return None if days > _FARTHEST_DAYS else (today - timedelta(days=days), today + _DAY)


def _last_unit(match: re.Match[str], today: datetime) -> Range:
    if (match["which"], match["unit"]) == ("last", "year"):
        return today.replace(year=today.year - 1, month=1, day=1), today.replace(month=1, day=1)
    unit = _UNITS[match["unit"]]
    days = (2 if match["which"] == "last" else 1) * unit if unit > 1 else 1
    return today - timedelta(days=days), today + _DAY


def _weekday(match: re.Match[str], today: datetime) -> Range:
    start = today - _DAY * ((today.weekday() - _WEEKDAYS[match["weekday"]]) % 7 or 7)
    return start, start + _DAY


def _named_day(match: re.Match[str], today: datetime) -> Range:
    return (today - _DAY, today) if match[0] == "yesterday" else (today, today + _DAY)


def _year(given: str | None, today: datetime, month: int, day: int) -> int:
    if given:
        return int(given)
    if (month, day) == (2, 29):
        before = today.year - ((today.month, today.day) < (2, 29))
        return next((year for year in range(before, max(before - 8, 0), -1) if calendar.isleap(year)), 0)
    return today.year - (today < today.replace(month=month, day=day))


def _count(word: str) -> int:
    return int(word) if word.isdigit() else _NUMBERS[word]


_FORMS: Final[tuple[tuple[re.Pattern[str], Callable[[re.Match[str], datetime], Range | None]], ...]] = (
    (
        re.compile(
            rf"\b(?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?: of)? (?P<month>{_MONTH})\b\.?,?(?: (?P<year>\d{{4}})\b)?",
            re.ASCII,
        ),
        _day_of_month,
    ),
    (
        re.compile(
            rf"\b(?P<month>{_MONTH})\.? (?P<day>\d{{1,2}})(?:st|nd|rd|th)?\b(?:,? (?P<year>\d{{4}})\b)?", re.ASCII
        ),
        _day_of_month,
    ),
    (re.compile(r"\b(?P<month>\d{1,2})/(?P<day>\d{1,2})(?:/(?P<year>\d{4}|\d\d))?\b", re.ASCII), _slashed),
    (re.compile(rf"\b(?P<month>{_MONTH})\b,?(?: of)?(?: (?P<year>\d{{4}})\b)?", re.ASCII), _month),
    (re.compile(r"\b(?:in|of|during|since|year) (?P<year>(?:19|20)\d\d)\b", re.ASCII), _whole_year),
    (re.compile(rf"\b(?P<number>{_NUMBER}) {_UNIT} ago\b", re.ASCII), _ago),
    (
        re.compile(rf"\b(?:past|last|previous)(?: couple of)? (?P<number>{_NUMBER})(?: of)? {_UNIT}\b", re.ASCII),
        _last_few,
    ),
    (re.compile(r"\b(?P<which>past|last|previous|this) (?P<unit>day|week|weekend|month|year)\b", re.ASCII), _last_unit),
    (re.compile(rf"\b(?:last|this past|past|on) (?P<weekday>{'|'.join(_WEEKDAYS)})\b", re.ASCII), _weekday),
    (re.compile(r"\b(?:yesterday|today|tonight)\b", re.ASCII), _named_day),
)
