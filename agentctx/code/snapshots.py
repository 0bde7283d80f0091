"""Generations on disk beside the store: a process that starts opens one, and brings it up to date from the store.

A file is trusted as far as its checksums and its name go, which says of which store, repository and generation it is.
Losing one costs the time to build it again.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from agentctx.code.codemap import Codebase
from agentctx.code.codemap_codec import load, save
from agentctx.index.snapshot import BadSnapshot
from agentctx.runtime.snapshots import folder_for
from agentctx.store import Store
from agentctx.types.code import Generation

_log = logging.getLogger(__name__)
_NAME: Final = re.compile(r"([0-9a-f]{16})-(\d+)-(\d+)\.map")
_ABANDONED: Final = 3_600.0  # seconds after which a half written file has no writer


class _File(NamedTuple):
    path: Path
    store: str
    repository: int
    number: int


class Snapshots:
    """The kept generations of one store. Nothing here fails: what goes wrong is logged, and costs time only."""

    def __init__(self, store: Store, *, enabled: bool) -> None:
        self._store = store
        self._enabled = enabled
        self._found: tuple[Path, str] | None = None

    def newest(self, repository: int, number: int) -> int:
        """The newest kept generation up to `number`; 0 for none."""
        return max((one.number for one in self._files(repository) if one.number <= number), default=0)

    def read(self, repository: int, number: int, generation: Generation) -> Codebase | None:
        """A kept generation, under the name of `generation`; None if there is no good one."""
        path = self._path(repository, number)
        if path is None:
            return None
        try:
            return load(path, generation)
        except FileNotFoundError:
            return None
        except (BadSnapshot, OSError) as error:
            _log.warning("a kept generation is of no use and is made again (%s)", error)
            with suppress(OSError):
                path.unlink()
            return None

    def write(self, repository: int, codebase: Codebase) -> None:
        """Keep a generation, in place of earlier ones of the repository."""
        number = codebase.generation.number
        path = self._path(repository, number)
        if path is None:
            return
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            save(codebase, path)
        except OSError as error:
            _log.warning("a generation cannot be kept beside the store (%s); opening it takes longer", error)
            return
        self._sweep(repository, number)

    def later(self, repository: int, number: int) -> None:
        """Remove what claims to be later than the published generation: a backup of the store was put back."""
        for one in self._files(repository):
            if one.number > number:
                _unlink(one.path)

    def forget(self, repository: int) -> None:
        """Remove what is kept of a repository."""
        for one in self._files(repository):
            _unlink(one.path)

    def _sweep(self, repository: int, number: int) -> None:
        """Remove earlier generations, those of other stores at this place or removed repositories, and half ones."""
        folder, identity = self._place()
        alive = {key for key, _ in self._store.code.ids()}
        for one in self._all(folder):
            earlier = one.repository == repository and one.number < number
            if one.store != identity or one.repository not in alive or earlier:
                _unlink(one.path)
        with suppress(OSError):
            for half in folder.glob("*.tmp"):
                if time.time() - half.stat().st_mtime > _ABANDONED:
                    _unlink(half)

    def _files(self, repository: int) -> list[_File]:
        if not self._enabled:
            return []
        folder, identity = self._place()
        return [one for one in self._all(folder) if one.store == identity and one.repository == repository]

    @staticmethod
    def _all(folder: Path) -> Iterator[_File]:
        try:
            names = sorted(entry.name for entry in folder.iterdir())
        except OSError:
            return
        for name in names:
            match = _NAME.fullmatch(name)
            if match:
                yield _File(folder / name, match[1], int(match[2]), int(match[3]))

    def _path(self, repository: int, number: int) -> Path | None:
        if not self._enabled:
            return None
        folder, identity = self._place()
        return folder / f"{identity}-{repository}-{number}.map"

    def _place(self) -> tuple[Path, str]:
        if self._found is None:
            self._found = (folder_for(self._store) / "code", self._store.identity()[:16])
        return self._found


def _unlink(path: Path) -> None:
    with suppress(OSError):
        path.unlink()
