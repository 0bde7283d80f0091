"""The kernels that find candidates against their twins in numpy: on small indexes of every make, and on bare arrays."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentctx import kernels
from agentctx.config import SearchSettings
from agentctx.ids import to_micros
from agentctx.index.episodes import EpisodeIndex
from agentctx.index.highest import about_least_of
from agentctx.index.vectors import VectorIndex
from agentctx.memory.candidates import Pool, Reach, pool
from agentctx.memory.plan import make_plan
from agentctx.memory.scoring import Scorer
from tests.fixtures_memory import EMBEDDER, MADE_UP_WORDS, SCRATCH, START, Log

pytestmark = pytest.mark.skipif(kernels.compiled is None, reason=f"no kernels: {kernels.problem}")

WORDS = ["bad", "kof", "kodak", "tug", "tul", "mid", "nez", "rup", "gaf", "Ana", "yesterday", "2024", "why?", "the"]
QUERIES = [
    "Did Ana tell bad kof and tug yesterday?",
    "kodak",
    "what did I say of mid nez, rup and lamp?",
    "Did you recommend a tul in April or in 2023?",
    "when did Tom and Ana rup?",
    "xyz",
]
NEAR = MADE_UP_WORDS.near([*WORDS, "lamp"])
SWITCHES = [
    SearchSettings(),
    SearchSettings(dense=False),
    SearchSettings(lexical=False),
    SearchSettings(context=False),
    SearchSettings(time=False),
]
NATIVE: Any = kernels.compiled
TRAITS = ("numbers", "promise", "reached", "length", "told", "previous", "role", "speaker")


@contextmanager
def without_kernels() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernels, "compiled", None)
        yield


@st.composite
def logs(draw: st.DrawFn) -> tuple[Log, int]:
    """A namespace, and how many of its records come after the last fold."""
    log = Log()
    for _ in range(draw(st.integers(1, 40))):
        log.add(
            " ".join(draw(st.lists(st.sampled_from(WORDS), min_size=1, max_size=12))),
            session=draw(st.sampled_from(["", "s", "s", "r"])),
            speaker=draw(st.sampled_from(["", "Ana", "Tom"])),
            role=draw(st.sampled_from(["", "user", "assistant"])),
            occurred_at=START - timedelta(hours=draw(st.integers(0, 4_000))),
        )
    gone = draw(st.sets(st.integers(1, len(log.records)), max_size=5))
    for row in gone:
        log.delete(row)
    return log, draw(st.integers(0, len(log.records)))


def folded(log: Log, newest: int) -> EpisodeIndex:
    index = log.index(log.records[-1].recorded_at if not newest else log.records[-newest].recorded_at)
    fold = index.lexical.fold()
    for _ in fold.steps():
        pass
    index.lexical.publish(fold)
    index.apply(log.records[len(log.records) - newest + 1 :] if newest else [])
    return index


def found(
    index: EpisodeIndex, now: int, query: str, on: SearchSettings, reach: Reach, eligible: Any, tagged: Any
) -> Pool:
    view = index.view(now)
    with SCRATCH.lend(len(index) + 1, len(index.lexical.terms)) as scratch:
        scorer, vector = Scorer(on, lambda: NEAR), EMBEDDER.embed([query])[0]
        question = scorer.ask(index, view, make_plan(query, START), vector, scratch, live=True)
        result = pool(question, scratch, reach, eligible, tagged)
        assert not scratch.reached.any()
        assert not scratch.mark.any()
        return result


def agree(ours: Pool, theirs: Pool, wanted: tuple[int, ...]) -> None:
    """The same rows and guesses, but for rows so near a cut that the last bit of a float decides."""
    assert ours.sources == theirs.sources
    assert (ours.postings, ours.codes) == (theirs.postings, theirs.codes)
    for name in ("words_cut", "vectors_cut", "usual"):
        assert getattr(ours, name) == pytest.approx(getattr(theirs, name), abs=1e-5)
    assert (np.diff(ours.guess) <= 0).all()
    one, other = (dict(zip(each.rows.tolist(), each.guess.tolist(), strict=True)) for each in (ours, theirs))
    assert len(one) == len(ours.rows)
    for row in one.keys() & other.keys():
        assert one[row] == pytest.approx(other[row], abs=1e-5)
    if len(ours.rows) > min(wanted):
        assert len(one.keys() ^ other.keys()) <= 2
    else:
        assert one.keys() == other.keys()


@settings(max_examples=150, deadline=None)
@given(made=logs(), data=st.data())
def test_kernels_find_the_candidates_that_numpy_finds(made: tuple[Log, int], data: st.DataObject) -> None:
    log, newest = made
    index, now = folded(log, newest), to_micros(log.now)
    query, on = data.draw(st.sampled_from(QUERIES)), data.draw(st.sampled_from(SWITCHES))
    words = data.draw(st.sampled_from([1, 3, 8, 100]))
    reach = Reach(words=words, nearest=data.draw(st.sampled_from([1, 4, 50])), postings=data.draw(st.integers(1, 200)))
    rows = st.integers(0, len(index) - 1)
    eligible = tagged = None
    if data.draw(st.booleans()):
        eligible = np.zeros(len(index), dtype=np.bool_)
        eligible[data.draw(st.lists(rows))] = True
        view = index.view(now)
        if view.visible is not None:
            eligible &= view.visible
    if data.draw(st.booleans()):
        tagged = np.array(sorted(data.draw(st.sets(rows))), dtype=np.int64)
    with pytest.MonkeyPatch.context() as patch:
        if data.draw(st.booleans()):
            patch.setattr(VectorIndex, "whole", False)
        ours = found(index, now, query, on, reach, eligible, tagged)
        again = found(index, now, query, on, reach, eligible, tagged)
        with without_kernels():
            theirs = found(index, now, query, on, reach, eligible, tagged)
    assert np.array_equal(ours.rows, again.rows)
    assert np.array_equal(ours.guess, again.guess)
    agree(ours, theirs, (words, reach.nearest))


LISTS = st.lists(st.lists(st.integers(0, 40_000), unique=True, max_size=60).map(sorted), max_size=8)


@given(
    lists=LISTS,
    terms=st.lists(st.integers(0, 9), max_size=12),
    most=st.integers(0, 200),
    seed=st.integers(0, 9),
)
def test_lists_are_added_up_row_by_row_and_unknown_terms_have_none(
    lists: list[list[int]], terms: list[int], most: int, seed: int
) -> None:
    chance, size = np.random.default_rng(seed), 40_001
    rows = np.array([row for one in lists for row in one], dtype=np.int32)
    starts = np.cumsum([0, *map(len, lists)]).astype(np.int64)
    impacts = chance.integers(0, 256, len(rows)).astype(np.uint8)
    weights = chance.random(len(terms)).astype(np.float32)
    expected, looked, taken = np.zeros(size, dtype=np.float32), 0, 0
    for term, weight in zip(terms, weights * np.float32(1 / 255), strict=True):
        some = slice(starts[term], starts[term + 1]) if term < len(lists) else slice(0, 0)
        np.add.at(expected, rows[some], impacts[some] * weight)
        looked, taken = looked + len(rows[some]), taken + 1
        if looked >= most:
            break
    sums = np.full(size + 3, 7, dtype=np.float32)
    sample = np.zeros(20, dtype=np.float32)
    answer = NATIVE.add_up(
        starts, rows, impacts, np.array(terms, dtype=np.int32), weights, sums, sample, size, most, 10
    )  # fmt: skip
    order = [row for term in terms[:taken] if term < len(lists) for row in lists[term]]
    told = order[:: max(1, looked // 10)]
    assert answer == (looked, taken, len(told))
    assert np.array_equal(sample[: len(told)], expected[told])
    assert np.array_equal(sums[:size], expected)
    assert (sums[size:] == 7).all()


@pytest.mark.parametrize(
    ("starts", "rows", "known"),
    [
        ([0, 3], [0, 2, 1], 3),  # not ascending over the end of a stretch is as good as ascending
        ([0, 3], [0, 1, 3], 3),
        ([0, 3], [0, -1, 2], 3),
        ([0, 4], [0, 1, 2], 3),
        ([2, 0], [0, 1, 2], 3),
        ([-1, 2], [0, 1, 2], 3),
        ([0, 3], [0, 1, 2], 4),
        ([0, 3], [0, 1, 2], -1),
    ],
)
def test_lists_that_lie_amiss_are_refused_or_harmless(starts: list[int], rows: list[int], known: int) -> None:
    sums, ones = np.zeros(3, dtype=np.float32), np.ones(1, dtype=np.float32)
    arguments: tuple[Any, ...] = (
        np.array(starts), np.array(rows, dtype=np.int32), np.ones(3, dtype=np.uint8), np.zeros(1, dtype=np.int32), ones,
        sums, np.zeros(20, dtype=np.float32), known, 10, 10,
    )  # fmt: skip
    if rows == [0, 2, 1]:
        assert NATIVE.add_up(*arguments) == (3, 1, 3)
    else:
        with pytest.raises(ValueError, match="must be"):
            NATIVE.add_up(*arguments)


def columns(size: int, seed: int) -> dict[str, Any]:
    """What is known of some rows, made up."""
    chance = np.random.default_rng(seed)
    floats = {name: chance.random(size).astype(np.float32) for name in ("promise", "reached", "length", "told")}
    floats["promise"][chance.random(size) < 0.5] = 0
    neighbours = chance.integers(-1, max(size, 1), size).astype(np.int32)
    return {
        "numbers": np.array([1, 1, 1 / 120, 0.03, 0.03, 0.15, 0.05, 0.4, 0.15, 0.3], dtype=np.float32),
        **floats,
        "previous": neighbours,
        "role": chance.integers(0, 3, size).astype(np.int32),
        "speaker": chance.integers(-1, 9, size).astype(np.int32),
        "occurred": None,
        "roles": np.array([1], dtype=np.int32),
        "weights": np.array([0.15], dtype=np.float32),
        "named": chance.random(5) < 0.5,
        "bounds": None,
        "widths": None,
        "allowed": chance.random(size) < 0.8 if seed % 2 else None,
    }


def room(size: int) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]:
    return np.zeros(size, dtype=np.int32), np.zeros(size, dtype=np.float32)


@settings(deadline=None, max_examples=40)
@given(size=st.sampled_from([0, 1, 15, 64, 200, 9_000, 40_000]), wanted=st.sampled_from([0, 1, 7, 300, 5_000]),
       seed=st.integers(0, 99))  # fmt: skip
def test_the_highest_of_many_are_those_that_a_sample_tells_of(size: int, wanted: int, seed: int) -> None:
    made, (rows, guess) = columns(size, seed), room(size)
    products = np.random.default_rng(seed).standard_normal(size).astype(np.float32)
    count = NATIVE.choose_by_all(*made.values(), products, rows, guess, wanted)
    promise, allowed = made["promise"], made["allowed"]
    value = (promise if allowed is None else np.where(allowed, promise, np.float32(-1))) + np.float32(0.3) * products
    expected = np.flatnonzero(value >= about_least_of(value, wanted))
    assert rows[:count].tolist() == [row for row in expected.tolist() if allowed is None or allowed[row]]


@given(scores=st.lists(st.floats(width=32, allow_nan=False)))
def test_candidates_are_settled_in_order_and_equal_ones_as_they_stood(scores: list[float]) -> None:
    guess, rows = np.array(scores, dtype=np.float32), np.arange(len(scores), dtype=np.int32)
    reached = np.ones(len(scores), dtype=np.float32)
    guess += np.float32(0)  # no zero below zero
    order = np.argsort(-guess, kind="stable")
    expected = guess[order]
    NATIVE.settle(rows, guess, reached, rows[::2].copy(), len(rows[::2]))
    assert rows.tolist() == order.tolist()
    assert np.array_equal(guess, expected)
    assert not reached[::2].any()
    assert reached[1::2].all()
    NATIVE.settle(rows, guess, reached, rows, len(rows) + 1)  # more than could be written down
    assert not reached.any()


@given(seed=st.integers(0, 200), louder=st.sampled_from([-1, 0, 3, 20, 10_000]))
def test_what_is_said_reaches_the_rows_around_it(seed: int, louder: int) -> None:
    chance = np.random.default_rng(seed)
    size = int(chance.integers(1, 50))
    promise, asks = (chance.random(size).astype(np.float32) for _ in range(2))
    promise[chance.random(size) < 0.4] = 0
    following, previous = (chance.integers(-1, size, size).astype(np.int32) for _ in range(2))
    shares = np.array([0.5, 0.5, 0.4, 0.3, 0.4], dtype=np.float32)
    told, reached = promise.astype(np.float64), np.zeros(size)
    sample = promise[::2].copy()
    bar = max(np.float32(0.06), np.sort(sample)[::-1][louder] if 0 <= louder < len(sample) else 0)
    for row in np.flatnonzero(promise >= bar).tolist():
        after, before = int(following[row]), int(previous[row])
        for way, share in (
            (after, 0.5 + 0.4 * asks[row]),
            (before, 0.5),
            (int(following[after]) if after >= 0 else -1, 0.4),
            (int(previous[before]) if before >= 0 else -1, 0.3),
        ):
            if way >= 0:
                reached[way] += share * promise[row]
                told[way] += 0.5 * share * promise[row]
    heard, (loud, _), hearers = np.zeros(size, dtype=np.float32), room(size), np.zeros(size, dtype=np.int32)
    count = NATIVE.reach_out(promise, heard, following, previous, asks, shares, sample, loud, hearers, 0.06, louder)
    assert heard == pytest.approx(reached, rel=1e-5)
    assert promise == pytest.approx(told, rel=1e-5)
    assert sorted(hearers[:count].tolist()) == np.flatnonzero(reached).tolist()


def test_neighbours_that_are_no_rows_hear_nothing() -> None:
    promise, heard, asks = np.ones(3, dtype=np.float32), np.zeros(3, dtype=np.float32), np.zeros(3, dtype=np.float32)
    nowhere = np.array([3, -7, 2**31 - 1], dtype=np.int32)
    shares, (loud, _) = np.ones(5, dtype=np.float32), room(3)
    assert NATIVE.reach_out(promise, heard, nowhere, nowhere, asks, shares, asks, loud, loud.copy(), 0.06, 9) == 0
    assert not heard.any()


def test_it_is_said_where_rows_told_twice_left_no_room_to_note_all_that_heard() -> None:
    size = 4
    promise, heard, asks = (np.full(size, value, dtype=np.float32) for value in (1, 0, 0))
    following = np.zeros(size, dtype=np.int32)  # all are told of in row 0, by ways that count nothing
    shares, (loud, guess) = np.zeros(5, dtype=np.float32), room(size)
    hearers = np.zeros(3 * size, dtype=np.int32)
    count = NATIVE.reach_out(promise, heard, following, following, asks, shares, asks, loud, hearers, 0.06, 9)
    assert count == -1
    heard[:] = 1
    NATIVE.settle(loud, guess, heard, hearers, count)
    assert not heard.any()


@pytest.mark.parametrize("name", [*TRAITS, "roles", "named", "allowed"])
def test_columns_that_do_not_fit_are_refused(name: str) -> None:
    made, (rows, guess) = columns(20, 1), room(20)
    products = np.zeros(20, dtype=np.float32)
    for wrong in (made[name].astype(np.float64), made[name][:, None], None, "text"):
        if wrong is None and name == "allowed":
            continue
        with pytest.raises((ValueError, TypeError)):
            NATIVE.choose_by_all(*(made | {name: wrong}).values(), products, rows, guess, 5)
    if name not in ("named", "roles", "promise"):
        with pytest.raises(ValueError, match="must be"):
            NATIVE.choose_by_all(*(made | {name: made[name][:-1]}).values(), products, rows, guess, 5)


def test_rows_and_room_that_do_not_fit_are_refused() -> None:
    made, (rows, guess), marks = columns(20, 0), room(20), np.zeros(20, dtype=np.int32)
    traits = tuple(made.values())
    few, none = np.zeros(3, dtype=np.float32), np.zeros(0, dtype=np.int32)
    far = np.array([0, 20, -1], dtype=np.int32)
    with pytest.raises(ValueError, match="must be"):
        NATIVE.choose(*traits, none, marks, rows[:-1], guess, 5, 5)
    with pytest.raises(ValueError, match="must be"):
        NATIVE.choose(*traits, none, marks[:-1], rows, guess, 5, 5)
    with pytest.raises(ValueError, match="must be"):
        NATIVE.join_like(*traits, few[:0], far, few, marks, rows, guess, 5, 5)
    with pytest.raises(ValueError, match="must be"):
        NATIVE.join_like(*traits, few[:0], far, few[:1], marks, rows, guess, 5, 5)
    rows[:3] = far
    with pytest.raises(ValueError, match="must be"):
        NATIVE.join_like(*traits, few, none, few[:0], marks, rows, guess, 5, 5)
    with pytest.raises(ValueError, match="must be"):
        NATIVE.draw_near(far, np.zeros(20, dtype=np.int64), np.zeros(2, dtype=np.int64), np.ones(2), guess, 0.15)
    with pytest.raises(ValueError, match="must be"):
        NATIVE.settle(rows, guess[:-1], guess, none, 0)
    with pytest.raises(TypeError, match="arguments"):
        NATIVE.choose(*traits)
    count, _ = NATIVE.choose(*traits, far, marks, rows, guess, 500, 500)  # offered ones that are no rows are left out
    assert sorted(rows[:count].tolist()) == sorted({0, *np.flatnonzero(made["promise"] > 0).tolist()})
    assert not marks.any()
