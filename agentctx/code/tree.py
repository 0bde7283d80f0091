"""The files of a tree, wherever they are kept: a folder, or a commit in a git repository."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from agentctx.code.walk import Skipped, Walk, WalkOptions, walk
from agentctx.code.worker import read_file

_RACY_NS: Final = 2_000_000_000  # the coarsest clock of a file system in use


class TreeFile(NamedTuple):
    """A file. signature: equal while the file is; "" when that cannot be told. content_hash: "" where unknown yet."""

    path: str
    size: int
    signature: str
    content_hash: str = ""


class Tree(Protocol):
    """One state of a code base. Close it after use; reading on opens it again."""

    @property
    def root(self) -> str:
        """Where it is: an absolute path, also of a bare repository."""
        ...

    @property
    def commit(self) -> str:
        """The commit that it is, or that its work tree is based on; "" outside git."""
        ...

    @property
    def branch(self) -> str:
        """The branch that is checked out; "" for none."""
        ...

    @property
    def files(self) -> Sequence[TreeFile]:
        """Its files by path."""
        ...

    @property
    def skipped(self) -> Sequence[Skipped]:
        """What was left out, and why."""
        ...

    @property
    def folder(self) -> Path | None:
        """Where the files can be read by path, if they are files."""
        ...

    def read(self, path: str) -> bytes:
        """The bytes of a file. Raises OSError when it is gone or cannot be read."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


class WorkTree:
    """The folder at `path` as it is now, without the files of the store at `own`. Raises as `walk`."""

    def __init__(self, path: str | os.PathLike[str], options: WalkOptions, own: str = "") -> None:
        # A file that is written in the tick in which it was looked at may change without looking different.
        racy = time.time_ns() - _RACY_NS
        self._walk: Walk = walk(path, options)
        self.files: Sequence[TreeFile] = [
            TreeFile(one.path, one.size, f"{one.mtime_ns}.{one.size}.{one.inode}" if one.mtime_ns < racy else "")
            for one in self._walk.files
            if not own or not is_own(f"{self._walk.root}/{one.path}", own)
        ]

    @property
    def root(self) -> str:
        """The folder, absolute, links resolved."""
        return str(self._walk.root)

    @property
    def commit(self) -> str:
        """The commit that is checked out."""
        return self._walk.commit

    @property
    def branch(self) -> str:
        """The branch that is checked out."""
        return self._walk.branch

    @property
    def skipped(self) -> Sequence[Skipped]:
        """What the walk left out, and why."""
        return self._walk.skipped

    @property
    def folder(self) -> Path | None:
        """The folder."""
        return self._walk.root

    def read(self, path: str) -> bytes:
        """The bytes of a file as they are now. The walk went through no link to find it."""
        return read_file(f"{self._walk.root}/{path}")

    def close(self) -> None:
        """Nothing to let go of."""


def is_own(path: str, own: str) -> bool:
    """Whether a full path is a file of the store at `own`: its database, what belongs to that, or its indexes."""
    rest = path.removeprefix(own)
    return rest != path and (not rest or rest.startswith(("-", ".index")))


def read_inside(root: Path, path: str) -> bytes:
    """The bytes of the file at `path` below `root`. Raises OSError, also for one that links lead out of the root."""
    full = root / path
    if not full.parent.resolve().is_relative_to(root):
        raise OSError(0, "outside of the root")
    return read_file(str(full))
