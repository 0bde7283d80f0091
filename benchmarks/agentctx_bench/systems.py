"""What is measured: an engine with some of its evidence switched on, or the plain BM25 yardstick."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from agentctx.types import MemoryAPI
from agentctx_bench.bm25 import BM25
from agentctx_bench.dataset import Haystack, Turn

if TYPE_CHECKING:
    from agentctx.engine import ContextEngine

BATCH = 100  # episodes a call to `add`: what the ingest rate is stated for


@dataclass(frozen=True, slots=True)
class Found:
    """A retrieved turn as it was handed over."""

    id: str
    session: str
    text: str
    speaker: str
    occurred_at: datetime


class System(Protocol):
    """Something that takes in haystacks and ranks their turns. Used by one thread."""

    label: str

    def ingest(self, haystack: Haystack) -> float:
        """Take in a haystack; the seconds that it took."""
        ...

    def search(self, namespace: str, query: str, reference_time: datetime, k: int) -> Sequence[Found]:
        """The best `k` turns, with their text, best first."""
        ...

    def release(self, namespace: str) -> None:
        """The questions of this haystack have been asked."""
        ...

    def close(self) -> None:
        """Nothing more will be asked."""
        ...


class EngineSystem:
    """agentctx through its public API. `prefix` sets the run's namespaces apart from what the store holds already.

    With `filled`, the store has the haystacks from an earlier system of the run, and `ingest` writes nothing.
    """

    def __init__(self, label: str, engine: ContextEngine, *, prefix: str, filled: bool = False) -> None:
        self.label = label
        self._engine = engine
        self._memory: MemoryAPI = engine.memory
        self._prefix = prefix
        self._filled = filled
        if not filled:
            # The first write loads the embedder and makes the schema; neither belongs into a rate.
            self._memory.add(f"{prefix}/warm-up", ["A first write, so that nothing is loaded within a measurement."])

    def ingest(self, haystack: Haystack) -> float:
        """Add the turns in batches of 100, each durable when `add` returns; the seconds spent within `add`."""
        if self._filled:
            return 0.0
        spent = 0.0
        episodes = [turn.episode() for turn in haystack.turns]
        for start in range(0, len(episodes), BATCH):
            batch = episodes[start : start + BATCH]
            began = time.perf_counter()
            self._memory.add(self._name(haystack.namespace), batch)
            spent += time.perf_counter() - began
        return spent

    def search(self, namespace: str, query: str, reference_time: datetime, k: int) -> Sequence[Found]:
        """`engine.memory.search` as a user calls it, with the texts of the hits."""
        hits = self._memory.search(self._name(namespace), query, k=k, reference_time=reference_time).hits
        return [
            Found(e.id, e.session, e.content, e.speaker or e.role, e.occurred_at) for e in (hit.episode for hit in hits)
        ]

    def release(self, namespace: str) -> None:
        """Nothing to do: the engine decides what stays in memory."""

    def drop(self, namespaces: Sequence[str]) -> None:
        """Take the run's namespaces out of a store that outlives it."""
        for namespace in (*namespaces, "warm-up"):
            self._memory.delete_namespace(self._name(namespace))

    def close(self) -> None:
        """Close the engine."""
        self._engine.close()

    def _name(self, namespace: str) -> str:
        return f"{self._prefix}/{namespace}"


class BM25System:
    """Plain BM25 over single turns, speaker in the text: what any search box gives."""

    label = "plain BM25"

    def __init__(self) -> None:
        self._namespaces: dict[str, tuple[BM25, tuple[Turn, ...]]] = {}

    def ingest(self, haystack: Haystack) -> float:
        """Build the index of a haystack in memory; nothing of it is durable."""
        began = time.perf_counter()
        texts = [f"{turn.speaker} {turn.text}" if turn.speaker else turn.text for turn in haystack.turns]
        self._namespaces[haystack.namespace] = BM25(texts), haystack.turns
        return time.perf_counter() - began

    def search(self, namespace: str, query: str, reference_time: datetime, k: int) -> Sequence[Found]:
        """The best `k` turns; it knows nothing of time."""
        index, turns = self._namespaces[namespace]
        found = (turns[row] for row in index.search(query, k))
        return [Found(t.id, t.session, t.text, t.speaker or t.role, t.occurred_at) for t in found]

    def release(self, namespace: str) -> None:
        """Forget the haystack."""
        self._namespaces.pop(namespace, None)

    def close(self) -> None:
        """Forget everything."""
        self._namespaces.clear()
