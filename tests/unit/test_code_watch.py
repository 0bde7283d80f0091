"""Watching a folder: every change leads to a run, none is lost, and what is not of the tree causes none."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agentctx.code import watch as watching
from agentctx.code.watch import watch
from agentctx.errors import NotFound, Unavailable
from agentctx.types.code import IndexProgress

PATIENCE = 20.0


class Indexing:
    """Counts runs, and does as it is told in each."""

    def __init__(self, during: Callable[[int], None] = lambda _: None) -> None:
        self.runs = 0
        self.own_files = ""
        self._during = during

    def index(self, path: str, *, name: str = "", commit: str = "") -> Iterator[IndexProgress]:
        self.runs += 1
        self._during(self.runs)
        yield IndexProgress("done", 0, 0)


@pytest.fixture(params=["told", "polling"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """With the package that is told of changes, and without it."""
    monkeypatch.setattr(watching, "_POLL", 0.05)
    if request.param == "polling":
        monkeypatch.setitem(sys.modules, "watchfiles", None)
    else:
        pytest.importorskip("watchfiles")
    return str(request.param)


def started(code: Indexing, root: Path, stop: threading.Event) -> threading.Thread:
    thread = threading.Thread(target=lambda: list(watch(code, str(root), stop=stop)))
    thread.start()
    return thread


def until(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + PATIENCE
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


def test_a_change_leads_to_another_run(tmp_path: Path, way: str) -> None:
    code, stop = Indexing(), threading.Event()
    thread = started(code, tmp_path, stop)
    assert until(lambda: code.runs >= 1)
    time.sleep(0.3)
    seen = code.runs
    (tmp_path / "new.py").write_text("x = 1\n")
    assert until(lambda: code.runs > seen)
    stop.set()
    thread.join(PATIENCE)
    assert not thread.is_alive()


def test_a_change_during_a_run_leads_to_another(tmp_path: Path, way: str) -> None:
    def during(run: int) -> None:
        if run == 1:
            (tmp_path / "new.py").write_text("x = 1\n")
            time.sleep(0.5)

    code, stop = Indexing(during), threading.Event()
    thread = started(code, tmp_path, stop)
    assert until(lambda: code.runs >= 2)
    stop.set()
    thread.join(PATIENCE)


def test_what_is_not_of_the_tree_leads_to_no_run(tmp_path: Path) -> None:
    pytest.importorskip("watchfiles")
    code, stop = Indexing(), threading.Event()
    code.own_files = str(tmp_path / "memory.db")
    (tmp_path / "node_modules").mkdir()
    (tmp_path / ".git").mkdir()
    thread = started(code, tmp_path, stop)
    assert until(lambda: code.runs == 1)
    for name in ("memory.db", "memory.db-wal", "node_modules/x.js", ".git/index"):
        (tmp_path / name).write_text("x")
    time.sleep(1.0)
    assert code.runs == 1
    (tmp_path / ".git" / "HEAD").write_text("ref: refs/heads/other\n")
    assert until(lambda: code.runs == 2)
    stop.set()
    thread.join(PATIENCE)


def test_it_waits_while_another_run_goes_on(tmp_path: Path, way: str) -> None:
    def during(run: int) -> None:
        if run == 1:
            raise Unavailable("another run")

    code, stop = Indexing(during), threading.Event()
    thread = started(code, tmp_path, stop)
    assert until(lambda: code.runs >= 2)
    stop.set()
    thread.join(PATIENCE)


def test_other_errors_end_it(tmp_path: Path, way: str) -> None:
    def during(run: int) -> None:
        raise NotFound("gone", field="path")

    with pytest.raises(NotFound):
        list(watch(Indexing(during), str(tmp_path)))


def test_closing_it_ends_it(tmp_path: Path, way: str) -> None:
    code = Indexing()
    steps = watch(code, str(tmp_path))
    next(steps)
    steps.close()  # type: ignore[attr-defined]
    assert [thread for thread in threading.enumerate() if thread.name == "agentctx-code-watch"] == []
