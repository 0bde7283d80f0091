"""How many of the functions that a fix edits are whole in a bundle, beside other ways of filling the same budget. Code.

Three ways, for the same issue, in the same run: a bundle; the functions that scouting leads to, one after the other,
until one does not fit; the whole files that it leads to, until one does not fit. What is shown is checked against the
source of the functions.
"""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from agentctx.config import Settings
from agentctx.engine import ContextEngine
from agentctx_bench.context_memory import BUNDLE, TOP_K
from agentctx_bench.localization_context import Gold, Shown, gold_of, score, shown_of
from agentctx_bench.localization_data import Clone, Row, clones, load
from agentctx_bench.progress import bar
from agentctx_bench.stats import paired_bootstrap, percentiles

if TYPE_CHECKING:
    from agentctx_bench.context import Options

FILES: Final = "whole_files"
_HITS: Final = 200
_STRUCTURE: Final = 20_000
Count = Callable[[str], int]
Scores = dict[tuple[str, int], float]


def localization(options: Options, count: Count) -> dict[str, Any]:
    """Index the commit of each issue, then fill each budget in each way."""
    assert options.localization is not None
    assert options.repos is not None
    rows = load(options.localization).limited(options.limit, ())
    evidence: list[Scores] = []
    tokens: list[Scores] = []
    times: dict[int, list[float]] = {budget: [] for budget in options.budgets}
    with (
        clones(options.repos, rows) as opened,
        tempfile.TemporaryDirectory(prefix="agentctx-bench-") as folder,
        contextlib.closing(ContextEngine.open(Path(folder) / "store.db", settings=Settings.load())) as engine,
        bar("localization, bundles", len(rows.rows)) as advance,
    ):
        for row in rows.rows:
            clone = opened[row.repository]
            name = row.repository.replace("/", "__")
            for _ in engine.code.index(str(clone.path), name=name, commit=row.commit):
                pass
            kept, used = _ask(engine, name, row, clone, options, count, times)
            evidence.append(kept)
            tokens.append(used)
            advance(1)
    return _summary(evidence, tokens, times, options)


def _ask(
    engine: ContextEngine,
    name: str,
    row: Row,
    clone: Clone,
    options: Options,
    count: Count,
    times: Mapping[int, list[float]],
) -> tuple[Scores, Scores]:
    blobs = {blob.path: blob.hash for blob in clone.blobs(row.commit)}
    gold = gold_of(row, lambda path: clone.read(blobs[path]))
    found = engine.code.scout(name, row.issue, k=_HITS, budget=_STRUCTURE)
    text = {path: clone.read(blobs[path]).decode("utf-8", "replace") for path in found.files[:_HITS] if path in blobs}
    functions = []
    for hit in found.hits:
        path = hit.symbol.path
        if hit.symbol.kind != "file" and path in text:
            lines = text[path].split("\n")[hit.symbol.start_line - 1 : hit.symbol.end_line]
            functions.append((path, "\n".join(lines)))
    files = [(path, text[path]) for path in found.files if path in text]
    kept: Scores = {}
    used: Scores = {}
    for budget in options.budgets:
        began = time.perf_counter()
        bundle = engine.context.build(row.issue, budget=budget, repositories=[name], counter=options.counter, llm=False)
        times[budget].append((time.perf_counter() - began) * 1000)
        used[BUNDLE, budget] = count(bundle.text)
        shown = shown_of(bundle) if used[BUNDLE, budget] <= budget else []
        kept[BUNDLE, budget] = score(row, gold, shown)["function_body"]
        for way, texts in ((TOP_K, functions), (FILES, files)):
            kept[way, budget], used[way, budget] = _filled(row, gold, texts, budget, count)
    return kept, used


def _filled(
    row: Row, gold: Mapping[str, Gold], texts: Sequence[tuple[str, str]], budget: int, count: Count
) -> tuple[float, int]:
    """Texts in their order, each under its path, until one does not fit any more."""
    used = 0
    shown = []
    for path, text in texts:
        cost = count(f"{path}\n{text}\n\n")
        if used + cost > budget:
            break
        used += cost
        shown.append(Shown(path, tuple(text.splitlines())))
    return score(row, gold, shown)["function_body"], used


def _summary(
    evidence: Sequence[Scores], tokens: Sequence[Scores], times: Mapping[int, Sequence[float]], options: Options
) -> dict[str, Any]:
    told: dict[str, Any] = {"questions": len(evidence), "unit": "functions shown whole", "budgets": {}}
    over = 0
    for budget in options.budgets:
        ours = [one[BUNDLE, budget] for one in evidence]
        over += sum(one[BUNDLE, budget] > budget for one in tokens)
        row: dict[str, Any] = {
            "evidence": _mean(ours),
            "all_evidence": _mean([float(share == 1) for share in ours]),
            "tokens": _mean([one[BUNDLE, budget] for one in tokens], 1),
            "build_ms": percentiles(times[budget]),
        }
        for way in (TOP_K, FILES):
            theirs = [one[way, budget] for one in evidence]
            found = paired_bootstrap(ours, theirs, seed=options.seed)
            row[way] = {
                "evidence": _mean(theirs),
                "tokens": _mean([one[way, budget] for one in tokens], 1),
                "difference": {
                    "mean": round(found.mean, 4),
                    "low": round(found.low, 4),
                    "high": round(found.high, 4),
                },
            }
        told["budgets"][str(budget)] = row
    told["over_budget"] = over
    return told


def _mean(values: Sequence[float], digits: int = 4) -> float:
    return round(sum(values) / len(values), digits)
