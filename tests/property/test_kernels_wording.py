"""The kernels that make a query ready come to what numpy comes to, and refuse what does not fit."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentctx import kernels
from agentctx.embed.base import normalise
from agentctx.embed.near_words import NearWords
from agentctx.index.lexical_terms import Terms, _Table
from agentctx.memory.plan import PlannedTerm
from agentctx.memory.wording import ABSENT, _shared, _shared_natively
from agentctx.text.hashes import hash_of

pytestmark = pytest.mark.skipif(kernels.compiled is None, reason=kernels.problem or "compiled")
native: Any = kernels.compiled
SETTINGS = settings(max_examples=150, deadline=None, derandomize=True)
SEEDS = st.integers(0, 2**32 - 1)


# --- the mean of an embedder's rows -----------------------------------------------------------------------------------


@given(SEEDS, st.integers(1, 40), st.integers(0, 600), st.sampled_from([1, 7, 16, 100, 256]))
@SETTINGS
def test_a_sum_of_rows_is_that_of_numpy_but_for_the_last_bits(seed: int, size: int, count: int, width: int) -> None:
    random = np.random.default_rng(seed)
    rows = random.integers(-128, 128, (size, width)).astype(np.int8)
    scale = random.random(size, dtype=np.float32) * np.float32(0.01)
    ids = random.integers(0, size, count).tolist()
    out = np.full(width, 7, dtype=np.float32)
    native.sum_of_rows(rows, scale, ids, out)
    expected = (scale[ids][:, None] * rows[ids].astype(np.float64)).sum(axis=0)[None].astype(np.float32)
    assert np.allclose(out, normalise(expected)[0], atol=1e-5)
    assert not count or not out.any() or abs(float(np.vecdot(out, out)) - 1) < 1e-5


def test_a_sum_of_rows_is_the_same_wherever_the_rows_lie() -> None:
    rows = np.arange(-60, 60, dtype=np.int8).reshape(10, 12)
    scale = np.linspace(0.1, 1, 10, dtype=np.float32)
    apart = np.zeros((10, 20), dtype=np.int8)
    apart[:, :12] = rows
    one, other = np.zeros((2, 12), dtype=np.float32)
    native.sum_of_rows(rows, scale, [1, 9, 1], one)
    native.sum_of_rows(apart[:, :12], scale, [1, 9, 1], other)
    assert np.array_equal(one, other)


@pytest.mark.parametrize(
    ("ids", "width", "scales"), [([3], 4, 3), ([-1], 4, 3), ([0], 5, 3), ([0], 4, 2), ((0,), 4, 3), ([2**70], 4, 3)]
)
def test_a_sum_of_rows_refuses_what_does_not_fit(ids: Any, width: int, scales: int) -> None:
    with pytest.raises((ValueError, OverflowError)):
        native.sum_of_rows(
            np.zeros((3, 4), dtype=np.int8), np.ones(scales, dtype=np.float32), ids, np.zeros(width, dtype=np.float32)
        )


def test_a_sum_of_rows_refuses_rows_of_another_kind() -> None:
    out = np.zeros(4, dtype=np.float32)
    with pytest.raises(ValueError, match="rows"):
        native.sum_of_rows(np.zeros((3, 4), dtype=np.int16), np.ones(3, dtype=np.float32), [0], out)
    with pytest.raises(TypeError):
        native.sum_of_rows()


# --- what each word counts --------------------------------------------------------------------------------------------


class _Namespace:
    """The part of a namespace's statistics that a query's words are weighed by."""

    def __init__(self, seed: int, terms: int, listed: int, *, hidden: bool) -> None:
        random = np.random.default_rng(seed)
        self.rows = random.integers(0, 50, terms).astype(np.int32)
        self.runs = np.minimum(self.rows, random.integers(0, 9, terms)).astype(np.int32)
        numbers = random.permutation(np.arange(-listed, terms))[: listed + 1].astype(np.int32)
        self.near: Any = NearWords(
            {
                "words": np.frombuffer(b"\n".join(b"w%d" % one for one in range(6)), dtype=np.uint8),
                "terms": np.frombuffer(b"\n".join(b"t%d" % one for one in range(listed)), dtype=np.uint8),
                "hashes": np.zeros(listed, dtype=np.uint64),
                "rows": random.integers(0, 6, listed).astype(np.uint16),
                "ids": random.integers(0, listed, (7, 32)).astype(np.uint16),
                "near": (random.integers(0, 256, (7, 32)) * random.integers(0, 2, (7, 32))).astype(np.uint8),
            }
        )
        self.near.nearness[-1] = 0
        known = _Known(terms, np.where(numbers >= terms, -1, np.maximum(numbers, -1)))
        visible = np.ones(60, dtype=np.bool_) if hidden else None
        self.statistics: Any = SimpleNamespace(
            index=SimpleNamespace(lexical=SimpleNamespace(terms=known, every_holder=(self.rows, self.runs))),
            view=SimpleNamespace(count=55, filled=12, visible=visible),
            holders=lambda numbers: (self.rows[numbers], self.runs[numbers]),
        )


class _Known:
    def __init__(self, size: int, numbers: Any) -> None:
        self._size, self._numbers = size, numbers

    def __len__(self) -> int:
        return self._size

    def numbers_of(self, near: Any) -> Any:
        return self._numbers


@given(SEEDS, st.integers(1, 80), st.integers(0, 12), st.booleans(), st.booleans())
@SETTINGS
def test_words_count_what_they_count_in_numpy(seed: int, terms: int, asked: int, hidden: bool, near: bool) -> None:
    namespace = _Namespace(seed, terms, 40, hidden=hidden)
    random = np.random.default_rng(seed + 1)
    words = tuple(
        PlannedTerm(
            f"t{n}", f"w{random.integers(0, 9)}", float(random.choice([0.4, 0.5, 1.0])), bool(random.random() < 0.7)
        )
        for n in range(asked)
    )
    plan: Any = SimpleNamespace(terms=words)
    own = random.integers(-1, terms, asked).tolist()
    names = (random.random(asked) < 0.2).tolist()
    table = namespace.near if near else None
    expected = _shared(plan, names, own, namespace.statistics, table)
    found = _shared_natively(native, plan, names, own, namespace.statistics, table)
    assert np.allclose(found[0], expected[0], atol=1e-12)
    pairs: list[tuple[Any, Any]] = list(zip(found[1:], expected[1:], strict=True))
    for mine, other in pairs:
        assert np.array_equal(mine, other)
        assert mine.dtype == other.dtype


def _asked(**changes: Any) -> tuple[Any, ...]:
    given_ = {
        "own": [0, ABSENT],
        "weights": [1.0, 0.5],
        "row_of": [0, ABSENT],
        "ids": np.zeros((2, 3), dtype=np.uint16),
        "near": np.ones((2, 3), dtype=np.uint8),
        "number_of": np.ones(1, dtype=np.int32),
        "rows": np.ones(2, dtype=np.int32),
        "runs": np.ones(2, dtype=np.int32),
        "slot": np.zeros(6, dtype=np.int64),
        "number": np.zeros(6, dtype=np.int32),
        "strength": np.zeros(6, dtype=np.float32),
        "all_rows": 5,
        "all_runs": 2,
        "half": 0.5,
        "saturation": 1.2,
        "most": 16,
        "visible_only": False,
    }
    return tuple((given_ | changes).values())


@pytest.mark.parametrize(
    "changes",
    [
        {"own": [2, ABSENT]},
        {"own": [-2, ABSENT]},
        {"own": (0, ABSENT)},
        {"own": [0]},
        {"own": [0, "one"]},
        {"own": [0, 2**80]},
        {"row_of": [2, ABSENT]},
        {"row_of": [-2, ABSENT]},
        {"ids": np.ones((2, 3), dtype=np.uint16)},
        {"near": np.ones((2, 2), dtype=np.uint8)},
        {"number_of": np.full(1, 2, dtype=np.int32)},
        {"runs": np.ones(1, dtype=np.int32)},
        {
            "slot": np.zeros(2, dtype=np.int64),
            "number": np.zeros(2, dtype=np.int32),
            "strength": np.zeros(2, np.float32),
        },
        {"strength": np.zeros(2, dtype=np.float32)},
        {"weights": [1.0, None]},
        {"half": "much"},
    ],
)
def test_words_that_point_to_nothing_are_refused(changes: dict[str, Any]) -> None:
    assert native.shares_of_words(*_asked())[0] == 3
    with pytest.raises((ValueError, TypeError, OverflowError)):
        native.shares_of_words(*_asked(**changes))


# --- the number of a term ---------------------------------------------------------------------------------------------


@given(st.sets(st.text(max_size=6), max_size=40), st.text(max_size=6))
@SETTINGS
def test_a_term_has_the_number_that_it_has_without_the_kernel(some: set[str], other: str) -> None:
    terms = Terms()
    for term in some:
        terms.enter(term)
    *_, folded = terms.folded()
    assert folded is not None
    table = folded._table
    for term in (*some, other):
        number = native.number_of_term(table.text, table.ends, table.hashes, table.order, term.encode(), hash_of(term))
        assert number == (terms.number(term) if term in some else -1)


def test_terms_with_one_hash_are_told_apart() -> None:
    arrays: dict[str, Any] = {
        "text": np.frombuffer(b"abbccc", dtype=np.uint8),
        "ends": np.array([1, 3, 6], dtype=np.int64),
        "hashes": np.array([5, 5, 5], dtype=np.uint64),
        "order": np.array([2, 0, 1], dtype=np.int32),
    }
    found = [native.number_of_term(*arrays.values(), term, 5) for term in (b"a", b"bb", b"ccc", b"b", b"")]
    assert found == [0, 1, 2, -1, -1]
    assert native.number_of_term(*arrays.values(), b"a", 4) == native.number_of_term(*arrays.values(), b"a", 6) == -1
    assert len(_Table(arrays)) == 3


@pytest.mark.parametrize(
    "changes",
    [
        {"order": np.array([3, 0, 1], dtype=np.int32)},
        {"order": np.array([-1, 0, 1], dtype=np.int32)},
        {"order": np.array([0], dtype=np.int32)},
        {"ends": np.array([1, 3, 99], dtype=np.int64)},
        {"ends": np.array([9, 3, 6], dtype=np.int64), "order": np.array([1, 0, 2], dtype=np.int32)},
        {"ends": np.array([-5, 3, 6], dtype=np.int64), "order": np.array([0, 1, 2], dtype=np.int32)},
    ],
)
def test_a_damaged_table_of_terms_is_refused(changes: dict[str, Any]) -> None:
    arrays: dict[str, Any] = {
        "text": np.frombuffer(b"abbccc", dtype=np.uint8),
        "ends": np.array([1, 3, 6], dtype=np.int64),
        "hashes": np.array([5, 5, 5], dtype=np.uint64),
        "order": np.array([2, 0, 1], dtype=np.int32),
    }
    with pytest.raises(ValueError, match="order"):
        native.number_of_term(*(arrays | changes).values(), b"none", 5)
