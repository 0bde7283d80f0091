"""Asks every question of a dataset of one system and scores what comes back."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from agentctx_bench import metrics
from agentctx_bench.dataset import Dataset, Question
from agentctx_bench.systems import Found, System

TIMED_K = 10
DEEPEST = 10_000  # what an engine gives at most in one search
_WARM_UP = "Is this the first question?"  # loads a namespace that was not read yet; never timed


@dataclass(frozen=True, slots=True)
class Cutoffs:
    """The k of each level. At turn level 50 is always told, as the data's own rules ask for."""

    turn: tuple[int, ...]
    session: tuple[int, ...]

    @classmethod
    def of(cls, k: Sequence[int]) -> Cutoffs:
        """Cut-offs for the k that the caller asked for."""
        return cls(turn=tuple(sorted({*k, 50})), session=tuple(sorted(set(k))))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one system made of one question. A level without gold has no scores."""

    question: Question
    found: tuple[Found, ...]
    turn: dict[str, float]
    session: dict[str, float]
    latency_ms: float
    characters: dict[int, int]

    def rescored(self, question: Question, cutoffs: Cutoffs) -> Outcome:
        """The same ranking against other gold."""
        turn, session = _scores(question, self.found, cutoffs)
        return Outcome(question, self.found, turn, session, self.latency_ms, self.characters)


@dataclass(slots=True)
class Run:
    """One system over one dataset. `unstable` counts questions whose first 10 depended on how many were asked for."""

    label: str
    outcomes: list[Outcome] = field(default_factory=list)
    turns: int = 0
    ingest_seconds: float = 0.0
    unstable: int = 0

    @property
    def ingest_per_s(self) -> float:
        """Episodes a second, embedded, durable and searchable; 0 where nothing was ingested."""
        return self.turns / self.ingest_seconds if self.ingest_seconds else 0.0


Advance = Callable[[int], None]


def run(dataset: Dataset, system: System, cutoffs: Cutoffs, advance: Advance = lambda _: None) -> Run:
    """Ingest and ask, haystack by haystack. `advance` hears of each haystack's turns and questions when they are done.

    A plain search for 10 is what is timed; the ranking that is scored comes from a deeper search, which is not.
    """
    result = Run(system.label)
    for haystack in dataset.haystacks:
        seconds = system.ingest(haystack)
        if seconds:
            result.ingest_seconds += seconds
            result.turns += len(haystack.turns)
        advance(len(haystack.turns))
        if haystack.questions:
            system.search(haystack.namespace, _WARM_UP, haystack.questions[0].reference_time, TIMED_K)
        for question in haystack.questions:
            began = time.perf_counter()
            first = system.search(haystack.namespace, question.text, question.reference_time, TIMED_K)
            latency_ms = (time.perf_counter() - began) * 1000
            found = _deep(system, haystack.namespace, question, cutoffs)
            result.unstable += [f.id for f in first] != [f.id for f in found[:TIMED_K]]
            turn, session = _scores(question, found, cutoffs)
            characters = {k: sum(len(f.text) for f in found[:k]) for k in cutoffs.turn}
            result.outcomes.append(Outcome(question, tuple(found), turn, session, latency_ms, characters))
            advance(1)
        system.release(haystack.namespace)
    return result


def work(dataset: Dataset) -> int:
    """How much `run` will report to `advance` in all."""
    return dataset.turn_count() + sum(1 for _ in dataset.questions())


def _deep(system: System, namespace: str, question: Question, cutoffs: Cutoffs) -> Sequence[Found]:
    """A ranking deep enough to hold as many sessions as the session level asks for, or everything there is."""
    sessions_wanted = max(*cutoffs.session, metrics.NDCG_AT)
    k = max(cutoffs.turn)
    while True:
        found = system.search(namespace, question.text, question.reference_time, k)
        # A system may rank only what it finds related: then a deeper search brings nothing new.
        if len(found) < k or len({f.session for f in found}) >= sessions_wanted or k == DEEPEST:
            return found
        k = min(2 * k, DEEPEST)


def _scores(question: Question, found: Sequence[Found], cutoffs: Cutoffs) -> tuple[dict[str, float], dict[str, float]]:
    """Turn-level and session-level scores; a session ranks where its first turn does."""
    turn = metrics.score((f.id for f in found), question.gold_turns, cutoffs.turn) if question.gold_turns else {}
    gold = question.gold_sessions
    session = metrics.score((f.session for f in found), gold, cutoffs.session) if gold else {}
    return turn, session


def by_category(outcomes: Sequence[Outcome]) -> Iterator[tuple[str, list[Outcome]]]:
    """Outcomes by category or question type, in the order of the names."""
    groups: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        groups.setdefault(outcome.question.category, []).append(outcome)
    for category in sorted(groups):
        yield category, groups[category]
