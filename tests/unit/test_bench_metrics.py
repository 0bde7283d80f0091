"""Every metric against values worked out by hand."""

from __future__ import annotations

import math

import pytest
from agentctx_bench import metrics
from agentctx_bench.bm25 import BM25
from agentctx_bench.stats import paired_bootstrap, percentiles
from agentctx_bench.text_metrics import bleu1, token_f1, words

RANKING = ["a", "b", "c", "d", "e", "f"]


class TestRecall:
    @pytest.mark.parametrize(
        ("gold", "k", "any_", "all_", "fraction"),
        [
            ({"a"}, 1, 1, 1, 1),
            ({"b"}, 1, 0, 0, 0),
            ({"b", "f"}, 2, 1, 0, 0.5),
            ({"b", "f"}, 6, 1, 1, 1),
            ({"a", "z"}, 6, 1, 0, 0.5),
            ({"x", "y", "z"}, 6, 0, 0, 0),
            # |G| > k: all recall cannot be reached, fraction recall stops at k / |G|
            ({"a", "b", "c"}, 2, 1, 0, 2 / 3),
        ],
    )
    def test_each_kind_by_hand(self, gold: set[str], k: int, any_: float, all_: float, fraction: float) -> None:
        assert metrics.any_recall(RANKING, gold, k) == any_
        assert metrics.all_recall(RANKING, gold, k) == all_
        assert metrics.fraction_recall(RANKING, gold, k) == pytest.approx(fraction)

    def test_a_ranking_shorter_than_k_is_scored_as_it_is(self) -> None:
        scores = metrics.score(["a"], frozenset({"a", "b"}), [5])
        assert scores["any@5"] == 1
        assert scores["all@5"] == 0
        assert scores["fraction@5"] == 0.5

    def test_an_empty_ranking_scores_nothing(self) -> None:
        assert set(metrics.score([], frozenset({"a"}), [5, 10]).values()) == {0.0}

    def test_a_unit_that_comes_again_takes_no_second_place(self) -> None:
        """Turns of one session make one session: k counts distinct ones."""
        scores = metrics.score(["s1", "s1", "s1", "s2", "s3", "s2"], frozenset({"s3"}), [2, 3])
        assert scores["any@2"] == 0
        assert scores["any@3"] == 1
        assert scores["ndcg@10"] == pytest.approx(1 / math.log2(4))

    def test_no_gold_is_a_mistake_of_the_caller(self) -> None:
        with pytest.raises(ValueError, match="without gold"):
            metrics.score(["a"], frozenset(), [5])


class TestNdcg:
    def test_it_is_the_textbook_form(self) -> None:
        """Ranks 1 and 2 do not weigh the same, as they do in LongMemEval's own script."""
        assert metrics.ndcg(["a", "b"], {"a"}) == 1
        assert metrics.ndcg(["b", "a"], {"a"}) == pytest.approx(1 / math.log2(3))

    def test_several_gold_units_by_hand(self) -> None:
        gained = 1 / math.log2(2) + 1 / math.log2(5)
        best = 1 / math.log2(2) + 1 / math.log2(3) + 1 / math.log2(4)
        assert metrics.ndcg(["a", "x", "y", "b"], {"a", "b", "c"}) == pytest.approx(gained / best)

    def test_more_gold_than_ten_can_still_be_perfect(self) -> None:
        gold = {f"g{i}" for i in range(15)}
        assert metrics.ndcg([f"g{i}" for i in range(15)], gold) == pytest.approx(1)

    def test_what_comes_after_rank_ten_counts_nothing(self) -> None:
        assert metrics.ndcg([*"bcdefghijk", "a"], {"a"}) == 0


def test_averages_are_over_questions_not_over_evidence() -> None:
    one = metrics.score(["a"], frozenset({"a"}), [5])
    many = metrics.score(["x"], frozenset({"a", "b", "c"}), [5])
    assert metrics.average([one, many])["fraction@5"] == 0.5
    assert metrics.average([]) == {}


class TestStats:
    def test_percentiles_by_hand(self) -> None:
        assert percentiles([float(i) for i in range(101)]) == {"p50": 50, "p95": 95, "p99": 99}
        assert percentiles([]) == {}

    def test_equal_systems_differ_by_nothing(self) -> None:
        same = paired_bootstrap([0.0, 1.0, 1.0], [0.0, 1.0, 1.0], seed=1)
        assert (same.mean, same.low, same.high, same.clear) == (0, 0, 0, False)

    def test_the_interval_is_that_of_the_paired_difference(self) -> None:
        """Two systems far apart on hard questions and on easy ones alike: the spread over questions cancels."""
        ours = [float(i % 2) for i in range(200)]
        theirs = [value - 0.25 for value in ours]
        found = paired_bootstrap(ours, theirs, seed=1)
        assert (found.mean, found.low, found.high) == (-0.25, -0.25, -0.25)
        assert found.clear

    def test_the_width_agrees_with_the_normal_approximation_and_the_seed_fixes_it(self) -> None:
        ours = [0.0] * 400
        theirs = [1.0] * 100 + [0.0] * 300
        found = paired_bootstrap(ours, theirs, seed=3)
        spread = 1.96 * math.sqrt(0.25 * 0.75 / 400)
        assert found.low == pytest.approx(0.25 - spread, abs=0.006)
        assert found.high == pytest.approx(0.25 + spread, abs=0.006)
        assert found == paired_bootstrap(ours, theirs, seed=3)

    def test_nothing_to_compare_is_no_difference(self) -> None:
        assert not paired_bootstrap([], [], seed=0).clear


class TestBM25:
    TEXTS = ("the cat sat", "the dogs run and run", "a cat and a dog", "nothing here")

    def test_the_score_is_lucenes_formula(self) -> None:
        index = BM25(self.TEXTS)
        lengths = [3, 5, 5, 2]
        idf = math.log(1 + (4 - 1 + 0.5) / (1 + 0.5))
        norm = 1.2 * (1 - 0.75 + 0.75 * 5 / (sum(lengths) / 4))
        assert index.scores("running")[1] == pytest.approx(idf * 2 / (2 + norm))

    def test_words_are_stemmed_and_case_does_not_matter(self) -> None:
        assert set(BM25(self.TEXTS).search("DOG", 10)) == {1, 2}

    def test_texts_without_a_shared_word_are_not_found_and_ties_keep_their_order(self) -> None:
        assert BM25(["x y", "x y", "z"]).search("x", 10) == [0, 1]
        assert BM25(["x"]).search("", 10) == []
        assert BM25([]).search("x", 10) == []


class TestTextMetrics:
    def test_normalisation_is_squads(self) -> None:
        assert words("The  Cat's, an 'apple'!") == ["cats", "apple"]

    @pytest.mark.parametrize(
        ("reply", "answer", "f1"),
        [
            ("a red kayak", "The red kayak.", 1.0),
            ("red boat", "red kayak", 0.5),
            ("it is a red kayak", "red kayak", 2 * 2 / (4 + 2)),
            ("blue", "red", 0.0),
            ("", "red", 0.0),
            ("the", "", 1.0),
            ("5", "5", 1.0),
            ("red red red", "red", 2 * 1 / (3 + 1)),
        ],
    )
    def test_f1_by_hand(self, reply: str, answer: str, f1: float) -> None:
        assert token_f1(reply, answer) == pytest.approx(f1)

    def test_bleu1_clips_and_punishes_short_replies(self) -> None:
        assert bleu1("red kayak", "a red kayak") == 1
        assert bleu1("red red", "red kayak") == pytest.approx(0.5)
        assert bleu1("red", "red wooden kayak") == pytest.approx(math.exp(1 - 3 / 1))
        assert bleu1("red wooden kayak and more", "red kayak") == pytest.approx(2 / 5)
        assert bleu1("", "red") == 0
