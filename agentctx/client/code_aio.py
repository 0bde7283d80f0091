"""`client.code` for asyncio."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Unpack

from agentctx.client.caller import AsyncCaller
from agentctx.convert import code_requests as requests
from agentctx.convert import code_results as results
from agentctx.convert.values import text
from agentctx.types import (
    AsyncCodeAPI,
    CodeMap,
    CodeSearchOptions,
    CodeSearchResult,
    Direction,
    EdgeKind,
    IndexProgress,
    NeighbourResult,
    Outline,
    Repository,
    RepositoryPage,
    ScoutOptions,
    ScoutResult,
    SourceText,
    SymbolResult,
)
from agentctx.v1 import code_service_pb2 as pb
from agentctx.v1.code_service_pb2_grpc import CodeServiceStub


class AsyncCodeClient:
    """The code bases of a server for asyncio. Implements `AsyncCodeAPI`; see `CodeClient`."""

    def __init__(self, caller: AsyncCaller) -> None:
        self._caller = caller
        self._stub: Any = CodeServiceStub(caller.channel)  # type: ignore[no-untyped-call]

    async def index(self, path: str, *, name: str = "", commit: str = "") -> AsyncIterator[IndexProgress]:
        """See `CodeClient.index`."""
        request = requests.index_request(path, name, commit)
        async with aclosing(self._caller.responses(self._stub.Index, request)) as responses:
            async for response in responses:
                yield results.get_index_progress(response)

    async def list(self, *, page_size: int = 100, page_token: str = "") -> RepositoryPage:
        """See `CodeClient.list`."""
        request = requests.list_request(page_size, page_token)
        return results.get_repository_page(await self._read(self._stub.List, request))

    async def get(self, repository: str) -> Repository:
        """See `CodeClient.get`."""
        request = pb.CodeServiceGetRequest(repository=text(repository, "repository"))
        return results.get_repository((await self._read(self._stub.Get, request)).repository)

    async def remove(self, repository: str) -> None:
        """See `CodeClient.remove`."""
        request = pb.CodeServiceRemoveRequest(repository=text(repository, "repository"))
        await self._caller.unary(self._stub.Remove, request, self._caller.connection.timeout)

    async def search(self, repository: str, query: str, **options: Unpack[CodeSearchOptions]) -> CodeSearchResult:
        """See `CodeClient.search`."""
        request = requests.search_request(repository, query, options)
        return results.get_search_result(await self._read(self._stub.Search, request))

    async def symbol(
        self, repository: str, name: str, *, kinds: Sequence[str] = (), path: str = "", k: int = 20
    ) -> SymbolResult:
        """See `CodeClient.symbol`."""
        request = requests.symbol_request(repository, name, kinds, path, k)
        return results.get_symbol_result(await self._read(self._stub.Symbol, request))

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
        """See `CodeClient.neighbours`."""
        request = requests.neighbours_request(repository, symbol, kinds, direction, depth, limit)
        return results.get_neighbour_result(await self._read(self._stub.Neighbours, request))

    async def outline(self, repository: str, path: str = "", *, depth: int = 0, limit: int = 1000) -> Outline:
        """See `CodeClient.outline`."""
        request = requests.outline_request(repository, path, depth, limit)
        return results.get_outline(await self._read(self._stub.Outline, request))

    async def map(self, repository: str, *, budget: int = 2000, query: str = "", counter: str = "") -> CodeMap:
        """See `CodeClient.map`."""
        request = requests.map_request(repository, budget, query, counter)
        return results.get_map(await self._read(self._stub.Map, request))

    async def scout(self, repository: str, query: str, **options: Unpack[ScoutOptions]) -> ScoutResult:
        """See `CodeClient.scout`."""
        request = requests.scout_request(repository, query, options)
        return results.get_scout_result(await self._read(self._stub.Scout, request))

    async def source(self, repository: str, path: str, *, start_line: int = 1, end_line: int = 0) -> SourceText:
        """See `CodeClient.source`."""
        request = requests.source_request(repository, path, start_line, end_line)
        return results.get_source(await self._read(self._stub.Source, request))

    async def _read(self, method: Any, request: Any) -> Any:
        return await self._caller.unary(method, request, self._caller.connection.timeout, repeatable=True)


if TYPE_CHECKING:  # the type checker's proof that the methods are those of the engine
    _api: Callable[[AsyncCaller], AsyncCodeAPI] = AsyncCodeClient
