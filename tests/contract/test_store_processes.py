"""Crashes, and several processes on one store."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from agentctx.types import Revision
from tests.fixtures_store import NS, Opener, add, clock, empty_location, location, open_at, store

__all__ = ["clock", "empty_location", "location", "open_at", "store"]
ROOT = Path(__file__).parents[2]

PROGRAM = """
import os, sys
from agentctx.store import open_store
from agentctx.testing.failpoints import Failpoints
from agentctx.config import StoreSettings
from agentctx.ids import SystemClock, TimeOrderedIds
from agentctx.types import NewEpisode
failpoints = Failpoints()
def opened(location):
    return open_store(location, clock=SystemClock(), ids=TimeOrderedIds(), settings=StoreSettings(), hook=failpoints)
def add(store, *contents):
    return store.append("acme/u", [NewEpisode(c) for c in contents], [b"v"] * len(contents), embedder_key="k")
location, *arguments = sys.argv[1:]
"""

CRASH = """
store = opened(location)
add(store, "first")
print("ready", flush=True)
failpoints.set(arguments[0], lambda: os._exit(9))
add(store, "second", "third")
print("acknowledged", flush=True)
"""

APPEND = """
store = opened(location)
print("ready", flush=True)
sys.stdin.readline()
for number in range(int(arguments[1])):
    print(add(store, f"{arguments[0]}.{number}").revision.sequence, flush=True)
store.close()
"""


def start(program: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM + program, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )


@pytest.mark.parametrize(("point", "expected"), [("store.before_commit", 1), ("store.after_commit", 3)])
def test_a_crash_loses_or_keeps_a_transaction_whole(location: str, open_at: Opener, point: str, expected: int) -> None:
    process = start(CRASH, location, point)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 9
    assert output == "ready\n"  # in neither case did the writer hear of success
    survivor = open_at(location)
    head, records = survivor.read_log(NS)
    assert head == Revision(1, expected)
    assert [r.episode.content for r in records] == ["first", "second", "third"][:expected]
    assert survivor.stats().problems == ()
    assert add(survivor, "next", key="k").revision == Revision(1, expected + 1)


def test_two_processes_share_one_log_from_its_creation_on(empty_location: str, open_at: Opener) -> None:
    each = 25
    processes = [start(APPEND, empty_location, name, str(each)) for name in "ab"]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    sequences = []
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        output, _ = process.communicate(timeout=60)
        assert process.returncode == 0
        sequences += [int(line) for line in output.split()]
    assert sorted(sequences) == list(range(1, 2 * each + 1))
    reader = open_at(empty_location)
    assert [r.sequence for r in reader.read_log(NS)[1]] == sorted(sequences)
    assert reader.stats().problems == ()


def test_a_forked_child_uses_the_store_it_inherited(location: str, open_at: Opener) -> None:
    parent = open_at(location)
    add(parent, "before")
    child = os.fork()
    if child == 0:
        code = 1
        try:
            add(parent, "child")
            code = 0 if parent.head(NS) == Revision(1, 2) and len(parent.read_log(NS)[1]) == 2 else 2
        finally:
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0
    assert parent.head(NS) == Revision(1, 2)
    assert add(parent, "after").revision == Revision(1, 3)
    assert parent.stats().problems == ()
