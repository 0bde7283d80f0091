"""The text of indexed files: read from the tree, and said to be stale where that has another one by now."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Final

from agentctx.code.classify import as_utf8
from agentctx.code.codemap import Codebase
from agentctx.code.git import blob_hash
from agentctx.code.tree import read_inside
from agentctx.code.walk import WalkOptions
from agentctx.errors import FailedPrecondition, InvalidArgument, NotFound
from agentctx.types.code import SourceText

_SHOWN: Final = 200  # characters of a path that is unknown


def source(
    codebase: Codebase, root: str, path: str, start_line: int = 1, end_line: int = 0, *, of_commit: bool = False
) -> SourceText:
    """Lines of a file of the generation, first to last included; end_line 0: to the end; past the end: none.

    The path must be one of the generation's, so nothing else can be read. Raises NotFound for any other,
    FailedPrecondition when the file is gone.
    """
    for value, field in ((start_line, "start_line"), (end_line, "end_line")):
        if value < 0:
            raise InvalidArgument(f"{field} must be a line number, from 1", field=field)
    if end_line and end_line < start_line:
        raise InvalidArgument("end_line must not be before start_line", field="end_line")
    file = codebase.file_index(path)
    if file is None:
        path = path.removeprefix("./")
        file = codebase.file_index(path)
    if file is None:
        near = difflib.get_close_matches(path[:_SHOWN], codebase.paths, 3, 0.6)
        hint = f"; near: {', '.join(near)}" if near else ""
        raise NotFound(f"no file {path[:_SHOWN]!r} in this repository{hint}", field="path", path=path[:_SHOWN])
    with _opened(codebase, root, [path], of_commit=of_commit) as read:
        try:
            content = read(path)
        except OSError as error:
            raise FailedPrecondition(
                f"{path} cannot be read by now: {error.strerror or error}; index again", field="path"
            ) from error
    return _lines(codebase, file, path, content, start_line, end_line)


def sources(codebase: Codebase, root: str, paths: Sequence[str], *, of_commit: bool = False) -> dict[str, SourceText]:
    """Whole files of the generation; without those that are none of it or cannot be read by now."""
    found: dict[str, SourceText] = {}
    with _opened(codebase, root, paths, of_commit=of_commit) as read:
        for path in paths:
            file = codebase.file_index(path)
            if file is not None:
                with suppress(OSError):
                    found[path] = _lines(codebase, file, path, read(path), 1, 0)
    return found


def _lines(codebase: Codebase, file: int, path: str, content: bytes, start_line: int, end_line: int) -> SourceText:
    stale = blob_hash(content) != codebase.content_hashes[file]
    lines = as_utf8(content)[0].decode().split("\n")
    start = max(1, start_line)
    last = len(lines) if lines[-1] else len(lines) - 1  # what ends with a line break has no line after it
    text = "\n".join(lines[start - 1 : end_line or None])
    return SourceText(path, start, max(min(end_line or last, last), start - 1), text, stale, codebase.generation)


@contextmanager
def _opened(
    codebase: Codebase, root: str, paths: Sequence[str], *, of_commit: bool
) -> Iterator[Callable[[str], bytes]]:
    if not of_commit:
        yield lambda path: read_inside(Path(root), path)
        return
    from agentctx.code.commit_tree import CommitTree  # noqa: PLC0415 - needed for commits alone

    with closing(CommitTree(root, codebase.generation.commit, WalkOptions(), only=paths)) as tree:
        yield tree.read
