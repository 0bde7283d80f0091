"""Structured logs: one JSON object a line, on stderr. They never hold content, queries, tokens or namespaces."""

from __future__ import annotations

import json
import logging
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import MutableMapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final, TextIO, cast

import structlog

_PAUSE: Final = 0.05
_KEPT: Final = 10_000  # lines that may wait for a stderr that nobody reads; then the oldest go


class _Sink:
    """A stream that may be closed or broken without harm to the calls that are logged."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        with suppress(OSError, ValueError):
            self._stream.write(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            self._stream.flush()


class Log:
    """The log of one server; nothing global is configured. Thread-safe.

    Events are written at once. The lines of finished calls are written by a thread of its own, some 50 ms later: a
    caller would wait for its answer as long as for the line, and with caches cold from a search a line costs as much
    as turning ten hits into a message.
    """

    def __init__(self, level: str, stream: TextIO | None = None) -> None:
        number = getattr(logging, level.upper())
        self._stream = cast("TextIO", _Sink(stream or sys.stderr))
        self._events = structlog.wrap_logger(
            structlog.WriteLogger(self._stream),
            processors=[structlog.processors.add_log_level, _stamped, structlog.processors.JSONRenderer()],
            wrapper_class=structlog.make_filtering_bound_logger(number),
            cache_logger_on_first_use=True,
        )
        self.shows_info = number <= logging.INFO
        self.shows_debug = number <= logging.DEBUG
        self._calls: deque[tuple[float, dict[str, Any]]] = deque(maxlen=_KEPT)
        self._waiting = threading.Event()
        self._closing = threading.Event()
        self._flushing = threading.Lock()
        self._thread = threading.Thread(target=self._write_calls, name="agentctx-log", daemon=True)
        self._thread.start()

    def info(self, event: str, **facts: Any) -> None:
        """Write an event."""
        self.flush()
        self._events.info(event, **facts)

    def warning(self, event: str, **facts: Any) -> None:
        """Write an event that somebody should look at."""
        self.flush()
        self._events.warning(event, **facts)

    def error(self, event: str, **facts: Any) -> None:
        """Write an event that somebody must look at."""
        self.flush()
        self._events.error(event, **facts)

    def call(self, level: str, facts: dict[str, Any]) -> None:
        """Take up the line of a finished call."""
        self._calls.append((time.time(), {"event": "call", "level": level, **facts}))
        if not self._waiting.is_set():
            self._waiting.set()

    def flush(self) -> None:
        """Write the lines of calls that wait."""
        with self._flushing:
            lines = []
            while self._calls:
                at, facts = self._calls.popleft()
                lines.append(json.dumps({**facts, "timestamp": _iso(at)}) + "\n")
            if lines:
                self._stream.write("".join(lines))
                self._stream.flush()

    def close(self) -> None:
        """Write what waits, and end the thread."""
        self._closing.set()
        self._waiting.set()
        self._thread.join()
        self.flush()

    def _write_calls(self) -> None:
        while not self._closing.is_set():
            self._waiting.wait()
            self._closing.wait(_PAUSE)
            self._waiting.clear()
            self.flush()


def frames_of(error: BaseException) -> list[str]:
    """Where an error came from, without its message: that may quote what somebody stored."""
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)]


def _stamped(_logger: object, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    event["timestamp"] = _iso(time.time())
    return event


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
