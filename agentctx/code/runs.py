"""Runs of `index` in one process: whose turn it is, which repository a tree is, and the processes that parse."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

from agentctx.code.codebases import Codebases, no_such_repository
from agentctx.code.git import is_git_folder
from agentctx.code.indexer import Indexer
from agentctx.code.lease import Lease
from agentctx.code.pool import ExtractionPool
from agentctx.code.quiet import uncollected
from agentctx.code.tree import Tree
from agentctx.config import CodeSettings
from agentctx.errors import AlreadyExists, InvalidArgument, StoreCorrupt, Unavailable
from agentctx.store import Store
from agentctx.store.repositories import FactsGone, StoredRepository
from agentctx.types.code import IndexProgress

LONGEST_NAME: Final = 200
_ATTEMPTS: Final = 3
_LOOK: Final = 0.1  # seconds between two looks whether it is our turn
_IDLE: Final = 60.0  # seconds that the processes which parse are kept for the next run
_CLOSING: Final = 5.0


class Runs:
    """Runs one after the other. Thread-safe. A `pool` that is given is closed by whoever gave it."""

    def __init__(self, store: Store, settings: CodeSettings, codebases: Codebases, pool: ExtractionPool | None) -> None:
        self._store = store.code
        self._settings = settings
        self._codebases = codebases
        self.own_files = str(store.path.resolve()) if store.path is not None else ""
        """Where the store is, if it is a file: what is in it belongs to no tree."""
        self._indexing = threading.Lock()  # the pool serves one run at a time
        self._resting: threading.Timer | None = None
        self._shared = pool is not None
        self._pool = pool or ExtractionPool(settings.workers or None, settings.parse_timeout)

    def index(self, path: str, name: str, commit: str) -> Iterator[IndexProgress]:
        """See `Code.index`; the arguments have been checked."""
        yield IndexProgress("walk", 0, None)
        started = time.perf_counter()
        with closing(self.tree(path, commit)) as tree:
            walked = time.perf_counter() - started
            repository = self._repository(tree.root, name)
        with Lease(self._store, repository.id, repository.name, self._settings.wait) as lease:
            waited = False
            for _ in lease.waiting():
                waited = True
                yield IndexProgress("wait", 0, None)
            while not self._indexing.acquire(timeout=_LOOK):
                waited = True
                yield IndexProgress("wait", 0, None)
            try:
                anew = False
                for attempt in range(_ATTEMPTS):
                    if waited or attempt:
                        started = time.perf_counter()
                        tree = self.tree(path, commit)
                        walked = time.perf_counter() - started
                    try:
                        with closing(tree), suppress(FactsGone):
                            yield from self._run(repository.name, tree, lease.owner, walked, anew=anew)
                            return
                    except StoreCorrupt:
                        if anew:
                            raise
                        anew = True
            finally:
                self._rest()
        # Another process has removed repositories all the while, and with them what they alone used.
        raise Unavailable("facts of this tree are removed as soon as they are made; try again", field="repository")

    def _run(self, name: str, tree: Tree, owner: str, walked: float, *, anew: bool) -> Iterator[IndexProgress]:
        repository = self._store.find(name)
        if repository is None:
            raise no_such_repository(name)
        indexer = Indexer(self._store, self._pool, self._codebases, self._settings.generations)
        yield from indexer.run(repository, tree, owner, walked, anew=anew)

    def _rest(self) -> None:
        """Let others index; end the processes that parse if nobody does for a while."""
        self._indexing.release()
        if self._shared:
            return
        if self._resting is not None:
            self._resting.cancel()
        self._resting = threading.Timer(_IDLE, self._end_processes)
        self._resting.daemon = True
        with suppress(RuntimeError):  # the interpreter is ending
            self._resting.start()

    def _end_processes(self) -> None:
        if self._indexing.acquire(blocking=False):
            try:
                self._pool.close()
            finally:
                self._indexing.release()

    def close(self) -> None:
        """End the processes that parse."""
        if self._resting is not None:
            self._resting.cancel()
        # A run that nobody goes on with or closes would hold this for ever.
        turn = self._indexing.acquire(timeout=_CLOSING)
        if not self._shared:
            self._pool.close()
        if turn:
            self._indexing.release()

    def tree(self, path: str, commit: str) -> Tree:
        """The folder at `path`, or that commit of the repository there."""
        # Both are needed for indexing only, and not light.
        from agentctx.code.commit_tree import CommitTree  # noqa: PLC0415
        from agentctx.code.tree import WorkTree  # noqa: PLC0415
        from agentctx.code.walk import WalkOptions  # noqa: PLC0415

        given = self._settings
        options = WalkOptions(given.submodules, given.largest_file, given.most_files)
        if commit:
            return CommitTree(path, commit, options)
        if is_git_folder(path):
            raise InvalidArgument("a bare git repository has commits only: name one, such as HEAD", field="commit")
        with uncollected():
            return WorkTree(path, options, self.own_files)

    def _repository(self, root: str, name: str) -> StoredRepository:
        """The repository that a root is indexed as, made now if there is none."""
        while True:
            found = self._store.find(name) if name else self._store.find_root(root)
            if found is not None and found.root != root:
                raise AlreadyExists(
                    f"the name {name!r} belongs to another root; choose another name, or remove that repository",
                    field="name",
                    id=name,
                )
            if found is not None:
                return found
            free = name or self._free_name(root)
            if not name and self._store.find_root(root) is not None:
                continue  # it may be why the plain name is taken: a root gets no second one by itself
            try:
                return self._store.create(free, root)
            except AlreadyExists:
                continue  # made by another meanwhile

    def _free_name(self, root: str) -> str:
        base = Path(root).name.removesuffix(".git")[: LONGEST_NAME - 10] or "root"
        base = "".join(one if one.isprintable() and one != "/" else "-" for one in base)
        name, number = base, 1
        while self._store.find(name) is not None:
            number += 1
            name = f"{base}-{number}"
        return name
