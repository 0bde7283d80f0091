"""`engine.context.build` over code: levels, what a reader needs beside a body, and sharing a budget with memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agentctx.engine import ContextEngine
from agentctx.types import NewEpisode
from agentctx.types.context import CodeCitation
from tests.fixtures_engine import NS, World, world

__all__ = ["world"]

ORDERS = '''"""Orders and what they cost."""

from __future__ import annotations

import json
from decimal import Decimal

from shop.money import Price, rounded
from shop.stock import reserve as hold


class Order:
    """What a customer buys."""

    def __init__(self, lines):
        self.lines = lines

    def total(self, discount):
        """The price of all lines, less a discount."""
        raw = sum((line.price for line in self.lines), Price(0))
        return rounded(raw.minus(discount))

    def ship(self, warehouse):
        """Reserve every line in a warehouse."""
        for line in self.lines:
            hold(warehouse, line)
        return json.dumps({"shipped": len(self.lines)})


def refund(order, reason):
    """Pay an order back."""
    return order.total(0)
'''
MONEY = '''"""Amounts of money."""


class Price:
    """An amount."""

    def __init__(self, cents):
        self.cents = cents

    def minus(self, other):
        """The difference."""
        return Price(self.cents - other.cents)


def rounded(price):
    """A price without fractions of a cent."""
    return Price(int(price.cents))
'''


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "site"
    (root / "shop").mkdir(parents=True)
    (root / "shop" / "__init__.py").write_text("")
    (root / "shop" / "orders.py").write_text(ORDERS)
    (root / "shop" / "money.py").write_text(MONEY)
    (root / "shop" / "stock.py").write_text("def reserve(warehouse, line):\n    warehouse.take(line)\n")
    return root


@pytest.fixture
def engine(world: World, folder: Path) -> ContextEngine:
    engine = world.open()
    index(engine, folder)
    return engine


def index(engine: ContextEngine, folder: Path) -> None:
    for _ in engine.code.index(str(folder), name="site"):
        pass


def build(engine: ContextEngine, query: str, budget: int = 400, **options: Any) -> Any:
    return engine.context.build(query, budget=budget, **({"repositories": ["site"]} | options))


def levels(bundle: Any) -> dict[str, str]:
    return {item.citation.symbol.partition("::")[2] or item.citation.symbol: item.level for item in bundle.items}


class TestLevels:
    def test_the_best_function_is_shown_whole(self, engine: ContextEngine) -> None:
        bundle = build(engine, "the total of an order ignores its discount")
        item = next(item for item in bundle.items if item.citation.symbol.endswith("Order.total:method"))
        assert item.level == "body"
        start, end = item.citation.start_line, item.citation.end_line
        assert item.text == "\n".join(ORDERS.split("\n")[start - 1 : end])
        assert item.text in bundle.text
        assert item.citation == CodeCitation("site", "shop/orders.py", item.citation.symbol, start, end, 1)

    def test_the_class_around_it_and_what_it_imports_come_along(self, engine: ContextEngine) -> None:
        bundle = build(engine, "the total of an order ignores its discount")
        total = next(item for item in bundle.items if item.citation.symbol.endswith("Order.total:method"))
        beside = {item.text: item.reason for item in bundle.items if item.level == "signature"}
        assert "class Order" in beside
        assert any(text.startswith("from shop.money import") and "rounded" in text for text in beside)
        assert f"needed to read {total.number}" in beside.values()
        assert not any("json" in text or "Decimal" in text for text in beside)

    def test_a_small_budget_shows_less_of_it(self, engine: ContextEngine) -> None:
        query = "the total of an order ignores its discount"
        small = build(engine, query, budget=60)
        assert small.tokens <= 60
        assert "body" not in levels(small).values()

    def test_nothing_is_shown_inside_of_what_is_shown_whole(self, engine: ContextEngine) -> None:
        for budget in (100, 200, 400, 1000, 4000):
            bundle = build(engine, "order total discount price ship refund", budget=budget)
            whole = [item.citation for item in bundle.items if item.level == "body"]
            for one in whole:
                inside = [
                    item
                    for item in bundle.items
                    if item.level == "body"
                    and item.citation != one
                    and item.citation.path == one.path
                    and one.start_line <= item.citation.start_line <= item.citation.end_line <= one.end_line
                ]
                assert inside == []

    def test_the_same_call_gives_the_same_bytes(self, engine: ContextEngine) -> None:
        assert len({build(engine, "order total").text for _ in range(3)}) == 1

    def test_the_receipt_names_the_generation(self, engine: ContextEngine) -> None:
        receipt = build(engine, "order total").receipt
        assert [(one.repository, one.number) for one in receipt.generations] == [("site", 1)]
        assert not receipt.stale

    def test_an_empty_query_is_told(self, engine: ContextEngine) -> None:
        bundle = build(engine, " ")
        assert bundle.items == ()
        assert bundle.receipt.degraded


class TestChange:
    def test_a_file_that_changed_since_is_said_to_be_stale(self, engine: ContextEngine, folder: Path) -> None:
        (folder / "shop" / "orders.py").write_text(ORDERS.replace("minus", "less"))
        bundle = build(engine, "the total of an order ignores its discount")
        assert bundle.receipt.stale
        assert any(item.citation.stale for item in bundle.items)

    def test_a_file_that_is_gone_is_told(self, engine: ContextEngine, folder: Path) -> None:
        (folder / "shop" / "orders.py").unlink()
        bundle = build(engine, "the total of an order ignores its discount")
        assert any("orders.py" in what for what in bundle.receipt.degraded)
        assert not any(item.level == "body" and item.citation.path == "shop/orders.py" for item in bundle.items)

    def test_what_was_shown_stays_first_in_the_same_bytes(self, engine: ContextEngine) -> None:
        first = build(engine, "the total of an order ignores its discount", budget=250, session="fix")
        second = build(engine, "reserve stock in the warehouse", budget=400, session="fix")
        end = second.receipt.prefix_chars
        assert 0 < second.receipt.carried < len(second.items)
        assert first.text[:end] == second.text[:end]
        stateless = build(engine, "reserve stock in the warehouse", budget=400, previous=first.item_ids)
        assert stateless.text == second.text

    def test_what_was_shown_whole_is_not_shown_again_in_part(self, engine: ContextEngine) -> None:
        first = build(engine, "the total of an order ignores its discount", budget=250)
        second = build(engine, "rounded price without fractions of a cent", budget=600, previous=first.item_ids)
        whole = {item.citation.symbol for item in second.items if item.level == "body"}
        part = [item.citation.symbol for item in second.items if item.level != "body" and not item.carried]
        assert whole.isdisjoint(symbol for symbol in part if "::" in symbol)

    def test_code_that_changed_is_not_carried_over(self, engine: ContextEngine, folder: Path) -> None:
        query = "the total of an order ignores its discount"
        first = build(engine, query, budget=300)
        (folder / "shop" / "orders.py").write_text(ORDERS.replace("raw = sum", "gross = sum").replace("raw.", "gross."))
        index(engine, folder)
        second = build(engine, query, budget=300, previous=first.item_ids)
        assert "raw = sum" not in second.text
        assert "changed" in {item.reason for item in second.receipt.dropped}


class TestSharing:
    @pytest.fixture
    def both(self, engine: ContextEngine) -> ContextEngine:
        texts = ["The discount of order totals was agreed with Ana.", "Lunch is at noon.", "The total must be rounded."]
        engine.memory.add(NS, [NewEpisode(text, speaker="Bob") for text in texts])
        return engine

    def test_a_task_gets_both(self, both: ContextEngine) -> None:
        receipt = build(both, "discount of an order total", namespace=NS).receipt
        assert receipt.memory_tokens > 0
        assert receipt.code_tokens > 0

    def test_a_side_takes_no_more_than_it_may(self, both: ContextEngine) -> None:
        query = "discount of an order total"
        assert build(both, query, namespace=NS, code_budget=0).receipt.code_tokens == 0
        assert build(both, query, namespace=NS, memory_budget=0).receipt.memory_tokens == 0
        assert build(both, query, namespace=NS, budget=2000, code_budget=90).receipt.code_tokens <= 90
