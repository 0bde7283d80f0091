"""Which range of time a phrase names, what names none, and what the planner makes of it."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from agentctx.errors import InvalidArgument
from agentctx.memory.plan import make_plan
from agentctx.memory.times import MOST_HINTS, time_hints
from agentctx.memory.times.almanac import easter, hijri, holiday, nth_unit
from agentctx.memory.times.engine import Node, _phrased, _read, find, tokens
from agentctx.memory.times.grammar import Grammar, grammar

NOW = datetime(2023, 5, 17, 15, 30, tzinfo=UTC)  # a Wednesday

RANGES = {
    # phrase: from, to (exclusive); days without a time are midnights
    "on 3 March 2022": ("2022-03-03", "2022-03-04"),
    "on March 3rd, 2022": ("2022-03-03", "2022-03-04"),
    "the 3rd of march 2022": ("2022-03-03", "2022-03-04"),
    "March the third": ("2023-03-03", "2023-03-04"),
    "Sept. 9": ("2022-09-09", "2022-09-10"),
    "May 17": ("2023-05-17", "2023-05-18"),
    "May 18": ("2022-05-18", "2022-05-19"),
    "may twenty-first": ("2022-05-21", "2022-05-22"),
    "2022-03-01": ("2022-03-01", "2022-03-02"),
    "20220301": ("2022-03-01", "2022-03-02"),
    "on 2/3/2022": ("2022-02-03", "2022-02-04"),
    "23/2/2022": ("2022-02-23", "2022-02-24"),
    "on 12/31": ("2022-12-31", "2023-01-01"),
    "on 1/2/21": ("2021-01-02", "2021-01-03"),
    "29 February": ("2020-02-29", "2020-03-01"),
    "31 February": ("2023-02-01", "2023-03-01"),  # the day is no day, the month is one
    "on the 18th": ("2023-04-18", "2023-04-19"),
    "Friday the 12th": ("2023-05-12", "2023-05-13"),
    "in March": ("2023-03-01", "2023-04-01"),
    "in May": ("2023-05-01", "2023-06-01"),
    "February 2020": ("2020-02-01", "2020-03-01"),
    "last March": ("2023-03-01", "2023-04-01"),
    "this September": ("2023-09-01", "2023-10-01"),
    "in 2020": ("2020-01-01", "2021-01-01"),
    "nineteen eighty-six": ("1986-01-01", "1987-01-01"),
    "Q1": ("2023-01-01", "2023-04-01"),
    "the third quarter of 2021": ("2021-07-01", "2021-10-01"),
    "last quarter": ("2023-01-01", "2023-04-01"),
    "the 1990s": ("1990-01-01", "2000-01-01"),
    "the nineties": ("1990-01-01", "2000-01-01"),
    "the 20th century": ("1900-01-01", "2000-01-01"),
    "summer 2021": ("2021-06-01", "2021-09-01"),
    "last winter": ("2022-12-01", "2023-03-01"),
    "week 12 of 2021": ("2021-03-22", "2021-03-29"),
    "two days ago": ("2023-05-15", "2023-05-16"),
    "a day ago": ("2023-05-16", "2023-05-17"),
    "a couple of weeks ago": ("2023-05-03", "2023-05-04"),
    "two and a half years ago": ("2020-11-17", "2020-11-18"),
    "three Fridays ago": ("2023-04-28", "2023-04-29"),
    "2 hours ago": ("2023-05-17T13:30", "2023-05-17T13:31"),
    "in 3 days": ("2023-05-20", "2023-05-21"),
    "yesterday": ("2023-05-16", "2023-05-17"),
    "Today": ("2023-05-17", "2023-05-18"),
    "the day before yesterday": ("2023-05-15", "2023-05-16"),
    "tonight": ("2023-05-17T20:00", "2023-05-18"),
    "last night": ("2023-05-16T20:00", "2023-05-17"),
    "this morning": ("2023-05-17T08:00", "2023-05-17T12:00"),
    "yesterday afternoon": ("2023-05-16T12:00", "2023-05-16T16:00"),
    "late this morning": ("2023-05-17T10:00", "2023-05-17T12:00"),
    "on Monday": ("2023-05-15", "2023-05-16"),
    "last wednesday": ("2023-05-10", "2023-05-11"),
    "this past Tuesday": ("2023-05-16", "2023-05-17"),
    "next Friday": ("2023-05-26", "2023-05-27"),
    "Tuesday of last week": ("2023-05-09", "2023-05-10"),
    "last week": ("2023-05-08", "2023-05-15"),
    "this week": ("2023-05-15", "2023-05-22"),
    "the week before last": ("2023-05-01", "2023-05-08"),
    "last weekend": ("2023-05-13", "2023-05-15"),
    "the past 3 days": ("2023-05-14", "2023-05-17"),
    "the last couple of days": ("2023-05-15", "2023-05-17"),
    "the last three months": ("2023-02-17", "2023-05-17"),
    "the next two weeks": ("2023-05-18", "2023-06-01"),
    "first week of June 2022": ("2022-05-30", "2022-06-06"),
    "the last Friday of December 2018": ("2018-12-28", "2018-12-29"),
    "the last day of the month": ("2023-05-31", "2023-06-01"),
    "the first half of April": ("2023-04-01", "2023-04-16"),
    "early March": ("2023-03-01", "2023-03-16"),
    "mid-March": ("2023-03-10", "2023-03-21"),
    "end of the month": ("2023-05-16", "2023-06-01"),
    "late 2019": ("2019-09-01", "2020-01-01"),
    "between March and May": ("2023-03-01", "2023-05-01"),
    "from 4 to 22 January": ("2023-01-04", "2023-01-22"),
    "November 19-20": ("2022-11-19", "2022-11-20"),
    "from November to March": ("2022-11-01", "2023-03-01"),
    "2014-2018": ("2014-01-01", "2018-01-01"),
    "from May to October 2020": ("2020-05-01", "2020-10-01"),
    "tomorrow from 3 to 5pm": ("2023-05-18T15:00", "2023-05-18T17:00"),
    "tomorrow at 5 pm": ("2023-05-18T17:00", "2023-05-18T18:00"),
    "3:30pm yesterday": ("2023-05-16T15:30", "2023-05-16T15:31"),
    "half past seven this evening": ("2023-05-17T19:30", "2023-05-17T19:31"),
    "2022-03-01T09:15:00Z": ("2022-03-01T09:15", "2022-03-01T09:15:01"),
    "last night between 7 and 9:30": ("2023-05-16T19:00", "2023-05-16T21:30"),
    "Christmas": ("2022-12-25", "2022-12-26"),
    "Easter 2018": ("2018-04-01", "2018-04-02"),
    "last Thanksgiving": ("2022-11-24", "2022-11-25"),
    "the day after Christmas": ("2022-12-26", "2022-12-27"),
    "two weeks before 5 May": ("2023-04-21", "2023-04-22"),
    "Labor Day weekend 2021": ("2021-09-04", "2021-09-07"),
    "in \u0130zmir yesterday": ("2023-05-16", "2023-05-17"),
    "year to date": ("2023-01-01", "2023-05-17"),
}
OPEN = {
    "since August": ("2022-08-01", ""),
    "after 2016": ("2017-01-01", ""),
    "after 5 May": ("2023-05-05", ""),
    "from 2012 onwards": ("2012-01-01", ""),
    "before 2018": ("", "2018-01-01"),
    "until tomorrow": ("", "2023-05-18"),
    "by the end of March": ("", "2023-04-01"),
    "more than two weeks ago": ("", "2023-05-03"),
}
NOTHING = """
May I go?
you may go
this may take longer
it may be so
march forward
they march on
Sunday best
on second thought
a second opinion
I spring up
we fall down
he sat down
the sun rises
24/7
13/13/2022
2022-02-31
3 weeks
for two weeks
three years old
every Monday
twice a week
weekly
Thursdays at five
at 7 pm
between 9 and 10
half past seven
before my birthday
after breakfast
until then
day by day
room 2020
2000 pieces
version 2.5
a 4:3 ratio
call 123-12-1234
1/2 cup of sugar
99 May
9999 years ago
29 February 2021
mayday
yesterdays
it would last two hours
good morning
first of all
""".strip().splitlines()


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


FORMS = {
    # the rule: phrases it reads, with from and to (exclusive)
    "a number on either side of its unit": {
        "1Q 2015": ("2015-01-01", "2015-04-01"),
        "quarter 3 of 2015": ("2015-07-01", "2015-10-01"),
        "FY2016 Q3": ("2016-07-01", "2016-10-01"),
        "2H 2019": ("2019-07-01", "2020-01-01"),
        "2019H1": ("2019-01-01", "2019-07-01"),
        "2015 week 3": ("2015-01-12", "2015-01-19"),
        "week two of March 2021": ("2021-03-08", "2021-03-15"),
    },
    "a possessive span holds what follows": {
        "last year's May": ("2022-05-01", "2022-06-01"),
        "last year's Christmas": ("2022-12-25", "2022-12-26"),
        "last year's summer": ("2022-06-01", "2022-09-01"),
        "last week's Monday": ("2023-05-08", "2023-05-09"),
        "last month's second Tuesday": ("2023-04-11", "2023-04-12"),
        "last year's Q2": ("2022-04-01", "2022-07-01"),
    },
    "a relative year settles a date, a month or a season": {
        "May 5th last year": ("2022-05-05", "2022-05-06"),
        "last year in May": ("2022-05-01", "2022-06-01"),
        "the summer of last year": ("2022-06-01", "2022-09-01"),
        "in May two years ago": ("2021-05-01", "2021-06-01"),
        "Christmas three years ago": ("2020-12-25", "2020-12-26"),
    },
    "halves of years are of six months": {
        "the 1st half of 2015": ("2015-01-01", "2015-07-01"),
        "2nd half of last year": ("2022-07-01", "2023-01-01"),
        "the first half of the 90s": ("1990-01-01", "1995-01-01"),
    },
    "one edge to another": {
        "mid to late March": ("2023-03-10", "2023-04-01"),
        "early to mid March": ("2023-03-01", "2023-03-21"),
    },
    "days of a month and a year behind them": {"May 3-9, 2015": ("2015-05-03", "2015-05-09")},
    "years in two digits": {
        "May 5th, 15": ("2015-05-05", "2015-05-06"),
        "Christmas '15": ("2015-12-25", "2015-12-26"),
        "in '99": ("1999-01-01", "2000-01-01"),
    },
    "beyond the last and the next": {
        "the Friday before last": ("2023-05-05", "2023-05-06"),
        "the summer before last": ("2021-06-01", "2021-09-01"),
        "month after next": ("2023-07-01", "2023-08-01"),
    },
    "so long before or after another time": {
        "2 weeks prior to May 5": ("2023-04-21", "2023-04-22"),
        "5 days before the end of March": ("2023-03-27", "2023-03-28"),
        "2 days after the 15th": ("2023-05-17", "2023-05-18"),
        "2 hours after noon tomorrow": ("2023-05-18T14:00", "2023-05-18T14:01"),
    },
    "lengths as people say them": {
        "a dozen days ago": ("2023-05-05", "2023-05-06"),
        "a week or two ago": ("2023-05-10", "2023-05-11"),
        "a quarter of an hour ago": ("2023-05-17T15:15", "2023-05-17T15:16"),
        "2 wks. ago": ("2023-05-03", "2023-05-04"),
        "two weekends ago": ("2023-05-06", "2023-05-08"),
    },
    "a part of a day that stands before it": {
        "late afternoon yesterday": ("2023-05-16T14:00", "2023-05-16T16:00"),
        "early in the morning on Monday": ("2023-05-15T08:00", "2023-05-15T10:00"),
        "May 5 in the evening": ("2023-05-05T16:00", "2023-05-05T20:00"),
        "end of day tomorrow": ("2023-05-18T23:59:59", "2023-05-19"),
    },
}


@pytest.mark.parametrize(
    ("phrase", "start", "end"), [(phrase, *ends) for forms in FORMS.values() for phrase, ends in forms.items()]
)
def test_each_rule_reads_its_siblings(phrase: str, start: str, end: str) -> None:
    (hint,) = time_hints(phrase, NOW)
    assert (hint.start, hint.end) == (
        datetime.fromisoformat(start).replace(tzinfo=UTC),
        datetime.fromisoformat(end).replace(tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("phrase", "edge"),
    [
        ("no earlier than March", "2023-03-01"),
        ("2012 and beyond", "2012-01-01"),
        ("starting with May 5", "2023-05-05"),
        ("after 5 today", "2023-05-17T17:00"),
    ],
)
def test_what_has_no_end_begins_with_what_is_named(phrase: str, edge: str) -> None:
    (hint,) = time_hints(phrase, NOW)
    assert hint.open_end
    assert hint.start == datetime.fromisoformat(edge).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("phrase", "edge"),
    [
        ("sooner than 2020", "2020-01-01"),
        ("earlier than or in 2016", "2017-01-01"),
        ("2015 at the latest", "2016-01-01"),
        ("by 8 tonight", "2023-05-17T20:00"),
        ("<=6pm today", "2023-05-17T18:00"),
    ],
)
def test_what_has_no_beginning_ends_with_what_is_named(phrase: str, edge: str) -> None:
    (hint,) = time_hints(phrase, NOW)
    assert hint.open_start
    assert hint.end == datetime.fromisoformat(edge).replace(tzinfo=UTC)


@pytest.mark.parametrize("phrase", RANGES)
def test_a_phrase_names_a_range_counted_from_the_reference_time(phrase: str) -> None:
    text = f"so, {phrase}!"
    (hint,) = time_hints(text, NOW)
    start, end = RANGES[phrase]
    assert (hint.start, hint.end) == (moment(start), moment(end))
    assert text[slice(*hint.span)] == hint.text
    assert 0.5 <= hint.confidence <= 1


@pytest.mark.parametrize("phrase", OPEN)
def test_a_side_that_is_left_open_is_open(phrase: str) -> None:
    (hint,) = time_hints(phrase, NOW)
    start, end = OPEN[phrase]
    assert (hint.open_start, hint.open_end) == (not start, not end)
    assert not start or hint.start == moment(start)
    assert not end or hint.end == moment(end)


@pytest.mark.parametrize("phrase", NOTHING)
def test_what_is_no_date_names_none(phrase: str) -> None:
    assert list(time_hints(phrase, NOW)) == []


def test_several_ranges_stand_in_the_order_of_the_text_and_do_not_overlap() -> None:
    text = "In 2020, on 3 March 2022, in March 2021 and a week ago, on Monday"
    hints = list(time_hints(text, NOW))
    assert [hint.text for hint in hints] == ["In 2020", "3 March 2022", "March 2021", "a week ago", "Monday"]
    assert all(left.span[1] <= right.span[0] for left, right in pairwise(hints))


def test_a_text_full_of_dates_names_sixteen_and_what_stands_far_behind_is_not_read() -> None:
    assert len(list(time_hints("5 may 2020, " * 10_000, NOW))) == MOST_HINTS
    assert list(time_hints("x" * 5000 + " yesterday", NOW)) == []


def test_a_guess_is_less_sure_than_a_date_and_another_day_than_today_hardly_sure() -> None:
    sure = {text: next(time_hints(text, NOW)).confidence for text in ("5 May 2020", "5 May", "what about the day")}
    assert sure["5 May 2020"] == 1
    assert sure["what about the day"] < 0.3 < sure["5 May"] < 1


def test_who_counts_in_weeks_may_be_days_off() -> None:
    slack = {text: next(time_hints(text, NOW)).slack for text in ("two days ago", "two weeks ago", "two months ago")}
    assert slack["two days ago"] == timedelta(0)
    assert timedelta(days=3) < slack["two weeks ago"] < slack["two months ago"]


class TestZones:
    def test_ranges_are_in_the_zone_of_the_reference_time(self) -> None:
        zone = timezone(timedelta(hours=9))
        (hint,) = time_hints("yesterday", datetime(2023, 5, 17, 1, 0, tzinfo=zone))
        assert (hint.start, hint.end) == (
            datetime(2023, 5, 16, tzinfo=zone),
            datetime(2023, 5, 17, tzinfo=zone),
        )

    def test_a_reference_time_without_zone_gives_ranges_without(self) -> None:
        (hint,) = time_hints("since 2020", datetime(2023, 5, 17))  # noqa: DTZ001
        assert hint.start == datetime(2020, 1, 1)  # noqa: DTZ001
        assert hint.open_end

    def test_a_day_on_which_the_clocks_change_is_a_day_from_midnight_to_midnight(self) -> None:
        berlin = ZoneInfo("Europe/Berlin")
        (hint,) = time_hints("yesterday", datetime(2023, 3, 27, 9, 0, tzinfo=berlin))
        assert hint.start.isoformat() == "2023-03-26T00:00:00+01:00"
        assert hint.end.isoformat() == "2023-03-27T00:00:00+02:00"


class TestPlanner:
    def hints(self, query: str) -> list[tuple[datetime, datetime]]:
        return [(hint.start, hint.end) for hint in make_plan(query, NOW).hints]

    def test_long_ranges_and_unsure_ones_single_nothing_out(self) -> None:
        assert self.hints("what happened in the 1990s") == []
        assert self.hints("in the last 3 years") == []
        assert self.hints("what did he eat on the day") == []
        assert self.hints("since 1999") == []

    def test_a_range_without_end_ends_with_the_present(self) -> None:
        assert self.hints("since March") == [(moment("2023-03-01"), NOW + timedelta(days=1))]

    def test_of_a_range_without_beginning_the_days_before_its_end_count(self) -> None:
        ((start, end),) = self.hints("what had she won by 10 July 2022")
        assert end == moment("2022-07-10")
        assert timedelta(days=7) <= end - start <= timedelta(days=31)

    def test_a_range_is_wider_by_half_of_what_its_speaker_may_be_off(self) -> None:
        ((start, end),) = self.hints("two weeks ago")
        (hint,) = time_hints("two weeks ago", NOW)
        assert hint.start - start == end - hint.end == hint.slack / 2 > timedelta(0)
        assert start < moment("2023-05-01")
        assert moment("2023-05-06") < end < NOW

    def test_beyond_the_calendar_there_is_no_hint(self) -> None:
        for reference in (datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)):
            for query in ("two weeks ago", "last year", "by may 3", "since yesterday", "next week"):
                for hint in make_plan(query, reference).hints:
                    assert hint.start < hint.end


class TestAlmanac:
    @pytest.mark.parametrize(
        ("year", "day"),
        [(1583, "04-10"), (1961, "04-02"), (2018, "04-01"), (2024, "03-31"), (2025, "04-20"), (2038, "04-25")],
    )
    def test_easter_falls_where_the_churches_have_it(self, year: int, day: str) -> None:
        assert easter(year).strftime("%m-%d") == day

    def test_islamic_days_are_those_of_the_tabular_calendar(self) -> None:
        assert str(hijri(2023, 10, 1))[:10] == "2023-04-21"
        assert str(hijri(2020, 9, 1))[:10] == "2020-04-23"

    def test_a_week_belongs_to_the_month_of_its_thursday(self) -> None:
        october = datetime(2021, 10, 1), datetime(2021, 11, 1)  # noqa: DTZ001
        assert nth_unit(*october, "week", -1) == (datetime(2021, 10, 25), datetime(2021, 11, 1))  # noqa: DTZ001
        assert nth_unit(*october, "week", 5) is None

    @pytest.mark.parametrize("rule", ["easter -x", "11 xyz 4", "13-", ""])
    def test_a_rule_that_cannot_be_read_is_an_error(self, rule: str) -> None:
        with pytest.raises((ValueError, IndexError)):
            holiday(rule)


GERMAN = """
language = "de"
[[shapes]]
form = '(\\d{1,2})\\.(\\d{1,2})\\.(\\d{4})'
as = "DATE"
make = "month_first"
[options]
idioms = []
shy = []
anchors = ["DAYS_AWAY", "UNIT", "DATE"]
month_first = false
[words.DAYS_AWAY]
gestern = -1
[words.ONES]
zwei = 2
[words.UNIT]
wochen = "week"
[words.AGO]
vor = 0
[roles]
and = ["und"]
[holidays]
[[stages]]
name = "numbers"
rules = [["ONES", "NUMBER", "spoken_number"]]
[[stages]]
name = "durations"
rules = [["NUM UNIT", "DURATION", "duration"]]
[[stages]]
name = "deixis"
rules = [["DAYS_AWAY", "DATE", "days_away"], ["AGO DURATION", "DATE", "away", -1]]
"""


class TestLanguages:
    def test_a_language_is_a_file(self) -> None:
        german = Grammar(GERMAN)
        now = datetime(2023, 5, 17)  # noqa: DTZ001
        text = "gestern, vor zwei Wochen und am 3.2.2022"
        found = [(text[slice(*one.span)], one.start.date().isoformat()) for one in find(text, now, german)]
        assert found == [("gestern", "2023-05-16"), ("vor zwei Wochen", "2023-05-03"), ("3.2.2022", "2022-02-03")]

    def test_a_form_with_a_word_of_no_kind_is_an_error(self) -> None:
        with pytest.raises(ValueError, match="nothing is WEEKDAY"):
            Grammar(GERMAN.replace('["ONES",', '["WEEKDAY",'))

    @pytest.mark.parametrize("language", ["xx", "", "../en", "english"])
    def test_a_language_without_a_file_is_an_error(self, language: str) -> None:
        with pytest.raises(InvalidArgument):
            list(time_hints("yesterday", NOW, language=language))

    def test_every_form_of_english_compiles(self) -> None:
        assert all(rule.pattern for stage in grammar("en").stages for rule in stage)

    def test_every_number_is_of_a_kind_that_forms_may_speak_of(self) -> None:
        english = grammar("en")
        values = [*range(100), *range(100, 10_000, 7), 100_000, 0.5, 30.5]
        assert all(english.number(value, digits)[0] != english.other for value in values for digits in range(6))

    def test_nothing_is_loaded_before_the_first_text(self) -> None:
        code = (
            "import sys, agentctx.memory.times as t\n"
            "from datetime import datetime\n"
            "assert 'agentctx.memory.times.grammar' not in sys.modules\n"
            "list(t.time_hints('yesterday', datetime(2023, 5, 17)))\n"
            "assert 'agentctx.memory.times.grammar' in sys.modules\n"
        )
        subprocess.run([sys.executable, "-c", code], check=True)


WORDS = sorted({word for phrase in (*RANGES, *OPEN, *NOTHING) for word in phrase.split()})
NUMBERS = "0 1 2 29 30 31 99 0000 9999 2023 10000 9:30 24:00 25:61 1/1/1 31/12/9999 1-1-0001 th / , . -".split()
LINKS = "of ago last past this on in couple few to from until between and after before since am pm ' \u0661".split()
FRAGMENTS = st.sampled_from([*WORDS, *NUMBERS, *LINKS])
PHRASES = st.lists(FRAGMENTS | st.just(" ") | st.just("  "), max_size=10).map(" ".join)
ZONES = st.sampled_from([None, UTC, ZoneInfo("America/New_York"), timezone(timedelta(hours=14))])
REFERENCES = st.datetimes(datetime(1, 1, 1), datetime.max, timezones=ZONES)  # noqa: DTZ001, DTZ901


@given(st.text(max_size=40) | PHRASES, REFERENCES)
@example("29 feb", datetime(1, 1, 2, tzinfo=UTC))
@example("29 feb", datetime(1900, 3, 1, tzinfo=UTC))
@example("31 dec", datetime(1, 1, 2, tzinfo=UTC))
@example("today", datetime(9999, 12, 31, 23, 59, tzinfo=UTC))
@example("last century", datetime(1, 1, 1, tzinfo=UTC))
@example("from now to next century", datetime(9999, 12, 31, tzinfo=UTC))
@example("200000 centuries ago", datetime(2000, 1, 1, tzinfo=UTC))
@settings(max_examples=1500, deadline=None, derandomize=True)
def test_no_text_raises_and_no_range_is_inverted(text: str, reference: datetime) -> None:
    hints = list(time_hints(text, reference))
    assert hints == list(time_hints(text, reference))
    assert all(left.span[1] <= right.span[0] for left, right in pairwise(hints))
    for hint in hints:
        assert hint.start.replace(tzinfo=None) < hint.end.replace(tzinfo=None)
        assert hint.start.tzinfo is hint.end.tzinfo is reference.tzinfo
        assert 0 <= hint.span[0] < hint.span[1] <= len(text)
        assert text[slice(*hint.span)] == hint.text
        assert 0 < hint.confidence <= 1


WORDS = sorted(grammar("en").words)


@given(
    st.lists(st.one_of(st.sampled_from(WORDS), st.sampled_from(["key", "'", "s", "-", ".", "3", "$", "/"])), max_size=6)
)
@settings(max_examples=300, deadline=None, derandomize=True)
def test_the_quick_look_passes_over_no_text_that_may_name_a_time(words: list[str]) -> None:
    english = grammar("en")
    for text in (" ".join(words), "".join(words), " the ".join(words)):
        present = english.mask({node.letter for node in tokens(text, english)})
        assert not (english.silent(text) and present & english.anchors)


@given(
    st.lists(st.one_of(st.sampled_from(WORDS), st.sampled_from(["key", "'", "s", "-", ".", "²", "_", "/"])), max_size=8)
)
@settings(max_examples=300, deadline=None, derandomize=True)
def test_a_text_without_digits_has_the_tokens_that_it_has_to_the_pattern_of_all_shapes(words: list[str]) -> None:
    english = grammar("en")
    for text in (" ".join(words), "".join(words), " the ".join(words)):
        lower = text.lower()
        if (plain := english.words_of(lower)) is None:
            continue
        nodes: list[Node] = []
        read = [_read(match, lower, english, nodes) for match in english.tokens.finditer(lower)]
        assert read == plain
        assert [_told(node) for node in tokens(lower, english)] == [_told(n) for n in _phrased(nodes, read, english)]


def _told(node: Node) -> tuple[object, ...]:
    return node.letter, node.start, node.end, node.values


@given(st.lists(st.sampled_from(WORDS), max_size=8))
@settings(max_examples=200, deadline=None, derandomize=True)
def test_the_rules_that_can_match_are_those_all_of_whose_needs_are_met(words: list[str]) -> None:
    english = grammar("en")
    letters = {node.letter for node in tokens(" ".join(words), english)}
    present = english.mask(letters)
    expected = [
        (stage, rule)
        for stage, rules in enumerate(english.stages)
        for rule in rules
        if all(need & present for need in rule.needs)
    ]
    assert [(stage, rule) for stage, rules in english.viable(letters) for rule in rules] == expected


def test_the_quick_look_passes_over_most_questions() -> None:
    english = grammar("en")
    assert english.silent("who has the key to the boiler room?")
    assert not any(
        english.silent(word) for word in ("tuesday", "in may", "the day before yesterday", "at 5", "tonight")
    )
