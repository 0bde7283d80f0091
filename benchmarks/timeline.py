"""Structures that could hold a timeline: filling, asking, memory, and what they take to be there again after a start.

    python benchmarks/timeline.py                                     # 1,000,000 rows
    python benchmarks/timeline.py --rows 100000 --json timeline.json

Moments are random, rows come in batches of 500 as writes do. The index is asked in both of its parts: all rows in its
sorted arrays, as after a snapshot, and all rows in its B-tree, as when they came one after the other. Beside it a
`SortedList` of pairs (extra `dev`), which also says what is right.
"""

from __future__ import annotations

import argparse
import gc
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from agentctx_bench import host, report
from agentctx_bench.baseline import require
from agentctx_bench.scale_work import apart, cores

from agentctx.index.temporal import TemporalIndex

ARRAYS, TREE, LIST = "sorted arrays (after a snapshot)", "B-tree (rows that came since)", "SortedList of pairs"
_BATCH = 500
_RUNS = 50


def median_us(ask: Callable[[int], object], places: np.ndarray[Any, Any]) -> float:
    """The median microseconds of a question asked at several places."""
    taken = []
    for place in places.tolist():
        began = perf_counter()
        ask(place)
        taken.append((perf_counter() - began) * 1e6)
    return round(float(np.median(taken)), 1)


def make(name: str, moments: np.ndarray[Any, Any]) -> Any:
    """A structure by its name, filled."""
    if name == ARRAYS:
        return TemporalIndex.of(moments)
    if name == TREE:
        index = TemporalIndex()
        for start in range(0, len(moments), _BATCH):
            part = moments[start : start + _BATCH]
            index.extend(part, range(start, start + len(part)))
        return index
    found = require("sortedcontainers", "sortedcontainers", "dev").SortedList()
    for row, moment in enumerate(moments.tolist()):
        found.add((moment, row))
    return found


def random_moments(rows: int, seed: int) -> np.ndarray[Any, Any]:
    """Moments within some thirty years, in no order."""
    return np.random.default_rng(seed).integers(0, 10**15, rows)


def held_mib(name: str, rows: int, seed: int) -> float:
    """What a structure adds to the memory of a fresh process."""
    moments = random_moments(rows, seed)
    before = host.resident_mib()["total"]
    made = make(name, moments)
    gc.collect()
    return round(host.resident_mib()["total"] - before if len(made) else 0.0, 1)


def main() -> None:
    """Measure, check, print, and write JSON where asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    moments = random_moments(given.rows, given.seed)
    ordered = np.sort(moments)
    places = np.random.default_rng(given.seed + 1).integers(0, given.rows - given.rows // 50, _RUNS)

    def range_of(index: TemporalIndex, size: int) -> Callable[[int], object]:
        return lambda place: index.range(int(ordered[place]), int(ordered[place + size]))

    def of_list(found: Any, size: int) -> Callable[[int], object]:
        return lambda place: [
            row for _, row in found.irange((int(ordered[place]),), (int(ordered[place + size]),), (True, False))
        ]

    structures: dict[str, dict[str, float]] = {}
    wide = given.rows // 100
    answers = []
    for name in (ARRAYS, TREE, LIST):
        began = perf_counter()
        made = make(name, moments)
        filled = perf_counter() - began
        ours = isinstance(made, TemporalIndex)
        narrow, broad = (range_of(made, n) if ours else of_list(made, n) for n in (100, wide))
        last = (lambda _, made=made: made.last(10)) if ours else (lambda _, made=made: list(islice(reversed(made), 10)))
        structures[name] = {
            "filling s": round(filled, 2),
            "range of 100 us": median_us(narrow, places),
            f"range of {wide:,} us": median_us(broad, places[:10]),
            "last 10 us": median_us(last, places),
        }
        if ours:
            arrays = made.arrays()
            began = perf_counter()
            TemporalIndex.restore(arrays)
            structures[name]["restore ms"] = round((perf_counter() - began) * 1000, 1)
        else:
            structures[name]["restore ms"] = round(filled * 1000, 1)
        answers.append([list(narrow(int(place))) for place in places[:5]])  # type: ignore[call-overload]
        del made
        structures[name]["memory MiB"] = apart(held_mib, name, given.rows, given.seed)
    if any(answer != answers[-1] for answer in answers):
        raise RuntimeError("the structures do not agree")
    result = {
        "benchmark": "timeline",
        "rows": given.rows,
        "structures": structures,
        "seed": given.seed,
        "machine": cores(),
        "versions": host.versions() | host.versions_of("BTrees", "sortedcontainers"),
    }
    for name, row in structures.items():
        print(f"  {name:34} " + "   ".join(f"{key} {value:,}" for key, value in row.items()))
    print(f"  {result['machine']}\n  {result['versions']}")
    if given.json:
        report.write_json(result, given.json)


if __name__ == "__main__":
    main()
