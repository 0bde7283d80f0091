"""Very many small namespaces beside a larger one in one store, within one memory budget."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from agentctx import ContextEngine, NewEpisode
from agentctx.config import IndexSettings, Settings, StoreSettings
from agentctx.ids import SystemClock, TimeOrderedIds
from agentctx.store import open_store
from agentctx.testing import HashingEmbedder

SETTINGS = StoreSettings(synchronous="NORMAL")
WORDS = [f"word{number}" for number in range(500)]


def fill(path: Path, namespaces: int, episodes: int, large: int) -> None:
    """`n0`, `n1`, ... of so many episodes each, one of which says the name; and `large`."""
    embedder = HashingEmbedder(16)
    chance = random.Random(1)
    with open_store(path, clock=SystemClock(), ids=TimeOrderedIds(), settings=SETTINGS) as store:
        sizes = {f"n{number}": episodes for number in range(namespaces)} | {"large": large}
        for name, size in sizes.items():
            for first in range(0, size, 1000):
                texts = [" ".join(chance.choices(WORDS, k=6)) for _ in range(min(1000, size - first))]
                if not first:
                    texts[0] = f"this is {name}"
                now = SystemClock().now()
                new = [NewEpisode(text, occurred_at=now) for text in texts]
                vectors = [row.tobytes() for row in embedder.embed(texts).astype(np.dtype("<f2"))]
                store.append(name, new, vectors, embedder_key=embedder.identity.key)


def use(path: Path, namespaces: int, budget: int) -> None:
    """Search all of them, in turn and then at random: the answers are right, and memory stays within the budget."""
    index = IndexSettings(memory_bytes=budget)
    settings = Settings(store=SETTINGS, index=index)
    with ContextEngine.open(path, embedder=HashingEmbedder(16), settings=settings) as engine:
        memory, chance = engine.memory, random.Random(2)
        names = [f"n{number}" for number in range(namespaces)]
        for name in [*names, "large", *chance.choices(names, k=namespaces // 4), "large", *names[:50]]:
            hits = memory.search(name, f"this is {name}", k=1).hits
            assert hits[0].episode.content == f"this is {name}"
            held = memory._residency.nbytes
            assert held <= budget or len(memory._residency._slots) == 1
        for number in range(0, namespaces, max(1, namespaces // 100)):
            memory.add(f"n{number}", f"a late word of n{number}")
            assert memory.search(f"n{number}", "late word", k=1).hits[0].episode.content.endswith(f"n{number}")
        assert memory._housekeeping.wait(60)
        assert memory._housekeeping.failures == 0
        assert memory.problems == ()


def test_some_hundred_namespaces_share_a_small_budget(tmp_path: Path) -> None:
    fill(tmp_path / "m.db", 200, 10, 3000)
    use(tmp_path / "m.db", 200, 4 << 20)
    use(tmp_path / "m.db", 200, 4 << 20)  # from the log and from what was kept


@pytest.mark.slow
def test_ten_thousand_namespaces_share_the_default_budget(tmp_path: Path) -> None:
    fill(tmp_path / "m.db", 10_000, 100, 20_000)
    use(tmp_path / "m.db", 10_000, IndexSettings().memory_bytes)
