"""Which files of a tree belong to the code map: what git would show, without running git."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from agentctx.code.classify import Marks, path_marks
from agentctx.code.git import GitFolder, find_git
from agentctx.code.ignore import IgnoreRules
from agentctx.errors import FailedPrecondition, InvalidArgument

NEVER: Final = frozenset({".git", ".hg", ".svn", ".jj", "__pycache__", ".agentctx"})
UNTRACKED_NEVER: Final = frozenset(
    "node_modules .venv venv .tox .nox .mypy_cache .pytest_cache .ruff_cache .gradle .idea .vscode .eggs "
    "bower_components .next .nuxt .terraform .cache .hypothesis".split()
)


@dataclass(frozen=True, slots=True)
class WalkOptions:
    """What a walk takes in. `largest` is bytes of a file, `most_files` refuses absurd roots, such as a home folder."""

    submodules: bool = False
    largest: int = 2 << 20
    most_files: int = 200_000


@dataclass(frozen=True, slots=True)
class WalkedFile:
    """A file of the tree: its path relative to the root with forward slashes, and its stat signature."""

    path: str
    size: int
    mtime_ns: int
    inode: int

    @property
    def marks(self) -> Marks:
        """What the path says of the file."""
        return path_marks(self.path)


@dataclass(frozen=True, slots=True)
class Skipped:
    """Something that the walk left out although no ignore rule says so, and why."""

    path: str
    reason: str


@dataclass(slots=True)
class Walk:
    """The files of a tree in the order of their paths, what was skipped, and the commit that they belong to."""

    root: Path
    git: GitFolder | None
    branch: str = ""
    commit: str = ""
    files: list[WalkedFile] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    ignored: int = 0


def walk(root: str | os.PathLike[str], options: WalkOptions | None = None) -> Walk:
    """List the files under `root` that git would show as tracked or new, less what is too large or not a file.

    Symbolic links are not followed, so a loop or a way out of the root cannot occur. Outside git the ignore files count
    all the same. Raises InvalidArgument when `root` is no folder, FailedPrecondition when it cannot be read or holds
    more than `most_files`. About 15 us a file.
    """
    options = options or WalkOptions()
    folder = Path(root)
    try:
        folder = folder.resolve(strict=True)
        readable = folder.is_dir()
    except (OSError, RuntimeError) as error:
        raise InvalidArgument(f"no folder at {str(root)!r}", field="path") from error
    if not readable:
        raise InvalidArgument(f"{str(root)!r} is not a folder", field="path")
    git = find_git(folder)
    result = Walk(folder, git)
    if git is not None:
        result.branch, result.commit = git.head()
    rules, inside = _rules_above(folder, git)
    _Walker(result, options).run(rules, inside)
    result.files.sort(key=lambda file: file.path)
    result.skipped.sort(key=lambda entry: entry.path)
    return result


def _rules_above(folder: Path, git: GitFolder | None) -> tuple[IgnoreRules, str]:
    """The rules of the parents of `folder` within its work tree, and the place of `folder` in that tree."""
    rules = IgnoreRules()
    if git is None:
        return rules, ""
    try:
        exclude = (git.common / "info" / "exclude").read_text(encoding="utf-8", errors="replace")
        rules = rules.with_lines("", exclude.splitlines())
    except OSError:
        pass
    inside = folder.relative_to(git.root).as_posix()
    if inside == ".":
        return rules, ""
    above = ""
    for part in ("", *inside.split("/")[:-1]):
        above = f"{above}/{part}".strip("/")
        rules = rules.entering(git.root, above, set(os.listdir(git.root / above)))
    return rules, inside


class _Walker:
    """One walk: a stack of folders, each with the rules that hold in it. Paths in `tracked` are the work tree's."""

    def __init__(self, result: Walk, options: WalkOptions) -> None:
        self._result = result
        self._options = options
        self._top = result.git.root if result.git else result.root
        tracked = result.git.tracked() if result.git else None
        self._tracked: frozenset[str] = tracked or frozenset()
        self._tracked_folders = frozenset(_parents(self._tracked))
        self._submodules = result.git.submodules() if result.git else frozenset()

    def run(self, rules: IgnoreRules, inside: str) -> None:
        stack = [(inside, rules)]
        cut = len(inside) + 1 if inside else 0
        top = str(self._top)
        while stack:
            folder, rules = stack.pop()
            try:
                with os.scandir(f"{top}/{folder}") as scan:
                    entries = list(scan)
            except OSError as error:
                if folder == inside:
                    raise FailedPrecondition(f"the folder cannot be read: {error.strerror}", field="path") from error
                self._skip(folder[cut:], f"folder cannot be read: {error.strerror}")
                continue
            rules = rules.entering(self._top, folder, {entry.name for entry in entries})
            for entry in entries:
                path = f"{folder}/{entry.name}" if folder else entry.name
                try:
                    kind = self._visit(entry, path, path[cut:], rules)
                except OSError as error:
                    self._skip(path[cut:], f"cannot be read: {error.strerror}")
                    continue
                if kind is not None:
                    stack.append((path, kind))
            if len(self._result.files) > self._options.most_files:
                raise FailedPrecondition(
                    f"more than {self._options.most_files} files: name a folder further down, add an .agentctxignore, "
                    "or raise the limit",
                    field="path",
                )

    def _visit(self, entry: os.DirEntry[str], path: str, shown: str, rules: IgnoreRules) -> IgnoreRules | None:
        """Take in a file, or return the rules to enter a folder with."""
        if entry.is_symlink() or entry.name == ".git":  # a file in linked worktrees
            return None
        if entry.is_dir(follow_symlinks=False):
            return self._folder(entry, path, shown, rules)
        if path not in self._tracked and rules.ignores(path):
            self._result.ignored += 1
            return None
        try:
            shown.encode("utf-8")
        except UnicodeEncodeError:
            self._skip(shown.encode("utf-8", "replace").decode(), "its name is not UTF-8")
            return None
        status = entry.stat(follow_symlinks=False)
        if not stat.S_ISREG(status.st_mode):
            self._skip(shown, "not a regular file")
        elif status.st_size > self._options.largest:
            self._skip(shown, f"larger than {self._options.largest} bytes")
        else:
            file = WalkedFile(shown, status.st_size, status.st_mtime_ns, status.st_ino)
            self._result.files.append(file)
        return None

    def _folder(self, entry: os.DirEntry[str], path: str, shown: str, rules: IgnoreRules) -> IgnoreRules | None:
        if entry.name in NEVER:
            return None
        known = path in self._tracked_folders
        if not known and (entry.name in UNTRACKED_NEVER or rules.ignores(path, is_folder=True)):
            self._result.ignored += 1
            return None
        if path in self._submodules or os.path.lexists(f"{entry.path}/.git"):
            if not self._options.submodules:
                self._skip(shown, "a submodule or a repository of its own")
                return None
            return IgnoreRules()  # a repository of its own has its own rules
        return rules

    def _skip(self, path: str, reason: str) -> None:
        self._result.skipped.append(Skipped(path, reason))


def _parents(paths: frozenset[str]) -> Iterator[str]:
    seen: set[str] = set()
    for path in paths:
        folder = path.rpartition("/")[0]
        while folder and folder not in seen:
            seen.add(folder)
            yield folder
            folder = folder.rpartition("/")[0]
