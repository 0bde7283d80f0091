"""Kills a writing server with SIGKILL, again and again, and looks for what was lost.

    python benchmarks/crash.py --kills 50 --json crash.json

Each round starts `agentctx serve` on one and the same store, writes to it through clients in several threads (single
adds, batches, bulk streams, updates, deletions), and kills the server at a random moment. Then the store is opened and
every acknowledged write is looked up, the log is checked for gaps, and searches are compared with those on a clean
rebuild of the same log. Exit code 1 if anything is amiss.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from agentctx_bench import host, report, synthetic

from agentctx.client import Client, connect
from agentctx.engine import ContextEngine
from agentctx.errors import AgentctxError, NotFound
from agentctx.types import Episode, MemoryAPI, NewEpisode

SHARED = "crash/shared"  # all rounds write to it; each round has a namespace of its own besides
REFERENCE = datetime(2025, 1, 1, tzinfo=UTC)
QUERIES = 15  # compared per namespace


@dataclass
class Book:
    """What writers know of one namespace: what they asked for, and what the server acknowledged."""

    attempted: dict[str, str] = field(default_factory=dict)
    acknowledged: set[str] = field(default_factory=set)
    updated: dict[str, int] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)
    unsure: set[str] = field(default_factory=set)  # an update or deletion of it was not acknowledged
    open_batches: list[list[str]] = field(default_factory=list)  # not acknowledged: all of it may be there, or none


class Server:
    """`agentctx serve` as a process of its own."""

    def __init__(self, store: Path, socket: Path, log: Path) -> None:
        self._log = log.open("ab")
        command = [sys.executable, "-m", "agentctx.cli", "serve", "--store", str(store), "--unix", str(socket)]
        self.process = subprocess.Popen(
            [*command, "--log-level", "error"], stdout=subprocess.DEVNULL, stderr=self._log, start_new_session=True
        )
        self.target = f"unix:{socket}"

    def kill(self) -> None:
        """SIGKILL: nothing is flushed, nothing is said."""
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self._log.close()


class Writer(threading.Thread):
    """Writes until the server is gone. Only this thread touches the episodes that it wrote."""

    def __init__(self, target: str, name: str, books: dict[str, Book], seed: int) -> None:
        super().__init__(name=name, daemon=True)
        self._target = target
        self._books = books
        self._rng = random.Random(seed)  # noqa: S311 - no secret
        self._supply = (
            replace(e, id=f"{name}-{e.id}", session=f"{name}-{e.session}") for e in synthetic.episodes(10**6, seed)
        )
        self._own: list[tuple[str, str]] = []
        self.stopping = threading.Event()
        self.first_ack = threading.Event()
        self.surprise: BaseException | None = None

    def run(self) -> None:
        """Write whatever comes up next."""
        try:
            with connect(self._target, timeout=5.0) as client:
                client.wait_ready(30.0)
                while not self.stopping.is_set():
                    self._step(client)
                    self.first_ack.set()
        except AgentctxError as error:
            # Before the kill no error is in order; after it the broken connection is.
            if not self.stopping.is_set():
                self.surprise = error

    def _step(self, client: Client) -> None:
        namespace = self._rng.choice(list(self._books))
        dice = self._rng.random()
        if dice < 0.1 and self._own:
            self._do_update(client)
        elif dice < 0.2 and self._own:
            self._do_delete(client)
        elif dice < 0.4:
            self._do_stream(client, namespace)
        else:
            self._do_add(client, namespace, self._rng.choice([1, 1, 1, 5, 20, 100]))

    def _take(self, namespace: str, count: int) -> list[NewEpisode]:
        episodes = [next(self._supply) for _ in range(count)]
        self._books[namespace].attempted.update((e.id, e.content) for e in episodes)
        return episodes

    def _acknowledged(self, namespace: str, key: str) -> None:
        self._books[namespace].acknowledged.add(key)
        self._own.append((namespace, key))

    def _do_add(self, client: Client, namespace: str, count: int) -> None:
        episodes = self._take(namespace, count)
        ids = [e.id for e in episodes]
        batches = self._books[namespace].open_batches
        batches.append(ids)
        client.memory.add(namespace, episodes)
        batches.remove(ids)
        for key in ids:
            self._acknowledged(namespace, key)

    def _do_stream(self, client: Client, namespace: str) -> None:
        for result in client.memory.bulk_add(namespace, self._take(namespace, self._rng.choice([10, 150]))):
            if not result.ok:
                raise RuntimeError(f"bulk_add refused an episode: {result.error_code} {result.error_message}")
            self._acknowledged(namespace, result.id)

    def _do_update(self, client: Client) -> None:
        namespace, key = self._rng.choice(self._own)
        book, value = self._books[namespace], self._rng.randrange(10**6)
        book.unsure.add(key)
        client.memory.update(namespace, key, metadata={"value": value})
        book.updated[key] = value
        book.unsure.discard(key)

    def _do_delete(self, client: Client) -> None:
        namespace, key = self._own.pop(self._rng.randrange(len(self._own)))
        book = self._books[namespace]
        book.unsure.add(key)
        client.memory.delete(namespace, key)
        book.deleted.add(key)
        book.unsure.discard(key)


def everything(memory: MemoryAPI, namespace: str) -> dict[str, Episode]:
    """Every live episode of a namespace."""
    found: dict[str, Episode] = {}
    token = ""
    while True:
        page = memory.list(namespace, page_size=1000, page_token=token)
        found.update((episode.id, episode) for episode in page.episodes)
        token = page.next_page_token
        if not token:
            return found


def check(memory: MemoryAPI, namespace: str, book: Book) -> Counter[str]:
    """What is amiss in a namespace, by kind. Empty is right."""
    wrong: Counter[str] = Counter()
    try:
        found = everything(memory, namespace)
    except NotFound:
        found = {}
        if book.acknowledged:
            wrong["acknowledged episodes lost"] += len(book.acknowledged)
        return wrong
    for key in book.acknowledged - book.unsure:
        if key in book.deleted:
            wrong["acknowledged deletions undone"] += key in found
        elif key not in found:
            wrong["acknowledged episodes lost"] += 1
        else:
            wrong["episodes with other content"] += found[key].content != book.attempted[key]
            value = book.updated.get(key)
            wrong["acknowledged updates lost"] += value is not None and found[key].metadata.get("value") != value
    wrong["episodes nobody wrote"] += len(found.keys() - book.attempted.keys())
    for batch in book.open_batches:
        wrong["batches torn apart"] += 0 < sum(key in found for key in batch) < len(batch)
    head = next(iter(memory.list_namespaces(prefix=namespace, page_size=1).namespaces)).revision
    records = sum(1 for _ in memory.export(namespace)) - 1  # the first line is a header
    wrong["logs with gaps"] += records != head.sequence
    return +wrong


def compare(memory: MemoryAPI, namespace: str, embedder: str, queries: list[str]) -> tuple[int, int]:
    """(searches, searches that differ) between a store and a clean rebuild of one namespace's log."""

    def answers(service: MemoryAPI) -> list[list[tuple[str, float]]]:
        searches = (service.search(namespace, query, k=20, reference_time=REFERENCE) for query in queries)
        return [[(hit.episode.id, round(hit.score, 5)) for hit in search.hits] for search in searches]

    with (
        tempfile.TemporaryDirectory(prefix="agentctx-rebuild-") as folder,
        ContextEngine.open(Path(folder) / "memory.db", embedder=embedder) as rebuilt,
    ):
        rebuilt.memory.import_(namespace, memory.export(namespace))
        pairs = list(zip(answers(memory), answers(rebuilt.memory), strict=True))
    return len(pairs), sum(ours != theirs for ours, theirs in pairs)


def one_round(number: int, folder: Path, books: dict[str, Book], writers: int, rng: random.Random) -> dict[str, int]:
    """Start, write, kill, open, check. `books` holds the shared namespace and gets that of the round."""
    own = f"crash/round-{number:03}"
    books[own] = Book()
    acknowledged = sum(len(book.acknowledged) for book in books.values())
    cut_off = sum(len(book.open_batches) for book in books.values())
    server = Server(folder / "memory.db", folder / "server.sock", folder / "server.log")
    # A book is touched by several threads, each with keys of its own; the interpreter keeps sets and dicts whole.
    threads = [
        Writer(server.target, f"r{number}w{n}", {name: books[name] for name in (SHARED, own)}, seed=number * 100 + n)
        for n in range(writers)
    ]
    for thread in threads:
        thread.start()
    started = all(thread.first_ack.wait(60.0) for thread in threads)
    time.sleep(rng.uniform(0.0, 0.6))
    for thread in threads:
        thread.stopping.set()
    server.kill()
    for thread in threads:
        thread.join(30.0)
        if thread.surprise is not None or thread.is_alive() or not started:
            log = (folder / "server.log").read_text(encoding="utf-8", errors="replace")[-2000:]
            raise RuntimeError(f"round {number}: a writer failed before the kill: {thread.surprise!r}\n{log}")
    outcome: Counter[str] = Counter()
    began = time.perf_counter()
    with ContextEngine.open(folder / "memory.db") as engine:
        for name in (SHARED, own):
            outcome.update(check(engine.memory, name, books[name]))
        outcome["ms to open and check"] = round((time.perf_counter() - began) * 1000)
        if books[own].acknowledged:
            queries = synthetic.questions(QUERIES, 1000, seed=number)
            outcome["searches compared"], outcome["searches that differ"] = compare(
                engine.memory, own, "static", queries
            )
    outcome["acknowledged"] = sum(len(book.acknowledged) for book in books.values()) - acknowledged
    outcome["calls cut off"] = sum(len(book.open_batches) for book in books.values()) - cut_off
    return dict(outcome)


AMISS = (
    "acknowledged episodes lost",
    "episodes with other content",
    "acknowledged updates lost",
    "acknowledged deletions undone",
    "episodes nobody wrote",
    "batches torn apart",
    "logs with gaps",
    "searches that differ",
)


def main() -> int:
    """Run the rounds, print what was found, and write JSON where asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--writers", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    rng = random.Random(given.seed)  # noqa: S311
    books = {SHARED: Book()}
    total: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(prefix="agentctx-crash-") as name:
        folder = Path(name)
        for number in range(given.kills):
            outcome = one_round(number, folder, books, given.writers, rng)
            total.update({key: value for key, value in outcome.items() if key != "ms to open and check"})
            print(f"kill {number + 1}: {json.dumps(outcome)}", file=sys.stderr)
        with ContextEngine.open(folder / "memory.db") as engine:
            for namespace, book in books.items():  # the last kill must not have harmed what older rounds wrote
                for kind, count in check(engine.memory, namespace, book).items():
                    total[kind] += count
            compared, differing = compare(engine.memory, SHARED, "static", synthetic.questions(QUERIES, 1000, seed=1))
            total["searches compared"] += compared
            total["searches that differ"] += differing
    amiss = {kind: total[kind] for kind in AMISS}
    result = {
        "benchmark": "crash",
        "kills": given.kills,
        "writers": given.writers,
        "acknowledged": total["acknowledged"],
        "acknowledged_updates": sum(len(book.updated) for book in books.values()),
        "acknowledged_deletions": sum(len(book.deleted) for book in books.values()),
        "calls_cut_off": total["calls cut off"],
        "searches_compared": total["searches compared"],
        "amiss": amiss,
        "seed": given.seed,
        "machine": host.machine(),
        "versions": host.versions(),
    }
    print(json.dumps(result, indent=2))
    if given.json:
        report.write_json(result, given.json)
    return 1 if any(amiss.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
