"""`agentctx bench peers`: the same episodes, queries and vectors through other systems, dense with dense, hybrid with
hybrid, each with its recall beside its latency.

Timed is one search from the query's text to the texts of its hits, the embedding by the same embedder included.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from agentctx.config import SearchSettings
from agentctx.engine import ContextEngine
from agentctx.errors import InvalidArgument
from agentctx_bench import host, plot, report, scale, scale_work, synthetic
from agentctx_bench.baseline import require
from agentctx_bench.fairness import tie_fair_recall
from agentctx_bench.peer_systems import DENSE, HYBRID, PEERS, Peer
from agentctx_bench.scale_data import Sources
from agentctx_bench.scale_work import NAMESPACE, Task, apart
from agentctx_bench.stats import percentiles

_WARM: Final = 10
_DEEP: Final = 50
_ROUNDED: Final = 2e-4  # of a cosine: float16 vectors, int8 codes of a stored one
Truth = list[dict[str, float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How it is run. systems: only these of `PEERS` (default: all). plot: draw there. The rest as for `scale`."""

    sizes: Sequence[int] = (10_000, 100_000)
    data: Path | None = None
    git: Sequence[Path] = ()
    queries: int = 50
    k: int = 10
    systems: Sequence[str] = ()
    keep: Path | None = None
    embedder: str = "static"
    seed: int = 0
    plot: Path | None = None
    json_out: Path | None = None


def peers(options: Options) -> dict[str, Any]:
    """Measure and return the report. Raises InvalidArgument, and MissingDependency before anything is measured."""
    names = tuple(options.systems) or tuple(PEERS)
    if unknown := [name for name in names if name not in PEERS]:
        raise InvalidArgument(f"unknown system {unknown[0]!r}; known: {', '.join(PEERS)}", field="systems")
    for name in names:
        PEERS[name]()
    if options.plot is not None:
        require("matplotlib", "matplotlib", "peers")
    sources = Sources(options.data, tuple(options.git), options.seed)
    about = sources.told()
    filling = scale.Options(
        sizes=options.sizes, data=options.data, git=options.git, queries=options.queries, k=options.k,
        embedder=options.embedder, seed=options.seed,
    )  # fmt: skip
    with scale.folder_of(options.keep) as folder:
        rows = []
        for size in options.sizes:
            task, filled = scale.prepared(size, folder, sources, about, filling)
            apart(scale_work.settle, task)
            rows.append({"episodes": size, "sources": filled["counts"], "systems": _all(task, sources, names, filled)})
    result: dict[str, Any] = {
        "benchmark": "peers",
        "sizes": rows,
        "data": about,
        "k": options.k,
        "queries": 3 * options.queries,
        "embedder": options.embedder,
        "seed": options.seed,
        "machine": scale_work.cores(),
        "versions": host.versions() | host.versions_of("lancedb", "chromadb", "faiss-cpu"),
    }
    if options.json_out is not None:
        report.write_json(result, options.json_out)
    if options.plot is not None:
        plot.draw(result, options.plot)
    return result


def _all(task: Task, sources: Sources, names: Sequence[str], filled: Mapping[str, Any]) -> list[dict[str, Any]]:
    slim = replace(sources, dataset=None)
    truth: Truth = apart(exact_dense, task, slim)
    rate = round(filled["added"] / filled["seconds"]) if filled["seconds"] else None
    rows = [
        {
            **apart(ask_agentctx, task, task_name, truth),
            "add_per_s": rate,
            "disk_mib": scale_work.disk_mib(task.store)["store"],
        }
        for task_name in (DENSE, HYBRID)
    ]
    for name in names:
        folder = task.store.with_name(f"peer-{name}-{task.size}")
        marker = folder.with_suffix(".json")
        system: Peer = PEERS[name]()
        try:
            if not marker.exists():
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
                marker.write_text(json.dumps(apart(build, task, slim, name, folder)), encoding="utf-8")
            rows.append(
                {
                    **apart(ask_peer, task, name, folder, truth),
                    "add_per_s": round(task.size / json.loads(marker.read_text(encoding="utf-8"))["seconds"]),
                    "disk_mib": round(sum(one.stat().st_size for one in folder.rglob("*") if one.is_file()) / 2**20, 1),
                }
            )
        except Exception as error:  # one system's failure is a row of the report, not the end of the others
            rows.append({"system": system.name, "task": system.task, "error": f"{type(error).__name__}: {error}"[:200]})
    return rows


def build(task: Task, sources: Sources, name: str, folder: Path) -> dict[str, float]:
    """Fill a peer with the stream; the seconds that it took, without reading and embedding."""
    ids, texts, vectors = _material(task, sources)
    system: Peer = PEERS[name]()
    began = time.perf_counter()
    system.build(folder, ids, texts, vectors)
    return {"seconds": time.perf_counter() - began}


def exact_dense(task: Task, sources: Sources) -> Truth:
    """For each query the cosine of the best rows, from all vectors."""
    ids, _, vectors = _material(task, sources)
    matrix = np.asarray(vectors, dtype=np.float32)
    truth: Truth = []
    with task.open() as engine:
        for query in task.queries:
            scores = matrix @ np.asarray(engine.memory.embedder.embed([query.text], "query")[0], dtype=np.float32)
            best = np.argsort(-scores, kind="stable")[:_DEEP]
            truth.append({ids[row]: float(scores[row]) for row in best.tolist()})
    return truth


def _material(task: Task, sources: Sources) -> tuple[list[str], list[str], npt.NDArray[Any]]:
    episodes = list(sources.episodes(task.size))
    texts = [episode.content for episode in episodes]
    with task.open() as engine:
        vectors = scale_work.vectors_of(task, texts, engine.memory.embedder)
    return [episode.id for episode in episodes], texts, vectors


def ask_peer(task: Task, name: str, folder: Path, truth: Truth) -> dict[str, Any]:
    """Latency, recall and memory of a system in a process of its own."""
    system: Peer = PEERS[name]()
    with task.open() as engine:
        embed = engine.memory.embedder.embed
        system.open(folder)

        def ask(text: str, *, exhaustive: bool = False) -> list[str]:
            vector = np.asarray(embed([text], "query")[0], dtype=np.float32)
            return system.search(text, vector, task.k, exhaustive=exhaustive)[0]

        for text in synthetic.questions(_WARM, 1000, seed=1):
            ask(text)
        taken, found = _asked(task, ask)
        resident = host.resident_mib()["total"]
        if system.task == DENSE:
            recall = _recall(found, truth, task.k, _ROUNDED)
        elif system.exact:
            recall = 1.0
        else:
            every = [ask(query.text, exhaustive=True) for query in task.queries]
            recall = fmean(len(set(a) & set(b)) / max(len(b), 1) for a, b in zip(found, every, strict=True))
    return {
        "system": system.name,
        "task": system.task,
        "latency_ms": percentiles(taken),
        "recall": round(recall, 4),
        "recall_is": "of exact cosine" if system.task == DENSE else "of its own ranking without an approximate index",
        "resident_mib": resident,
    }


def ask_agentctx(task: Task, kind: str, truth: Truth) -> dict[str, Any]:
    """The same of agentctx; dense with every other evidence switched off."""
    settings = task.settings()
    assert settings is not None
    if kind == DENSE:
        switched = {name: False for name in ("time", "tags") if hasattr(settings.search, name)}
        settings = replace(settings, search=replace(SearchSettings(lexical=False, context=False), **switched))
    with ContextEngine.open(task.store, embedder=task.embedder, settings=settings) as engine:
        times = {query.text: query.reference_time for query in task.queries}

        def ask(text: str) -> list[str]:
            hits = engine.memory.search(NAMESPACE, text, k=task.k, reference_time=times.get(text)).hits
            return [hit.episode.id for hit in hits if hit.episode.content]

        for text in synthetic.questions(_WARM, 1000, seed=1):
            ask(text)
        taken, found = _asked(task, ask)
        resident = host.resident_mib()["total"]
        if kind == HYBRID:
            every = [
                engine.memory.search(NAMESPACE, q.text, k=_DEEP, reference_time=q.reference_time, exhaustive=True).hits
                for q in task.queries
            ]
            truth = [{hit.episode.id: hit.score for hit in hits} for hits in every]
        recall = _recall(found, truth, task.k, _ROUNDED if kind == DENSE else 1e-5)
    return {
        "system": "agentctx",
        "task": kind,
        "latency_ms": percentiles(taken),
        "recall": round(recall, 4),
        "recall_is": "of exact cosine" if kind == DENSE else "of its own exhaustive mode",
        "resident_mib": resident,
    }


def _asked(task: Task, ask: Any) -> tuple[list[float], list[list[str]]]:
    taken, found = [], []
    for query in task.queries:
        began = time.perf_counter()
        ids = ask(query.text)
        taken.append((time.perf_counter() - began) * 1000)
        found.append(ids)
    return taken, found


def _recall(found: Sequence[Sequence[str]], truth: Truth, k: int, epsilon: float) -> float:
    return fmean(tie_fair_recall(ids, scores, k, epsilon) for ids, scores in zip(found, truth, strict=True))
