"""What work in the background costs a reader: consolidation, snapshots and eviction while one thread searches.

    python benchmarks/housekeeping.py                                # 20,000 episodes, made up
    python benchmarks/housekeeping.py --data s_dev.json.xz --episodes 100000 --json housekeeping.json
    python benchmarks/housekeeping.py --namespaces 10000 --each 100  # also very many small namespaces beside it

The reader asks the same questions idle and during each kind of work, without a pause. `wait` is what a search spent
before it held the lock of its namespace, and for a write of the moment to be taken up. `held` is the longest
that others held that lock, in processor time: what a wait would be on a machine that does nothing else. With
`--namespaces`, the store also gets so many small namespaces, and each search of a sample of them is its first.

It does two things that `agentctx serve` does: what was loaded is kept from Python's garbage collector (`gc.freeze`), as
a full collection stops every thread of a process, some 25 ms for the packages alone; and threads take shorter turns
(`--switch-interval`).
"""

from __future__ import annotations

import argparse
import gc
import random
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from agentctx_bench import host, report, synthetic
from agentctx_bench.loading import material
from agentctx_bench.progress import bar
from agentctx_bench.scale_work import cores
from agentctx_bench.stats import percentiles

from agentctx.config import Settings
from agentctx.engine import ContextEngine
from agentctx.errors import AgentctxError
from agentctx.types import NewEpisode

LARGE = "bench/large"
_BATCH = 500
_SNAPSHOTS = 6
_ROOM = 16 << 20  # bytes for small namespaces beside the large one: some fifty of a hundred episodes
_ENOUGH = 10_000  # episodes of small namespaces that are more than that
Work = Callable[[threading.Event], None]


class Reader:
    """Asks questions one after the other and keeps what each took."""

    def __init__(self, engine: ContextEngine, questions: Sequence[str]) -> None:
        self._engine = engine
        self._questions = cycle(questions)

    def watch(self) -> Watch:
        """Look at the lock of the index that is asked, from now on."""
        slot: Any = self._engine.memory._residency._slots[LARGE]
        lock = slot.lock.inner if isinstance(slot.lock, Watch) else slot.lock
        watch = Watch(lock, threading.get_ident())
        with lock:
            slot.lock = watch
        return watch

    def ask(self, until: Callable[[], bool], least: int) -> dict[str, Any]:
        """Ask until `until` says so, and `least` times at least."""
        taken: list[float] = []
        waits: list[float] = []
        while len(taken) < least or not until():
            began = time.perf_counter()
            found = self._engine.memory.search(LARGE, next(self._questions), k=10, explain=True)
            taken.append((time.perf_counter() - began) * 1000)
            waits.append(found.explanation.stages_ms.get("wait", 0.0) if found.explanation else 0.0)
        told = percentiles(taken)
        ordered = sorted(taken)
        return {
            "searches": len(taken),
            "p50": told["p50"],
            "p90": round(ordered[int(0.9 * (len(ordered) - 1))], 3),
            "max": round(ordered[-1], 3),
            "longest_wait_ms": round(max(waits), 3),
        }


def during(reader: Reader, work: Work, least: int) -> dict[str, Any]:
    """What the reader measures while `work` runs in another thread, and how long that took."""
    stop = threading.Event()
    watch = reader.watch()
    failed: list[BaseException] = []

    def run() -> None:
        try:
            work(stop)
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=run)
    began = time.perf_counter()
    thread.start()
    try:
        told = reader.ask(lambda: not thread.is_alive(), least)
    finally:
        stop.set()
        thread.join()
    if failed:
        raise failed[0]
    return {**told, "longest_held_cpu_ms": round(watch.longest, 3), "work_s": round(time.perf_counter() - began, 2)}


class Watch:
    """A lock that keeps the longest time that others than the reader held it, in milliseconds of the processor."""

    def __init__(self, lock: Any, reader: int) -> None:
        self.inner = lock
        self._reader = reader
        self._since: list[float] = []
        self.longest = 0.0

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        """As of the lock."""
        got = bool(self.inner.acquire(blocking, timeout))
        if got:
            self._since.append(time.thread_time())
        return got

    def release(self) -> None:
        """As of the lock."""
        if self._since:  # else it was acquired before there was a watch
            held = (time.thread_time() - self._since.pop()) * 1000
            if threading.get_ident() != self._reader:
                self.longest = max(self.longest, held)
        self.inner.release()

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()


def consolidating(engine: ContextEngine) -> Work:
    """One consolidation of the large namespace."""

    def work(stop: threading.Event) -> None:
        for _ in engine.memory.consolidate(LARGE):
            if stop.is_set():
                return

    return work


def writing(engine: ContextEngine, episodes: Sequence[NewEpisode]) -> Work:
    """Writes to the large namespace, fifty episodes at a time."""

    def work(stop: threading.Event) -> None:
        for start in range(0, len(episodes), 50):
            if stop.is_set():
                return
            engine.memory.add(LARGE, episodes[start : start + 50])
            time.sleep(0.01)

    return work


def snapping(engine: ContextEngine, times: int) -> Work:
    """Snapshots of the large namespace, one after the other, as if it had just grown by a quarter."""

    def work(stop: threading.Event) -> None:
        indexes: Any = engine.memory._indexes
        for _ in range(times):
            with indexes.residency.reading(LARGE) as index:
                index.saved = None
                indexes.residency._keeper.grown(LARGE, index)
            while not stop.is_set() and not indexes.housekeeping.wait(0.1):
                pass
            if index.saved is None:
                raise SystemExit(f"no snapshot was written: {indexes.problems}")

    return work


def evicting(engine: ContextEngine, names: Sequence[str], evicted: list[str]) -> Work:
    """Searches of more small namespaces than the budget of memory holds, so that one goes for each that comes.

    evicted: gets their names.
    """
    keeper: Any = engine.memory._indexes.residency._keeper
    tell = keeper.evicted

    def note(name: str, index: Any) -> None:
        evicted.append(name)
        tell(name, index)

    keeper.evicted = note

    def work(stop: threading.Event) -> None:
        for name in names:
            if stop.is_set():
                return
            engine.memory.search(name, "What was planned?", k=5)
            time.sleep(0.002)

    return work


def saved(engine: ContextEngine) -> Any:
    """Up to where the large namespace's snapshot holds it."""
    index = engine.memory._residency.peek(LARGE)
    return None if index is None else index.saved


def freeze() -> None:
    """Keep from the garbage collector what there is."""
    gc.collect()
    gc.freeze()


@contextmanager
def opened(path: Path, memory_bytes: int, *, housekeeping: bool = True) -> Iterator[ContextEngine]:
    """An engine with a budget of memory."""
    settings = Settings.load()
    index = replace(settings.index, memory_bytes=memory_bytes, housekeeping=housekeeping)
    with ContextEngine.open(path, embedder="static", settings=replace(settings, index=index)) as engine:
        yield engine


def add_small(engine: ContextEngine, names: Sequence[str], each: int) -> float:
    """Fill small namespaces; the seconds that it took."""
    began = time.perf_counter()
    with bar("small namespaces", len(names)) as advance:
        for number, name in enumerate(names):
            few = [replace(one, id="") for one in synthetic.episodes(each, seed=number)]
            engine.memory.add(name, few)
            advance(1)
    return time.perf_counter() - began


def many(path: Path, names: Sequence[str], each: int, sample: int, seed: int, budget: int) -> dict[str, Any]:
    """First searches of a sample of small namespaces, and of the large one beside them, in a store opened anew."""
    before = host.resident_mib()
    began = time.perf_counter()
    with opened(path, budget) as engine:
        engine.memory.list_namespaces(page_size=1)
        open_s = time.perf_counter() - began
        chosen = random.Random(seed).sample(list(names), min(sample, len(names)))  # noqa: S311 - no secret
        taken, computed = [], []
        for name in chosen:
            at, began = time.thread_time(), time.perf_counter()
            engine.memory.search(name, "What was planned for the weekend?", k=10)
            taken.append((time.perf_counter() - began) * 1000)
            computed.append((time.thread_time() - at) * 1000)
        began = time.perf_counter()
        engine.memory.search(LARGE, "What was planned for the weekend?", k=10)
        large = time.perf_counter() - began
        after = host.resident_mib()
    return {
        "namespaces": len(names),
        "episodes_each": each,
        "open_s": round(open_s, 3),
        "first_search_ms": percentiles(taken),
        "first_search_cpu_ms": percentiles(computed),
        "searched": len(chosen),
        "large_first_search_s": round(large, 3),
        "resident_mib": {"before": before, "after": after},
        "memory_budget_mib": budget >> 20,
        "disk_mib": round(path.stat().st_size / 2**20, 1),
    }


def main() -> None:
    """Measure, print, and write JSON where asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="take turns and questions from this LoCoMo or LongMemEval file")
    parser.add_argument("--episodes", type=int, default=20_000)
    parser.add_argument("--namespaces", type=int, default=200)
    parser.add_argument("--each", type=int, default=100)
    parser.add_argument("--searches", type=int, default=300, help="at least so many during each kind of work")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--switch-interval", type=float, default=0.0005, help="seconds; Python's own is 0.005")
    given = parser.parse_args()
    sys.setswitchinterval(given.switch_interval)
    growth = max(3_000, given.episodes * 45 // 100)  # by a third a snapshot is due
    episodes, questions = material(given.data, given.episodes + growth, 200, given.seed)
    given.episodes = max(len(episodes) - growth, 1)
    names = [f"bench/small/{number:05}" for number in range(given.namespaces)]
    with tempfile.TemporaryDirectory(prefix="agentctx-housekeeping-") as folder:
        path = Path(folder) / "memory.db"
        with opened(path, 8 << 30, housekeeping=False) as engine:
            for start in range(0, given.episodes, _BATCH):
                engine.memory.add(LARGE, episodes[start : min(start + _BATCH, given.episodes)])
            small_s = add_small(engine, names, given.each)
        rows: dict[str, Any] = {}
        with opened(path, 8 << 30) as engine:
            reader = Reader(engine, questions)
            reader.ask(lambda: True, 50)
            freeze()
            rows["idle"] = reader.ask(lambda: True, given.searches)
            rows["consolidation"] = during(reader, consolidating(engine), given.searches)
            rows["snapshots"] = during(reader, snapping(engine, _SNAPSHOTS), given.searches)
            new, before = episodes[given.episodes :], saved(engine)
            first = growth * 4 // 9
            rows["writes"] = during(reader, writing(engine, new[:first]), given.searches)
            rows["writes"]["snapshot"] = saved(engine) != before
            rows["writes and snapshot"] = during(reader, writing(engine, new[first:]), given.searches)
            rows["writes and snapshot"]["snapshot"] = saved(engine) != before
            rows["idle again"] = reader.ask(lambda: True, given.searches)
            needed = engine.memory._residency.nbytes
        gc.unfreeze()
        first = many(path, names, given.each, 300, given.seed, 2 << 30)  # before there are snapshots of them
        with opened(path, needed + _ROOM) as engine:
            reader = Reader(engine, questions)
            reader.ask(lambda: True, 50)
            freeze()
            rows["idle, little memory"] = reader.ask(lambda: True, given.searches)
            evicted: list[str] = []
            small = list(islice(cycle(names), 2000))
            rows["eviction"] = during(reader, evicting(engine, small, evicted), given.searches)
            rows["eviction"]["evicted"] = len(evicted)
            if LARGE in evicted or (len(names) * given.each >= _ENOUGH and not evicted):
                raise SystemExit("the budget of memory is not what it should be: " + ", ".join(evicted[:3]))
        result = {
            "benchmark": "housekeeping",
            "rows": rows,
            "ratio_p90": {
                name: round(rows[name]["p90"] / rows[idle]["p90"], 2)
                for name, idle in (
                    ("consolidation", "idle"),
                    ("snapshots", "idle"),
                    ("writes", "idle"),
                    ("writes and snapshot", "idle"),
                    ("eviction", "idle, little memory"),
                )
            },
            "many": {**first, "ingest_s": round(small_s, 1)},
            "many_evicted_before": many(path, names, given.each, 300, given.seed, 2 << 30),
            "episodes": given.episodes,
            "data": given.data.name if given.data else "synthetic",
            "switch_interval": given.switch_interval,
            "seed": given.seed,
            "machine": cores(),
            "versions": host.versions(),
        }
    print(f"{given.episodes:,} episodes ({result['data']}), {len(names):,} small namespaces, seed {given.seed}")
    for name, row in rows.items():
        print(
            f"  {name:22} p50 {row['p50']:8.3f}  p90 {row['p90']:8.3f}  max {row['max']:8.3f} ms  "
            f"longest wait {row['longest_wait_ms']:8.3f} ms  held {row.get('longest_held_cpu_ms', 0):7.3f} ms  "
            f"({row['searches']} searches)"
        )
    print(f"  p90 against idle: {result['ratio_p90']}")
    print(f"  many namespaces: {result['many']}")
    print(f"  the same after eviction: {result['many_evicted_before']}")
    print(f"  {result['machine']}\n  {host.versions()}")
    if given.json:
        report.write_json(result, given.json)


if __name__ == "__main__":
    try:
        main()
    except AgentctxError as error:
        raise SystemExit(str(error)) from error
