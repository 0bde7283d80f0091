"""What the runner asks a system, and what it makes of the rankings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from agentctx_bench import locomo, report
from agentctx_bench.dataset import Dataset, Haystack, Question, Turn
from agentctx_bench.runner import Cutoffs, run, work
from agentctx_bench.systems import BM25System, Found

NOW = datetime(2024, 1, 1, tzinfo=UTC)
LOCOMO = Path(__file__).parent / "test_bench_data" / "locomo.json"


class InOrder:
    """Ranks the turns of a haystack as they lie there, whatever is asked; keeps every search it was asked for."""

    label = "in order"

    def __init__(self, *, unsteady: bool = False) -> None:
        self.searches: list[tuple[str, str, datetime, int]] = []
        self.turns: dict[str, tuple[Turn, ...]] = {}
        self.released: list[str] = []
        self.unsteady = unsteady

    def ingest(self, haystack: Haystack) -> float:
        self.turns[haystack.namespace] = haystack.turns
        return 2.0

    def search(self, namespace: str, query: str, reference_time: datetime, k: int) -> Sequence[Found]:
        self.searches.append((namespace, query, reference_time, k))
        turns = self.turns[namespace][:k]
        if self.unsteady and k == 10:
            turns = turns[::-1]
        return [Found(t.id, t.session, t.text, t.speaker, t.occurred_at) for t in turns]

    def release(self, namespace: str) -> None:
        self.released.append(namespace)

    def close(self) -> None:
        pass


def haystack(sessions: int = 3, turns: int = 4, **question: Any) -> Haystack:
    made = [
        Turn(f"t{s * turns + p:05}", f"s{s:03}", p, "four", NOW + timedelta(days=s))
        for s in range(sessions)
        for p in range(turns)
    ]
    asked = Question(
        "k", "1 multi-hop", "what?", "x", NOW, frozenset({"t00001", "t00005"}), frozenset({"s000", "s001"})
    )
    return Haystack("c00", tuple(made), (replace(asked, **question),))


def dataset(*haystacks: Haystack) -> Dataset:
    return Dataset("locomo", haystacks or (haystack(),), "0" * 64)


CUTOFFS = Cutoffs.of((5, 10))


class TestRun:
    def test_turns_and_sessions_are_scored_on_one_ranking(self) -> None:
        (outcome,) = run(dataset(), InOrder(), CUTOFFS).outcomes
        assert outcome.turn["any@5"] == 1
        assert outcome.turn["all@5"] == 0
        assert outcome.turn["all@10"] == 1
        assert outcome.session["all@5"] == 1
        assert outcome.session["ndcg@10"] == 1

    def test_fifty_is_told_at_turn_level_only(self) -> None:
        (outcome,) = run(dataset(), InOrder(), CUTOFFS).outcomes
        assert "any@50" in outcome.turn
        assert "any@50" not in outcome.session

    def test_a_system_gets_text_and_time_of_a_question_and_nothing_else(self) -> None:
        system = InOrder()
        run(dataset(), system, CUTOFFS)
        warm_up, timed, deep = system.searches
        assert warm_up[1] != "what?"
        assert timed == ("c00", "what?", NOW, 10)
        assert deep == ("c00", "what?", NOW, 50)
        assert system.released == ["c00"]

    def test_it_searches_deeper_until_there_are_enough_sessions(self) -> None:
        system = InOrder()
        far = haystack(sessions=12, turns=30, gold_sessions=frozenset({"s009"}))
        (outcome,) = run(dataset(far), system, CUTOFFS).outcomes
        assert [k for *_, k in system.searches[1:]] == [10, 50, 100, 200, 400]
        assert outcome.session["any@10"] == 1
        assert outcome.session["any@5"] == 0

    def test_it_does_not_search_deeper_for_what_is_not_there(self) -> None:
        system = InOrder()
        run(dataset(haystack(sessions=2)), system, CUTOFFS)
        assert [k for *_, k in system.searches[1:]] == [10, 50]

    def test_a_ranking_that_depends_on_k_is_told(self) -> None:
        assert run(dataset(), InOrder(unsteady=True), CUTOFFS).unstable == 1
        assert run(dataset(), InOrder(), CUTOFFS).unstable == 0

    def test_the_rate_is_turns_over_the_seconds_within_add(self) -> None:
        assert run(dataset(haystack(), haystack()), InOrder(), CUTOFFS).ingest_per_s == 24 / 4

    def test_progress_adds_up(self) -> None:
        steps: list[int] = []
        data = dataset(haystack(), haystack())
        run(data, InOrder(), CUTOFFS, steps.append)
        assert sum(steps) == work(data) == 26


class TestReport:
    def test_questions_without_gold_or_apart_are_not_in_the_headline(self) -> None:
        data = dataset(
            haystack(),
            haystack(gold_turns=frozenset(), gold_sessions=frozenset()),
            haystack(headline=False, category="5 adversarial"),
        )
        told = report.system_report(run(data, InOrder(), CUTOFFS), CUTOFFS)
        assert told["questions"] == 1
        assert told["by_category"]["1 multi-hop"]["questions"] == 1
        assert told["by_category"]["5 adversarial"]["questions"] == 1

    def test_a_level_counts_its_own_questions(self) -> None:
        data = dataset(haystack(), haystack(gold_turns=frozenset()))
        told = report.system_report(run(data, InOrder(), CUTOFFS), CUTOFFS)
        assert (told["questions"], told["turn"]["n"], told["session"]["n"]) == (2, 1, 2)

    def test_the_price_of_k_turns_is_an_estimate_and_says_so(self) -> None:
        told = report.system_report(run(dataset(), InOrder(), CUTOFFS), CUTOFFS)
        assert told["tokens"] == {
            "counter": "characters / 4, an estimate",
            "mean_at_k": {"5": 5.0, "10": 10.0, "50": 12.0},
        }

    def test_differences_are_the_others_minus_the_first(self) -> None:
        data = locomo.load(LOCOMO)
        base, other = run(data, InOrder(), CUTOFFS), run(data, BM25System(), CUTOFFS)
        (row,) = report.comparison(base, [other], CUTOFFS, seed=1)
        ours, theirs = (report.system_report(r, CUTOFFS)["turn"]["ndcg@10"] for r in (base, other))
        assert row["system"] == "plain BM25"
        assert row["difference"]["turn"]["ndcg@10"]["mean"] == pytest.approx(theirs - ours, abs=2e-4)
        assert set(row["difference"]["session"]) == {*row["session"]} - {"n"}


def test_plain_bm25_finds_the_speaker_and_forgets_released_haystacks() -> None:
    data = locomo.load(LOCOMO)
    system = BM25System()
    system.ingest(data.haystacks[0])
    assert system.search("c00", "Vera Lisbon", NOW, 3)[0].id == "t00003"
    assert {f.speaker for f in system.search("c00", "Ines", NOW, 50)} == {"Ines"}
    system.release("c00")
    with pytest.raises(KeyError):
        system.search("c00", "Vera", NOW, 3)
