"""The rendered whole never exceeds the budget: every counter, every renderer, any text."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agentctx.context.pack import Packed, Packer, Placed
from agentctx.context.pricing import price
from agentctx.context.render import render, renderer_for
from agentctx.context.units import CODE, MEMORY
from agentctx.embed.static import DATA
from agentctx.testing.tokenizing import TokenizeServer
from agentctx.text.tokens import Strictest, TokenCounter, open_counter
from agentctx.text.tokens_fit import count_messages
from agentctx.types.context import BUNDLE_FORMATS, BundleFormat
from tests.fixtures_context import units_of

SPECS = ("o200k_base", "cl100k_base", "file", "endpoint", "estimate", "strictest")
LAX = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
CASES = 10_000


@pytest.fixture(scope="module")
def counters() -> Iterator[dict[str, TokenCounter]]:
    with TokenizeServer() as server:
        opened = {spec: open_counter(spec) for spec in ("o200k_base", "cl100k_base", "estimate")}
        opened["file"] = open_counter(f"file:{DATA}")
        opened["endpoint"] = open_counter(f"endpoint:{server.url}")
        opened["strictest"] = Strictest([opened["o200k_base"], opened["cl100k_base"], opened["file"]])
        yield opened
        for counter in opened.values():
            counter.close()


def pack(seed: int, budget: int, format: BundleFormat, counter: TokenCounter, most: int = 30) -> Packed:
    """Random units in a budget, sometimes with bounds of a side and with items that are carried."""
    rng = random.Random(seed)
    renderer = renderer_for(format)
    prices = price(units_of(seed, most), renderer, counter)
    sides = {side: rng.randint(0, budget) for side in (MEMORY, CODE) if rng.random() < 0.2}
    packer = Packer(prices, renderer, counter, budget, sides)
    carried = [
        Placed(unit, unit.offers[0], carried=True) for unit in prices.units if unit.offers and rng.random() < 0.05
    ]
    return packer.pack(carried)


def check(packed: Packed, budget: int, format: BundleFormat, counter: TokenCounter) -> None:
    text = packed.rendered.text
    assert packed.tokens <= budget
    assert counter.count(text) <= packed.tokens
    renderer = renderer_for(format)
    messages = renderer.messages(text)
    if messages:
        assert count_messages(counter, [{"role": one.role, "content": one.content} for one in messages]) <= budget
    elif format != "messages":
        assert counter.count(text) == packed.tokens
    if format in ("markdown", "messages"):
        for one in packed.placed:
            if one.offer.level in ("episode", "body", "skeleton"):
                assert one.offer.shown.text in text
    # The items are those of the text, numbered as it has them.
    shown = [one.offer.shown.numbered(place) for place, one in enumerate(packed.placed, 1)]
    assert render(renderer, shown).text == text
    keys = [(one.unit.key, one.offer.level) for one in packed.placed]
    assert len(set(keys)) == len(keys)


class TestBudget:
    @pytest.mark.parametrize("format", BUNDLE_FORMATS)
    @pytest.mark.parametrize("spec", SPECS)
    @LAX
    @given(seed=st.integers(0, 1 << 30), budget=st.integers(1, 1500))
    def test_is_never_exceeded(
        self, counters: dict[str, TokenCounter], spec: str, format: BundleFormat, seed: int, budget: int
    ) -> None:
        check(pack(seed, budget, format, counters[spec], 12), budget, format, counters[spec])

    @LAX
    @given(seed=st.integers(0, 1 << 30), budget=st.integers(1, 1500))
    def test_the_same_input_gives_the_same_bytes(
        self, counters: dict[str, TokenCounter], seed: int, budget: int
    ) -> None:
        texts = {pack(seed, budget, "markdown", counters["o200k_base"]).rendered.text for _ in range(2)}
        assert len(texts) == 1

    @pytest.mark.slow
    def test_is_never_exceeded_in_ten_thousand_cases(self, counters: dict[str, TokenCounter]) -> None:
        over = 0
        for seed in range(CASES):
            rng = random.Random(seed)
            spec = rng.choice([spec for spec in SPECS if spec != "endpoint"])
            format = rng.choice(BUNDLE_FORMATS)
            budget = int(10 ** rng.uniform(0, 4))
            packed = pack(seed, budget, format, counters[spec], rng.choice((3, 12, 40)))
            over += counters[spec].count(packed.rendered.text) > budget or packed.tokens > budget
            check(packed, budget, format, counters[spec])
        assert over == 0
