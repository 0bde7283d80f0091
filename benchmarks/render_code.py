"""The results of `agentctx bench localization`, `index`, `context` and `routing` as Markdown."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

Result = Mapping[str, Any]
Table = Callable[[Sequence[str], Sequence[Sequence[str]]], Iterator[str]]
Where = Callable[[Result], str]
LEVELS = (("file", ("1", "3", "5", "10")), ("module", ("5", "10")), ("function", ("5", "10")))
WAYS = {"top_k": "concatenated hits", "whole_sessions": "whole sessions", "whole_files": "whole files"}


def localization(result: Result, table: Table, where: Where) -> Iterator[str]:
    """What `agentctx bench localization` found."""
    data = result["environment"]["data"]
    yield f"### Localization, `{data['file']}`"
    yield ""
    yield f"n = {result['instances']} issues, no network, no LLM. Acc@k, the whole gold among the first k."
    yield ""
    heads = ["system", *(f"{level} @{k}" for level, ks in LEVELS for k in ks)]
    systems = [
        ("agentctx", result),
        *result.get("baselines", {}).items(),
        ("agentctx, mean of repositories", result["mean_over_repositories"]),
        *((f"{name} ({found['instances']})", found) for name, found in result["per_repo"].items()),
    ]
    yield from table(heads, [[name, *_accuracies(found)] for name, found in systems])
    for name, found in result.get("baselines", {}).items():
        told = ", ".join(
            f"{metric} {row['mean']:+.3f} ({row['low']:+.3f} to {row['high']:+.3f})"
            for metric, row in found["ours_minus_theirs"].items()
        )
        yield f"Paired, agentctx less {name}, with the 95% interval: {told}."
        yield ""
    if result["context"]:
        yield from table(
            ["gold in the bundle", "file", "function seen", "function body", "all bodies", "over budget", "tokens p50"],
            list(_bundles(result)),
        )
    index, scout = result["index_seconds"], result["scout_ms"]
    yield (
        f"Index of a commit over the cache of facts: p50 {index['with_cache']['p50']:.1f} s, {index['parsed']:,} files "
        f"parsed, {index['reused']:,} reused. Scout: p50 {scout['p50']:.0f} ms. "
        f"{where(result['environment']['machine'])}"
    )
    yield ""


def _accuracies(found: Result) -> list[str]:
    return [
        f"{found[level][f'acc@{k}']:.3f}" if f"acc@{k}" in found.get(level, {}) else ""
        for level, ks in LEVELS
        for k in ks
    ]


def _bundles(result: Result) -> Iterator[list[str]]:
    floor = result.get("baselines", {}).get("bm25 units", {}).get("context", {})
    for name, found in (("agentctx", result["context"]), ("bm25 units", floor)):
        for budget, row in found.items():
            shares = (f"{row[metric]:.3f}" for metric in ("file_recall", "function_seen", "function_body"))
            over = str(row.get("violations", ""))
            yield [
                f"{name}, {budget}",
                *shares,
                f"{row['function_body_all']:.3f}",
                over,
                f"{row['tokens']['p50']:,.0f}",
            ]


def index(result: Result, table: Table, where: Where) -> Iterator[str]:
    """What `agentctx bench index` found."""
    calls = result["calls"]
    yield f"### Indexing, `{result['repository']}`"
    yield ""
    yield (
        f"{result['files']:,} files, {result['symbols']:,} symbols, "
        f"{', '.join(f'{count:,} {kind}' for kind, count in result['edges'].items())}. "
        f"Of all calls {calls['bound_of_all']:.1%} are bound and {calls['outside_of_all']:.1%} lead outside; of those "
        f"that may lead inside {calls['bound_of_inside']:.1%} are bound. {result['disk_mib']:.0f} MiB on disk."
    )
    yield ""
    yield from table(
        ["run", "wall s", "cpu s", "peak MiB", "parsed", "resolved"],
        [
            [
                name,
                f"{r['wall_s']:.2f}",
                f"{r['cpu_s']:.2f}",
                f"{r['peak_mib']:.0f}",
                f"{r['parsed']:,}",
                f"{r['resolved']:,}",
            ]
            for name, r in result["runs"].items()
        ],
    )
    yield from table(
        ["query", "p50 ms", "p95 ms"],
        [[name, f"{row['p50']:.2f}", f"{row['p95']:.2f}"] for name, row in result["latency_ms"].items()],
    )
    for name, peer in result["peers"].items():
        if "wall_s" in peer:
            yield f"{name} {peer.get('version', '')}: {peer['wall_s']:.2f} s wall ({peer.get('note', 'no note')})."
            yield ""
    yield where(result["machine"])
    yield ""


def context(result: Result, table: Table, where: Where) -> Iterator[str]:
    """What `agentctx bench context` found."""
    yield f"### Bundles, counted by `{result['counter']}`"
    yield ""
    for name in ("locomo", "longmemeval", "localization"):
        part = result.get(name)
        if not part:
            continue
        ways = [way for way in WAYS if way in next(iter(part["budgets"].values()))]
        heads = [f"{name}, {part['questions']} questions", "evidence", "tokens", *(WAYS[way] for way in ways), "over"]
        rows = []
        for budget, row in part["budgets"].items():
            other = [
                f"{row[way]['evidence']:.3f} ({row[way]['difference']['low']:+.3f} to "
                f"{row[way]['difference']['high']:+.3f})"
                for way in ways
            ]
            over = str(part["over_budget"])
            rows.append([f"{int(budget):,}", f"{row['evidence']:.3f}", f"{row['tokens']:,.0f}", *other, over])
        yield from table(heads, rows)
        same = part.get("whole_sessions_for_the_same")
        if same and same["ratio"] is not None:
            yield f"Whole sessions keep the evidence of the {same['budget']:,} token bundle at {same['ratio']:.1f} x."
            yield ""
    if latency := result.get("latency"):
        told = ", ".join(f"{name} p50 {row['p50']:.1f} ms" for name, row in latency["beyond_ms"].items())
        yield f"Beyond search and scout, {latency['episodes']:,} episodes and {latency['files']:,} files: {told}."
        yield ""
    yield where(result["machine"])
    yield ""


def routing(result: Result, table: Table, where: Where) -> Iterator[str]:
    """What `agentctx bench routing` found."""
    low, high = result["task_type_interval_95"]
    yield f"### Routing, `{result['data']['file']}`"
    yield ""
    yield (
        f"n = {result['data']['prompts']} prompts: task type strict {result['task_type_accuracy']:.3f} ({low:.3f} to "
        f"{high:.3f}), lenient {result['task_type_lenient']:.3f}, macro {result['task_type_macro']:.3f}; "
        f"calibration error {result['calibration_error']:.3f}. Sent to 4 bit: {result['high_sent_low']:.1%} of the "
        f"high-sensitivity prompts, {result['low_sent_low']:.1%} of the low ones. A decision: p50 "
        f"{result['ms_per_decision']['p50']:.2f} ms."
    )
    yield ""
    replay = result["replay"]
    rows = {
        "agentctx, feedback pass or fail": replay["pass_or_fail"],
        "agentctx, graded feedback": replay["graded"],
        **{name.replace("_", " "): row for name, row in replay["others"].items()},
    }
    yield from table(
        [
            f"replay of {replay['requests']:,} requests, {len(replay['seeds'])} seeds",
            "saved",
            "of hindsight",
            "score",
            "4 bit",
        ],
        [
            [
                name,
                f"{row['saving_percent']:.2f} %",
                f"{row['share_of_hindsight']:.2f}",
                f"{row['score_points']:+.2f} points",
                f"{row['sent_low']:.0%}",
            ]
            for name, row in rows.items()
        ],
    )
    yield where(result["machine"])
    yield ""
