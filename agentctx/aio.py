"""The asyncio twin of the engine: the same services and methods, each call in a worker thread."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar, Unpack

from agentctx.config import Settings
from agentctx.embed import Embedder
from agentctx.engine import ContextEngine
from agentctx.ids import Clock, IdFactory
from agentctx.types import (
    AddResult,
    Change,
    Episode,
    EpisodePage,
    ImportResult,
    ItemResult,
    ListOptions,
    MemoryAPI,
    NamespacePage,
    NewEpisode,
    Progress,
    Revision,
    SearchOptions,
    SearchResult,
    TagEdit,
    TagPage,
    UpdateOptions,
)

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


class AsyncContextEngine:
    """The asyncio twin of `ContextEngine`, a thin one over threads.

    >>> async with await AsyncContextEngine.open("memory.db") as engine:  # doctest: +SKIP
    ...     await engine.memory.add("acme/user-42", "Ana moved to Lisbon in May.")
    """

    def __init__(self, engine: ContextEngine) -> None:
        self._engine = engine
        self.memory = AsyncMemory(engine.memory)

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


async def _in_thread(source: Iterator[T]) -> AsyncIterator[T]:
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
