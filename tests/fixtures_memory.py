"""A namespace's log made by hand, and words with made-up meanings: for tests of the index and of scoring."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any

import numpy as np
import numpy.typing as npt

from agentctx.embed.near_words import NearWords
from agentctx.index.episodes import EpisodeIndex
from agentctx.index.view import View
from agentctx.memory.exact import Scored
from agentctx.memory.plan import make_plan
from agentctx.memory.scoring import Scorer
from agentctx.memory.scratch import ScratchPool
from agentctx.testing import HashingEmbedder
from agentctx.text.terms import analyze
from agentctx.types import ChangeKind, Episode, LogRecord, Revision

START = datetime(2024, 5, 1, 12, tzinfo=UTC)
DIMENSIONS = 8
EPOCH = 3
EMBEDDER = HashingEmbedder(DIMENSIONS)
SCRATCH = ScratchPool()


class Log:
    """What a store would hand out for one namespace. Time stands still but for the microsecond that a write takes."""

    def __init__(self) -> None:
        self.records: list[LogRecord] = []
        self.now = START

    def write(self, *changes: Any) -> list[LogRecord]:
        """One transaction: each change is (kind, row, fields), with row None for an add. Returns its records."""
        self.now += timedelta(microseconds=1)
        return [self._record(*change) for change in changes]

    def add(self, content: str, **fields: Any) -> list[LogRecord]:
        return self.write(("add", None, {"content": content} | fields))

    def update(self, row: int, **fields: Any) -> list[LogRecord]:
        return self.write(("update", row, fields))

    def delete(self, row: int) -> list[LogRecord]:
        return self.write(("delete", row, {}))

    @property
    def states(self) -> dict[int, Episode]:
        """The newest state of each row."""
        return self.states_at(self.now)

    def states_at(self, moment: datetime) -> dict[int, Episode]:
        """The states that the store knew of at a moment."""
        return {record.row: record.episode for record in self.records if record.recorded_at <= moment}

    def index(self, upto: datetime | None = None) -> EpisodeIndex:
        """A new index of the log, or of what of it was recorded until `upto`."""
        index = EpisodeIndex(Revision(EPOCH, 0), DIMENSIONS)
        index.apply([record for record in self.records if upto is None or record.recorded_at <= upto])
        return index

    def _record(self, kind: ChangeKind, row: int | None, fields: dict[str, Any]) -> LogRecord:
        revision = Revision(EPOCH, len(self.records) + 1)
        vector = None
        if row is None:
            row = 1 + sum(record.kind == "add" for record in self.records)
            episode = Episode(
                **{"namespace": "n", "id": f"e{row}", "session": "", "speaker": "", "role": "", "occurred_at": START}
                | {"position": self._behind(fields.get("session", "")), "recorded_at": self.now, "revision": revision}
                | fields
            )
            vector = EMBEDDER.embed([episode.content])[0].astype("<f2").tobytes()
        else:
            if kind == "delete":
                fields = {"deleted_at": self.now}
            episode = replace(self.states[row], revision=revision, **fields)
        record = LogRecord(kind, row, self.now, episode, vector)
        self.records.append(record)
        return record

    def _behind(self, session: str) -> int:
        taken = [record.episode.position for record in self.records if record.episode.session == session]
        return max(taken, default=-1) + 1


def visible(states: dict[int, Episode], moment: datetime) -> dict[int, Episode]:
    """What of these states is neither deleted nor expired at a moment."""
    return {
        row: one
        for row, one in states.items()
        if one.deleted_at is None and (one.expires_at is None or one.expires_at > moment)
    }


def sessions_of(states: dict[int, Episode]) -> list[list[int]]:
    """Rows by session, in order; a row without a session is alone."""
    ordered = sorted(states, key=lambda row: (states[row].position, row))
    named = {one.session for one in states.values()} - {""}
    held = [[row for row in ordered if states[row].session == name] for name in sorted(named)]
    return held + [[row] for row in ordered if not states[row].session]


def neighbours_of(states: dict[int, Episode]) -> dict[int, tuple[int | None, int | None]]:
    """By row the rows before and behind it in its session."""
    found: dict[int, tuple[int | None, int | None]] = {}
    for rows in sessions_of(states):
        padded = [None, *rows, None]
        found |= {row: (padded[i], padded[i + 2]) for i, row in enumerate(rows)}
    return found


class MadeUpWords:
    """A made-up vector a word: some are near each other, and those that begin with `x` are unknown."""

    def embed(self, words: Sequence[str]) -> npt.NDArray[np.float32]:
        rows = np.zeros((len(words), 6), dtype=np.float32)
        for place, word in enumerate(words):
            if self.knows(word):
                row = np.frombuffer(blake2b(word.encode(), digest_size=6).digest(), dtype=np.int8)
                rows[place] = row / np.linalg.norm(row)
        return rows

    def knows(self, word: str) -> bool:
        return not word.startswith("x")

    def cosine(self, left: str, right: str) -> float:
        one, other = self.embed([left, right])
        return float(one @ other)

    def near(self, words: Iterable[str]) -> NearWords:
        """The table of these words and of all terms that they have."""
        known = {word: None for word in words if self.knows(word)}
        forms = {term: [term] for word in known for term in analyze(word).counts if self.knows(term)}
        every = [*known, *(term for term in forms if term not in known)]
        return NearWords(NearWords.compare(every, self.embed(every), forms, width=len(forms)))


MADE_UP_WORDS = MadeUpWords()


def scored(
    scorer: Scorer, index: EpisodeIndex, view: View, query: str, rows: npt.NDArray[Any] | None = None, *, live: bool
) -> Scored:
    """What a scorer says of some rows, by default of all visible ones."""
    if rows is None:
        rows = np.arange(view.size) if view.visible is None else np.flatnonzero(view.visible)
    with SCRATCH.lend(len(index) + 1, len(index.lexical.terms)) as scratch:
        question = scorer.ask(index, view, make_plan(query, START), EMBEDDER.embed([query])[0], scratch, live=live)
        return question.score(rows)
