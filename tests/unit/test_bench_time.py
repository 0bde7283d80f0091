"""The benchmark of time expressions: what counts as right, as negative, as apart."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from agentctx_bench import tables, time_expressions
from rich.console import Console

from agentctx.errors import InvalidArgument


def case(text: str, *results: dict[str, Any], **more: str) -> dict[str, Any]:
    return {
        "Input": text,
        "Context": {"ReferenceDateTime": "2016-11-07T00:00:00"},
        "Results": list(results),
        **more,
    }


def result(text: str, phrase: str, kind: str, *values: dict[str, str]) -> dict[str, Any]:
    start = text.index(phrase)
    return {
        "Text": phrase,
        "Start": start,
        "End": start + len(phrase) - 1,
        "TypeName": f"datetimeV2.{kind}",
        "Resolution": {"values": list(values)},
    }


def report(tmp_path: Path, *cases: dict[str, Any]) -> dict[str, Any]:
    (tmp_path / time_expressions.FILE).write_text(json.dumps(cases), encoding="utf-8")
    return time_expressions.run(tmp_path, tmp_path / "out.json")


def dated(day: str, *, text: str = "it was yesterday", phrase: str = "yesterday") -> dict[str, Any]:
    return case(text, result(text, phrase, "date", {"value": day}))


def test_a_date_is_right_if_it_is_one_of_the_values(tmp_path: Path) -> None:
    right, wrong = dated("2016-11-06"), dated("2016-11-05")
    two = case("on Friday", result("on Friday", "Friday", "date", {"value": "2016-11-11"}, {"value": "2016-11-04"}))
    told = report(tmp_path, right, wrong, two)
    assert (told["n"]["date"], told["exact"]["date"]) == (3, 0.6667)
    assert told["exact"]["datetime"] is None


def test_a_hint_elsewhere_in_the_text_does_not_count(tmp_path: Path) -> None:
    text = "yesterday or so"
    assert report(tmp_path, case(text, result(text, "so", "date", {"value": "2016-11-06"})))["exact"]["date"] == 0


def test_ranges_count_both_ends_and_the_last_second_of_a_day_is_its_end(tmp_path: Path) -> None:
    def ranged(phrase: str, kind: str, **value: str) -> dict[str, Any]:
        return case(phrase, result(phrase, phrase, kind, value))

    told = report(
        tmp_path,
        ranged("in 2015", "daterange", start="2015-01-01", end="2016-01-01"),
        ranged("in 2014", "daterange", start="2014-01-01", end="2014-12-31"),
        ranged("since 2014", "daterange", start="2014-01-01"),
        ranged("before 2014", "daterange", start="2013-01-01", end="2014-01-01"),
        ranged("last night", "datetimerange", start="2016-11-06 20:00:00", end="2016-11-06 23:59:59"),
    )
    assert told["exact"] == {"date": None, "daterange": 0.5, "datetime": None, "datetimerange": 1.0}


def test_negatives_have_no_result_and_other_types_are_told_apart(tmp_path: Path) -> None:
    text = "for two weeks"
    told = report(
        tmp_path,
        case("May I go?"),
        case("yesterday"),
        case(text, result(text, "two weeks", "duration", {"value": "1209600"})),
    )
    assert (told["negatives"], told["false_positives"]) == (2, 0.5)
    assert told["found_without_a_time_range"] == {"share": 0.0, "n": 1}


def test_what_upstream_cannot_do_in_python_is_apart(tmp_path: Path) -> None:
    apart = dated("2016-11-06") | {"NotSupported": "javascript, Python"}
    told = report(tmp_path, apart)
    assert told["n"]["date"] == 0
    assert told["unsupported_upstream"]["exact"]["date"] == 1.0


def test_the_report_is_written_and_shown(tmp_path: Path) -> None:
    told = report(tmp_path, dated("2016-11-06"))
    assert json.loads((tmp_path / "out.json").read_text(encoding="utf-8")) == told
    assert set(told["us_per_query"]) >= {"p50", "p95"}
    console = Console(record=True, width=80)
    tables.show_time(told, console)
    assert "exact intervals" in console.export_text()


@pytest.mark.parametrize("content", ["{}", "[1]", '[{"Input": 3, "Results": []}]', "not json"])
def test_another_file_is_an_error_that_says_so(tmp_path: Path, content: str) -> None:
    (tmp_path / time_expressions.FILE).write_text(content, encoding="utf-8")
    with pytest.raises(InvalidArgument):
        time_expressions.run(tmp_path)


def test_a_folder_without_the_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument):
        time_expressions.run(tmp_path)
