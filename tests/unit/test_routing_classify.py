"""Telling the kind of a request."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentctx.embed.static import StaticEmbedder
from agentctx.errors import InvalidArgument
from agentctx.routing.classify import Calibration, Classifier
from agentctx.routing.features import READ, make_up, terms
from agentctx.routing.rules import RuleSet
from agentctx.routing.setup import RoutingTables
from agentctx.routing.tasks import UNKNOWN

EMBEDDER = StaticEmbedder()


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return RoutingTables.load().classifier(EMBEDDER)


class TestClassifier:
    @pytest.mark.parametrize(
        ("prompt", "task_type"),
        [
            ("Fix the failing unit test in cart.py and explain the bug.", "coding"),
            ("Remember that I take my tea without sugar.", "memory"),
            ("Does the GDPR allow us to keep the applicants' CVs for two years?", "compliance"),
            ("Rephrase this paragraph so that it sounds friendlier.", "rewriting"),
            ("Is CVE-2024-3094 a problem for our build servers?", "security"),
            ("Schedule a meeting with Ines on Monday at 10.", "productivity"),
            ("What is shown in the picture tower.jpg?", "multimodal"),
            ("Which vendor's quote for the pallets is the better offer?", "procurement"),
            ("Plot the median response time per week from timings.csv.", "data_analysis"),
            ("What was the free cash flow of the brewer in fiscal 2021, from its 10-K?", "finance"),
        ],
    )
    def test_plain_requests_are_told(self, classifier: Classifier, prompt: str, task_type: str) -> None:
        estimate = classifier.classify(prompt)
        assert estimate.task_type == task_type
        assert not estimate.abstained
        assert estimate.reasons

    @settings(max_examples=100, deadline=None)
    @given(st.text(max_size=300))
    def test_any_text_gets_probabilities_that_add_up(self, classifier: Classifier, prompt: str) -> None:
        estimate = classifier.classify(prompt)
        if estimate.detector == "none":
            assert not prompt.strip()
            return
        assert sum(estimate.distribution.values()) == pytest.approx(1.0, abs=1e-4)
        assert estimate.confidence == max(estimate.distribution.values())
        assert estimate.abstained == (estimate.confidence < Calibration().threshold)

    def test_noise_and_blanks_are_abstained_from(self, classifier: Classifier) -> None:
        assert classifier.classify("  \n").task_type == UNKNOWN
        assert classifier.classify("xqzzt vlorp").abstained
        assert any("not sure" in reason for reason in classifier.classify("xqzzt vlorp").reasons)

    def test_two_classifiers_and_many_threads_agree(self, classifier: Classifier) -> None:
        prompts = ["Order more paper for printer 3.", "What did I say about the car?"] * 10
        alone = [classifier.classify(prompt) for prompt in prompts]
        with ThreadPoolExecutor(4) as pool:
            other = list(pool.map(RoutingTables.load().classifier(EMBEDDER).classify, prompts))
        assert [e.task_type for e in other] == [e.task_type for e in alone]
        assert [e.confidence for e in other] == pytest.approx([e.confidence for e in alone], abs=1e-3)

    def test_a_rule_moves_the_probability_and_is_named(self) -> None:
        tables = RoutingTables.load()
        plain = Classifier(tables.catalog, EMBEDDER, RuleSet([]))
        rule = {"rule": [{"name": "beds", "task_type": "memory", "pattern": "flower bed", "weight": 5}]}
        ruled = Classifier(tables.catalog, EMBEDDER, RuleSet.load(tables.catalog, rule))
        prompt = "About the flower bed again"
        before, after = plain.classify(prompt), ruled.classify(prompt)
        assert after.distribution["memory"] > before.distribution["memory"]
        assert (after.task_type, after.detector) == ("memory", "rules")
        assert after.reasons[0] == "rule: beds"

    def test_a_custom_type_is_learned_from_a_few_prompts(self) -> None:
        own = {
            "prompts": [
                "When should I prune the apple tree?",
                "Which roses stand shade?",
                "My tomatoes have brown spots, what now?",
            ],
            "keywords": ["pruning", "seedlings", "compost", "garden bed", "fertiliser"],
        }
        classifier = RoutingTables.load({"task_types": {"gardening": own}}).classifier(EMBEDDER)
        assert classifier.classify("Which fertiliser do seedlings of roses need?").task_type == "gardening"

    def test_examples_left_out_are_mostly_told_and_confidence_means_something(self, classifier: Classifier) -> None:
        """Leave one out over all example prompts: what the calibration was made from."""
        scores, places, ids = classifier.left_out()
        assert scores.shape == (len(places), len(ids))
        chances = np.exp(Calibration().sharpness * (scores - scores.max(axis=1, keepdims=True)))
        chances /= chances.sum(axis=1, keepdims=True)
        right = scores.argmax(axis=1) == places
        sure = chances.max(axis=1) >= 0.7
        assert right.mean() > 0.65
        assert right[sure].mean() > 0.8
        assert abs(chances.max(axis=1).mean() - right.mean()) < 0.12

    def test_a_short_follow_up_is_told_by_what_came_before(self, classifier: Classifier) -> None:
        before = "Write unit tests for the parser class in python and fix the bugs that they show."
        alone, followed = classifier.classify("now the other one"), classifier.classify("now the other one", [before])
        assert followed.task_type == "coding"
        assert followed.distribution["coding"] > alone.distribution["coding"]

    def test_a_plain_request_stands_for_itself_whatever_came_before(self, classifier: Classifier) -> None:
        prompt = "Does the GDPR allow us to keep the applicants' CVs for two years after the end of the procedure?"
        assert classifier.classify(prompt, ["Draw me a picture of a horse.", " "]).task_type == "compliance"

    def test_a_prompt_is_a_text(self, classifier: Classifier) -> None:
        with pytest.raises(InvalidArgument):
            classifier.classify(None)  # type: ignore[arg-type]


class TestFeatures:
    def test_only_the_beginning_of_a_long_text_is_read(self) -> None:
        text = "word " * 2_000
        assert len(text) > READ
        assert "zebra" not in " ".join(terms(text + "zebra"))

    @pytest.mark.parametrize(
        ("text", "sign"),
        [
            ("look at a.PNG", "file: image"),
            ("sum up.xlsx", "file: table"),
            ("1. a 2. b 3. c", "steps"),
            ("at 3pm", "time of day"),
            ("for 90k", "money"),
            ("in /var/log", "absolute path"),
            ("Why?", "question"),
            ("mail, then the crm", "several systems"),
            ("Draft it", "first: draft"),
        ],
    )
    def test_the_make_up_of_a_request_is_seen(self, text: str, sign: str) -> None:
        assert sign in make_up(text)
