"""Searches with compiled kernels and without: the same hits for the same reasons."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from agentctx import ContextEngine, NewEpisode, kernels
from agentctx.memory import search
from agentctx.memory.exact import Question, Scored
from agentctx.memory.scoring import HitParts, explain
from agentctx.memory.scratch import Scratch, ScratchPool
from agentctx.types import SearchOptions, SearchResult

NOW = datetime(2026, 5, 20, 12, tzinfo=UTC)
WORDS = """
    boiler kitchen Lisbon invoice contract dentist holiday guitar marathon recipe birthday doctor train concert garden
    bicycle passport insurance painting novel camera chess piano harbour museum ticket hotel flight deadline budget
""".split()
PEOPLE = ("Ana", "Ben", "Chloe", "assistant")
QUESTIONS = (
    "When did Ana talk about the boiler and the kitchen?",
    "What did Ben say about his guitar last week?",
    "Which museum did we visit in Lisbon in March 2026?",
    "passport",
    "How much is the insurance of my bicycle?",
    "What did you recommend me for the birthday concert?",
    "Which trips abroad did I make?",
)
NARROWED: tuple[SearchOptions, ...] = (
    {},
    {"speaker": "Ana"},
    {"occurred_from": NOW - timedelta(days=90)},
    {"exhaustive": True},
    {"k": 40},
    {"as_of": NOW - timedelta(days=2)},
)


def episodes(count: int, seed: int) -> list[NewEpisode]:
    draw = random.Random(seed)
    made = []
    for number in range(count):
        words = draw.choices(WORDS, k=draw.randint(1, 9))
        speaker = draw.choice(PEOPLE)
        made.append(
            NewEpisode(
                f"{speaker} spoke of {' and '.join(words)} {number}" + ("?" if number % 5 == 0 else "."),
                speaker=speaker,
                role="assistant" if speaker == "assistant" else "user",
                session=f"s{number // 11}" if number % 7 else "",
                occurred_at=NOW - timedelta(hours=2 * (count - number)),
            )
        )
    return made


@pytest.fixture(scope="module", params=[300, 5_200])
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ContextEngine]:
    """A few episodes, each of which is scored, and so many that a search has to choose; some hidden, some new."""
    if kernels.compiled is None:
        pytest.skip(kernels.problem)
    with ContextEngine.open(tmp_path_factory.mktemp("kernels") / "memory.db") as opened:
        memory, made = opened.memory, episodes(request.param, seed=3)
        ids: list[str] = []
        for start in range(0, len(made) - 60, 1_000):
            ids += memory.add("n", made[start : min(start + 1_000, len(made) - 60)]).ids
        for _ in memory.consolidate("n"):
            pass
        ids += memory.add("n", made[-60:]).ids
        memory.delete("n", ids[::17])
        yield opened


def told(result: SearchResult) -> list[tuple[str, tuple[str, ...]]]:
    return [(hit.episode.content, hit.why) for hit in result.hits]


@pytest.mark.parametrize("options", NARROWED, ids=str)
@pytest.mark.parametrize("question", QUESTIONS)
def test_a_search_finds_the_same_with_and_without_kernels(
    engine: ContextEngine, question: str, options: SearchOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: SearchOptions = {"reference_time": NOW, **options}
    fast = engine.memory.search("n", question, **asked)
    monkeypatch.setattr(kernels, "compiled", None)
    slow = engine.memory.search("n", question, **asked)
    assert told(fast) == told(slow)
    for one, other in zip(fast.hits, slow.hits, strict=True):
        assert one.score == pytest.approx(other.score, abs=1e-5)
        assert dict(one.parts) == pytest.approx(dict(other.parts), abs=1e-5)


def test_a_search_gives_its_working_memory_back_when_all_is_told(
    engine: ContextEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another search, of another namespace, may have it from then on."""
    steps: list[str] = []
    lend = ScratchPool.lend

    @contextmanager
    def noted(pool: ScratchPool, rows: int, terms: int) -> Iterator[Scratch]:
        with lend(pool, rows, terms) as scratch:
            yield scratch
        steps.append("given back")

    def telling(question: Question, scored: Scored) -> list[HitParts]:
        steps.append("told")
        return explain(question, scored)

    monkeypatch.setattr(ScratchPool, "lend", noted)
    monkeypatch.setattr(search, "explain", telling)
    engine.memory.search("n", QUESTIONS[0], reference_time=NOW)
    assert steps == ["told", "given back"]
