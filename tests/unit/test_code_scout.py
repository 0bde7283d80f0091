"""Scouting over a small generation: anchors, expansion, the policy, and what the answer promises."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from agentctx.code.codemap import Codebase
from agentctx.code.scout import scout
from agentctx.code.scout.binding import file_of_path
from agentctx.code.scout.judging import Judge
from agentctx.code.scout.lines import cost_of, line_of
from agentctx.code.scout.policy import Policy, State, gain, repository_entropy
from agentctx.code.scout.structure import structure
from agentctx.errors import InvalidArgument, Unavailable
from agentctx.llm import Completion
from agentctx.types import ScoutResult
from tests.fixtures_codemap import SHOP, build_texts

SHOP_MAP = build_texts(SHOP)
TRACE = (
    "It breaks\n\nTraceback (most recent call last):\n"
    '  File "main.py", line 3, in <module>\n    cart.add_item(item)\n'
    '  File "/venv/lib/python3.12/site-packages/shop/cart.py", line 90, in add_item\n    self.check_limit()\n'
    "ValueError: no\n"
)


def qualnames(found: ScoutResult) -> list[str]:
    return [hit.symbol.qualname for hit in found.hits]


def without_times(found: ScoutResult) -> tuple[Any, ...]:
    return (found.hits, found.files, found.anchors, found.trace, found.confidence, found.stopped, found.tokens)


class TestAnswers:
    def test_words_of_a_task_lead_to_the_function(self) -> None:
        found = scout(SHOP_MAP, "The sum of all prices forgets the tax")
        assert qualnames(found)[0] == "total_price"
        assert found.files[0] == "shop/prices.py"

    def test_a_frame_leads_to_its_function_whatever_its_line(self) -> None:
        found = scout(SHOP_MAP, TRACE)
        assert "Cart.add_item" in qualnames(found)[:2]
        assert [one.text for one in found.anchors if one.kind == "frame"] == ["shop/cart.py:90 add_item"]

    def test_a_path_leads_to_its_file(self) -> None:
        assert scout(SHOP_MAP, "Something in shop/models.py is odd").files[0] == "shop/models.py"

    def test_relations_bring_in_what_no_word_names(self) -> None:
        found = scout(SHOP_MAP, "`add_item` raises for no reason")
        assert "Cart.check_limit" in qualnames(found)
        assert any(hit.parts.get("used_by", 0) > 0 for hit in found.hits)

    def test_the_same_question_gets_the_same_answer(self) -> None:
        assert without_times(scout(SHOP_MAP, TRACE)) == without_times(scout(build_texts(SHOP), TRACE))

    def test_parts_sum_up_to_the_score(self) -> None:
        for hit in scout(SHOP_MAP, TRACE + "\nprices with tax").hits:
            assert sum(hit.parts.values()) == pytest.approx(hit.score, abs=1e-5)

    def test_hits_are_ordered_by_score_and_are_unique(self) -> None:
        found = scout(SHOP_MAP, "item price cart limit save")
        assert [hit.score for hit in found.hits] == sorted((hit.score for hit in found.hits), reverse=True)
        assert len({hit.symbol.id for hit in found.hits}) == len(found.hits)

    def test_a_nested_function_is_found_as_the_one_around_it(self) -> None:
        codebase = build_texts({"a.py": "def outer():\n    def unusual():\n        return zebra\n    return unusual\n"})
        assert qualnames(scout(codebase, "zebra"))[0] == "outer"

    def test_nothing_known_is_an_empty_answer(self) -> None:
        found = scout(SHOP_MAP, "zzz qqq")
        assert (found.hits, found.files, found.tokens) == ((), (), 0)
        assert found.stopped == "exhausted"

    def test_an_empty_repository_answers(self) -> None:
        assert scout(build_texts({}), "anything").hits == ()


class TestOptions:
    def test_test_code_is_left_out_unless_asked_for(self) -> None:
        query = "a full cart takes no item"
        assert not any(path.startswith("tests/") for path in scout(SHOP_MAP, query).files)
        assert any(path.startswith("tests/") for path in scout(SHOP_MAP, query, tests=True).files)

    def test_a_task_about_tests_sees_them(self) -> None:
        found = scout(SHOP_MAP, "Fix the flaky test of a full cart")
        assert any(path.startswith("tests/") for path in found.files)

    def test_documents_come_after_code_unless_the_title_speaks_of_them(self) -> None:
        texts = {"tax.py": "def tax():\n    return 1\n", "notes.md": "# Tax\n\nThe tax on tax prices is tax.\n"}
        assert scout(build_texts(texts), "tax on prices").files[0] == "tax.py"
        assert scout(build_texts(texts), "Documentation of the tax on prices").files[0] == "notes.md"

    def test_vendored_code_is_no_hit(self) -> None:
        assert "vendor/jquery.js" not in scout(SHOP_MAP, "total_price of the cart").files

    def test_a_path_narrows(self) -> None:
        assert set(scout(SHOP_MAP, "cart item price", path="shop/prices.py").files) == {"shop/prices.py"}

    def test_k_bounds_hits_and_files(self) -> None:
        found = scout(SHOP_MAP, "cart item price", k=2)
        assert len(found.hits) == 2
        assert len(found.files) <= 2

    @pytest.mark.parametrize("budget", [1, 20, 50, 200, 5_000])
    def test_the_structure_of_the_hits_fits_the_budget(self, budget: int) -> None:
        found = scout(SHOP_MAP, "cart item price", budget=budget)
        assert found.tokens <= budget
        assert all(step.cost <= budget for step in found.trace)
        units = [SHOP_MAP.index_of(hit.symbol.id) for hit in found.hits]
        assert found.tokens == sum(cost_of(SHOP_MAP, unit) for unit in units if unit is not None)

    def test_a_budget_that_holds_nothing_says_so(self) -> None:
        found = scout(SHOP_MAP, "cart item price", budget=1)
        assert (found.hits, found.stopped) == ((), "budget")

    @pytest.mark.parametrize(
        ("options", "field"),
        [({"budget": 0}, "budget"), ({"k": 0}, "k"), ({"k": 100_000}, "k"), ({"path": "../x"}, "path")],
    )
    def test_a_bad_option_is_named(self, options: Mapping[str, Any], field: str) -> None:
        with pytest.raises(InvalidArgument) as raised:
            scout(SHOP_MAP, "cart", **options)
        assert raised.value.field == field

    def test_an_empty_query_is_refused(self) -> None:
        with pytest.raises(InvalidArgument):
            scout(SHOP_MAP, " \n")

    def test_an_unknown_path_finds_nothing(self) -> None:
        assert scout(SHOP_MAP, "cart", path="nowhere").hits == ()


class TestPaths:
    @pytest.mark.parametrize(
        ("path", "file"),
        [
            ("/venv/lib/site-packages/pkg/app.py", "src/pkg/app.py"),
            ("src/pkg/app.py", "src/pkg/app.py"),
            ("pkg/app.py", "src/pkg/app.py"),
            ("other.py", "src/pkg/other.py"),
            ("/somewhere/else/app.py", None),
            ("app.py", None),
            ("", None),
        ],
    )
    def test_a_path_means_a_file_only_if_it_is_the_only_one(self, path: str, file: str | None) -> None:
        codebase = build_texts({"src/pkg/app.py": "", "src/pkg/sub/app.py": "", "src/pkg/other.py": ""})
        place = file_of_path(structure(codebase), codebase, path)
        assert (None if place is None else codebase.paths[place]) == file


class TestPolicy:
    POLICY = Policy(1_000, 0.5, 1.0)

    def stop(self, *states: tuple[int, float, int, int]) -> str:
        return self.POLICY.stop([State(*one) for one in states])

    def test_words_are_always_followed_by_relations(self) -> None:
        assert self.stop((1, 1.0, 100, 9)) == ""

    def test_confidence_suffices(self) -> None:
        assert self.stop((1, 0.2, 100, 9), (2, 0.99, 200, 9)) == "sufficient"

    def test_a_spent_budget_ends_it_at_once(self) -> None:
        assert self.stop((1, 0.2, 1_000, 9)) == "budget"

    def test_nothing_new_ends_it(self) -> None:
        assert self.stop((1, 0.2, 100, 9), (2, 0.3, 100, 0)) == "exhausted"

    def test_two_rounds_that_hardly_paid_end_it(self) -> None:
        one, two, three = (1, 0.5, 100, 9), (2, 0.5, 200, 9), (3, 0.5, 300, 9)
        assert self.stop(one, two) == ""
        assert self.stop(one, two, three) == "inefficient"

    def test_rounds_are_bounded_for_any_query_and_repository(self) -> None:
        for complexity in (0.0, 1.0):
            for entropy in (0.5, 2.0):
                assert 2 <= Policy(1, complexity, entropy).rounds <= 6

    def test_gain_is_confidence_per_thousand_tokens(self) -> None:
        assert gain(State(1, 0.2, 100, 1), State(2, 0.4, 300, 1)) == pytest.approx(1.0)

    def test_larger_and_deeper_repositories_are_harder(self) -> None:
        assert repository_entropy(10, 50, 1) < repository_entropy(3_000, 300, 6) <= 2.0


class TestStructure:
    def test_each_unit_is_shown_as_a_hit(self) -> None:
        made = structure(SHOP_MAP)
        assert made.hit[made.shown].all()
        assert np.array_equal(made.shown[made.shown], made.shown)

    def test_a_test_file_is_matched_with_what_it_tests(self) -> None:
        tests, tested, share = structure(SHOP_MAP).tests
        assert [(SHOP_MAP.paths[a], SHOP_MAP.paths[b]) for a, b in zip(tests, tested, strict=True)] == [
            ("tests/test_cart.py", "shop/cart.py")
        ]
        assert share.tolist() == [1.0]

    @pytest.mark.parametrize(
        ("path", "beside"),
        [
            ("docs/conf.py", True),
            ("pkg/examples/run.py", True),
            ("tools/release.py", True),
            (".github/run.py", True),
            ("setup.py", True),
            ("pkg/contrib/admin.py", False),
            ("pkg/tools/run.py", False),
            ("pkg/conf.py", False),
            ("pkg/docstring.py", False),
        ],
    )
    def test_what_stands_beside_the_product_is_told_by_its_folder(self, path: str, beside: bool) -> None:
        codebase = build_texts({path: "x = 1\n"})
        assert structure(codebase).beside.tolist() == [beside]

    def test_a_line_of_structure_holds_no_body(self) -> None:
        unit = SHOP_MAP.index_of("shop/cart.py::Cart.add_item:method")
        assert unit is not None
        line = line_of(SHOP_MAP, unit)
        assert re.fullmatch(r"shop/cart\.py:\d+-\d+ Cart: .*add_item\(self, item: Item\).*", line)
        assert "append" not in line


class FakeChat:
    def __init__(self, *replies: str | Exception) -> None:
        self.replies = list(replies)
        self.asked: list[str] = []

    def complete(
        self,
        messages: Sequence[Mapping[str, str]],
        *,
        max_tokens: int = 512,
        schema: tuple[str, Mapping[str, Any]] | None = None,
        timeout: float | None = None,
    ) -> Completion:
        self.asked.append(messages[-1]["content"])
        reply = self.replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return Completion(reply)


class TestModel:
    REWRITTEN = '{"identifiers": ["price_of"], "keywords": [], "pseudocode": "return item.price"}'

    def ask(self, codebase: Codebase, chat: FakeChat) -> ScoutResult:
        return scout(codebase, "what things cost is wrong", llm=True, judge=Judge(chat))

    def test_a_rewritten_query_is_searched_for(self) -> None:
        found = self.ask(SHOP_MAP, FakeChat(self.REWRITTEN, '{"confidence": 10}', '{"confidence": 99}'))
        assert qualnames(found)[0] == "price_of"
        assert found.degraded == ()

    def test_a_sure_model_ends_scouting_but_no_unsure_one_prolongs_it(self) -> None:
        sure = self.ask(SHOP_MAP, FakeChat(self.REWRITTEN, *['{"confidence": 100}'] * 9))
        unsure = self.ask(SHOP_MAP, FakeChat(self.REWRITTEN, *['{"confidence": 0}'] * 9))
        assert sure.stopped == "sufficient"
        assert len(sure.trace) <= len(unsure.trace)

    @pytest.mark.parametrize("reply", [Unavailable("gone", field="llm"), "no json", "[1]", "{", '{"identifiers": 7}'])
    def test_a_model_that_fails_leaves_the_answer_as_it_is_without_one(self, reply: str | Exception) -> None:
        alone = scout(SHOP_MAP, "total_price forgets the tax")
        chat = FakeChat(reply, *["{}"] * 9)
        found = scout(SHOP_MAP, "total_price forgets the tax", llm=True, judge=Judge(chat))
        assert found.hits == alone.hits

    def test_a_failure_is_told_and_ends_the_asking(self) -> None:
        chat = FakeChat(Unavailable("gone", field="llm"))
        found = scout(SHOP_MAP, "total_price", llm=True, judge=Judge(chat))
        assert len(chat.asked) == 1
        assert len(found.degraded) == 1

    def test_a_model_sees_structure_only(self) -> None:
        chat = FakeChat(self.REWRITTEN, *['{"confidence": 50}'] * 9)
        self.ask(SHOP_MAP, chat)
        assert not any("return sum(" in text for text in chat.asked)
