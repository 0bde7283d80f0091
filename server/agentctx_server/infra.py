"""Health and reflection: gRPC's own services, in lanes of their own and without tokens.

An overloaded server is still healthy, and whoever asks for the schema asks for what is public.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, Final

import grpc
from grpc_health.v1 import health, health_pb2
from grpc_reflection.v1alpha import reflection, reflection_pb2
from grpc_status import rpc_status

from agentctx.convert.errors import put_status
from agentctx.errors import InvalidArgument, NotFound
from agentctx_server.calls import Around, Call, parsed
from agentctx_server.lanes import Lane
from agentctx_server.router import Router, on_lane

# The two versions of reflection differ in nothing but the name; newer tools ask for v1 first.
_REFLECTION_V1: Final = "grpc.reflection.v1.ServerReflection"


class Infrastructure:
    """Health and reflection of one server. The streams of both would keep a draining server: `drain` ends them."""

    def __init__(self, services: Sequence[str]) -> None:
        self._health = health.HealthServicer(experimental_non_blocking=True)
        self._reflection = reflection.ReflectionServicer(
            (*services, health.SERVICE_NAME, reflection.SERVICE_NAME), pool=None
        )
        self._services = services
        self._open: set[grpc.ServicerContext] = set()
        self._lock = threading.Lock()

    def route(self, router: Router, around: Around, checks: Lane, streams: Lane) -> None:
        """Add the methods to a router."""
        check = around.unary("Health/Check", health_pb2.HealthCheckRequest, self._check)
        path = f"/{health.SERVICE_NAME}"
        router.add(f"{path}/Check", grpc.unary_unary_rpc_method_handler(on_lane(check, checks)), checks)
        watch: Any = on_lane(partial(self._watch), checks)
        watch.experimental_non_blocking = True  # a watcher holds no thread
        router.add(f"{path}/Watch", grpc.unary_stream_rpc_method_handler(watch), checks)
        for name in (reflection.SERVICE_NAME, _REFLECTION_V1):
            reflect: Any = grpc.stream_stream_rpc_method_handler(on_lane(partial(self._reflect), streams))
            router.add(f"/{name}/ServerReflectionInfo", reflect, streams)

    def serving(self) -> None:
        """Say that the server and each service serve."""
        for name in ("", *self._services):
            self._health.set(name, health_pb2.HealthCheckResponse.SERVING)

    def drain(self) -> None:
        """Say NOT_SERVING from now on, and end the streams."""
        self._health.enter_graceful_shutdown()
        with self._lock:
            held = list(self._open)
        for context in held:
            context.cancel()

    def _check(self, request: health_pb2.HealthCheckRequest, call: Call) -> health_pb2.HealthCheckResponse:
        response = self._health.Check(request, call.context)
        if call.context.code() is grpc.StatusCode.NOT_FOUND:  # type: ignore[attr-defined]
            raise NotFound("no such service", field="service")
        return response

    def _watch(self, packed: bytes, context: grpc.ServicerContext, send: Callable[[bytes | None], None]) -> None:
        request = _parsed_or_abort(health_pb2.HealthCheckRequest, packed, context)
        self._hold(context)
        self._health.Watch(
            request, context, lambda response: send(None if response is None else response.SerializeToString())
        )

    def _reflect(self, packed: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
        self._hold(context)
        kind = reflection_pb2.ServerReflectionRequest
        wanted = (_parsed_or_abort(kind, one, context) for one in packed)
        for response in self._reflection.ServerReflectionInfo(wanted, context):
            yield response.SerializeToString()

    def _hold(self, context: grpc.ServicerContext) -> None:
        with self._lock:
            self._open.add(context)
        if not context.add_callback(lambda: self._let_go(context)):
            self._let_go(context)

    def _let_go(self, context: grpc.ServicerContext) -> None:
        with self._lock:
            self._open.discard(context)


def _parsed_or_abort(request: Any, packed: bytes, context: grpc.ServicerContext) -> Any:
    try:
        return parsed(request, packed)
    except InvalidArgument as error:
        return context.abort_with_status(rpc_status.to_status(put_status(error)))
