"""Several processes that index one repository in one store."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from agentctx import ContextEngine

PROGRAM = """
import json, sys, time
from agentctx.engine import ContextEngine
with ContextEngine.open(sys.argv[1]) as engine:
    for progress in engine.code.index(sys.argv[2]):
        if progress.stage == sys.argv[3]:
            print("there", flush=True)
            time.sleep(60)
    report = progress.report
    print(json.dumps([report.published, report.parsed, report.repository.generation.number]), flush=True)
"""


def start(store: Path, tree: Path, stop_at: str = "") -> subprocess.Popen[str]:
    command = [sys.executable, "-c", PROGRAM, str(store), str(tree), stop_at]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    root.mkdir()
    for number in range(20):
        (root / f"m{number}.py").write_text(f"def f{number}():\n    return {number}\n")
    return root


def test_of_two_that_begin_at_once_one_makes_the_generation(tmp_path: Path, tree: Path) -> None:
    store = tmp_path / "store.db"
    ContextEngine.open(store).close()
    processes = [start(store, tree), start(store, tree)]
    told = sorted(json.loads(process.communicate(timeout=120)[0]) for process in processes)
    assert told == [[False, 0, 1], [True, 20, 1]]


@pytest.mark.parametrize("stage", ["parse", "publish"])
def test_one_that_is_killed_leaves_the_last_generation_and_the_next_goes_on_at_once(
    tmp_path: Path, tree: Path, stage: str
) -> None:
    with ContextEngine.open(tmp_path / "store.db") as engine:
        list(engine.code.index(str(tree)))
        for path in tree.iterdir():
            path.write_text(path.read_text() + "\n\ndef new():\n    pass\n")
        process = start(tmp_path / "store.db", tree, stage)
        assert process.stdout is not None
        assert process.stdout.readline() == "there\n"
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        assert engine.code.codebase("tree").generation.number == 1
        assert engine.code.symbol("tree", "new").symbols == ()
        started = time.monotonic()
        report = list(engine.code.index(str(tree)))[-1].report
        assert report is not None
        assert report.repository.generation.number == 2
        assert engine.code.symbol("tree", "new").exact == 20
        assert time.monotonic() - started < 25  # the lease of a living process would hold for 30
