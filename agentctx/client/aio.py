"""The asyncio client: the sync one's methods, each awaited."""

from __future__ import annotations

import asyncio
import time
from types import TracebackType
from typing import Self

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from agentctx.client.caller import AsyncCaller
from agentctx.client.channel import MESSAGE_BYTES, TLS, Connection, checked
from agentctx.client.code_aio import AsyncCodeClient
from agentctx.client.context import AsyncContextClient
from agentctx.client.memory_aio import AsyncMemoryClient
from agentctx.client.routing import AsyncRoutingClient
from agentctx.convert.errors import get_error
from agentctx.convert.values import text
from agentctx.errors import Unavailable


def connect_async(
    target: str,
    *,
    token: str | None = None,
    tls: TLS | bool | None = None,
    timeout: float | None = 30.0,
    insecure: bool = False,
    max_message_bytes: int = MESSAGE_BYTES,
) -> AsyncClient:
    """An asyncio client of the server at `target`; call it within a running event loop. See `connect`.

    >>> async with connect_async("127.0.0.1:50551") as client:  # doctest: +SKIP
    ...     await client.memory.search("acme/user-42", "Where does Ana live?")
    """
    return AsyncClient(
        checked(target, token=token, tls=tls, timeout=timeout, insecure=insecure, max_message_bytes=max_message_bytes)
    )


class AsyncClient:
    """A connection to an agentctx server for asyncio, with the engine's services: memory, code, context, routing.

    Belongs to one loop.
    """

    def __init__(self, connection: Connection) -> None:
        self._caller = AsyncCaller(connection)
        self._health = health_pb2_grpc.HealthStub(self._caller.channel)
        self.memory = AsyncMemoryClient(self._caller)
        self.code = AsyncCodeClient(self._caller)
        self.context = AsyncContextClient(self._caller)
        self.routing = AsyncRoutingClient(self._caller)

    @property
    def target(self) -> str:
        """Where it connects to."""
        return self._caller.connection.target

    async def health(self, service: str = "") -> str:
        """See `Client.health`."""
        request = health_pb2.HealthCheckRequest(service=text(service, "service"))
        try:
            response = await self._health.Check(request, timeout=self._caller.connection.timeout)
        except grpc.RpcError as failure:
            if failure.code() is grpc.StatusCode.NOT_FOUND:
                return "unknown"
            raise get_error(failure, target=self.target) from None
        return str(health_pb2.HealthCheckResponse.ServingStatus.Name(response.status)).lower()

    async def wait_ready(self, timeout: float = 10.0) -> None:
        """See `Client.wait_ready`."""
        end = time.monotonic() + timeout
        request = health_pb2.HealthCheckRequest()
        while (left := end - time.monotonic()) > 0:
            try:
                response = await self._health.Check(request, timeout=left, wait_for_ready=True)
            except grpc.RpcError as failure:
                if failure.code() not in (grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.UNAVAILABLE):
                    raise get_error(failure, target=self.target) from None
            else:
                if response.status == health_pb2.HealthCheckResponse.SERVING:
                    return
            await asyncio.sleep(min(0.05, max(end - time.monotonic(), 0)))
        raise Unavailable(f"no server serves at {self.target} after {timeout:g} s")

    async def close(self) -> None:
        """Close the connection; calls in flight are cancelled."""
        await self._caller.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.close()
