"""`agentctx bench localization`: from an issue to the code that its fix edits, beside two BM25 baselines."""

from __future__ import annotations

import contextlib
import json
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from agentctx.config import Settings
from agentctx.engine import ContextEngine
from agentctx.errors import InvalidArgument
from agentctx.types import CodeHit, ScoutResult
from agentctx_bench import host
from agentctx_bench import localization_bm25 as bm25
from agentctx_bench import localization_context as gold_in_context
from agentctx_bench.counting import exact_counter
from agentctx_bench.localization_data import Clone, Localization, Row, clones, load
from agentctx_bench.localization_resume import told
from agentctx_bench.localization_scores import Ranking, accuracy, compare, function_key, outcome
from agentctx_bench.progress import bar
from agentctx_bench.report import write_json
from agentctx_bench.stats import percentiles

K: Final = 100
"""Hits asked for: rankings are cut at 10, several hits may be one function, and files come from all of them."""
STRUCTURE: Final = 8_000
_FUNCTIONS: Final = frozenset({"function", "method", "constructor"})
_CLASSES: Final = frozenset({"class"})
BASELINES: Final = ("bm25 files", "bm25 units")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What is run.

    only: repositories (`owner/name`), all if empty. limit: only the first rows. baseline: also both BM25 baselines.
    context: also bundles. cold: how many commits of each repository are indexed once more into an empty store, to
    tell what the cache of facts saves. keep: a folder for the store, which a later run goes on with. resume: reports of
    earlier runs with the same data; their issues are not run again and are told with the others.
    """

    only: Sequence[str] = ()
    limit: int | None = None
    baseline: bool = True
    context: bool = True
    cold: int = 1
    keep: Path | None = None
    resume: Sequence[Path] = ()
    seed: int = 0
    json_out: Path | None = None


@dataclass(slots=True)
class Outcome:
    """What came of one issue."""

    row: Row
    scores: dict[str, float] = field(default_factory=dict)
    files: tuple[str, ...] = ()
    functions: tuple[str, ...] = ()
    structure_tokens: dict[str, int] = field(default_factory=dict)
    scout_ms: float = 0.0
    stopped: str = ""
    confidence: float = 0.0
    index_s: float = 0.0
    parsed: int = 0
    reused: int = 0
    bundles: dict[str, dict[str, float]] = field(default_factory=dict)
    baselines: dict[str, dict[str, float]] = field(default_factory=dict)


def localization(data: Path, repos: Path, options: Options | None = None) -> dict[str, Any]:
    """Run the benchmark; the report. Raises InvalidArgument for wrong options or data, FailedPrecondition that lists
    the clones and commits that are missing, before anything is measured.
    """
    options = options or Options()
    _check(options)
    every = load(data).limited(options.limit, options.only)
    before = told(options.resume, every, lambda row, line: Outcome(row, **line))
    rows = replace(every, rows=tuple(row for row in every.rows if row.key not in before))
    with clones(repos, rows) as opened, contextlib.ExitStack() as stack:
        folder = options.keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="agentctx-bench-")))
        folder.mkdir(parents=True, exist_ok=True)
        engine = stack.enter_context(contextlib.closing(ContextEngine.open(folder / "localization.db")))
        outcomes = _ours(engine, rows, opened, options)
        if options.baseline:
            _baselines(rows, opened, outcomes)
        cold = _cold(rows, opened, options.cold, folder)
    outcomes = {row.key: (before | outcomes)[row.key] for row in every.rows}
    report = _report(every, data, outcomes, cold, options)
    if options.json_out is not None:
        write_json(report, options.json_out)
    return report


def _check(options: Options) -> None:
    for name, value, least in (("limit", options.limit, 1), ("cold", options.cold, 0)):
        if value is not None and value < least:
            raise InvalidArgument(f"{name} must be at least {least}", field=name)


# --- the engine -------------------------------------------------------------------------------------------------------


def _ours(
    engine: ContextEngine, rows: Localization, opened: Mapping[str, Clone], options: Options
) -> dict[str, Outcome]:
    """Index each commit over one cache of facts, then ask for places and bundles."""
    count = exact_counter(gold_in_context.COUNTER)
    outcomes: dict[str, Outcome] = {}
    with bar("localization, agentctx", len(rows.rows)) as advance:
        for row in rows.rows:
            clone = opened[row.repository]
            name = row.repository.replace("/", "__")
            one = outcomes[row.key] = Outcome(row)
            _index(engine, clone, name, one)
            _scout(engine, name, one, count)
            if options.context:
                _bundles(engine, clone, name, one, count)
            advance(1)
    return outcomes


def _index(engine: ContextEngine, clone: Clone, name: str, one: Outcome) -> None:
    began = time.perf_counter()
    for progress in engine.code.index(str(clone.path), name=name, commit=one.row.commit):
        if progress.report is not None:
            one.parsed, one.reused = progress.report.parsed, progress.report.reused
    one.index_s = time.perf_counter() - began
    served = engine.code.get(name).generation.commit
    if served != one.row.commit:
        raise InvalidArgument(f"{name} is served at {served}, not at {one.row.commit}", field="repos")


def _scout(engine: ContextEngine, name: str, one: Outcome, count: Callable[[str], int]) -> None:
    engine.code.scout(name, one.row.issue, k=1)  # what a generation derives once is not a cost of each query
    began = time.perf_counter()
    found = engine.code.scout(name, one.row.issue, k=K, budget=STRUCTURE)
    one.scout_ms = (time.perf_counter() - began) * 1e3
    ranking = ranking_of(found)
    one.files, one.functions = ranking.files, ranking.functions
    one.scores = outcome(one.row, ranking)
    one.stopped, one.confidence = found.stopped, found.confidence
    lines = [_shown(hit) for hit in found.hits]
    one.structure_tokens = {str(k): count("".join(lines[:k])) for k in (10, 50)}


def _shown(hit: CodeHit) -> str:
    """A hit as its reader gets it."""
    symbol = hit.symbol
    return f"{symbol.path}:{hit.start_line}-{hit.end_line} {symbol.qualname} {symbol.signature} {hit.score:.2f}\n"


def ranking_of(found: ScoutResult) -> Ranking:
    """The lists that are scored, from what scouting answers: files by its own order, functions and classes by hits."""
    functions = []
    for hit in found.hits:
        if hit.symbol.kind in _FUNCTIONS | _CLASSES:
            *around, last = hit.symbol.qualname.split(".")
            names = [(name, False) for name in around] + [(last, hit.symbol.kind in _FUNCTIONS)]
            functions.append(function_key(hit.symbol.path, names))
    return Ranking(tuple(found.files), tuple(functions))


def _bundles(engine: ContextEngine, clone: Clone, name: str, one: Outcome, count: Callable[[str], int]) -> None:
    blobs = {blob.path: blob.hash for blob in clone.blobs(one.row.commit)}
    gold = gold_in_context.gold_of(one.row, lambda path: clone.read(blobs[path]))
    for budget in gold_in_context.BUDGETS:
        began = time.perf_counter()
        bundle = engine.context.build(
            one.row.issue, repositories=(name,), budget=budget, counter=gold_in_context.COUNTER, llm=False
        )
        took = (time.perf_counter() - began) * 1e3
        tokens = count(bundle.text)
        again = engine.context.build(
            one.row.issue, repositories=(name,), budget=budget, counter=gold_in_context.COUNTER, llm=False
        )
        scores = gold_in_context.score(one.row, gold, gold_in_context.shown_of(bundle))
        violation = tokens > budget
        if violation:
            scores = dict.fromkeys(scores, 0.0)
        one.bundles[str(budget)] = {
            **scores,
            "violation": float(violation),
            "unstable": float(again.text != bundle.text),
            "tokens": tokens,
            "ms": took,
            "units": len(bundle.items),
        }


def _cold(rows: Localization, opened: Mapping[str, Clone], commits: int, folder: Path) -> dict[str, list[float]]:
    """Seconds to index the last commits of each repository into an empty store."""
    seconds: dict[str, list[float]] = {}
    for name in dict.fromkeys(row.repository for row in rows.rows) if commits else ():
        of_name = [row for row in rows.rows if row.repository == name]
        for row in of_name[-commits:]:
            with (
                tempfile.TemporaryDirectory(prefix="cold-", dir=folder) as place,
                contextlib.closing(ContextEngine.open(Path(place) / "cold.db")) as engine,
            ):
                began = time.perf_counter()
                for _ in engine.code.index(str(opened[name].path), commit=row.commit):
                    pass
                seconds.setdefault(name, []).append(round(time.perf_counter() - began, 3))
    return seconds


# --- baselines --------------------------------------------------------------------------------------------------------


def _baselines(rows: Localization, opened: Mapping[str, Clone], outcomes: Mapping[str, Outcome]) -> None:
    count = exact_counter(gold_in_context.COUNTER)
    for repository in dict.fromkeys(row.repository for row in rows.rows):
        of_repository = [row for row in rows.rows if row.repository == repository]
        vocabulary = {term for row in of_repository for term in bm25.terms(row.issue)}
        files, units = bm25.Corpus(vocabulary, units=False), bm25.Corpus(vocabulary, units=True)
        clone = opened[repository]
        with bar(f"BM25, {repository}", len(of_repository)) as advance:
            for row in of_repository:
                blobs = [blob for blob in clone.blobs(row.commit) if bm25.candidate(blob.path)]
                by_file = bm25.rank(row.issue, blobs, files, clone.read, path_weight=bm25.FILE_PATH_WEIGHT)
                whole = Ranking(tuple(bm25.best_by_file(by_file)), ())
                by_unit = bm25.rank(row.issue, blobs, units, clone.read, path_weight=bm25.UNIT_PATH_WEIGHT)
                named = [f"{path}::{unit.name}" for _, path, unit in by_unit if unit.name]
                split = Ranking(tuple(bm25.best_by_file(by_unit)), tuple(named))
                one = outcomes[row.key]
                of_files = outcome(row, whole)
                one.baselines = {
                    BASELINES[0]: {name: value for name, value in of_files.items() if name.startswith("file")},
                    BASELINES[1]: outcome(row, split),
                }
                if one.bundles:
                    _baseline_bundles(row, one, clone, by_unit, count)
                advance(1)


def _baseline_bundles(
    row: Row, one: Outcome, clone: Clone, ranked: Sequence[tuple[float, str, bm25.Unit]], count: Callable[[str], int]
) -> None:
    """The floor of the bundles: units whole in the order of their scores, those that do not fit left out."""
    blobs = {blob.path: blob.hash for blob in clone.blobs(row.commit)}
    gold = gold_in_context.gold_of(row, lambda path: clone.read(blobs[path]))
    rooms = {budget: budget for budget in gold_in_context.BUDGETS}
    taken: dict[int, list[gold_in_context.Shown]] = {budget: [] for budget in rooms}
    for _, path, unit in ranked[:2_000]:
        if max(rooms.values()) < 50:
            break
        text = f"## {path}\n```python\n{unit.text}\n```\n"
        price = count(text)
        for budget, room in rooms.items():
            if price <= room:
                rooms[budget] = room - price
                taken[budget].append(gold_in_context.Shown(path, tuple(unit.text.splitlines())))
    for budget, shown in taken.items():
        scores = gold_in_context.score(row, gold, shown)
        one.bundles[f"bm25 units {budget}"] = {**scores, "tokens": budget - rooms[budget]}


# --- the report -------------------------------------------------------------------------------------------------------


def _report(
    rows: Localization, data: Path, outcomes: Mapping[str, Outcome], cold: Mapping[str, list[float]], options: Options
) -> dict[str, Any]:
    every = list(outcomes.values())
    repositories = {
        name: [one for one in every if one.row.repository == name]
        for name in dict.fromkeys(one.row.repository for one in every)
    }
    scores = [one.scores for one in every]
    report: dict[str, Any] = {
        "benchmark": "localization",
        **accuracy(scores),
        "instances": len(every),
        "context": _context(every, ""),
        "per_repo": {
            name: {"instances": len(group), **accuracy([one.scores for one in group]), "context": _context(group, "")}
            for name, group in repositories.items()
        },
        "mean_over_repositories": _macro(repositories),
        "structure_tokens": {
            k: percentiles([float(one.structure_tokens[k]) for one in every if one.structure_tokens], 0)
            for k in ("10", "50")
        },
        "scout_ms": percentiles([one.scout_ms for one in every]),
        "index_seconds": {
            "with_cache": percentiles([one.index_s for one in every]),
            "with_cache_total": round(sum(one.index_s for one in every), 1),
            "by_repository": {
                name: percentiles([one.index_s for one in group]) for name, group in repositories.items()
            },
            "without_cache": dict(cold),
            "parsed": sum(one.parsed for one in every),
            "reused": sum(one.reused for one in every),
        },
    }
    if options.baseline:
        report["baselines"] = _baseline_report(every, options.seed)
    report |= {
        "outcomes": [_line(one) for one in every],
        "environment": {
            "network": False,
            "llm": False,
            "counter": gold_in_context.COUNTER,
            "candidates": "everything but test and vendored files (engine: by its own marks; BM25: by path)",
            "hits": K,
            "seed": options.seed,
            "limit": options.limit,
            "only": list(options.only),
            "resumed": [path.name for path in options.resume],
            "data": {"file": data.name, "sha256": rows.sha256, "rows": len(rows.rows)},
            "store": Settings.load().store.synchronous,
            "versions": host.versions(),
            "machine": host.machine() | {"peak_memory_mib": host.peak_memory_mib()},
        },
    }
    json.dumps(report)  # what cannot be written is found before the tables are shown
    return report


def _macro(repositories: Mapping[str, Sequence[Outcome]]) -> dict[str, dict[str, float]]:
    """The mean of the repositories' accuracies, in which each counts the same."""
    single = [accuracy([one.scores for one in group]) for group in repositories.values()]
    return {
        level: {name: round(sum(one[level][name] for one in single) / len(single), 4) for name in single[0][level]}
        for level in single[0]
    }


def _context(every: Sequence[Outcome], prefix: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for budget in gold_in_context.BUDGETS:
        bundles = [one.bundles[f"{prefix}{budget}"] for one in every if f"{prefix}{budget}" in one.bundles]
        if not bundles:
            continue
        found[str(budget)] = {
            name: round(sum(bundle[name] for bundle in bundles) / len(bundles), 4) for name in gold_in_context.METRICS
        } | {"tokens": percentiles([bundle["tokens"] for bundle in bundles], 0)}
        if not prefix:
            found[str(budget)] |= {
                "violations": int(sum(bundle["violation"] for bundle in bundles)),
                "unstable": int(sum(bundle["unstable"] for bundle in bundles)),
                "units": percentiles([bundle["units"] for bundle in bundles], 0),
                "build_ms": percentiles([bundle["ms"] for bundle in bundles]),
            }
    return found


def _baseline_report(every: Sequence[Outcome], seed: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in BASELINES:
        theirs = [one.baselines[name] for one in every]
        shared = theirs[0].keys()
        ours = [{metric: one.scores[metric] for metric in shared} for one in every]
        padded = [dict.fromkeys(one.scores, 0.0) | one.baselines[name] for one in every]
        levels = {metric.partition("@")[0] for metric in shared}
        found[name] = {
            **{level: values for level, values in accuracy(padded).items() if level in levels},
            "ours_minus_theirs": compare(ours, theirs, seed=seed),
        }
    context = _context(every, "bm25 units ")
    if context:
        found[BASELINES[1]]["context"] = context
        metrics = [f"{budget}" for budget in gold_in_context.BUDGETS]
        ours = [{budget: one.bundles[budget]["function_body"] for budget in metrics} for one in every]
        theirs = [{budget: one.bundles[f"bm25 units {budget}"]["function_body"] for budget in metrics} for one in every]
        found[BASELINES[1]]["function_body_ours_minus_theirs"] = compare(ours, theirs, seed=seed)
    return found


def _line(one: Outcome) -> dict[str, Any]:
    return {
        "instance_id": one.row.key,
        "repo": one.row.repository,
        "scores": one.scores,
        "files": list(one.files[:10]),
        "functions": list(one.functions[:20]),
        "structure_tokens": one.structure_tokens,
        "stopped": one.stopped,
        "confidence": round(one.confidence, 4),
        "scout_ms": round(one.scout_ms, 2),
        "index_s": round(one.index_s, 3),
        "parsed": one.parsed,
        "reused": one.reused,
        "bundles": one.bundles,
        "baselines": one.baselines,
    }


def rows_of(report: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """(label, accuracies) of the tables: agentctx, then the baselines."""
    yield "agentctx", report
    yield from report.get("baselines", {}).items()
