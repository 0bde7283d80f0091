"""agentctx at work: start a server, add a conversation, ask questions over gRPC, print the answers and why.

Run it with scripts/quickstart, or in any environment that has agentctx installed. Everything it makes lies in a
temporary folder that is gone afterwards.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

# Until there is something to clean up, Ctrl-C just ends the program, and without a traceback out of an import.
signal.signal(signal.SIGINT, signal.SIG_DFL)

from agentctx import AgentctxError, Hit, NewEpisode, connect  # noqa: E402

HERE = Path(__file__).resolve().parent
NAMESPACE = "demo/household"
TIMES = ("occurred_at", "valid_from", "valid_to", "expires_at", "reference_time", "valid_at", "as_of")


def main() -> int:
    """Run the whole job and return the exit status."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)
    began = time.perf_counter()
    try:
        with tempfile.TemporaryDirectory(prefix="agentctx-quickstart-") as folder, server(Path(folder)) as address:
            say(style("agentctx quickstart", "bold"))
            say()
            fact("server", f"grpc on {address}, store in a temporary folder", began)
            converse(address)
    except KeyboardInterrupt:
        print("\ninterrupted; server stopped, temporary folder removed", file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nothing is left to be flushed at exit
        return 141
    except AgentctxError as error:
        print(f"error: {error.code}: {error}", file=sys.stderr)
        return 1
    say(style("The server is stopped and the store is gone. Next: README.md, and agentctx --help.", "dim"))
    return 0


def interrupt(_number: int, _frame: object) -> None:
    """End the program through the clean-up, on Ctrl-C, SIGTERM or when the terminal is closed."""
    raise KeyboardInterrupt


@contextlib.contextmanager
def server(folder: Path) -> Iterator[str]:
    """The address of a fresh `agentctx serve`; it is stopped at the end, whatever happens."""
    log = folder / "server.log"
    command = [
        sys.executable,
        "-m",
        "agentctx.cli",
        "serve",
        "--store",
        str(folder / "memory.db"),
        "--port",
        "0",
        "--json",
    ]
    with log.open("wb") as sink:
        # Its own session: Ctrl-C reaches this program alone, which then stops the server in order.
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=sink, start_new_session=True
        )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()  # the server prints its address once it listens
        if not line:
            process.wait()
            sys.exit(f"error: the server did not start:\n{log.read_text(encoding='utf-8', errors='replace')}")
        yield json.loads(line)["address"]
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)  # a second Ctrl-C must not leave the server behind
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def converse(address: str) -> None:
    """Add the conversation, then ask."""
    episodes = [NewEpisode(**one) for one in read(HERE / "conversation.jsonl")]
    questions = read(HERE / "questions.jsonl")
    taken = []
    with connect(address) as client:
        began = time.perf_counter()
        added = client.memory.add(NAMESPACE, episodes, request_id="quickstart")
        sessions = len({one.session for one in episodes})
        fact("conversation", f"{len(added.ids)} turns in {sessions} sessions stored under {NAMESPACE}, durable", began)
        began = time.perf_counter()
        client.memory.search(NAMESPACE, "warm up")
        fact("first search", "builds the index of the namespace", began)
        say()
        for question in questions:
            text, note, _ = question.pop("question"), question.pop("note", ""), question.pop("answer")
            began = time.perf_counter()
            result = client.memory.search(NAMESPACE, text, k=2, **question)
            taken.append((time.perf_counter() - began) * 1000)
            answer(text, note, taken[-1], result.hits)
    say(f"{len(taken)} searches over gRPC, {statistics.median(taken):.1f} ms in the median.")


def read(path: Path) -> list[dict[str, Any]]:
    """The objects of a JSON lines file, with times as datetimes."""
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [
        {name: datetime.fromisoformat(value) if name in TIMES else value for name, value in line.items()}
        for line in lines
    ]


# --- on the screen ----------------------------------------------------------------------------------------------------

STYLES = {"bold": "1", "dim": "2", "cyan": "36", "green": "32"}
COLOUR = sys.stdout.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
WIDTH = min(shutil.get_terminal_size((100, 24)).columns, 110) if sys.stdout.isatty() else 100


def style(text: str, *names: str) -> str:
    """`text` with terminal styles, where the output is a terminal."""
    return f"\x1b[{';'.join(STYLES[name] for name in names)}m{text}\x1b[0m" if COLOUR else text


def say(line: str = "") -> None:
    """Print a line at once, also into a pipe."""
    print(line, flush=True)


def fact(name: str, text: str, began: float) -> None:
    """Say what was done and how long it took."""
    took = time.perf_counter() - began
    shown = f"{took:.1f} s" if took >= 1 else f"{took * 1000:.0f} ms"
    say(f"  {style(f'{name:13}', 'dim')} {text} {style(f'({shown})', 'dim')}")


def answer(question: str, note: str, took: float, hits: tuple[Hit, ...]) -> None:
    """Print a question and its hits: score, date, speaker, text, and below it what the score is made of and why."""
    say(f"{style('?', 'cyan', 'bold')} {style(question, 'bold')}  {style(f'{took:.1f} ms', 'dim')}")
    if note:
        say(style(f"  ({note})", "dim"))
    for place, hit in enumerate(hits):
        one = hit.episode
        column(
            f"  {hit.score:.2f}  {one.occurred_at:%d %b}  {one.speaker:6} ",
            one.content,
            *(["green"] if not place else []),
        )
        parts = sorted(((value, name) for name, value in hit.parts.items() if round(value, 2)), reverse=True)
        made_of = " + ".join(f"{name} {value:.2f}" for value, name in parts)
        column(" " * 23, f"= {made_of}", "dim")
        column(" " * 23, f"< {'; '.join(hit.why)}", "dim")
    if not hits:
        say("  nothing found")
    say()


def column(head: str, text: str, *names: str) -> None:
    """Print a text behind a head, wrapped into the space that is left of it."""
    for line in textwrap.wrap(
        text, max(WIDTH - len(head), 30), subsequent_indent="  " if text[:2] in ("= ", "< ") else ""
    ) or [""]:
        say(head + style(line, *names) if names else head + line)
        head = " " * len(head)


if __name__ == "__main__":
    sys.exit(main())
