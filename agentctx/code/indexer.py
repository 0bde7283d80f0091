"""One run of `index`: compare, parse, resolve, build, publish. Nothing is seen of it before it is published."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from agentctx.code.building import Builder
from agentctx.code.codebases import DAMAGED, Codebases, generation_of
from agentctx.code.codemap import Codebase
from agentctx.code.comparison import Comparison, compare
from agentctx.code.facts import EXTRACTOR_VERSION
from agentctx.code.parsing import Parser
from agentctx.code.pool import ExtractionPool
from agentctx.code.producers import PRODUCERS
from agentctx.code.quiet import uncollected
from agentctx.code.resolve import RESOLVER_VERSION
from agentctx.code.resolving import Base, Resolved, Resolving
from agentctx.code.tree import Tree
from agentctx.store.code import CodeStore
from agentctx.store.repositories import Publication, StoredGeneration, StoredRepository
from agentctx.types.code import FileProblem, IndexProgress, IndexReport, Repository

_TICK: Final = 0.05  # seconds between two signs of progress
_MOST_TOLD: Final = 1_000  # problems that a generation remembers


@dataclass(slots=True)
class _Stages:
    """Which stage a run is in, and how long each took."""

    seconds: dict[str, float] = field(default_factory=dict)
    _now: str = ""
    _since: float = 0.0
    _told: float = 0.0

    def enter(self, stage: str, total: int | None = None) -> IndexProgress:
        self.leave()
        self._now, self._since = stage, time.perf_counter()
        self._told = self._since
        return IndexProgress(stage, 0, total)

    def at(self, done: int, total: int | None) -> Iterator[IndexProgress]:
        now = time.perf_counter()
        if now - self._told >= _TICK:
            self._told = now
            yield IndexProgress(self._now, done, total)

    def leave(self) -> None:
        if self._now:
            took = time.perf_counter() - self._since
            self.seconds[self._now] = round(self.seconds.get(self._now, 0.0) + took, 4)
            self._now = ""


class Indexer:
    """Runs over one store with one pool of parsers. One run at a time."""

    def __init__(self, store: CodeStore, pool: ExtractionPool, codebases: Codebases, keep: int) -> None:
        self._store = store
        self._pool = pool
        self._codebases = codebases
        self._keep = keep

    def run(
        self, repository: StoredRepository, tree: Tree, owner: str, walked: float, *, anew: bool = False
    ) -> Iterator[IndexProgress]:
        """Bring the repository up to the tree; the last progress carries the report. Whoever runs it holds the lease.

        walked: the seconds that finding the tree's files took. anew: trust nothing that is stored. Raises FactsGone if
        another process collected facts, StoreCorrupt if what is stored cannot be read.
        """
        stages = _Stages({"walk": round(walked, 4)})
        last = self._store.generation(repository.id, repository.generation) if repository.generation else None
        number = last.number if last is not None else 0
        with uncollected():
            before = {row.path: row for row in self._store.files(repository.id, number)} if number else {}
        yield stages.enter("read", len(tree.files))
        comparison = Comparison()
        for done in compare(tree, before, comparison):
            yield from stages.at(done, len(tree.files))
        anew = anew or self._store.state(repository.id, DAMAGED, number) is not None
        parser = Parser(self._store, self._pool, tree, comparison, anew=anew)
        whole = anew or last is None or json.loads(last.summary).get("versions") != _versions()
        unknown = sorted(comparison.rows) if whole else comparison.changed
        if unknown:
            yield stages.enter("parse", len(unknown))
            for done, total in parser.run(unknown):
                yield from stages.at(done, total)
            comparison.settle(before)
        report = _Report(repository, tree, comparison, parser, last, whole=whole)
        if last is not None and not report.differs():
            self._store.set_signatures(repository.id, comparison.looks)
            stages.leave()
            yield _final(report.make(last, Resolved(), published=False, seconds=stages.seconds))
            return
        base = Base(repository.id, number, before, whole)
        resolving = Resolving(self._store, self._pool, base, comparison)
        yield stages.enter("resolve")
        for done, total in resolving.run():
            yield from stages.at(done, total)
        resolved = resolving.result
        yield stages.enter("build", len(comparison.rows))
        old = None if whole else self._codebases.nearest(repository.id, number, len(before))
        blank = generation_of(repository.name, _NOTHING)
        with uncollected():
            codebase = Builder(self._store, repository.id, number).next(old, comparison, resolved, blank)
        generation = report.generation(number + 1, self._store.now(), resolved, codebase)
        codebase = codebase.with_generation(generation_of(repository.name, generation))
        yield stages.enter("publish")
        publication = Publication(
            generation,
            files=[comparison.rows[path] for path in comparison.changed],
            removed=comparison.removed,
            signatures=comparison.looks,
            edges=resolved.rows,
            edgeless=[one.path for one in resolved.lost],
        )
        self._store.publish(repository.id, owner, publication, self._keep)
        self._codebases.published(repository.id, codebase, list(comparison.rows.values()))
        stages.leave()
        yield _final(report.make(generation, resolved, published=True, seconds=stages.seconds))


_NOTHING: Final = StoredGeneration(0, "", "", 0, 0, 0, 0, "{}")


def _versions() -> list[str]:
    """What has to be the same for the parts of a generation to be of use to the next one."""
    return [*(one.key for one in PRODUCERS), f"facts.{EXTRACTOR_VERSION}", f"edges.{RESOLVER_VERSION}"]


def _final(report: IndexReport) -> IndexProgress:
    total = report.repository.files
    return IndexProgress("done", total, total, report)


class _Report:
    """Puts together what a generation remembers of its run, and what the caller is told."""

    def __init__(
        self,
        repository: StoredRepository,
        tree: Tree,
        comparison: Comparison,
        parser: Parser,
        last: StoredGeneration | None,
        *,
        whole: bool,
    ) -> None:
        self._repository = repository
        self._tree = tree
        self._comparison = comparison
        self._parser = parser
        self._last = last
        self._whole = whole
        self._lost: list[FileProblem] = []
        self._summary: dict[str, Any] = json.loads(last.summary) if last is not None else {}

    def differs(self) -> bool:
        """Whether there is anything to publish: other contents, or another commit or branch."""
        assert self._last is not None
        same = (self._last.commit, self._last.branch) == (self._tree.commit, self._tree.branch)
        return bool(self._whole or self._comparison.changed or self._comparison.removed or not same)

    def generation(self, number: int, now: int, resolved: Resolved, codebase: Codebase) -> StoredGeneration:
        """The row of the new generation."""
        counted = {} if self._whole else self._summary
        edges = Counter(counted.get("edges", {}))
        edges.update(resolved.edges)
        calls = Counter(counted.get("calls", {}))
        calls.update(resolved.calls)
        symbols = int(codebase.is_symbol.sum()) - codebase.files
        self._lost = resolved.lost
        self._summary = {
            "edges": {kind: count for kind, count in sorted(edges.items()) if count},
            "calls": {outcome: count for outcome, count in sorted(calls.items()) if count},
            "languages": dict(sorted(Counter(filter(None, codebase.languages)).items())),
            "versions": _versions(),
            "source": "commit" if self._tree.folder is None else "folder",
            "problems": [[one.path, one.reason] for one in self._problems()[:_MOST_TOLD]],
        }
        return StoredGeneration(
            number,
            self._tree.commit,
            self._tree.branch,
            now,
            len(self._comparison.rows),
            symbols,
            sum(edges.values()),
            json.dumps(self._summary),
        )

    def _problems(self) -> list[FileProblem]:
        """Files without facts: those of this run, and of earlier ones that are as they were."""
        known = {one.path: one for one in (*self._parser.result.problems, *self._lost)}
        changed = {*self._comparison.changed, *self._comparison.removed}
        for path, reason in self._summary.get("problems", ()):
            if path not in changed:
                known.setdefault(path, FileProblem(path, reason))
        return [known[path] for path in sorted(known)]

    def make(
        self, generation: StoredGeneration, resolved: Resolved, *, published: bool, seconds: Mapping[str, float]
    ) -> IndexReport:
        """What the caller is told."""
        comparison = self._comparison
        skipped = [FileProblem(one.path, one.reason) for one in self._tree.skipped]
        parsed = self._parser.result.parsed
        return IndexReport(
            repository=repository_of(self._repository, generation, changed=False),
            published=published,
            parsed=parsed,
            reused=max(0, len(comparison.rows) - parsed - len(self._parser.result.problems)),
            resolved=resolved.resolved,
            removed=len(comparison.removed),
            edges=self._summary.get("edges", {}),
            calls=self._summary.get("calls", {}),
            skipped=tuple(sorted([*skipped, *comparison.unread], key=lambda one: one.path)),
            problems=tuple(self._problems()),
            seconds=dict(seconds),
        )


def repository_of(
    repository: StoredRepository, generation: StoredGeneration, *, changed: bool | None = None
) -> Repository:
    """A repository as callers see it."""
    summary: Mapping[str, Any] = json.loads(generation.summary)
    return Repository(
        repository.name,
        repository.root,
        replace(generation_of(repository.name, generation), changed=changed),
        generation.files,
        generation.symbols,
        generation.edges,
        summary.get("languages", {}),
    )
