"""Writes the committed results into docs/benchmarks.md, between its two markers, so that no figure is typed by hand.

python benchmarks/render_results.py          # rewrite the page
python benchmarks/render_results.py --check  # exit 1 if the page does not say what the results say
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import render_code
import render_scale
from render_parts import Result, table, where

ROOT = Path(__file__).resolve().parents[1]
RESULTS, PAGE = ROOT / "benchmarks" / "results", ROOT / "docs" / "benchmarks.md"
BEGIN, END = "<!-- results: begin (benchmarks/render_results.py) -->", "<!-- results: end -->"
METRICS = ("any@5", "all@5", "fraction@5", "any@10", "all@10", "fraction@10", "ndcg@10")


def retrieval(result: Result) -> Iterator[str]:
    """What a run of `agentctx bench` found."""
    data, machine = result["data"], result["machine"]
    yield f"### {result['benchmark']}, `{data['file']}`"
    yield ""
    yield (
        f"n = {result['questions']} questions, {data['turns']:,} turns in {data['namespaces']} namespaces; "
        f"{', '.join(f'{reason}: {count}' for reason, count in result['excluded'].items())}. "
        f"Tokens handed over ({result['tokens']['counter']}): "
        f"{', '.join(f'{value:,.0f} at {k}' for k, value in result['tokens']['mean_at_k'].items())}."
    )
    yield ""
    for level in ("turn", "session"):
        systems = [(result["system"], result), *((row["system"], row) for row in result.get("comparison", ()))]
        rows = [[name, *(f"{row[level][m]:.3f}" for m in METRICS)] for name, row in systems]
        yield from table([f"{level} level", *METRICS], rows)
    if audited := result.get("audited"):
        rows = [[level, *(f"{audited[level][m]:.3f}" for m in METRICS)] for level in ("turn", "session")]
        yield from table([f"audited evidence, other for {audited['changed']} questions", *METRICS], rows)
    rows = [
        [name, str(row["turn"]["n"]), *(f"{row['turn'][m]:.3f}" for m in METRICS)]
        for name, row in result["by_category"].items()
    ]
    yield from table(["turn level by category", "n", *METRICS], rows)
    if comparison := result.get("comparison"):
        yield "Paired difference from the first system, with the 95% interval over questions:"
        yield ""
        wanted = (
            ("turn", "any@10"),
            ("turn", "all@10"),
            ("turn", "ndcg@10"),
            ("session", "any@5"),
            ("session", "all@5"),
        )
        rows = [[row["system"], *(difference(row, *one) for one in wanted)] for row in comparison]
        yield from table(["system", *(f"{level} {name}" for level, name in wanted)], rows)
    latency = ", ".join(f"{name} {value:.2f} ms" for name, value in result["latency_ms"].items())
    yield (
        f"Search (k = 10, text in to hits with text out): {latency}. Ingest: {result['ingest_per_s']:,.0f} episodes a "
        f"second ({result['settings']['synchronous']}). {where(machine)}"
    )
    yield ""


def difference(row: Result, level: str, name: str) -> str:
    """A paired difference as text; bold where the interval leaves out 0."""
    found = row["difference"][level][name]
    mark = "**" if found["clear"] else ""
    return f"{mark}{found['mean']:+.3f}{mark} ({found['low']:+.3f} to {found['high']:+.3f})"


def latency(result: Result) -> Iterator[str]:
    """What `search_latency.py` found."""
    yield f"### Search over {result['episodes']:,} episodes in one namespace ({result['data']})"
    yield ""
    rows = [[name, *(f"{row[p]:.3f}" for p in ("p50", "p95", "p99"))] for name, row in result["all_ms"].items()]
    yield from table(["milliseconds", "p50", "p95", "p99"], rows)
    yield f"agentctx / yardstick at p50, first asked: {result['ratio']['p50']}. {where(result['machine'])}"
    yield ""


def ingest(result: Result) -> Iterator[str]:
    """What `ingest.py` found."""
    yield f"### Ingest of {result['episodes']:,} episodes ({result['data']})"
    yield ""
    rows = [[name, f"{rate:,.0f}"] for name, rate in result["episodes_per_s"].items()]
    yield from table(["writer", "episodes a second"], rows)
    yield f"An fsync of 4 KiB takes {result['fsync_ms']} ms on this disk. {where(result['machine'])}"
    yield ""


def crash(result: Result) -> Iterator[str]:
    """What `crash.py` found."""
    yield f"### `kill -9` of a writing server, {result['kills']} times"
    yield ""
    rows = [
        ["acknowledged episodes", f"{result['acknowledged']:,}"],
        [
            "acknowledged updates and deletions",
            f"{result['acknowledged_updates'] + result['acknowledged_deletions']:,}",
        ],
        ["calls that a kill cut off", f"{result['calls_cut_off']:,}"],
        ["searches compared with a clean rebuild", f"{result['searches_compared']:,}"],
        *([kind, f"{count:,}"] for kind, count in result["amiss"].items()),
    ]
    yield from table(["what", "count"], rows)
    yield where(result["machine"])
    yield ""


def rpc_overhead(result: Result) -> Iterator[str]:
    """What `rpc_overhead.py` found."""
    yield f"### What gRPC adds to a search over {result['episodes']:,} episodes ({result['road']})"
    yield ""
    names = ("embedded", "grpc", "echo", "overhead")
    yield from table(["p50, milliseconds", ""], [[name, f"{result[f'{name}_p50_ms']:.3f}"] for name in names])
    yield f"overhead / echo: {result['ratio']:.2f}. {where(result['machine'])}"
    yield ""


def layout(result: Result) -> Iterator[str]:
    """What `layout.py` found."""
    yield f"### Vectors scattered and side by side ({result['data']})"
    yield ""
    sizes = [(f"{one['rows']:,}", one) for one in result["sizes"].values()]
    rows = [
        [size, share, f"{found['rows']:,.0f}", *(f"{value:.3f}" for value in found["ms"].values()),
         f"{found['scattered / in order']:.2f}", f"{found['scattered / contiguous']:.2f}"]
        for size, one in sizes
        for share, found in one["locality"].items()
    ]  # fmt: skip
    head = ["of", "share", "rows", "scattered ms", "in order ms", "block by block ms", "scattered / in order"]
    yield from table([*head, "scattered / block by block"], rows)
    rows = [
        [size, name, *(f"{near[kind]['p50']:.2f}" for kind in ("cpu_ms", "ms")),
         *(f"{near[depth]:.4f}" for depth in ("recall@10", "recall@100")),
         f"{near['codes']:,.0f}", f"{near['scored']:,.0f}"]
        for size, one in sizes
        for name, near in one["nearest"].items()
    ]  # fmt: skip
    yield from table(
        ["of", "the nearest rows", "p50 cpu ms", "p50 ms", "recall@10", "recall@100", "codes", "scored"], rows
    )
    made_up = ", ".join(f"{one['made_up']:,} of {size} are made up" for size, one in sizes if one["made_up"])
    built = "; ".join(
        f"{size}: {sum(one['layout']['seconds'].values()):.0f} s in units of {one['layout']['unit_ms']['p50']:.1f} ms"
        for size, one in sizes
    )
    identical = "the same" if all(one["scores_identical"] for _, one in sizes) else "NOT the same"
    yield f"Scores before and after are {identical} to the last bit. Laying out took, {built}."
    yield f"Vectors: {made_up or 'all of real texts'}."
    if found := result.get("searched"):
        yield (
            f"An engine with {found['episodes']:,} episodes: {found['same_hits_and_scores']:.1%} of "
            f"{found['questions']} questions got the same hits and scores before and after; {found['said']}."
        )
    yield where(result["machine"])
    yield ""


def housekeeping(result: Result) -> Iterator[str]:
    """What `housekeeping.py` found."""
    yield f"### Readers while there is work in the background, {result['episodes']:,} episodes ({result['data']})"
    yield ""
    names = ("searches", "p50", "p90", "max", "longest_wait_ms", "longest_held_cpu_ms")
    lines = [
        [name, *(f"{row[key]:,}" if key in row else "" for key in names), str(result["ratio_p90"].get(name, ""))]
        for name, row in result["rows"].items()
    ]
    yield from table(["while", *(key.replace("_", " ") for key in names), "p90 / idle"], lines)
    many = result["many"]
    yield (
        f"{many['namespaces']:,} namespaces of {many['episodes_each']} beside it: filled in {many['ingest_s']:,.0f} s, "
        f"opened in {many['open_s']} s; the first search of {many['searched']} of them p50 "
        f"{many['first_search_ms']['p50']} ms, p95 {many['first_search_ms']['p95']} ms; of the large one "
        f"{many['large_first_search_s']} s; resident {many['resident_mib']['after']['total']:,.0f} MiB. "
        f"{_again(result)}{where(result['machine'])}"
    )
    yield ""


def _again(result: Result) -> str:
    """Of namespaces that were evicted before."""
    if "many_evicted_before" not in result:
        return ""
    evicted, taken = result["rows"]["eviction"]["evicted"], result["many_evicted_before"]["first_search_ms"]
    return (
        f"{evicted:,} times one was evicted; of those that were, the first search took p50 {taken['p50']} ms, "
        f"p95 {taken['p95']} ms. "
    )


def timeline(result: Result) -> Iterator[str]:
    """What `timeline.py` found."""
    yield f"### The timeline: {result['rows']:,} rows in order of time"
    yield ""
    names = list(next(iter(result["structures"].values())))
    lines = [[name, *(f"{row[key]:,}" for key in names)] for name, row in result["structures"].items()]
    yield from table(["", *names], lines)
    yield f"Each structure gave the same answers as a sorted list. {where(result['machine'])}"
    yield ""


def times(result: Result) -> Iterator[str]:
    """What `agentctx bench time` found."""
    yield f"### Time expressions: {result['data']['file']} of Recognizers-Text, the development half"
    yield ""
    rows = []
    for name, part in (("supported", result), ("not by upstream's Python", result["unsupported_upstream"])):
        shares = [f"{share:.3f} of {part['n'][kind]}" for kind, share in part["exact"].items()]
        rows.append([name, *shares, f"{part['false_positives']:.3f} of {part['negatives']}"])
    yield from table(["cases", *result["exact"], "false positives"], rows)
    spent = result["us_per_query"]
    yield f"{spent['p50']:.0f} us a query (p95 {spent['p95']:.0f}). The grammar was written with these cases in view."
    yield ""


def import_time(result: Result) -> Iterator[str]:
    """What `import_time.py` found."""
    yield "### Importing, in a fresh process"
    yield ""
    rows = [[f"`{name}`", f"{value:.0f}"] for name, value in result["milliseconds"].items()]
    yield from table(["statement", "milliseconds"], rows)
    yield where(result["machine"])
    yield ""


KINDS = {
    "locomo": retrieval,
    "longmemeval": retrieval,
    "search_latency": latency,
    "rpc_overhead": rpc_overhead,
    "ingest": ingest,
    "crash": crash,
    "scale": render_scale.scale,
    "peers": render_scale.peers,
    "housekeeping": housekeeping,
    "layout": layout,
    "timeline": timeline,
    "time": times,
    "localization": partial(render_code.localization, table=table, where=where),
    "index": partial(render_code.index, table=table, where=where),
    "context": partial(render_code.context, table=table, where=where),
    "routing": partial(render_code.routing, table=table, where=where),
    "import_time": import_time,
}


def rendered(folder: Path) -> str:
    """All results that we know how to tell, in the order of `KINDS`, then by file name."""
    results = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]
    lines: list[str] = []
    for kind, tell in KINDS.items():
        for result in results:
            if result.get("benchmark") == kind:
                lines += tell(result)
    return "\n".join([BEGIN, "", *lines, END])


def main() -> int:
    """Rewrite the page, or check it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    given = parser.parse_args()
    page = PAGE.read_text(encoding="utf-8")
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    fresh = before + rendered(RESULTS) + after
    if given.check:
        return int(fresh != page)
    PAGE.write_text(fresh, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
