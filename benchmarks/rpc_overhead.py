"""What gRPC adds to a search, against an empty echo on the same server.

    python benchmarks/rpc_overhead.py                      # 10,000 made-up episodes
    python benchmarks/rpc_overhead.py --data s_dev.json.xz # real turns of a LongMemEval or LoCoMo file

    overhead = search over gRPC - the same search embedded        (per question, paired)
    ratio    = median(overhead) / median(echo)                    (the first bar is 2, the aim 1.3)

The server is a process of its own on a store that this process has open, too; both answer each question once a round,
from the same state. The echo is the health check: an empty request and two bytes back, through the same interceptors
but without a token or a line in the log.

A machine that has just slept or searched answers anything more slowly than one in a tight loop, so two ratios are
printed. `ratio` compares like with like: each gRPC search and each echo comes right after an embedded search. For
`ratio_alone` each of the three runs in a loop of its own, where an echo finds everything awake.
"""

from __future__ import annotations

import argparse
import gc
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from agentctx_bench import host, report
from agentctx_bench.loading import material
from agentctx_bench.stats import percentiles

from agentctx import connect
from agentctx.engine import ContextEngine

NAMESPACE = "bench/rpc"
SERVER = """
import sys
from agentctx.engine import ContextEngine
from agentctx_server import ServerConfig, run_forever, serve
with ContextEngine.open(sys.argv[1], embedder=sys.argv[2]) as engine:
    socket = sys.argv[3] or None
    server = serve(engine, ServerConfig(port=0, unix_socket=socket, log_level=sys.argv[4]))
    print(server.address, flush=True)
    run_forever(server)
"""


def main() -> None:
    """Measure, print, and write JSON where asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="take turns and questions from this LoCoMo or LongMemEval file")
    parser.add_argument("--episodes", type=int, default=10_000)
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--k", type=int, default=10)
    parser.add_argument("--embedder", default="static")
    parser.add_argument("--unix", action="store_true", help="over a Unix socket instead of TCP")
    parser.add_argument("--log-level", default="info", help="of the server; info writes a line for each search")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    episodes, queries = material(given.data, given.episodes, given.queries, given.seed)
    with tempfile.TemporaryDirectory(prefix="agentctx-rpc-") as folder:
        store = Path(folder) / "memory.db"
        with ContextEngine.open(store, embedder=given.embedder) as engine:
            for start in range(0, len(episodes), 100):
                engine.memory.add(NAMESPACE, episodes[start : start + 100])
            socket = str(Path(folder) / "socket") if given.unix else ""
            with subprocess.Popen(
                [sys.executable, "-c", SERVER, str(store), given.embedder, socket, given.log_level],
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            ) as server:
                try:
                    assert server.stdout is not None
                    rounds = measure(engine, server.stdout.readline().strip(), queries, given.rounds, given.k)
                finally:
                    server.terminate()
    middle = {key: round(median(one[key] for one in rounds), 4) for key in rounds[0]}
    result: dict[str, Any] = {
        "benchmark": "rpc_overhead",
        **middle,
        "rounds": [{key: round(value, 4) for key, value in one.items()} for one in rounds],
        "episodes": len(episodes),
        "queries": len(queries),
        "k": given.k,
        "road": "unix" if given.unix else "tcp",
        "log_level": given.log_level,
        "embedder": given.embedder,
        "data": given.data.name if given.data else "synthetic",
        "seed": given.seed,
        "machine": host.machine(),
        "versions": host.versions(),
    }
    print(f"{len(episodes)} episodes ({result['data']}), {len(queries)} queries x {given.rounds} rounds, k={given.k}")
    for key, value in middle.items():
        print(f"  {key:20} {value:.3f}")
    print(f"  {host.machine()}\n  {host.versions()}")
    if given.json:
        report.write_json(result, given.json)


def measure(engine: ContextEngine, address: str, queries: list[str], rounds: int, k: int) -> list[dict[str, float]]:
    """Medians of each round, in milliseconds."""
    with connect(address) as client:
        client.wait_ready()
        ways: list[Callable[[str], object]] = [
            lambda query: engine.memory.search(NAMESPACE, query, k=k),
            lambda query: client.memory.search(NAMESPACE, query, k=k),
            lambda _query: client.health(),
        ]
        for query in queries[:50]:  # warm all three: first use compiles, caches and pages in
            embedded, remote = ways[0](query), ways[1](query)
            if embedded != remote:
                raise RuntimeError(f"the two roads differ on {query!r}")
            ways[2](query)
        return [one_round(ways, queries) for _ in range(rounds)]


def one_round(ways: list[Callable[[str], object]], queries: list[str]) -> dict[str, float]:
    """Ask every question each way: in turns, and then each way in a loop of its own."""
    gc.collect()
    embedded, remote, echo = ways
    near, far, back = [], [], []
    for query in queries:
        near.append(timed(embedded, query))
        far.append(timed(remote, query))
        timed(embedded, query)
        back.append(timed(echo, query))
    alone = [median([timed(way, query) for query in queries]) for way in ways]
    overhead = median([one - other for one, other in zip(far, near, strict=True)])
    return {
        "embedded_p50_ms": median(near),
        "grpc_p50_ms": median(far),
        "grpc_p99_ms": percentiles(far, digits=4)["p99"],
        "echo_p50_ms": median(back),
        "overhead_p50_ms": overhead,
        "ratio": overhead / median(back),
        "embedded_alone_p50_ms": alone[0],
        "grpc_alone_p50_ms": alone[1],
        "echo_alone_p50_ms": alone[2],
        "ratio_alone": (alone[1] - alone[0]) / alone[2],
    }


def timed(way: Callable[[str], object], query: str) -> float:
    """The milliseconds of one call."""
    began = time.perf_counter()
    way(query)
    return (time.perf_counter() - began) * 1000


if __name__ == "__main__":
    main()
