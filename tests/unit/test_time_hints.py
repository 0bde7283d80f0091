"""Which range of time a phrase names."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from agentctx.memory.plan import make_plan
from agentctx.memory.time_hints import time_hints

NOW = datetime(2023, 5, 17, 15, 30, tzinfo=UTC)  # a Wednesday

DATES = {
    # phrase: first day, days
    "on 3 March 2022": ("2022-03-03", 1),
    "on March 3rd, 2022": ("2022-03-03", 1),
    "the 3rd of march 2022": ("2022-03-03", 1),
    "Sept. 9": ("2022-09-09", 1),
    "May 17": ("2023-05-17", 1),
    "May 18": ("2022-05-18", 1),
    "on 2/3/2022": ("2022-02-03", 1),
    "on 12/31": ("2022-12-31", 1),
    "on 1/2/21": ("2021-01-02", 1),
    "29 February": ("2020-02-29", 1),
    "29 February 2020": ("2020-02-29", 1),
    "in March": ("2023-03-01", 31),
    "last March": ("2023-03-01", 31),
    "in June": ("2022-06-01", 30),
    "in May": ("2023-05-01", 31),
    "February 2020": ("2020-02-01", 29),
    "march 2021": ("2021-03-01", 31),
    "in 2020": ("2020-01-01", 366),
    "since 1999": ("1999-01-01", 365),
    "31 February": ("2023-02-01", 28),  # the day is no day, the month is one
    "two days ago": ("2023-05-15", 1),
    "a day ago": ("2023-05-16", 1),
    "yesterday": ("2023-05-16", 1),
    "Today": ("2023-05-17", 1),
    "tonight": ("2023-05-17", 1),
    "on Monday": ("2023-05-15", 1),
    "last wednesday": ("2023-05-10", 1),
    "the past 3 days": ("2023-05-14", 4),
    "the last couple of days": ("2023-05-15", 3),
    "last week": ("2023-05-03", 15),
    "this week": ("2023-05-10", 8),
    "in \u0130zmir yesterday": ("2023-05-16", 1),
}
NO_DATES = [
    "",
    "May I go?",
    "you may go",
    "march forward",
    "they march on",
    "sunday best",
    "24/7",
    "13/13/2022",
    "3 weeks",
    "day by day",
    "room 2020",
    "in 2020s",
    "99 May",
    "1 May 0000",
    "9999 years ago",
    "last 9999 months",
    "last 3 years",  # singles nothing out
    "31 December 9999",
    "mayday",
    "yesterdays",
]


@pytest.mark.parametrize("phrase", DATES)
def test_a_phrase_names_a_range_counted_from_the_reference_time(phrase: str) -> None:
    (hint,) = time_hints(f"so, {phrase}!", NOW)
    first, days = DATES[phrase]
    start = datetime.fromisoformat(first).replace(tzinfo=UTC)
    assert (hint.start, hint.end) == (start, start + timedelta(days))
    assert f"so, {phrase}!"[slice(*hint.span)] == hint.text
    assert hint.text.lower() in phrase.lower()


@pytest.mark.parametrize("phrase", NO_DATES)
def test_what_is_no_date_names_none(phrase: str) -> None:
    assert list(time_hints(phrase, NOW)) == []


def test_several_ranges_do_not_overlap_and_the_more_definite_wins() -> None:
    text = "In 2020, on 3 March 2022, in March 2021 and a week ago on Monday"
    found = {hint.text.lower(): hint for hint in time_hints(text, NOW)}
    assert set(found) == {"in 2020", "3 march 2022", "march 2021", "a week ago", "on monday"}
    spans = sorted(hint.span for hint in found.values())
    assert all(left[1] <= right[0] for left, right in pairwise(spans))
    ago = found["a week ago"]
    assert ago.start < NOW - timedelta(days=7) < ago.end


def test_a_text_full_of_dates_costs_no_more_than_sixteen() -> None:
    plan = make_plan("may 1 " * 10_000, NOW)
    assert len(plan.hints) == 16
    assert [term.term for term in plan.terms] == ["may", "1"]


FRAGMENTS = st.sampled_from(
    "0 1 2 29 30 31 99 0000 9999 2023 10000 / , . of ago last past previous this on in couple few may march feb "
    "february dec day days week weekend month months years monday yesterday st th \u0130 \u0661 ' -".split()
)
PHRASES = st.lists(FRAGMENTS | st.just(" ") | st.just("  "), max_size=9).map(" ".join)
REFERENCES = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001


@given(st.text(max_size=40) | PHRASES, REFERENCES)
@example("29 feb", datetime(1, 1, 2, tzinfo=UTC))
@example("29 feb", datetime(1900, 3, 1, tzinfo=UTC))
@example("31 dec", datetime(1, 1, 2, tzinfo=UTC))
@example("today", datetime(9999, 12, 30, tzinfo=UTC))
@settings(max_examples=500, deadline=None, derandomize=True)
def test_no_text_raises_and_no_range_is_inverted(text: str, reference: datetime) -> None:
    hints = list(time_hints(text, reference))
    spans = sorted(hint.span for hint in hints)
    assert all(left[1] <= right[0] for left, right in pairwise(spans))
    for hint in hints:
        assert hint.start < hint.end
        assert hint.start.tzinfo is UTC
        assert text[slice(*hint.span)] == hint.text
