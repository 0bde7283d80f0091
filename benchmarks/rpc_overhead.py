"""What gRPC adds to a search, against an empty echo on the same server.

    python benchmarks/rpc_overhead.py                      # 10,000 made-up episodes
    python benchmarks/rpc_overhead.py --data s_dev.json.xz # real turns of a LongMemEval or LoCoMo file

    overhead = search over gRPC - the same search embedded        (per question, paired)
    ratio    = median(overhead) / median(echo)                    (the first bar is 2, the aim 1.3)

The server is a process of its own on a store that this process has open, too; both answer each question once a round,
from the same state. The echo is the health check: an empty request and two bytes back, through the same interceptors
but without a token or a line in the log. Every question is asked embedded, over gRPC and as an echo, in an order that
turns, so that a busy machine slows all three.
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
    parser.add_argument("--queries", type=int, default=300)
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
        "rounds": rounds,
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
    """Ask every question each way, in a turning order."""
    gc.collect()
    taken: list[list[float]] = [[], [], []]
    for number, query in enumerate(queries):
        for step in range(3):
            way = (number + step) % 3
            began = time.perf_counter()
            ways[way](query)
            taken[way].append((time.perf_counter() - began) * 1000)
    embedded, remote, echo = (percentiles(one, digits=4) for one in taken)
    overhead = percentiles([far - near for far, near in zip(taken[1], taken[0], strict=True)], digits=4)
    return {
        "embedded_p50_ms": embedded["p50"],
        "grpc_p50_ms": remote["p50"],
        "grpc_p99_ms": remote["p99"],
        "echo_p50_ms": echo["p50"],
        "overhead_p50_ms": overhead["p50"],
        "ratio": round(overhead["p50"] / echo["p50"], 4),
    }


if __name__ == "__main__":
    main()
