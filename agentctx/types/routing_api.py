"""The routing service as a Protocol: the engine, and each client, provides it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol, TypedDict, Unpack

from agentctx.types.precisions import Tier
from agentctx.types.routing import Route
from agentctx.types.usage import BackendStatus, UsageGroup, UsageReport


class RouteOptions(TypedDict, total=False):
    """What a route is decided by, beside the prompt.

    policy: auto, auto:cost, auto:quality or auto:value (default: that of the settings). task_type: skips telling it.
    earlier: the user's messages before, oldest first. turns_left: how many more requests the session may bring.
    output_tokens: what the answer will take, where it is known. quality_floor: share (0 to 1) of the best backend's
    quality to keep. max_cost: US dollars; max_seconds: until the answer is complete. min_tier: 4, 8 or 16. regions,
    capabilities: what the backend must be in, able to do. allow, deny: names of backends.
    """

    namespace: str
    session: str
    policy: str
    task_type: str
    earlier: Sequence[str]
    turns_left: int
    output_tokens: int | None
    quality_floor: float | None
    max_cost: float | None
    max_seconds: float | None
    min_tier: Tier | None
    regions: Sequence[str]
    capabilities: Sequence[str]
    allow: Sequence[str]
    deny: Sequence[str]


class RoutingAPI(Protocol):
    """The cheapest backend that still does the job, and what that has cost so far."""

    def decide(self, prompt: str, *, input_tokens: int | None = None, **options: Unpack[RouteOptions]) -> Route:
        """Where a request would go, and why; nothing is sent and nothing recorded. About a millisecond.

        input_tokens: all that will be sent (default: those of the prompt). Raises FailedPrecondition when no backend is
        configured or none fits, InvalidArgument for contradictory constraints, ResourceExhausted when only a budget
        stands in the way, Unavailable when all that could serve are down.
        """

    def backends(self, *, check: bool = False) -> tuple[BackendStatus, ...]:
        """The configured backends; check: ask each whether it answers, up to five seconds each."""

    def feedback(self, request_id: str, quality: float) -> bool:
        """Judge an answer, from 0 (useless) to 1. Counts once a request: False when it was judged before.

        Raises NotFound for an unknown request, or one without an answer, InvalidArgument for a quality out of range.
        """

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


class AsyncRoutingAPI(Protocol):
    """The asyncio twin of RoutingAPI: the same methods, results and errors."""

    async def decide(
        self, prompt: str, *, input_tokens: int | None = None, **options: Unpack[RouteOptions]
    ) -> Route: ...

    async def backends(self, *, check: bool = False) -> tuple[BackendStatus, ...]: ...

    async def feedback(self, request_id: str, quality: float) -> bool: ...

    async def usage(
        self,
        *,
        by: Sequence[UsageGroup] = ("backend",),
        namespace: str = "",
        session: str = "",
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> UsageReport: ...
