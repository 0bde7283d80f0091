"""Structured logs: one JSON object a line, on stderr. They never hold content, queries, tokens or namespaces."""

from __future__ import annotations

import logging
import sys
import traceback
from typing import Any, TextIO

import structlog


def make_log(level: str, stream: TextIO | None = None) -> Any:
    """A logger of its own: nothing global is configured."""
    return structlog.wrap_logger(
        structlog.WriteLogger(stream or sys.stderr),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        cache_logger_on_first_use=True,
    )


def frames_of(error: BaseException) -> list[str]:
    """Where an error came from, without its message: that may quote what somebody stored."""
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)]
