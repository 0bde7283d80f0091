"""What a server is told when it starts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from agentctx.errors import InvalidArgument

DEFAULT_PORT: Final = 50551
LOG_LEVELS: Final = ("debug", "info", "warning", "error")


@dataclass(frozen=True, slots=True)
class ServerTLS:
    """The server's certificate and key, as PEM files. client_ca: require client certificates of these authorities."""

    certificate: str | Path
    key: str | Path
    client_ca: str | Path | None = None


@dataclass(frozen=True, slots=True)
class ServerConfig:
    """Everything about a server but the engine that it serves.

    ==================  ==========================================================================================
    host, port          where to listen; any other host than a loopback one needs `tokens` or `insecure`. Port 0
                        takes a free one: `RunningServer.address` has it
    unix_socket         listen on this socket file (mode 0600) instead
    tls                 serve TLS, or mutual TLS with `client_ca`
    tokens              a TOML file of bearer tokens and what they grant (docs/server.md); without it every caller
                        may do everything
    insecure            serve on a network without tokens
    workers, backlog    unary calls at work, and calls that may wait for a worker; past both: RESOURCE_EXHAUSTED
    streams             bulk adds, imports, exports and re-embeddings at work; they cannot starve unary calls
    indexings           indexings of code at work or waiting for one another; they hold none of the above
    completions         completions at work; nor do they
    code_roots          the folders whose code may be indexed, with all that is in them; none: indexing is refused
    max_message_bytes   the largest message, either way
    first_message       seconds that a call may take to send its (first) message, whole; past it: DEADLINE_EXCEEDED
    idle                seconds between two messages of a stream that is sent; past it: DEADLINE_EXCEEDED
    grace               seconds that calls in flight have to finish when the server stops
    metrics_port        serve Prometheus metrics over HTTP on this loopback port (0: a free one)
    log_level           debug, info (a line for each call), warning or error
    ==================  ==========================================================================================
    """

    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    unix_socket: str | Path | None = None
    tls: ServerTLS | None = None
    tokens: str | Path | None = None
    insecure: bool = False
    workers: int = 16
    backlog: int = 64
    streams: int = 8
    indexings: int = 4
    completions: int = 32
    code_roots: tuple[str | Path, ...] = ()
    max_message_bytes: int = 64 * 1024 * 1024
    first_message: float = 10.0
    idle: float = 60.0
    grace: float = 10.0
    metrics_port: int | None = None
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    def __post_init__(self) -> None:
        ranges = (
            ("port", self.port, 0, 65535),
            ("workers", self.workers, 1, 1024),
            ("backlog", self.backlog, 0, 100_000),
            ("streams", self.streams, 1, 1024),
            ("indexings", self.indexings, 1, 1024),
            ("completions", self.completions, 1, 1024),
            ("max_message_bytes", self.max_message_bytes, 1024, 2**31 - 1),
            ("metrics_port", self.metrics_port or 0, 0, 65535),
        )
        for name, value, low, high in ranges:
            if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
                raise InvalidArgument(f"{name} must be a whole number from {low} to {high}, not {value!r}", field=name)
        for name, seconds in (("first_message", self.first_message), ("idle", self.idle)):
            if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds < float("inf"):
                raise InvalidArgument(f"{name} must be a number of seconds above 0", field=name)
        if not self.grace >= 0:
            raise InvalidArgument("grace must be 0 seconds or more", field="grace")
        if self.log_level not in LOG_LEVELS:
            raise InvalidArgument(f"log_level must be one of {', '.join(LOG_LEVELS)}", field="log_level")
