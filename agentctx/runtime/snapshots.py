"""Snapshots of indexes in a folder beside the store: written in the background, read when an index is needed again.

A snapshot is never needed: whatever is wrong with one, it is deleted, and the index is made from the log. Nothing in
the folder outlives a purge: files bear the epoch that they are of, and whoever writes one looks at the head again
when it is in its place. A file that cannot be removed is told (`left`), and tried again at writes and openings.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Generator, Iterable, Mapping
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

from agentctx.errors import AgentctxError
from agentctx.index.analyzed import ANALYSIS
from agentctx.index.captured import Capture, capture, restoring
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
_PAYS: Final = 64  # records that take some 6 ms to read and analyse again: longer than to open a snapshot
_PAYS_LAST: Final = 200  # the same at the end, which many namespaces must not put off
_AFTER_FAILURE: Final = 60.0  # seconds without another attempt
_SWEEP_AFTER: Final = 5.0
_LITTER: Final = 60.0  # seconds between two looks for what was left half written
_FEW: Final = 200  # namespaces that are looked through when an engine is closed
_SHOWN: Final = 5  # files that a message names
_ENDINGS: Final = (".idx", ".tmp")
_ABANDONED: Final = 3600.0  # seconds without a byte written to it: nobody writes a snapshot any more


class Snapshots:
    """Keeps the indexes of one store. Thread-safe. Failing, it says so in `problem` and `left`."""

    def __init__(self, store: Store, make_index: IndexFactory, housekeeping: Housekeeping) -> None:
        self._store = store
        self._folder_found: Path | None = None
        self._make_index = make_index
        self._housekeeping = housekeeping
        self._identity = ""
        self._retry = self._litter = 0.0
        self._swept = self._swept_whole = False
        self._left: dict[str, str] = {}  # files that should be gone, and why they are not
        self.problem = ""

    # --- reading ------------------------------------------------------------------------------------------------------

    def restoring(self, namespace: str, head: Revision) -> Generator[None, None, EpisodeIndex | None]:
        """Make the index that the namespace's snapshot holds, if there is a good one of this epoch; in small steps."""
        self._sweep_once()
        path = self._path(namespace, head.epoch)
        if not path.exists():
            return None
        index = self._make_index(Revision(head.epoch, 0))  # refuses if the embedder is another one by now
        try:
            _make_way(path)
            meta, arrays = read(path)
            yield
            self._check(meta, namespace, head, index)
            yield from restoring(index, meta["index"], arrays)
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

    def _check(self, meta: Mapping[str, Any], namespace: str, head: Revision, index: EpisodeIndex) -> None:
        expected = self._about(namespace, index)
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

    def pays(self, index: EpisodeIndex, *, last: bool = False) -> bool:
        """Whether writing an index that leaves memory is cheaper than making it again. last: the engine ends."""
        return self._behind(index) >= (_PAYS_LAST if last else _PAYS) and self._may(index)

    def save(self, namespace: str, index: EpisodeIndex) -> None:
        """Write an index that leaves memory here and now, if it pays."""
        if self.pays(index, last=True):
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
            if time.monotonic() >= self._litter:
                self._litter = time.monotonic() + _LITTER
                self._sweep_temporary()
            _make_way(path)
            yield from write(path, meta, captured.arrays)
        except FileNotFoundError:
            return  # somebody purged, and removed what was being written
        except (OSError, AgentctxError) as error:
            self._fail("write", error)
            return
        if not self._is_of_now(namespace, captured.revision.epoch):
            self.forget(namespace)
            return
        self._left.pop(str(path), None)  # another one is in its place
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
        problem = f"cannot {doing} snapshots of indexes beside {self._store.url}: {_why(error)}"
        if problem != self.problem:
            _log.warning("%s; nothing is lost, but opening the store again takes longer", problem)
        self.problem = problem

    # --- removing -----------------------------------------------------------------------------------------------------

    @property
    def left(self) -> str:
        """What is still there though it should be gone, and why; "" where nothing is."""
        return _told(dict(self._left))

    def left_of(self, namespace: str) -> str:
        """As `left`, of one namespace; a folder that cannot be read is of all."""
        start = _file_name(namespace) + "-"
        left, folder = dict(self._left), str(self._folder)
        return _told({one: why for one, why in left.items() if one == folder or Path(one).name.startswith(start)})

    def forget(self, namespace: str) -> None:
        """Remove what is kept of a namespace, and what is being written of it. O(files). Does not fail: see `left`."""
        self._remove(_file_name(namespace) + "-")

    def clear(self) -> None:
        """Remove everything. Does not fail: see `left`."""
        self._remove("")

    def _remove(self, prefix: str) -> None:
        try:
            names = _listed(self._folder)
        except (OSError, AgentctxError) as error:
            self._note({str(self._folder): _why(error)})
        else:
            self._discard(self._folder / name for name in names if name.startswith(prefix))

    def _discard(self, paths: Iterable[Path]) -> None:
        self._note(_discarded(paths, self._left))

    def _note(self, failed: dict[str, str]) -> None:
        new = failed.keys() - self._left.keys()
        self._left.update(failed)
        if new:
            _log.warning("%s; the next write or opening tries again", _told(failed))

    def written(self) -> None:
        """Something was written to the store: try again what could not be removed."""
        self._sweep_once()
        if self._left:
            self._try_again()

    def _try_again(self) -> None:
        again, folder = tuple(self._left), str(self._folder)
        if folder in again:
            try:
                _listed(self._folder)
            except OSError:
                return
            self._left.pop(folder, None)
            self._swept_whole = False
            self._housekeeping.submit("sweep", self.sweep)
        self._discard(Path(one) for one in again if one != folder)

    def finish(self) -> None:
        """The engine ends: remove what should be gone, as far as that is quick. Does not fail: see `left`."""
        try:
            if self._left:
                self._try_again()
            if not self._files():
                return
            if self._swept_whole or len(self._store.list_namespaces(limit=_FEW)) == _FEW:
                self._sweep_temporary()
            else:
                for _ in self.sweep():
                    pass
        except (OSError, AgentctxError) as error:
            _log.debug("snapshots were not looked through at the end: %s", _what(error))

    def _files(self) -> list[str]:
        try:
            return _listed(self._folder)
        except OSError:
            return []

    def _sweep_once(self) -> None:
        if not self._swept:
            self._swept = True
            with suppress(OSError, AgentctxError):  # whoever comes next looks, too
                if self._folder.is_dir():
                    self._housekeeping.submit("sweep", self.sweep, delay=_SWEEP_AFTER)

    def _sweep_temporary(self) -> None:
        """Remove what processes that ended left half written: cheap, as it asks the system alone."""
        paths = (self._folder / name for name in self._files() if name.endswith(".tmp"))
        self._discard(path for path in paths if not _is_running(path))

    def sweep(self) -> Generator[None, None, None]:
        """Remove what is of no namespace or of an earlier epoch, and what processes that ended left half written."""
        found: list[tuple[Path, bool]] = []
        yield from _outdated(self._store, self._folder, found)
        self._swept_whole = True
        for path, _ in found:
            self._discard([path])
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
    """Remove the snapshots of a store, as its vectors are about to be others. Logs what cannot be removed."""
    folder = folder_for(store)
    try:
        left = _discarded((folder / name for name in _listed(folder)), {})
    except OSError as error:
        left = {str(folder): _why(error)}
    if left:
        _log.warning("%s; the next opening tries again", _told(left))


def outdated(store: Store) -> tuple[list[Path], list[Path]]:
    """Files that should be gone: those of no living namespace and epoch, and what ended processes left half written.

    Removes nothing. Raises OSError where the folder cannot be read.
    """
    found: list[tuple[Path, bool]] = []
    for _ in _outdated(store, folder_for(store), found):
        pass
    return [path for path, dead in found if dead], [path for path, dead in found if not dead]


def _outdated(store: Store, folder: Path, found: list[tuple[Path, bool]]) -> Generator[None, None, None]:
    """Find what should be gone; with each, whether what it is of is gone, too."""
    paths = [folder / name for name in _listed(folder)]  # before the namespaces: what comes meanwhile is not looked at
    yield
    if not paths:
        return
    alive: set[str] = set()
    after = ""
    while page := store.list_namespaces(after=after, limit=200):
        alive.update(f"{_file_name(one.name)}-{one.revision.epoch}" for one in page)
        after = page[-1].name
        yield
    for path in paths:
        dead = path.name.split(".", 1)[0] not in alive
        if dead or (path.suffix == ".tmp" and not _is_running(path)):
            found.append((path, dead))


def _listed(folder: Path) -> list[str]:
    try:
        return sorted(name for name in os.listdir(folder) if name.endswith(_ENDINGS))
    except (FileNotFoundError, NotADirectoryError):
        return []


def _discarded(paths: Iterable[Path], left: dict[str, str]) -> dict[str, str]:
    """Remove files, and take them out of `left`; the ones that could not be removed, and why. Folders are let be."""
    failed: dict[str, str] = {}
    for path in paths:
        try:
            if path.is_dir() and not path.is_symlink():
                with suppress(OSError):
                    path.rmdir()
            else:
                path.unlink(missing_ok=True)
        except OSError as error:
            failed[str(path)] = _why(error)
        else:
            left.pop(str(path), None)
    return failed


def _make_way(path: Path) -> None:
    """Remove an empty folder where a snapshot belongs. Raises OSError where it is not empty."""
    if path.is_dir():
        try:
            path.rmdir()
        except OSError as error:
            raise OSError(
                error.errno, f"{path} is a folder where a file belongs, and not empty: move it away"
            ) from None


def _told(left: Mapping[str, str]) -> str:
    if not left:
        return ""
    names = sorted(left)
    shown = ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
    return f"snapshots of indexes cannot be removed, and may hold what was purged ({left[names[0]]}): {shown}"


def _file_name(namespace: str) -> str:
    return blake2b(namespace.encode(), digest_size=16).hexdigest()


def _is_running(path: Path) -> bool:
    """Whether the process that writes a temporary file is still there; its number may be another's by now."""
    try:
        if time.time() - path.stat().st_mtime > _ABANDONED:
            return False
        os.kill(int(path.name.rsplit(".", 2)[1].split("-")[0]), 0)
    except (ProcessLookupError, FileNotFoundError, ValueError, IndexError):
        return False
    except OSError:
        return True
    return True


def _what(error: BaseException) -> str:
    return str(error) or type(error).__name__


def _why(error: OSError | AgentctxError) -> str:
    return error.strerror if isinstance(error, OSError) and error.strerror else _what(error)
