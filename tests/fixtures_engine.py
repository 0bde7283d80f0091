"""Engines on stores in a temporary folder, under one clock: fixtures and short forms for tests of `engine.memory`.

Import the fixtures that a test module uses: `from tests.fixtures_engine import memory, world`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from agentctx.config import Settings
from agentctx.embed import Embedder
from agentctx.engine import ContextEngine
from agentctx.memory.service import Memory
from agentctx.testing import HashingEmbedder, ManualClock, SequentialIds
from agentctx.types import (
    MemoryAPI,
)

NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
NS = "acme/user-42"
HEADER = json.dumps({"format": "agentctx.memory", "version": 1})
ADD = {"kind": "add", "id": "a", "content": "x", "position": 0, "occurred_at": NOW.isoformat()}


class World:
    """One clock, one sequence of ids, and engines on stores in a folder."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        self.clock = ManualClock(NOW)
        self._ids = SequentialIds()
        self._stack = stack

    def open(
        self, name: str = "memory.db", *, embedder: str | Embedder | None = None, **sections: Any
    ) -> ContextEngine:
        engine = ContextEngine.open(
            self.folder / name,
            embedder=embedder or HashingEmbedder(),
            settings=Settings(**sections),
            clock=self.clock,
            ids=self._ids,
        )
        return self._stack.enter_context(engine)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with ExitStack() as stack:
        yield World(tmp_path, stack)


@pytest.fixture
def memory(world: World) -> Memory:
    return world.open().memory


@pytest.fixture(params=["hashing", "static"])
def either(request: pytest.FixtureRequest, world: World) -> Memory:
    """A memory with each of two embedders."""
    return world.open(embedder="static" if request.param == "static" else HashingEmbedder()).memory


def found(memory: MemoryAPI, query: str, namespace: str = NS, **options: Any) -> list[str]:
    return [hit.episode.id for hit in memory.search(namespace, query, **options).hits]


def listed(memory: MemoryAPI, namespace: str = NS, **options: Any) -> list[str]:
    return [one.id for one in memory.list(namespace, **options).episodes]


def pages(memory: MemoryAPI, between: Callable[[int], object] = lambda _: None, **options: Any) -> list[list[str]]:
    """Every page; `between` is called with the number of pages had so far."""
    had: list[list[str]] = []
    token = ""
    while True:
        page = memory.list(NS, page_token=token, **options)
        had.append([one.id for one in page.episodes])
        token = page.next_page_token
        if not token:
            return had
        between(len(had))
