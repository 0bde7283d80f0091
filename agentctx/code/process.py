"""One process that works for a pool, and the frames between the two."""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import sys
import time
from typing import Any, Final

from agentctx.code.worker import LENGTH

# The worker gets the parent's import path and nothing of the folder it runs in: a repository's `json.py` stays unread.
BOOT: Final = "import sys, json; sys.path[:] = json.loads(sys.argv[1]); from agentctx.code.worker import main; main()"
_CHUNK: Final = 1 << 16
_START: Final = 30.0


class Stalled(Exception):
    """No answer within the time for one request."""


class Died(Exception):
    """The process ended before it answered."""


class Process:
    """A process and its pipes; started when first asked. `started` counts how often, so that it can be told again."""

    def __init__(self, boot: str = BOOT) -> None:
        self.started = 0
        self._boot = boot
        self._process: subprocess.Popen[bytes] | None = None
        self._buffer = bytearray()
        self._answered = False

    @property
    def running(self) -> bool:
        """Whether the process was started and not stopped since."""
        return self._process is not None

    def start(self) -> None:
        """Start the process unless it runs. About 0.2 s until it answers."""
        if self._process is not None:
            return
        self.started += 1
        self._answered = False
        path = [entry for entry in sys.path if entry]
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-P", "-c", self._boot, json.dumps(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=os.path.abspath(os.sep),
            process_group=0,  # Ctrl-C is the caller's to deal with; these end with their stdin
        )

    def ask(self, head: list[Any], payload: bytes = b"") -> None:
        """Send a request: a head, and as many bytes as it says. A process that has died takes it and does nothing."""
        process = self._process
        assert process is not None
        assert process.stdin is not None
        frame = json.dumps(head).encode("utf-8", "surrogatepass")
        # When it has died, its last answers are still to be read; the end after them tells what it died of.
        with contextlib.suppress(OSError):
            process.stdin.write(LENGTH.pack(len(frame)) + frame)
            if payload:
                process.stdin.write(payload)
            process.stdin.flush()

    def answer(self, timeout: float) -> tuple[list[Any], list[bytes]]:
        """The next answer: its head, and the bytes that follow. Raises Stalled or Died.

        The first answer of a process may take longer by what starting one can take on a busy machine.
        """
        deadline = time.monotonic() + timeout + (0.0 if self._answered else _START)
        head, sizes = json.loads(self._take(LENGTH.unpack(self._take(LENGTH.size, deadline))[0], deadline))
        parts = [self._take(size, deadline) for size in sizes]
        self._answered = True
        return head, parts

    def stop(self) -> None:
        """Kill the process, whatever it does."""
        process, self._process = self._process, None
        self._buffer.clear()
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()

    def _take(self, size: int, deadline: float) -> bytes:
        process = self._process
        assert process is not None
        assert process.stdout is not None
        output = process.stdout.fileno()
        while len(self._buffer) < size:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([output], [], [], left)[0]:
                raise Stalled
            chunk = os.read(output, max(_CHUNK, size - len(self._buffer)))
            if not chunk:
                raise Died
            self._buffer += chunk
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        return taken
