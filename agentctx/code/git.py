"""What git knows about a folder, read from its files: no git binary is run, nothing in the repository executes."""

from __future__ import annotations

import hashlib
import os
import re
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_SYMBOLIC: Final = re.compile(r"ref:\s*(\S+)")
_COMMIT: Final = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_SUBMODULE_PATH: Final = re.compile(r"^\s*path\s*=\s*(.+?)\s*$", re.MULTILINE)
_ENTRY: Final = struct.Struct(">24x I 8x I 20s H".replace(" ", ""))
_GITLINK: Final = 0o160000
_SKIP_WORKTREE: Final = 0x4000
_EXTENDED: Final = 0x4000
_INDEX_LIMIT: Final = 256 << 20


def is_git_folder(path: str | os.PathLike[str]) -> bool:
    """Whether a folder is git's own, without files to index: a bare repository, or the `.git` of a work tree."""
    parts = [os.path.join(path, name) for name in ("HEAD", "objects", "refs")]
    return os.path.isfile(parts[0]) and all(map(os.path.isdir, parts[1:]))


@dataclass(frozen=True, slots=True)
class GitFolder:
    """A work tree and the folders behind it; in a linked worktree, `own` and `common` differ."""

    root: Path
    own: Path
    common: Path

    def head(self) -> tuple[str, str]:
        """(branch, commit) that is checked out; the branch is empty when detached, the commit before the first one."""
        text = _text(self.own / "HEAD")
        symbolic = _SYMBOLIC.match(text)
        if symbolic is None:
            return "", text if _COMMIT.fullmatch(text) else ""
        name = symbolic[1]
        branch = name.removeprefix("refs/heads/")
        for folder in (self.own, self.common):
            commit = _text(folder / name)
            if _COMMIT.fullmatch(commit):
                return branch, commit
        for line in _text(self.common / "packed-refs").splitlines():
            commit, _, packed = line.partition(" ")
            if packed == name and _COMMIT.fullmatch(commit):
                return branch, commit
        return branch, ""

    def tracked(self) -> frozenset[str] | None:
        """Paths in git's index, relative to the root; None where there is no index or one of an unknown format.

        Tracked files belong to the tree even where an ignore rule names them. About 2 us a file.
        """
        path = self.own / "index"
        try:
            if path.stat().st_size > _INDEX_LIMIT:
                return None
            return frozenset(_index_paths(path.read_bytes()))
        except (OSError, ValueError, struct.error, IndexError):
            return None

    def submodules(self) -> frozenset[str]:
        """Paths of the submodules that `.gitmodules` names."""
        return frozenset(
            hit.strip('"').rstrip("/") for hit in _SUBMODULE_PATH.findall(_text(self.root / ".gitmodules"))
        )


def find_git(folder: Path) -> GitFolder | None:
    """The work tree that `folder` is in, or None outside git. Looks at the parents, never below."""
    for root in (folder, *folder.parents):
        own = root / ".git"
        try:
            if own.is_file():  # a linked worktree or a submodule
                target = _text(own).removeprefix("gitdir:").strip()
                if not target:
                    continue
                own = (root / target).resolve()
            if not (own / "HEAD").is_file():
                continue
            common = _text(own / "commondir")
            return GitFolder(root, own, (own / common).resolve() if common else own)
        except OSError:
            continue
    return None


def blob_hash(content: bytes) -> str:
    """The content hash of a file as git counts it, so that its blobs need no second hash. 1 GB/s."""
    digest = hashlib.sha1(b"blob %d\0" % len(content), usedforsecurity=False)
    digest.update(content)
    return digest.hexdigest()


def _text(path: Path) -> str:
    try:
        return path.read_bytes()[: 16 << 20].decode("utf-8", "replace").strip()
    except OSError:
        return ""


def _index_paths(data: bytes) -> list[str]:
    signature, version, count = struct.unpack_from(">4sII", data)
    if signature != b"DIRC" or version not in (2, 3, 4):
        raise ValueError("not a git index of version 2 to 4")
    paths: list[str] = []
    place, previous = 12, b""
    for _ in range(count):
        mode, _size, _sha, flags = _ENTRY.unpack_from(data, place)
        start = place + _ENTRY.size
        skipped = False
        if version >= 3 and flags & _EXTENDED:
            skipped = bool(struct.unpack_from(">H", data, start)[0] & _SKIP_WORKTREE)
            start += 2
        if version == 4:
            drop, start = _varint(data, start)
            end = data.index(b"\0", start)
            name = previous[: len(previous) - drop] + data[start:end]
            place = end + 1
        else:
            end = data.index(b"\0", start)
            name = data[start:end]
            place += (end - place + 8) // 8 * 8
        previous = name
        if mode != _GITLINK and not skipped:
            paths.append(name.decode("utf-8", "surrogateescape"))
    return paths


def _varint(data: bytes, place: int) -> tuple[int, int]:
    byte = data[place]
    value = byte & 127
    while byte & 128:
        place += 1
        byte = data[place]
        value = ((value + 1) << 7) | (byte & 127)
    return value, place + 1
