"""The first thing that people run: it works, its answers are right, and it leaves nothing behind."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from agentctx import ContextEngine, NewEpisode

QUICKSTART = Path(__file__).parents[2] / "examples" / "quickstart"
TIMES = ("occurred_at", "valid_from", "reference_time", "valid_at")


def read(name: str) -> list[dict[str, Any]]:
    lines = map(json.loads, (QUICKSTART / name).read_text(encoding="utf-8").splitlines())
    return [{k: datetime.fromisoformat(v) if k in TIMES else v for k, v in line.items()} for line in lines]


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with ContextEngine.open(tmp_path_factory.mktemp("quickstart") / "memory.db") as opened:
        opened.memory.add("demo", [NewEpisode(**one) for one in read("conversation.jsonl")])
        yield opened


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """The environment, with an empty folder of its own for temporary files."""
    return dict(os.environ) | {"TMPDIR": str(tmp_path)}


@pytest.mark.parametrize("question", read("questions.jsonl"), ids=lambda one: one["question"])
def test_the_answer_is_among_the_two_hits_that_are_shown(engine: ContextEngine, question: dict[str, Any]) -> None:
    options = {name: value for name, value in question.items() if name not in ("question", "answer", "note")}
    hits = engine.memory.search("demo", question["question"], k=2, **options).hits
    assert question["answer"] in [hit.episode.id for hit in hits]


def test_runs_prints_plain_text_into_a_pipe_and_cleans_up(environment: dict[str, str], tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, QUICKSTART / "main.py"], env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout
    assert [one["question"] for one in read("questions.jsonl") if one["question"] not in done.stdout] == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_stops_the_server_and_removes_the_store(
    environment: dict[str, str], tmp_path: Path, number: signal.Signals
) -> None:
    process = subprocess.Popen(
        [sys.executable, QUICKSTART / "main.py"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 30
    while not list(tmp_path.glob("*/memory.db")) and time.monotonic() < deadline:
        time.sleep(0.01)
    (folder,) = tmp_path.glob("agentctx-quickstart-*")
    process.send_signal(number)
    _, said = process.communicate(timeout=30)
    assert (process.returncode, said.strip()) == (130, "interrupted; server stopped, temporary folder removed")
    assert list(tmp_path.iterdir()) == []
    assert [command for command in commands() if folder.name in command] == []


def commands() -> Iterator[str]:
    """The command lines of all processes, where the system shows them."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            yield path.read_text(errors="replace")
