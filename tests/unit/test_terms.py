"""Splitting text into terms, and what a text is like."""

from __future__ import annotations

import re
import threading
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentctx.text import terms
from agentctx.text.features import _YOU_SAID, QuestionFeatures, question_features, text_features
from agentctx.text.terms import STOP_WORDS, analyze, fold, words

TEXTS = st.text(max_size=60) | st.text(st.sampled_from("aIİıßﬁé' ’'-_東京タ한ह्न\u0307 9\n"), max_size=30)

NOT_LETTERS = r"[^a-z']+"
ASKED = [
    " ", " ", "'", "i", "'m", "my", "our", "me", "you ", "said", "told ", "previous ", "chat", "remind me", "when",
    "how", " long", "what", " day", " time ", "x", "3", "-", "?", "last ", "earlier",
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        ("?!… — ''", {}),
        ("the of and you", {}),
        ("Running runs run", {"run": 3}),
        ("snake_case_name", {"snake": 1, "case": 1, "name": 1}),
        ("e-mail 3.14", {"e": 1, "mail": 1, "3": 1, "14": 1}),
        ("Ana's dog", {"ana": 1, "dog": 1}),
        ("Ana\u2019s dog", {"ana": 1, "dog": 1}),
        ("don't can't we've I'm", {}),
        ("O'Brien met D'Angelo at five o'clock", {"brien": 1, "met": 1, "angelo": 1, "five": 1, "clock": 1}),
        ("y'all", {}),
        ("rock'n'roll", {"rock": 1, "roll": 1}),  # an apostrophe joins a word and its ending, no more
        ("ﬁve ＦＵＬＬ ½", {"five": 1, "full": 1, "1": 1, "2": 1}),
        ("cafe\u0301 CAFÉ", {"café": 2}),
        ("İstanbul ISTANBUL", {"istanbul": 2}),
        ("東京タワー", {"東京": 1, "京タ": 1, "タワ": 1, "ワー": 1}),
        ("東", {"東": 1}),
        ("東京2024年", {"東京": 1, "年": 1, "2024": 1}),
        ("한국어 텍스트", {"한국어": 1, "텍스트": 1}),
        ("привет Привет", {"привет": 2}),
        ("a\0b", {"b": 1}),
    ],
)
def test_a_text_is_cut_into_folded_stems_without_stop_words(text: str, expected: dict[str, int]) -> None:
    document = analyze(text)
    assert document.counts == expected
    assert document.length == sum(expected.values())


@given(TEXTS)
@settings(max_examples=300, deadline=None, derandomize=True)
def test_a_query_is_cut_as_a_text_is(text: str) -> None:
    """Else what was said could not be found by its own words."""
    document, asked = analyze(text), list(words(text))
    counts: dict[str, int] = {}
    for word in asked:
        counts[word.term] = counts.get(word.term, 0) + 1
    assert counts == document.counts
    assert document.length == sum(counts.values())
    assert document.spelling.keys() == counts.keys()
    assert {word.term: word.spelling for word in reversed(asked)} == document.spelling
    folded = fold(text)
    for word in asked:
        assert 0 <= word.start < len(folded)


@given(TEXTS)
@settings(max_examples=200, deadline=None, derandomize=True)
def test_folding_twice_is_folding_once(text: str) -> None:
    assert fold(fold(text)) == fold(text)
    assert analyze(fold(text)).counts == analyze(text).counts


@given(TEXTS)
@settings(max_examples=200, deadline=None, derandomize=True)
def test_a_decomposed_text_has_the_terms_of_the_composed_one(text: str) -> None:
    assert analyze(unicodedata.normalize("NFD", text)).counts == analyze(unicodedata.normalize("NFC", text)).counts


def test_of_a_huge_word_its_beginning_counts_and_it_is_not_kept() -> None:
    huge = "qz" * 500_000
    document = analyze(f"{huge} {huge[:64]}")
    assert document.counts == {huge[:64]: 2}
    assert analyze("東" * 2000).length == 1999
    assert all(len(word) <= 64 for word in terms._memo)


def test_memory_for_words_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terms, "_MEMO", 50)
    monkeypatch.setattr(terms, "_memo", {})
    for number in range(300):
        assert analyze(f"word{number}").counts == {f"word{number}": 1}
        assert len(terms._memo) <= 51


def test_stop_words_are_as_the_tokenizer_makes_words() -> None:
    assert all(word == word.lower() and word.isalpha() for word in STOP_WORDS)
    assert not any(analyze(word).counts for word in STOP_WORDS)


def test_threads_stem_alike() -> None:
    """A stemmer may not be shared; words differ so that none is remembered."""
    results: dict[int, list[dict[str, int]]] = {}

    def work(number: int) -> None:
        results[number] = [analyze(f"testing{i:x}ings {i}").counts for i in range(400)]

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 4
    assert all(found == results[0] for found in results.values())


@pytest.mark.parametrize(
    ("text", "time", "asks"),
    [
        ("", 0, 0),
        ("Nothing here.", 0, 0),
        ("We met YESTERDAY.", 0.5, 0),
        ("We met yesterday, on the 3rd, a week ago, last month.", 1, 0),
        ("In 1998?", 0.5, 1),
        ("12345 dayside", 0, 0),
        ("What? " * 9, 0, 1),
    ],
)
def test_a_text_tells_times_and_asks(text: str, time: float, asks: float) -> None:
    features = text_features(text)
    assert (features.time, features.asks) == (time, asks)


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("", QuestionFeatures(False, False, False)),
        ("where did i put my keys?", QuestionFeatures(True, False, False)),
        ("what did you recommend?", QuestionFeatures(False, False, False)),
        ("remind me what you recommended to my wife", QuestionFeatures(False, True, False)),
        ("when did ana move?", QuestionFeatures(False, False, True)),
        ("what year was it when we met?", QuestionFeatures(True, False, True)),
        ("whenever, mine's fine", QuestionFeatures(False, False, False)),
        ("i", QuestionFeatures(True, False, False)),
    ],
)
def test_a_question_asks_about_its_asker_the_assistant_or_a_time(question: str, expected: QuestionFeatures) -> None:
    assert question_features(question) == expected


@given(st.lists(st.sampled_from(ASKED), max_size=8).map("".join))
@settings(max_examples=300, deadline=None, derandomize=True)
def test_the_short_cuts_to_what_a_question_is_after_change_nothing(question: str) -> None:
    line = f" {re.sub(NOT_LETTERS, ' ', question)} "
    you_said = bool(_YOU_SAID.search(line))
    about_me = not you_said and bool(re.search(r" (?:i|my|me|i've|i'm|mine|we|our) ", line))
    when = bool(re.search(r" when | how long | what (?:date|day|month|year|time) ", line))
    assert question_features(question) == QuestionFeatures(about_me, you_said, when)


def test_a_word_that_is_also_the_head_of_a_contraction_is_a_word() -> None:
    assert [word.term for word in words("Who won? I won't say.")] == ["won", "say"]
