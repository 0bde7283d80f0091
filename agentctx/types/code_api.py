"""The code service as a Protocol: the engine, and each client, provides it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Protocol, TypedDict, Unpack

from agentctx.types.code import (
    CodeMap,
    CodeSearchResult,
    Direction,
    EdgeKind,
    Granularity,
    IndexProgress,
    NeighbourResult,
    Outline,
    Repository,
    RepositoryPage,
    ScoutResult,
    SourceText,
    SymbolResult,
)


class CodeSearchOptions(TypedDict, total=False):
    """What narrows and shapes `search` in code.

    k: how many hits. granularity: "file", "symbol" (default) or "chunk". path: a folder or file prefix, or a glob.
    language, kinds: only those. tests, vendored: whether such files take part at all (default: yes, ranked lower).
    """

    k: int
    granularity: Granularity
    path: str
    language: str
    kinds: Sequence[str]
    tests: bool
    vendored: bool
    explain: bool


class ScoutOptions(TypedDict, total=False):
    """What bounds `scout`. budget: tokens of structure (default 2,000). k: hits at most (default 50).

    path narrows as in a search. tests: whether test code may be a hit (default: no; a query that speaks of tests
    ranks them all the same). llm: whether the configured model may rewrite the query and judge confidence.
    """

    budget: int
    k: int
    path: str
    tests: bool
    llm: bool


class CodeAPI(Protocol):
    """Maps of code bases. Every answer names the generation that it speaks of.

    All methods raise NotFound for an unknown repository, InvalidArgument for bad input.
    """

    def index(self, path: str, *, name: str = "", commit: str = "") -> Iterator[IndexProgress]:
        """Index the folder at `path` (or bring its index up to date), and publish a generation.

        name: what the repository is called; default: the folder's name, made unique. commit: index that commit of a
        git repository, bare or not, instead of its work tree. Stop iterating to cancel: the last generation stays.
        Raises InvalidArgument for no folder, FailedPrecondition for one that cannot be read or is too large,
        PermissionDenied outside the allowed roots.
        """

    def list(self, *, page_size: int = 100, page_token: str = "") -> RepositoryPage:
        """The indexed repositories by name."""

    def get(self, repository: str) -> Repository:
        """One repository; its generation's `changed` says whether the tree differs by now. Walks the tree."""

    def remove(self, repository: str) -> None:
        """Forget a repository; facts that no other generation uses go with it. The tree is not touched."""

    def search(self, repository: str, query: str, **options: Unpack[CodeSearchOptions]) -> CodeSearchResult:
        """Files, symbols or chunks for words, identifiers or paths, best first."""

    def symbol(
        self, repository: str, name: str, *, kinds: Sequence[str] = (), path: str = "", k: int = 20
    ) -> SymbolResult:
        """Symbols by id, qualified name, or part of it: `App.run`, `run`, `src/app.py::App.run:method`."""

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
        """Callers, callees, imports, bases, subclasses, overrides, tests of a symbol (id or unambiguous name).

        No kinds: all but contains. Raises NotFound for an unknown symbol, with the nearest names.
        """

    def outline(self, repository: str, path: str = "", *, depth: int = 0, limit: int = 1000) -> Outline:
        """The symbols of a file, or the folders and files of a folder (FastCode's directory traversal).

        depth: how far down, 0 for all of a file and one level of a folder.
        """

    def map(self, repository: str, *, budget: int = 2000, query: str = "", counter: str = "") -> CodeMap:
        """The best overview that fits `budget` tokens, for a task or in general. counter: see docs/tokens.md."""

    def scout(self, repository: str, query: str, **options: Unpack[ScoutOptions]) -> ScoutResult:
        """Where to look for a task: an issue text with traces, paths, identifiers and prose. Deterministic."""

    def source(self, repository: str, path: str, *, start_line: int = 1, end_line: int = 0) -> SourceText:
        """Lines of an indexed file (end_line 0: to the end). The only call that returns text."""


class AsyncCodeAPI(Protocol):
    """The asyncio twin of CodeAPI: the same methods, results and errors."""

    def index(self, path: str, *, name: str = "", commit: str = "") -> AsyncIterator[IndexProgress]: ...

    async def list(self, *, page_size: int = 100, page_token: str = "") -> RepositoryPage: ...

    async def get(self, repository: str) -> Repository: ...

    async def remove(self, repository: str) -> None: ...

    async def search(self, repository: str, query: str, **options: Unpack[CodeSearchOptions]) -> CodeSearchResult: ...

    async def symbol(
        self, repository: str, name: str, *, kinds: Sequence[str] = (), path: str = "", k: int = 20
    ) -> SymbolResult: ...

    async def neighbours(
        self,
        repository: str,
        symbol: str,
        *,
        kinds: Sequence[EdgeKind] = (),
        direction: Direction = "both",
        depth: int = 1,
        limit: int = 100,
    ) -> NeighbourResult: ...

    async def outline(self, repository: str, path: str = "", *, depth: int = 0, limit: int = 1000) -> Outline: ...

    async def map(self, repository: str, *, budget: int = 2000, query: str = "", counter: str = "") -> CodeMap: ...

    async def scout(self, repository: str, query: str, **options: Unpack[ScoutOptions]) -> ScoutResult: ...

    async def source(self, repository: str, path: str, *, start_line: int = 1, end_line: int = 0) -> SourceText: ...
