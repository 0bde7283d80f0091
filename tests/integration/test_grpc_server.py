"""A real server on a free port: limits, deadlines, draining, roads, health, reflection, metrics, logs."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import grpc
import pytest
from agentctx_server import ServerConfig, listen, serve
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from agentctx import connect
from agentctx.client.channel import checked
from agentctx.convert.errors import get_error
from agentctx.engine import ContextEngine
from agentctx.errors import (
    Cancelled,
    DeadlineExceeded,
    FailedPrecondition,
    Internal,
    InvalidArgument,
    NotFound,
    ResourceExhausted,
    Unauthenticated,
    Unavailable,
)
from agentctx.types import NewEpisode, Progress
from agentctx.v1 import memory_service_pb2 as pb
from agentctx.v1.memory_service_pb2_grpc import MemoryServiceStub
from tests.fixtures_server import Served, Stalled, as_memory, engine, server, serving

__all__ = ["engine", "server"]

NS = "acme/u"
SERVICE = "agentctx.v1.MemoryService"


@pytest.fixture
def filled(engine: ContextEngine) -> ContextEngine:
    engine.memory.add(NS, [f"turn {i} about bread" for i in range(5)])
    return engine


class Wrapped:
    """A memory with one method replaced."""

    def __init__(self, memory: Any, **methods: Any) -> None:
        self._memory = memory
        self.__dict__.update(methods)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._memory, name)


class TestLimits:
    def test_past_the_limit_calls_are_refused_at_once_with_retry_info(self, filled: ContextEngine) -> None:
        stalled = Stalled(filled.memory, "search")
        with (
            serving(as_memory(stalled), workers=2, backlog=1) as served,
            connect(served.address) as client,
            ThreadPoolExecutor(3) as callers,
        ):
            waiting = [callers.submit(client.memory.search, NS, "bread") for _ in range(3)]
            for _ in range(2):
                assert stalled.entered.acquire(timeout=10)
            _until(lambda: _held(served, "unary") == 3)
            began = time.perf_counter()
            with pytest.raises(ResourceExhausted) as caught:
                client.memory.search(NS, "bread")
            assert time.perf_counter() - began < 2
            assert caught.value.retry_after > 0
            assert caught.value.code == "resource_exhausted"
            assert client.health() == "serving", "an overloaded server is still healthy"
            stalled.gate.set()
            assert all(one.result(10).hits for one in waiting)
            assert client.memory.search(NS, "bread").hits

    def test_streams_have_a_limit_of_their_own_and_starve_no_unary_call(self, filled: ContextEngine) -> None:
        with (
            serving(filled, workers=1, backlog=0, streams=2) as served,
            grpc.insecure_channel(served.address) as channel,
            connect(served.address) as client,
        ):
            stub: Any = MemoryServiceStub(channel)
            gate = threading.Event()

            def idle() -> Iterator[pb.BulkAddRequest]:
                yield pb.BulkAddRequest(namespace=NS)
                gate.wait(20)

            held = [stub.BulkAdd.future(idle()) for _ in range(2)]
            _until(lambda: _held(served, "stream") == 2)
            assert client.memory.search(NS, "bread").hits
            with pytest.raises(ResourceExhausted):
                list(client.memory.export(NS))
            gate.set()
            for one in held:
                one.result(10)
            assert len(list(client.memory.export(NS))) == 6

    def test_nothing_is_counted_wrong_after_many_calls_of_all_kinds(self, filled: ContextEngine) -> None:
        with serving(filled, workers=2, backlog=0, streams=1) as served, connect(served.address) as client:

            def some(_number: int) -> None:
                for call in (
                    lambda: client.memory.search(NS, "bread", timeout=5),
                    lambda: client.memory.search("nobody", "bread"),
                    lambda: next(client.memory.export(NS)),
                    lambda: list(client.memory.bulk_add(NS, ["x"])),
                ):
                    with suppress(ResourceExhausted, NotFound, DeadlineExceeded):
                        call()

            with ThreadPoolExecutor(8) as callers:
                list(callers.map(some, range(16)))
            _until(lambda: _held(served, "unary") == 0 and _held(served, "stream") == 0)
            assert client.memory.search(NS, "bread").hits

    def test_a_request_past_the_message_limit(self, filled: ContextEngine) -> None:
        with serving(filled, max_message_bytes=10_000) as served, connect(served.address) as client:
            with pytest.raises(ResourceExhausted, match="bulk_add") as caught:
                client.memory.add(NS, "x" * 20_000)
            assert caught.value.field == "episodes"
            with pytest.raises(ResourceExhausted, match="larger than a message may be") as other:
                client.memory.get(NS, "x" * 20_000)
            assert other.value.field == ""
            assert client.memory.search(NS, "bread").hits

    def test_an_answer_past_the_message_limit(self, filled: ContextEngine) -> None:
        for _ in range(5):
            filled.memory.add(NS, "x" * 4_000)
        with serving(filled, max_message_bytes=10_000) as served, connect(served.address) as client:
            with pytest.raises(ResourceExhausted, match="ask for less"):
                client.memory.list(NS)
            assert len(client.memory.list(NS, page_size=1).episodes) == 1

    def test_a_client_limits_what_it_takes_and_sends(self, filled: ContextEngine) -> None:
        with serving(filled) as served, connect(served.address, max_message_bytes=1024) as client:
            with pytest.raises(ResourceExhausted, match="use bulk_add") as caught:
                client.memory.add(NS, "x" * 2_000)
            assert caught.value.field == "episodes"
            for _ in range(2):
                client.memory.add(NS, "x" * 800)
            with pytest.raises(ResourceExhausted, match="ask for less"):
                client.memory.list(NS)


class TestDeadlines:
    def test_a_search_gets_the_time_that_its_caller_has(self, filled: ContextEngine) -> None:
        seen: list[float | None] = []

        def search(namespace: str, query: str, **options: Any) -> Any:
            seen.append(options.get("timeout"))
            return filled.memory.search(namespace, query, **options)

        with serving(as_memory(Wrapped(filled.memory, search=search))) as served:
            with connect(served.address, timeout=None) as client:
                client.memory.search(NS, "bread", timeout=7)
                client.memory.search(NS, "bread")
                client.memory.search(NS, "bread", timeout=float("inf"))
            with connect(served.address, timeout=9) as client:
                client.memory.search(NS, "bread")
        assert seen[1] is None
        assert seen[2] is None
        assert 6 < (seen[0] or 0) <= 7.1
        assert 8 < (seen[3] or 0) <= 9.1

    def test_the_deadline_ends_the_wait(self, filled: ContextEngine) -> None:
        stalled = Stalled(filled.memory, "get")
        with serving(as_memory(stalled)) as served, connect(served.address, timeout=0.2) as client:
            began = time.perf_counter()
            with pytest.raises(DeadlineExceeded):
                client.memory.get(NS, "x")
            assert time.perf_counter() - began < 2
            stalled.gate.set()

    def test_a_call_whose_deadline_passed_in_the_queue_is_not_begun(self, filled: ContextEngine) -> None:
        stalled = Stalled(filled.memory, "search", "delete_namespace")
        with (
            serving(as_memory(stalled), workers=1, backlog=4) as served,
            connect(served.address) as client,
            connect(served.address, timeout=0.2) as hurried,
            ThreadPoolExecutor(1) as callers,
        ):
            first = callers.submit(client.memory.search, NS, "bread")
            assert stalled.entered.acquire(timeout=10)
            with pytest.raises(DeadlineExceeded):
                hurried.memory.delete_namespace(NS)
            stalled.gate.set()
            first.result(10)
            _until(lambda: _held(served, "unary") == 0)
            assert client.memory.search(NS, "bread").hits, "the namespace is still there"

    def test_a_caller_that_goes_away_stops_a_stream(self, filled: ContextEngine) -> None:
        closed = threading.Event()

        def reembed(_embedder: str) -> Iterator[Progress]:
            try:
                for number in range(10_000):
                    yield Progress(number, 10_000)
                    time.sleep(0.005)
            finally:
                closed.set()

        with serving(as_memory(Wrapped(filled.memory, reembed=reembed))) as served, connect(served.address) as client:
            progress = client.memory.reembed("static")
            assert next(progress).done == 0
            progress.close()  # type: ignore[attr-defined]
            assert closed.wait(5)
            _until(lambda: any(line.get("code") == "CANCELLED" for line in served.log))


class TestErrors:
    def test_an_unexpected_error_is_internal_with_a_reference_and_without_content(self, filled: ContextEngine) -> None:
        def get(*_args: Any, **_options: Any) -> Any:
            raise KeyError("the secret of acme")

        with serving(as_memory(Wrapped(filled.memory, get=get))) as served, connect(served.address) as client:
            with pytest.raises(Internal) as caught:
                client.memory.get(NS, "secret-id")
            assert "secret" not in caught.value.message
            assert caught.value.details["reference"] in served.log_text
            assert "secret" not in served.log_text
            assert "KeyError" in served.log_text

    def test_an_unexpected_error_in_a_stream(self, filled: ContextEngine) -> None:
        def export(*_args: Any, **_options: Any) -> Iterator[str]:
            yield "{}"
            raise ZeroDivisionError

        memory = as_memory(Wrapped(filled.memory, export=export))
        with serving(memory) as served, connect(served.address) as client, pytest.raises(Internal):
            list(client.memory.export(NS))

    def test_bytes_that_are_no_message(self, server: Served) -> None:
        with grpc.insecure_channel(server.address) as channel:
            call = channel.unary_unary(f"/{SERVICE}/Search")
            with pytest.raises(grpc.RpcError) as caught:
                call(b"\xff\xff\xff\xff", timeout=5)
        error = get_error(caught.value)  # type: ignore[arg-type]
        assert isinstance(error, InvalidArgument)
        assert error.field == "request"

    def test_a_method_that_there_is_not(self, server: Served) -> None:
        with grpc.insecure_channel(server.address) as channel, pytest.raises(grpc.RpcError) as caught:
            channel.unary_unary(f"/{SERVICE}/Fly")(b"", timeout=5)
        assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED

    def test_a_stream_that_changes_its_namespace(self, server: Served) -> None:
        with grpc.insecure_channel(server.address) as channel:
            stub: Any = MemoryServiceStub(channel)
            for method, kind in ((stub.BulkAdd, pb.BulkAddRequest), (stub.Import, pb.ImportRequest)):
                with pytest.raises(grpc.RpcError) as caught:
                    method(iter([kind(namespace="a"), kind(namespace="b")]), timeout=5)
                error = get_error(caught.value)  # type: ignore[arg-type]
                assert (type(error), error.field) == (InvalidArgument, "namespace")

    def test_empty_streams(self, server: Served) -> None:
        with grpc.insecure_channel(server.address) as channel:
            stub: Any = MemoryServiceStub(channel)
            for method in (stub.BulkAdd, stub.Import):
                with pytest.raises(grpc.RpcError) as caught:
                    method(iter([]), timeout=5)
                assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT

    def test_a_bad_item_on_the_wire_costs_only_itself(self, server: Served) -> None:
        request = pb.BulkAddRequest(namespace=NS)
        request.episodes.add(content="first")
        request.episodes.add(content="bad role", role=99)  # type: ignore[arg-type]
        request.episodes.add(content="")
        request.episodes.add(content="last").occurred_at.seconds = 2**60
        request.episodes.add(content="really last")
        with grpc.insecure_channel(server.address) as channel:
            stub: Any = MemoryServiceStub(channel)
            results = stub.BulkAdd(iter([request]), timeout=5).results
        assert [one.error_field for one in results] == [
            "",
            "episodes[1].role",
            "episodes[2].content",
            "episodes[3].occurred_at",
            "",
        ]
        assert [one.index for one in results] == [0, 1, 2, 3, 4]


class TestBulk:
    def test_more_than_one_stream(self, server: Served) -> None:
        with connect(server.address) as client:
            items = [NewEpisode(f"turn {i}", id=f"e{i}") for i in range(4100)]
            items[3000] = NewEpisode("")
            results = list(client.memory.bulk_add(NS, iter(items)))
            assert [one.index for one in results] == list(range(4100))
            assert [one.error_field for one in results if not one.ok] == ["episodes[3000].content"]
            assert client.memory.get(NS, "e4099").content == "turn 4099"
            assert len(list(client.memory.export(NS))) == 4100

    def test_an_error_of_the_source_is_the_callers_own(self, server: Served) -> None:
        def source() -> Iterator[NewEpisode]:
            yield NewEpisode("one")
            raise ZeroDivisionError

        with connect(server.address) as client, pytest.raises(ZeroDivisionError):
            list(client.memory.bulk_add(NS, source()))


class TestHealthAndReflection:
    def test_health_by_service(self, server: Served) -> None:
        with connect(server.address) as client:
            client.wait_ready(5)
            assert client.health() == "serving"
            assert client.health(SERVICE) == "serving"
            assert client.health("nobody") == "unknown"

    def test_watchers_see_the_drain_and_do_not_hold_it_up(self, engine: ContextEngine) -> None:
        with serving(engine, grace=20) as served, grpc.insecure_channel(served.address) as channel:
            watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(service=SERVICE))
            assert next(watch).status == health_pb2.HealthCheckResponse.SERVING
            began = time.perf_counter()
            stopper = threading.Thread(target=served.running.stop)
            stopper.start()
            states = []
            with pytest.raises(grpc.RpcError):
                states.extend(one.status for one in watch)
            stopper.join(10)
            assert time.perf_counter() - began < 10

    def test_many_watchers_hold_no_threads(self, engine: ContextEngine) -> None:
        with serving(engine, workers=1, backlog=0) as served, grpc.insecure_channel(served.address) as channel:
            stub = health_pb2_grpc.HealthStub(channel)
            watches = [stub.Watch(health_pb2.HealthCheckRequest()) for _ in range(60)]
            assert all(next(watch).status == health_pb2.HealthCheckResponse.SERVING for watch in watches)
            with connect(served.address) as client:
                assert client.health() == "serving"
            for watch in watches:
                watch.cancel()

    def test_reflection_describes_the_service(self, server: Served) -> None:
        with grpc.insecure_channel(server.address) as channel:
            database = ProtoReflectionDescriptorDatabase(channel)
            assert set(database.get_services()) >= {SERVICE, "grpc.health.v1.Health"}
            file = database.FindFileContainingSymbol(SERVICE)
            methods = {method.name for method in file.service[0].method}
        assert methods == {method.name for method in pb.DESCRIPTOR.services_by_name["MemoryService"].methods}
        assert len(methods) == 18

    def test_reflection_v1_is_the_same(self, server: Served) -> None:
        with grpc.insecure_channel(server.address) as channel:
            call = channel.stream_stream(
                "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
                request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
                response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
            )
            wanted = reflection_pb2.ServerReflectionRequest(list_services="*")
            answer = next(call(iter([wanted]), timeout=5))
        assert SERVICE in {one.name for one in answer.list_services_response.service}

    def test_nonsense_to_health_and_reflection(self, server: Served) -> None:
        with grpc.insecure_channel(server.address) as channel:
            for call, request in (
                (channel.unary_unary("/grpc.health.v1.Health/Check"), b"\xff"),
                (channel.unary_stream("/grpc.health.v1.Health/Watch"), b"\xff"),
                (
                    channel.stream_stream("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"),
                    iter([b"\xff"]),
                ),
            ):
                with pytest.raises(grpc.RpcError) as caught:
                    list(call(request, timeout=5))
                assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


class TestListening:
    def test_a_second_server_on_the_port_fails(self, server: Served, engine: ContextEngine) -> None:
        port = int(server.address.rpartition(":")[2])
        with pytest.raises(FailedPrecondition) as caught:
            serve(engine, ServerConfig(port=port, log_level="error"))
        assert caught.value.field == "port"

    @pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "example.org"])
    def test_a_network_without_tokens_is_refused(self, engine: ContextEngine, host: str) -> None:
        with pytest.raises(InvalidArgument) as caught:
            serve(engine, ServerConfig(host=host, port=0))
        assert caught.value.field == "host"

    def test_a_network_without_tokens_may_be_insisted_on(self, filled: ContextEngine) -> None:
        with serving(filled, host="0.0.0.0", insecure=True) as served:
            assert "everybody" in served.log_text
            with connect(served.address.replace("0.0.0.0", "127.0.0.1")) as client:
                assert client.memory.search(NS, "bread").hits

    def test_a_unix_socket_is_the_owners_alone(self, filled: ContextEngine, tmp_path: Path) -> None:
        path = tmp_path / "a.sock"
        with serving(filled, unix_socket=path) as served:
            assert served.address == f"unix:{path}"
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
            with connect(served.address, token="any") as client:
                assert client.memory.search(NS, "bread").hits
            with pytest.raises(FailedPrecondition, match="another server"):
                serve(filled, ServerConfig(unix_socket=path, log_level="error"))
            with connect(served.address) as client:
                assert client.memory.search(NS, "bread").hits
        assert not path.exists()

    def test_a_socket_that_a_dead_server_left_is_taken_over(self, filled: ContextEngine, tmp_path: Path) -> None:
        path = tmp_path / "a.sock"
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(str(path))
        with serving(filled, unix_socket=path) as served, connect(served.address) as client:
            assert client.memory.search(NS, "bread").hits

    def test_a_file_is_not_taken_for_a_socket(self, engine: ContextEngine, tmp_path: Path) -> None:
        path = tmp_path / "precious"
        path.write_text("x")
        with pytest.raises(FailedPrecondition):
            serve(engine, ServerConfig(unix_socket=path, log_level="error"))
        assert path.read_text() == "x"
        with pytest.raises(InvalidArgument):
            serve(engine, ServerConfig(unix_socket=tmp_path / ("x" * 200), log_level="error"))

    @pytest.mark.parametrize(
        ("config", "field"),
        [
            ({"port": 70_000}, "port"),
            ({"port": "1"}, "port"),
            ({"workers": 0}, "workers"),
            ({"streams": 0}, "streams"),
            ({"backlog": -1}, "backlog"),
            ({"max_message_bytes": 10}, "max_message_bytes"),
            ({"grace": -1}, "grace"),
            ({"first_message": 0}, "first_message"),
            ({"idle": float("inf")}, "idle"),
            ({"log_level": "loud"}, "log_level"),
            ({"metrics_port": -1}, "metrics_port"),
        ],
    )
    def test_bad_configuration(self, config: Any, field: str) -> None:
        with pytest.raises(InvalidArgument) as caught:
            ServerConfig(**config)
        assert caught.value.field == field


class TestTokens:
    def test_the_wrong_and_the_missing_token(self, filled: ContextEngine, tmp_path: Path) -> None:
        path = tmp_path / "tokens.toml"
        path.write_text('[[tokens]]\ntoken = "good"\ngrants = [{ verbs = ["read"], namespaces = ["acme"] }]')
        path.chmod(0o644)
        with serving(filled, tokens=path) as served:
            assert "can be read by others" in served.log_text
            with connect(served.address, token="good") as client:
                assert client.memory.search(NS, "bread").hits
                with pytest.raises(NotFound):
                    client.memory.add(NS, "x")
                with pytest.raises(NotFound):
                    next(client.memory.reembed("static"))
                assert client.health() == "serving"
            for token in ("bad", None):
                with connect(served.address, token=token) as client:
                    assert client.health() == "serving"
                    for call in (
                        lambda c: c.memory.search(NS, "bread"),
                        lambda c: list(c.memory.export(NS)),
                        lambda c: list(c.memory.bulk_add(NS, ["x"])),
                        lambda c: c.memory.import_(NS, ["x"]),
                    ):
                        with pytest.raises(Unauthenticated):
                            call(client)
            assert "good" not in served.log_text
            assert "bad" not in served.log_text

    def test_a_stranger_that_sends_no_request_holds_no_thread(self, filled: ContextEngine, tmp_path: Path) -> None:
        path = tmp_path / "tokens.toml"
        path.write_text('[[tokens]]\ntoken = "good"\ngrants = [{ verbs = ["read"], namespaces = ["acme"] }]')
        gate = threading.Event()

        def silent() -> Iterator[bytes]:
            gate.wait(20)
            yield b""

        with serving(filled, tokens=path, workers=1, backlog=0) as served:
            with grpc.insecure_channel(served.address) as channel:
                call = channel.stream_unary(f"/{SERVICE}/Search").future(silent())
                with pytest.raises(grpc.RpcError) as caught:
                    call.result(10)
                assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
                gate.set()
            with connect(served.address, token="good") as client:
                assert client.memory.search(NS, "bread").hits

    def test_a_bad_token_file_stops_the_start(self, engine: ContextEngine, tmp_path: Path) -> None:
        with pytest.raises(InvalidArgument):
            serve(engine, ServerConfig(port=0, tokens=tmp_path / "nowhere.toml"))


class TestObservation:
    def test_metrics(self, filled: ContextEngine) -> None:
        with serving(filled, metrics_port=0) as served, connect(served.address) as client:
            client.memory.search(NS, "bread")
            with pytest.raises(NotFound):
                client.memory.search("secret-namespace", "secret query")
            url = f"http://{served.running.metrics_address}/metrics"
            _until(lambda: 'code="NOT_FOUND"' in _fetch(url))
            text = _fetch(url)
        assert 'agentctx_rpc_total{code="OK",method="MemoryService/Search"} 1.0' in text
        assert 'agentctx_rpc_total{code="NOT_FOUND",method="MemoryService/Search"} 1.0' in text
        assert 'agentctx_rpc_seconds_count{method="MemoryService/Search"} 2.0' in text
        assert "agentctx_rpc_in_flight" in text
        assert "secret" not in text
        assert "acme" not in text

    def test_a_metrics_port_that_is_taken(self, engine: ContextEngine) -> None:
        with serving(engine, metrics_port=0) as served:
            port = int(served.running.metrics_address.rpartition(":")[2])
            with pytest.raises(FailedPrecondition):
                serve(engine, ServerConfig(port=0, metrics_port=port, log_level="error"))

    def test_a_line_for_each_call_and_no_content(self, filled: ContextEngine) -> None:
        with serving(filled) as served, connect(served.address) as client:
            client.memory.search(NS, "the query text")
            with grpc.insecure_channel(served.address) as channel:
                stub: Any = MemoryServiceStub(channel)
                stub.Get.with_call  # noqa: B018 - it is there
                with pytest.raises(grpc.RpcError):
                    stub.Get(pb.GetRequest(namespace=NS, id="nobody"), metadata=(("x-request-id", "trace-7"),))
            _until(lambda: sum(line["event"] == "call" for line in served.log) == 2)
            lines = [line for line in served.log if line["event"] == "call"]
        assert {"method", "code", "ms", "request_id", "level", "timestamp"} <= lines[0].keys()
        assert lines[1]["request_id"] == "trace-7"
        assert lines[1]["code"] == "NOT_FOUND"
        assert lines[1]["reason"] == "not_found"
        for content in ("query text", "bread", "acme", "nobody"):
            assert content not in served.log_text


PROGRAM = """
import sys, time
from pathlib import Path
from agentctx_server import ServerConfig, run_forever, serve
from tests.fixtures_server import open_engine

class Slow:
    def __init__(self, memory): self._memory = memory
    def __getattr__(self, name): return getattr(self._memory, name)
    def search(self, *args, **options):
        print("searching", flush=True)
        time.sleep(float(sys.argv[2]))
        return self._memory.search(*args, **options)

with open_engine(Path(sys.argv[1])) as engine:
    class Holder: memory, code, context, routing = Slow(engine.memory), engine.code, engine.context, engine.routing
    server = serve(Holder(), ServerConfig(port=0, grace=float(sys.argv[3])))
    print(server.address, flush=True)
    sys.exit(run_forever(server))
"""


class Process:
    """A server as a process of its own; `search` takes its time."""

    def __init__(self, folder: Path, slowness: float, grace: float) -> None:
        self._program = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(folder), str(slowness), str(grace)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        assert self._program.stdout is not None
        self.address = self._program.stdout.readline().strip()
        assert self.address, self._program.communicate()[1]

    def searching(self) -> None:
        """Wait until a search has begun."""
        assert self._program.stdout is not None
        assert self._program.stdout.readline().strip() == "searching"

    def signal(self, number: int) -> None:
        self._program.send_signal(number)

    def end(self) -> tuple[int, str]:
        """The exit code and the log."""
        _, log = self._program.communicate(timeout=20)
        return self._program.returncode, log

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *_: object) -> None:
        if self._program.poll() is None:
            self._program.kill()
            self._program.communicate()


class TestDraining:
    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_calls_in_flight_are_answered_and_the_exit_code_is_0(self, tmp_path: Path, number: int) -> None:
        with (
            Process(tmp_path, 0.8, 10) as process,
            connect(process.address) as client,
            ThreadPoolExecutor(1) as caller,
        ):
            client.memory.add(NS, "fresh bread")
            found = caller.submit(client.memory.search, NS, "bread")
            process.searching()
            process.signal(number)
            assert found.result(10).hits
            code, log = process.end()
            assert code == 0, log
            with pytest.raises(Unavailable):
                client.memory.get(NS, "x")
        events = [json.loads(line)["event"] for line in log.splitlines()]
        assert events[0] == "serving"
        assert events.index("draining") < events.index("call", 2) < events.index("stopped")
        assert "Traceback" not in log

    def test_the_grace_ends_and_a_second_signal_ends_it_at_once(self, tmp_path: Path) -> None:
        with Process(tmp_path, 2, 60) as process, connect(process.address) as client, ThreadPoolExecutor(1) as caller:
            client.memory.add(NS, "fresh bread")
            found = caller.submit(client.memory.search, NS, "bread")
            process.searching()
            process.signal(signal.SIGTERM)
            time.sleep(0.3)
            process.signal(signal.SIGTERM)
            began = time.perf_counter()
            with pytest.raises((Unavailable, Cancelled)):
                found.result(10)
            assert time.perf_counter() - began < 5
            assert process.end()[0] == 0

    def test_new_calls_are_refused_while_draining(self, filled: ContextEngine) -> None:
        stalled = Stalled(filled.memory, "search")
        with (
            serving(as_memory(stalled), grace=20) as served,
            connect(served.address) as client,
            connect(served.address, timeout=1) as other,
            ThreadPoolExecutor(2) as callers,
        ):
            other.wait_ready(5)
            found = callers.submit(client.memory.search, NS, "bread")
            assert stalled.entered.acquire(timeout=10)
            stopped = callers.submit(served.running.stop)
            _until(lambda: any(line["event"] == "draining" for line in served.log))
            time.sleep(0.1)
            with pytest.raises(Unavailable):
                other.memory.update(NS, "x", tags=["y"])
            stalled.gate.set()
            assert found.result(10).hits
            stopped.result(10)
            served.running.stop()
            assert served.running.wait(0)

    def test_a_client_finds_a_restarted_server(self, filled: ContextEngine) -> None:
        with serving(filled) as served:
            port = int(served.address.rpartition(":")[2])
            client = connect(served.address)
            assert client.memory.search(NS, "bread").hits
        with pytest.raises(Unavailable):
            client.memory.update(NS, "x", tags=["y"])
        with client, serving(filled, port=port):
            assert client.memory.search(NS, "bread").hits


class TestKeepalive:
    def test_the_options_of_both_sides_fit(self) -> None:
        servers = dict(listen.options(ServerConfig()))
        clients = checked(
            "127.0.0.1:1", token=None, tls=None, timeout=None, insecure=False, max_message_bytes=2**26
        ).options
        assert ("grpc.keepalive_time_ms", 30_000) in clients
        assert ("grpc.keepalive_timeout_ms", 15_000) in clients
        assert servers["grpc.http2.min_ping_interval_without_data_ms"] == 10_000
        assert servers["grpc.keepalive_permit_without_calls"] == 1
        assert servers["grpc.so_reuseport"] == 0

    def test_pings_of_an_idle_client(self, filled: ContextEngine, monkeypatch: pytest.MonkeyPatch) -> None:
        """A ping a second: welcome where 100 ms are allowed; under gRPC's default of 300 s the server hangs up."""
        states: dict[int, list[grpc.ChannelConnectivity]] = {100: [], 300_000: []}
        client = [
            ("grpc.keepalive_time_ms", 300),  # gRPC itself makes that a second
            ("grpc.keepalive_permit_without_calls", 1),
            ("grpc.http2.max_pings_without_data", 0),
        ]
        with ExitStack() as stack:
            for allowed_ms, seen in states.items():
                changed = {
                    "grpc.http2.min_ping_interval_without_data_ms": allowed_ms,
                    "grpc.http2.max_ping_strikes": 1,
                }
                monkeypatch.setattr(listen, "_KEEPALIVE", tuple((dict(listen._KEEPALIVE) | changed).items()))
                served = stack.enter_context(serving(filled))
                channel = stack.enter_context(grpc.insecure_channel(served.address, options=client))
                stub: Any = MemoryServiceStub(channel)
                assert stub.Search(pb.SearchRequest(namespace=NS, query="bread"), timeout=5).hits
                channel.subscribe(seen.append)
            time.sleep(3)
        assert states[100][0] is grpc.ChannelConnectivity.READY
        assert len(states[100]) == 1
        assert len(states[300_000]) > 1


def _held(served: Served, lane: str) -> int:
    return next(one.held for one in served.running._lanes if one.name == lane)


def _fetch(url: str) -> str:
    with urllib.request.urlopen(url, timeout=5) as response:
        return str(response.read().decode())


def _until(condition: Any, seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.01)
