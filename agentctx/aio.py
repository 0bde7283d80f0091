"""The asyncio twin of the engine: the same services and methods, each call in a worker thread."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator, Sequence
from contextlib import aclosing
from datetime import datetime
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar, Unpack

from agentctx.config import Settings
from agentctx.embed import Embedder
from agentctx.engine import ContextEngine
from agentctx.ids import Clock, IdFactory
from agentctx.types import (
    AddResult,
    BackendStatus,
    BuildOptions,
    Bundle,
    Change,
    CodeAPI,
    CodeMap,
    CodeSearchOptions,
    CodeSearchResult,
    CompletionEvent,
    ContextAPI,
    Direction,
    EdgeKind,
    Episode,
    EpisodePage,
    ImportResult,
    IndexProgress,
    ItemResult,
    ListOptions,
    MemoryAPI,
    NamespacePage,
    NeighbourResult,
    NewEpisode,
    Outline,
    Progress,
    Repository,
    RepositoryPage,
    Revision,
    Route,
    RouteOptions,
    RoutingAPI,
    ScoutOptions,
    ScoutResult,
    SearchOptions,
    SearchResult,
    SourceText,
    SymbolResult,
    TagEdit,
    TagPage,
    UpdateOptions,
    UsageGroup,
    UsageReport,
)
from agentctx.types.completion import CompleteOptions

T = TypeVar("T")


class AsyncMemory:
    """`engine.memory` for asyncio: see `agentctx.memory.service.Memory`. Implements `AsyncMemoryAPI`."""

    def __init__(self, memory: MemoryAPI) -> None:
        self._memory = memory

    async def add(
        self, namespace: str, episodes: str | NewEpisode | Sequence[str | NewEpisode], *, request_id: str = ""
    ) -> AddResult:
        """See `Memory.add`."""
        return await asyncio.to_thread(self._memory.add, namespace, episodes, request_id=request_id)

    async def bulk_add(
        self, namespace: str, episodes: Iterable[NewEpisode] | AsyncIterator[NewEpisode]
    ) -> AsyncIterator[ItemResult]:
        """See `Memory.bulk_add`; an asynchronous source is gathered first."""
        if isinstance(episodes, AsyncIterator):
            episodes = [one async for one in episodes]
        async for result in _in_thread(self._memory.bulk_add(namespace, episodes)):
            yield result

    async def get(self, namespace: str, id: str, *, as_of: datetime | None = None) -> Episode:
        """See `Memory.get`."""
        return await asyncio.to_thread(self._memory.get, namespace, id, as_of=as_of)

    async def list(self, namespace: str, **options: Unpack[ListOptions]) -> EpisodePage:
        """See `Memory.list`."""
        return await asyncio.to_thread(self._memory.list, namespace, **options)

    async def search(self, namespace: str, query: str, **options: Unpack[SearchOptions]) -> SearchResult:
        """See `Memory.search`."""
        return await asyncio.to_thread(self._memory.search, namespace, query, **options)

    async def update(self, namespace: str, id: str, **changes: Unpack[UpdateOptions]) -> Episode:
        """See `Memory.update`."""
        return await asyncio.to_thread(self._memory.update, namespace, id, **changes)

    async def delete(self, namespace: str, ids: str | Sequence[str]) -> Revision:
        """See `Memory.delete`."""
        return await asyncio.to_thread(self._memory.delete, namespace, ids)

    async def purge(self, namespace: str, ids: str | Sequence[str]) -> Revision:
        """See `Memory.purge`."""
        return await asyncio.to_thread(self._memory.purge, namespace, ids)

    async def history(self, namespace: str, id: str) -> tuple[Change, ...]:
        """See `Memory.history`."""
        return await asyncio.to_thread(self._memory.history, namespace, id)

    async def list_namespaces(self, *, prefix: str = "", page_size: int = 100, page_token: str = "") -> NamespacePage:
        """See `Memory.list_namespaces`."""
        return await asyncio.to_thread(
            self._memory.list_namespaces, prefix=prefix, page_size=page_size, page_token=page_token
        )

    async def delete_namespace(self, namespace: str) -> None:
        """See `Memory.delete_namespace`."""
        await asyncio.to_thread(self._memory.delete_namespace, namespace)

    async def export(self, namespace: str, *, live_only: bool = False) -> AsyncIterator[str]:
        """See `Memory.export`."""
        async for line in _in_thread(self._memory.export(namespace, live_only=live_only)):
            yield line

    async def import_(self, namespace: str, lines: Iterable[str]) -> ImportResult:
        """See `Memory.import_`."""
        return await asyncio.to_thread(self._memory.import_, namespace, lines)

    async def reembed(self, embedder: str) -> AsyncIterator[Progress]:
        """See `Memory.reembed`."""
        async for progress in _in_thread(self._memory.reembed(embedder)):
            yield progress

    async def consolidate(self, namespace: str) -> AsyncIterator[Progress]:
        """See `Memory.consolidate`."""
        async for progress in _in_thread(self._memory.consolidate(namespace)):
            yield progress

    async def list_tags(
        self, namespace: str, *, under: str = "", prefix: str = "", page_size: int = 100, page_token: str = ""
    ) -> TagPage:
        """See `Memory.list_tags`."""
        return await asyncio.to_thread(
            self._memory.list_tags, namespace, under=under, prefix=prefix, page_size=page_size, page_token=page_token
        )

    async def edit_tags(self, namespace: str, edits: TagEdit | Sequence[TagEdit]) -> Revision:
        """See `Memory.edit_tags`."""
        return await asyncio.to_thread(self._memory.edit_tags, namespace, edits)

    async def retag(self, namespace: str, tagger: str = "") -> AsyncIterator[Progress]:
        """See `Memory.retag`."""
        async for progress in _in_thread(self._memory.retag(namespace, tagger)):
            yield progress


class AsyncCode:
    """`engine.code` for asyncio: see `agentctx.code.service.Code`. Implements `AsyncCodeAPI`."""

    def __init__(self, code: CodeAPI) -> None:
        self._code = code

    async def index(self, path: str, *, name: str = "", commit: str = "") -> AsyncIterator[IndexProgress]:
        """See `Code.index`."""
        async with aclosing(_in_thread(self._code.index(path, name=name, commit=commit))) as steps:
            async for progress in steps:
                yield progress

    async def list(self, *, page_size: int = 100, page_token: str = "") -> RepositoryPage:
        """See `Code.list`."""
        return await asyncio.to_thread(self._code.list, page_size=page_size, page_token=page_token)

    async def get(self, repository: str) -> Repository:
        """See `Code.get`."""
        return await asyncio.to_thread(self._code.get, repository)

    async def remove(self, repository: str) -> None:
        """See `Code.remove`."""
        await asyncio.to_thread(self._code.remove, repository)

    async def search(self, repository: str, query: str, **options: Unpack[CodeSearchOptions]) -> CodeSearchResult:
        """See `Code.search`."""
        return await asyncio.to_thread(self._code.search, repository, query, **options)

    async def symbol(
        self, repository: str, name: str, *, kinds: Sequence[str] = (), path: str = "", k: int = 20
    ) -> SymbolResult:
        """See `Code.symbol`."""
        return await asyncio.to_thread(self._code.symbol, repository, name, kinds=kinds, path=path, k=k)

    async def neighbours(
        self,
        repository: str,
        symbol: str,
        *,
        kinds: Sequence[EdgeKind] = (),
        direction: Direction = "both",
        depth: int = 1,
        limit: int = 100,
    ) -> NeighbourResult:
        """See `Code.neighbours`."""
        return await asyncio.to_thread(
            self._code.neighbours, repository, symbol, kinds=kinds, direction=direction, depth=depth, limit=limit
        )

    async def outline(self, repository: str, path: str = "", *, depth: int = 0, limit: int = 1000) -> Outline:
        """See `Code.outline`."""
        return await asyncio.to_thread(self._code.outline, repository, path, depth=depth, limit=limit)

    async def map(self, repository: str, *, budget: int = 2000, query: str = "", counter: str = "") -> CodeMap:
        """See `Code.map`."""
        return await asyncio.to_thread(self._code.map, repository, budget=budget, query=query, counter=counter)

    async def scout(self, repository: str, query: str, **options: Unpack[ScoutOptions]) -> ScoutResult:
        """See `Code.scout`."""
        return await asyncio.to_thread(self._code.scout, repository, query, **options)

    async def source(self, repository: str, path: str, *, start_line: int = 1, end_line: int = 0) -> SourceText:
        """See `Code.source`."""
        return await asyncio.to_thread(self._code.source, repository, path, start_line=start_line, end_line=end_line)


class AsyncContext:
    """`engine.context` for asyncio: see `agentctx.context.service.Context`. Implements `AsyncContextAPI`."""

    def __init__(self, context: ContextAPI) -> None:
        self._context = context

    async def build(self, query: str, *, budget: int, **options: Unpack[BuildOptions]) -> Bundle:
        """See `Context.build`."""
        return await asyncio.to_thread(self._context.build, query, budget=budget, **options)

    async def complete(self, task: str, **options: Unpack[CompleteOptions]) -> AsyncIterator[CompletionEvent]:
        """See `Context.complete`."""
        async with aclosing(_in_thread(self._context.complete(task, **options))) as events:
            async for event in events:
                yield event


class AsyncRouting:
    """`engine.routing` for asyncio: see `agentctx.routing.service.Routing`. Implements `AsyncRoutingAPI`."""

    def __init__(self, routing: RoutingAPI) -> None:
        self._routing = routing

    async def decide(self, prompt: str, *, input_tokens: int | None = None, **options: Unpack[RouteOptions]) -> Route:
        """See `Routing.decide`."""
        return await asyncio.to_thread(self._routing.decide, prompt, input_tokens=input_tokens, **options)

    async def backends(self, *, check: bool = False) -> tuple[BackendStatus, ...]:
        """See `Routing.backends`."""
        return await asyncio.to_thread(self._routing.backends, check=check)

    async def feedback(self, request_id: str, quality: float) -> bool:
        """See `Routing.feedback`."""
        return await asyncio.to_thread(self._routing.feedback, request_id, quality)

    async def usage(
        self,
        *,
        by: Sequence[UsageGroup] = ("backend",),
        namespace: str = "",
        session: str = "",
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> UsageReport:
        """See `Routing.usage`."""
        return await asyncio.to_thread(
            self._routing.usage, by=by, namespace=namespace, session=session, since=since, until=until
        )


class AsyncContextEngine:
    """The asyncio twin of `ContextEngine`, a thin one over threads.

    >>> async with await AsyncContextEngine.open("memory.db") as engine:  # doctest: +SKIP
    ...     await engine.memory.add("acme/user-42", "Ana moved to Lisbon in May.")
    """

    def __init__(self, engine: ContextEngine) -> None:
        self._engine = engine
        self.memory = AsyncMemory(engine.memory)

    @cached_property
    def code(self) -> AsyncCode:
        """The code service."""
        return AsyncCode(self._engine.code)

    @cached_property
    def context(self) -> AsyncContext:
        """The context service."""
        return AsyncContext(self._engine.context)

    @cached_property
    def routing(self) -> AsyncRouting:
        """The routing service."""
        return AsyncRouting(self._engine.routing)

    @classmethod
    async def open(
        cls,
        store: str | Path | None = None,
        *,
        embedder: str | Embedder | None = None,
        settings: Settings | None = None,
        clock: Clock | None = None,
        ids: IdFactory | None = None,
    ) -> Self:
        """See `ContextEngine.open`."""
        return cls(
            await asyncio.to_thread(
                ContextEngine.open, store, embedder=embedder, settings=settings, clock=clock, ids=ids
            )
        )

    async def close(self) -> None:
        """See `ContextEngine.close`."""
        await asyncio.to_thread(self._engine.close)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.close()


_END: Any = object()


async def _in_thread(source: Iterator[T]) -> AsyncGenerator[T, None]:
    """Drain a blocking iterator without blocking the loop; closing this one closes it."""
    step: asyncio.Future[Any] | None = None
    try:
        while True:
            step = asyncio.ensure_future(asyncio.to_thread(next, source, _END))
            item = await asyncio.shield(step)
            if item is _END:
                return
            yield item
    finally:
        if step is not None and not step.done():  # cancelled meanwhile: a running generator cannot be closed
            await asyncio.wait([step])
            step.exception()
        close = getattr(source, "close", None)
        if close is not None:
            await asyncio.to_thread(close)
