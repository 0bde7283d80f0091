"""The messages of ContextService's Complete: its request, and the events that it streams."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, cast

from agentctx.convert.code_answers import carried
from agentctx.convert.context import format_code, format_name, get_bundle, put_bundle
from agentctx.convert.routing import get_route, get_route_options, put_route, put_route_options
from agentctx.convert.values import (
    boolean,
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
from agentctx.errors import Internal
from agentctx.types import (
    AttemptStarted,
    CompletionEvent,
    Done,
    Restarted,
    RouteDecided,
    RouteOptions,
    TextPart,
    Usage,
    UsageTold,
)
from agentctx.types.completion import CompleteOptions
from agentctx.v1 import context_service_pb2 as pb

_TIMES: Final = ("reference_time", "as_of")
_STARTED: Final = ("number", "backend", "precision")
_RESTARTED: Final = ("backend", "reason")
_USAGE: Final = ("input_tokens", "cached_tokens", "output_tokens", "estimated")
_DONE: Final = ("request_id", "backend", "finish_reason", "attempts", "latency_ms", "first_token_ms")


# --- requests ---------------------------------------------------------------------------------------------------------


def complete_request(task: str, options: Mapping[str, Any]) -> pb.ContextServiceCompleteRequest:
    """The request of `complete`."""
    known_options(options, CompleteOptions.__annotations__)
    request = pb.ContextServiceCompleteRequest(task=text(task, "task"))
    put_route_options(request.options, options)
    for name, value in options.items():
        if name in RouteOptions.__annotations__:
            continue
        if name == "repositories":
            request.repositories.extend(texts(value, name))
        elif name == "budget":
            if value is not None:
                request.budget = integer(value, name)
        elif name == "max_tokens":
            request.max_tokens = integer(value, name, 32)
        elif name == "temperature":
            if value is not None:
                request.temperature = number(value, name)
        elif name == "format":
            request.format = format_code(value)
        elif name == "tests":
            request.tests = boolean(value, name)
        elif name in _TIMES:
            if (moment := checked_time(value, name)) is not None:
                put_time(getattr(request, name), moment)
        else:
            setattr(request, name, text(value, name))
    return request


def get_complete_options(request: pb.ContextServiceCompleteRequest) -> CompleteOptions:
    """The options of a Complete request."""
    found: dict[str, Any] = dict(get_route_options(request.options))
    found |= {
        name: getattr(request, name)
        for name in ("budget", "system", "max_tokens", "temperature", "tests")
        if request.HasField(name)
    }
    found |= {name: value for name in ("request_id", "path") if (value := getattr(request, name))}
    found |= {name: get_time(getattr(request, name), name) for name in _TIMES if request.HasField(name)}
    if request.repositories:
        found["repositories"] = tuple(request.repositories)
    if request.format:
        found["format"] = format_name(request.format)
    return cast("CompleteOptions", found)


# --- events -----------------------------------------------------------------------------------------------------------


def event_response(event: CompletionEvent) -> pb.ContextServiceCompleteResponse:
    """One answer of Complete."""
    response = pb.ContextServiceCompleteResponse()
    match event:
        case RouteDecided():
            response.decided.request_id = event.request_id
            put_route(response.decided.route, event.route)
            if event.bundle is not None:
                put_bundle(response.decided.bundle, event.bundle)
        case AttemptStarted():
            put_fields(response.started, event, _STARTED)
        case TextPart():
            response.text.text = carried(event.text)
        case Restarted():
            put_fields(response.restarted, event, _RESTARTED)
        case UsageTold():
            response.usage.backend = event.backend
            put_fields(response.usage, event.usage, (*_USAGE, "cost"))
        case Done():
            put_fields(response.done, event, (*_DONE, "cost"))
    return response


def get_event(response: pb.ContextServiceCompleteResponse) -> CompletionEvent:
    """The event in one answer of Complete."""
    kind = response.WhichOneof("event")
    if kind is None:
        raise Internal("the server sent an event of no kind: it is newer than this client")
    return _EVENTS[kind](getattr(response, kind))


def _decided(message: pb.RouteDecided) -> RouteDecided:
    bundle = get_bundle(message.bundle) if message.HasField("bundle") else None
    return RouteDecided(message.request_id, get_route(message.route), bundle)


_EVENTS: Final[dict[str, Callable[[Any], CompletionEvent]]] = {
    "decided": _decided,
    "started": lambda message: AttemptStarted(**get_fields(message, _STARTED)),
    "text": lambda message: TextPart(message.text),
    "restarted": lambda message: Restarted(**get_fields(message, _RESTARTED)),
    "usage": lambda message: UsageTold(message.backend, Usage(**get_fields(message, _USAGE, ("cost",)))),
    "done": lambda message: Done(**get_fields(message, _DONE, ("cost",))),
}
