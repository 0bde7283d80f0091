"""Routing: what is looked at first, when the search looks farther, and that scores are those of every road."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agentctx.config import SearchSettings, Settings
from agentctx.engine import ContextEngine
from agentctx.ids import to_micros
from agentctx.index.vectors import VectorIndex
from agentctx.memory import routing, search
from agentctx.memory.candidates import VECTORS, WORDS, Reach, pool
from agentctx.memory.exact import Scored
from agentctx.memory.plan import make_plan
from agentctx.memory.routing import Outcome, exhaust, route
from agentctx.memory.scoring import Scorer
from agentctx.memory.weights import DENSE
from agentctx.testing import HashingEmbedder, ManualClock, SequentialIds
from agentctx.types import NewEpisode, SearchResult
from tests.fixtures_memory import EMBEDDER, MADE_UP_WORDS, SCRATCH, START, Log

WORDS_SAID = [a + b for a in ("ba", "ko", "mi", "tu", "ru", "lo", "ga", "ne", "sa", "vi") for b in "dfgklmnprtvz"]
NEAR = MADE_UP_WORDS.near(WORDS_SAID)
QUERIES = (
    "bad kof mig",
    "Did Ana say tup rup yesterday?",
    "lok",
    "what did you recommend?",
    "xyz",
    "gaf nez sad vip kod",
)


def log_of(size: int, seed: int) -> Log:
    chance = random.Random(seed)
    log = Log()
    for number in range(size):
        log.add(
            " ".join(chance.choices(WORDS_SAID, weights=range(len(WORDS_SAID), 0, -1), k=chance.randint(1, 12))),
            session=chance.choice(["", f"s{number // 9}", f"s{number // 9}"]),
            position=number,
            speaker=chance.choice(["", "Ana", "Tom"]),
            role=chance.choice(["", "user", "assistant"]),
            occurred_at=START - timedelta(hours=chance.randint(0, 2000)),
        )
    for row in chance.sample(range(1, size + 1), size // 20):
        log.delete(row)
    return log


@pytest.fixture(params=["surveyed", "sourced"])
def large(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """All vectors are looked at, or those of chosen rows, as in large namespaces."""
    if request.param == "sourced":
        monkeypatch.setattr(VectorIndex, "whole", False)


def both(log: Log, query: str, k: int, on: SearchSettings | None = None, **kwargs: Any) -> tuple[Outcome, Outcome]:
    """What routing finds, and what there is to find."""
    index = log.index()
    view = index.view(to_micros(log.now))
    rows = np.arange(view.size) if view.visible is None else np.flatnonzero(view.visible)
    with SCRATCH.lend(len(index) + 1, len(index.lexical.terms)) as scratch:
        scorer, vector = Scorer(on or SearchSettings(), lambda: NEAR), EMBEDDER.embed([query])[0]
        question = scorer.ask(index, view, make_plan(query, START), vector, scratch, live=True)
        late = kwargs.pop("late", lambda: False)
        found = route(question, scratch, k, kwargs.pop("eligible", None), late)
        assert not scratch.code.any()
        assert not scratch.mark.any()
        assert not scratch.reached.any()
        return found, exhaust(question, k, rows, lambda: False)


def agree(found: Scored, best: Scored) -> float:
    """The share of the best that was found, equals counted fairly."""
    if not len(best.rows):
        return 1.0
    return float((found.total >= best.total[-1]).sum()) / len(best.rows)


@pytest.mark.usefixtures("large")
@pytest.mark.parametrize("seed", range(3))
def test_routing_finds_what_there_is_to_find(seed: int) -> None:
    log = log_of(1_200, seed)
    shares = []
    for query in QUERIES:
        found, everything = both(log, query, 10)
        assert len(set(found.best.rows.tolist())) == len(found.best.rows) == len(everything.best.rows)
        known = dict(zip(everything.best.rows.tolist(), everything.best.total.tolist(), strict=True))
        for row, total in zip(found.best.rows.tolist(), found.best.total.tolist(), strict=True):
            assert known.get(row, total) == total
        shares.append(agree(found.best, everything.best))
        assert found.counts["scored"] <= everything.counts["scored"]
    assert np.mean(shares) > 0.95


@pytest.mark.usefixtures("large")
@pytest.mark.parametrize("on", [SearchSettings(), SearchSettings(lexical=False)])
def test_made_to_look_at_everything_routing_finds_the_same_hits(
    monkeypatch: pytest.MonkeyPatch, on: SearchSettings
) -> None:
    monkeypatch.setattr(routing, "_reason", lambda found, upto, *_: "next" if upto < len(found.rows) else "")
    monkeypatch.setattr(Reach, "of", classmethod(lambda cls, *_: cls(words=1_000, nearest=1_000, postings=10_000)))
    for seed in range(4):
        log = log_of(200, seed)
        for query in QUERIES:
            found, everything = both(log, query, 10, on)
            assert found.best.rows.tolist() == everything.best.rows.tolist()
            assert found.best.total.tolist() == everything.best.total.tolist()


def test_a_search_looks_farther_where_the_first_look_could_have_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(VectorIndex, "whole", False)
    monkeypatch.setattr(VectorIndex, "like", lambda index, query, share: (np.arange(50), index.score_all(query)[:50]))
    monkeypatch.setattr(routing, "_FIRST", 4)
    monkeypatch.setattr(Reach, "of", classmethod(lambda cls, *_: cls(words=8, nearest=4, postings=100)))
    reasons = set()
    for seed in range(4):
        log = log_of(300, seed)
        for query in QUERIES:
            found, _ = both(log, query, 5)
            reasons.update(found.widened.split(", "))
            assert found.counts["scored"] < 300
    assert {WORDS, VECTORS} <= reasons


@pytest.mark.usefixtures("large")
def test_only_what_is_eligible_is_found_and_all_of_it_if_it_is_less_than_k() -> None:
    log = log_of(400, 1)
    eligible = np.zeros(400, dtype=np.bool_)
    chosen = [row - 1 for row, one in log.states.items() if one.deleted_at is None][::50]
    eligible[chosen] = True
    found, _ = both(log, "bad kof mig lok", 10, eligible=eligible)
    assert set(found.best.rows.tolist()) <= set(chosen)
    assert len(found.best.rows) >= len(chosen) - 2  # of which nothing speaks for some


@pytest.mark.usefixtures("large")
def test_where_vectors_alone_speak_what_tags_lead_to_is_looked_at_too_and_only_what_is_eligible() -> None:
    log = log_of(400, 3)
    index, on = log.index(), SearchSettings(lexical=False)
    view = index.view(to_micros(log.now))
    eligible = np.arange(400) % 2 == 0
    tagged = np.array([7, 20, 100, 398], dtype=np.int32)
    with SCRATCH.lend(len(index) + 1, len(index.lexical.terms)) as scratch:
        vector = EMBEDDER.embed(["bad kof"])[0]
        question = Scorer(on, lambda: NEAR).ask(index, view, make_plan("bad kof", START), vector, scratch, live=True)
        found = pool(question, scratch, Reach(words=5, nearest=3, postings=100), eligible, tagged)
    rows = found.rows.tolist()
    assert {20, 100, 398} <= set(rows)
    assert len(set(rows)) == len(rows) < 40
    assert all(eligible[row] for row in rows)
    assert (np.diff(found.guess) <= 0).all()
    np.testing.assert_allclose(found.guess, np.float32(DENSE) * index.vectors.estimate(found.rows, vector))


@pytest.mark.usefixtures("large")
def test_what_was_found_when_time_is_up_is_given_and_marked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routing, "_FIRST", 12)
    monkeypatch.setattr(routing, "_reason", lambda found, upto, *_: "next" if upto < len(found.rows) else "")
    found, _ = both(log_of(600, 2), "bad kof mig", 10, late=lambda: True)
    assert found.partial
    assert len(found.best.rows) == 10


# --- through the engine -----------------------------------------------------------------------------------------------


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[ContextEngine]:
    chance = random.Random(4)
    with ContextEngine.open(
        tmp_path / "m.db", embedder=HashingEmbedder(), clock=ManualClock(START), ids=SequentialIds()
    ) as engine:
        engine.memory.add(
            "n",
            [
                NewEpisode(" ".join(chance.choices(WORDS_SAID, k=6)), session=f"s{number // 5}", occurred_at=START)
                for number in range(400)
            ],
        )
        yield engine


def ask(engine: ContextEngine, **options: Any) -> SearchResult:
    return engine.memory.search("n", "bad kof mig", **{"explain": True} | options)


def test_an_explanation_tells_what_was_looked_at(engine: ContextEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "ALL", 50)
    routed, everything = ask(engine), ask(engine, exhaustive=True)
    assert routed.explanation is not None
    assert everything.explanation is not None
    assert set(routed.explanation.sources) >= {"words", "vectors"}
    assert not everything.explanation.sources
    assert everything.explanation.candidates["scored"] == 400 > routed.explanation.candidates["scored"]
    assert [*routed.explanation.candidates][:3] == ["episodes", "visible", "eligible"]
    assert {"plan", "words", "score", "fetch"} <= set(routed.explanation.stages_ms)
    scores = {hit.episode.id: hit.score for hit in everything.hits}
    assert all(scores.get(hit.episode.id, hit.score) == hit.score for hit in routed.hits)


def test_a_selective_filter_is_scored_exactly(engine: ContextEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "ALL", 50)
    found = ask(engine, session="s3").explanation
    assert found is not None
    assert found.candidates["eligible"] == found.candidates["scored"] == 5


def test_routing_can_be_switched_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "ALL", 5)
    settings = Settings(search=SearchSettings(routing=False))
    with ContextEngine.open(tmp_path / "m.db", embedder=HashingEmbedder(), settings=settings) as engine:
        engine.memory.add("n", [NewEpisode(f"bad {word}") for word in WORDS_SAID[:30]])
        found = ask(engine).explanation
    assert found is not None
    assert found.candidates["scored"] == 30
    assert not found.sources


def test_episodes_that_hold_no_more_do_not_stand_in_the_way_of_those_that_do(engine: ContextEngine) -> None:
    gone = [NewEpisode(f"The door code is number {i}", valid_to=START - timedelta(days=1)) for i in range(3000)]
    there = [NewEpisode(f"Somebody walked by the harbour, tour {i}, with a code in the bag") for i in range(5)]
    for first in range(0, len(gone), 1000):
        engine.memory.add("doors", gone[first : first + 1000])
    engine.memory.add("doors", there)
    found = engine.memory.search("doors", "What is the door code?", k=5)
    best = engine.memory.search("doors", "What is the door code?", k=5, exhaustive=True)
    assert len(found.hits) == 5
    assert {hit.episode.id for hit in found.hits} == {hit.episode.id for hit in best.hits}
