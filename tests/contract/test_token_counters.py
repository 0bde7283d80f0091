"""What every token counter promises, and every cut made with one."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agentctx.embed.static import DATA
from agentctx.errors import InvalidArgument
from agentctx.testing.tokenizing import TokenizeServer
from agentctx.text.tokens import Strictest, TokenCounter, open_counter
from agentctx.text.tokens_fit import fit

TEXTS = st.text(alphabet=st.characters(), max_size=80) | st.text(alphabet="a1 \n'Ää語🎉.", max_size=200)
LAX = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
SPECS = ("o200k_base", "cl100k_base", "file", "endpoint", "estimate", "strictest")


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


@pytest.fixture(params=SPECS)
def counter(request: pytest.FixtureRequest, counters: dict[str, TokenCounter]) -> TokenCounter:
    return counters[request.param]


class TestEveryCounter:
    def test_says_whether_it_is_exact(self, counter: TokenCounter) -> None:
        assert counter.exact is (counter.name != "estimate")

    def test_the_empty_text_has_no_tokens(self, counter: TokenCounter) -> None:
        assert counter.count("") == 0
        assert counter.count_many([]) == []

    @LAX
    @given(TEXTS)
    def test_counts_alike_each_time_and_never_more_than_bytes_and_half(self, counter: TokenCounter, text: str) -> None:
        count = counter.count(text)
        assert count == counter.count(text) == counter.count_many([text, text])[1]
        size = len(text.encode("utf-8", "replace"))
        assert 0 <= count <= (size if counter.exact else 1.1 * size + 1)

    @LAX
    @given(st.lists(TEXTS, max_size=6))
    def test_many_are_each_in_their_place(self, counter: TokenCounter, texts: list[str]) -> None:
        assert counter.count_many(texts) == [counter.count(text) for text in texts]

    @pytest.mark.parametrize("bad", [None, 1, b"bytes", ["a"]])
    def test_refuses_what_is_no_text(self, counter: TokenCounter, bad: object) -> None:
        with pytest.raises(InvalidArgument, match="must be a str"):
            counter.count(bad)  # type: ignore[arg-type]

    def test_names_the_place_of_what_is_no_text(self, counter: TokenCounter) -> None:
        with pytest.raises(InvalidArgument) as caught:
            counter.count_many(["fine", 7])  # type: ignore[list-item]
        assert caught.value.field == "texts[1]"
        with pytest.raises(InvalidArgument, match="list of texts"):
            counter.count_many("letters")

    def test_a_lone_surrogate_counts_as_its_replacement(self, counter: TokenCounter) -> None:
        assert counter.count("a\ud800b") == counter.count("a?b")

    def test_threads_get_the_same_counts(self, counter: TokenCounter) -> None:
        texts = [f"def f{i}(x):\n    return x * {i}  # größer" for i in range(60)]
        alone = [counter.count(text) for text in texts]
        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(counter.count, texts * 4)) == alone * 4

    @pytest.mark.parametrize("unit", ["a", " ", "^", "ab1", "語", "\n", "é"])
    def test_a_long_run_of_one_thing_is_no_trap(self, counter: TokenCounter, unit: str) -> None:
        assert counter.count(unit * 50_000) >= 0


class TestFit:
    @LAX
    @given(TEXTS, st.integers(0, 60), st.sampled_from(["start", "end"]), st.sampled_from(["character", "word", "line"]))
    def test_the_result_is_within_the_budget_and_part_of_the_text(
        self, counter: TokenCounter, text: str, budget: int, keep: str, boundary: str
    ) -> None:
        cut = fit(counter, text, budget, keep=keep, boundary=boundary)  # type: ignore[arg-type]
        clean = text.encode("utf-8", "replace").decode()
        assert counter.count(cut.text) == cut.tokens <= budget
        assert cut.cut == (cut.text != clean)
        assert clean.startswith(cut.text) if keep == "start" else clean.endswith(cut.text)

    def test_the_marker_is_counted_and_stands_where_the_rest_was(self, counter: TokenCounter) -> None:
        text = "one two three four five six seven eight nine ten " * 20
        first, last = (fit(counter, text, 40, keep=keep, marker=" [...] ") for keep in ("start", "end"))
        assert first.text.endswith(" [...] ")
        assert last.text.startswith(" [...] ")
        assert max(first.tokens, last.tokens) <= 40
        assert fit(counter, text, 1, marker=" a marker longer than the budget ").text == ""

    def test_nearly_all_of_the_budget_is_used(self, counter: TokenCounter) -> None:
        text = "The quick brown fox jumps over the lazy dog. " * 500
        assert fit(counter, text, 200).tokens >= 195
