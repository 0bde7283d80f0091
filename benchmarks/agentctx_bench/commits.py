"""Commit messages as episodes: real, dated text by many hands, from the histories of git repositories.

An author's message is an episode: author, date and message; its session is the repository and the month. Merges and
messages that were told before are left out.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Final

from agentctx.errors import InvalidArgument
from agentctx.types import NewEpisode
from agentctx_bench.files import storable

_FORMAT: Final = "%an%x1f%at%x1f%B"
_LONGEST: Final = 20_000  # characters; a few commits quote whole files
_CHUNK: Final = 1 << 16


def git_dir(path: Path) -> Path:
    """The git directory of a work tree or bare repository. Raises InvalidArgument where `path` is neither."""
    for candidate in (path / ".git", path):
        if (candidate / "HEAD").is_file() and (candidate / "objects").is_dir():
            return candidate
    raise InvalidArgument(f"{path} is not a git repository", field="git")


def name_of(path: Path) -> str:
    """A repository's name for sessions: that of its folder, or of the folder around a bare one called like any."""
    found = path.resolve()
    if found.name in (".git", "repo", "repo.git"):
        found = found.parent
    return found.name.removesuffix(".git")


def commits(path: Path) -> Iterator[NewEpisode]:
    """The commits of all branches of a repository, oldest first. Raises InvalidArgument where git cannot read it."""
    place, name = git_dir(path), name_of(path)
    command = ["git", "--git-dir", str(place), "log", "--all", "--no-merges", "--reverse", "-z", "--encoding=UTF-8"]
    try:
        process = subprocess.Popen(
            [*command, f"--format={_FORMAT}"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
        )
    except FileNotFoundError as error:
        raise InvalidArgument("git is not installed; it reads the histories", field="git") from error
    try:
        assert process.stdout is not None
        assert process.stderr is not None
        for record in _records(process.stdout):
            episode = _episode(record, name)
            if episode is not None:
                yield episode
        told = process.stderr.read().decode("utf-8", "replace").strip()
        if process.wait():
            raise InvalidArgument(f"git cannot read {path}: {told.splitlines()[-1] if told else '?'}", field="git")
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()


def _records(stream: IO[bytes]) -> Iterator[bytes]:
    rest = b""
    while chunk := stream.read(_CHUNK):
        *whole, rest = (rest + chunk).split(b"\0")
        yield from whole
    if rest:
        yield rest


def _episode(record: bytes, repository: str) -> NewEpisode | None:
    author, _, rest = record.decode("utf-8", "replace").partition("\x1f")
    seconds, _, message = rest.partition("\x1f")
    text = storable(message.strip()[:_LONGEST])
    try:
        when = datetime.fromtimestamp(int(seconds), UTC)
    except (ValueError, OverflowError, OSError):
        return None
    if not text or not 1980 <= when.year <= 2100:  # a clock that was never set says nothing
        return None
    speaker = "".join(letter for letter in storable(author) if letter.isprintable())[:60].strip()
    return NewEpisode(content=text, speaker=speaker, session=f"{repository}/{when:%Y-%m}", occurred_at=when)
