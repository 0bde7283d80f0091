"""Prometheus metrics: calls by method and code, latency, calls in flight, refusals. No content, no namespaces."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from functools import partial
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, start_http_server

from agentctx.errors import FailedPrecondition
from agentctx_server.lanes import Lane

_BUCKETS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Metrics:
    """The counters of one server, in a registry of their own. Thread-safe."""

    def __init__(self, lanes: Iterable[Lane]) -> None:
        self.registry = CollectorRegistry()
        self._calls = Counter("agentctx_rpc", "Finished calls.", ("method", "code"), registry=self.registry)
        self._seconds = Histogram(
            "agentctx_rpc_seconds", "Seconds a call took.", ("method",), buckets=_BUCKETS, registry=self.registry
        )
        self._refused = Counter("agentctx_rpc_refused", "Refused at the limit.", ("method",), registry=self.registry)
        in_flight = Gauge(
            "agentctx_rpc_in_flight", "Calls at work or waiting, by lane.", ("lane",), registry=self.registry
        )
        for lane in lanes:
            in_flight.labels(lane.name).set_function(partial(getattr, lane, "held"))
        ProcessCollector(registry=self.registry)
        self._counters: dict[tuple[str, str], tuple[Any, Any]] = {}
        self._http: tuple[Any, threading.Thread] | None = None

    def finished(self, method: str, code: str, seconds: float) -> None:
        """Count a call."""
        found = self._counters.get((method, code))
        if found is None:
            found = self._counters[method, code] = (self._calls.labels(method, code), self._seconds.labels(method))
        found[0].inc()
        found[1].observe(seconds)

    def refused(self, method: str) -> None:
        """Count a call that was refused because its lane is full."""
        self._refused.labels(method).inc()

    def listen(self, port: int) -> str:
        """Serve the metrics over HTTP on the loopback interface; returns the address."""
        try:
            self._http = start_http_server(port, addr="127.0.0.1", registry=self.registry)
        except OSError as error:
            raise FailedPrecondition(f"cannot serve metrics on port {port}: {error}", field="metrics_port") from error
        return f"127.0.0.1:{self._http[0].server_port}"

    def close(self) -> None:
        """Stop serving over HTTP."""
        if self._http is not None:
            server, thread = self._http
            server.shutdown()
            thread.join()
            server.server_close()
