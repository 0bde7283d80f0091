"""Parsing and resolving in processes of their own: a file that crashes or stalls one costs its own, and is named."""

from __future__ import annotations

import os
import queue
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from agentctx.code.codec import EncodedFacts, Outlines, decode_references, encode
from agentctx.code.driving import Done, Driver, Results, Source, Task
from agentctx.code.extract import extract, facts_key
from agentctx.code.git import blob_hash
from agentctx.code.process import BOOT, Process
from agentctx.code.producers import PRODUCERS, make_parts
from agentctx.code.resolve.edge_codec import decode_edges, encode_edges
from agentctx.code.resolve.edges import FileEdges
from agentctx.code.resolve.resolver import Resolver
from agentctx.code.tame import LARGEST, PATIENCE, is_tame
from agentctx.code.worker import pack_world, read_file

_NEAR: Final = 4
"""So many small files are parsed before another process has started."""
_FEW: Final = 100
"""So many files are resolved before other processes have started and been told of the tree."""


@dataclass(frozen=True, slots=True)
class Extracted:
    """The facts of a file as bytes, under the key that they are stored by; or without facts, the problem.

    parts: what each of `PRODUCERS` made of the content, by its key.
    """

    path: str
    content_hash: str
    size: int
    facts: EncodedFacts | None
    problem: str = ""
    parts: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """See `facts_key`."""
        return facts_key(self.path, self.content_hash)


@dataclass(frozen=True, slots=True)
class ResolvedFile:
    """The edges of a file as bytes, their number by kind and of calls by outcome; or none, and the problem."""

    path: str
    edges: bytes
    footprint: bytes
    kinds: Mapping[str, int] = field(default_factory=dict)
    calls: Mapping[str, int] = field(default_factory=dict)
    problem: str = ""

    def decode(self) -> FileEdges:
        """The edges with their footprint."""
        found = decode_edges(self.edges) if self.edges else FileEdges(self.path)
        found.footprint = self.footprint
        return found


class ExtractionPool:
    """Worker processes that turn files into facts, and facts into edges; a context manager. For one thread at a time.

    Processes start with the first request, about 0.2 s each, and stay for the next. `timeout` is for one file.
    """

    def __init__(self, workers: int | None = None, timeout: float = 20.0) -> None:
        self._count = max(1, workers or os.cpu_count() or 1)
        self._timeout = timeout
        self._workers: list[Process] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the processes. The pool can be used again; they start anew."""
        for worker in self._workers:
            worker.stop()
        self._workers.clear()

    def extract(self, root: Path, paths: Iterable[str]) -> Iterator[Extracted]:
        """The facts of every file under `root`, each as soon as it is ready. Stop iterating to cancel.

        A file that cannot be read, or that kills or stalls its process, comes with a problem and without facts. A few
        small ones are parsed in this process if no other has started yet: starting one takes longer than they do.
        """
        folder, left = str(root), list(paths)
        if len(left) <= _NEAR and not self._running():
            for path in left.copy():
                found = _near(path, os.path.join(folder, path))
                if found is not None:
                    left.remove(path)
                    yield found
        if left:
            yield from self._extracted(Source(left, lambda path: Task(path, ["file", folder, path], b"")))

    def extract_blobs(self, items: Iterable[tuple[str, bytes]]) -> Iterator[Extracted]:
        """The same of contents that are no files: (path, content).

        `items` is drawn from as there is room, by one thread at a time but not always by the caller's.
        """
        return self._extracted(Source(items, lambda item: Task(item[0], ["content", item[0], len(item[1])], item[1])))

    def _running(self) -> bool:
        return any(worker.running for worker in self._workers)

    def _extracted(self, source: Source) -> Iterator[Extracted]:
        for one in self._run(source):
            content_hash, size, problem = one.head or ("", 0, f"{one.problem}: facts are lost")
            if problem:
                yield Extracted(one.path, content_hash, size, None, problem)
                continue
            outline, references, *parts = one.parts
            made = {producer.key: part for producer, part in zip(PRODUCERS, parts, strict=True)}
            yield Extracted(one.path, content_hash, size, EncodedFacts(outline, references), "", made)

    def resolve(
        self, read: Callable[[str], EncodedFacts], imprints: Mapping[str, bytes], paths: Sequence[str]
    ) -> Iterator[ResolvedFile]:
        """The edges of `paths`, in no order. Stop iterating to cancel.

        read: the facts of any file of the tree, asked by one thread at a time but not always by the caller's. imprints:
        those of all its files. A few files are resolved in this process, which reads only the files that they lead to;
        many in others, which are given all of them and end after it.
        """
        if len(paths) <= _FEW or self._count == 1:
            yield from self._resolve_here(read, imprints, paths)
            return
        world = pack_world({path: read(path).outline for path in imprints}, imprints)

        def task(path: str) -> Task:
            references = read(path).references
            return Task(path, ["edges", path, len(references)], references)

        try:
            for one in self._run(Source(sorted(paths), task), (["world", len(world)], world)):
                problem, kinds, calls = one.head or (f"{one.problem}: edges are lost", {}, {})
                edges, footprint = one.parts or (b"", b"")
                yield ResolvedFile(one.path, edges, footprint, kinds, calls, problem)
        finally:
            self.close()  # what they hold of the tree is large

    def _resolve_here(
        self, read: Callable[[str], EncodedFacts], imprints: Mapping[str, bytes], paths: Sequence[str]
    ) -> Iterator[ResolvedFile]:
        outlines = Outlines(lambda path: read(path).outline, imprints.keys())
        resolver = Resolver(outlines, lambda path: decode_references(read(path).references), imprints)
        for found in resolver.resolve(paths):
            kinds = Counter(edge.kind for edge in found.edges)
            yield ResolvedFile(found.path, encode_edges(found), found.footprint, kinds, found.calls)

    def _run(self, source: Source, first: tuple[list[Any], bytes] | None = None) -> Iterator[Done]:
        """Hand out tasks and give the answers as they come; each process is told `first` before its first task."""
        while len(self._workers) < self._count:
            self._workers.append(Process(BOOT))
        results: Results = queue.SimpleQueue()
        stop = threading.Event()
        drivers = [
            Driver(worker, source, place % 2 == 1, results, self._timeout, first)
            for place, worker in enumerate(self._workers[: source.at_most(self._count)])
        ]
        threads = [threading.Thread(target=driver.run, args=(stop,), daemon=True) for driver in drivers]
        for thread in threads:
            thread.start()
        try:
            running = len(threads)
            while running:
                result = results.get()
                if result is None:
                    running -= 1
                elif isinstance(result, BaseException):
                    raise result
                else:
                    yield result
        finally:
            stop.set()
            for thread in threads:
                thread.join()


def _near(path: str, file: str) -> Extracted | None:
    """The facts of a file, parsed here; None where that may be slow, or fails: another process then says why."""
    try:
        if os.stat(file, follow_symlinks=False).st_size > LARGEST:
            return None
        content = read_file(file)
        if not is_tame(content):
            return None
        facts = extract(path, content, PATIENCE)
        encoded, parts = encode(facts), make_parts(facts, content)
    except Exception:
        return None
    return Extracted(path, blob_hash(content), len(content), encoded, "", parts)
