"""ContextService: convert, call, convert."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any, cast

from agentctx.convert import completion
from agentctx.convert import context as convert
from agentctx.types import ContextAPI
from agentctx.v1 import context_service_pb2 as pb
from agentctx_server.calls import Call
from agentctx_server.counters import allowed_counter


class ContextService:
    """The engine's contexts over the wire. One object serves all calls."""

    def __init__(self, context: ContextAPI) -> None:
        self._context = context

    def Build(  # noqa: N802, D102
        self, request: pb.ContextServiceBuildRequest, call: Call
    ) -> pb.ContextServiceBuildResponse:
        options = convert.get_build_options(request)
        allowed_counter(request.counter)
        if request.namespace:
            options["namespace"] = call.on("build", request.namespace)
        if request.repositories:
            options["repositories"] = tuple(call.repository("build", one) for one in request.repositories)
        return convert.build_response(self._context.build(request.query, budget=request.budget, **options))

    def Complete(  # noqa: N802, D102
        self, request: pb.ContextServiceCompleteRequest, call: Call
    ) -> Iterator[pb.ContextServiceCompleteResponse]:
        options = completion.get_complete_options(request)
        namespace = request.options.namespace
        call.require("complete", namespace)
        if namespace:
            options["namespace"] = call.on("build", namespace)
        if request.repositories:
            options["repositories"] = tuple(call.repository("build", one) for one in request.repositories)
        # Closed as soon as the caller has gone, so that no backend writes on for nobody.
        with closing(cast("Any", self._context.complete(request.task, **options))) as events:
            for event in events:
                yield completion.event_response(event)
