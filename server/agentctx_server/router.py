"""Finds the handler of a method, and the one that refuses where its lane is full.

Methods come from the service descriptors, so that a new RPC needs a method of its name in the service and no more.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message_factory import GetMessageClass

from agentctx_server.calls import SHARE, Around
from agentctx_server.lanes import Lane
from agentctx_server.memory_service import UPLOAD_VERBS

if TYPE_CHECKING:
    Handler = grpc.RpcMethodHandler[Any, Any]


@dataclass(frozen=True, slots=True)
class _Method:
    """What there is to do with a call of one method."""

    around: Around
    lane: Lane
    verb: str
    handler: Handler
    turning_away: Handler
    denial: Handler
    refusal: Handler
    share_refusal: Handler


class Router(grpc.GenericRpcHandler):
    """All methods of a server.

    It runs in the thread that takes calls off the wire. A caller without a token, or one too many, is sent away before
    gRPC reads the request: a thread of a lane would wait for it, for as long as the caller likes.
    """

    def __init__(self, refusals: Lane) -> None:
        self._refusals = refusals
        self._methods: dict[str, _Method] = {}

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Handler | None:
        """The handler of a call; None for a method that there is not."""
        found = self._methods.get(handler_call_details.method)
        if found is None:
            return None
        grants = found.around.grants(handler_call_details.invocation_metadata)
        if grants is None:
            return found.turning_away
        if found.verb and not grants.prefixes.get(found.verb):
            return found.denial
        if found.lane.full:
            return found.refusal
        if found.lane.has_share(grants.name):
            return found.share_refusal
        found.lane.caller = grants.name
        return found.handler

    def add_service(
        self, descriptor: ServiceDescriptor, service: object, around: Around, unary: Lane, streams: Lane
    ) -> None:
        """Route a service's methods to the object's methods of the same name."""
        for method in descriptor.methods:
            streaming = method.client_streaming or method.server_streaming
            lane = streams if streaming else unary
            handler = self._handler(method, getattr(service, method.name), around, lane)
            verb = UPLOAD_VERBS[method.name] if method.client_streaming else ""
            self.add(f"/{descriptor.full_name}/{method.name}", handler, around, lane, verb)

    def add(self, path: str, handler: Handler, around: Around, lane: Lane, verb: str = "") -> None:
        """Route one method. verb: what a caller must be granted somewhere to come in."""
        # As streams, they are called without waiting for a request.
        name = path.rpartition(".")[2]
        away: list[Handler] = [
            grpc.stream_stream_rpc_method_handler(on_lane(one, self._refusals))
            for one in (
                around.turning_away(name),
                around.denying(name),
                around.refusing(name),
                around.refusing(name, SHARE),
            )
        ]
        self._methods[path] = _Method(around, lane, verb, handler, *away)

    @staticmethod
    def _handler(method: MethodDescriptor, function: Any, around: Around, lane: Lane) -> Handler:
        name = f"{method.containing_service.name}/{method.name}"
        request = GetMessageClass(method.input_type)
        # To gRPC each request is a stream: for a single one it would wait in a thread as long as the caller likes.
        if method.client_streaming:
            behavior = on_lane(around.uploading(name, request, function, lane), lane)
            return grpc.stream_unary_rpc_method_handler(behavior)
        if method.server_streaming:
            behavior = on_lane(around.downloading(name, request, function, lane), lane)
            return grpc.stream_stream_rpc_method_handler(behavior)
        return grpc.stream_unary_rpc_method_handler(on_lane(around.unary(name, request, function, lane), lane))


def on_lane(behavior: Callable[..., Any], lane: Lane) -> Callable[..., Any]:
    """Mark a behaviour to run in a lane; gRPC reads the attribute."""
    behavior.experimental_thread_pool = lane  # type: ignore[attr-defined]
    return behavior
