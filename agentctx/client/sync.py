"""The sync client: a connection and its services."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from agentctx.client.caller import Caller
from agentctx.client.channel import MESSAGE_BYTES, TLS, Connection, checked
from agentctx.client.code import CodeClient
from agentctx.client.context import ContextClient
from agentctx.client.memory import MemoryClient
from agentctx.client.routing import RoutingClient
from agentctx.convert.errors import get_error
from agentctx.convert.values import text
from agentctx.errors import Unavailable


def connect(
    target: str,
    *,
    token: str | None = None,
    tls: TLS | bool | None = None,
    timeout: float | None = 30.0,
    insecure: bool = False,
    max_message_bytes: int = MESSAGE_BYTES,
) -> Client:
    """A client of the server at `target`: `host:port`, `unix:/path` or `dns:host:port`.

    The connection is made with the first call. token: sent as a bearer token; over a network only with `tls` (True:
    the system's authorities) unless `insecure` says that the road is safe. timeout: seconds that a call may take
    (None: no limit); `search` has its own option, streams have no limit. Raises InvalidArgument.
    """
    return Client(
        checked(target, token=token, tls=tls, timeout=timeout, insecure=insecure, max_message_bytes=max_message_bytes)
    )


class Client:
    """A connection to an agentctx server, with the engine's services: memory, code, context, routing.

    Thread-safe; see `connect`.
    """

    def __init__(self, connection: Connection) -> None:
        self._caller = Caller(connection)
        self._health = health_pb2_grpc.HealthStub(self._caller.channel)
        self.memory = MemoryClient(self._caller)
        self.code = CodeClient(self._caller)
        self.context = ContextClient(self._caller)
        self.routing = RoutingClient(self._caller)

    @property
    def target(self) -> str:
        """Where it connects to."""
        return self._caller.connection.target

    def health(self, service: str = "") -> str:
        """What the server says of itself or of one service: `serving`, `not_serving` or `unknown`.

        Raises Unavailable where no server answers.
        """
        request = health_pb2.HealthCheckRequest(service=text(service, "service"))
        try:
            response = self._health.Check(request, timeout=self._caller.connection.timeout)
        except grpc.RpcError as failure:
            if failure.code() is grpc.StatusCode.NOT_FOUND:
                return "unknown"
            raise get_error(failure, target=self.target) from None
        return str(health_pb2.HealthCheckResponse.ServingStatus.Name(response.status)).lower()

    def wait_ready(self, timeout: float = 10.0) -> None:
        """Wait until the server serves. Raises Unavailable when it does not within `timeout` seconds."""
        end = time.monotonic() + timeout
        request = health_pb2.HealthCheckRequest()
        while (left := end - time.monotonic()) > 0:
            try:
                response = self._health.Check(request, timeout=left, wait_for_ready=True)
            except grpc.RpcError as failure:
                if failure.code() not in (grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.UNAVAILABLE):
                    raise get_error(failure, target=self.target) from None
            else:
                if response.status == health_pb2.HealthCheckResponse.SERVING:
                    return
            time.sleep(min(0.05, max(end - time.monotonic(), 0)))
        raise Unavailable(f"no server serves at {self.target} after {timeout:g} s")

    def close(self) -> None:
        """Close the connection; calls in flight are cancelled."""
        self._caller.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()
