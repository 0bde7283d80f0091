"""Makes calls on a channel: adds the token and the deadline, repeats what may be repeated, raises our errors."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from typing import Any

import grpc
import grpc.aio

from agentctx.client import calls
from agentctx.client.channel import Connection
from agentctx.convert.errors import get_error
from agentctx.errors import AgentctxError, Unavailable


class Caller:
    """Makes calls on one channel: adds the token and the deadline, repeats what may be repeated."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.channel = (
            grpc.insecure_channel(connection.target, connection.options)
            if connection.tls is None
            else grpc.secure_channel(connection.target, connection.tls.credentials(), connection.options)
        )
        self._closed = False

    def unary(self, method: Any, request: Any, timeout: float | None, *, repeatable: bool = False) -> Any:
        """The response of a call with one request."""
        metadata = self.connection.metadata
        try:
            return method(request, timeout=timeout, metadata=metadata)
        except grpc.RpcError as failure:
            attempts = calls.Attempts(
                self.connection.target, timeout, repeatable=repeatable, field=calls.large_field(request)
            )
            pause = attempts.failed(failure)
        except ValueError as error:
            raise self._explained(error) from None
        while True:
            time.sleep(pause)
            try:
                return method(request, timeout=attempts.remaining(), metadata=metadata)
            except grpc.RpcError as failure:
                pause = attempts.failed(failure)
            except ValueError as error:
                raise self._explained(error) from None

    def start(self, method: Any, request: Any) -> Any:
        """A call with a stream on either side; it has no deadline."""
        try:
            return method(request, metadata=self.connection.metadata)
        except ValueError as error:
            raise self._explained(error) from None

    def responses(self, method: Any, request: Any) -> Any:
        """The messages of a call that answers with a stream. Closing the generator cancels the call."""
        call = self.start(method, request)
        try:
            yield from call
        except grpc.RpcError as failure:
            raise self.error(failure) from None
        finally:
            call.cancel()

    def error(self, failure: grpc.RpcError) -> AgentctxError:
        """The error that a failed call stands for."""
        return get_error(failure, target=self.connection.target)

    def close(self) -> None:
        """Close the channel."""
        self._closed = True
        self.channel.close()

    def _explained(self, error: ValueError) -> Exception:
        return Unavailable(calls.CLOSED) if self._closed else error


class AsyncCaller:
    """`Caller` for asyncio."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.channel = (
            grpc.aio.insecure_channel(connection.target, connection.options)
            if connection.tls is None
            else grpc.aio.secure_channel(connection.target, connection.tls.credentials(), connection.options)
        )
        self._closed = False

    async def unary(self, method: Any, request: Any, timeout: float | None, *, repeatable: bool = False) -> Any:
        """The response of a call with one request."""
        self.ensure_open()
        metadata = self.connection.metadata
        try:
            return await method(request, timeout=timeout, metadata=metadata)
        except grpc.RpcError as failure:
            attempts = calls.Attempts(
                self.connection.target, timeout, repeatable=repeatable, field=calls.large_field(request)
            )
            pause = attempts.failed(failure)
        while True:
            await asyncio.sleep(pause)
            self.ensure_open()
            try:
                return await method(request, timeout=attempts.remaining(), metadata=metadata)
            except grpc.RpcError as failure:
                pause = attempts.failed(failure)

    def start(self, method: Any, request: Any) -> Any:
        """A call with a stream on either side; it has no deadline."""
        self.ensure_open()
        return method(request, metadata=self.connection.metadata)

    async def responses(self, method: Any, request: Any) -> AsyncGenerator[Any, None]:
        """The messages of a call that answers with a stream. Closing the generator cancels the call."""
        call = self.start(method, request)
        try:
            async for response in call:
                yield response
        except grpc.RpcError as failure:
            raise self.error(failure) from None
        finally:
            call.cancel()

    def error(self, failure: grpc.RpcError) -> AgentctxError:
        """The error that a failed call stands for."""
        return get_error(failure, target=self.connection.target)

    def ensure_open(self) -> None:
        """Raise Unavailable on a closed client: grpc.aio would raise UsageError or hang."""
        if self._closed:
            raise Unavailable(calls.CLOSED)

    async def close(self) -> None:
        """Close the channel."""
        self._closed = True
        await self.channel.close()
