"""What of a tree differs from the generation before: told by looks where they tell, else by content."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from agentctx.code.extract import facts_key
from agentctx.code.git import blob_hash
from agentctx.code.tree import Tree, TreeFile
from agentctx.store.repositories import FileRow
from agentctx.types.code import FileProblem

LOST = ".lost"
"""The end of the key of facts that are empty because the parser crashed or stalled on that content."""


@dataclass(slots=True)
class Comparison:
    """The rows that the next generation has, and how they differ from the last one's.

    looks: signatures to note of files that only look different. unread: what could not be read.
    """

    rows: dict[str, FileRow] = field(default_factory=dict)
    changed: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    looks: dict[str, str] = field(default_factory=dict)
    unread: list[FileProblem] = field(default_factory=list)

    def settle(self, before: Mapping[str, FileRow]) -> None:
        """Find `changed` and `removed` and `looks` from `rows`."""
        self.removed = [path for path in before if path not in self.rows]
        self.changed = []
        self.looks = {}
        for path, row in self.rows.items():
            old = before.get(path)
            if old is None or old.facts_key != row.facts_key:
                self.changed.append(path)
            elif old.signature != row.signature:
                self.looks[path] = row.signature

    def drop(self, path: str, reason: str) -> None:
        """Leave a file out that cannot be read after all."""
        self.rows.pop(path, None)
        self.unread.append(FileProblem(path, reason))


def compare(tree: Tree, before: Mapping[str, FileRow], result: Comparison) -> Iterator[int]:
    """Fill `result`. Yields how many of the files that had to be read were.

    A file is read if it looks other than before: its size, time of change or inode. 1 GB/s, 30 us a file.
    """
    read = 0
    for file in tree.files:
        old = before.get(file.path)
        known = file.content_hash
        if not known and old is not None and file.signature and file.signature == old.signature:
            known = old.content_hash
        if not known:
            read += 1
            yield read
        try:
            row = _row(file, known, tree)
        except OSError as error:
            result.unread.append(FileProblem(file.path, f"cannot be read: {error.strerror or error}"))
            continue
        if old is not None and old.content_hash == row.content_hash and old.facts_key == row.facts_key + LOST:
            row = row._replace(facts_key=old.facts_key)
        result.rows[file.path] = row
    result.settle(before)


def _row(file: TreeFile, known: str, tree: Tree) -> FileRow:
    size = file.size
    if not known:
        content = tree.read(file.path)
        known, size = blob_hash(content), len(content)
    return FileRow(file.path, facts_key(file.path, known), known, size, file.signature)


def differs(tree: Tree, before: Mapping[str, FileRow]) -> bool:
    """Whether the tree has other files or contents. Stops at the first; reads only what looks different."""
    files = tree.files
    if len(files) != len(before) or any(file.path not in before for file in files):
        return True
    for file in files:
        old = before[file.path]
        if file.signature and file.signature == old.signature:
            continue
        try:
            if (file.content_hash or blob_hash(tree.read(file.path))) != old.content_hash:
                return True
        except OSError:
            return True
    return False
