"""Keeping several processes busy: what is to be done, who does it, and what becomes of a process that dies of it."""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple

from agentctx.code.process import Died, Process, Stalled

_AHEAD: Final = 8
_AHEAD_BYTES: Final = 32 << 10
"""More could fill both pipes, and each side would wait for the other."""
_END: Final = object()


class Task(NamedTuple):
    """A request about a file."""

    path: str
    head: list[Any]
    payload: bytes


class Done(NamedTuple):
    """The answer to a request; without a head, the problem."""

    path: str
    head: list[Any]
    parts: list[bytes]
    problem: str = ""


Results = queue.SimpleQueue[Done | BaseException | None]


class Source:
    """What is to be done, drawn by several threads: from both ends of a list, so that neighbours stay together."""

    def __init__(self, items: Iterable[Any], make: Callable[[Any], Task]) -> None:
        self._list: deque[Any] = deque(items if isinstance(items, list) else ())
        self._rest = iter(() if isinstance(items, list) else items)
        self._returned: list[Task] = []
        self._make = make
        self._lock = threading.Lock()

    def at_most(self, count: int) -> int:
        """How many of so many workers have something to do."""
        while len(self._list) < count:
            item = next(self._rest, _END)
            if item is _END:
                break
            self._list.append(item)
        return min(count, len(self._list))

    def draw(self, from_end: bool) -> Task | None:
        """The next task; None when there is none."""
        with self._lock:
            if self._returned:
                return self._returned.pop()
            if self._list:
                return self._make(self._list.pop() if from_end else self._list.popleft())
            item = next(self._rest, _END)
            return None if item is _END else self._make(item)

    def give_back(self, tasks: Iterable[Task]) -> None:
        """Tasks that another shall do."""
        with self._lock:
            self._returned.extend(tasks)


class Driver:
    """Keeps one process busy."""

    def __init__(
        self,
        worker: Process,
        source: Source,
        from_end: bool,
        results: Results,
        timeout: float,
        first: tuple[list[Any], bytes] | None,
    ) -> None:
        self._worker = worker
        self._source = source
        self._from_end = from_end
        self._results = results
        self._timeout = timeout
        self._first = first
        self._told = -1
        self._sent: deque[Task] = deque()
        self._held: Task | None = None

    def run(self, stop: threading.Event) -> None:
        """Work until there are no more tasks, or `stop` is set. The results end with an error, if any, and None."""
        try:
            self._run(stop)
        except BaseException as error:
            self._results.put(error)
        self._results.put(None)

    def _run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                self._send()
                if not self._sent:
                    return
                head, parts = self._worker.answer(self._timeout)
                self._results.put(Done(self._sent.popleft().path, head, parts))
            except (Stalled, Died) as error:
                self._worker.stop()
                reason = f"no answer in {self._timeout:g} s" if isinstance(error, Stalled) else "the parser crashed"
                self._results.put(Done(self._sent.popleft().path, [], [], reason))
                self._source.give_back(self._sent)
                self._sent.clear()
        if self._held is not None:
            self._source.give_back([self._held])
        self._worker.stop()  # cancelled: answers are still on their way

    def _send(self) -> None:
        """Send ahead, as long as what lies in the pipe stays small."""
        ahead = sum(len(task.payload) for task in self._sent)
        while len(self._sent) < _AHEAD:
            task = self._held or self._source.draw(self._from_end)
            self._held = None
            if task is None:
                return
            ahead += len(task.payload)
            if self._sent and ahead > _AHEAD_BYTES:
                self._held = task
                return
            self._worker.start()
            if self._first is not None and self._told != self._worker.started:
                self._told = self._worker.started
                self._worker.ask(*self._first)
            self._sent.append(task)
            self._worker.ask(task.head, task.payload)
