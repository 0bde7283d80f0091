"""Counters against published numbers, and what is special about each kind."""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer

from agentctx.embed.static import DATA
from agentctx.errors import FailedPrecondition, InvalidArgument, MissingDependency, Unauthenticated, Unavailable
from agentctx.testing.tokenizing import TokenizeServer
from agentctx.text import tokens_openai
from agentctx.text.tokens import MessageOverhead, Strictest, open_counter, spec_for_model
from agentctx.text.tokens_cache import Remembering
from agentctx.text.tokens_endpoint import EndpointCounter
from agentctx.text.tokens_estimate import Estimate
from agentctx.text.tokens_file import TokenizerFile
from agentctx.text.tokens_fit import count_messages, fit


class TestOpenAI:
    """The counts are those of OpenAI's cookbook, "How to count tokens with tiktoken"."""

    @pytest.mark.parametrize(
        ("text", "cl100k", "o200k"),
        [
            ("tiktoken is great!", 6, 6),
            ("antidisestablishmentarianism", 6, 6),
            ("2 + 2 = 4", 7, 7),
            ("お誕生日おめでとう", 9, 8),
        ],
    )
    def test_agrees_with_published_counts(self, text: str, cl100k: int, o200k: int) -> None:
        assert open_counter("cl100k_base").count(text) == cl100k
        assert open_counter("o200k_base").count(text) == o200k

    def test_the_spelling_of_a_special_token_is_text(self) -> None:
        assert open_counter("o200k_base").count("<|endoftext|>") > 1

    def test_messages_of_the_cookbook_cost_what_it_says(self) -> None:
        """The cookbook's example request, 129 tokens by the API's own usage for gpt-4 and 124 for gpt-4o."""
        system = "You are a helpful, pattern-following assistant that translates corporate jargon into plain English."
        turns = [
            ("example_user", "New synergies will help drive top-line growth."),
            ("example_assistant", "Things working well together will increase revenue."),
            (
                "example_user",
                "Let's circle back when we have more bandwidth to touch base on opportunities for increased leverage.",
            ),
            ("example_assistant", "Let's talk later when we're less busy about how to do better."),
        ]
        messages = [{"role": "system", "content": system}]
        messages += [{"role": "system", "name": name, "content": content} for name, content in turns]
        last = "This late pivot means we don't have time to boil the ocean for the client deliverable."
        messages.append({"role": "user", "content": last})
        assert count_messages(open_counter("cl100k_base"), messages) == 129
        assert count_messages(open_counter("o200k_base"), messages) == 124

    def test_a_vocabulary_that_was_tampered_with_is_refused(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "data").mkdir()
        (tmp_path / "data" / "o200k_base.tiktoken.gz").write_bytes(gzip.compress(b"YQ== 0\n"))
        (tmp_path / "data" / "cl100k_base.tiktoken.gz").write_bytes(b"no gzip")
        monkeypatch.setattr("importlib.resources.files", lambda name: tmp_path)
        for name in ("o200k_base", "cl100k_base"):
            with pytest.raises(FailedPrecondition, match="differs from OpenAI's"):
                tokens_openai.OpenAICounter(name).count("a")

    def test_a_missing_vocabulary_names_the_command(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("importlib.resources.files", lambda name: tmp_path)
        with pytest.raises(MissingDependency, match="pip install"):
            tokens_openai.OpenAICounter("o200k_base").count("a")

    def test_counts_again_after_close(self) -> None:
        counter = tokens_openai.OpenAICounter("cl100k_base")
        assert counter.count("a b") == 2
        counter.close()
        assert counter.count("a b") == 2

    def test_an_unknown_vocabulary_is_refused(self) -> None:
        with pytest.raises(InvalidArgument):
            tokens_openai.OpenAICounter("p50k_base")


class TestOpening:
    @pytest.mark.parametrize(
        ("model", "spec"),
        [
            ("gpt-4o-mini", "o200k_base"),
            ("openai/gpt-4.1-nano", "o200k_base"),
            ("gpt-4-turbo", "cl100k_base"),
            ("GPT-3.5-turbo", "cl100k_base"),
            ("ft:gpt-4o:acme", "o200k_base"),
            ("o3-mini", "o200k_base"),
            ("llama-3.1-8b", None),
            ("", None),
        ],
    )
    def test_the_longest_known_prefix_of_a_model_decides(self, model: str, spec: str | None) -> None:
        assert spec_for_model(model) == spec

    @pytest.mark.parametrize("spec", ["", "gpt-4o", "file:", "endpoint:", "hf:x", 7])
    def test_an_unknown_spec_is_refused(self, spec: str) -> None:
        with pytest.raises(InvalidArgument) as caught:
            open_counter(spec)
        assert caught.value.field == "counter"

    def test_vocabularies_are_shared_and_survive_a_close(self) -> None:
        first = open_counter("o200k_base")
        first.close()
        assert open_counter("o200k_base") is first
        assert first.count("hello") == 1


class TestFile:
    def test_counts_as_the_library_does_without_cutting_padding_or_markers(self) -> None:
        reference = Tokenizer.from_file(str(DATA / "tokenizer.json"))
        reference.no_truncation()
        reference.no_padding()
        text = "Unbelievably, tokenization splits words. " * 200
        counter = TokenizerFile(DATA)
        assert counter.count(text) == len(reference.encode(text, add_special_tokens=False).ids) > 512
        assert counter.count("hello") == 1

    def test_stored_padding_and_special_tokens_are_switched_off(self, tmp_path: Path) -> None:
        stored = Tokenizer.from_file(str(DATA / "tokenizer.json"))
        stored.enable_truncation(4)
        stored.enable_padding(length=64)
        stored.save(str(tmp_path / "tokenizer.json"))
        counter = TokenizerFile(tmp_path / "tokenizer.json")
        assert counter.count("one two three four five six") == 6
        assert counter.count("[SEP]") == 3

    @pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b'{"model": {}}', b"\xff\xfe"])
    def test_a_file_that_is_no_tokenizer_is_refused(self, tmp_path: Path, content: bytes) -> None:
        (tmp_path / "tokenizer.json").write_bytes(content)
        with pytest.raises(InvalidArgument, match=r"cannot be read as a tokenizer\.json"):
            TokenizerFile(tmp_path)

    def test_a_missing_file_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(InvalidArgument):
            open_counter(f"file:{tmp_path / 'none.json'}")

    def test_a_closed_counter_says_so(self) -> None:
        counter = TokenizerFile(DATA)
        counter.close()
        with pytest.raises(FailedPrecondition):
            counter.count("a")

    def test_the_fingerprint_follows_the_content(self, tmp_path: Path) -> None:
        shutil.copy(DATA / "tokenizer.json", tmp_path)
        same = TokenizerFile(tmp_path).fingerprint
        table = json.loads((tmp_path / "tokenizer.json").read_text())
        table["model"]["vocab"]["zzzz"] = len(table["model"]["vocab"])
        (tmp_path / "tokenizer.json").write_text(json.dumps(table))
        assert TokenizerFile(DATA).fingerprint == same != TokenizerFile(tmp_path).fingerprint


@pytest.fixture(params=["llama.cpp", "vllm"])
def server(request: pytest.FixtureRequest) -> Iterator[TokenizeServer]:
    with TokenizeServer(request.param) as running:
        yield running


Ask = Callable[..., EndpointCounter]


@pytest.fixture
def ask() -> Iterator[Ask]:
    opened = []

    def build(url: str, **options: Any) -> EndpointCounter:
        opened.append(EndpointCounter(url, **options))
        return opened[-1]

    yield build
    for counter in opened:
        counter.close()


class TestEndpoint:
    def test_finds_out_which_server_it_talks_to(self, server: TokenizeServer, ask: Ask) -> None:
        counter = ask(f"{server.url}/v1/", model="m")
        assert counter.count("añb") == 4
        asked = len(server.requests)
        assert counter.count_many(["abc", ""]) == [3, 0]
        assert len(server.requests) == asked + 1
        assert counter.ids("ab") == [97, 98]
        assert counter.name == f"endpoint:{server.url}/tokenize"

    def test_a_passing_failure_is_tried_again(self, server: TokenizeServer, ask: Ask) -> None:
        server.failures = [503, 429]
        assert ask(server.url).count("abc") == 3

    def test_a_lasting_failure_is_unavailable(self, server: TokenizeServer, ask: Ask) -> None:
        server.failures = [503] * 50
        with pytest.raises(Unavailable, match="answered 503"):
            ask(server.url, patience=0.2).count("abc")

    @pytest.mark.parametrize("garbage", [b"", b"[]", b'{"tokens": "x"}', b'{"tokens": ["a"]}', b"[" * 100_000])
    def test_nonsense_is_unavailable(self, server: TokenizeServer, ask: Ask, garbage: bytes) -> None:
        server.garbage = garbage
        with pytest.raises(Unavailable, match="did not answer as a tokenize endpoint"):
            ask(server.url, patience=0).count("abc")

    def test_a_server_without_the_path_names_the_way_out(self, server: TokenizeServer, ask: Ask) -> None:
        with pytest.raises(InvalidArgument, match="file:PATH"):
            ask(f"{server.url}/elsewhere").count("abc")

    def test_the_key_is_sent_and_never_shown(self, ask: Ask) -> None:
        with TokenizeServer(api_key="sk-1234567890") as server:
            assert ask(server.url, api_key="sk-1234567890").count("ab") == 2
            with pytest.raises(Unauthenticated) as caught:
                ask(server.url, api_key="sk-wrong").count("ab")
        assert "sk-" not in str(caught.value.to_dict())

    @pytest.mark.parametrize("url", ["", "localhost:8080", "ftp://host", "http://", "http://user:pw@host"])
    def test_a_bad_address_is_refused(self, url: str) -> None:
        with pytest.raises(InvalidArgument):
            EndpointCounter(url)

    def test_a_closed_counter_and_a_dead_server_say_so(self, ask: Ask) -> None:
        with TokenizeServer() as server:
            counter = ask(server.url, patience=0.1)
        with pytest.raises(Unavailable, match="cannot be reached"):
            counter.count("abc")
        counter.close()
        with pytest.raises(FailedPrecondition):
            counter.count("abc")


class TestEstimate:
    """How far it is off is measured by benchmarks; these are texts where it must not be far off."""

    @pytest.mark.parametrize(
        "text",
        [
            "Ana moved to Lisbon in May and is looking for a flat near the river. " * 5,
            "def area(width: float, height: float) -> float:\n    return round(width * height, 2)\n" * 5,
            "Ana zog im Mai nach Lissabon und sucht eine Wohnung am Fluss. " * 5,
        ],
    )
    def test_is_within_a_fifth_below_and_a_third_above(self, text: str) -> None:
        exact = open_counter("o200k_base").count(text)
        assert 0.8 * exact <= Estimate().count(text) <= 1.35 * exact


class _Counting:
    name = "counting"
    exact = True

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.closed = False

    def count(self, text: str) -> int:
        self.asked.append(text)
        return len(text)

    def count_many(self, texts: list[str]) -> list[int]:
        return [self.count(text) for text in texts]

    def close(self) -> None:
        self.closed = True


class TestRemembering:
    def test_asks_once_for_a_text(self) -> None:
        other = _Counting()
        counter = Remembering(other)  # type: ignore[arg-type]
        assert counter.count("ab") == counter.count("ab") == 2
        assert counter.count_many(["ab", "c" * 500, "c" * 500, "d"]) == [2, 500, 500, 1]
        assert other.asked == ["ab", "c" * 500, "d"]

    def test_forgets_what_was_not_asked_for_longest(self) -> None:
        other = _Counting()
        counter = Remembering(other, entries=2)  # type: ignore[arg-type]
        for text in ("a", "b", "a", "c", "a", "b"):
            counter.count(text)
        assert other.asked == ["a", "b", "c", "b"]

    def test_closes_the_other_unless_it_is_shared(self) -> None:
        own, shared = _Counting(), _Counting()
        Remembering(own).close()  # type: ignore[arg-type]
        Remembering(shared, shared=True).close()  # type: ignore[arg-type]
        assert own.closed
        assert not shared.closed


class TestStrictest:
    def test_needs_one_and_is_exact_if_all_are(self) -> None:
        exact, guess = open_counter("o200k_base"), open_counter("estimate")
        assert Strictest([exact, exact]).name == "o200k_base"
        assert not Strictest([exact, guess]).exact
        with pytest.raises(InvalidArgument):
            Strictest([])


class TestFitting:
    def test_stops_at_the_boundary_that_was_asked_for(self) -> None:
        text = "first line here\nsecond line there\nthird line anywhere\n"
        counter = open_counter("o200k_base")
        assert fit(counter, text, 6, boundary="line").text == "first line here"
        assert fit(counter, text, 6, boundary="line", keep="end").text == "third line anywhere\n"
        assert fit(counter, "unbelievable incomprehensibility", 3, boundary="word").text == "unbelievable"

    def test_a_letter_keeps_its_accents(self) -> None:
        text = "e\u0301" * 50
        for budget in range(1, 30):
            assert len(fit(open_counter("o200k_base"), text, budget).text) % 2 == 0

    def test_a_long_run_of_blanks_that_fits_is_kept_whole(self) -> None:
        blanks = " " * 100_000
        assert fit(open_counter("o200k_base"), blanks, 1000) == fit(open_counter("o200k_base"), blanks, 100_000)

    @pytest.mark.parametrize("budget", [-1, 1.5, True, "10"])
    def test_a_budget_is_a_whole_number(self, budget: int) -> None:
        with pytest.raises(InvalidArgument) as caught:
            fit(open_counter("estimate"), "text", budget)
        assert caught.value.field == "budget"

    def test_overhead_is_what_the_backend_says(self) -> None:
        counter = open_counter("o200k_base")
        messages = [{"role": "user", "content": "hello"}]
        assert count_messages(counter, messages, MessageOverhead(0, 0, 0)) == 2
        assert count_messages(counter, messages) == 2 + 3 + 3
