"""Scores the time expressions of agentctx against Microsoft's Recognizers-Text cases (`agentctx bench time`)."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np

from agentctx.memory.times import TimeHint, time_hints
from agentctx_bench import host, report
from agentctx_bench.files import expect, member, read_json

FILE: Final = "DateTimeModel.json"  # the other files run with options on, or end half-way
TYPES: Final = ("date", "daterange", "datetime", "datetimerange")
RULES: Final = tuple(
    """
A result is right if a hint that overlaps its text names the very interval of one of its values.
Where year or direction is open there are a past and a future value; agentctx picks the past one.
date: the whole day. datetime: the hint starts at that instant. Ranges: start and end, the end exclusive.
An end at 23:59:59 is the midnight after it; a side that upstream leaves open must be open.
Results without a value upstream (winter, fiscal year) have no interval and are left out.
False positives: cases in which upstream finds nothing and agentctx finds a range.
Cases that upstream marks as not supported in Python are apart.
Times: each input alone, after one pass over all of them, the median of five.
""".strip().splitlines()
)
_NOW: Final = datetime(2016, 11, 7)  # noqa: DTZ001 - the corpus has no zones; this is most of its reference times
_SECOND: Final = timedelta(seconds=1)
_REPEATS: Final = 5


@dataclass(frozen=True, slots=True)
class Expected:
    """A result of a case: its type, where its text stands (half open), and its values."""

    kind: str
    span: tuple[int, int]
    values: tuple[tuple[datetime | None, datetime | None], ...]


@dataclass(frozen=True, slots=True)
class Case:
    """A labelled sentence. supported: upstream's own Python implementation can do it."""

    text: str
    now: datetime
    expected: tuple[Expected, ...]
    empty: bool
    supported: bool


@dataclass(slots=True)
class Tally:
    """Counts over some cases. The negatives: upstream finds nothing; the others: nothing of the four types."""

    right: dict[str, int] = field(default_factory=lambda: dict.fromkeys(TYPES, 0))
    n: dict[str, int] = field(default_factory=lambda: dict.fromkeys(TYPES, 0))
    negatives: int = 0
    found_in_negatives: int = 0
    others: int = 0
    found_in_others: int = 0

    def add(self, case: Case, hints: Sequence[TimeHint]) -> None:
        """Count a case."""
        if case.empty:
            self.negatives += 1
            self.found_in_negatives += bool(hints)
        elif not any(one.kind in TYPES for one in case.expected):
            self.others += 1
            self.found_in_others += bool(hints)
        for one in case.expected:
            if one.kind in TYPES and one.values:
                self.n[one.kind] += 1
                self.right[one.kind] += any(_right(one, hint) for hint in hints)

    def told(self) -> dict[str, Any]:
        """The shares, and what they are shares of."""
        return {
            "exact": {kind: _share(self.right[kind], self.n[kind]) for kind in TYPES},
            "exact_all": _share(sum(self.right.values()), sum(self.n.values())),
            "n": dict(self.n),
            "false_positives": _share(self.found_in_negatives, self.negatives),
            "negatives": self.negatives,
            "found_without_a_time_range": {"share": _share(self.found_in_others, self.others), "n": self.others},
        }


def run(data: str | Path, json_out: str | Path | None = None, *, seed: int = 0) -> dict[str, Any]:
    """Score the cases of a folder's DateTimeModel.json. Returns the report; InvalidArgument where it is no such file.

    Nothing is drawn by chance; `seed` is only told in the report, as that of the other benchmarks is.
    """
    path = Path(data) / FILE if Path(data).is_dir() else Path(data)
    raw, sha256 = read_json(path)
    cases = list(load(raw))
    for case in cases:
        list(time_hints(case.text, case.now))
    tallies = {True: Tally(), False: Tally()}
    timings = []
    for case in cases:
        hints, microseconds = _timed(case)
        timings.append(microseconds)
        tallies[case.supported].add(case, hints)
    p50, p95, p99 = np.percentile(np.asarray(timings), [50, 95, 99]) if timings else (0.0, 0.0, 0.0)
    result: dict[str, Any] = {
        "benchmark": "time",
        **tallies[True].told(),
        "us_per_query": {"p50": round(float(p50), 1), "p95": round(float(p95), 1), "p99": round(float(p99), 1)},
        "unsupported_upstream": tallies[False].told(),
        "notes": list(RULES),
        "data": {"file": path.name, "sha256": sha256, "cases": len(cases)},
        "versions": host.versions(),
        "machine": host.machine() | {"peak_memory_mib": host.peak_memory_mib()},
        "seed": seed,
    }
    if json_out is not None:
        report.write_json(result, json_out)
    return result


def load(raw: object) -> Iterator[Case]:
    """The cases of a file in upstream's format."""
    for number, item in enumerate(expect(raw, list, "file")):
        where = f"file[{number}]"
        case: Mapping[str, Any] = expect(item, dict, where)
        results = member(case, "Results", list, where)
        context = case.get("Context") or {}
        told = f"{case.get('NotSupported', '')} {case.get('NotSupportedByDesign', '')}".lower()
        yield Case(
            text=member(case, "Input", str, where),
            now=_moment(context.get("ReferenceDateTime"), where) or _NOW,
            expected=tuple(_expected(one, f"{where}.Results[{i}]") for i, one in enumerate(results)),
            empty=not results,
            supported="python" not in told,
        )


def _expected(raw: object, where: str) -> Expected:
    one: Mapping[str, Any] = expect(raw, dict, where)
    values = []
    for value in (one.get("Resolution") or {}).get("values", ()):
        if "value" in value:
            moment = _moment(value["value"], where)
            values.append((moment, moment))
        else:
            values.append((_moment(value.get("start"), where), _moment(value.get("end"), where)))
    kind = member(one, "TypeName", str, where).rpartition(".")[2]
    span = member(one, "Start", int, where), member(one, "End", int, where) + 1
    return Expected(kind, span, tuple(value for value in values if value != (None, None)))


def _moment(text: object, where: str) -> datetime | None:
    """A moment of the file; None where there is none, or where it is a time of day or a length."""
    if text is None:
        return None
    try:
        return datetime.fromisoformat(expect(text, str, where))
    except ValueError:
        return None


def _right(one: Expected, hint: TimeHint) -> bool:
    if not (hint.span[0] < one.span[1] and one.span[0] < hint.span[1]):
        return False
    for start, end in one.values:
        if one.kind == "datetime":
            right = hint.start == start
        elif one.kind == "date":
            right = hint.start == start and hint.end - hint.start == timedelta(days=1)
        else:
            begins = hint.open_start if start is None else hint.start == start
            ends = hint.open_end if end is None else hint.end in (end, _after_last_second(end))
            right = begins and ends
        if right:
            return True
    return False


def _after_last_second(end: datetime) -> datetime:
    return end + _SECOND if (end.hour, end.minute, end.second) == (23, 59, 59) else end


def _timed(case: Case) -> tuple[list[TimeHint], float]:
    times = []
    hints: list[TimeHint] = []
    for _ in range(_REPEATS):
        began = time.perf_counter()
        hints = list(time_hints(case.text, case.now))
        times.append(time.perf_counter() - began)
    return hints, sorted(times)[_REPEATS // 2] * 1e6


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None
