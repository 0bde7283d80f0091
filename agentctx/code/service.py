"""`engine.code`: maps of code bases. Indexes trees, keeps generations in memory, and answers from them."""

from __future__ import annotations

import base64
import binascii
import json
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar, Unpack

from agentctx.code.checks import check, check_options
from agentctx.code.codebases import Codebases, no_such_repository
from agentctx.code.freshness import Freshness
from agentctx.code.indexer import repository_of
from agentctx.code.pool import ExtractionPool
from agentctx.code.runs import LONGEST_NAME, Runs
from agentctx.config import Settings
from agentctx.embed.static import StaticEmbedder
from agentctx.errors import FailedPrecondition, InvalidArgument
from agentctx.store import Store
from agentctx.store.repositories import StoredRepository
from agentctx.types.code import (
    CodeMap,
    CodeSearchResult,
    Direction,
    EdgeKind,
    IndexProgress,
    NeighbourResult,
    Outline,
    Repository,
    RepositoryPage,
    ScoutResult,
    SourceText,
    SymbolResult,
)
from agentctx.types.code_api import CodeSearchOptions, ScoutOptions

if TYPE_CHECKING:
    from agentctx.code.codemap import Codebase

Answer = TypeVar("Answer", CodeSearchResult, SymbolResult, NeighbourResult, Outline, CodeMap, ScoutResult)


class Code:
    """Maps of code bases: index, list, search, symbol, neighbours, outline, map, scout. Implements `CodeAPI`.

    Thread-safe. Answers come from the generation that is published when the call begins, by whichever process; an
    `index` that runs meanwhile disturbs none. Design: FastCode (arXiv 2603.01012), see docs/code.md.
    """

    def __init__(self, store: Store, settings: Settings, *, pool: ExtractionPool | None = None) -> None:
        self._store = store.code
        self._settings = settings
        self._codebases = Codebases(store, settings.code)
        self._runs = Runs(store, settings.code, self._codebases, pool)
        self.own_files = self._runs.own_files
        """Where the store is, if it is a file: what is in it belongs to no tree."""
        self._freshness = Freshness(lambda repository: self.get(repository).generation.changed)
        # Always ours: another one may be remote, and code stays on this machine. It is loaded when it is first used.
        self._embedder = StaticEmbedder()

    # --- indexing -----------------------------------------------------------------------------------------------------

    def index(self, path: str, *, name: str = "", commit: str = "") -> Iterator[IndexProgress]:
        """See `CodeAPI.index`. Stages: walk, read, parse, resolve, build, publish, done.

        Raises Unavailable when another run over the same repository does not end in time (`code.wait`),
        AlreadyExists for a name that belongs to another root.
        """
        if not _text(path, "path"):
            raise InvalidArgument("path must name a folder", field="path")
        _text(commit, "commit")
        if name:
            _name(name)
        elif not isinstance(name, str):
            raise InvalidArgument("name must be a text", field="name")
        return self._index(path, name, commit)

    def _index(self, path: str, name: str, commit: str) -> Iterator[IndexProgress]:
        started = time.monotonic()
        for progress in self._runs.index(path, name, commit):
            if progress.report is not None:
                of = progress.report.repository.generation
                walked = progress.report.seconds.get("walk", time.monotonic() - started)
                self._freshness.note(of.repository, of.number, False, walked)
            yield progress

    # --- repositories -------------------------------------------------------------------------------------------------

    def list(self, *, page_size: int = 100, page_token: str = "") -> RepositoryPage:
        """See `CodeAPI.list`. A repository whose first index has not ended is not among them."""
        size = _whole(page_size, "page_size", 1, self._settings.limits.page_size)
        after = _after(page_token)
        found: list[Repository] = []
        while len(found) <= size:
            rows = self._store.page(after, size + 1)
            found += (repository_of(one, generation) for one, generation in rows if generation is not None)
            if len(rows) <= size:
                break
            after = rows[-1][0].name
        token = _token(found[size - 1].name) if len(found) > size else ""
        return RepositoryPage(tuple(found[:size]), token)

    def get(self, repository: str) -> Repository:
        """See `CodeAPI.get`."""
        stored, generation = self._published(repository)
        started = time.monotonic()
        changed = self._differs(stored, generation)
        self._freshness.note(repository, generation.number, changed, time.monotonic() - started)
        return repository_of(stored, generation, changed=changed)

    def remove(self, repository: str) -> None:
        """See `CodeAPI.remove`."""
        self._codebases.forget(self._store.remove(_name(repository, "repository")))
        self._freshness.forget(repository)

    # --- answers ------------------------------------------------------------------------------------------------------

    def search(self, repository: str, query: str, **options: Unpack[CodeSearchOptions]) -> CodeSearchResult:
        """See `CodeAPI.search`."""
        check(repository=repository, query=query)
        check_options(dict(options), CodeSearchOptions.__annotations__)
        from agentctx.code.search import search  # noqa: PLC0415 - a command that only indexes has no use for it

        return self._dated(search(self.codebase(repository), query, self._embedder, **options))

    def symbol(
        self, repository: str, name: str, *, kinds: Sequence[str] = (), path: str = "", k: int = 20
    ) -> SymbolResult:
        """See `CodeAPI.symbol`."""
        check(repository=repository, name=name, kinds=kinds, path=path, k=k)
        from agentctx.code.lookup import find  # noqa: PLC0415

        return self._dated(find(self.codebase(repository), name, kinds=kinds, path=path, k=k))

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
        """See `CodeAPI.neighbours`."""
        check(repository=repository, symbol=symbol, kinds=kinds, direction=direction, depth=depth, limit=limit)
        from agentctx.code.neighbours import neighbours  # noqa: PLC0415

        codebase = self.codebase(repository)
        found = neighbours(codebase, symbol, kinds=kinds, direction=direction, depth=depth, limit=limit)
        return self._dated(found)

    def outline(self, repository: str, path: str = "", *, depth: int = 0, limit: int = 1000) -> Outline:
        """See `CodeAPI.outline`."""
        check(repository=repository, path=path, depth=depth, limit=limit)
        from agentctx.code.outline import outline  # noqa: PLC0415

        return self._dated(outline(self.codebase(repository), path, depth=depth, limit=limit))

    def map(self, repository: str, *, budget: int = 2000, query: str = "", counter: str = "") -> CodeMap:
        """See `CodeAPI.map`."""
        check(repository=repository, budget=budget, query=query, counter=counter)
        from agentctx.code.overview import overview  # noqa: PLC0415
        from agentctx.text.tokens import DEFAULT_SPEC, KNOWN_SPECS, open_counter  # noqa: PLC0415

        if counter and counter not in KNOWN_SPECS:  # a file or an endpoint would be the caller's choice on our machine
            raise InvalidArgument(f"counter must be one of {', '.join(KNOWN_SPECS)}", field="counter")
        chosen = open_counter(counter or DEFAULT_SPEC)
        return self._dated(overview(self.codebase(repository), budget, query, counter=chosen))

    def scout(self, repository: str, query: str, **options: Unpack[ScoutOptions]) -> ScoutResult:
        """See `CodeAPI.scout`."""
        check(repository=repository, query=query)
        check_options(dict(options), ScoutOptions.__annotations__)
        from agentctx.code.scout import scout  # noqa: PLC0415

        given = self._settings.llm
        if not (options.get("llm") and given.model):
            return self._dated(scout(self.codebase(repository), query, **options))
        from agentctx.code.scout.judging import Judge  # noqa: PLC0415 - loads an HTTP client
        from agentctx.llm import open_chat  # noqa: PLC0415

        with closing(open_chat(given, os.environ)) as chat:
            return self._dated(scout(self.codebase(repository), query, judge=Judge(chat), **options))

    def source(self, repository: str, path: str, *, start_line: int = 1, end_line: int = 0) -> SourceText:
        """See `CodeAPI.source`."""
        check(repository=repository, path=path, start_line=start_line, end_line=end_line)
        from agentctx.code.source import source  # noqa: PLC0415

        codebase, root, of_commit = self._readable(repository)
        return source(codebase, root, path, start_line, end_line, of_commit=of_commit)

    def sources(self, repository: str, paths: Sequence[str]) -> dict[str, SourceText]:
        """Whole files by path, read together; without those that are not of the generation or cannot be read."""
        check(repository=repository)
        from agentctx.code.source import sources  # noqa: PLC0415

        codebase, root, of_commit = self._readable(repository)
        return sources(codebase, root, paths, of_commit=of_commit)

    def codebase(self, repository: str) -> Codebase:
        """The published generation in memory, for those who answer from it. Loads it if need be."""
        return self._codebases.current(_name(repository, "repository"))

    def close(self) -> None:
        """End the processes that parse, and looks at trees that are under way."""
        self._freshness.close()
        self._runs.close()

    # --- the rest -----------------------------------------------------------------------------------------------------

    def _dated(self, answer: Answer) -> Answer:
        """The answer, saying whether the tree has changed since, if somebody has looked a moment ago."""
        of = answer.generation
        changed = self._freshness.of(of.repository, of.number)
        return answer if changed is None else replace(answer, generation=replace(of, changed=changed))

    def _published(self, repository: str) -> tuple[StoredRepository, Any]:
        found = self._store.find(_name(repository, "repository"))
        generation = self._store.generation(found.id, found.generation) if found and found.generation else None
        if found is None or generation is None:
            raise no_such_repository(repository)
        return found, generation

    def _readable(self, repository: str) -> tuple[Codebase, str, bool]:
        """The published generation, its root, and whether it is of a commit."""
        stored, generation = self._published(repository)
        return self.codebase(repository), stored.root, json.loads(generation.summary).get("source") == "commit"

    def _differs(self, stored: StoredRepository, generation: Any) -> bool | None:
        from agentctx.code.comparison import differs  # noqa: PLC0415

        if json.loads(generation.summary).get("source") == "commit":
            return False
        try:
            tree = self._runs.tree(stored.root, "")
        except InvalidArgument:
            return True  # it is gone
        except FailedPrecondition:
            return None  # it may not be read: one such tree must not spoil a list of all
        if tree.commit != generation.commit:
            return True
        return differs(tree, {row.path: row for row in self._store.files(stored.id, generation.number)})


def _text(value: object, field: str) -> str:
    if not isinstance(value, str):
        raise InvalidArgument(f"{field} must be a text", field=field)
    if "\0" in value:
        raise InvalidArgument(f"{field} cannot hold a NUL character", field=field)
    check(**{field: value})
    return value


def _name(value: object, field: str = "name") -> str:
    name = _text(value, field)
    if not name or len(name) > LONGEST_NAME or not name.isprintable() or "/" in name:
        raise InvalidArgument(f"{field} must be 1 to {LONGEST_NAME} printable characters without a slash", field=field)
    return name


def _whole(value: object, field: str, least: int, most: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise InvalidArgument(f"{field} must be {least} to {most}", field=field)
    return value


def _token(after: str) -> str:
    return base64.urlsafe_b64encode(json.dumps(["repositories", 1, after]).encode()).decode()


def _after(token: str) -> str:
    if not token:
        return ""
    try:
        kind, version, after = json.loads(base64.urlsafe_b64decode(_text(token, "page_token")))
    except (ValueError, TypeError, binascii.Error):
        kind, version, after = "", 0, ""
    if (kind, version) != ("repositories", 1) or not isinstance(after, str):
        raise InvalidArgument("page_token must be one that a list of repositories returned", field="page_token")
    return after
