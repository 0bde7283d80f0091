"""The rows of the localization benchmark, and the trees that they speak of, read from git objects alone.

Nothing is checked out, so runs leave the clones as they are. What a tree holds is read at one commit; later history,
which holds the fix, is never looked at.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import subprocess
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Final, cast

from agentctx.errors import FailedPrecondition, InvalidArgument, NotFound
from agentctx_bench.files import expect, member, texts

_GIT: Final = (
    "git",
    "-c",
    "core.hooksPath=/dev/null",
    "-c",
    "core.fsmonitor=false",
    "-c",
    "protocol.allow=never",
    "--no-replace-objects",
)
_LINKS: Final = "120000"


@dataclass(frozen=True, slots=True)
class Row:
    """An issue, the commit that it was written against, and what the fix edits there."""

    key: str
    repository: str
    commit: str
    issue: str
    files: frozenset[str]
    modules: frozenset[str]
    functions: frozenset[str]


@dataclass(frozen=True, slots=True)
class Localization:
    """All rows of a file, in its order."""

    rows: tuple[Row, ...]
    sha256: str

    def limited(self, limit: int | None, only: Collection[str]) -> Localization:
        """The rows of some repositories, and of those the first `limit`."""
        known = {row.repository for row in self.rows}
        unknown = sorted(set(only) - known)
        if unknown:
            raise InvalidArgument(
                f"no rows of {', '.join(unknown)}; there are {', '.join(sorted(known))}", field="only"
            )
        rows = [row for row in self.rows if not only or row.repository in only]
        return Localization(tuple(rows[:limit]), self.sha256)


def load(path: str | Path) -> Localization:
    """The rows in a file of JSON lines. Raises InvalidArgument that names the line and what is wrong in it."""
    try:
        raw = Path(path).read_bytes()
        lines = raw.decode("utf-8-sig").split("\n")  # other line ends occur inside the issues
    except FileNotFoundError:
        raise InvalidArgument(f"no such file: {path}", field="data") from None
    except OSError as error:
        raise InvalidArgument(f"cannot read {path}: {error.strerror}", field="data") from error
    except UnicodeDecodeError as error:
        raise InvalidArgument(f"{path} is not UTF-8: {error.reason} at byte {error.start}", field="data") from error
    rows = [_row(line, f"line {number}") for number, line in enumerate(lines, 1) if line.strip()]
    if not rows:
        raise InvalidArgument(f"{path} holds no rows", field="data")
    keys = [row.key for row in rows]
    twice = sorted({key for key in keys if keys.count(key) > 1})
    if twice:
        raise InvalidArgument(f"{path} holds {twice[0]} twice", field="data")
    return Localization(tuple(rows), hashlib.sha256(raw).hexdigest())


def _row(line: str, where: str) -> Row:
    try:
        table = cast("dict[str, object]", expect(json.loads(line), dict, where))
    except ValueError as error:
        raise InvalidArgument(f"{where} is not JSON: {error}", field=where) from error
    row = Row(
        key=member(table, "instance_id", str, where),
        repository=member(table, "repo", str, where),
        commit=member(table, "base_commit", str, where),
        issue=member(table, "problem_statement", str, where),
        files=frozenset(texts(table, "gold_files", where)),
        modules=frozenset(texts(table, "gold_modules", where)),
        functions=frozenset(texts(table, "gold_functions", where)),
    )
    if not (row.files and row.modules and row.functions):
        raise InvalidArgument(f"{where} names no gold: such a row cannot be scored", field=where)
    return row


@dataclass(frozen=True, slots=True)
class Blob:
    """A file of a commit: its path and the hash of its content."""

    path: str
    hash: str


class Clone:
    """A clone with full history, bare or not, read through one `git cat-file`. Close it. Not thread-safe."""

    def __init__(self, folder: Path) -> None:
        self.path = folder
        self._base = [*_GIT, "-C", str(folder)]
        self._reader: subprocess.Popen[bytes] | None = None

    def missing(self, commits: Sequence[str]) -> list[str]:
        """Those of `commits` that are not there."""
        asked = "".join(f"{commit}^{{commit}}\n" for commit in commits)
        found = self._run("cat-file", "--batch-check", given=asked.encode()).decode("utf-8", "replace").splitlines()
        return [commit for commit, line in zip(commits, found, strict=True) if " commit " not in line]

    def blobs(self, commit: str, suffix: str = ".py") -> list[Blob]:
        """The files of a commit that end in `suffix`, by path; links and submodules are none."""
        blobs = []
        for record in self._run("ls-tree", "-r", "-z", "--full-tree", commit).split(b"\0"):
            about, _, path = record.partition(b"\t")
            fields = about.decode().split()
            if fields and fields[1] == "blob" and fields[0] != _LINKS and path.endswith(suffix.encode()):
                blobs.append(Blob(path.decode("utf-8", "surrogateescape"), fields[2]))
        return sorted(blobs, key=lambda blob: blob.path)

    def read(self, blob: str) -> bytes:
        """The content of a blob. Raises NotFound for one that is not there."""
        if self._reader is None:
            self._reader = subprocess.Popen(
                [*self._base, "cat-file", "--batch"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
        asked, answers = cast("IO[bytes]", self._reader.stdin), cast("IO[bytes]", self._reader.stdout)
        asked.write(blob.encode() + b"\n")
        asked.flush()
        head = answers.readline().split()
        if len(head) != 3:
            raise NotFound(f"{self.path} has no object {blob}", field="repos")
        content = answers.read(int(head[2]))
        answers.read(1)
        return content

    def close(self) -> None:
        """End the reader."""
        if self._reader is not None:
            for pipe in (self._reader.stdin, self._reader.stdout):
                if pipe is not None:
                    pipe.close()
            self._reader.wait()
            self._reader = None

    def __enter__(self) -> Clone:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _run(self, *arguments: str, given: bytes = b"") -> bytes:
        try:
            done = subprocess.run([*self._base, *arguments], input=given, capture_output=True, check=True)
        except FileNotFoundError:
            raise FailedPrecondition("this benchmark reads clones with git, which is not installed") from None
        except subprocess.CalledProcessError as error:
            said = error.stderr.decode("utf-8", "replace").strip().splitlines()
            raise FailedPrecondition(
                f"git cannot read {self.path}: {said[-1] if said else 'no reason given'}"
            ) from None
        return done.stdout


@contextlib.contextmanager
def clones(folder: str | Path, data: Localization) -> Iterator[dict[str, Clone]]:
    """The clones by repository, with every commit of the rows known to be there.

    They are named `owner__name` in `folder`. Raises FailedPrecondition that lists every clone and commit missing.
    """
    opened: dict[str, Clone] = {}
    problems = []
    for name in dict.fromkeys(row.repository for row in data.rows):
        place = Path(folder) / name.replace("/", "__")
        if not place.is_dir():
            problems.append(f"no clone of {name}: {place}")
            continue
        opened[name] = Clone(place)
        commits = list(dict.fromkeys(row.commit for row in data.rows if row.repository == name))
        problems += [f"{name} lacks {commit}" for commit in opened[name].missing(commits)]
    if problems:
        raise FailedPrecondition(
            f"{len(problems)} of the trees are missing (clones need their full history):\n  " + "\n  ".join(problems)
        )
    with contextlib.ExitStack() as stack:
        for clone in opened.values():
            stack.enter_context(clone)
        yield opened
