"""RoutingService: convert, call, convert."""

from __future__ import annotations

from typing import Protocol

from agentctx.convert import routing as convert
from agentctx.errors import NotFound
from agentctx.types import RoutingAPI
from agentctx.v1 import routing_service_pb2 as pb
from agentctx_server.calls import Call


class Routes(RoutingAPI, Protocol):
    """What the service needs of `engine.routing`."""

    def namespace_of(self, request_id: str) -> str:
        """The namespace that a request was made for. Raises NotFound."""
        ...


class RoutingService:
    """The engine's routing over the wire. One object serves all calls."""

    def __init__(self, routing: Routes) -> None:
        self._routing = routing

    def Decide(self, request: pb.RoutingServiceDecideRequest, call: Call) -> pb.RoutingServiceDecideResponse:  # noqa: N802, D102
        options = convert.get_route_options(request.options)
        call.require("decide", request.options.namespace)
        tokens = request.input_tokens if request.HasField("input_tokens") else None
        response = pb.RoutingServiceDecideResponse()
        convert.put_route(response.route, self._routing.decide(request.prompt, input_tokens=tokens, **options))
        return response

    def Backends(self, request: pb.RoutingServiceBackendsRequest, call: Call) -> pb.RoutingServiceBackendsResponse:  # noqa: N802, D102
        if not call.grants.allows("backends", ""):  # they tell of addresses inside the operator's network
            raise NotFound("this token may not see the backends", field="backends")
        return convert.backends_response(self._routing.backends(check=request.check))

    def Feedback(self, request: pb.RoutingServiceFeedbackRequest, call: Call) -> pb.RoutingServiceFeedbackResponse:  # noqa: N802, D102
        id, granted = request.request_id, call.grants
        if not granted.allows("feedback", "") and not granted.allows("feedback", self._routing.namespace_of(id)):
            id = call.hide(id)
        return pb.RoutingServiceFeedbackResponse(counted=self._routing.feedback(id, request.quality))

    def Usage(self, request: pb.RoutingServiceUsageRequest, call: Call) -> pb.RoutingServiceUsageResponse:  # noqa: N802, D102
        options = convert.get_usage_options(request)
        call.require("usage", request.namespace)
        return convert.usage_response(self._routing.usage(namespace=request.namespace, **options))
