"""A commit as a tree: read from git's objects, never checked out.

The git program is asked, since it alone reads every form of them. Nothing of the repository runs: the three commands in
use take no hooks, filters, pagers or helpers, and what its configuration could name besides is switched off.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Final

from agentctx.code.git import GitFolder, find_git
from agentctx.code.tree import TreeFile
from agentctx.code.walk import NEVER, Skipped, WalkOptions
from agentctx.errors import FailedPrecondition, InvalidArgument, MissingDependency

_TIMEOUT: Final = 120.0
_SAFE: Final = (
    "--no-pager",
    "--no-replace-objects",
    "--no-optional-locks",
    *("-c", "core.fsmonitor=false"),
    *("-c", f"core.hooksPath={os.devnull}"),
    *("-c", "protocol.allow=never"),
    *("-c", "core.quotePath=false"),
    *("-c", "safe.directory=*"),
)
_ENVIRONMENT: Final = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_ASKPASS": "true",
    "LC_ALL": "C",
}
_ENTRY: Final = re.compile(rb"(\d+) (\w+) ([0-9a-f]+) +(\S+)\t(.*)", re.DOTALL)
_COMMIT: Final = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_SHA1: Final = 40


class CommitTree:
    """The files of a commit of the repository at `path`: a work tree, a folder in one, or a bare repository.

    Raises InvalidArgument for a path without a repository and for an unknown commit, MissingDependency without git,
    FailedPrecondition when git cannot read it or it holds too many files. only: look at these files alone.
    """

    folder = None

    def __init__(
        self, path: str | os.PathLike[str], commit: str, options: WalkOptions, *, only: Sequence[str] = ()
    ) -> None:
        self._git = _git_folder(path)
        self.root = str(Path(path).resolve())
        self.branch = ""
        inside = "" if self._git.root == self._git.own else Path(self.root).relative_to(self._git.root).as_posix()
        self.commit = self._resolve(commit)
        self._blobs: dict[str, str] = {}
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self.skipped: Sequence[Skipped] = []
        tree = self.commit if inside in ("", ".") else f"{self.commit}:{inside}"
        self.files: Sequence[TreeFile] = self._list(tree, options, only)

    def read(self, path: str) -> bytes:
        """The bytes of a file. Raises OSError when git cannot give them."""
        blob = self._blobs.get(path)
        if blob is None:
            raise OSError(0, "not in this commit")
        with self._lock:
            return self._read(blob)

    def close(self) -> None:
        """End the git process."""
        with self._lock:
            process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.communicate()

    def _resolve(self, commit: str) -> str:
        if not commit or "\0" in commit or "\n" in commit:
            raise InvalidArgument("commit must name a commit, such as HEAD or a hash", field="commit")
        done = self._run("rev-parse", "--verify", "--quiet", "--end-of-options", f"{commit}^{{commit}}")
        found = done.stdout.decode("ascii", "replace").strip()
        if done.returncode or not _COMMIT.fullmatch(found):
            raise InvalidArgument(f"no commit {commit!r} in this repository", field="commit")
        return found

    def _list(self, tree: str, options: WalkOptions, only: Sequence[str]) -> list[TreeFile]:
        done = self._run("--literal-pathspecs", "ls-tree", "-r", "-z", "--long", "--full-tree", "--", tree, *only)
        if done.returncode:
            raise FailedPrecondition(f"git cannot list this commit: {_said(done)}", field="commit")
        files: list[TreeFile] = []
        skipped: list[Skipped] = []
        for entry in done.stdout.split(b"\0"):
            match = _ENTRY.fullmatch(entry)
            if match is None:
                continue
            mode, kind, blob, size = match[1], match[2], match[3].decode(), match[4]
            try:
                path = match[5].decode("utf-8")
            except UnicodeDecodeError:
                skipped.append(Skipped(match[5].decode("utf-8", "replace"), "its name is not UTF-8"))
                continue
            if kind == b"commit":
                skipped.append(Skipped(path, "a submodule or a repository of its own"))
            elif kind != b"blob" or mode == b"120000" or not NEVER.isdisjoint(path.split("/")):
                continue
            elif not size.isdigit():
                skipped.append(Skipped(path, "git does not have its content"))
            elif int(size) > options.largest:
                skipped.append(Skipped(path, f"larger than {options.largest} bytes"))
            else:
                self._blobs[path] = blob
                files.append(TreeFile(path, int(size), blob, blob if len(blob) == _SHA1 else ""))
        if len(files) > options.most_files:
            raise FailedPrecondition(
                f"more than {options.most_files} files: name a folder further down, or raise the limit", field="path"
            )
        self.skipped = sorted(skipped, key=lambda one: one.path)
        return sorted(files)

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        try:
            return subprocess.run(  # noqa: S603 - git itself, without a shell
                self._command(*arguments),
                check=False,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_TIMEOUT,
                env=_environment(),
                cwd=os.path.abspath(os.sep),
            )
        except subprocess.TimeoutExpired as error:
            raise FailedPrecondition(f"git gave no answer in {_TIMEOUT:g} s", field="path") from error

    def _command(self, *arguments: str) -> list[str]:
        git = shutil.which("git")
        if git is None:
            raise MissingDependency("indexing a commit needs the git program: install git", package="git")
        return [git, *_SAFE, f"--git-dir={self._git.own}", *arguments]

    def _read(self, blob: str) -> bytes:
        if self._process is None:
            self._process = subprocess.Popen(  # noqa: S603 - git itself, without a shell
                self._command("cat-file", "--batch"),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=_environment(),
                cwd=os.path.abspath(os.sep),
            )
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{blob}\n".encode())
        process.stdin.flush()
        header = process.stdout.readline().split()
        if len(header) != 3 or header[1] != b"blob":
            raise OSError(0, "git does not have its content")
        size = int(header[2])
        content = _exactly(process.stdout, size + 1)
        return content[:size]


def _exactly(stream: IO[bytes], size: int) -> bytes:
    content = stream.read(size)
    if len(content) != size:
        raise OSError(0, "git ended early")
    return content


def _environment() -> dict[str, str]:
    """The environment without what would lead git elsewhere."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return kept | _ENVIRONMENT


def _git_folder(path: str | os.PathLike[str]) -> GitFolder:
    try:
        folder = Path(path).resolve(strict=True)
        if not folder.is_dir():
            raise InvalidArgument(f"{str(path)!r} is not a folder", field="path")
    except (OSError, RuntimeError) as error:
        raise InvalidArgument(f"no folder at {str(path)!r}", field="path") from error
    if (folder / "HEAD").is_file() and (folder / "objects").is_dir():
        return GitFolder(folder, folder, folder)
    found = find_git(folder)
    if found is None:
        raise InvalidArgument(f"no git repository at {str(path)!r}: only git has commits", field="path")
    return found


def _said(done: subprocess.CompletedProcess[bytes]) -> str:
    lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
    return lines[-1] if lines else f"exit code {done.returncode}"
