"""What a benchmark is made of, once a loader has read it.

A `Turn` is all that the system under test gets to see. A `Question` carries the gold, and stays with the runner: of
its fields only `text` and `reference_time` reach the system.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from agentctx.types import NewEpisode, Role


@dataclass(frozen=True, slots=True)
class Turn:
    """One utterance, ready to be ingested. `id` and `session` are neutral: they count, and say nothing else."""

    id: str
    session: str
    position: int
    text: str
    occurred_at: datetime
    speaker: str = ""
    role: Role = ""

    def episode(self) -> NewEpisode:
        """The turn as an episode to add."""
        return NewEpisode(
            content=self.text,
            id=self.id,
            session=self.session,
            position=self.position,
            speaker=self.speaker,
            role=self.role,
            occurred_at=self.occurred_at,
        )


@dataclass(frozen=True, slots=True)
class Question:
    """One question with its gold, which never reaches the system under test.

    `key` names it in reports. Empty gold leaves it out of the retrieval metrics of that level. `headline` is False
    for what is reported apart. The right reply to an `abstention` question is that it cannot be known.
    """

    key: str
    category: str
    text: str
    answer: str
    reference_time: datetime
    gold_turns: frozenset[str] = frozenset()
    gold_sessions: frozenset[str] = frozenset()
    headline: bool = True
    abstention: bool = False
    answer_disputed: bool = False


@dataclass(frozen=True, slots=True)
class Haystack:
    """What one namespace holds, in the order of ingest, and the questions that are asked of it."""

    namespace: str
    turns: tuple[Turn, ...]
    questions: tuple[Question, ...]


@dataclass(frozen=True, slots=True)
class Dataset:
    """A benchmark as loaded. `excluded` counts what was left out, by reason; `notes` says how the data was read."""

    benchmark: str
    haystacks: tuple[Haystack, ...]
    sha256: str
    excluded: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def questions(self) -> Iterator[Question]:
        """Every question, haystack by haystack."""
        for haystack in self.haystacks:
            yield from haystack.questions

    def turn_count(self) -> int:
        """How many turns there are to ingest."""
        return sum(len(haystack.turns) for haystack in self.haystacks)

    def limited(self, limit: int) -> Dataset:
        """The first `limit` questions and the haystacks that they need: for a quick look, not for a result."""
        kept: list[Haystack] = []
        for haystack in self.haystacks:
            room = limit - sum(len(h.questions) for h in kept)
            if room <= 0:
                break
            kept.append(replace(haystack, questions=haystack.questions[:room]))
        note = f"limited to the first {limit} questions: not a result"
        return replace(self, haystacks=tuple(kept), notes=(*self.notes, note))
