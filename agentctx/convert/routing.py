"""RoutingService's messages: route options, routes, backends and usage."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, cast

from agentctx.convert.values import (
    as_dict,
    checked_time,
    get_fields,
    get_time,
    integer,
    known_options,
    number,
    put_fields,
    put_time,
    text,
    texts,
)
from agentctx.types import (
    BackendStatus,
    Candidate,
    Route,
    RouteOptions,
    Savings,
    TaskEstimate,
    UsageReport,
    UsageRow,
)
from agentctx.v1 import routing_pb2
from agentctx.v1 import routing_service_pb2 as pb

_LISTS: Final = ("earlier", "regions", "capabilities", "allow", "deny")
_NUMBERS: Final = ("quality_floor", "max_cost", "max_seconds")
_WHOLE: Final = {"turns_left": 32, "output_tokens": 64, "min_tier": 32}
_OPTIONAL: Final = (*_NUMBERS, *_WHOLE)
_TEXTS: Final = ("namespace", "session", "policy", "task_type")


# --- options, both ways -----------------------------------------------------------------------------------------------


def put_route_options(message: routing_pb2.RouteOptions, options: Mapping[str, Any]) -> None:
    """Fill RouteOptions; other options are passed over."""
    for name, value in options.items():
        if name in _LISTS:
            getattr(message, name).extend(texts(value, name))
        elif name in _NUMBERS:
            if value is not None:
                setattr(message, name, number(value, name))
        elif name in _WHOLE:
            if value is not None or name == "turns_left":
                setattr(message, name, integer(value, name, _WHOLE[name]))
        elif name in _TEXTS:
            setattr(message, name, text(value, name))


def get_route_options(message: routing_pb2.RouteOptions) -> RouteOptions:
    """The options that are there."""
    found: dict[str, Any] = {name: getattr(message, name) for name in _OPTIONAL if message.HasField(name)}
    found |= {name: value for name in _TEXTS if (value := getattr(message, name))}
    found |= {name: tuple(value) for name in _LISTS if (value := getattr(message, name))}
    return cast("RouteOptions", found)


def decide_request(prompt: str, input_tokens: object, options: Mapping[str, Any]) -> pb.RoutingServiceDecideRequest:
    """The request of `decide`."""
    known_options(options, RouteOptions.__annotations__)
    request = pb.RoutingServiceDecideRequest(prompt=text(prompt, "prompt"))
    if input_tokens is not None:
        request.input_tokens = integer(input_tokens, "input_tokens")
    put_route_options(request.options, options)
    return request


def usage_request(
    by: object, namespace: str, session: str, since: object, until: object
) -> pb.RoutingServiceUsageRequest:
    """The request of `usage`."""
    request = pb.RoutingServiceUsageRequest(
        by=texts(by, "by"),
        namespace=text(namespace, "namespace") if namespace else "",
        session=text(session, "session"),
    )
    for name, value in (("since", since), ("until", until)):
        if (moment := checked_time(value, name)) is not None:
            put_time(getattr(request, name), moment)
    return request


def get_usage_options(request: pb.RoutingServiceUsageRequest) -> dict[str, Any]:
    """The options of a Usage request."""
    found: dict[str, Any] = {"by": tuple(request.by), "session": request.session}
    return found | {
        name: get_time(getattr(request, name), name) for name in ("since", "until") if request.HasField(name)
    }


# --- routes -----------------------------------------------------------------------------------------------------------

_CANDIDATE: Final = ("backend", "precision", "tier", "quality", "acceptable", "output_tokens")
_ROUTE: Final = (
    "backend", "precision", "tier", "sensitivity", "quality", "cache_regret", "sticky", "escalated", "exact_tokens",
)  # fmt: skip
_MAYBE: Final = ("cost", "saving_against_highest", "saving_against_lowest")
_TASK: Final = ("task_type", "confidence", "abstained", "detector")


def put_route(message: routing_pb2.Route, route: Route) -> None:
    """Fill a Route message."""
    put_fields(message, route, (*_ROUTE, *_MAYBE))
    put_fields(message.task, route.task, _TASK)
    message.task.distribution.update(route.task.distribution)
    message.task.reasons.extend(route.task.reasons)
    for one in route.candidates:
        candidate = message.candidates.add(excluded=one.excluded)
        put_fields(candidate, one, (*_CANDIDATE, "cost", "seconds"))
    message.fallback.extend(route.fallback)
    message.reasons.extend(route.reasons)
    message.details.update(route.details)


def get_route(message: routing_pb2.Route) -> Route:
    """The Route of a message."""
    task = TaskEstimate(
        **get_fields(message.task, _TASK),
        distribution=as_dict(message.task.distribution),
        reasons=tuple(message.task.reasons),
    )
    candidates = tuple(
        Candidate(**get_fields(one, _CANDIDATE, ("cost", "seconds")), excluded=tuple(one.excluded))
        for one in message.candidates
    )
    return Route(
        **get_fields(message, _ROUTE, _MAYBE),
        task=task,
        candidates=candidates,
        fallback=tuple(message.fallback),
        reasons=tuple(message.reasons),
        details=as_dict(message.details),
    )


# --- backends and usage -----------------------------------------------------------------------------------------------

_BACKEND: Final = ("name", "model", "base_url", "precision", "tier", "priced", "circuit", "running", "detail")
_ROW: Final = (
    "requests", "ok", "attempts", "input_tokens", "cached_tokens", "output_tokens", "cost", "unpriced", "estimated",
    "latency_ms", "first_token_ms", "judged",
)  # fmt: skip
_SAVINGS: Final = ("requests", "routed", "all_high", "all_low", "random")


def backends_response(found: Iterable[BackendStatus]) -> pb.RoutingServiceBackendsResponse:
    """The answer of Backends."""
    response = pb.RoutingServiceBackendsResponse()
    for one in found:
        put_fields(response.backends.add(), one, (*_BACKEND, "reachable"))
    return response


def get_backends(response: pb.RoutingServiceBackendsResponse) -> tuple[BackendStatus, ...]:
    """The backends of a Backends call."""
    return tuple(BackendStatus(**get_fields(one, _BACKEND, ("reachable",))) for one in response.backends)


def usage_response(report: UsageReport) -> pb.RoutingServiceUsageResponse:
    """The answer of Usage."""
    response = pb.RoutingServiceUsageResponse(by=report.by)
    for row in report.rows:
        put_fields(response.rows.add(key=row.key), row, (*_ROW, "quality"))
    put_fields(response.savings, report.savings, _SAVINGS)
    return response


def get_usage(response: pb.RoutingServiceUsageResponse) -> UsageReport:
    """The report of a Usage call."""
    rows = tuple(UsageRow(key=tuple(one.key), **get_fields(one, _ROW, ("quality",))) for one in response.rows)
    return UsageReport(cast("Any", tuple(response.by)), rows, Savings(**get_fields(response.savings, _SAVINGS)))
