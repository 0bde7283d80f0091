"""Makes the facts of contents that nobody has seen yet, and stores them as they come."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from agentctx.code.codec import encode
from agentctx.code.comparison import LOST, Comparison
from agentctx.code.facts import FileFacts
from agentctx.code.pool import Extracted, ExtractionPool
from agentctx.code.producers import PRODUCERS, make_parts
from agentctx.code.tree import Tree
from agentctx.store.code import CodeStore
from agentctx.store.facts import FactsRow
from agentctx.types.code import FileProblem

_BATCH_BYTES: Final = 4 << 20
_BATCH_FILES: Final = 500
_KEYS: Final = tuple(one.key for one in PRODUCERS)
_ROUNDS: Final = 3  # a file that changes while it is read leaves others of its former content without facts


@dataclass(slots=True)
class Parsing:
    """What became of the unknown contents."""

    parsed: int = 0
    problems: list[FileProblem] = field(default_factory=list)


class Parser:
    """One run over the unknown contents of a comparison."""

    def __init__(
        self, store: CodeStore, pool: ExtractionPool, tree: Tree, comparison: Comparison, *, anew: bool = False
    ) -> None:
        self._store = store
        self._pool = pool
        self._tree = tree
        self._comparison = comparison
        self._anew = anew
        self._made: set[str] = set()
        self._rows: list[FactsRow] = []
        self._derived: list[tuple[str, str, bytes]] = []
        self._bytes = 0
        self.result = Parsing()

    def run(self, paths: Sequence[str]) -> Iterator[tuple[int, int]]:
        """Parse what is unknown of these files; yields (done, total). The comparison's rows follow."""
        rows = self._comparison.rows
        for _ in range(_ROUNDS):
            wanted = {rows[path].facts_key: path for path in reversed(paths) if path in rows}
            missing = wanted.keys() - self._made if self._anew else self._store.missing_facts(wanted, _KEYS)
            unknown = sorted(wanted[key] for key in missing)
            if not unknown:
                return
            for done, one in enumerate(self._extract(unknown), 1):
                self._take(one)
                yield done, len(unknown)
            self._flush()
        for path in unknown:
            if path in rows:
                self._comparison.drop(path, "kept changing while it was read")

    def _extract(self, paths: Sequence[str]) -> Iterator[Extracted]:
        if self._tree.folder is not None:
            yield from self._pool.extract(self._tree.folder, paths)
            return
        yield from self._pool.extract_blobs(self._blobs(paths))

    def _blobs(self, paths: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        for path in paths:
            try:
                yield path, self._tree.read(path)
            except OSError as error:
                self._comparison.drop(path, f"cannot be read: {error.strerror or error}")

    def _take(self, one: Extracted) -> None:
        comparison = self._comparison
        row = comparison.rows[one.path]
        if one.facts is None and one.problem.startswith("cannot be read"):
            comparison.drop(one.path, one.problem)
            return
        if one.facts is None:
            self.result.problems.append(FileProblem(one.path, one.problem))
            self._lose(one)
            return
        if one.content_hash != row.content_hash:  # written since it was hashed
            row = row._replace(content_hash=one.content_hash, size=one.size, facts_key=one.key, signature="")
            comparison.rows[one.path] = row
        self._put(one.key, one.facts.outline, one.facts.references, one.parts)
        self.result.parsed += 1

    def _lose(self, one: Extracted) -> None:
        """The file stays findable by its words: they need no parser."""
        comparison = self._comparison
        row = comparison.rows[one.path]
        try:
            content = self._tree.read(one.path)
        except OSError as error:
            comparison.drop(one.path, f"cannot be read: {error.strerror or error}")
            return
        facts = FileFacts("", content.count(b"\n") + 1, problems=(one.problem,))
        key = row.facts_key.removesuffix(LOST) + LOST
        encoded = encode(facts)
        self._put(key, encoded.outline, encoded.references, make_parts(facts, content))
        comparison.rows[one.path] = row._replace(facts_key=key)

    def _put(self, key: str, outline: bytes, references: bytes, parts: Mapping[str, bytes]) -> None:
        self._made.add(key)
        self._rows.append(FactsRow(key, outline, references))
        self._derived += ((key, producer, data) for producer, data in parts.items())
        self._bytes += len(outline) + len(references) + sum(map(len, parts.values()))
        if self._bytes > _BATCH_BYTES or len(self._rows) >= _BATCH_FILES:
            self._flush()

    def _flush(self) -> None:
        if self._rows:
            self._store.put_facts(self._rows, self._derived, anew=self._anew)
        self._rows, self._derived, self._bytes = [], [], 0
