"""The kernels of vectors against their twins in numpy, and against arrays that nobody should have made."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentctx import kernels
from agentctx.index.clustering import lay_out, unit_length
from agentctx.index.codes import Aim, Coder, Codes, rotation
from agentctx.index.highest import best_first
from agentctx.index.layout import Layout
from agentctx.index.vectors import VectorIndex

pytestmark = pytest.mark.skipif(kernels.compiled is None, reason=f"no kernels: {kernels.problem}")

Floats = npt.NDArray[np.float32]
T = TypeVar("T")
WIDTHS = [3, 64, 70, 256, 300]
SEEDS = st.integers(0, 10_000)


def native() -> Any:
    assert kernels.compiled is not None
    return kernels.compiled


def made(seed: int, rows: int, width: int) -> Floats:
    """Unit vectors, some of them equal, some of zeros."""
    generator = np.random.default_rng(seed)
    found = generator.standard_normal((rows, width)).astype(np.float32) + np.float32(0.3)
    found /= np.linalg.norm(found, axis=1, keepdims=True)
    found[generator.random(rows) < 0.05] = 0
    if rows > 1:
        found[-1] = found[0]
    return found


def done(work: Generator[None, None, T]) -> T:
    while True:
        try:
            next(work)
        except StopIteration as end:
            result: T = end.value
            return result


def laid_out(seed: int, size: int, width: int) -> Layout:
    """A layout of cells of all sizes that has nothing to do with the vectors."""
    generator = np.random.default_rng(seed)
    labels = np.unique(generator.integers(max(1, size // 4), size=size), return_inverse=True)[1].astype(np.int32)
    centroids = unit_length(generator.standard_normal((int(labels.max()) + 1, width)).astype(np.float32))
    return done(lay_out(made(seed, size, width).__getitem__, labels, centroids))


def index_of(seed: int, base: int, tail: int, width: int, monkeypatch: pytest.MonkeyPatch) -> VectorIndex:
    """An index with codes, of some rows that a layout covers and some that none does."""
    monkeypatch.setattr("agentctx.index.vectors.EXACT", 8)
    index = VectorIndex(width)
    index.extend(made(seed, base, width))
    if base > 8 and seed % 3:
        index = done(index.relaid(laid_out(seed, base, width)))
    elif base > 8:
        index = VectorIndex.restore(index.arrays())
    index.extend(made(seed + 1, tail, width))
    return index


def by_numpy(monkeypatch: pytest.MonkeyPatch, work: Any) -> Any:
    with monkeypatch.context() as without:
        without.setattr(kernels, "compiled", None)
        return work()


SIZES = st.tuples(st.sampled_from([0, 5, 9, 100, 700]), st.sampled_from([0, 1, 30, 600]))


@given(SEEDS, st.sampled_from(WIDTHS))
@settings(max_examples=60, deadline=None)
def test_an_aim_has_the_signs_of_the_turned_query(seed: int, width: int) -> None:
    query, centre = made(seed, 1, width)[0], 0.2 * made(seed + 1, 1, width)[0]
    coder = Coder(centre)
    with pytest.MonkeyPatch.context() as patch:
        expected = by_numpy(patch, lambda: coder.aim(query))
    aim = coder.aim(query)
    turned = (query - centre).astype(np.float64) @ rotation(width)
    clear = np.abs(turned) > 1e-6
    bits, twins = (np.unpackbits(one.signs.view(np.uint8)) for one in (aim, expected))
    assert np.array_equal(bits[clear], twins[clear])
    np.testing.assert_allclose(aim.says, expected.says, rtol=1e-5, atol=1e-7)
    assert aim.same == pytest.approx(expected.same, abs=1e-5)


def some_codes(seed: int, size: int, width: int) -> tuple[Codes, Aim]:
    vectors = made(seed, size, width)
    coder = Coder(vectors[: size // 2].mean(axis=0) if size > 1 else np.full(width, 0.1, dtype=np.float32))
    return coder.encode(vectors), coder.aim(made(seed + 2, 1, width)[0])


@given(SEEDS, st.sampled_from([0, 1, 7, 513, 1500]), st.sampled_from(WIDTHS))
@settings(max_examples=60, deadline=None)
def test_estimates_are_those_of_the_twin(seed: int, size: int, width: int) -> None:
    codes, aim = some_codes(seed, size, width)
    generator = np.random.default_rng(seed)
    rows = generator.integers(max(size, 1), size=min(40, 40 * size)).astype([np.int32, np.int64][seed % 2])
    with pytest.MonkeyPatch.context() as patch:
        expected = by_numpy(patch, lambda: aim.estimate(codes))
    assert np.array_equal(aim.estimate(codes), expected)
    assert np.array_equal(aim.estimate(codes, rows), expected[rows])
    order, found = generator.permutation(size).astype(np.int32), np.empty(size, dtype=np.float32)
    native().estimate_all(codes, order, found, aim.signs, aim.says, aim.same)
    assert np.array_equal(found[order], expected)


@given(SEEDS, SIZES, st.sampled_from(WIDTHS))
@settings(max_examples=60, deadline=None)
def test_what_an_index_says_of_rows_is_what_its_twin_says(seed: int, sizes: tuple[int, int], width: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        index = index_of(seed, *sizes, width, patch)
        query, generator = made(seed + 2, 1, width)[0], np.random.default_rng(seed)
        rows = generator.integers(max(len(index), 1), size=min(50, len(index))).astype([np.int32, np.int64][seed % 2])
        exact = index.score(rows, query)
        np.testing.assert_allclose(exact, by_numpy(patch, lambda: index.score(rows, query)), atol=1e-5)
        every = index.score_all(query)
        assert np.array_equal(every[rows], exact)
        assert all(index.score(rows[i : i + 1], query)[0] == exact[i] for i in range(min(5, len(rows))))
        aims = [index._coder.aim(query)] if index._coder is not None else []
        patch.setattr(Coder, "aim", lambda *_: aims[0])  # the last bits of the two aims differ
        estimate = index.estimate(rows, query)
        assert np.array_equal(index.estimate_all(query)[rows], estimate)
        np.testing.assert_allclose(estimate, by_numpy(patch, lambda: index.estimate(rows, query)), atol=1e-5)
        for share in (0.0, 0.2, 0.7, 1.0):
            found, told = index.like(query, share)
            twins, expected = by_numpy(patch, lambda share=share: index.like(query, share))
            assert np.array_equal(found, twins)
            np.testing.assert_allclose(told, expected, atol=1e-5)


@given(SEEDS, st.integers(1, 300), st.integers(0, 900), st.booleans())
@settings(max_examples=100, deadline=None)
def test_the_fewest_cells_most_like_a_query_are_chosen(seed: int, cells: int, wanted: int, alike: bool) -> None:
    codes, aim = some_codes(seed, cells, 64)
    if alike:
        codes[:] = codes[:, :1]
    sizes = np.random.default_rng(seed).integers(0 if seed % 2 else 1, 6, size=cells)
    offsets, chosen = np.concatenate(([0], sizes.cumsum())), np.empty(cells, dtype=np.int64)
    count, rows = native().choose_cells(codes, offsets, chosen, aim.signs, aim.says, aim.same, wanted)
    best = (-aim.estimate(codes)).argsort(kind="stable")
    expected = best[: int(sizes[best].cumsum().searchsorted(wanted)) + 1]
    assert chosen[:count].tolist() == np.sort(expected).tolist()
    assert rows == sizes[expected].sum()


@given(SEEDS, st.sampled_from([0, 1, 9, 511, 513, 2000, 20_000]), st.integers(0, 3000), st.booleans())
@settings(max_examples=80, deadline=None)
def test_the_best_come_first_as_with_the_twin(seed: int, size: int, about: int, hidden: bool) -> None:
    generator = np.random.default_rng(seed)
    rows = generator.permutation(size).astype(np.int32)
    scores = np.abs(np.round(generator.standard_normal(size), seed % 4)).astype(np.float32)  # with no zero below zero
    allowed = generator.random(size) < 0.6 if hidden else None
    with pytest.MonkeyPatch.context() as patch:
        expected = by_numpy(patch, lambda: best_first(rows.copy(), scores.copy(), about, allowed))
    found = best_first(rows.copy(), scores.copy(), about, allowed)
    assert np.array_equal(found[0], expected[0])
    assert np.array_equal(found[1], expected[1])


def arguments() -> dict[str, list[Any]]:
    """By kernel what it may be called with."""
    codes, aim = some_codes(3, 20, 64)
    rows, found = np.arange(20, dtype=np.int32), np.zeros(20, dtype=np.float32)
    told = [aim.signs, aim.says, aim.same]
    offsets, fixed = np.array([0, 4, 4, 20]), np.ones((20, 8), dtype=np.int16)
    scale, query = np.ones(20, dtype=np.float32), np.ones(8, dtype=np.float32)
    flips = np.ones((3, 64), dtype=np.float32)
    return {
        "aim": [query, query, flips, np.ones(65, dtype=np.float32), np.zeros(1, dtype=np.uint64), aim.says.copy()],
        "estimate_all": [codes, rows, found, *told],
        "estimate_rows": [codes, codes[:, :0], rows, rows, found, *told],
        "choose_cells": [codes[:, :3], offsets, np.zeros(3, dtype=np.int64), *told, 3],
        "estimate_cells": [codes, codes[:, :0], np.array([0, 1, 2]), offsets, rows, rows.copy(), found, *told],
        "score_rows": [fixed, fixed[:0], scale, scale[:0], rows, rows, query, found],
        "best_first": [rows.copy(), found.copy(), np.ones(20, dtype=np.bool_), 3],
    }


@pytest.mark.parametrize("name", list(arguments()))
def test_what_fits_is_taken(name: str) -> None:
    getattr(native(), name)(*arguments()[name])


@pytest.mark.parametrize("name", list(arguments()))
def test_arrays_of_another_size_or_kind_are_refused(name: str) -> None:
    kernel, good = getattr(native(), name), arguments()[name]
    with pytest.raises(TypeError):
        kernel(*good[:-1])
    for place, argument in enumerate(good):
        if not isinstance(argument, np.ndarray) or not argument.size:
            continue
        shorter = arguments()[name]
        shorter[place] = argument[..., :-1]
        with pytest.raises(ValueError, match="must be"):
            kernel(*shorter)
        for other in (argument.astype(np.float64), argument[None], "text"):
            given = arguments()[name]
            given[place] = other
            with pytest.raises((ValueError, TypeError)):
                kernel(*given)


@pytest.mark.parametrize("bad", [-1, 20, 2**31 - 1, -(2**31)])
def test_rows_and_places_that_are_not_there_are_refused(bad: int) -> None:
    for name, place in (
        ("estimate_all", 1),
        ("estimate_rows", 2),
        ("estimate_rows", 3),
        ("score_rows", 4),
        ("score_rows", 5),
        ("best_first", 0),
        ("estimate_cells", 2),
        ("estimate_cells", 3),
        ("choose_cells", 1),
    ):
        given = arguments()[name]
        given[place] = given[place].copy()
        given[place][0 if name == "estimate_cells" and place == 3 else 1] = bad
        if (name, place, bad) == ("choose_cells", 1, 20):
            given[place][1:] = 20, 4, 20
        with pytest.raises(ValueError, match="must be"):
            getattr(native(), name)(*given)
