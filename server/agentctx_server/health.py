"""The health of a server and its services (grpc.health.v1), for load balancers and clients.

Not grpc_health's own servicer: its Watch sends under the lock that its close callback needs, and gRPC runs that
callback in the one thread that completes sends. A watcher that leaves at the wrong moment stops the whole server.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Executor, wait
from typing import Final

import grpc
from grpc_health.v1 import health_pb2
from grpc_health.v1.health_pb2 import HealthCheckResponse as Response

from agentctx.errors import NotFound
from agentctx_server.calls import Call, parsed_or_abort

SERVICE_NAME: Final = "grpc.health.v1.Health"
_TELL_SECONDS: Final = 1.0


class _Watcher:
    """One open Watch: hears each state once, in order."""

    def __init__(self, service: str, send: Callable[[bytes], None], status: Callable[[str], int | None]) -> None:
        self._service = service
        self._send = send
        self._status = status
        self._told: int | None = None
        self._telling = threading.Lock()  # taken by nobody that gRPC's own thread waits for

    def tell(self) -> None:
        """Send the state, if it is news."""
        with self._telling:
            status = self._status(self._service)
            status = Response.SERVICE_UNKNOWN if status is None else status
            if status != self._told:
                self._told = status
                self._send(Response(status=status).SerializeToString())


class Health:
    """What is served, and who watches it. Thread-safe; nothing is sent under the lock."""

    def __init__(self, services: Iterable[str]) -> None:
        self._statuses: dict[str, int] = dict.fromkeys(("", *services), Response.NOT_SERVING)
        self._watchers: dict[grpc.ServicerContext, _Watcher] = {}
        self._ended = False
        self._lock = threading.Lock()

    def set_all(self, status: int, lane: Executor) -> None:
        """Change the state of everything, and tell the watchers; one that does not listen is not waited for."""
        with self._lock:
            self._statuses.update(dict.fromkeys(self._statuses, status))
            watchers = list(self._watchers.values())
        wait([lane.submit(watcher.tell) for watcher in watchers], timeout=_TELL_SECONDS)

    def hang_up(self) -> None:
        """End every Watch, and take no more."""
        with self._lock:
            self._ended = True
            contexts = list(self._watchers)
        for context in contexts:
            context.cancel()

    def check(self, request: health_pb2.HealthCheckRequest, _call: Call) -> Response:
        """Answer Check."""
        status = self._statuses.get(request.service)
        if status is None:
            raise NotFound("no such service", field="service")
        return Response(status=status)

    def watch(self, packed: bytes, context: grpc.ServicerContext, send: Callable[[bytes | None], None]) -> None:
        """Answer Watch, without keeping a thread: gRPC takes answers through `send` at any time."""
        request = parsed_or_abort(health_pb2.HealthCheckRequest, packed, context)
        watcher = _Watcher(request.service, send, self._statuses.get)
        with self._lock:
            ended = self._ended
            if not ended:
                self._watchers[context] = watcher
        if ended:
            context.abort(grpc.StatusCode.UNAVAILABLE, "the server is stopping")
        if context.add_callback(lambda: self._left(context)):
            watcher.tell()
        else:
            self._left(context)

    def _left(self, context: grpc.ServicerContext) -> None:
        with self._lock:
            self._watchers.pop(context, None)
