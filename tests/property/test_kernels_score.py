"""The kernels of the exact score against their twins in numpy, on small indexes of every make."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentctx import kernels
from agentctx.config import SearchSettings
from agentctx.ids import to_micros
from agentctx.index.episodes import EpisodeIndex
from agentctx.memory.exact import PARTS, Question, Scored
from agentctx.memory.plan import make_plan
from agentctx.memory.routing import best_of
from agentctx.memory.scoring import Scorer, explain
from tests.fixtures_memory import EMBEDDER, MADE_UP_WORDS, SCRATCH, START, Log

pytestmark = pytest.mark.skipif(kernels.compiled is None, reason=f"no kernels: {kernels.problem}")

WORDS = ["bad", "kof", "kodak", "tug", "tul", "mid", "nez", "rup", "gaf", "Ana", "yesterday", "2024", "why?", "the"]
QUERIES = [
    "Did Ana tell bad kof and tug yesterday?",
    "kodak",
    "what did you say of mid nez, rup and lamp?",
    "when did I",
]
NEAR = MADE_UP_WORDS.near([*WORDS, "lamp"])
SWITCHES = [
    SearchSettings(),
    SearchSettings(dense=False),
    SearchSettings(lexical=False),
    SearchSettings(context=False),
    SearchSettings(time=False),
]
ADDS = st.fixed_dictionaries(
    {
        "content": st.lists(st.sampled_from(WORDS), min_size=1, max_size=90).map(" ".join),
        "session": st.sampled_from(["", "s", "s", "s", "r"]),
        "speaker": st.sampled_from(["", "Ana", "Tom"]),
        "role": st.sampled_from(["", "user", "assistant"]),
        "occurred_at": st.integers(-200, 0).map(lambda hours: START + timedelta(hours=hours)),
    },
    optional={"position": st.integers(0, 5)},
)
STEPS = st.lists(
    st.tuples(st.sampled_from(["add"] * 9 + ["delete", "fold", "begin to fold", "abandon"]), ADDS), max_size=24
)


def index_of(steps: list[tuple[str, dict[str, Any]]]) -> tuple[Log, EpisodeIndex]:
    """An index that was written to while it was folded: with a base, one or more tails, and hidden rows."""
    log = Log()
    index = log.index()
    for action, item in steps:
        alive = [row for row, one in log.states.items() if one.deleted_at is None]
        if action == "delete" and alive:
            index.apply(log.delete(alive[len(item["content"]) % len(alive)]))
        elif action == "fold":
            fold = index.lexical.fold()
            for _ in fold.steps():
                pass
            index.lexical.publish(fold)
        elif action == "begin to fold":
            index.lexical.fold()
        elif action == "abandon":
            index.lexical.abandon()
        else:
            index.apply(log.add(**item))
            log.now += timedelta(hours=1)
    return log, index


@contextmanager
def asked(log: Log, index: EpisodeIndex, query: str, on: SearchSettings, past: int | None) -> Iterator[Question]:
    """A question of the present, or of some hours before it."""
    now = to_micros(log.now)
    as_of = None if past is None else now - past * 3_600_000_000
    view = index.view(now, as_of)
    with SCRATCH.lend(len(index) + 1, len(index.lexical.terms)) as scratch:
        vector = EMBEDDER.embed([query])[0]
        yield Scorer(on, lambda: NEAR).ask(index, view, make_plan(query, START), vector, scratch, live=past is None)
        assert not scratch.code.any()
        assert not scratch.mark.any()


def seen(question: Question) -> np.ndarray[Any, Any]:
    view = question.view
    return np.arange(view.size) if view.visible is None else np.flatnonzero(view.visible)


def alike(one: Scored, other: Scored) -> None:
    assert one.rows.tolist() == other.rows.tolist()
    assert one.found.tolist() == other.found.tolist()
    assert one.total == pytest.approx(other.total, abs=1e-6)
    assert one.parts == pytest.approx(other.parts, abs=1e-6)


MADE = (STEPS, st.sampled_from(QUERIES), st.sampled_from(SWITCHES), st.none() | st.integers(0, 12))


@given(*MADE)
@settings(max_examples=150, deadline=None)
def test_scores_and_what_is_said_of_them_are_those_of_the_twin(
    steps: list[tuple[str, dict[str, Any]]], query: str, on: SearchSettings, past: int | None
) -> None:
    log, index = index_of(steps)
    answers = []
    for compiled in (kernels.compiled, None):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(kernels, "compiled", compiled)
            with asked(log, index, query, on, past) as question:
                scored = question.score(seen(question))
                best = best_of([scored], 5)
                answers.append((scored, best, explain(question, best)))
    (scored, best, told), (scored_by_twin, best_by_twin, told_by_twin) = answers
    alike(scored, scored_by_twin)
    alike(best, best_by_twin)
    for one, other in zip(told, told_by_twin, strict=True):
        assert one.values == pytest.approx(other.values, abs=1e-6)
        assert one.why == other.why


@given(*MADE, st.data())
@settings(max_examples=100, deadline=None)
def test_a_score_is_the_same_to_the_last_bit_in_every_set_of_rows(
    steps: list[tuple[str, dict[str, Any]]], query: str, on: SearchSettings, past: int | None, data: st.DataObject
) -> None:
    log, index = index_of(steps)
    with asked(log, index, query, on, past) as question:
        rows = seen(question)
        known = dict(zip(rows.tolist(), question.score(rows).parts.tolist(), strict=True))
        for _ in range(3 if len(rows) else 0):
            some = np.array(data.draw(st.lists(st.sampled_from(rows.tolist()), min_size=1)), dtype=np.int64)
            found = question.score(some)
            assert found.parts.tolist() == [known[row] for row in some.tolist()]


@given(st.lists(st.tuples(st.sampled_from([0.0, 0.5, -1.0, 2.0]), st.booleans()), max_size=40), st.integers(1, 45))
@settings(max_examples=150, deadline=None)
def test_the_best_rows_are_those_of_the_twin(scores: list[tuple[float, bool]], k: int) -> None:
    size = len(scores)
    parts = np.arange(size * len(PARTS), dtype=np.float32).reshape(size, -1) if size else np.zeros((0, len(PARTS)))
    one = Scored(
        np.arange(size)[::-1] * 3,
        np.array([score for score, _ in scores], dtype=np.float32),
        np.array([found for _, found in scores], dtype=np.bool_),
        parts.astype(np.float32),
    )
    best = best_of([one], k)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernels, "compiled", None)
        alike(best, best_of([one], k))


# --- what is refused --------------------------------------------------------------------------------------------------


class Recorder:
    """The kernels, with the arguments that each was called with last."""

    def __init__(self, native: ModuleType) -> None:
        self.native = native
        self.given: dict[str, tuple[Any, ...]] = {}

    def __getattr__(self, name: str) -> Any:
        def called(*arguments: Any) -> Any:
            self.given[name] = tuple(np.array(one) if isinstance(one, array) else one for one in arguments)
            return getattr(self.native, name)(*arguments)

        return called


@pytest.fixture
def given_to(monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[Any, ...]]:
    """The arguments of a sound call of each kernel, of an index with a base, a tail and a hidden row."""
    assert kernels.compiled is not None
    recorder = Recorder(kernels.compiled)
    texts = ["bad kof", "tug tul mid why?", "nez bad rup", "kof gaf", "Ana tug", "kodak bad"]
    steps = [("add", {"content": text, "session": "s", "role": "user"}) for text in texts]
    steps[3:3] = [("fold", {}), ("delete", {"content": "x"})]
    log, index = index_of(steps)
    monkeypatch.setattr(kernels, "compiled", recorder)
    with asked(log, index, QUERIES[0], SearchSettings(), None) as question:
        explain(question, best_of([question.score(seen(question))], 3))
    monkeypatch.undo()
    return recorder.given


@pytest.mark.parametrize("kernel", ["lay_out", "score", "best_of", "explain"])
def test_numbers_that_lead_nowhere_are_refused_or_passed_over(
    given_to: dict[str, tuple[Any, ...]], kernel: str
) -> None:
    """Each array in turn holds wild numbers or is cut short: an error or a wrong answer, never more than that."""
    called = getattr(kernels.compiled, kernel)
    arguments = given_to[kernel]
    called(*arguments)
    refused = 0
    for place, one in enumerate(arguments):
        if not isinstance(one, np.ndarray):
            continue
        changed = [one[:0], one[: len(one) // 2], np.repeat(one, 2, axis=0)]
        if one.dtype.kind == "i":
            changed += [np.full_like(one, number) for number in (-1, -(1 << 14), (1 << 15) - 1, 3)]
            if one.dtype.itemsize > 2:
                changed += [np.full_like(one, sign * ((1 << 31) - 1)) for sign in (1, -1)]
            if one.dtype.itemsize == 8:
                changed += [np.full_like(one, sign * (1 << 62)) for sign in (1, -1)]
        if one.dtype.kind == "f":
            changed += [np.full_like(one, number) for number in (np.nan, np.inf, -np.inf, 0)]
        for other in changed:
            kept = [each.copy() if isinstance(each, np.ndarray) else each for each in arguments]
            kept[place] = other.copy()
            try:
                called(*kept)
            except ValueError:
                refused += 1
    assert refused > 3


@pytest.mark.parametrize("kernel", ["lay_out", "score", "best_of", "explain"])
def test_arrays_of_another_kind_and_too_few_arguments_are_refused(
    given_to: dict[str, tuple[Any, ...]], kernel: str
) -> None:
    called = getattr(kernels.compiled, kernel)
    arguments = given_to[kernel]
    with pytest.raises(TypeError, match=kernel):
        called(*arguments[:-1])
    for place, one in enumerate(arguments):
        if isinstance(one, np.ndarray):
            wrong = one.astype(np.complex128)
            with pytest.raises(ValueError, match="must be an array of"):
                called(*arguments[:place], wrong, *arguments[place + 1 :])
        elif isinstance(one, tuple):
            with pytest.raises((TypeError, ValueError)):
                called(*arguments[:place], [7], *arguments[place + 1 :])


def test_tails_that_do_not_fit_are_refused(given_to: dict[str, tuple[Any, ...]]) -> None:
    called, arguments = kernels.compiled.score, list(given_to["score"])  # type: ignore[union-attr]
    tails = next(place for place, one in enumerate(arguments) if isinstance(one, tuple) and isinstance(one[0], tuple))
    (first, ends, terms, counts), *_ = arguments[tails]
    for wrong in (
        ((first, ends, terms),),
        ((-1, ends, terms, counts),),
        ((first, ends[:0], terms, counts),),
        ((first, ends, terms[:1], counts),),
        ((first, ends, terms, counts[:1]),),
        ((first, -ends, terms, counts),),
        ((first, ends * (1 << 40), terms, counts),),
        ((first, ends[::-1], terms, counts),),
        ((1 << 70, ends, terms, counts),),
        (7,),
        (),
    ):
        with pytest.raises((ValueError, OverflowError)):
            called(*arguments[:tails], wrong, *arguments[tails + 1 :])
    assert not any(one.any() for one in arguments if isinstance(one, np.ndarray) and one.dtype == np.int16)
