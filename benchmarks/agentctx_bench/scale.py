"""`agentctx bench scale`: what a search costs in one namespace of ten thousand, a hundred thousand, a million episodes.

The routed search is compared with the engine's own exhaustive mode (recall) and with a fixed baseline that looks at
everything (time), over the same rows and queries.
"""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from statistics import fmean, median
from typing import Any, Final

from agentctx.errors import InvalidArgument
from agentctx_bench import host, report, scale_work
from agentctx_bench.baseline import require
from agentctx_bench.scale_data import Sources
from agentctx_bench.scale_queries import FAMILIES, Query
from agentctx_bench.scale_work import COUNTS, Task, apart
from agentctx_bench.stats import percentiles

SIZES: Final = (10_000, 100_000, 1_000_000)
ABLATIONS: Final = ("time", "tags", "consolidation", "kernels")
_BASELINE_QUERIES: Final = 30  # of each family from this size on: the baseline takes its time
_LARGE: Final = 300_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How it is run.

    queries: of each family. repeat: processes that each open the store and ask every query once; a query counts by
    its median over them. keep: a folder to build stores in and find them again; a run that was cut off goes on there.
    ablate: also without time, tags, consolidation, compiled kernels, one by one. rebuild: also open without a snapshot.
    """

    sizes: Sequence[int] = SIZES
    data: Path | None = None
    git: Sequence[Path] = ()
    queries: int = 100
    k: int = 10
    repeat: int = 3
    ablate: bool = False
    baseline: bool = True
    rebuild: bool = True
    keep: Path | None = None
    embedder: str = "static"
    seed: int = 0
    json_out: Path | None = None


def scale(options: Options) -> dict[str, Any]:
    """Measure and return the report. Raises InvalidArgument for wrong options, MissingDependency without faiss."""
    if options.queries < 1 or options.repeat < 1 or not 1 <= options.k <= 100:
        raise InvalidArgument("queries and repeat must be at least 1, k from 1 to 100", field="queries")
    if options.baseline:
        require("faiss", "faiss-cpu", "bench")
    sources = Sources(options.data, tuple(options.git), options.seed)
    about = sources.told()
    with folder_of(options.keep) as folder:
        rows = [_one(size, folder, sources, about, options) for size in options.sizes]
    result: dict[str, Any] = {
        "benchmark": "scale",
        "sizes": rows,
        "data": about,
        "k": options.k,
        "queries_per_family": options.queries,
        "repeat": options.repeat,
        "embedder": options.embedder,
        "seed": options.seed,
        "machine": scale_work.cores(),
        "versions": host.versions(),
    }
    if options.json_out is not None:
        report.write_json(result, options.json_out)
    return result


@contextmanager
def folder_of(keep: Path | None) -> Iterator[Path]:
    """The folder to keep stores in, or a temporary one."""
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="agentctx-scale-") as folder:
            yield Path(folder)
    else:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep


def prepared(
    size: int, folder: Path, sources: Sources, about: Mapping[str, Any], options: Options
) -> tuple[Task, dict[str, Any]]:
    """A filled store with its queries and what filling it took: kept from an earlier run, or made now."""
    task = Task(folder / f"episodes-{size}.db", size, options.k, options.embedder)
    notes = folder / f"episodes-{size}.json"
    asked = {"about": dict(about), "queries": options.queries, "embedder": options.embedder}
    kept: dict[str, Any] = json.loads(notes.read_text(encoding="utf-8")) if notes.exists() else {}
    if kept and kept["asked"]["about"] != asked["about"]:
        raise InvalidArgument(f"{notes} is of other data or another seed; name another folder", field="keep")
    if not kept or not kept["filled"].get("whole") or not _enough(kept["asked"], asked):
        before: dict[str, Any] = kept.get("filled") or {}
        if not kept:
            _write(notes, {"asked": asked, "filled": {}, "queries": []})
        slim = replace(sources, dataset=None)  # the process reads it again: it is large
        filled = apart(scale_work.fill, task, slim, options.queries)
        made: list[Query] = filled.pop("queries")
        if not filled["added"] and before:  # only the queries are new
            filled = {**filled, "added": before["added"], "seconds": before["seconds"]}
        kept = {"asked": asked, "filled": {**filled, "whole": True}, "queries": [_plain(q) for q in made]}
        _write(notes, kept)
    queries = [_query(one) for one in kept["queries"]]
    some = [query for f in FAMILIES for query in [q for q in queries if q.family == f][: options.queries]]
    return replace(task, queries=tuple(query for query in queries if query in some)), kept["filled"]


def _enough(kept: Mapping[str, Any], asked: Mapping[str, Any]) -> bool:
    """Whether the queries of an earlier run are of the same kind and no fewer than are asked for."""
    return bool(kept["embedder"] == asked["embedder"] and kept["queries"] >= asked["queries"])


def _write(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content), encoding="utf-8")


def _plain(query: Query) -> list[str]:
    return [query.family, query.text, query.reference_time.isoformat(), query.origin]


def _query(plain: Sequence[str]) -> Query:
    return Query(plain[0], plain[1], datetime.fromisoformat(plain[2]), plain[3])


def _one(size: int, folder: Path, sources: Sources, about: Mapping[str, Any], options: Options) -> dict[str, Any]:
    task, filled = prepared(size, folder, sources, about, options)
    settled = apart(scale_work.settle, task)
    runs = [apart(scale_work.measure, task) for _ in range(options.repeat)]
    judged = apart(scale_work.judge, task)
    row: dict[str, Any] = {
        "episodes": size,
        "sources": filled["counts"],
        "ingest_per_s": round(filled["added"] / filled["seconds"], 1) if filled["seconds"] else None,
        "synchronous": filled["synchronous"],
        "settle": settled,
        "open_s": {"snapshot": median(run["open_s"] for run in runs)},
        "cold_namespace_ms": {"snapshot": median(run["cold_ms"] for run in runs)},
        "resident_mib": runs[0]["resident_mib"],
        "disk_mib": scale_work.disk_mib(task.store),
        "families": _families(task, runs, judged),
        "load_1min": scale_work.cores()["load_1min"],
    }
    if options.rebuild or options.ablate:
        fresh = apart(scale_work.measure, replace(task, without="consolidation"))
        row["open_s"]["rebuilt"] = fresh["open_s"]
        row["cold_namespace_ms"]["rebuilt"] = fresh["cold_ms"]
        row["resident_mib"]["rebuilt"] = fresh["resident_mib"]["asked"]
        if options.ablate:
            row["ablation"] = {
                name: _ablated(replace(task, without=name), fresh if name == "consolidation" else None)
                for name in ABLATIONS
            }
    if options.baseline:
        row["baseline"] = _baseline(task, sources, row["families"])
    return row


def _families(
    task: Task, runs: Sequence[Mapping[str, Any]], judged: Sequence[Mapping[str, Any]] | None
) -> dict[str, Any]:
    """What each family of queries took and found; a query counts by its median over the runs."""
    took, computed = (
        [median(of_one) for of_one in zip(*(run[key] for run in runs), strict=True)] for key in ("ms", "cpu_ms")
    )
    families: dict[str, Any] = {}
    for family in FAMILIES:
        places = [place for place, query in enumerate(task.queries) if query.family == family]
        if not places:
            continue
        row: dict[str, Any] = {
            "n": len(places),
            "questions": sum(task.queries[place].origin == "question" for place in places),
            "latency_ms": percentiles([took[place] for place in places]),
            "cpu_ms": percentiles([computed[place] for place in places]),
        }
        if judged is not None:
            told = [judged[place] for place in places]
            recalls = [one["recall"] for one in told]
            row |= {
                "recall": round(fmean(recalls), 4),
                "recall_below_1": sum(recall < 1 for recall in recalls),
                "scored_share": round(fmean(one["scored"] / task.size for one in told), 6),
                "widened_share": round(fmean(bool(one["widened"]) for one in told), 4),
                "widened": dict(Counter(one["widened"] for one in told if one["widened"])),
                "degraded": sum(one["degraded"] for one in told),
                **{name: round(fmean(one[name] for one in told), 1) for name in COUNTS},
                "sources": {name: round(fmean(values), 1) for name, values in _values(told, "sources").items()},
                "stages_ms": {name: round(median(values), 3) for name, values in _values(told, "stages_ms").items()},
            }
        families[family] = row
    return families


def _values(told: Sequence[Mapping[str, Any]], key: str) -> dict[str, list[float]]:
    """The numbers that each search told under `key`, by their names; 0 where one told none."""
    names = dict.fromkeys(name for one in told for name in one[key])
    return {name: [one[key].get(name, 0.0) for one in told] for name in names}


def _ablated(task: Task, measured: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if task.settings() is None:
        return None
    if measured is None:
        measured = apart(scale_work.measure, task)
    return _families(task, [measured], apart(scale_work.judge, task))


def _baseline(task: Task, sources: Sources, ours: Mapping[str, Any]) -> dict[str, Any]:
    chosen = list(task.queries)
    if task.size >= _LARGE:
        chosen = [q for family in FAMILIES for q in [q for q in chosen if q.family == family][:_BASELINE_QUERIES]]
    asked = replace(task, queries=tuple(chosen))
    found = apart(scale_work.ask_baseline, asked, replace(sources, dataset=None))
    families = _families(asked, [found], None)
    return {
        "build_s": found["build_s"],
        "resident_mib": found["resident_mib"],
        "families": {name: {key: row[key] for key in ("n", "latency_ms", "cpu_ms")} for name, row in families.items()},
        "ratio_p50": {
            name: round(row["latency_ms"]["p50"] / ours[name]["latency_ms"]["p50"], 1) for name, row in families.items()
        },
    }
