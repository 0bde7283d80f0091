"""`client.routing`: what a server's backends are, which would take a request, and what they cost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Unpack

from agentctx.client.caller import AsyncCaller, Caller
from agentctx.convert import routing as convert
from agentctx.convert.values import boolean, number, text
from agentctx.types import (
    AsyncRoutingAPI,
    BackendStatus,
    Route,
    RouteOptions,
    RoutingAPI,
    UsageGroup,
    UsageReport,
)
from agentctx.v1 import routing_service_pb2 as pb
from agentctx.v1.routing_service_pb2_grpc import RoutingServiceStub


class RoutingClient:
    """The routing service of a server. Implements `RoutingAPI`: the methods and errors of `engine.routing`."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._stub: Any = RoutingServiceStub(caller.channel)  # type: ignore[no-untyped-call]

    def decide(self, prompt: str, *, input_tokens: int | None = None, **options: Unpack[RouteOptions]) -> Route:
        """Where a request would go, and why; nothing is sent to a backend."""
        request = convert.decide_request(prompt, input_tokens, options)
        return convert.get_route(self._call(self._stub.Decide, request, repeatable=True).route)

    def backends(self, *, check: bool = False) -> tuple[BackendStatus, ...]:
        """The server's backends; check: ask each whether it answers. Needs the `backends` grant on `*`."""
        request = pb.RoutingServiceBackendsRequest(check=boolean(check, "check"))
        return convert.get_backends(self._call(self._stub.Backends, request, repeatable=True))

    def feedback(self, request_id: str, quality: float) -> bool:
        """Judge an answer, from 0 (useless) to 1. Counts once a request: False when it was judged before."""
        request = _feedback_request(request_id, quality)
        return bool(self._call(self._stub.Feedback, request).counted)

    def usage(
        self,
        *,
        by: Sequence[UsageGroup] = ("backend",),
        namespace: str = "",
        session: str = "",
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> UsageReport:
        """Requests, tokens and dollars of a span of time by group, and what was saved against other choices."""
        request = convert.usage_request(by, namespace, session, since, until)
        return convert.get_usage(self._call(self._stub.Usage, request, repeatable=True))

    def _call(self, method: Any, request: Any, *, repeatable: bool = False) -> Any:
        return self._caller.unary(method, request, self._caller.connection.timeout, repeatable=repeatable)


class AsyncRoutingClient:
    """The routing service of a server for asyncio. Implements `AsyncRoutingAPI`; see `RoutingClient`."""

    def __init__(self, caller: AsyncCaller) -> None:
        self._caller = caller
        self._stub: Any = RoutingServiceStub(caller.channel)  # type: ignore[no-untyped-call]

    async def decide(self, prompt: str, *, input_tokens: int | None = None, **options: Unpack[RouteOptions]) -> Route:
        """See `RoutingClient.decide`."""
        request = convert.decide_request(prompt, input_tokens, options)
        return convert.get_route((await self._call(self._stub.Decide, request, repeatable=True)).route)

    async def backends(self, *, check: bool = False) -> tuple[BackendStatus, ...]:
        """See `RoutingClient.backends`."""
        request = pb.RoutingServiceBackendsRequest(check=boolean(check, "check"))
        return convert.get_backends(await self._call(self._stub.Backends, request, repeatable=True))

    async def feedback(self, request_id: str, quality: float) -> bool:
        """See `RoutingClient.feedback`."""
        request = _feedback_request(request_id, quality)
        return bool((await self._call(self._stub.Feedback, request)).counted)

    async def usage(
        self,
        *,
        by: Sequence[UsageGroup] = ("backend",),
        namespace: str = "",
        session: str = "",
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> UsageReport:
        """See `RoutingClient.usage`."""
        request = convert.usage_request(by, namespace, session, since, until)
        return convert.get_usage(await self._call(self._stub.Usage, request, repeatable=True))

    async def _call(self, method: Any, request: Any, *, repeatable: bool = False) -> Any:
        return await self._caller.unary(method, request, self._caller.connection.timeout, repeatable=repeatable)


def _feedback_request(request_id: str, quality: float) -> pb.RoutingServiceFeedbackRequest:
    return pb.RoutingServiceFeedbackRequest(
        request_id=text(request_id, "request_id"), quality=number(quality, "quality")
    )


if TYPE_CHECKING:  # the type checker's proof that the methods are those of the engine
    _api: Callable[[Caller], RoutingAPI] = RoutingClient
    _aio: Callable[[AsyncCaller], AsyncRoutingAPI] = AsyncRoutingClient
