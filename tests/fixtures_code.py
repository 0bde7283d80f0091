"""A code service without code: canned answers, and a note of each call. For tests of what carries `CodeAPI`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from agentctx.errors import NotFound
from agentctx.types import (
    Anchor,
    CodeHit,
    CodeMap,
    CodeSearchResult,
    FileProblem,
    Generation,
    IndexProgress,
    IndexReport,
    NeighbourResult,
    Outline,
    OutlineEntry,
    Relation,
    Repository,
    RepositoryPage,
    ScoutResult,
    ScoutStep,
    SourceText,
    Symbol,
    SymbolResult,
)

AT = datetime(2024, 5, 1, 12, 30, 15, 123456, tzinfo=UTC)
GENERATION = Generation("website", 3, "1a2b3c4d5e6f7a8b9c0d", "main", None, AT)
RUN = Symbol(
    "src/app.py::App.run:method", "src/app.py", "run", "App.run", "method", "python", 10, 20, "def run(self)", "Runs."
)
FOLDER = Symbol("src", "src", "src", "src", "folder", "", 0, 0)
WEBSITE = Repository("website", "/srv/website", GENERATION, 3, 12, 34, {"python": 2, "markdown": 1})
REPORT = IndexReport(
    WEBSITE,
    True,
    1,
    2,
    2,
    0,
    {"calls": 30, "contains": 4},
    {"scope": 20, "import": 9, "unresolved": 1},
    (FileProblem("a.bin", "binary"),),
    (FileProblem("broken.py", "syntax error at line 3"),),
    {"walk": 0.25, "facts": 1.5},
)


class FakeCode:
    """Implements `CodeAPI` for the repositories given. `calls` holds (method, arguments, options) of each call."""

    def __init__(self, *names: str) -> None:
        self.names = sorted(names or ("website",))
        self.calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []
        self.closed = 0

    def index(self, path: str, *, name: str = "", commit: str = "") -> Iterator[IndexProgress]:
        self.calls.append(("index", (path,), {"name": name, "commit": commit}))
        try:
            yield IndexProgress("walk", 0, None)
            yield IndexProgress("facts", 2, 3)
            yield IndexProgress("done", 3, 3, REPORT)
        finally:
            self.closed += 1

    def list(self, *, page_size: int = 100, page_token: str = "") -> RepositoryPage:
        self.calls.append(("list", (), {"page_size": page_size, "page_token": page_token}))
        left = [name for name in self.names if name > page_token]
        page = tuple(self._repository(name) for name in left[:page_size])
        return RepositoryPage(page, page[-1].name if len(left) > page_size else "")

    def get(self, repository: str) -> Repository:
        self._called("get", repository)
        return self._repository(repository, changed=True)

    def remove(self, repository: str) -> None:
        self._called("remove", repository)
        self.names.remove(repository)

    def search(self, repository: str, query: str, **options: Any) -> CodeSearchResult:
        self._called("search", repository, query, **options)
        hit = CodeHit(RUN, 10, 12, 1.5, {"name": 1.0, "doc": 0.5}, "it bears the name")
        return CodeSearchResult((hit,), GENERATION, {"plan": 0.5, "find": 1.25})

    def symbol(
        self, repository: str, name: str, *, kinds: Sequence[str] = (), path: str = "", k: int = 20
    ) -> SymbolResult:
        self._called("symbol", repository, name, kinds=kinds, path=path, k=k)
        return SymbolResult((RUN,), 1 if name == "run" else 0, GENERATION)

    def neighbours(self, repository: str, symbol: str, **options: Any) -> NeighbourResult:
        self._called("neighbours", repository, symbol, **options)
        found = (
            Relation("calls", RUN.id, RUN, "in", 1, 15, 0.9, "import"),
            Relation("tests", RUN.id, RUN, "out", 2, 0, 1.0, "scope"),
        )
        return NeighbourResult(RUN, found, True, GENERATION)

    def outline(self, repository: str, path: str = "", *, depth: int = 0, limit: int = 1000) -> Outline:
        self._called("outline", repository, path, depth=depth, limit=limit)
        return Outline(path, (OutlineEntry(FOLDER, 0, 100), OutlineEntry(RUN, 1, 7)), False, GENERATION)

    def map(self, repository: str, *, budget: int = 2000, query: str = "", counter: str = "") -> CodeMap:
        self._called("map", repository, budget=budget, query=query, counter=counter)
        return CodeMap("src/app.py\n  def run(self)\n", 9, budget, "o200k_base", 1, 1, GENERATION)

    def scout(self, repository: str, query: str, **options: Any) -> ScoutResult:
        self._called("scout", repository, query, **options)
        return ScoutResult(
            (CodeHit(RUN, 10, 20, 0.75, {}, "named"),),
            ("src/app.py",),
            (Anchor("identifier", "run", 0.5, 2),),
            (ScoutStep(1, "search", 9, 4, 0.5, 120, 0.25),),
            0.5,
            "sure enough",
            120,
            replace(GENERATION, changed=False),
            ("no model is configured",),
            {"seed": 2.0, "expand": 1.0},
        )

    def source(self, repository: str, path: str, *, start_line: int = 1, end_line: int = 0) -> SourceText:
        self._called("source", repository, path, start_line=start_line, end_line=end_line)
        if path != "src/app.py":
            raise NotFound(f"{repository} has no file {path!r}", field="path", path=path)
        return SourceText(path, start_line, end_line or 20, "def run(self):\n    pass\n", True, GENERATION)

    def _called(self, method: str, repository: str, *arguments: Any, **options: Any) -> None:
        self.calls.append((method, (repository, *arguments), options))
        if repository not in self.names:
            raise NotFound(f"no repository {repository!r}", field="repository", repository=repository)

    def _repository(self, name: str, *, changed: bool | None = None) -> Repository:
        return replace(WEBSITE, name=name, generation=replace(GENERATION, repository=name, changed=changed))
