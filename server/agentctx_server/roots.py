"""The folders that a server may index. A path is judged by where it really leads, and never by what is there."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from agentctx.errors import InvalidArgument, PermissionDenied

_POINTER_BYTES: Final = 1 << 16  # of a .git file, commondir or alternates
_ALTERNATES: Final = 5  # git itself goes no deeper


class CodeRoots:
    """The folders given with `--code-root`. Raises InvalidArgument for one that is no folder."""

    def __init__(self, folders: Iterable[str | Path]) -> None:
        self._roots = tuple(_root(one) for one in folders)

    def __bool__(self) -> bool:
        return bool(self._roots)

    def confine(self, path: str, *, commit: bool) -> str:
        """The absolute path of a folder to index, without links. A relative one counts from the first root that has it.

        commit: git objects will be read, so they must lie within the roots, too. Raises PermissionDenied for what is
        outside, be it there or not.
        """
        if not self._roots:
            raise PermissionDenied(
                "this server indexes nothing: start it with `agentctx serve --code-root DIR`", field="path"
            )
        if not path or "\0" in path:
            raise InvalidArgument("path must name a folder", field="path")
        found = self._within(path)
        if found is None or (commit and not all(map(self._holds, _git_folders(found)))):
            raise PermissionDenied(
                "path is outside of the folders that this server may index (its --code-root)", field="path"
            )
        return os.fspath(found)

    def _within(self, path: str) -> Path | None:
        candidates = [real for root in self._roots if (real := _real(root / path)) is not None and self._holds(real)]
        return next((one for one in candidates if os.path.lexists(one)), candidates[0] if candidates else None)

    def _holds(self, real: Path) -> bool:
        return any(real.is_relative_to(root) for root in self._roots)


def _root(given: str | Path) -> Path:
    real = _real(Path(given).expanduser())
    if real is None or not real.is_dir():
        raise InvalidArgument(f"{os.fspath(given)} is no folder that can be indexed", field="code_root")
    return real


def _real(path: Path) -> Path | None:
    try:
        return Path(os.path.realpath(path))
    except (OSError, ValueError):
        return None


def _git_folders(folder: Path) -> Iterator[Path]:
    """Where git would read objects from for a folder: a `.git` file, `commondir`, `alternates` and links lead there."""
    own = _own_git(folder)
    if own is None:
        return  # no repository: indexing says so
    yield own
    shared = _pointed(own / "commondir")
    common = Path(os.path.realpath(own / shared)) if shared else own
    yield common
    yield from _objects(Path(os.path.realpath(common / "objects")), _ALTERNATES)


def _own_git(folder: Path) -> Path | None:
    """The git folder that indexing takes for a folder: itself, where it is bare, or that of the nearest work tree."""
    with suppress(OSError):  # too long a name, say, or no permission: indexing says so
        if (folder / "HEAD").is_file() and (folder / "objects").is_dir():
            return folder
    for at in (folder, *folder.parents):
        own = at / ".git"
        with suppress(OSError):
            if own.is_file():
                target = _pointed(own).removeprefix("gitdir:").strip()
                if not target:
                    continue
                own = at / target
            if (own / "HEAD").is_file():
                return Path(os.path.realpath(own))
    return None


def _objects(folder: Path, depth: int) -> Iterator[Path]:
    yield folder
    for one in (folder, folder / "pack"):
        with suppress(OSError), os.scandir(one) as entries:
            links = [entry.path for entry in entries if entry.is_symlink()]
            yield from (Path(os.path.realpath(link)) for link in links)
    for line in _pointed(folder / "info" / "alternates").splitlines():
        other = Path(os.path.realpath(folder / line.strip()))
        yield other
        if depth:
            yield from _objects(other, depth - 1)


def _pointed(path: Path) -> str:
    """The text of a small file of git's; empty where there is none."""
    try:
        with path.open("rb") as file:
            return file.read(_POINTER_BYTES).decode("utf-8", "replace").strip().replace("\0", "")
    except OSError:
        return ""
