"""Which generations are in memory: one for each repository that is asked about, as long as there is room."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from agentctx.code.building import Behind, Builder
from agentctx.code.codemap import Codebase
from agentctx.code.snapshots import Snapshots
from agentctx.config import CodeSettings
from agentctx.errors import NotFound, StoreCorrupt, Unavailable
from agentctx.ids import from_micros
from agentctx.store import Store
from agentctx.store.repositories import FileRow, StoredGeneration
from agentctx.types.code import Generation

DAMAGED: Final = "damaged"
"""The producer of the note that a generation cannot be read: the next run makes everything anew."""
_ATTEMPTS: Final = 5
_MOST_NEW: Final = 0.3  # of the files; from there on building anew is as quick
_MOST_BEHIND: Final = 0.05
_LEAST_BEHIND: Final = 64
_OBJECT: Final = 200  # bytes of what Python keeps of a path beside its text, here and there


def no_such_repository(name: str) -> NotFound:
    """What is said of a repository that does not exist, or that the caller may not see."""
    return NotFound(f"no repository {name!r}", field="repository", repository=name)


def generation_of(name: str, stored: StoredGeneration) -> Generation:
    """A generation as answers name it."""
    return Generation(name, stored.number, stored.commit, stored.branch, None, from_micros(stored.indexed_at))


@dataclass(slots=True)
class _Place:
    codebase: Codebase | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def holds(self, number: int) -> Codebase | None:
        """The generation of this number, if it is the one held."""
        codebase = self.codebase
        return codebase if codebase is not None and codebase.generation.number == number else None


class _Dropped(Exception):
    """The generation left the store while it was loaded: others have been published meanwhile."""


class Codebases:
    """Generations in memory. Thread-safe: a reader that waits for one to be loaded holds up no other repository."""

    def __init__(self, store: Store, settings: CodeSettings) -> None:
        self._store = store.code
        self._snapshots = Snapshots(store, enabled=settings.snapshots)
        self._budget = settings.memory_bytes
        self._lock = threading.Lock()
        self._places: OrderedDict[int, _Place] = OrderedDict()

    def current(self, name: str) -> Codebase:
        """The published generation of a repository, whichever process published it. Raises NotFound."""
        for _ in range(_ATTEMPTS):
            head = self._store.head(name)
            if head is None or not head[1]:
                raise no_such_repository(name)
            repository, number = head
            place = self._place(repository)
            codebase = place.holds(number)
            if codebase is not None:
                return codebase
            with place.lock, suppress(_Dropped):
                codebase = place.holds(number) or self._load(name, repository, number)
                place.codebase = codebase
                self._evict(repository)
                return codebase
        raise Unavailable(
            f"{name!r} is indexed again faster than it can be loaded; try again, or raise code.generations",
            field="repository",
        )

    def nearest(self, repository: int, number: int, files: int) -> Behind | None:
        """A generation of so many files as it is in memory or kept on disk, perhaps an earlier one; not built for the
        asking, and not brought up to date.
        """
        place = self._place(repository)
        codebase = place.holds(number)
        if codebase is not None:
            return Behind(codebase)
        with place.lock:
            stored = self._store.generation(repository, number)
            return None if stored is None else self._kept(repository, number, files, generation_of("", stored))

    def published(self, repository: int, codebase: Codebase, files: Sequence[FileRow]) -> None:
        """Take in a generation that was just published, and keep it on disk if it differs much from what is there."""
        place = self._place(repository)
        with place.lock:
            number = codebase.generation.number
            place.codebase = codebase
            kept = self._snapshots.newest(repository, number)
            if not kept or self._behind(repository, number, kept) > max(_LEAST_BEHIND, _MOST_BEHIND * len(files)):
                self._snapshots.write(repository, codebase)
        self._evict(repository)

    def forget(self, repository: int) -> None:
        """Let go of a repository that was removed."""
        with self._lock:
            self._places.pop(repository, None)
        self._snapshots.forget(repository)

    def _place(self, repository: int) -> _Place:
        with self._lock:
            place = self._places.setdefault(repository, _Place())
            self._places.move_to_end(repository)
            return place

    def _load(self, name: str, repository: int, number: int) -> Codebase:
        stored = self._store.generation(repository, number)
        if stored is None:
            raise _Dropped
        of = generation_of(name, stored)
        rows = self._store.files(repository, number)
        kept = self._kept(repository, number, len(rows), of)
        codebase = None
        if kept is not None:
            codebase = Builder(self._store, repository, number).caught_up(kept, rows, of)
        if codebase is None:
            try:
                codebase = Builder(self._store, repository, number).whole(rows, {}, of)
            except StoreCorrupt:
                self._check_kept(repository, number)
                self._store.put_state(repository, DAMAGED, number, b"")
                raise
            self._check_kept(repository, number)
            self._snapshots.write(repository, codebase)
        self._check_kept(repository, number)
        return codebase

    def _check_kept(self, repository: int, number: int) -> None:
        """Whether all that was read of the generation was there: it is dropped with its rows, in one transaction."""
        if self._store.generation(repository, number) is None:
            raise _Dropped

    def _kept(self, repository: int, number: int, size: int, of: Generation) -> Behind | None:
        """The newest generation on disk and what came after it; None if there is none, or too much."""
        self._snapshots.later(repository, number)
        kept = self._snapshots.newest(repository, number)
        if not kept or self._behind(repository, number, kept) > _MOST_NEW * size + _LEAST_BEHIND:
            return None
        codebase = self._snapshots.read(repository, kept, of)
        if codebase is None or kept == number:
            return None if codebase is None else Behind(codebase)
        return Behind(codebase, *self._store.since(repository, number, kept))

    def _behind(self, repository: int, number: int, kept: int) -> int:
        if kept == number:
            return 0
        files, edges = self._store.since(repository, number, kept)
        return len(files) + len(edges)

    def _evict(self, keep: int) -> None:
        """Let the longest unused go while all together are over the budget; never the one in use."""
        with self._lock:
            sizes = {key: codebase_bytes(one.codebase) for key, one in self._places.items() if one.codebase}
            for key in list(sizes):
                if key != keep and sum(sizes.values()) > self._budget:
                    self._places.pop(key, None)
                    del sizes[key]


def codebase_bytes(codebase: Codebase) -> int:
    """About what a generation takes in memory."""
    own = (codebase.columns, codebase.local, codebase.folded, codebase.offsets, codebase.file_of)
    size = sum(one.nbytes for one in own) + len(codebase.strings)
    for arrays in (one.arrays() for one in (codebase.words, codebase.file_words, codebase.path_words)):
        size += sum(one.nbytes for one in arrays.values())
    size += sum(one.nbytes for one in codebase.graph.arrays().values())
    return size + sum(len(one) + _OBJECT for one in codebase.paths)
