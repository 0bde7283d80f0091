"""`agentctx bench context`: what it counts as kept, what it compares with, and what it refuses."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from agentctx_bench.context import Options, context
from agentctx_bench.context_memory import BUNDLE, SESSIONS, TOP_K, Asked, _fill, _same_evidence
from agentctx_bench.context_tables import show_context
from agentctx_bench.dataset import Question
from rich.console import Console

from agentctx.errors import InvalidArgument
from tests.unit.test_bench_runner import LOCOMO, NOW

GOLD = frozenset({"a", "b"})


def question() -> Question:
    return Question("k", "1 multi-hop", "what?", "x", NOW, GOLD, frozenset({"s"}))


def words(text: str) -> int:
    return len(text.split())


class TestComparison:
    def test_texts_are_taken_until_one_does_not_fit(self) -> None:
        asked = Asked(question())
        texts = [("one two ", frozenset({"a"})), ("three four five ", frozenset({"x"})), ("six ", frozenset({"b"}))]
        _fill(asked, TOP_K, 4, texts, GOLD, words)
        assert asked.evidence[TOP_K, 4] == 0.5
        assert asked.tokens[TOP_K, 4] == 2

    def test_whole_sessions_are_as_many_for_every_question(self) -> None:
        first, second = Asked(question()), Asked(question())
        first.sessions = [(1000, 0.5), (3000, 1.0)]
        second.sessions = [(1000, 1.0), (3000, 1.0)]
        for one in (first, second):
            one.evidence[BUNDLE, 500] = 1.0
        found = _same_evidence([first, second], 500)
        assert found["sessions"] == 2
        assert found["tokens"] == 3000
        assert found["ratio"] == 6

    def test_says_so_where_no_number_of_sessions_is_enough(self) -> None:
        asked = Asked(question())
        asked.sessions = [(1000, 0.5)]
        asked.evidence[BUNDLE, 500] = 1.0
        assert _same_evidence([asked], 500)["ratio"] is None


class TestRun:
    def test_a_report_has_each_way_at_each_budget(self, tmp_path: Path) -> None:
        out = tmp_path / "context.json"
        report = context(Options(locomo=LOCOMO, budgets=(60, 300), counter="cl100k_base", json_out=out))
        part = report["locomo"]
        assert part["questions"] > 0
        assert part["over_budget"] == 0
        for row in part["budgets"].values():
            assert 0 <= row["evidence"] <= 1
            assert {"evidence", "tokens", "difference"} == set(row[TOP_K]) == set(row[SESSIONS])
            assert row["build_ms"]["p50"] > row["beyond_search_ms"]["p50"] > 0
        assert part["budgets"]["300"]["evidence"] >= part["budgets"]["60"]["evidence"]
        assert json.loads(out.read_text())["locomo"]["budgets"] == json.loads(json.dumps(part["budgets"]))
        console = Console(width=100, record=True, file=io.StringIO())
        show_context(report, console)
        assert "whole sessions" in console.export_text()

    @pytest.mark.parametrize(
        ("options", "field"),
        [
            (Options(), "data"),
            (Options(locomo=LOCOMO, budgets=()), "budgets"),
            (Options(locomo=LOCOMO, budgets=(0,)), "budgets"),
            (Options(locomo=LOCOMO, limit=0), "limit"),
            (Options(localization=LOCOMO), "repos"),
            (Options(locomo=LOCOMO, counter="estimate"), "counter"),
        ],
    )
    def test_bad_options_are_named(self, options: Options, field: str) -> None:
        with pytest.raises(InvalidArgument) as caught:
            context(options)
        assert caught.value.field == field
