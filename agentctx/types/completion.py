"""What `complete` streams: typed events, from the route to the end of the answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from agentctx.types.context import Bundle, BundleFormat
from agentctx.types.precisions import Precision
from agentctx.types.routing import Route
from agentctx.types.routing_api import RouteOptions

AttemptOutcome = Literal["ok", "busy", "connect", "timeout", "refused", "garbage", "broken", "cancelled"]
RequestOutcome = Literal["ok", "failed", "cancelled", "running"]


@dataclass(frozen=True, slots=True)
class RouteDecided:
    """The first event: where the request goes, why, and the context that was built for it (None without one)."""

    request_id: str
    route: Route
    bundle: Bundle | None


@dataclass(frozen=True, slots=True)
class AttemptStarted:
    """A backend is being asked; `number` counts from 1 over all backends of the request."""

    number: int
    backend: str
    precision: Precision


@dataclass(frozen=True, slots=True)
class TextPart:
    """The next piece of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class Restarted:
    """The backend failed: discard all text so far. `reason` says why; the next attempt, if any, begins anew."""

    backend: str
    reason: str


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens and dollars. estimated: the backend did not say, so they were counted here. cost: None without prices."""

    input_tokens: int
    cached_tokens: int
    output_tokens: int
    cost: float | None
    estimated: bool


@dataclass(frozen=True, slots=True)
class UsageTold:
    """What the attempt that answered has used."""

    backend: str
    usage: Usage


@dataclass(frozen=True, slots=True)
class Done:
    """The last event. cost: of all attempts together, None where a price is missing; latency in milliseconds."""

    request_id: str
    backend: str
    finish_reason: str
    attempts: int
    cost: float | None
    latency_ms: float
    first_token_ms: float


CompletionEvent = RouteDecided | AttemptStarted | TextPart | Restarted | UsageTold | Done


class CompleteOptions(RouteOptions, total=False):
    """What `complete` takes beside the task: RouteOptions, and what the context is built from.

    repositories, with namespace: what the context is built from; neither means no context. budget: tokens of context
    (default 4,000, or what the backends' windows leave). system: instructions that stand before everything (default:
    a line that says what the context is). max_tokens: of the answer (default 1,024). temperature: the backend's own
    where it is left out. request_id: an id of your own; one that was used before is refused, so a retry after a lost
    connection costs nothing twice. format, path, tests, reference_time, as_of: see BuildOptions.
    """

    repositories: Sequence[str]
    budget: int | None
    system: str
    max_tokens: int
    temperature: float | None
    request_id: str
    format: BundleFormat
    path: str
    tests: bool
    reference_time: datetime | None
    as_of: datetime | None
