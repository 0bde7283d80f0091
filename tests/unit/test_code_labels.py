"""The judged calls of real code: every file of labels parses and says what `benchmarks/call_labels.py` needs."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parents[1] / "code_labels"
LANGUAGES = "bash c cpp csharp go java javascript php python ruby rust typescript".split()
SYMBOL = re.compile(r"[^:\n]+::.+:[a-z_]+(~\d+)?")
JUDGED = {"draw", "seed", "repository", "commit", "rung", "at", "caller", "name", "callee", "expected", "verdict"}


def rows(language: str) -> list[dict[str, Any]]:
    text = (FOLDER / f"{language}_calls.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def test_every_language_has_judged_calls() -> None:
    assert sorted(path.name for path in FOLDER.iterdir()) == [f"{one}_calls.jsonl" for one in LANGUAGES]


@pytest.mark.parametrize("language", [one for one in LANGUAGES if one != "python"])
def test_a_judged_call_says_where_it_is_what_it_leads_to_and_what_was_bound(language: str) -> None:
    found = rows(language)
    assert len({(row["repository"], row["commit"], row.get("under", "")) for row in found}) == 1
    assert len({(row["at"], row["name"], row["callee"]) for row in found}) == len(found) >= 20
    for row in found:
        assert row.keys() - {"under"} == JUDGED
        assert re.fullmatch(r"[\w.-]+/[\w.-]+", row["repository"])
        assert re.fullmatch(r"[0-9a-f]{40}", row["commit"])
        assert re.fullmatch(r"[^/].*:[1-9]\d*", row["at"])
        assert row["at"].startswith(row.get("under", ""))
        assert row["name"]
        assert all(SYMBOL.fullmatch(one) for one in [*row["expected"], *filter(None, [row["callee"]])])


@pytest.mark.parametrize("language", [one for one in LANGUAGES if one != "python"])
def test_a_verdict_follows_from_what_was_bound_and_what_was_expected(language: str) -> None:
    for row in rows(language):
        if row["callee"] is None:
            verdict = "missed" if row["expected"] else "outside"
        else:
            verdict = "right" if row["callee"] in row["expected"] else "wrong"
        assert (row["draw"] == "edge") == (row["callee"] is not None)
        assert row["verdict"] == verdict


def test_a_judged_edge_of_python_says_where_it_is_and_whether_it_is_right() -> None:
    for row in rows("python"):
        assert row.keys() - {"instead"} == {"draw", "seed", "repository", "rung", "at", "caller", "callee", "right"}
        assert re.fullmatch(r"[^/].*:[1-9]\d*", row["at"])
        assert isinstance(row["right"], bool)
