"""Indexing and finding as other programs meet it: real processes, a real server, Ctrl-C, watching."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

AGENTCTX = [sys.executable, "-m", "agentctx.cli"]


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("AGENTCTX_")}


def agentctx(*args: str, code: int = 0, cwd: Path | None = None) -> str:
    """What a command prints in a process of its own; it must end with `code` and never show a traceback."""
    done = subprocess.run(
        [*AGENTCTX, *args], capture_output=True, check=False, timeout=120, env=environment(), cwd=cwd, text=True
    )
    assert "Traceback" not in done.stderr
    assert done.returncode == code, done.stderr
    return done.stdout if code == 0 else done.stderr


@contextmanager
def started(*args: str) -> Iterator[subprocess.Popen[str]]:
    """A command that goes on, in a process group of its own as in a terminal; it is ended with the block."""
    with subprocess.Popen(
        [*AGENTCTX, *args],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
        start_new_session=True,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def read_json(process: subprocess.Popen[str]) -> Any:
    assert process.stdout is not None
    return json.loads(process.stdout.readline())


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "trees" / "ferry"
    folder.mkdir(parents=True)
    (folder / "boat.py").write_text("class Boat:\n    def leave(self):\n        return leave_at(7)\n")
    (folder / "clock.py").write_text('def leave_at(hour):\n    """When it leaves."""\n    return hour\n')
    return folder


def test_what_one_process_indexes_another_finds(tree: Path, tmp_path: Path) -> None:
    store = ("--store", str(tmp_path / "m.db"))
    report = json.loads(agentctx("index", str(tree), "--json", *store))
    assert (report["repository"]["name"], report["parsed"]) == ("ferry", 2)
    again = json.loads(agentctx("index", ".", "--json", *store, cwd=tree))
    assert (again["repository"]["name"], again["published"], again["parsed"]) == ("ferry", False, 0)
    found = json.loads(agentctx("code", "search", "when it leaves", "--json", *store))
    assert "clock.py" in {hit["symbol"]["path"] for hit in found["hits"]}
    assert "def leave_at(hour)" in agentctx("code", "show", "leave_at", *store)
    assert "no repository" in agentctx("code", "map", "--repo", "fery", *store, code=3)
    agentctx("code", "remove", "ferry", "--yes", *store)
    assert "agentctx index PATH" in agentctx("code", "map", *store, code=3)


def test_a_server_indexes_below_its_roots_and_serves_what_others_index(tree: Path, tmp_path: Path) -> None:
    store = str(tmp_path / "m.db")
    other = tmp_path / "other"
    other.mkdir()
    (other / "x.py").write_text("def lonely(): ...\n")
    serve = (
        "serve",
        "--json",
        "--port",
        "0",
        "--store",
        store,
        "--code-root",
        str(tree.parent),
        "--log-level",
        "error",
    )
    with started(*serve) as process:
        server = ("--server", read_json(process)["address"])
        assert json.loads(agentctx("index", str(tree), "--json", *server))["published"]
        assert json.loads(agentctx("index", "ferry", "--json", *server, cwd=tree.parent))["reused"] == 2
        error = json.loads(agentctx("index", str(other), "--json", *server, code=6))["error"]
        assert (error["code"], error["field"]) == ("permission_denied", "path")
        agentctx("index", str(other), "--store", store)
        names = [one["name"] for one in json.loads(agentctx("code", "list", "--json", *server))["repositories"]]
        assert names == ["ferry", "other"]
        assert "lonely" in agentctx("code", "symbol", "lonely", "--repo", "other", *server)
        (tree / "boat.py").write_text("class Boat:\n    def sail(self): ...\n")
        agentctx("index", str(tree), "--store", store)
        assert "sail" in agentctx("code", "outline", "boat.py", *server, cwd=tree)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0


def test_ctrl_c_ends_an_index_and_leaves_the_last_generation(tree: Path, tmp_path: Path) -> None:
    store = ("--store", str(tmp_path / "m.db"))
    agentctx("index", str(tree), *store)
    body = "".join(f"def f{i}(a, b):\n    return f{i + 1}(a) + b\n\n\n" for i in range(400))
    for number in range(400):
        (tree / f"m{number}.py").write_text(body)
    with started("index", str(tree), *store) as process:
        time.sleep(2.5)
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=60)
        assert (process.returncode, out) == (130, "")
        assert err.startswith("agentctx: cancelled: ")
        assert err.count("\n") == 1
    listed = json.loads(agentctx("code", "list", "--json", *store))["repositories"]
    assert [(one["name"], one["files"], one["generation"]["number"]) for one in listed] == [("ferry", 2, 1)]


def test_watching_follows_changes_until_ctrl_c(tree: Path, tmp_path: Path) -> None:
    store = ("--store", str(tmp_path / "m.db"))
    with started("index", str(tree), "--watch", "--json", *store) as process:
        assert read_json(process)["parsed"] == 2
        (tree / "new.py").write_text("def found_soon(): ...\n")
        second = read_json(process)
        assert (second["published"], second["parsed"], second["repository"]["files"]) == (True, 1, 3)
        assert "found_soon" in agentctx("code", "symbol", "found_soon", *store)
        os.killpg(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=30)
        assert process.returncode == 130
        assert "Traceback" not in err
