"""What `bench index` does in fresh processes: index a tree, ask its map."""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from agentctx.engine import ContextEngine
from agentctx_bench.stats import percentiles

NAME: Final = "measured"
_EVERY: Final = 0.02
_WARM: Final = 5


def index(store: Path, tree: Path) -> dict[str, Any]:
    """Index `tree` with a process that was just started; times, memory and what the report says."""
    with peak_memory() as peak:
        started = time.perf_counter()
        with ContextEngine.open(store) as engine:
            opened = time.perf_counter()
            last = None
            for progress in engine.code.index(str(tree), name=NAME):
                last = progress.report or last
            ended = time.perf_counter()
        assert last is not None
    spent = os.times()
    return {
        "name": NAME,
        "open_s": round(opened - started, 3),
        "wall_s": round(ended - opened, 3),
        "cpu_s": round(spent.user + spent.system + spent.children_user + spent.children_system, 2),
        "peak_mib": round(max(peak) / 2**20, 1),
        "files": last.repository.files,
        "symbols": last.repository.symbols,
        "languages": dict(last.repository.languages),
        "edges": dict(last.edges),
        "calls": dict(last.calls),
        "parsed": last.parsed,
        "reused": last.reused,
        "resolved": last.resolved,
        "seconds": dict(last.seconds),
        "problems": len(last.problems),
    }


def ask(store: Path, repository: str, queries: int, seed: int) -> dict[str, Any]:
    """Latencies of lookup, search, scout and map, and what the first answer of a process takes."""
    started = time.perf_counter()
    with ContextEngine.open(store) as engine:
        code = engine.code
        code.symbol(repository, "main")
        first = time.perf_counter() - started
        randomly = random.Random(seed)  # noqa: S311 - a sample, no secret
        names = symbol_names(code, repository, randomly, queries)
        texts = [f"{a} {b.replace('_', ' ')}" for a, b in zip(names, randomly.sample(names, len(names)), strict=True)]
        issues = [f"{a} fails: calling {b}() from {c} raises an error" for a, b, c in _triples(names, randomly)]
        latency = {
            "symbol": _timed(lambda text: code.symbol(repository, text), names),
            "search": _timed(lambda text: code.search(repository, text), texts),
            "scout": _timed(lambda text: code.scout(repository, text), issues[: max(20, queries // 4)]),
            "map": _timed(lambda _: code.map(repository, budget=2000), names[:10]),
            "map for a task": _timed(lambda text: code.map(repository, budget=2000, query=text), texts[:20]),
        }
    return {"latency_ms": latency, "first_s": round(first, 3)}


def symbol_names(code: Any, repository: str, randomly: random.Random, count: int) -> list[str]:
    """Names of symbols from files all over the tree."""
    folders = [""]
    files: list[str] = []
    while folders:
        folder = folders.pop()
        for entry in code.outline(repository, folder).entries:
            (folders if entry.symbol.kind == "folder" else files).append(entry.symbol.path)
    found: dict[str, None] = {}
    for path in randomly.sample(sorted(files), len(files)):
        for entry in code.outline(repository, path).entries[:20]:
            if entry.symbol.kind not in ("file", "section", "key"):
                found[entry.symbol.name] = None
        if len(found) >= count:
            break
    return list(found)[:count] or ["main"]


def _triples(names: list[str], randomly: random.Random) -> Iterator[tuple[str, str, str]]:
    for name in names:
        yield name, randomly.choice(names), randomly.choice(names)


def _timed(work: Callable[[str], object], inputs: list[str]) -> dict[str, float]:
    for text in inputs[:_WARM]:
        work(text)
    taken = []
    for text in inputs:
        started = time.perf_counter()
        work(text)
        taken.append(1000 * (time.perf_counter() - started))
    return {"n": len(taken), **percentiles(taken)}


@contextmanager
def peak_memory() -> Iterator[list[int]]:
    """The most bytes that this process and those it started have held together, sampled; only where /proc is."""
    peak = [0]
    done = threading.Event()

    def watch() -> None:
        while not done.wait(_EVERY):
            peak[0] = max(peak[0], _held(os.getpid()))

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield peak
    finally:
        done.set()
        thread.join()


def _held(process: int) -> int:
    """Resident bytes of a process and of all below it; pages that they share count for each."""
    try:
        pages = int(Path(f"/proc/{process}/statm").read_text(encoding="ascii").split()[1])
        below = Path(f"/proc/{process}/task/{process}/children").read_text(encoding="ascii").split()
        for task in Path(f"/proc/{process}/task").iterdir():
            if task.name != str(process):
                below += (task / "children").read_text(encoding="ascii").split()
    except (OSError, ValueError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE") + sum(_held(int(one)) for one in below)
