"""Puts a generation together in memory: from the one before and what changed, or from all that the store has of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Final

from agentctx.code.codemap import Codebase
from agentctx.code.codemap_build import BuildFile, build
from agentctx.code.codemap_update import update
from agentctx.code.comparison import Comparison
from agentctx.code.producers import WORDS
from agentctx.code.resolve.edge_codec import decode_edges
from agentctx.code.resolve.edges import FileEdges
from agentctx.code.resolving import Resolved
from agentctx.errors import StoreCorrupt
from agentctx.store.code import CodeStore
from agentctx.store.repositories import EdgesRow, FileRow
from agentctx.types.code import Generation

_CHUNK: Final = 400
_MOST_NEW: Final = 0.3  # of the files; from there on building anew is as quick


@dataclass(frozen=True, slots=True)
class Behind:
    """The last generation, or an earlier one with the paths whose content and whose edges are newer than it."""

    codebase: Codebase
    files: Sequence[str] = ()
    edges: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Builder:
    """Builds generations of one repository; `number` is the last published one, 0 for none."""

    store: CodeStore
    repository: int
    number: int

    def whole(self, rows: Sequence[FileRow], fresh: Mapping[str, EdgesRow], generation: Generation) -> Codebase:
        """A generation of these files; edges from `fresh`, else from the last generation."""
        return build(self._files(rows, fresh), generation)

    def next(self, old: Behind | None, comparison: Comparison, resolved: Resolved, of: Generation) -> Codebase:
        """The generation that a comparison and its edges make; quick if `old` is the last one or not far behind it."""
        rows = comparison.rows
        fresh = {row.path: row for row in resolved.rows} | {
            one.path: EdgesRow(one.path, b"", b"") for one in resolved.lost
        }
        changed = [] if old is None else sorted({*comparison.changed, *(path for path in old.files if path in rows)})
        if old is None or len(changed) > _MOST_NEW * len(rows):
            return self.whole([rows[path] for path in sorted(rows)], fresh, of)
        return self._updated(old, [rows[path] for path in changed], rows.keys(), fresh, of)

    def caught_up(self, old: Behind, rows: Sequence[FileRow], of: Generation) -> Codebase:
        """The last generation, which has these files, from an older one."""
        if not (old.files or old.edges) and len(rows) == old.codebase.files:
            return old.codebase
        new = set(old.files)
        return self._updated(old, [row for row in rows if row.path in new], {row.path for row in rows}, {}, of)

    def _updated(
        self, old: Behind, changed: Sequence[FileRow], paths: Set[str], fresh: Mapping[str, EdgesRow], of: Generation
    ) -> Codebase:
        """`old` with the files that changed since, and with the edges that are fresh or newer than it."""
        new = {row.path for row in changed}
        newer = [path for path in old.edges if path in paths and path not in new and path not in fresh]
        edges = [row for path, row in fresh.items() if path not in new]
        if newer:
            edges += self.store.edges(self.repository, self.number, newer).values()
        removed = set(old.codebase.paths) - paths
        return update(old.codebase, self._files(changed, fresh), removed, [_decoded(row) for row in edges], of)

    def _files(self, rows: Sequence[FileRow], fresh: Mapping[str, EdgesRow]) -> Iterator[BuildFile]:
        for start in range(0, len(rows), _CHUNK):
            part = rows[start : start + _CHUNK]
            analyses = self.store.derived(WORDS.key, list({row.facts_key for row in part}))
            paths = [row.path for row in part if row.path not in fresh]
            stored = self.store.edges(self.repository, self.number, paths)
            for row in part:
                analysis = analyses.get(row.facts_key)
                if analysis is None:
                    raise StoreCorrupt(f"the facts of {row.path} are not in the store; index again", field="repository")
                edges = fresh.get(row.path) or stored.get(row.path) or EdgesRow(row.path, b"", b"")
                yield BuildFile(row.path, row.content_hash, row.size, analysis, _decoded(edges))


def _decoded(row: EdgesRow) -> FileEdges:
    return decode_edges(row.data) if row.data else FileEdges(row.path)
