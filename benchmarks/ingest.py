"""Ingest rate: episodes a second, embedded, indexed and durable when `add` returns.

    python benchmarks/ingest.py --data locomo.json   # LoCoMo turns: one writer, batches of 100
    python benchmarks/ingest.py                      # made-up episodes

Then the same with `synchronous=NORMAL`, and single-episode writers side by side, where group commit lets them share an
fsync. As yardsticks of the same run: what an fsync costs on this disk, and a bare SQLite table without index,
vectors or log, written in the same batches.
"""

from __future__ import annotations

import argparse
import os
import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median

from agentctx_bench import host, report
from agentctx_bench.loading import material

from agentctx.config import Settings
from agentctx.engine import ContextEngine
from agentctx.types import NewEpisode

BATCH = 100
EMBEDDER = "static"


def opened(folder: Path, synchronous: str) -> ContextEngine:
    """An engine on a fresh store, warm: its first write loads the embedder and makes the schema."""
    settings = Settings.load(environ=dict(os.environ) | {"AGENTCTX_STORE_SYNCHRONOUS": synchronous})
    engine = ContextEngine.open(folder / "memory.db", embedder=EMBEDDER, settings=settings)
    engine.memory.add("bench/warm-up", "A first write, so that nothing is loaded within a measurement.")
    return engine


def one_writer(episodes: Sequence[NewEpisode], synchronous: str) -> float:
    """Episodes a second of one thread that adds batches of 100."""
    with tempfile.TemporaryDirectory(prefix="agentctx-ingest-") as folder, opened(Path(folder), synchronous) as engine:
        began = time.perf_counter()
        for start in range(0, len(episodes), BATCH):
            engine.memory.add("bench/ingest", episodes[start : start + BATCH])
        return len(episodes) / (time.perf_counter() - began)


def writers(episodes: Sequence[NewEpisode], synchronous: str, threads: int) -> float:
    """Episodes a second of threads that each add one episode at a time to a namespace of their own."""
    with tempfile.TemporaryDirectory(prefix="agentctx-ingest-") as folder, opened(Path(folder), synchronous) as engine:
        start = threading.Barrier(threads + 1)
        failures: list[BaseException] = []

        def write(number: int) -> None:
            start.wait()
            try:
                for episode in episodes[number::threads]:
                    engine.memory.add(f"bench/writer-{number}", episode)
            except BaseException as error:
                failures.append(error)

        workers = [threading.Thread(target=write, args=(n,)) for n in range(threads)]
        for worker in workers:
            worker.start()
        start.wait()
        began = time.perf_counter()
        for worker in workers:
            worker.join()
        took = time.perf_counter() - began
        if failures:
            raise failures[0]
        return len(episodes) / took


def bare_sqlite(episodes: Sequence[NewEpisode], synchronous: str) -> float:
    """Rows a second of the texts alone in one SQLite table, the same batches, the same durability."""
    with tempfile.TemporaryDirectory(prefix="agentctx-ingest-") as folder:
        connection = sqlite3.connect(Path(folder) / "bare.db", isolation_level=None)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(f"PRAGMA synchronous={synchronous}")
        connection.execute("CREATE TABLE turn (id TEXT PRIMARY KEY, session TEXT, content TEXT)")
        began = time.perf_counter()
        for start in range(0, len(episodes), BATCH):
            rows = [(e.id, e.session, e.content) for e in episodes[start : start + BATCH]]
            connection.execute("BEGIN")
            connection.executemany("INSERT INTO turn VALUES (?, ?, ?)", rows)
            connection.execute("COMMIT")
        took = time.perf_counter() - began
        connection.close()
        return len(episodes) / took


def fsync_ms(times: int = 50) -> float:
    """The median milliseconds of an fsync after appending 4 KiB, in the folder that the stores are in."""
    with tempfile.NamedTemporaryFile(prefix="agentctx-fsync-") as file:
        taken = []
        for _ in range(times):
            file.write(b"x" * 4096)
            file.flush()
            began = time.perf_counter()
            os.fsync(file.fileno())
            taken.append((time.perf_counter() - began) * 1000)
        return median(taken)


def main() -> None:
    """Measure, print, and write JSON where asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="take turns from this LoCoMo or LongMemEval file")
    parser.add_argument("--episodes", type=int, default=5_000, help="at most; for one writer")
    parser.add_argument("--singles", type=int, default=800, help="episodes for the writers of single episodes")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 4, 16])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    episodes, _ = material(given.data, given.episodes, 0, given.seed)
    singles = [replace(e, position=None) for e in episodes[: given.singles]]
    measures: dict[str, Callable[[], float]] = {}
    for synchronous in ("FULL", "NORMAL"):
        measures[f"one writer, batches of {BATCH}, {synchronous}"] = partial(one_writer, episodes, synchronous)
        measures[f"bare SQLite, batches of {BATCH}, {synchronous}"] = partial(bare_sqlite, episodes, synchronous)
        for n in given.threads:
            name = f"{n} writer{'s' if n > 1 else ''} of single episodes, {synchronous}"
            measures[name] = partial(writers, singles, synchronous, n)
    rates: dict[str, list[float]] = {name: [] for name in measures}
    for _ in range(given.rounds):  # the measures take turns, so that a busy minute slows all of them
        for name, measure in measures.items():
            rates[name].append(round(measure(), 1))
    medians = {name: median(values) for name, values in rates.items()}
    headline = medians[f"one writer, batches of {BATCH}, FULL"]
    result = {
        "benchmark": "ingest",
        "ingest_per_s": headline,
        "episodes_per_s": medians,
        "ratio": {
            "agentctx / bare SQLite, FULL": round(headline / medians[f"bare SQLite, batches of {BATCH}, FULL"], 3),
            "NORMAL / FULL, one writer": round(medians[f"one writer, batches of {BATCH}, NORMAL"] / headline, 2),
            **{
                f"{n} single writers / 1, FULL": round(
                    medians[f"{n} writers of single episodes, FULL"] / medians["1 writer of single episodes, FULL"], 2
                )
                for n in given.threads
                if n > 1 and 1 in given.threads
            },
        },
        "rounds": rates,
        "fsync_ms": round(fsync_ms(), 3),
        "episodes": len(episodes),
        "singles": len(singles),
        "embedder": EMBEDDER,
        "data": given.data.name if given.data else "synthetic",
        "seed": given.seed,
        "machine": host.machine(),
        "versions": host.versions(),
    }
    print(f"{len(episodes)} episodes ({result['data']}), median of {given.rounds} rounds")
    for name, rate in medians.items():
        print(f"  {name:45} {rate:10,.0f} /s")
    for name, ratio in result["ratio"].items():
        print(f"  {name:45} {ratio:10}")
    print(f"  fsync of 4 KiB on this disk: {result['fsync_ms']} ms\n  {host.machine()}\n  {host.versions()}")
    if given.json:
        report.write_json(result, given.json)


if __name__ == "__main__":
    main()
