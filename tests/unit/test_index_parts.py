"""The parts of the index, each against a plain model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentctx.embed import words as words_module
from agentctx.embed.static import StaticEmbedder
from agentctx.embed.words import WordVectors
from agentctx.index import vocabulary as vocabulary_module
from agentctx.index.attributes import AttributeIndex
from agentctx.index.evidence_cache import EvidenceCache
from agentctx.index.growable import Growable
from agentctx.index.postings import Postings
from agentctx.index.view import NOBODY, extend_view, make_view
from agentctx.index.vocabulary import Vocabulary
from agentctx.text.terms import analyze
from tests.fixtures_memory import MADE_UP_WORDS, MadeUpWords

FOREVER = np.iinfo(np.int64).max
DOCUMENTS = st.lists(st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 70_000), max_size=4), max_size=12)


@given(DOCUMENTS, st.integers(0, 12))
@settings(max_examples=100, deadline=None, derandomize=True)
def test_postings_hold_each_row_and_count(documents: list[dict[str, int]], held_from: int) -> None:
    postings = Postings()
    held: list[tuple[npt.NDArray[Any], list[int]]] = []
    for row, counts in enumerate(documents):
        postings.add(row, counts)
        if row >= held_from:  # a reader that never lets go
            held += [
                (array, array.tolist())
                for n in range(len(postings))
                for array in (postings.rows(n), postings.counts(n))
            ]
    capped = [{term: min(count, 65_535) for term, count in counts.items()} for counts in documents]
    postings.check_invariants(capped)
    for term in "abcdef":
        number = postings.number(term)
        rows = [row for row, counts in enumerate(capped) if term in counts]
        if number is None:
            assert not rows
        else:
            assert postings.terms[number] == term
            assert postings.rows(number).tolist() == rows
            assert postings.counts(number).tolist() == [capped[row][term] for row in rows]
    assert all(array.tolist() == before for array, before in held)


@given(DOCUMENTS)
@settings(max_examples=50, deadline=None, derandomize=True)
def test_joined_postings_are_those_of_each_term_in_turn(documents: list[dict[str, int]]) -> None:
    postings = Postings()
    for row, counts in enumerate(documents):
        postings.add(row, counts)
    numbers = list(range(len(postings)))[::-1]
    rows, lengths = postings.joined(numbers)
    assert rows.tolist() == [row for number in numbers for row in postings.rows(number).tolist()]
    assert lengths == [len(postings.rows(number)) for number in numbers]


@given(st.lists(st.lists(st.integers(-9, 9), max_size=40), max_size=8), st.booleans())
@settings(max_examples=50, deadline=None, derandomize=True)
def test_a_growable_holds_all_rows_and_leaves_older_views_alone(batches: list[list[int]], wide: bool) -> None:
    grown = Growable(np.int64, 2 if wide else 0)
    expected: list[Any] = []
    views = []
    for batch in batches:
        rows = [[value, -value] for value in batch] if wide else batch
        grown.extend(rows)
        expected += rows
        views.append((grown.array, list(expected)))
        assert len(grown) == len(expected)
    for array, known in views:
        assert array.tolist() == known
    if expected:
        grown.array[0] = 7
        assert grown.array.ravel()[0] == 7


ROWS = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 4), st.booleans()), min_size=1, max_size=12)


@given(ROWS)
@settings(max_examples=200, deadline=None, derandomize=True)
def test_a_view_knows_neighbours_and_sessions(rows: list[tuple[int, int, bool]]) -> None:
    session = np.array([row[0] for row in rows], dtype=np.int32)
    position = np.array([row[1] for row in rows], dtype=np.int64)
    visible = np.array([row[2] for row in rows], dtype=np.bool_)
    expires = np.arange(len(rows), dtype=np.int64) + 100
    view = make_view(visible, session, position, expires)
    shown = np.flatnonzero(visible).tolist()
    assert view.count == len(shown)
    assert (view.visible is None) == (len(shown) == len(rows))
    assert view.valid_until == min((100 + row for row in shown), default=FOREVER)
    assert view.of(np.arange(len(rows), dtype=np.int32)).tolist() == shown
    groups = [[row for row in shown if session[row] == number] for number in (1, 2)]
    groups = [sorted(group, key=lambda row: (position[row], row)) for group in groups if group]
    groups += [[row] for row in shown if session[row] == 0]
    for group in groups:
        for row, before, after in zip(group, [NOBODY, *group], [*group[1:], NOBODY], strict=False):
            assert (view.previous[row], view.following[row]) == (before, after)
    assert sorted(view.run[group[0]] for group in groups) == list(range(view.runs))
    assert all(len({int(view.run[row]) for row in group}) == 1 for group in groups)
    assert all(view.previous[row] == view.following[row] == NOBODY for row in set(range(len(rows))) - set(shown))


@given(ROWS, st.lists(st.tuples(st.integers(0, 2), st.booleans()), min_size=1, max_size=5))
@settings(max_examples=200, deadline=None, derandomize=True)
def test_an_extended_view_is_the_one_made_anew(rows: list[tuple[int, int, bool]], new: list[tuple[int, bool]]) -> None:
    everything = rows + [(number, 5 + place, True) for place, (number, _) in enumerate(new)]
    session = np.array([row[0] for row in everything], dtype=np.int32)
    position = np.array([row[1] for row in everything], dtype=np.int64)
    visible = np.array([row[2] for row in everything], dtype=np.bool_)
    expires = 1000 - np.arange(len(everything), dtype=np.int64)
    old = make_view(*(column[: len(rows)] for column in (visible, session, position, expires)))
    whole = make_view(visible, session, position, expires)
    before = (old.previous.tolist(), old.following.tolist())
    grown = extend_view(old, whole.previous[len(rows) :].tolist(), int(expires[len(rows) :].min()))
    for name in ("size", "count", "runs", "valid_until"):
        assert getattr(grown, name) == getattr(whole, name)
    assert grown.previous.tolist() == whole.previous.tolist()
    assert grown.following.tolist() == whole.following.tolist()
    assert (grown.visible is None) == (whole.visible is None)
    assert whole.visible is None or grown.visible.tolist() == whole.visible.tolist()
    shown = np.flatnonzero(visible)
    pairs = {(int(grown.run[row]), int(whole.run[row])) for row in shown}
    assert len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs}) == whole.runs
    assert (old.previous.tolist(), old.following.tolist()) == before


def test_metadata_leave_no_trace_when_removed() -> None:
    index = AttributeIndex()
    first, second = {"a": {"b": [1, {"c": 2}]}, "x": None}, {"a": {"b": True}, "a.b": 1}
    index.add(0, first)
    index.add(1, second)
    index.check_invariants({0: first, 1: second})
    assert index.having("a.b", 3).tolist() == [True, True, False]
    assert index.where("a.b", lambda value: value == 1 and value is not True, 3).tolist() == [False, True, False]
    assert not index.having("missing", 3).any()
    with pytest.raises(AssertionError):
        index.check_invariants({0: first})
    index.remove(0, first)
    index.check_invariants({1: second})
    index.remove(1, second)
    assert index._values == {}


def test_a_cache_keeps_the_latest_within_its_budget() -> None:
    cache: EvidenceCache[str] = EvidenceCache(budget=10)
    for key in "abc":
        assert cache.put((key,), key, 3) == key
    assert cache.get(("a",)) == "a"  # now the latest
    cache.put(("d",), "d", 3)
    assert [cache.get((key,)) for key in "abcd"] == ["a", None, "c", "d"]
    assert cache.put(("huge",), "huge", 11) == "huge"
    assert cache.get(("huge",)) is None
    for _ in range(20):
        cache.put(("same",), "same", 4)
    assert cache.get(("same",)) == "same"
    cache.clear()
    assert cache.get(("same",)) is None
    assert cache.put(("e",), "e", 9) == cache.get(("e",))


# --- words of like meaning --------------------------------------------------------------------------------------------


def vocabulary_of(*texts: str) -> tuple[Vocabulary, Postings]:
    vocabulary, postings = Vocabulary(), Postings()
    for row, text in enumerate(texts):
        add(vocabulary, postings, row, text)
    return vocabulary, postings


def add(vocabulary: Vocabulary, postings: Postings, row: int, text: str) -> None:
    document = analyze(text)
    postings.add(row, document.counts)
    vocabulary.add(postings, document.spelling)


TEXTS = st.lists(
    st.lists(st.sampled_from([a + b for a in "bdkx" for b in "aeiou"]), max_size=4).map(" ".join), max_size=8
)


@given(TEXTS, st.integers(1, 4), st.sampled_from([0.1, 0.3, 0.6]))
@settings(max_examples=100, deadline=None, derandomize=True)
def test_neighbours_are_those_of_a_full_comparison_however_the_vocabulary_grew(
    texts: list[str], every: int, least: float
) -> None:
    vocabulary, postings = vocabulary_of()
    asked = ["ba", "ki", "xa", "du", "ba"]
    for row, text in enumerate(texts):
        add(vocabulary, postings, row, text)
        if row % every == 0:
            vocabulary.near(asked[row % 3 :], MADE_UP_WORDS, least)
    found = vocabulary.near(asked, MADE_UP_WORDS, least)
    vocabulary.check_invariants(postings, [analyze(text) for text in texts])
    for term, (numbers, cosines) in zip(asked, found, strict=True):
        full = {other: MADE_UP_WORDS.cosine(term, other) for other in postings.terms if other[0] != "x"}
        expected = {other: cosine for other, cosine in full.items() if cosine > least}
        assert {
            postings.terms[number]: cosine for number, cosine in zip(numbers, cosines, strict=True)
        } == pytest.approx(expected, abs=1e-6)
        assert cosines.tolist() == sorted(cosines.tolist(), reverse=True)


def test_what_is_remembered_of_words_is_bounded_and_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vocabulary_module, "_KEPT", 3)
    vocabulary, _ = vocabulary_of("ba be bi bo bu da de di do du")
    first = vocabulary.near(["ba"], MADE_UP_WORDS, 0.0)
    for word in ("be", "bi", "bo", "bu", "da"):
        vocabulary.near([word], MADE_UP_WORDS, 0.0)
        assert len(vocabulary._near) <= 4
    again = vocabulary.near(["ba"], MADE_UP_WORDS, 0.0)
    assert again[0][0].tolist() == first[0][0].tolist()


def test_a_large_vocabulary_is_embedded_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vocabulary_module, "_BATCH", 3)
    calls: list[int] = []

    class Counted(MadeUpWords):
        def embed(self, words: Sequence[str]) -> npt.NDArray[np.float32]:
            calls.append(len(words))
            return super().embed(words)

    vocabulary, _ = vocabulary_of("ba bi bo bu da de du")
    ((numbers, _),) = vocabulary.near(["ba"], Counted(), -2.0)
    assert sorted(numbers.tolist()) == list(range(7))
    assert max(calls) <= 3


def test_word_vectors_are_those_of_the_embedder_before_and_after_an_overflow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words_module, "_KEPT", 5)
    embedder = StaticEmbedder()
    vectors = WordVectors(embedder)
    texts = ["cat", "dog", "lisbon", "music", "river", "train", "garden", "bread"]
    known = dict(zip(texts, embedder.embed(texts), strict=True))
    for asked in (texts[:4], texts[2:], texts, ["cat"], texts[::-1], ["cat", "cat"], []):
        found = vectors.embed(asked)
        assert found.shape == (len(asked), embedder.identity.dimensions)
        for word, vector in zip(asked, found, strict=True):
            np.testing.assert_array_equal(vector, known[word])


def test_word_vectors_kept_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words_module, "_KEPT", 5)
    vectors = WordVectors(StaticEmbedder())
    for number in range(20):
        vectors.embed([f"word{number}", f"other{number}"])
        assert len(vectors._places) <= 5


def test_a_term_means_what_its_stem_does_or_else_its_first_spelling() -> None:
    words = WordVectors(StaticEmbedder())
    vocabulary, _ = vocabulary_of("Happiness running", "happy")
    assert (words.knows("run"), words.knows("happi")) == (True, False)
    for asked, number in (("run", 1), ("happiness", 0)):
        ((numbers, cosines),) = vocabulary.near([asked], words, 0.5)
        assert numbers[0] == number
        assert cosines[0] == pytest.approx(1, abs=1e-5)


def test_pieces_of_words_and_digits_mean_nothing() -> None:
    embedder = StaticEmbedder()
    found = WordVectors(embedder).embed(["qzxvw", "2024", ""])
    assert not found.any()
    assert embedder.embed(["qzxvw"]).any()


def test_word_vectors_handed_out_do_not_change_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words_module, "_KEPT", 2)
    vectors = WordVectors(StaticEmbedder())
    cat = vectors.embed(["cat"])
    before = cat.copy()
    vectors.embed(["dog", "river"])
    np.testing.assert_array_equal(cat, before)
