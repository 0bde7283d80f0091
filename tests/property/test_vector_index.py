"""The vectors of a namespace against a plain matrix, in whatever order they lie and however they came there."""

from __future__ import annotations

import itertools
from collections.abc import Generator
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from agentctx.index import vectors as module
from agentctx.index.clustering import assign, lay_out, learn, unit_length
from agentctx.index.codes import Coder, rotation
from agentctx.index.layout import Layout
from agentctx.index.vectors import VectorIndex

T = TypeVar("T")
Floats = npt.NDArray[np.float32]
FEW = 24  # rows beyond which codes are used in these tests


def made(seed: int, rows: int, dimensions: int) -> Floats:
    """Unit vectors as a store gives them: clusters, some equal ones, some of zeros."""
    generator = np.random.default_rng(seed)
    middles = generator.standard_normal((3, dimensions))
    found = middles[generator.integers(3, size=rows)] + 0.3 * generator.standard_normal((rows, dimensions))
    found /= np.linalg.norm(found, axis=1, keepdims=True)
    found[generator.random(rows) < 0.05] = 0
    if rows > 1:
        found[-1] = found[0]
    return found.astype(np.float16).astype(np.float32)


def done(work: Generator[None, None, T]) -> T:
    while True:
        try:
            next(work)
        except StopIteration as end:
            result: T = end.value
            return result


def scattered(seed: int, size: int, dimensions: int) -> Layout:
    """A layout that has nothing to do with the vectors."""
    generator = np.random.default_rng(seed)
    labels = np.unique(generator.integers(max(1, size // 5), size=size), return_inverse=True)[1].astype(np.int32)
    centroids = unit_length(generator.standard_normal((int(labels.max()) + 1, dimensions)).astype(np.float32))
    some = made(seed, size, dimensions)
    return done(lay_out(some.__getitem__, labels, centroids))


class VectorsAreAMatrix(RuleBasedStateMachine):
    @initialize(dimensions=st.sampled_from([3, 64, 70]), rows=st.sampled_from([0, 0, 60]))
    def start(self, dimensions: int, rows: int) -> None:
        self.exact, module.EXACT = module.EXACT, FEW
        self.dimensions = dimensions
        self.index = VectorIndex(dimensions)
        self.model: Floats = np.zeros((0, dimensions), dtype=np.float32)
        self.extend(7, rows)
        if rows:
            self.lay_out_anew(7, 0.8)

    def teardown(self) -> None:
        if hasattr(self, "exact"):
            module.EXACT = self.exact

    @rule(seed=st.integers(0, 99), rows=st.integers(0, 40))
    def extend(self, seed: int, rows: int) -> None:
        more = made(seed, rows, self.dimensions)
        self.index.extend(more.astype(np.float16) if seed % 2 else more)
        self.model = np.concatenate((self.model, more))

    @rule(seed=st.integers(0, 99), share=st.floats(0.1, 1))
    def lay_out_anew(self, seed: int, share: float) -> None:
        """In another order, of all rows or of the first ones; searches with the old one go on."""
        size = int(share * len(self.model))
        if not size:
            return
        old = self.index
        before = old.score_all(self.query(seed))
        fresh = done(old.relaid(scattered(seed, size, self.dimensions)))
        assert fresh.tail == 0
        while not fresh.catch_up(old, 7):
            pass
        assert np.array_equal(fresh.score_all(self.query(seed)), before)
        assert np.array_equal(old.score_all(self.query(seed)), before)
        assert fresh.tail == len(self.model) - size
        self.index = fresh

    @rule()
    def reopen(self) -> None:
        """From arrays that nobody may write."""
        kept = {name: array.copy() for name, array in self.index.arrays().items()}
        for array in kept.values():
            array.setflags(write=False)
        before = self.index.score_all(self.query(1))
        self.index = VectorIndex.restore(kept)
        assert np.array_equal(self.index.score_all(self.query(1)), before)

    @rule(seed=st.integers(0, 99))
    def held_arrays_stay(self, seed: int) -> None:
        """What a snapshot took hold of is not changed by what comes later."""
        held = self.index.arrays()
        copies = {name: array.copy() for name, array in held.items()}
        self.extend(seed, 40)
        assert all(np.array_equal(held[name], copy) for name, copy in copies.items())

    @rule(seed=st.integers(0, 99), picks=st.lists(st.integers(0, 1000), max_size=30))
    def score(self, seed: int, picks: list[int]) -> None:
        if not len(self.model):
            return
        rows, query = np.array(picks, dtype=np.int64) % len(self.model), self.query(seed)
        got = self.index.score(rows, query)
        np.testing.assert_allclose(got, self.model[rows] @ query, atol=1e-4)
        assert np.array_equal(got, self.index.score_all(query)[rows])  # whatever else is asked for
        assert all(self.index.score(rows[i : i + 1], query)[0] == got[i] for i in range(len(rows)))
        np.testing.assert_allclose(self.index.vectors(rows), self.model[rows], atol=1e-4)

    @rule(seed=st.integers(0, 99), n=st.integers(0, 30), share=st.none() | st.floats(0, 1))
    def nearest(self, seed: int, n: int, share: float | None) -> None:
        """Looking at everything it is exact, with less it finds as many; it never returns what is not eligible."""
        query = self.query(seed)
        eligible = None if share is None else np.random.default_rng(seed).random(len(self.model)) < share
        among = np.arange(len(self.model)) if eligible is None else np.flatnonzero(eligible)
        scores = self.index.score_all(query)
        expected = among[np.lexsort((among, -scores[among]))][:n]
        every = self.index.nearest(query, n, eligible=eligible, look=len(self.model), rerank=len(self.model))
        assert every.rows.tolist() == expected.tolist()
        assert np.array_equal(every.scores, scores[expected])
        some = self.index.nearest(query, n, eligible=eligible, look=1, rerank=1)
        assert len(some.rows) == len(expected) == len(set(some.rows.tolist()))
        assert np.array_equal(some.scores, scores[some.rows])
        assert np.isin(some.rows, among).all()
        assert (np.diff(some.scores) <= 0).all()
        assert some.codes <= len(self.model)
        assert some.scored >= len(some.rows)

    @invariant()
    def agrees(self) -> None:
        if hasattr(self, "index"):
            assert len(self.index) == len(self.model)
            assert self.index.nbytes >= 2 * self.model.size
            self.index.check_invariants()

    def query(self, seed: int) -> Floats:
        return made(seed + 1000, 2, self.dimensions)[0]


TestVectors = VectorsAreAMatrix.TestCase
TestVectors.settings = settings(max_examples=60, stateful_step_count=20, deadline=None)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 400), st.sampled_from(["clusters", "equal", "zero"]), st.integers(1, 20))
def test_every_row_gets_a_place_in_a_cluster_of_bounded_size(seed: int, size: int, kind: str, clusters: int) -> None:
    rows = made(seed, size, 16)
    if kind != "clusters":
        rows[:] = rows[0] if kind == "equal" else 0
    take = rows.__getitem__
    guesses = take(np.arange(min(clusters, size)))
    labels, centroids = done(assign(take, size, done(learn(take, size, guesses))))
    counts = np.bincount(labels)
    assert len(counts) == len(centroids)
    assert (counts > 0).all()
    assert counts.max() <= max(4 * size // len(guesses), 2)
    layout = done(lay_out(take, labels, centroids))
    layout.check_invariants()
    assert layout.clusters == len(counts)
    together = layout.cluster_of(np.arange(size))
    assert len(np.unique(np.stack((labels, together)), axis=1).T) == len(counts)  # the same groups by another number


@given(st.integers(0, 1000), st.integers(1, 200))
@settings(max_examples=30, deadline=None)
def test_a_probe_holds_as_many_rows_as_wanted(seed: int, wanted: int) -> None:
    layout = scattered(seed, 150, 8)
    cells = layout.probe(made(seed, 2, 8)[0], wanted)
    runs = layout.runs(cells)
    assert len(np.unique(cells)) == len(cells)
    assert sum(end - first for first, end in runs) >= min(wanted, 150)
    assert sum(end - first for first, end in runs) == int(np.diff(layout.cell_offsets)[cells].sum())
    assert all(before[1] < after[0] for before, after in itertools.pairwise(runs))


@pytest.mark.parametrize("dimensions", [1, 5, 64, 65, 256, 384])
def test_the_rotation_is_one_and_always_the_same(dimensions: int) -> None:
    turned = rotation(dimensions)
    assert turned.shape == (dimensions, -(-dimensions // 64) * 64)
    if dimensions in (64, 256):
        np.testing.assert_allclose(turned @ turned.T, np.eye(dimensions), atol=1e-5)
    rotation.cache_clear()
    assert np.array_equal(rotation(dimensions), turned)


def test_codes_tell_near_from_far() -> None:
    rows = made(3, 400, 256)
    coder = Coder(rows.mean(axis=0))
    for query in rows[:10]:
        if query.any():
            said = coder.aim(query).estimate(coder.encode(rows))
            assert np.corrcoef(said, rows @ query)[0, 1] > 0.9


@given(seed=st.integers(0, 1_000), share=st.sampled_from([0.0, 0.1, 0.5, 1.0]), late=st.sampled_from([0, 40]))
@settings(max_examples=20, deadline=None, derandomize=True)
def test_rows_of_like_cells_come_once_with_what_their_codes_tell(seed: int, share: float, late: int) -> None:
    rows = made(seed, 5_000, 64)
    index = VectorIndex(64)
    index.extend(rows)
    index = done(index.relaid(scattered(seed, 5_000, 64)))
    index.extend(rows[:late])
    found, estimate = index.like(rows[7], share)
    assert len(set(found.tolist())) == len(found) >= share * 5_000 + late
    assert set(range(5_000, 5_000 + late)) <= set(found.tolist())
    assert np.allclose(estimate, index.estimate(found, rows[7]))
    assert np.allclose(index.estimate_all(rows[7])[found], estimate)
