"""The kernels that take up rows leave behind what Python leaves behind, and refuse what does not fit."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentctx import kernels
from agentctx.index.growable import Growable
from agentctx.index.lexical import LexicalIndex
from agentctx.index.lexical_terms import Terms

pytestmark = pytest.mark.skipif(kernels.compiled is None, reason=kernels.problem or "compiled")
native: Any = kernels.compiled
SETTINGS = settings(max_examples=150, deadline=None, derandomize=True)
WORDS = [*"abcdefghij", "déjà", "語", ""]
DOCUMENTS = st.lists(st.dictionaries(st.sampled_from(WORDS), st.integers(1, 300), max_size=8), max_size=12)
BATCHES = st.lists(
    st.lists(
        st.tuples(st.dictionaries(st.sampled_from(WORDS), st.integers(1, 300), max_size=6), st.integers(0, 3)),
        min_size=1,
        max_size=70,
    ),
    max_size=5,
)


def numbered(batches: Sequence[list[dict[str, int]]], fold_at: int) -> tuple[list[list[int]], list[str]]:
    """What `enter_all` gives for one batch after the other, and the terms; folded before one of them."""
    terms = Terms()
    given: list[list[int]] = []
    for place, batch in enumerate(batches):
        if place == fold_at:
            *_, made = terms.folded()
            assert made is not None
            terms = made
        entered = terms.enter_all(batch)
        assert [one.dtype for one in entered] == [np.int64, np.int32, np.uint8]
        given += [one.tolist() for one in entered]
    terms.check_invariants()
    return given, [terms.term(number) for number in range(len(terms))]


@given(st.lists(DOCUMENTS, max_size=4), st.integers(0, 4))
@SETTINGS
def test_terms_get_the_same_numbers(batches: list[list[dict[str, int]]], fold_at: int) -> None:
    compiled = numbered(batches, fold_at)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernels, "compiled", None)
        assert numbered(batches, fold_at) == compiled


def entered(batches: list[list[tuple[dict[str, int], int]]], fold_at: int, *, finish: bool) -> dict[str, Any]:
    """All that an index holds of some rows, (document, session) each: perhaps folded at one batch."""
    session, run, length = Growable(np.int32), Growable(np.int32), Growable(np.float32)
    index = LexicalIndex(session, run, length)
    runs: dict[int, int] = {}
    count = 0
    for place, batch in enumerate(batches):
        fold = index.fold() if place == fold_at else None
        for document, number in batch:
            if not number or number not in runs:
                runs[number] = count
                count += 1
            session.append(number)
            run.append(runs[number])
            length.append(sum(document.values()))
        index.add([document for document, _ in batch])
        if fold is not None and finish:
            for _ in fold.steps():
                pass
            index.publish(fold)
    documents = [document for batch in batches for document, _ in batch]
    index.check_invariants(documents, np.ones(len(documents), dtype=np.bool_))
    tails = [
        (one.first, one.pairs, one._postings, *(part.tolist() for part in one.forward.arrays)) for one in index._tails
    ]
    return {"tails": tails, "holders": index._holders.array.tolist(), "sessions": index._sessions.array.tolist()}


@given(BATCHES, st.integers(0, 4), st.booleans())
@SETTINGS
def test_rows_are_entered_as_python_enters_them(
    batches: list[list[tuple[dict[str, int], int]]], fold_at: int, finish: bool
) -> None:
    compiled = entered(batches, fold_at, finish=finish)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernels, "compiled", None)
        assert entered(batches, fold_at, finish=finish) == compiled


def room(size: int) -> tuple[Any, Any, Any]:
    return np.zeros(size, np.int64), np.zeros(size, np.int32), np.zeros(size, np.uint8)


@pytest.mark.parametrize(
    ("documents", "rooms"),
    [
        (({"a": 1},), room(1)),
        ([{"a": 1}, {"b": 1}], (room(1)[0], *room(2)[1:])),
        ([{"a": 1, "b": 2}], room(1)),
        ([["a"]], room(1)),
        ([{"a": 1}], (room(1)[0], room(1)[0], room(1)[2])),
    ],
)
def test_terms_that_do_not_fit_are_refused(documents: Any, rooms: tuple[Any, Any, Any]) -> None:
    with pytest.raises(ValueError, match="must be"):
        native.enter_terms(documents, {}, {}, lambda _: 0, *rooms)


def test_what_a_function_raises_or_says_wrong_is_told() -> None:
    def failing(term: str) -> int:
        raise RuntimeError(term)

    with pytest.raises(RuntimeError, match="a"):
        native.enter_terms([{"a": 1}], {}, {}, failing, *room(1))
    with pytest.raises(TypeError):
        native.enter_terms([{"a": 1}], {}, {}, lambda _: "x", *room(1))
    with pytest.raises(ValueError, match="numbers of terms"):
        native.enter_terms([{"a": 1}], {}, {}, lambda _: -1, *room(1))
    with pytest.raises(TypeError):
        native.enter_terms([{"a": "often"}], {}, {}, lambda _: 0, *room(1))


GOOD: dict[str, Any] = {
    "postings": {}, "heard": [set()], "first": 0, "base_runs": 0, "fresh_at": 0, "unsure_at": 0,
    "starts": np.array([0, 2]), "terms": np.array([0, 1], np.int32), "counts": np.array([1, 2], np.uint8),
    "runs": np.array([0], np.int32), "alone": np.array([False]), "fresh": np.zeros(2, np.int32),
    "unsure": np.zeros(2, np.int64),
}  # fmt: skip


@pytest.mark.parametrize(
    "changed",
    [
        {"starts": np.array([0, 3])},
        {"starts": np.array([-1, 2])},
        {"starts": np.array([2, 0])},
        {"starts": np.array([0])},
        {"counts": np.zeros(1, np.uint8)},
        {"runs": np.array([-1], np.int32)},
        {"runs": np.array([0, 0], np.int32)},
        {"alone": np.zeros(2, np.bool_)},
        {"fresh": np.zeros(1, np.int32)},
        {"fresh_at": 1},
        {"fresh_at": -1},
        {"first": -1},
        {"base_runs": 1, "unsure": np.zeros(1, np.int64)},
        {"terms": np.zeros(2, np.int64)},
        {"terms": np.array([0, -1], np.int32)},
        {"heard": []},
        {"heard": [[]]},
        {"heard": (set(),)},
        {"postings": []},
    ],
)
def test_rows_that_do_not_fit_are_refused(changed: dict[str, Any]) -> None:
    assert native.enter_rows(*({**GOOD, "postings": {}, "heard": [set()]}.values())) == (2, 0)
    with pytest.raises(ValueError, match="must be"):
        native.enter_rows(*({**GOOD, "postings": {}, "heard": [set()], **changed}.values()))


def test_what_is_kept_of_a_term_is_one_number_or_an_array_of_them() -> None:
    postings: dict[int, Any] = {0: 5, 1: array("q", (5, 6))}
    native.enter_rows(*({**GOOD, "postings": postings, "heard": [set()], "first": 3}.values()))
    assert postings == {0: array("q", (5, 3 << 8 | 1)), 1: array("q", (5, 6, 3 << 8 | 2))}
