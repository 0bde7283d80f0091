"""Precisions, task types, rules and priors: the data that ships, and a user's laid over it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from agentctx.errors import InvalidArgument, NotFound
from agentctx.routing.priors import Priors
from agentctx.routing.rules import RuleSet
from agentctx.routing.setup import RoutingTables
from agentctx.routing.tables import overlay, read, shipped
from agentctx.routing.tasks import UNKNOWN, TaskCatalog
from agentctx.types.precisions import PRECISIONS, TIERS, parse_precision, tier_of
from agentctx.types.routing import Backend, TaskType

OPENROUTER = "int4 int8 fp4 fp6 fp8 mxfp4 mxfp8 nvfp4 fp16 bf16 fp32 unknown".split()
QUANTCLAW = (
    "coding compliance terminal safety synthesis workflow organization operations security rewriting file_ops finance "
    "content procurement productivity ops memory communication research multimodal comprehension knowledge office_qa "
    "data_analysis"
).split()


class TestPrecisions:
    def test_every_name_of_openrouter_is_known_and_has_a_tier(self) -> None:
        assert set(OPENROUTER) | {"int3", "custom"} == set(PRECISIONS)
        assert {tier_of(precision) for precision in PRECISIONS} == set(TIERS)

    @pytest.mark.parametrize("name", PRECISIONS)
    def test_a_name_stands_for_itself_in_any_case(self, name: str) -> None:
        assert parse_precision(name.upper()) == name

    @pytest.mark.parametrize(
        ("name", "precision"),
        [
            ("Q4_K_M", "int4"),
            ("Q4_1", "int4"),
            ("Q8_0", "int8"),
            ("IQ3_XXS", "int3"),
            ("F16", "fp16"),
            ("awq", "int4"),
            ("bfloat16", "bf16"),
            ("q6_k", "fp6"),
        ],
    )
    def test_what_servers_call_it_is_understood(self, name: str, precision: str) -> None:
        assert parse_precision(name) == precision

    @pytest.mark.parametrize("name", ["", "4", "q7_0", "fast", None, 4])
    def test_anything_else_is_refused(self, name: Any) -> None:
        with pytest.raises(InvalidArgument) as caught:
            parse_precision(name)
        assert caught.value.field == "precision"

    def test_only_what_is_not_known_believes_a_declared_tier(self) -> None:
        assert tier_of("custom", declared=8) == 8
        assert tier_of("custom") == tier_of("unknown") == 4
        assert tier_of("int4", declared=16) == 4


class TestTaskTypes:
    def test_the_24_ship_in_their_classes(self) -> None:
        catalog = TaskCatalog.load()
        assert list(catalog.ids) == QUANTCLAW
        classes = [task.sensitivity for task in catalog]
        assert [classes.count(name) for name in ("high", "moderate", "low")] == [9, 9, 6]
        assert sum(task.gain for task in catalog) / 24 == pytest.approx(0.012, abs=0.0005)

    def test_every_type_says_where_it_is_from_and_has_examples(self) -> None:
        catalog = TaskCatalog.load()
        for task in catalog:
            assert task.source
            assert task.description
            assert len(catalog.examples(task.id).prompts) >= 25
            assert len(catalog.examples(task.id).keywords) >= 35

    def test_no_example_stands_twice(self) -> None:
        prompts = [" ".join(text.lower().split()) for texts in shipped("prototypes").values() for text in texts]
        assert len(set(prompts)) == len(prompts)

    def test_a_custom_type_joins_and_a_shipped_one_can_change_or_go(self) -> None:
        catalog = TaskCatalog.load(
            {
                "legal_drafting": {
                    "sensitivity": "high",
                    "prompts": ["Draft a non-disclosure agreement."],
                    "gain": 0.1,
                },
                "research": {"sensitivity": "moderate", "keywords": ["dig deep"]},
                "memory": {"enabled": False},
            }
        )
        assert catalog.get("legal_drafting").gain == 0.1
        assert catalog.get("research").sensitivity == "moderate"
        assert catalog.get("research").gain == pytest.approx(-0.0264)
        assert "dig deep" in catalog.examples("research").keywords
        assert "memory" not in catalog
        assert len(catalog) == 24

    @pytest.mark.parametrize(
        "custom",
        [
            {"x": 3},
            {"x": {"prompts": ["a"], "sensitivity": "extreme"}},
            {"x": {"prompts": ["a"], "domain": "law"}},
            {"x": {"prompts": ["a"], "gain": "big"}},
            {"x": {"prompts": ["a"], "gain": 4}},
            {"x": {"prompts": ["a"], "colour": "red"}},
            {"x": {"prompts": "a"}},
            {"x": {"prompts": [" "]}},
            {"x": {}},
            {"a b": {"prompts": ["a"]}},
            {UNKNOWN: {"prompts": ["a"]}},
            {name: {"enabled": False} for name in QUANTCLAW},
        ],
    )
    def test_what_is_not_understood_is_refused(self, custom: dict[str, Any]) -> None:
        with pytest.raises(InvalidArgument):
            TaskCatalog.load(custom)

    def test_an_unknown_id_is_not_found(self) -> None:
        with pytest.raises(NotFound):
            TaskCatalog.load().get("gardening")
        assert TaskCatalog.load().get(UNKNOWN).sensitivity == "high"


class TestRules:
    def test_every_shipped_rule_is_for_a_task_type_and_has_its_own_name(self) -> None:
        rows = shipped("rules")["rule"]
        assert {row["task_type"] for row in rows} <= set(QUANTCLAW)
        assert len({row["name"] for row in rows}) == len(rows)

    @pytest.mark.parametrize("row", shipped("rules")["rule"], ids=lambda row: row["name"])
    def test_no_shipped_rule_can_be_made_to_hang(self, row: dict[str, Any]) -> None:
        pattern = re.compile(row["pattern"], re.IGNORECASE)
        for evil in ("a " * 2000, "scan " * 800, "write " * 600, "ignore " * 600, ".csv " * 800, "not " * 1000 + "x"):
            pattern.search(evil[:4000])

    def test_a_rule_of_ones_own_is_added(self) -> None:
        own = {"rule": [{"name": "our wiki", "task_type": "knowledge", "pattern": r"\bgalaxy\b", "weight": 3}]}
        found = RuleSet.load(QUANTCLAW, own).matching("Look it up in the Galaxy, please")
        assert [(rule.name, rule.weight) for rule in found] == [("our wiki", 3.0)]

    @pytest.mark.parametrize(
        "row",
        [
            {},
            "text",
            {"name": "n", "task_type": "coding", "pattern": "(", "weight": 1},
            {"name": "n", "task_type": "coding", "pattern": "a"},
            {"name": "n", "task_type": "nothing", "pattern": "a", "weight": 1},
            {"name": "n", "task_type": "coding", "pattern": "a", "weight": 99},
        ],
    )
    def test_a_bad_rule_is_refused(self, row: Any) -> None:
        with pytest.raises(InvalidArgument):
            RuleSet.load(QUANTCLAW, {"rule": [row]})


def task(gain: float = 0.012, domain: Any = "general") -> TaskType:
    return TaskType("t", "", "high", domain, gain, 4.3)


class TestPriors:
    @pytest.fixture
    def priors(self) -> Priors:
        return Priors.load()

    @pytest.mark.parametrize("domain", ["general", "code", "reasoning"])
    def test_more_bits_never_keep_less(self, priors: Priors, domain: str) -> None:
        order = ["int3", "mxfp4", "fp4", "nvfp4", "int4", "fp6", "fp8", "bf16"]
        kept = [priors.kept(task(0.05, domain), Backend("b", name)) for name in order]  # type: ignore[arg-type]
        assert kept == sorted(kept)
        assert kept[-1] == 1.0

    def test_a_sensitive_task_keeps_less_and_sixteen_bits_keep_all(self, priors: Priors) -> None:
        low = Backend("b", "nvfp4")
        assert priors.kept(task(0.12), low) < priors.kept(task(0.0), low) < priors.kept(task(-0.1), low)
        assert priors.kept(task(0.12), Backend("b", "fp16")) == 1.0

    def test_a_row_of_few_tasks_is_drawn_to_the_mean(self, priors: Priors) -> None:
        few = TaskType("t", "", gain=0.12, tasks=1.0)
        many = TaskType("t", "", gain=0.12, tasks=400.0)
        assert priors.kept(few, Backend("b", "nvfp4")) > priors.kept(many, Backend("b", "nvfp4"))

    def test_a_small_model_loses_more_and_only_at_four_bits(self, priors: Priors) -> None:
        small, large = (Backend("b", "int4", billions=size) for size in (9, 700))
        assert priors.kept(task(), small) < priors.kept(task(), large)
        eights = [priors.kept(task(), Backend("b", "fp8", billions=size)) for size in (9, 700)]
        assert eights[0] == eights[1]

    def test_reasoning_is_expected_to_run_longer_at_few_bits(self, priors: Priors) -> None:
        plain, thinking = (priors.output_growth(Backend("b", "mxfp4", reasoning=value)) for value in (False, True))
        assert 1 < plain < thinking
        assert priors.output_growth(Backend("b", "bf16", reasoning=True)) == 1.0

    def test_a_value_of_ones_own_replaces_the_shipped_one(self) -> None:
        own = Priors.load({"retention": {"int4": {"code": 0.5}}, "floors": {"low": 0.1}})
        assert own.retention["int4"] == {"general": 0.97, "code": 0.5, "reasoning": 0.90}
        assert own.floor("low") == 0.1

    @pytest.mark.parametrize(
        "own",
        [
            {"retention": {"int4": {"code": 1.5}}},
            {"retention": {"int4": 3}},
            {"floors": {"low": "none"}},
            {"size": {"steps": "x"}},
            {"size": {"steps": [[30]]}},
            {"posterior": {"strength": 0}},
            {"price": {}},
        ],
    )
    def test_values_out_of_range_are_refused(self, own: dict[str, Any]) -> None:
        with pytest.raises((InvalidArgument,)):
            Priors.load(own)


class TestOneFile:
    def test_a_file_of_ones_own_holds_it_all(self, tmp_path: Path) -> None:
        (tmp_path / "routing.toml").write_text(
            """
            [task_types.gardening]
            sensitivity = "low"
            prompts = ["When should I prune the apple tree?"]
            [[rule]]
            name = "plants"
            task_type = "gardening"
            pattern = "tomato"
            weight = 4
            [priors.floors]
            high = 0.9
            [classifier]
            threshold = 0.5
            """
        )
        tables = RoutingTables.load(tmp_path / "routing.toml")
        assert "gardening" in tables.catalog
        assert tables.rules.matching("my tomatoes")[0].task_type == "gardening"
        assert tables.priors.floor("high") == 0.9
        assert tables.calibration.threshold == 0.5
        assert RoutingTables.load().calibration.sharpness == tables.calibration.sharpness

    @pytest.mark.parametrize(
        "content", ["=", "[nothing]", "task_types = 3", "[classifier]\nspeed = 3", "[classifier]\nthreshold = 2"]
    )
    def test_a_bad_file_is_refused(self, tmp_path: Path, content: str) -> None:
        (tmp_path / "routing.toml").write_text(content)
        with pytest.raises(InvalidArgument):
            RoutingTables.load(tmp_path / "routing.toml")

    def test_a_missing_file_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(InvalidArgument):
            read(tmp_path / "none.toml")

    def test_laying_over_changes_neither(self) -> None:
        base, over = {"a": {"b": 1, "c": 2}}, {"a": {"b": 3}}
        assert overlay(base, over) == {"a": {"b": 3, "c": 2}}
        assert base == {"a": {"b": 1, "c": 2}}
