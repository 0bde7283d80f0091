"""Parsing in processes of their own: a file that crashes or stalls the parser costs its own facts, and is named."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import select
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from agentctx.code.codec import EncodedFacts
from agentctx.code.extract import facts_key
from agentctx.code.worker import LENGTH

# The worker gets the parent's import path and nothing of the folder it runs in: a repository's `json.py` stays unread.
_BOOT: Final = "import sys, json; sys.path[:] = json.loads(sys.argv[1]); from agentctx.code.worker import main; main()"
_AHEAD: Final = 8
_CHUNK: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class Extracted:
    """The facts of a file as bytes, under the key that they are stored by; or without facts, the problem."""

    path: str
    content_hash: str
    size: int
    facts: EncodedFacts | None
    problem: str = ""

    @property
    def key(self) -> str:
        """See `facts_key`."""
        return facts_key(self.path, self.content_hash)


class _Stalled(Exception):
    """No answer within the time for one file."""


class _Died(Exception):
    """The process ended before it answered."""


class ExtractionPool:
    """Worker processes that turn files into facts; a context manager. One thread may use it at a time.

    Processes start with the first request, about 0.2 s each, and stay for the next. `timeout` is for one file.
    """

    def __init__(self, workers: int | None = None, timeout: float = 20.0) -> None:
        self._count = max(1, workers or os.cpu_count() or 1)
        self._timeout = timeout
        self._workers: list[_Worker] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the processes. The pool can be used again; they start anew."""
        for worker in self._workers:
            worker.stop()
        self._workers.clear()

    def extract(self, root: Path, paths: Iterable[str]) -> Iterator[Extracted]:
        """The facts of every file, each as soon as it is ready. Stop iterating to cancel.

        A file that cannot be read, or that kills or stalls its process, comes with a problem and without facts.
        """
        waiting = deque(paths)
        count = min(self._count, len(waiting))
        while len(self._workers) < count:
            self._workers.append(_Worker())
        results: queue.SimpleQueue[Extracted | BaseException | None] = queue.SimpleQueue()
        stop = threading.Event()

        def drive(worker: _Worker) -> None:
            try:
                self._drive(worker, str(root), waiting, results, stop)
            except BaseException as error:
                results.put(error)
            results.put(None)

        threads = [threading.Thread(target=drive, args=(worker,), daemon=True) for worker in self._workers[:count]]
        for thread in threads:
            thread.start()
        try:
            running = count
            while running:
                result = results.get()
                if result is None:
                    running -= 1
                elif isinstance(result, BaseException):
                    raise result
                else:
                    yield result
        finally:
            stop.set()
            for thread in threads:
                thread.join()

    def _drive(
        self,
        worker: _Worker,
        root: str,
        waiting: deque[str],
        results: queue.SimpleQueue[Extracted | BaseException | None],
        stop: threading.Event,
    ) -> None:
        sent: deque[str] = deque()
        while not stop.is_set():
            try:
                while len(sent) < _AHEAD and waiting:
                    with contextlib.suppress(IndexError):  # another thread took the last one
                        sent.append(waiting.popleft())
                        worker.ask(root, sent[-1])
                if not sent:
                    return
                results.put(worker.answer(sent[0], self._timeout))
                sent.popleft()
            except (_Stalled, _Died) as error:
                worker.stop()
                lost = sent.popleft()
                reason = f"no answer in {self._timeout:g} s" if isinstance(error, _Stalled) else "the parser crashed"
                results.put(Extracted(lost, "", 0, None, f"{reason}: facts are lost"))
                waiting.extendleft(reversed(sent))
                sent.clear()
        worker.stop()  # cancelled: answers are still on their way


class _Worker:
    """One process and its pipes; started when first asked."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._buffer = bytearray()

    def ask(self, root: str, path: str) -> None:
        """Send a request; returns at once."""
        if self._process is None:
            self._start()
        request = json.dumps([0, root, path]).encode("utf-8", "surrogatepass")
        process = self._process
        assert process is not None
        assert process.stdin is not None
        # When it has died, its last answers are still to be read; the end after them tells which file it died of.
        with contextlib.suppress(OSError):
            process.stdin.write(LENGTH.pack(len(request)) + request)
            process.stdin.flush()

    def answer(self, path: str, timeout: float) -> Extracted:
        """The next answer, which is that for `path`."""
        deadline = time.monotonic() + timeout
        head = self._take(LENGTH.unpack(self._take(LENGTH.size, deadline))[0], deadline)
        _, content_hash, size, problem, outline, references = json.loads(head)
        facts = EncodedFacts(self._take(outline, deadline), self._take(references, deadline))
        return Extracted(path, content_hash, size, None if problem else facts, problem)

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

    def _start(self) -> None:
        path = [entry for entry in sys.path if entry]
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-P", "-c", _BOOT, json.dumps(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=os.path.abspath(os.sep),
        )

    def _take(self, size: int, deadline: float) -> bytes:
        process = self._process
        assert process is not None
        assert process.stdout is not None
        output = process.stdout.fileno()
        while len(self._buffer) < size:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([output], [], [], left)[0]:
                raise _Stalled
            chunk = os.read(output, _CHUNK)
            if not chunk:
                raise _Died
            self._buffer += chunk
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        return taken
