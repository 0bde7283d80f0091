"""`client.memory` for asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Unpack

import grpc

from agentctx.client import calls
from agentctx.client.caller import AsyncCaller
from agentctx.convert import answers, requests
from agentctx.convert.values import boolean, get_revision, text
from agentctx.errors import InvalidArgument
from agentctx.types import (
    AddResult,
    AsyncMemoryAPI,
    Change,
    Episode,
    EpisodePage,
    ImportResult,
    ItemResult,
    ListOptions,
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
from agentctx.v1 import memory_service_pb2 as pb
from agentctx.v1.memory_service_pb2_grpc import MemoryServiceStub


class AsyncMemoryClient:
    """The memory of a server for asyncio. Implements `AsyncMemoryAPI`; see `MemoryClient`."""

    def __init__(self, caller: AsyncCaller) -> None:
        self._caller = caller
        self._stub: Any = MemoryServiceStub(caller.channel)  # type: ignore[no-untyped-call]
        self._timeout = caller.connection.timeout

    async def add(
        self, namespace: str, episodes: str | NewEpisode | Sequence[str | NewEpisode], *, request_id: str = ""
    ) -> AddResult:
        """See `MemoryClient.add`."""
        request = requests.add_request(namespace, episodes, request_id or calls.new_request_id())
        calls.check_size(request, self._caller.connection.max_message_bytes)
        response = await self._caller.unary(self._stub.Add, request, self._timeout, repeatable=True)
        result = answers.get_add_result(response)
        return result if request_id else replace(result, replayed=False)

    async def bulk_add(
        self, namespace: str, episodes: Iterable[NewEpisode] | AsyncIterator[NewEpisode]
    ) -> AsyncIterator[ItemResult]:
        """See `MemoryClient.bulk_add`; the source may be asynchronous."""
        splitter = calls.BulkSplitter(text(namespace, "namespace"), self._caller.connection.max_message_bytes)
        sent_any = False
        async for episode in _any_source(episodes):
            if (stream := splitter.add(episode)) is not None:
                sent_any = True
                for result in await self._send(stream):
                    yield result
        stream = splitter.rest()
        if stream.count or not sent_any:
            for result in await self._send(stream):
                yield result

    async def _send(self, stream: calls.BulkStream) -> Iterable[ItemResult]:
        try:
            response = await self._caller.start(self._stub.BulkAdd, iter(stream.requests))
        except grpc.RpcError as failure:
            raise self._caller.error(failure) from None
        return stream.results(response)

    async def get(self, namespace: str, id: str, *, as_of: datetime | None = None) -> Episode:
        """See `MemoryClient.get`."""
        request = requests.get_request(namespace, id, as_of)
        response = await self._caller.unary(self._stub.Get, request, self._timeout, repeatable=True)
        return answers.get_episode(response.episode)

    async def list(self, namespace: str, **options: Unpack[ListOptions]) -> EpisodePage:
        """See `MemoryClient.list`."""
        request = requests.list_request(namespace, options)
        response = await self._caller.unary(self._stub.List, request, self._timeout, repeatable=True)
        return answers.get_episode_page(response)

    async def search(self, namespace: str, query: str, **options: Unpack[SearchOptions]) -> SearchResult:
        """See `MemoryClient.search`."""
        request = requests.search_request(namespace, query, options)
        timeout = calls.search_timeout(options, self._timeout)
        response = await self._caller.unary(self._stub.Search, request, timeout, repeatable=True)
        return answers.get_search_result(response)

    async def update(self, namespace: str, id: str, **changes: Unpack[UpdateOptions]) -> Episode:
        """See `MemoryClient.update`."""
        request = requests.update_request(namespace, id, changes)
        response = await self._caller.unary(self._stub.Update, request, self._timeout)
        return answers.get_episode(response.episode)

    async def delete(self, namespace: str, ids: str | Sequence[str]) -> Revision:
        """See `MemoryClient.delete`."""
        request = pb.DeleteRequest(namespace=text(namespace, "namespace"), ids=requests.ids_of(ids))
        return get_revision((await self._caller.unary(self._stub.Delete, request, self._timeout)).revision)

    async def purge(self, namespace: str, ids: str | Sequence[str]) -> Revision:
        """See `MemoryClient.purge`."""
        request = pb.PurgeRequest(namespace=text(namespace, "namespace"), ids=requests.ids_of(ids))
        return get_revision((await self._caller.unary(self._stub.Purge, request, self._timeout)).revision)

    async def history(self, namespace: str, id: str) -> tuple[Change, ...]:
        """See `MemoryClient.history`."""
        request = pb.HistoryRequest(namespace=text(namespace, "namespace"), id=text(id, "id"))
        response = await self._caller.unary(self._stub.History, request, self._timeout, repeatable=True)
        return answers.get_changes(response)

    async def list_namespaces(self, *, prefix: str = "", page_size: int = 100, page_token: str = "") -> NamespacePage:
        """See `MemoryClient.list_namespaces`."""
        request = requests.list_namespaces_request(prefix, page_size, page_token)
        response = await self._caller.unary(self._stub.ListNamespaces, request, self._timeout, repeatable=True)
        return answers.get_namespace_page(response)

    async def delete_namespace(self, namespace: str) -> None:
        """See `MemoryClient.delete_namespace`."""
        request = pb.DeleteNamespaceRequest(namespace=text(namespace, "namespace"))
        await self._caller.unary(self._stub.DeleteNamespace, request, self._timeout)

    async def export(self, namespace: str, *, live_only: bool = False) -> AsyncIterator[str]:
        """See `MemoryClient.export`."""
        request = pb.ExportRequest(namespace=text(namespace, "namespace"), live_only=boolean(live_only, "live_only"))
        async for response in self._caller.responses(self._stub.Export, request):
            for line in response.lines:
                yield line

    async def import_(self, namespace: str, lines: Iterable[str]) -> ImportResult:
        """See `MemoryClient.import_`. `lines` is drawn from in a worker thread."""
        namespace = text(namespace, "namespace")
        if isinstance(lines, str | bytes) or not isinstance(lines, Iterable):
            raise InvalidArgument("lines must be an iterable of JSON lines", field="lines")
        call = self._caller.start(self._stub.Import, None)
        source = calls.import_requests(namespace, lines)
        try:
            while (request := await asyncio.to_thread(next, source, None)) is not None:
                await call.write(request)
            await call.done_writing()
        except (grpc.RpcError, asyncio.InvalidStateError):
            pass  # the server answered before it had read everything: its status says why
        except BaseException:
            call.cancel()
            raise
        try:
            return answers.get_import_result(await call)
        except grpc.RpcError as failure:
            raise self._caller.error(failure) from None

    async def reembed(self, embedder: str) -> AsyncIterator[Progress]:
        """See `MemoryClient.reembed`."""
        request = pb.ReembedRequest(embedder=text(embedder, "embedder"))
        async for response in self._caller.responses(self._stub.Reembed, request):
            yield answers.get_progress(response.progress)

    async def consolidate(self, namespace: str) -> AsyncIterator[Progress]:
        """See `MemoryClient.consolidate`."""
        request = pb.ConsolidateRequest(namespace=text(namespace, "namespace"))
        async for response in self._caller.responses(self._stub.Consolidate, request):
            yield answers.get_progress(response.progress)

    async def list_tags(
        self, namespace: str, *, under: str = "", prefix: str = "", page_size: int = 100, page_token: str = ""
    ) -> TagPage:
        """See `MemoryClient.list_tags`."""
        request = requests.list_tags_request(namespace, under, prefix, page_size, page_token)
        return answers.get_tag_page(
            await self._caller.unary(self._stub.ListTags, request, self._timeout, repeatable=True)
        )

    async def edit_tags(self, namespace: str, edits: TagEdit | Sequence[TagEdit]) -> Revision:
        """See `MemoryClient.edit_tags`."""
        request = requests.edit_tags_request(namespace, edits)
        return get_revision((await self._caller.unary(self._stub.EditTags, request, self._timeout)).revision)

    async def retag(self, namespace: str, tagger: str = "") -> AsyncIterator[Progress]:
        """See `MemoryClient.retag`."""
        request = pb.RetagRequest(namespace=text(namespace, "namespace"), tagger=text(tagger, "tagger"))
        async for response in self._caller.responses(self._stub.Retag, request):
            yield answers.get_progress(response.progress)


async def _any_source(episodes: Any) -> AsyncIterator[Any]:
    if isinstance(episodes, AsyncIterator):
        async for one in episodes:
            yield one
    elif isinstance(episodes, str | bytes | Mapping) or not isinstance(episodes, Iterable):
        raise InvalidArgument("episodes must be an iterable of NewEpisode", field="episodes")
    else:
        for one in episodes:
            yield one


if TYPE_CHECKING:  # the type checker's proof that the methods are those of the engine
    _api: Callable[[AsyncCaller], AsyncMemoryAPI] = AsyncMemoryClient
