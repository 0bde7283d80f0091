"""Engines and servers for tests: real ones, on a store in a temporary folder and a free port.

Import the fixtures that a test module uses: `from tests.fixtures_server import engine, server`.
"""

from __future__ import annotations

import asyncio
import io
import json
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest
from agentctx_server import RunningServer, ServerConfig, serve

from agentctx.config import Settings
from agentctx.engine import ContextEngine
from agentctx.testing import HashingEmbedder, ManualClock, SequentialIds
from agentctx.types import MemoryAPI

NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)


def open_engine(folder: Path, settings: Settings | None = None) -> ContextEngine:
    """An engine whose ids, times and vectors are the same in each run."""
    return ContextEngine.open(
        folder / "memory.db",
        embedder=HashingEmbedder(),
        settings=settings or Settings(),
        clock=ManualClock(NOW),
        ids=SequentialIds(),
    )


class Served:
    """A server with what a test wants to see of it."""

    def __init__(self, running: RunningServer, log: io.StringIO) -> None:
        self.running = running
        self.address = running.address
        self._log = log

    @property
    def log(self) -> list[dict[str, Any]]:
        """The lines of the log so far."""
        return [json.loads(line) for line in self._log.getvalue().splitlines()]

    @property
    def log_text(self) -> str:
        """The log as it is."""
        return self._log.getvalue()


@contextmanager
def serving(memory: Any, **config: Any) -> Iterator[Served]:
    """A server for an engine, or for anything with the methods of MemoryAPI."""
    holder = memory if hasattr(memory, "memory") else Holder(memory)
    log = io.StringIO()
    with serve(holder, ServerConfig(**{"port": 0, "grace": 2.0} | config), log_stream=log) as running:
        yield Served(running, log)


class Holder:
    """An engine that is nothing but its services."""

    def __init__(self, memory: MemoryAPI, code: Any = None, context: Any = None, routing: Any = None) -> None:
        self.memory = memory
        self.code = code
        self.context = context
        self.routing = routing


class Stalled:
    """A memory whose `search`, `add` or other named methods wait until they are let go."""

    def __init__(self, memory: MemoryAPI, *methods: str) -> None:
        self._memory = memory
        self._methods = methods
        self.entered = threading.Semaphore(0)
        self.gate = threading.Event()

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._memory, name)
        if name not in self._methods:
            return method

        def stalled(*args: Any, **kwargs: Any) -> Any:
            self.entered.release()
            assert self.gate.wait(20)
            return method(*args, **kwargs)

        return stalled


class Blocking:
    """An AsyncMemoryAPI with the manners of MemoryAPI, so that one script can be run on both."""

    def __init__(self, memory: Any, loop: asyncio.AbstractEventLoop) -> None:
        self._memory = memory
        self._loop = loop

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._memory, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            async def run() -> Any:
                result = method(*args, **kwargs)
                if isinstance(result, AsyncIterator):
                    return [one async for one in result]
                return await result

            return asyncio.run_coroutine_threadsafe(run(), self._loop).result(30)

        return call


@contextmanager
def running_loop() -> Iterator[asyncio.AbstractEventLoop]:
    """An event loop in a thread of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def as_memory(memory: object) -> MemoryAPI:
    """Anything with the right methods, for the type checker."""
    return cast("MemoryAPI", memory)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[ContextEngine]:
    with open_engine(tmp_path) as opened:
        yield opened


@pytest.fixture
def server(engine: ContextEngine) -> Iterator[Served]:
    with serving(engine) as served:
        yield served
