"""What it is worth that vectors of one topic lie side by side: the same rows, the same kernel, in the same run.

    python benchmarks/layout.py --data longmemeval_s.json --sizes 100000 1000000 --json layout.json

Vectors are those of a LoCoMo or LongMemEval file's distinct turns; where it has fewer than asked for, of the distinct
sentences of its turns, and beyond them made up around real ones, which the report says. For each size: scoring the
rows of some clusters where they lie scattered in log order, laid out, and read block by block; the nearest rows by
codes before and after, with their recall against all rows scored; and what laying out takes, unit by unit. With
`--searched N` an engine holds N episodes of the file and is asked the same questions before and after `consolidate`.

Milliseconds are what the thread itself computed, which other load leaves alone, but for its share of the caches; the
nearest rows are timed by the clock as well.
"""

from __future__ import annotations

import argparse
import gc
import re
import tempfile
import time
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from statistics import median
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from agentctx_bench import host, report
from agentctx_bench.loading import material
from agentctx_bench.stats import percentiles

from agentctx.embed.static import StaticEmbedder
from agentctx.engine import ContextEngine
from agentctx.index.clustering import assign, clusters_for, lay_out, learn, sampled, unit_length
from agentctx.index.layout import Layout
from agentctx.index.vectors import VectorIndex

T = TypeVar("T")
Floats = npt.NDArray[np.float32]
NAMESPACE = "bench/layout"
SHARES = (0.001, 0.01, 0.05)
DEPTHS = (10, 100)
NOISE = 0.5  # of a made-up vector: how far from the real one, as a share of its length


def vectors_of(texts: Sequence[str]) -> Floats:
    """Embedded as a store would keep them: in half precision."""
    embedder = StaticEmbedder()
    parts = [embedder.embed(texts[i : i + 1000]).astype(np.float16) for i in range(0, len(texts), 1000)]
    return np.concatenate(parts)


def some_texts(data: Path | None, size: int, seed: int) -> tuple[list[str], list[str]]:
    """Distinct turns, then distinct sentences of turns; and questions."""
    episodes, questions = material(data, size, 1000, seed)
    texts = [one.content for one in episodes]
    if data is not None and len(texts) < size:
        known = dict.fromkeys(texts)
        for text in texts:
            for sentence in re.split(r"(?<=[.!?])\s+|\n+", text):
                if len(known) < size and len(sentence) > 25:
                    known.setdefault(sentence.strip())
        texts = list(known)
    return texts, questions


def material_for(size: int, real: Floats, seed: int) -> tuple[Floats, int]:
    """The first `size` vectors, and how many of them are made up."""
    missing = size - len(real)
    if missing <= 0:
        return real[:size], 0
    generator = np.random.default_rng(seed)
    near = real[generator.integers(len(real), size=missing)].astype(np.float32)
    noise = generator.standard_normal(near.shape, dtype=np.float32)
    near += NOISE * noise / np.linalg.norm(noise, axis=1, keepdims=True)
    return np.concatenate((real, (near / np.linalg.norm(near, axis=1, keepdims=True)).astype(np.float16))), missing


def stepped(work: Generator[None, None, T], units: list[float]) -> T:
    """The result of some work; appends the milliseconds that each unit computed."""
    while True:
        began = time.thread_time()
        try:
            next(work)
        except StopIteration as end:
            result: T = end.value
            return result
        finally:
            units.append((time.thread_time() - began) * 1000)


def laid_out(index: VectorIndex) -> tuple[VectorIndex, Layout, dict[str, Any]]:
    """The same index in the order of its clusters, and what that took."""
    size = len(index)
    rows = sampled(size, clusters_for(size))
    phases: dict[str, list[float]] = {"clusters": [], "episodes": [], "layout": [], "vectors": []}
    centroids = stepped(learn(index.vectors, size, unit_length(index.vectors(rows))), phases["clusters"])
    labels, centroids = stepped(assign(index.vectors, size, centroids), phases["episodes"])
    layout = stepped(lay_out(index.vectors, labels, centroids), phases["layout"])
    fresh = stepped(index.relaid(layout), phases["vectors"])
    return fresh, layout, {
        "seconds": {name: round(sum(units) / 1000, 2) for name, units in phases.items()},
        "longest_unit_ms": {name: round(max(units), 2) for name, units in phases.items()},
        "unit_ms": percentiles([unit for units in phases.values() for unit in units]) | {
            "max": round(max(unit for units in phases.values() for unit in units), 2)
        },
        "clusters": layout.clusters,
        "cells": layout.cells,
    }  # fmt: skip


Way = Callable[[int], Any]


def ways_to_score(
    index: VectorIndex, fresh: VectorIndex, layout: Layout, queries: Floats, wanted: int
) -> tuple[dict[str, Way], dict[str, Any]]:
    """How the rows of the clusters most like a query may be scored, by number of the query; and how many there are."""
    base = fresh._base  # the kernel for a block
    runs = [layout.runs(layout.probe(query, wanted)) for query in queries]
    laid = [np.concatenate([layout.order[first:end] for first, end in some]) for some in runs]
    log = [np.sort(rows) for rows in laid]
    ways: dict[str, Way] = {
        "scattered": lambda n: index.score(log[n], queries[n]),
        "in order": lambda n: fresh.score(laid[n], queries[n]),
        "contiguous": lambda n: [base.score_range(first, end, queries[n]) for first, end in runs[n]],
    }
    return ways, {"rows": median(len(rows) for rows in laid), "blocks": median(len(some) for some in runs)}


def locality(index: VectorIndex, fresh: VectorIndex, layout: Layout, queries: Floats, rounds: int) -> dict[str, Any]:
    """The same rows in both orders: those of the clusters most like each query, a share of all.

    Each way goes through all queries before the next one begins, so that rows are not at hand from the way before.
    """
    found: dict[str, Any] = {}
    for share in SHARES:
        ways, sizes = ways_to_score(index, fresh, layout, queries, max(1, int(share * len(index))))
        taken: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(rounds):
            for name, way in ways.items():
                for number in range(len(queries)):
                    began = time.thread_time()
                    way(number)
                    taken[name].append((time.thread_time() - began) * 1000)
        ms = {name: median(values) for name, values in taken.items()}
        found[f"{share:.1%}"] = {
            **sizes,
            "ms": {name: round(value, 4) for name, value in ms.items()},
            "scattered / in order": round(ms["scattered"] / ms["in order"], 2),
            "scattered / contiguous": round(ms["scattered"] / ms["contiguous"], 2),
        }
    return found


def nearness(
    index: VectorIndex, truth: list[npt.NDArray[np.int64]], queries: Floats, look: int | None
) -> dict[str, Any]:
    """Recall of the nearest rows, what is looked at, and how long it takes."""
    recall: dict[int, list[float]] = {depth: [] for depth in DEPTHS}
    times: list[float] = []
    computing: list[float] = []
    codes: list[int] = []
    scored: list[int] = []
    for query, best in zip(queries, truth, strict=True):
        for depth in DEPTHS:
            computed, began = time.thread_time(), time.perf_counter()
            near = index.nearest(query, depth, look=look)
            if depth == DEPTHS[0]:
                times.append((time.perf_counter() - began) * 1000)
                computing.append((time.thread_time() - computed) * 1000)
                codes.append(near.codes)
                scored.append(near.scored)
            floor = near.scores[-1] if len(near.scores) else 0.0
            exact = index.score(best[:depth], query)
            recall[depth].append(float(np.mean(np.isin(best[:depth], near.rows) | (exact == floor))))  # ties count
    return {
        "ms": percentiles(times),
        "cpu_ms": percentiles(computing),
        **{f"recall@{depth}": round(float(np.mean(values)), 4) for depth, values in recall.items()},
        "codes": median(codes),
        "scored": median(scored),
    }


def measure(size: int, real: Floats, queries: Floats, rounds: int, seed: int) -> dict[str, Any]:
    """Everything about one size."""
    rows, made_up = material_for(size, real, seed)
    index = VectorIndex(rows.shape[1])
    began = time.perf_counter()
    for first in range(0, len(rows), 1000):
        index.extend(rows[first : first + 1000])
    took = time.perf_counter() - began
    fresh, layout, building = laid_out(index)
    same = all(np.array_equal(index.score_all(query), fresh.score_all(query)) for query in queries[:5])
    exact = [np.argsort(-index.score_all(query), kind="stable")[: max(DEPTHS)] for query in queries]
    gc.collect()
    default = int(4 * size**0.75)
    return {
        "rows": len(rows),
        "made_up": made_up,
        "bytes_per_row": round(fresh.nbytes / len(rows), 1),
        "extend_us_per_row": round(took / len(rows) * 1e6, 2),
        "scores_identical": same,
        "layout": building,
        "locality": locality(index, fresh, layout, queries, rounds),
        "nearest": {
            "log order, all codes": nearness(index, exact, queries, None),
            "laid out, default": nearness(fresh, exact, queries, None),
            **{f"laid out, {share:.0%}": nearness(fresh, exact, queries, int(share * default))
               for share in (0.25, 0.5, 2)},
        },
    }  # fmt: skip


def searched(data: Path | None, count: int, questions: Sequence[str], seed: int) -> dict[str, Any]:
    """An engine's hits before and after `consolidate`."""
    episodes, _ = material(data, count, 0, seed)
    with (
        tempfile.TemporaryDirectory(prefix="agentctx-layout-") as folder,
        ContextEngine.open(Path(folder) / "memory.db", embedder="static") as engine,
    ):
        memory = engine.memory
        for first in range(0, len(episodes), 100):
            memory.add(NAMESPACE, episodes[first : first + 100])

        def ask() -> tuple[list[list[tuple[str, float]]], list[float]]:
            hits, times = [], []
            for question in questions:
                began = time.perf_counter()
                found = memory.search(NAMESPACE, question).hits
                times.append((time.perf_counter() - began) * 1000)
                hits.append([(hit.episode.id, hit.score) for hit in found])
            return hits, times

        ask()
        before, slow = ask()
        began = time.perf_counter()
        last = list(memory.consolidate(NAMESPACE))[-1]
        took = time.perf_counter() - began
        ask()
        after, fast = ask()
    return {
        "episodes": len(episodes),
        "questions": len(questions),
        "same_hits_and_scores": round(float(np.mean([one == two for one, two in zip(before, after, strict=True)])), 4),
        "ms_before": percentiles(slow),
        "ms_after": percentiles(fast),
        "consolidate_s": round(took, 2),
        "said": last.message,
    }


def main() -> None:
    """Measure, print, and write JSON where asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="take turns from this LoCoMo or LongMemEval file")
    parser.add_argument("--sizes", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--searched", type=int, default=0, help="episodes of an engine that is asked, too")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    texts, questions = some_texts(given.data, max(given.sizes), given.seed)
    queries = vectors_of(questions[: given.queries]).astype(np.float32)
    real = vectors_of(texts)
    result: dict[str, Any] = {
        "benchmark": "layout",
        "sizes": {},
        "queries": len(queries),
        "rounds": given.rounds,
        "data": given.data.name if given.data else "synthetic",
        "seed": given.seed,
        "machine": host.machine(),
        "versions": host.versions(),
    }
    for size in given.sizes:
        result["sizes"][str(size)] = one = measure(size, real, queries, given.rounds, given.seed)
        print(f"{size:,} rows ({one['made_up']:,} made up), {one['bytes_per_row']} bytes each")
        for part in ("layout", "locality", "nearest"):
            for name, value in one[part].items():
                print(f"  {part:9} {name:22} {value}")
    if given.searched:
        result["searched"] = searched(given.data, given.searched, questions[: given.queries], given.seed)
        print(f"  searched  {result['searched']}")
    result["machine"]["load_after"] = host.machine()["load_1min"]
    print(f"  {result['machine']}\n  {result['versions']}")
    if given.json:
        report.write_json(result, given.json)


if __name__ == "__main__":
    main()
