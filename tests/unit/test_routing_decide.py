"""Deciding a route: prices, quality, constraints, stickiness, feedback, and what is refused."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentctx.embed.static import StaticEmbedder
from agentctx.errors import FailedPrecondition, InvalidArgument, NotFound, ResourceExhausted, Unavailable
from agentctx.routing.costs import cache_regret, cost, seconds
from agentctx.routing.posteriors import Counts, Posteriors
from agentctx.routing.router import POLICIES, Policy, Router
from agentctx.routing.setup import RoutingTables
from agentctx.types.routing import Backend, Constraints, Prices, Route, RouteRequest

TABLES = RoutingTables.load()
CLASSIFIER = TABLES.classifier(StaticEmbedder())

HIGH = Backend(
    "high", "bf16", Prices(1.0, 4.0, 0.1), 32_000, 400, region="eu", first_token_seconds=1, tokens_per_second=50
)
MID = Backend("mid", "fp8", Prices(0.8, 3.2, 0.08), 32_000, 400, region="eu")
LOW = Backend("low", "nvfp4", Prices(0.5, 2.0, 0.05), 16_000, 400, region="us", capabilities=frozenset({"tools"}))


def router(*backends: Backend, posteriors: Posteriors | None = None, seed: int = 1) -> Router:
    learned = posteriors or Posteriors(TABLES.priors)
    chosen = backends or (HIGH, MID, LOW)
    return Router(chosen, CLASSIFIER, TABLES.catalog, TABLES.priors, learned, random.Random(seed))


def ask(task_type: str = "", **options: Any) -> RouteRequest:
    filled: dict[str, Any] = {"prompt": "", "input_tokens": 1_000, "task_type": task_type} | options
    return RouteRequest(**filled)


class TestCosts:
    def test_cached_input_has_its_own_price(self) -> None:
        assert cost(Prices(10, 20, 1), 1_000_000, 500_000, 400_000) == pytest.approx(6 + 0.4 + 10)
        assert cost(Prices(10, 20), 1_000_000, 0, 400_000) == pytest.approx(10)
        assert cost(Prices(10, 20, 1), 100, 0, 5_000) == pytest.approx(100e-6)

    def test_regret_is_what_the_warm_prefix_saves(self) -> None:
        assert cache_regret(Prices(10, 20, 1), 1_000_000) == pytest.approx(9)
        assert cache_regret(Prices(10, 20), 1_000_000) == cache_regret(None, 5) == 0

    def test_time_is_unknown_without_a_speed(self) -> None:
        assert seconds(HIGH, 100) == pytest.approx(3)
        assert seconds(MID, 100) is None


class TestChoice:
    @pytest.mark.parametrize("task_type", ["coding", "terminal", "compliance", "safety", "synthesis", "workflow"])
    def test_a_sensitive_task_never_goes_to_four_bits_by_itself(self, task_type: str) -> None:
        assert router().decide(ask(task_type)).tier > 4

    @pytest.mark.parametrize("task_type", ["research", "knowledge", "multimodal", "comprehension", "data_analysis"])
    def test_a_robust_task_goes_to_the_cheapest(self, task_type: str) -> None:
        assert router().decide(ask(task_type)).backend == "low"

    def test_a_request_is_told_and_explained(self) -> None:
        route = router().decide(RouteRequest("Remember that my bike is blue.", 50))
        assert route.task.task_type == "memory"
        assert route.reasons[0].startswith("rule:")
        assert {candidate.backend for candidate in route.candidates} == {"high", "mid", "low"}

    def test_what_cannot_be_told_goes_up(self) -> None:
        route = router().decide(RouteRequest("", 50))
        assert route.task.abstained
        assert route.sensitivity == "high"
        assert route.tier > 4

    def test_savings_are_against_always_high_and_always_low(self) -> None:
        route = router().decide(ask("knowledge"))
        by_name = {candidate.backend: candidate.cost for candidate in route.candidates}
        assert route.saving_against_highest == pytest.approx(by_name["high"] - by_name["low"])  # type: ignore[operator]
        assert route.saving_against_lowest == 0

    def test_failover_goes_sideways_then_up_and_never_down(self) -> None:
        twin = Backend("twin", "int4", Prices(0.6, 2.4), 16_000, 400)
        route = router(HIGH, MID, LOW, twin).decide(ask("knowledge"))
        assert (route.backend, route.fallback) == ("low", ("twin", "mid", "high"))
        assert router().decide(ask("coding", output_tokens=10)).fallback in (("high",), ())

    def test_none_good_enough_means_the_highest_and_says_so(self) -> None:
        route = router().decide(ask("coding"), Constraints(quality_floor=1.0, deny=frozenset({"high"})))
        assert (route.backend, route.escalated) == ("mid", True)
        assert any("highest tier" in reason for reason in route.reasons)

    def test_a_price_that_is_not_known_is_never_cheap(self) -> None:
        free = Backend("mystery", "nvfp4", None, 16_000, 400)
        route = router(HIGH, LOW, free).decide(ask("knowledge"))
        assert route.backend == "low"
        alone = router(free).decide(ask("knowledge"))
        assert alone.cost is None
        assert alone.saving_against_highest is None
        assert any("price is not known" in reason for reason in alone.reasons)

    def test_a_dearer_low_tier_is_not_taken(self) -> None:
        dear = Backend("dear", "nvfp4", Prices(9, 9), 16_000, 400)
        assert router(HIGH, dear).decide(ask("knowledge")).backend == "high"

    def test_long_reasoning_at_four_bits_can_make_it_the_dearer_one(self) -> None:
        thinker = Backend("low", "nvfp4", Prices(0.9, 3.6), 16_000, 400, reasoning=True)
        thinking_high = Backend("high", "bf16", Prices(1.0, 4.0), 16_000, 400, reasoning=True)
        assert router(thinking_high, thinker).decide(ask("data_analysis", input_tokens=10)).backend == "high"
        assert router(thinking_high, thinker).decide(ask("data_analysis", input_tokens=9_000)).backend == "low"

    def test_policies_move_the_line(self) -> None:
        blurred = RouteRequest("Find out about the thing and put it together", 500)
        tiers = [router().decide(blurred, policy=POLICIES[name]).tier for name in ("auto:cost", "auto", "auto:quality")]
        assert tiers == sorted(tiers)

    def test_an_estimate_of_tokens_is_passed_on(self) -> None:
        assert not router().decide(ask("knowledge", exact_tokens=False)).exact_tokens


class TestConstraints:
    @pytest.mark.parametrize(
        ("constraints", "backend"),
        [
            (Constraints(regions=frozenset({"eu"})), "mid"),
            (Constraints(deny=frozenset({"low"})), "mid"),
            (Constraints(allow=frozenset({"high"})), "high"),
            (Constraints(min_tier=16), "high"),
            (Constraints(max_seconds=60.0), "high"),
            (Constraints(capabilities=frozenset({"tools"})), "low"),
        ],
    )
    def test_each_excludes(self, constraints: Constraints, backend: str) -> None:
        route = router().decide(ask("knowledge"), constraints)
        assert route.backend == backend
        assert all(c.excluded for c in route.candidates if c.backend != backend and c.cost < (route.cost or 0))  # type: ignore[operator]

    def test_a_window_too_small_excludes(self) -> None:
        route = router().decide(ask("knowledge", input_tokens=20_000))
        assert route.backend == "mid"
        excluded = next(c for c in route.candidates if c.backend == "low").excluded
        assert "exceed its window" in excluded[0]

    def test_a_price_ceiling_excludes_what_is_above_or_unknown(self) -> None:
        mystery = Backend("mystery", "bf16", None, 0, 400)
        route = router(HIGH, LOW, mystery).decide(ask("coding"), Constraints(max_cost=0.005))
        assert route.backend == "low"
        assert route.escalated

    def test_an_empty_budget_is_resource_exhausted(self) -> None:
        with pytest.raises(ResourceExhausted, match="fits the budget"):
            router().decide(ask("coding"), Constraints(budget_left=0.0))

    def test_all_down_is_unavailable_and_one_down_is_passed_over(self) -> None:
        with pytest.raises(Unavailable):
            router().decide(ask("knowledge"), health=[])
        assert router().decide(ask("knowledge"), health=["mid", "high"]).backend == "mid"

    def test_what_cannot_be_met_names_each_obstacle(self) -> None:
        with pytest.raises(FailedPrecondition) as caught:
            router().decide(ask("knowledge"), Constraints(regions=frozenset({"moon"})))
        assert all(name in caught.value.message for name in ("high", "mid", "low", "moon"))

    @pytest.mark.parametrize(
        "constraints",
        [
            Constraints(allow=frozenset({"low"}), deny=frozenset({"low"})),
            Constraints(allow=frozenset({"nobody"})),
            Constraints(deny=frozenset({"nobody"})),
            Constraints(quality_floor=1.2),
            Constraints(max_cost=0),
            Constraints(max_seconds=float("nan")),
        ],
    )
    def test_contradictions_are_refused(self, constraints: Constraints) -> None:
        with pytest.raises(InvalidArgument):
            router().decide(ask("knowledge"), constraints)

    def test_no_backend_and_bad_requests_are_refused(self) -> None:
        with pytest.raises(FailedPrecondition, match="no backend is configured"):
            Router([], CLASSIFIER, TABLES.catalog, TABLES.priors, Posteriors(TABLES.priors)).decide(ask())
        with pytest.raises(NotFound):
            router().decide(ask("gardening"))
        with pytest.raises(InvalidArgument):
            router().decide(ask("knowledge", input_tokens=-1))
        with pytest.raises(InvalidArgument):
            router(HIGH, HIGH)
        with pytest.raises(InvalidArgument):
            router(Backend("x", "bf16", Prices(-1, 1)))


class TestSessions:
    def test_a_warm_cache_keeps_the_session(self) -> None:
        request = ask("knowledge", input_tokens=10_000, output_tokens=10, current="mid", cached_tokens=9_900)
        route = router().decide(request)
        assert (route.backend, route.sticky) == ("mid", True)
        assert route.cache_regret == pytest.approx(9_900 * 0.72e-6)

    def test_many_turns_to_come_make_moving_pay(self) -> None:
        options = {"input_tokens": 10_000, "output_tokens": 10, "current": "mid", "cached_tokens": 9_900}
        route = router().decide(ask("knowledge", turns_left=20, **options))
        assert (route.backend, route.sticky) == ("low", False)
        assert any("moving pays" in reason for reason in route.reasons)

    def test_an_escalation_moves_whatever_the_cache_holds(self) -> None:
        request = ask("coding", input_tokens=10_000, output_tokens=10, current="low", cached_tokens=9_900)
        assert router().decide(request).tier > 4

    def test_being_there_already_is_sticky(self) -> None:
        assert router().decide(ask("knowledge", current="low")).sticky

    def test_a_backend_that_is_gone_is_left(self) -> None:
        assert router().decide(ask("knowledge", current="removed", cached_tokens=500)).backend == "low"


class TestFeedback:
    def test_bad_answers_move_a_task_up_and_good_ones_back(self) -> None:
        learned = Posteriors(TABLES.priors)
        here = router(posteriors=learned)
        for i in range(30):
            learned.feedback(f"bad-{i}", "knowledge", "low", 0.2)
        assert here.decide(ask("knowledge")).tier > 4
        for i in range(300):
            learned.feedback(f"good-{i}", "knowledge", "low", 0.9)
        assert here.decide(ask("knowledge")).backend == "low"

    def test_the_same_request_counts_once(self) -> None:
        learned = Posteriors(TABLES.priors)
        assert learned.feedback("r1", "coding", "low", 1)
        assert not learned.feedback("r1", "coding", "low", 0)
        assert learned.counts() == [Counts("coding", "low", good=1.0)]

    def test_counts_carry_everything_learned(self) -> None:
        learned = Posteriors(TABLES.priors)
        learned.feedback("r1", "coding", "low", 0.25)
        learned.usage("coding", "low", 900)
        again = Posteriors(TABLES.priors, learned.counts())
        coding = TABLES.catalog.get("coding")
        assert again.quality(coding, LOW) == learned.quality(coding, LOW)
        assert again.output_tokens(coding, LOW) == learned.output_tokens(coding, LOW)

    def test_seen_output_replaces_the_guess(self) -> None:
        learned = Posteriors(TABLES.priors)
        memory = TABLES.catalog.get("memory")
        before = learned.output_tokens(memory, LOW)
        for _ in range(200):
            learned.usage("memory", "low", 40)
        assert 40 <= learned.output_tokens(memory, LOW) < before / 3

    @settings(max_examples=60, deadline=None)
    @given(st.lists(st.floats(0, 1), max_size=40))
    def test_a_posterior_stays_between_prior_and_evidence(self, judged: list[float]) -> None:
        learned = Posteriors(TABLES.priors)
        coding = TABLES.catalog.get("coding")
        prior = learned.quality(coding, LOW)
        for i, quality in enumerate(judged):
            learned.feedback(str(i), "coding", "low", quality)
        after = learned.quality(coding, LOW)
        ends = sorted([prior.mean, sum(judged) / len(judged)]) if judged else [prior.mean, prior.mean]
        assert ends[0] - 1e-9 <= after.mean <= ends[1] + 1e-9
        assert after.observed == pytest.approx(len(judged))
        assert 0 < after.deviation <= 0.5

    @pytest.mark.parametrize(("id", "quality"), [("", 1), ("r", 2), ("r", -0.1), ("r", float("nan")), ("r", "good")])
    def test_bad_feedback_is_refused(self, id: str, quality: Any) -> None:
        with pytest.raises(InvalidArgument):
            Posteriors(TABLES.priors).feedback(id, "coding", "low", quality)

    def test_tasks_learn_from_one_another_how_far_a_backend_is_off(self) -> None:
        learned = Posteriors(TABLES.priors)
        assert learned.correction(LOW, TABLES.catalog) == 1.0
        for i in range(400):
            learned.feedback(str(i), "memory", "low", 0.1)
        off = learned.correction(LOW, TABLES.catalog)
        assert off < 0.5
        content = TABLES.catalog.get("content")
        assert learned.quality(content, LOW, off).mean < learned.quality(content, LOW).mean
        assert learned.correction(HIGH, TABLES.catalog) == 1.0

    @pytest.mark.parametrize(("worth", "tier"), [(0.0, 4), (2.0, 4), (1_000.0, 16)])
    def test_a_price_on_quality_replaces_the_floors(self, worth: float, tier: int) -> None:
        assert router(HIGH, LOW).decide(ask("synthesis"), policy=Policy(worth=worth)).tier == tier

    def test_a_floor_given_as_a_constraint_is_kept_whatever_quality_is_worth(self) -> None:
        floor = Constraints(quality_floor=0.99)
        assert router(HIGH, LOW).decide(ask("synthesis"), floor, policy=Policy(worth=0.0)).tier == 16

    def test_caution_wants_more_proof_and_exploring_is_seeded(self) -> None:
        learned = Posteriors(TABLES.priors)
        for i in range(4):
            learned.feedback(str(i), "knowledge", "low", 0.7)
        here = router(posteriors=learned)
        assert here.decide(ask("knowledge")).backend == "low"
        assert here.decide(ask("knowledge"), policy=Policy(caution=3.0)).tier > 4
        explore = Policy(explore=True)
        twice = [
            [router(posteriors=learned, seed=7).decide(ask("content"), policy=explore).backend for _ in range(3)]
            for _ in range(2)
        ]
        assert twice[0] == twice[1]


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from([*TABLES.catalog.ids]),
    st.integers(0, 40_000),
    st.sampled_from(["", "high", "mid", "low"]),
    st.integers(0, 40_000),
    st.integers(1, 50),
    st.builds(
        Constraints,
        quality_floor=st.none() | st.floats(0, 1),
        max_cost=st.none() | st.floats(1e-6, 1),
        regions=st.sampled_from([frozenset(), frozenset({"eu"}), frozenset({"eu", "us"})]),
        deny=st.sampled_from([frozenset[str](), frozenset({"low"}), frozenset({"high", "mid"})]),
    ),
)
def test_a_route_meets_every_constraint_or_is_refused(
    task_type: str, tokens: int, current: str, cached: int, turns: int, constraints: Constraints
) -> None:
    request = RouteRequest("", tokens, task_type=task_type, current=current, cached_tokens=cached, turns_left=turns)
    try:
        route: Route = router().decide(request, constraints)
    except (FailedPrecondition, ResourceExhausted):
        return
    chosen = next(c for c in route.candidates if c.backend == route.backend)
    assert chosen.excluded == ()
    assert route.backend not in constraints.deny
    assert constraints.max_cost is None or (route.cost or 0) <= constraints.max_cost
    able = {c.backend: c.tier for c in route.candidates if not c.excluded}
    assert all(able[name] >= route.tier for name in route.fallback)
    assert route.backend not in route.fallback
