"""Latency of one search: text in to hits with text out, embedded, one namespace, one thread.

    python benchmarks/search_latency.py                      # 10,000 made-up episodes
    python benchmarks/search_latency.py --data s_dev.json.xz # real turns of a LongMemEval or LoCoMo file

Every question is asked once for the headline, since people do not repeat themselves, and a second time to show what
caches make of it. The yardstick of the same run scans the same rows in numpy: BM25 over single turns plus the cosine of
the same embedder, texts in a Python list. It knows no filters, validity, windows or durability. Both are asked
in turns, so that a busy machine slows both; `cpu` is what the asking thread itself computed, which other load leaves
alone.
"""

from __future__ import annotations

import argparse
import gc
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from agentctx_bench import host, report, synthetic
from agentctx_bench.bm25 import BM25
from agentctx_bench.loading import material
from agentctx_bench.stats import percentiles

from agentctx.engine import ContextEngine
from agentctx.types import NewEpisode

NAMESPACE = "bench/latency"
Ask = Callable[[str], Sequence[str]]


def yardstick(engine: ContextEngine, episodes: Sequence[NewEpisode], k: int) -> Ask:
    """BM25 plus cosine over every row, on one scale, as one would write it in an afternoon."""
    texts = [f"{episode.speaker} {episode.content}" for episode in episodes]
    embedder = engine.memory.embedder
    bm25 = BM25(texts)
    matrix = np.concatenate([embedder.embed(texts[i : i + 500]) for i in range(0, len(texts), 500)])

    def ask(query: str) -> Sequence[str]:
        lexical = bm25.scores(query)
        scores = lexical / (lexical.max() or 1.0) + matrix @ embedder.embed([query], "query")[0]
        best = np.argpartition(-scores, k)[:k] if k < len(scores) else np.arange(len(scores))
        return [texts[row] for row in best[np.argsort(-scores[best])]]

    return ask


def timed(ask: Ask, query: str) -> tuple[float, float]:
    """Milliseconds of one search: by the clock, and of this thread's computing."""
    computed, began = time.thread_time(), time.perf_counter()
    texts = ask(query)
    took, computing = (time.perf_counter() - began) * 1000, (time.thread_time() - computed) * 1000
    if not texts:
        raise RuntimeError("a search that finds nothing proves nothing")
    return took, computing


def main() -> None:
    """Measure, print, and write JSON where asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="take turns and questions from this LoCoMo or LongMemEval file")
    parser.add_argument("--episodes", type=int, default=10_000)
    parser.add_argument("--queries", type=int, default=500)
    parser.add_argument("--k", type=int, default=10)
    parser.add_argument("--embedder", default="static")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    episodes, queries = material(given.data, given.episodes, given.queries, given.seed)
    with (
        tempfile.TemporaryDirectory(prefix="agentctx-latency-") as folder,
        ContextEngine.open(Path(folder) / "memory.db", embedder=given.embedder) as engine,
    ):
        for start in range(0, len(episodes), 100):
            engine.memory.add(NAMESPACE, episodes[start : start + 100])

        def ask(query: str) -> Sequence[str]:
            return [hit.episode.content for hit in engine.memory.search(NAMESPACE, query, k=given.k).hits]

        asks: dict[str, Ask] = {"agentctx": ask, "yardstick": yardstick(engine, episodes, given.k)}
        # What is loaded or grown on first use belongs to opening; the words of the questions are not among these.
        for query in synthetic.questions(30, 1000, seed=given.seed + 1):
            for one in asks.values():
                one(query)
        gc.collect()
        taken: dict[str, list[float]] = {}
        for when in ("first", "again"):
            for query in queries:
                for name, one in asks.items():
                    took, computing = timed(one, query)
                    taken.setdefault(f"{name}, {when}", []).append(took)
                    taken.setdefault(f"{name}, {when}, cpu", []).append(computing)
    told = {name: percentiles(values, digits=4) for name, values in taken.items()}
    ours, theirs = told["agentctx, first"], told["yardstick, first"]
    result = {
        "benchmark": "search_latency",
        "latency_ms": ours,
        "yardstick_ms": theirs,
        "ratio": {p: round(ours[p] / theirs[p], 2) for p in ours},
        "all_ms": told,
        "episodes": len(episodes),
        "queries": len(queries),
        "k": given.k,
        "embedder": given.embedder,
        "data": given.data.name if given.data else "synthetic",
        "seed": given.seed,
        "machine": host.machine(),
        "versions": host.versions(),
    }
    print(f"{len(episodes)} episodes ({result['data']}), {len(queries)} queries, k={given.k}, seed {given.seed}")
    for name, row in told.items():
        print(f"  {name:22} p50 {row['p50']:8.3f} ms   p95 {row['p95']:8.3f} ms   p99 {row['p99']:8.3f} ms")
    print(f"  agentctx / yardstick, first: {result['ratio']}")
    print(f"  {host.machine()}\n  {host.versions()}")
    if given.json:
        report.write_json(result, given.json)


if __name__ == "__main__":
    main()
