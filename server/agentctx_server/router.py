"""Finds the handler of a method, and the one that refuses where its lane is full.

Methods come from the service descriptors, so that a new RPC needs a method of its name in the service and no more.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message_factory import GetMessageClass

from agentctx_server.calls import Around
from agentctx_server.lanes import Lane

if TYPE_CHECKING:
    Handler = grpc.RpcMethodHandler[Any, Any]


class Router(grpc.GenericRpcHandler):
    """All methods of a server. A lane's `full` is looked at before gRPC submits the call to it."""

    def __init__(self, around: Around, refusals: Lane) -> None:
        self._around = around
        self._refusals = refusals
        self._methods: dict[str, tuple[Lane, Handler, Handler]] = {}

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Handler | None:
        """The handler of a call; None for a method that there is not."""
        found = self._methods.get(handler_call_details.method)
        if found is None:
            return None
        lane, handler, refusal = found
        return refusal if lane.full else handler

    def add_service(self, descriptor: ServiceDescriptor, service: object, unary: Lane, streams: Lane) -> None:
        """Route a service's methods to the object's methods of the same name."""
        for method in descriptor.methods:
            streaming = method.client_streaming or method.server_streaming
            lane = streams if streaming else unary
            handler = self._handler(method, getattr(service, method.name), lane)
            self.add(f"/{descriptor.full_name}/{method.name}", handler, lane)

    def add(self, path: str, handler: Handler, lane: Lane) -> None:
        """Route one method."""
        refuse = on_lane(self._around.refusing(path), self._refusals)
        self._methods[path] = (lane, handler, grpc.stream_stream_rpc_method_handler(refuse))

    def _handler(self, method: MethodDescriptor, function: Any, lane: Lane) -> Handler:
        name = f"{method.containing_service.name}/{method.name}"
        request = GetMessageClass(method.input_type)
        if method.client_streaming:
            behavior = on_lane(self._around.uploading(name, request, function), lane)
            return grpc.stream_unary_rpc_method_handler(behavior)
        if method.server_streaming:
            behavior = on_lane(self._around.downloading(name, request, function), lane)
            return grpc.unary_stream_rpc_method_handler(behavior)
        return grpc.unary_unary_rpc_method_handler(on_lane(self._around.unary(name, request, function), lane))


def on_lane(behavior: Callable[..., Any], lane: Lane) -> Callable[..., Any]:
    """Mark a behaviour to run in a lane; gRPC reads the attribute."""
    behavior.experimental_thread_pool = lane  # type: ignore[attr-defined]
    return behavior
