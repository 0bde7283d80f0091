"""The results of `agentctx bench scale` and `peers` as Markdown."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from render_parts import Result, table, where

PICTURE = Path(__file__).resolve().parents[1] / "docs" / "peers.svg"
"""Drawn by `agentctx bench peers`, beside the page that shows it."""


def scale(result: Result) -> Iterator[str]:
    """What `agentctx bench scale` found."""
    yield f"### One namespace, by its size ({sources(result)})"
    yield ""
    sizes = [(f"{row['episodes']:,}", row) for row in result["sizes"]]
    told = "; ".join(
        f"{size}: {', '.join(f'{n:,} {kind}' for kind, n in row['sources'].items())}" for size, row in sizes
    )
    yield f"Episodes, {told}. A query counts by its median over {result['repeat']} processes that each ask it once."
    yield ""
    head = ["episodes", "queries", "n", "p50 ms", "p95 ms", "cpu p50 ms", "recall@10", "scored", "share", "postings"]
    lines: list[list[str]] = []
    for size, row in sizes:
        asked = [
            ("", row["families"]),
            *((f", without {name}", part) for name, part in row.get("ablation", {}).items()),
        ]
        lines += [[size, name + what, *family(one)] for what, part in asked if part for name, one in part.items()]
    yield from table([*head, "codes", "widened"], lines)
    lines = [
        [size, name, f"{one['latency_ms']['p50']:.2f}", f"{one['latency_ms']['p95']:.2f}", f"{ratio:.1f}"]
        for size, row in sizes
        if "baseline" in row
        for (name, one), ratio in zip(
            row["baseline"]["families"].items(), row["baseline"]["ratio_p50"].values(), strict=True
        )
    ]
    if lines:
        yield "The fixed baseline, faiss Flat and a full BM25 scan over the same rows, fused:"
        yield ""
        yield from table(["episodes", "queries", "p50 ms", "p95 ms", "p50 / ours"], lines)
    head = ["episodes", "ingest/s", "consolidation s", "open s", "without snapshot s", "resident MiB", "store MiB"]
    lines = [
        [
            size,
            f"{row['ingest_per_s']:,.0f}" if row["ingest_per_s"] else "not timed",
            f"{row['settle']['consolidate_s']:.1f}",
            f"{row['open_s']['snapshot']:.2f}",
            f"{row['open_s']['rebuilt']:.1f}" if "rebuilt" in row["open_s"] else "",
            f"{row['resident_mib']['asked']['total']:,.0f}",
            f"{row['disk_mib']['store']:,.0f}",
            f"{row['disk_mib']['snapshots']:,.0f}",
            f"{row['cold_namespace_ms']['snapshot']:.1f}",
        ]
        for size, row in sizes
    ]
    yield from table([*head, "snapshot MiB", "first search of a cold namespace of 1,000, ms"], lines)
    yield where(result["machine"])
    yield ""


def sources(result: Result) -> str:
    """Where the episodes come from, in a few words."""
    data = result["data"]
    names = [f"`{data['file']}`"] if data["file"] else []
    names += [f"commits of {len(data['repositories'])} repositories"] if data["repositories"] else []
    return ", ".join(names) or "made up"


def family(row: Result) -> list[str]:
    """What one family of queries took, as cells."""
    taken = row["latency_ms"]
    return [
        str(row["n"]),
        f"{taken['p50']:.2f}",
        f"{taken['p95']:.2f}",
        f"{row['cpu_ms']['p50']:.2f}",
        f"{row['recall']:.4f}",
        f"{row['scored']:,.0f}",
        f"{row['scored_share']:.2%}",
        f"{row['postings']:,.0f}",
        f"{row['codes']:,.0f}",
        f"{row['widened_share']:.2f}",
    ]


def peers(result: Result) -> Iterator[str]:
    """What `agentctx bench peers` found."""
    yield f"### Other systems, same episodes, queries and vectors ({sources(result)})"
    yield ""
    if PICTURE.exists():
        yield f"![p50 of one search against the number of episodes, dense and hybrid]({PICTURE.name})"
        yield ""
    for row in result["sizes"]:
        lines = [
            [one["system"], one["task"], f"failed: {one['error']}", *[""] * 6]
            if "error" in one
            else [
                one["system"],
                one["task"],
                f"{one['latency_ms']['p50']:.2f}",
                f"{one['latency_ms']['p95']:.2f}",
                f"{one['recall']:.4f}",
                one["recall_is"],
                f"{one['add_per_s']:,.0f}" if one["add_per_s"] else "not timed",
                f"{one['resident_mib']:,.0f}",
                f"{one['disk_mib']:,.0f}",
            ]
            for one in row["systems"]
        ]
        head = [f"{row['episodes']:,} episodes", "task", "p50 ms", "p95 ms", "recall@10", "of what", "add/s"]
        yield from table([*head, "resident MiB", "disk MiB"], lines)
    versions = ", ".join(f"{name} {result['versions'][name]}" for name in ("lancedb", "chromadb", "faiss-cpu"))
    yield f"{result['queries']} queries; {versions}. {where(result['machine'])}"
    yield ""
