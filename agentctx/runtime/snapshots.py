"""Snapshots of indexes in a folder beside the store: written in the background, read when an index is needed again.

A snapshot is never needed: whatever is wrong with one, it is deleted, and the index is made from the log. Nothing in
the folder outlives a purge: files bear the epoch that they are of, and whoever writes one looks at the head again
when it is in its place.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Generator, Mapping
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

from agentctx.errors import AgentctxError
from agentctx.index.analyzed import ANALYSIS
from agentctx.index.captured import Capture, capture, restore
from agentctx.index.episodes import EpisodeIndex
from agentctx.index.snapshot import BadSnapshot, read, write
from agentctx.runtime.housekeeping import Housekeeping
from agentctx.runtime.residency import IndexFactory
from agentctx.store import Store
from agentctx.types import Revision

_log = logging.getLogger(__name__)

FORMAT: Final = 1  # of what the arrays mean; index/snapshot.py has that of the file
_LEAST: Final = 1000  # new records below which an index in use is not written
_GROWTH: Final = 0.25
_PAYS: Final = 200  # records that take some 20 ms to read and analyse again
_AFTER_FAILURE: Final = 60.0  # seconds without another attempt
_SWEEP_AFTER: Final = 5.0


class Snapshots:
    """Keeps the indexes of one store. Thread-safe. Failing, it says so in `problem`."""

    def __init__(self, store: Store, make_index: IndexFactory, housekeeping: Housekeeping) -> None:
        self._store = store
        self._folder_found: Path | None = None
        self._make_index = make_index
        self._housekeeping = housekeeping
        self._identity = ""
        self._retry = 0.0
        self._swept = False
        self.problem = ""

    # --- reading ------------------------------------------------------------------------------------------------------

    def restore(self, namespace: str, head: Revision) -> EpisodeIndex | None:
        """The index that the namespace's snapshot holds, if there is a good one of this epoch."""
        self._sweep_once()
        path = self._path(namespace, head.epoch)
        if not path.exists():
            return None
        empty = self._make_index(Revision(head.epoch, 0))  # refuses if the embedder is another one by now
        try:
            meta, arrays = read(path)
            self._check(meta, namespace, head, empty)
            index = restore(meta["index"], arrays, empty.dimensions, empty.embedder_key)
        except (FileNotFoundError, AgentctxError):
            return None
        except OSError as error:
            self._fail("read", error)
            return None
        except Exception as error:  # whatever a file says that is not what it should be
            _log.warning("a snapshot is of no use and was removed (%s); the index is made from the log", _what(error))
            with suppress(OSError):
                path.unlink()
            return None
        index.saved = index.revision
        return index

    def _check(self, meta: Mapping[str, Any], namespace: str, head: Revision, empty: EpisodeIndex) -> None:
        expected = self._about(namespace, empty)
        given = {name: meta.get(name) for name in expected}
        if given != expected:
            raise BadSnapshot("it is of another store, embedder or version")
        held = meta["index"]
        if held["epoch"] != head.epoch or held["sequence"] > head.sequence:
            raise BadSnapshot("the log is behind it")
        if held["rows"]:
            recorded = self._store.recorded_at(namespace, held["last_sequence"])
            if recorded != held["last_recorded"]:
                raise BadSnapshot("the log is another one")

    # --- writing ------------------------------------------------------------------------------------------------------

    def due(self, index: EpisodeIndex) -> bool:
        """Whether so much has come to an index in use since the last time that it should be written."""
        return self._behind(index) >= max(_LEAST, _GROWTH * len(index)) and self._may(index)

    def pays(self, index: EpisodeIndex) -> bool:
        """Whether writing an index that leaves memory is cheaper than making it again."""
        return self._behind(index) >= _PAYS and self._may(index)

    def save(self, namespace: str, index: EpisodeIndex) -> None:
        """Write an index that leaves memory here and now, if it pays."""
        if self.pays(index):
            index.tidy(whole=True)
            for _ in self.writing(namespace, index, capture(index)):
                pass

    def _may(self, index: EpisodeIndex) -> bool:
        return not index.without_vector and time.monotonic() >= self._retry

    @staticmethod
    def _behind(index: EpisodeIndex) -> int:
        return index.revision.sequence - (index.saved.sequence if index.saved is not None else 0)

    def writing(self, namespace: str, index: EpisodeIndex, captured: Capture) -> Generator[None, None, None]:
        """Write what an index was when it was captured, in small steps. Does not fail: see `problem`."""
        try:
            path = self._path(namespace, captured.revision.epoch)
            meta = self._about(namespace, index) | {"index": captured.meta}
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            yield from write(path, meta, captured.arrays)
        except FileNotFoundError:
            return  # somebody purged, and removed what was being written
        except (OSError, AgentctxError) as error:
            self._fail("write", error)
            return
        if not self._is_of_now(namespace, captured.revision.epoch):
            self.forget(namespace)
            return
        index.saved = captured.revision
        self.problem = ""

    def _is_of_now(self, namespace: str, epoch: int) -> bool:
        try:
            head = self._store.head(namespace)
        except AgentctxError:
            return False
        return head is not None and head.epoch == epoch

    def _fail(self, doing: str, error: OSError | AgentctxError) -> None:
        self._retry = time.monotonic() + _AFTER_FAILURE
        why = error.strerror if isinstance(error, OSError) and error.strerror else _what(error)
        problem = f"cannot {doing} snapshots of indexes beside {self._store.url}: {why}"
        if problem != self.problem:
            _log.warning("%s; nothing is lost, but opening the store again takes longer", problem)
        self.problem = problem

    # --- removing -----------------------------------------------------------------------------------------------------

    def forget(self, namespace: str) -> None:
        """Remove what is kept of a namespace, and what is being written of it. O(files)."""
        self._remove(_file_name(namespace) + "-*")

    def clear(self) -> None:
        """Remove everything."""
        self._remove("*")

    def _remove(self, pattern: str) -> None:
        try:
            for ending in (".idx", ".tmp"):
                for path in self._folder.glob(pattern + ending):
                    with suppress(FileNotFoundError):
                        path.unlink()
        except OSError as error:
            self._fail("remove", error)

    def _sweep_once(self) -> None:
        if not self._swept:
            self._swept = True
            if self._folder.is_dir():
                self._housekeeping.submit("sweep", self.sweep, delay=_SWEEP_AFTER)

    def sweep(self) -> Generator[None, None, None]:
        """Remove what is of no namespace or of an earlier epoch, and what processes that ended left half written."""
        files = [path for path in self._folder.glob("*") if path.suffix in (".idx", ".tmp")]
        yield
        alive: set[str] = set()
        after = ""
        while page := self._store.list_namespaces(after=after, limit=200):
            alive.update(f"{_file_name(one.name)}-{one.revision.epoch}" for one in page)
            after = page[-1].name
            yield
        for path in files:
            name = path.name.split(".", 1)[0]
            if name not in alive or (path.suffix == ".tmp" and not _is_running(path)):
                with suppress(OSError):
                    path.unlink()
                yield

    @property
    def _folder(self) -> Path:
        if self._folder_found is None:
            self._folder_found = folder_for(self._store)
        return self._folder_found

    # --- names --------------------------------------------------------------------------------------------------------

    def _path(self, namespace: str, epoch: int) -> Path:
        return self._folder / f"{_file_name(namespace)}-{epoch}.idx"

    def _about(self, namespace: str, index: EpisodeIndex) -> dict[str, Any]:
        """What a snapshot must say to be one of this index."""
        if not self._identity:
            self._identity = self._store.identity()
        return {
            "format": FORMAT,
            "store": self._identity,
            "namespace": namespace,
            "embedder": index.embedder_key,
            "dimensions": index.dimensions,
            "analysis": ANALYSIS,
        }


def folder_for(store: Store) -> Path:
    """Where the snapshots of a store belong: beside its file, or in the user's cache."""
    if store.path is not None:
        return store.path.with_name(store.path.name + ".index")
    from platformdirs import user_cache_path  # noqa: PLC0415 - not needed for a file

    key = blake2b(f"{store.url}\n{store.identity()}".encode(), digest_size=16).hexdigest()
    return user_cache_path("agentctx", appauthor=False) / "index" / key


def remove_all(store: Store) -> None:
    """Remove the snapshots of a store, as its vectors are about to be others."""
    for path in folder_for(store).glob("*"):
        if path.suffix in (".idx", ".tmp"):
            with suppress(OSError):
                path.unlink()


def _file_name(namespace: str) -> str:
    return blake2b(namespace.encode(), digest_size=16).hexdigest()


def _is_running(path: Path) -> bool:
    """Whether the process that writes a temporary file is still there."""
    try:
        os.kill(int(path.name.rsplit(".", 2)[1].split("-")[0]), 0)
    except ProcessLookupError:
        return False
    except (ValueError, IndexError):
        return False
    except OSError:
        return True
    return True


def _what(error: BaseException) -> str:
    return str(error) or type(error).__name__
