"""What `agentctx bench scale` does in processes of its own: fill a store, ask it, ask the baseline.

Each function runs in a fresh process, so that what one holds in memory is not counted for another.
"""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np
import numpy.typing as npt

from agentctx import kernels
from agentctx.config import Settings
from agentctx.engine import ContextEngine
from agentctx.types import NewEpisode
from agentctx_bench import host, synthetic
from agentctx_bench.baseline import Baseline
from agentctx_bench.fairness import tie_fair_recall
from agentctx_bench.progress import bar
from agentctx_bench.scale_data import Sources
from agentctx_bench.scale_queries import Query, queries

NAMESPACE, COLD = "bench/scale", "bench/cold"
COLD_EPISODES: Final = 1_000
_BATCH: Final = 500
_SAMPLE: Final = 20_000  # episodes that queries are made from
_WARM: Final = 20
_DEEP: Final = 100  # of the exhaustive ranking: ties may reach past the k-th
_SWITCHES: Final = {"time": "time", "tags": "tags"}  # of [search], by what a report calls them
COUNTS: Final = ("episodes", "candidates", "scored", "postings", "codes")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Task:
    """A store of a size and how it is asked. `without` names what is switched off."""

    store: Path
    size: int
    k: int = 10
    embedder: str = "static"
    without: str = ""
    memory_bytes: int = 8 << 30
    queries: Sequence[Query] = field(default=())

    def settings(self) -> Settings | None:
        """Settings for it; None where this agentctx knows no such switch."""
        settings = Settings.load()
        index = replace(settings.index, memory_bytes=self.memory_bytes)
        search = settings.search
        if self.without == "consolidation":  # an index made from the log, and left as it is
            index = replace(index, housekeeping=False, snapshots=False)
        elif self.without and self.without != "kernels":
            if not hasattr(search, _SWITCHES[self.without]):
                return None
            search = replace(search, **{_SWITCHES[self.without]: False})
        return replace(settings, index=index, search=search)

    def open(self) -> ContextEngine:
        """The engine on its store. Without kernels, this process is without them from now on."""
        if self.without == "kernels":
            kernels.compiled = None
        return ContextEngine.open(self.store, embedder=self.embedder, settings=self.settings())


def apart(work: Callable[..., T], *arguments: Any) -> T:
    """What `work` returns, called in a fresh process."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(work, *arguments).result()


# --- filling ----------------------------------------------------------------------------------------------------------


def fill(task: Task, sources: Sources, query_count: int) -> dict[str, Any]:
    """Put what is missing of the stream into the store, and make the queries."""
    sample: list[NewEpisode] = []
    every = max(task.size // _SAMPLE, 1)
    with task.open() as engine:
        memory = engine.memory
        memory.add("bench/warm-up", ["A first write, so that nothing is loaded within a measurement."])
        present = {one.name: one.episodes for one in memory.list_namespaces(prefix="bench").namespaces}
        there, cold = present.get(NAMESPACE, 0), present.get(COLD, 0)
        spent, added = 0.0, 0
        with bar(f"episodes to {task.size:,}", task.size) as advance:
            for start, batch in _batches(sources.episodes(task.size)):
                sample += batch[:: every if every > 1 else 1][: _BATCH // every + 1]
                if cold < COLD_EPISODES:
                    memory.add(COLD, batch[: COLD_EPISODES - cold])
                    cold += len(batch[: COLD_EPISODES - cold])
                missing = batch[max(there - start, 0) :]
                if missing:
                    began = time.perf_counter()
                    memory.add(NAMESPACE, missing)
                    spent += time.perf_counter() - began
                    added += len(missing)
                advance(len(batch))
    asked = queries(sources.dataset, sample, query_count, sources.seed)
    return {
        "counts": dict(sources.counts),
        "added": added,
        "seconds": spent,
        "synchronous": Settings.load().store.synchronous,
        "peak_memory_mib": host.peak_memory_mib(),
        "queries": asked,
    }


def settle(task: Task) -> dict[str, Any]:
    """Make the index if there is none, put it in order, and leave a snapshot, all by the code that is measured."""
    began = time.perf_counter()
    with task.open() as engine:
        for namespace in (NAMESPACE, COLD):
            engine.memory.search(namespace, "What is there?", k=task.k)
        opened = time.perf_counter()
        for _ in engine.memory.consolidate(NAMESPACE):
            pass
        consolidated = time.perf_counter()
        tags = len(engine.memory.list_tags(NAMESPACE, page_size=1000).tags)
    return {
        "first_search_s": round(opened - began, 2),
        "consolidate_s": round(consolidated - opened, 2),
        "close_s": round(time.perf_counter() - consolidated, 2),
        "tags_on_first_page": tags,
        "peak_memory_mib": host.peak_memory_mib(),
    }


def _batches(episodes: Iterator[NewEpisode]) -> Iterator[tuple[int, list[NewEpisode]]]:
    start, batch = 0, list[NewEpisode]()
    for episode in episodes:
        batch.append(episode)
        if len(batch) == _BATCH:
            yield start, batch
            start, batch = start + _BATCH, []
    if batch:
        yield start, batch


# --- asking -----------------------------------------------------------------------------------------------------------


def measure(task: Task) -> dict[str, Any]:
    """Open the store, ask every query once, and say what it took."""
    before = host.resident_mib()
    began = time.perf_counter()
    engine = task.open()
    opened = time.perf_counter()
    memory = engine.memory
    memory.search(NAMESPACE, "What is there?", k=task.k)
    answered = time.perf_counter()
    try:
        for text in synthetic.questions(_WARM, 1000, seed=1):
            memory.search(NAMESPACE, text, k=task.k)
        warm = host.resident_mib()
        gc.collect()
        taken = [_timed(partial(_contents, engine, task, query)) for query in task.queries]
        began_cold = time.perf_counter()
        memory.search(COLD, task.queries[0].text if task.queries else "What is there?", k=task.k)
        cold = (time.perf_counter() - began_cold) * 1000
        after = host.resident_mib()
    finally:
        engine.close()
    return {
        "open_s": round(answered - began, 3),
        "open_engine_s": round(opened - began, 3),
        "cold_ms": round(cold, 2),
        "resident_mib": {"imports": before, "opened": warm, "asked": after},
        "ms": [clock for clock, _ in taken],
        "cpu_ms": [computed for _, computed in taken],
    }


def judge(task: Task) -> list[dict[str, Any]]:
    """For each query what its search looked at, and the recall against the exhaustive mode. Nothing is timed here."""
    told: list[dict[str, Any]] = []
    with task.open() as engine, bar(f"exhaustive, {task.size:,}", len(task.queries)) as advance:
        for query in task.queries:
            now = query.reference_time
            routed = engine.memory.search(NAMESPACE, query.text, k=task.k, explain=True, reference_time=now)
            every = engine.memory.search(
                NAMESPACE, query.text, k=max(_DEEP, task.k), exhaustive=True, reference_time=now
            )
            explained: Any = routed.explanation
            scores = {hit.episode.id: hit.score for hit in every.hits}
            told.append(
                {
                    "recall": tie_fair_recall([hit.episode.id for hit in routed.hits], scores, task.k),
                    "widened": explained.widened,
                    "sources": dict(explained.sources),
                    "degraded": bool(routed.degraded),
                    "stages_ms": dict(explained.stages_ms),
                    **{name: int(explained.candidates.get(name, 0)) for name in COUNTS},
                }
            )
            advance(1)
    return told


def _contents(engine: ContextEngine, task: Task, query: Query) -> list[str]:
    found = engine.memory.search(NAMESPACE, query.text, k=task.k, reference_time=query.reference_time)
    return [hit.episode.content for hit in found.hits]


def _timed(ask: Callable[[], object]) -> tuple[float, float]:
    """Milliseconds by the clock, and those that this thread computed, which other load leaves alone."""
    computed, began = time.thread_time(), time.perf_counter()
    ask()
    return (time.perf_counter() - began) * 1000, (time.thread_time() - computed) * 1000


# --- the baseline -----------------------------------------------------------------------------------------------------


def vectors_of(task: Task, texts: Sequence[str], embedder: Any) -> npt.NDArray[np.float16]:
    """The vectors of the stream by the engine's own embedder, kept in a file beside the store."""
    kept = task.store.with_name(f"{task.store.name}.vectors-{_short(embedder.identity.key)}.npy")
    vectors: npt.NDArray[np.float16]
    if kept.exists():
        vectors = np.load(kept, mmap_mode="r")
    else:
        rows = []
        with bar(f"vectors, {task.size:,}", len(texts)) as advance:
            for start in range(0, len(texts), _BATCH):
                part = texts[start : start + _BATCH]
                rows.append(np.asarray(embedder.embed(part), dtype=np.float16))
                advance(len(part))
        vectors = np.concatenate(rows)
        np.save(kept, vectors)
    return vectors


def _short(key: str) -> str:
    return "".join(letter for letter in key if letter.isalnum())[-12:]


def ask_baseline(task: Task, sources: Sources) -> dict[str, Any]:
    """The fixed baseline over the same rows: milliseconds for each query, seconds to build, memory."""
    texts = [episode.content for episode in sources.episodes(task.size)]
    with task.open() as engine:
        embedder = engine.memory.embedder
        vectors = vectors_of(task, texts, embedder)
        began = time.perf_counter()
        baseline = Baseline(texts, vectors, lambda query: embedder.embed([query], "query")[0])
        built = time.perf_counter()
        for text in synthetic.questions(3, 1000, seed=1):
            baseline.search(text, task.k)
        taken = [_timed(partial(baseline.search, query.text, task.k)) for query in task.queries]
    both = {"ms": [clock for clock, _ in taken], "cpu_ms": [computed for _, computed in taken]}
    return {**both, "build_s": round(built - began, 1), "resident_mib": host.resident_mib()}


def disk_mib(store: Path) -> dict[str, float]:
    """What lies on disk: the store with its log, and snapshots beside it."""
    main = sum(
        one.stat().st_size
        for one in store.parent.glob(f"{store.name}*")
        if one.is_file() and ".vectors-" not in one.name
    )
    beside = sum(
        one.stat().st_size
        for folder in store.parent.glob(f"{store.name}*")
        if folder.is_dir()
        for one in folder.rglob("*")
        if one.is_file()
    )
    return {"store": round(main / 2**20, 1), "snapshots": round(beside / 2**20, 1)}


def cores() -> Mapping[str, Any]:
    """The machine, and a word of warning where others work on it."""
    machine = host.machine()
    load, count = machine["load_1min"] or 0.0, machine["cores"] or 1
    if load > 0.5 * count:
        machine["warning"] = f"the machine was busy (load {load} on {count} cores): read timings as ratios"
    machine["pid_nice"] = os.nice(0) if hasattr(os, "nice") else None
    return machine
