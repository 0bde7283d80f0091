"""Starting and stopping a server."""

from __future__ import annotations

import os
import queue
import signal
import threading
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Final, Protocol, Self, TextIO, cast

import grpc
from google.protobuf.descriptor import ServiceDescriptor
from threadpoolctl import threadpool_limits

from agentctx.types import CodeAPI, ContextAPI, MemoryAPI
from agentctx.v1 import code_service_pb2, context_service_pb2, memory_service_pb2, routing_service_pb2
from agentctx_server import listen
from agentctx_server.auth import Tokens, load_tokens, readable_by_others
from agentctx_server.calls import Around
from agentctx_server.code_service import CodeService
from agentctx_server.config import ServerConfig
from agentctx_server.context_service import ContextService
from agentctx_server.infra import Infrastructure
from agentctx_server.lanes import Lane
from agentctx_server.logs import Log
from agentctx_server.memory_service import MemoryService
from agentctx_server.metrics import Metrics
from agentctx_server.patience import Patience
from agentctx_server.roots import CodeRoots
from agentctx_server.router import Router
from agentctx_server.routing_service import Routes, RoutingService

_SLACK: Final = 256  # refusals in flight; past them gRPC refuses by itself, without RetryInfo


class Engine(Protocol):
    """What a server needs of an engine."""

    @property
    def memory(self) -> MemoryAPI:
        """The memory service."""
        ...

    @property
    def code(self) -> CodeAPI:
        """The code service."""
        ...

    @property
    def context(self) -> ContextAPI:
        """The context service."""
        ...

    @property
    def routing(self) -> Routes:
        """The routing service."""
        ...


def serve(engine: Engine, config: ServerConfig | None = None, *, log_stream: TextIO | None = None) -> RunningServer:
    """Start to serve an engine; returns at once. The engine stays the caller's: close it after the server.

    Raises InvalidArgument for a bad configuration and FailedPrecondition where the address is taken.
    """
    config = config or ServerConfig()
    listen.check_exposure(config)
    tokens = None if config.tokens is None else load_tokens(config.tokens)
    roots = CodeRoots(config.code_roots)
    return RunningServer(engine, config, tokens, roots, Log(config.log_level, log_stream))


class RunningServer:
    """A server at work. Stop it with `stop`, or leave its `with` block."""

    def __init__(self, engine: Engine, config: ServerConfig, tokens: Tokens | None, roots: CodeRoots, log: Log) -> None:
        self._config = config
        self._log = log
        unary, streams = Lane("unary", config.workers, config.backlog), Lane("stream", config.streams, 0)
        # Neither an index of minutes nor a model that writes slowly may keep an export from beginning.
        indexings, completions = Lane("index", config.indexings, 0), Lane("completion", config.completions, 0)
        checks, reflections, refusals = Lane("health", 2, 64), Lane("reflection", 4, 0), Lane("refusal", 2, _SLACK)
        working = (unary, streams, indexings, completions)
        self._lanes = (*working, checks, reflections, refusals)
        self._metrics = None if config.metrics_port is None else Metrics(working)
        self.metrics_address = ""
        services: tuple[tuple[ServiceDescriptor, object, Lane], ...] = (
            (_described(memory_service_pb2), MemoryService(engine.memory), streams),
            (_described(code_service_pb2), CodeService(engine.code, roots), indexings),
            (_described(context_service_pb2), ContextService(engine.context), completions),
            (_described(routing_service_pb2), RoutingService(engine.routing), streams),
        )
        self._infrastructure = Infrastructure([one.full_name for one, _, _ in services], checks, reflections)
        patience = Patience(config.first_message, config.idle)
        around = Around(tokens, self._metrics, log, config.max_message_bytes, patience)
        router = Router(refusals)
        for descriptor, service, lane in services:
            router.add_service(descriptor, service, around, unary, lane)
        quiet = Around(None, self._metrics, log, config.max_message_bytes, patience, level="debug")
        self._infrastructure.route(router, quiet)
        self._server = grpc.server(
            unary,
            handlers=[router],
            options=listen.options(config),
            maximum_concurrent_rpcs=sum(lane.capacity for lane in working) + _SLACK,
        )
        try:
            self.address = listen.bind(self._server, config)
            if self._metrics is not None and config.metrics_port is not None:
                self.metrics_address = self._metrics.listen(config.metrics_port)
        except BaseException:
            self._shut_lanes()
            log.close()
            raise
        # A BLAS of several threads spins on the cores after each product; the calls of others would wait some 5 ms.
        self._one_thread = threadpool_limits(limits=1, user_api="blas")
        self._stopping = threading.Lock()
        self._stopped = threading.Event()
        self._infrastructure.serving()
        self._server.start()
        log.info("serving", address=self.address, tls=config.tls is not None, tokens=tokens is not None)
        self._warn()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the server has stopped; whether it has."""
        return self._stopped.wait(timeout)

    def stop(self, grace: float | None = None) -> None:
        """Drain and stop: health says NOT_SERVING, new calls are refused, those in flight have `grace` seconds.

        grace: default as configured. Returns when no call is at work any more; calling it again is harmless.
        """
        with self._stopping:
            if self._stopped.is_set():
                return
            self._log.info("draining")
            self._infrastructure.drain()
            self._server.stop(self._config.grace if grace is None else grace).wait()
            self._shut_lanes()
            self._one_thread.restore_original_limits()
            if self._metrics is not None:
                self._metrics.close()
            if self._config.unix_socket is not None:
                Path(self._config.unix_socket).unlink(missing_ok=True)
            self._log.info("stopped")
            self._log.close()
            self._stopped.set()

    def hurry(self) -> None:
        """Cancel the calls that a `stop` in another thread still waits for."""
        self._server.stop(None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def _shut_lanes(self) -> None:
        for lane in self._lanes:
            lane.shutdown(wait=True, cancel_futures=True)

    def _warn(self) -> None:
        config = self._config
        open_to_network = config.unix_socket is None and not listen.is_loopback(config.host)
        if config.tokens is not None and readable_by_others(config.tokens):
            self._log.warning("the token file can be read by others", file=os.fspath(config.tokens), mend="chmod 600")
        if open_to_network and config.tokens is None:
            self._log.warning("everybody on the network may read and write the store")
        elif open_to_network and config.tls is None:
            self._log.warning("tokens and content cross the network in clear text")


def _described(module: Any) -> ServiceDescriptor:
    """The one service of a module of stubs."""
    (service,) = module.DESCRIPTOR.services_by_name.values()
    return cast("ServiceDescriptor", service)


def run_forever(server: RunningServer) -> int:
    """Serve until SIGTERM or SIGINT, drain, and return the exit code 0. Call it in the main thread.

    A second signal ends the calls in flight at once.
    """
    # A SimpleQueue may be filled from a signal handler; an Event may deadlock there.
    signals: queue.SimpleQueue[int] = queue.SimpleQueue()

    def on_signal(number: int, _frame: FrameType | None) -> None:
        signals.put(number)

    before = {number: signal.signal(number, on_signal) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        if _first(signals, server):
            draining = threading.Thread(target=server.stop, name="agentctx-drain")
            draining.start()
            while draining.is_alive():
                draining.join(0.1)
                if not signals.empty():
                    server.hurry()
                    break
            draining.join()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return 0


def _first(signals: queue.SimpleQueue[int], server: RunningServer) -> bool:
    """Wait for a signal; False if the server stops without one."""
    while True:
        try:
            signals.get(timeout=1.0)
        except queue.Empty:
            if server.wait(0):
                return False
        else:
            return True
