"""`client.code`: the code bases of a server."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Unpack

from agentctx.client.caller import Caller
from agentctx.convert import code_requests as requests
from agentctx.convert import code_results as results
from agentctx.convert.values import text
from agentctx.types import (
    CodeAPI,
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


class CodeClient:
    """The code bases of a server. Implements `CodeAPI`: the methods, options, results and errors of `engine.code`.

    Paths are those of the server's machine. Reads are repeated up to three times while the server is unavailable.
    """

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._stub: Any = CodeServiceStub(caller.channel)  # type: ignore[no-untyped-call]

    def index(self, path: str, *, name: str = "", commit: str = "") -> Iterator[IndexProgress]:
        """Index a folder within those that the server was started with (`agentctx serve --code-root`).

        A relative path counts from the first of them that has it. Closing the iterator stops the server, and the last
        generation stays. Raises PermissionDenied for a path outside of them; needs the `index` grant.
        """
        return self._index(requests.index_request(path, name, commit))

    def _index(self, request: pb.CodeServiceIndexRequest) -> Iterator[IndexProgress]:
        stream = self._caller.responses(self._stub.Index, request)
        try:
            for response in stream:
                yield results.get_index_progress(response)
        finally:
            stream.close()

    def list(self, *, page_size: int = 100, page_token: str = "") -> RepositoryPage:
        """The indexed repositories that the token may list, by name."""
        return results.get_repository_page(self._read(self._stub.List, requests.list_request(page_size, page_token)))

    def get(self, repository: str) -> Repository:
        """One repository; its generation's `changed` says whether the tree differs by now."""
        request = pb.CodeServiceGetRequest(repository=text(repository, "repository"))
        return results.get_repository(self._read(self._stub.Get, request).repository)

    def remove(self, repository: str) -> None:
        """Forget a repository; the tree is not touched."""
        request = pb.CodeServiceRemoveRequest(repository=text(repository, "repository"))
        self._caller.unary(self._stub.Remove, request, self._caller.connection.timeout)

    def search(self, repository: str, query: str, **options: Unpack[CodeSearchOptions]) -> CodeSearchResult:
        """Files, symbols or chunks for words, identifiers or paths, best first."""
        request = requests.search_request(repository, query, options)
        return results.get_search_result(self._read(self._stub.Search, request))

    def symbol(
        self, repository: str, name: str, *, kinds: Sequence[str] = (), path: str = "", k: int = 20
    ) -> SymbolResult:
        """Symbols by id, qualified name, or part of it: `App.run`, `run`, `src/app.py::App.run:method`."""
        request = requests.symbol_request(repository, name, kinds, path, k)
        return results.get_symbol_result(self._read(self._stub.Symbol, request))

    def neighbours(
        self,
        repository: str,
        symbol: str,
        *,
        kinds: Sequence[EdgeKind] = (),
        direction: Direction = "both",
        depth: int = 1,
        limit: int = 100,
    ) -> NeighbourResult:
        """Callers, callees, imports, bases, subclasses, overrides, tests of a symbol (id or unambiguous name)."""
        request = requests.neighbours_request(repository, symbol, kinds, direction, depth, limit)
        return results.get_neighbour_result(self._read(self._stub.Neighbours, request))

    def outline(self, repository: str, path: str = "", *, depth: int = 0, limit: int = 1000) -> Outline:
        """The symbols of a file, or the folders and files of a folder."""
        request = requests.outline_request(repository, path, depth, limit)
        return results.get_outline(self._read(self._stub.Outline, request))

    def map(self, repository: str, *, budget: int = 2000, query: str = "", counter: str = "") -> CodeMap:
        """The best overview that fits `budget` tokens, for a task or in general."""
        request = requests.map_request(repository, budget, query, counter)
        return results.get_map(self._read(self._stub.Map, request))

    def scout(self, repository: str, query: str, **options: Unpack[ScoutOptions]) -> ScoutResult:
        """Where to look for a task: an issue text with traces, paths, identifiers and prose."""
        request = requests.scout_request(repository, query, options)
        return results.get_scout_result(self._read(self._stub.Scout, request))

    def source(self, repository: str, path: str, *, start_line: int = 1, end_line: int = 0) -> SourceText:
        """Lines of an indexed file (end_line 0: to the end)."""
        request = requests.source_request(repository, path, start_line, end_line)
        return results.get_source(self._read(self._stub.Source, request))

    def _read(self, method: Any, request: Any) -> Any:
        return self._caller.unary(method, request, self._caller.connection.timeout, repeatable=True)


if TYPE_CHECKING:  # the type checker's proof that the methods are those of the engine
    _api: Callable[[Caller], CodeAPI] = CodeClient
