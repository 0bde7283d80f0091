"""Health and reflection: in lanes of their own and without tokens.

An overloaded server is still healthy, and whoever asks for the schema asks for what is public.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, Final

import grpc
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection, reflection_pb2
from grpc_status import rpc_status

from agentctx.convert.errors import put_status
from agentctx.errors import DeadlineExceeded
from agentctx_server import health
from agentctx_server.calls import Around, first_or_abort, parsed_or_abort
from agentctx_server.lanes import Lane
from agentctx_server.router import Router, on_lane

# The two versions of reflection differ in nothing but the name; newer tools ask for v1 first.
_REFLECTION_V1: Final = "grpc.reflection.v1.ServerReflection"


class Infrastructure:
    """Health and reflection of one server. The streams of both would keep a draining server: `drain` ends them."""

    def __init__(self, services: Sequence[str], checks: Lane, reflections: Lane) -> None:
        self._health = health.Health(services)
        self._reflection = reflection.ReflectionServicer((*services, health.SERVICE_NAME, reflection.SERVICE_NAME))
        self._checks = checks
        self._reflections = reflections
        self._reflecting: set[grpc.ServicerContext] = set()
        self._lock = threading.Lock()

    def route(self, router: Router, around: Around) -> None:
        """Add the methods to a router."""
        check = around.unary("Health/Check", health_pb2.HealthCheckRequest, self._health.check, self._checks)
        path = f"/{health.SERVICE_NAME}"
        router.add(
            f"{path}/Check", grpc.stream_unary_rpc_method_handler(on_lane(check, self._checks)), around, self._checks
        )

        def start_watch(packed: Iterator[bytes], context: grpc.ServicerContext, send: Callable[..., None]) -> None:
            one = first_or_abort(around.patience.messages(packed, self._checks, str), context)
            self._health.watch(one, context, send)

        watch: Any = on_lane(start_watch, self._checks)
        watch.experimental_non_blocking = True
        router.add(f"{path}/Watch", grpc.stream_stream_rpc_method_handler(watch), around, self._checks)
        for name in (reflection.SERVICE_NAME, _REFLECTION_V1):
            reflect: Any = grpc.stream_stream_rpc_method_handler(
                on_lane(partial(self._reflect, around), self._reflections)
            )
            router.add(f"/{name}/ServerReflectionInfo", reflect, around, self._reflections)

    def serving(self) -> None:
        """Say that the server and each service serve."""
        self._health.set_all(health_pb2.HealthCheckResponse.SERVING, self._checks)

    def drain(self) -> None:
        """Say NOT_SERVING, and end the streams."""
        self._health.set_all(health_pb2.HealthCheckResponse.NOT_SERVING, self._checks)
        self._health.hang_up()
        with self._lock:
            reflecting = list(self._reflecting)
        for context in reflecting:
            context.cancel()

    def _reflect(self, around: Around, packed: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
        with self._lock:
            self._reflecting.add(context)
        try:
            kind = reflection_pb2.ServerReflectionRequest
            messages = around.patience.messages(packed, self._reflections, str)
            wanted = (parsed_or_abort(kind, one, context) for one in messages)
            for response in self._reflection.ServerReflectionInfo(wanted, context):
                yield response.SerializeToString()
        except DeadlineExceeded as error:
            context.abort_with_status(rpc_status.to_status(put_status(error)))
        finally:
            with self._lock:
                self._reflecting.discard(context)
