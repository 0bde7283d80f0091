"""Makes the edges of the files whose edges may differ, and keeps those of all others."""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from agentctx.code.codec import EncodedFacts
from agentctx.code.comparison import Comparison
from agentctx.code.pool import ExtractionPool, ResolvedFile
from agentctx.code.producers import IMPRINT
from agentctx.code.quiet import uncollected
from agentctx.code.resolve.affected import affected
from agentctx.code.resolve.edge_codec import decode_edges
from agentctx.errors import StoreCorrupt
from agentctx.store.code import CodeStore
from agentctx.store.facts import FactsRow
from agentctx.store.repositories import EdgesRow, FileRow
from agentctx.types.code import FileProblem

_BLOCK: Final = 200  # facts that are read in one go
_KEPT: Final = 5 * _BLOCK
_FEW: Final = 10


@dataclass(slots=True)
class Resolved:
    """What resolving gave. rows: the files whose edges or footprint differ. edges, calls: by how many there are more
    than in the generation that it was compared with; all there are if that was of no use.

    lost: files whose edges could not be made; they are tried again with the next generation.
    """

    resolved: int = 0
    rows: list[EdgesRow] = field(default_factory=list)
    edges: Counter[str] = field(default_factory=Counter)
    calls: Counter[str] = field(default_factory=Counter)
    lost: list[FileProblem] = field(default_factory=list)

    def count(self, one: ResolvedFile) -> None:
        """Add the edges of a file to the numbers."""
        self.edges.update(one.kinds)
        self.calls.update(one.calls)

    def discount(self, row: EdgesRow) -> None:
        """Take the edges of a file that are no more from the numbers."""
        found = decode_edges(row.data)
        self.edges.subtract(edge.kind for edge in found.edges)
        self.calls.subtract(found.calls)


@dataclass(frozen=True, slots=True)
class Base:
    """The generation that the edges are compared with. whole: it is of no use, and all edges are made again."""

    repository: int
    number: int
    rows: Mapping[str, FileRow]
    whole: bool


class Resolving:
    """One run over the files of a comparison."""

    def __init__(self, store: CodeStore, pool: ExtractionPool, base: Base, comparison: Comparison) -> None:
        self._store = store
        self._pool = pool
        self._base = base
        self._comparison = comparison
        self._keys = {path: row.facts_key for path, row in comparison.rows.items()}
        self.result = Resolved()

    def run(self) -> Iterator[tuple[int, int]]:
        """Resolve what has to be; yields (done, total). `result` is then complete."""
        base, result = self._base, self.result
        with uncollected():
            imprints = self._all_imprints()
            wanted = self._wanted(imprints)
        compared = [*wanted, *self._comparison.removed] if base.number else []
        old = self._store.edges(base.repository, base.number, compared)
        for path in () if base.whole else self._comparison.removed:
            if path in old:
                result.discount(old[path])
        reader = _Reader(self._store, self._keys, wanted)
        for one in self._pool.resolve(reader, imprints, wanted):
            result.resolved += 1
            row = EdgesRow(one.path, one.footprint, one.edges)
            known = old.pop(one.path, None)
            if one.problem:
                result.lost.append(FileProblem(one.path, one.problem))
            elif known != row:
                result.rows.append(row)
            if base.whole or known != row:
                result.count(one)
            if known is not None and known != row and not base.whole:
                result.discount(known)
            yield result.resolved, len(wanted)

    def _wanted(self, imprints: Mapping[str, bytes]) -> list[str]:
        base, comparison = self._base, self._comparison
        if base.whole:
            return sorted(self._keys)
        touched = [*comparison.changed, *comparison.removed]
        before = self._imprints({path: base.rows[path].facts_key for path in touched if path in base.rows})
        changes = {path: (before.get(path), imprints.get(path)) for path in touched}
        footprints = self._store.footprints(base.repository, base.number)
        return sorted(affected(changes, base.rows.keys(), self._keys.keys(), footprints))

    def _all_imprints(self) -> dict[str, bytes]:
        base = self._base
        if base.whole:
            return self._imprints(self._keys)
        before = self._store.derived_of(base.repository, base.number, IMPRINT.key)
        new = {path: key for path, key in self._keys.items() if path not in before}
        new |= {path: self._keys[path] for path in self._comparison.changed}
        return {path: before[path] for path in self._keys.keys() - new.keys()} | self._imprints(new)

    def _imprints(self, keys: Mapping[str, str]) -> dict[str, bytes]:
        found = self._store.derived(IMPRINT.key, list(set(keys.values())))
        try:
            return {path: found[key] for path, key in keys.items()}
        except KeyError:
            raise StoreCorrupt(
                "facts of the repository are not in the store; index again", field="repository"
            ) from None


class _Reader:
    """Facts by path, out of the store: those that are wanted are read many in one go. Thread-safe."""

    def __init__(self, store: CodeStore, keys: Mapping[str, str], wanted: Sequence[str]) -> None:
        self._store = store
        self._keys = keys
        self._wanted = wanted
        self._places = {path: place for place, path in enumerate(wanted)}
        self._lock = threading.Lock()
        self._held: OrderedDict[str, FactsRow] = OrderedDict()

    def __call__(self, path: str) -> EncodedFacts:
        """The facts of a file."""
        key = self._keys[path]
        with self._lock:
            row = self._held.get(key)
            if row is None:
                place = self._places.get(path)
                if place is None or len(self._wanted) < _FEW:
                    row = self._store.one_facts(key)
                else:  # the whole block, since some go through them from the end
                    start = place - place % _BLOCK
                    some = self._wanted[start : start + _BLOCK]
                    self._held.update(self._store.facts(list(dict.fromkeys(self._keys[one] for one in some))))
                    row = self._held.get(key)
                while len(self._held) > _KEPT:
                    self._held.popitem(last=False)
        if row is None:
            raise StoreCorrupt(f"the facts of {path} are not in the store; index again", field="repository")
        return EncodedFacts(row.outline, row.references)
