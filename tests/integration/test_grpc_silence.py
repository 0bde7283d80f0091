"""Callers that open calls and say nothing: their share, and how their calls end."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import grpc
import pytest
from agentctx_server.calls import Call
from agentctx_server.lanes import Lane

from agentctx import connect
from agentctx.convert.errors import get_error
from agentctx.engine import ContextEngine
from agentctx.errors import DeadlineExceeded, NotFound, ResourceExhausted
from agentctx.types import NewEpisode
from agentctx.v1 import memory_service_pb2 as pb
from tests.fixtures_server import Served, engine, server, serving

__all__ = ["engine", "server"]

NS = "acme/u"
SERVICE = "agentctx.v1.MemoryService"


@pytest.fixture
def filled(engine: ContextEngine) -> ContextEngine:
    engine.memory.add(NS, [f"turn {i} about bread" for i in range(5)])
    return engine


TWO_TOKENS = """
[[tokens]]
name = "silent"
token = "silent"
grants = [{ verbs = ["all"], namespaces = ["*"] }]
[[tokens]]
name = "reader"
token = "reader"
grants = [{ verbs = ["read"], namespaces = ["*"] }]
[[tokens]]
name = "other"
token = "other"
grants = [{ verbs = ["all"], namespaces = ["*"] }]
"""


class Silence:
    """Opens calls that send headers and some messages, and then nothing."""

    def __init__(self, address: str) -> None:
        self._channel = grpc.insecure_channel(address)
        self._gate = threading.Event()

    def open(self, method: str, token: str = "", messages: tuple[bytes, ...] = ()) -> Any:
        def requests() -> Iterator[bytes]:
            yield from messages
            self._gate.wait(30)

        metadata = [("authorization", f"Bearer {token}")] if token else []
        return self._channel.stream_unary(method).future(requests(), metadata=metadata)

    def __enter__(self) -> Silence:
        return self

    def __exit__(self, *_: object) -> None:
        self._gate.set()
        self._channel.close()


class TestSilence:
    @pytest.fixture
    def tokens(self, tmp_path: Path) -> Path:
        path = tmp_path / "two.toml"
        path.write_text(TWO_TOKENS)
        path.chmod(0o600)
        return path

    def test_silent_streams_hold_half_of_the_lane_and_end_by_themselves(
        self, filled: ContextEngine, tokens: Path
    ) -> None:
        with (
            serving(filled, tokens=tokens, streams=4, first_message=1.5) as served,
            Silence(served.address) as silence,
            connect(served.address, token="other") as other,
            connect(served.address, token="silent") as own,
        ):
            held = [silence.open(f"/{SERVICE}/BulkAdd", "silent") for _ in range(2)]
            _until(lambda: _held(served, "stream") == 2)
            with pytest.raises(ResourceExhausted, match="share") as caught:
                list(own.memory.bulk_add(NS, [NewEpisode("x")]))
            assert caught.value.retry_after > 0
            assert own.memory.search(NS, "bread").hits
            assert [one.ok for one in other.memory.bulk_add(NS, [NewEpisode("x")])] == [True]
            assert list(other.memory.export(NS))
            for one in held:
                error = get_error(one.exception(10))
                assert isinstance(error, DeadlineExceeded)
                assert "no message within 1.5 s" in error.message
            _until(lambda: _held(served, "stream") == 0)
            assert [one.ok for one in own.memory.bulk_add(NS, [NewEpisode("x")])] == [True]

    def test_a_stream_that_falls_silent(self, filled: ContextEngine) -> None:
        first = pb.BulkAddRequest(namespace=NS).SerializeToString()
        with serving(filled, idle=0.3) as served, Silence(served.address) as silence:
            for method in ("BulkAdd", "Import"):
                error = get_error(silence.open(f"/{SERVICE}/{method}", messages=(first,)).exception(10))
                assert isinstance(error, DeadlineExceeded)
                assert "no message within 0.3 s" in error.message
            _until(lambda: _held(served, "stream") == 0)

    def test_silent_unary_calls_starve_nobody(self, filled: ContextEngine, tokens: Path) -> None:
        with (
            serving(filled, tokens=tokens, workers=4, backlog=16, first_message=20) as served,
            Silence(served.address) as silence,
            connect(served.address, token="other") as other,
        ):
            held = [silence.open(f"/{SERVICE}/Search", "silent") for _ in range(30)]
            _until(lambda: sum(one.done() for one in held) >= 20)  # those past the share
            assert other.memory.search(NS, "bread", timeout=8).hits
            _until(lambda: _held(served, "unary") <= 2)
            ends = {type(get_error(one.exception())) for one in held if one.done()}
            assert ends == {ResourceExhausted, DeadlineExceeded}

    def test_silent_calls_without_tokens_and_to_the_health_end_too(self, filled: ContextEngine) -> None:
        with serving(filled, first_message=0.3) as served, Silence(served.address) as silence:
            for method in (
                f"/{SERVICE}/Search",
                f"/{SERVICE}/Export",
                "/grpc.health.v1.Health/Check",
                "/grpc.health.v1.Health/Watch",
                "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
            ):
                error = get_error(silence.open(method).exception(10))
                assert isinstance(error, DeadlineExceeded), method

    def test_a_token_without_the_grant_holds_no_stream(self, filled: ContextEngine, tokens: Path) -> None:
        with serving(filled, tokens=tokens, streams=1) as served, Silence(served.address) as silence:
            for method in ("BulkAdd", "Import"):
                error = get_error(silence.open(f"/{SERVICE}/{method}", "reader").exception(5))
                assert isinstance(error, NotFound)
            assert _held(served, "stream") == 0

    def test_a_call_that_ends_without_a_request(self, server: Served) -> None:
        with grpc.insecure_channel(server.address) as channel, pytest.raises(grpc.RpcError) as caught:
            channel.stream_unary(f"/{SERVICE}/Search")(iter([]), timeout=5)
        assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT

    def test_a_peer_has_its_share_where_there_are_no_tokens(self) -> None:
        lane = Lane("stream", 4, 0)
        try:
            with lane.taking("10.0.0.1") as first, lane.taking("10.0.0.1") as second, lane.taking("10.0.0.1") as third:
                assert (first, second, third) == (True, True, False)
                with lane.taking("10.0.0.2") as another, lane.taking("") as nobody:
                    assert (another, nobody) == (True, True)
            assert not lane.has_share("10.0.0.1")
        finally:
            lane.shutdown()

    @pytest.mark.parametrize(
        ("peer", "host"),
        [
            ("ipv4:10.0.0.1:4711", "10.0.0.1"),
            ("ipv6:%5B2001:db8::1%5D:4711", "2001:db8::1"),
            ("ipv4:127.0.0.1:4711", ""),
            ("ipv6:%5B::1%5D:4711", ""),
            ("unix:", ""),
        ],
    )
    def test_who_a_peer_is(self, peer: str, host: str) -> None:
        context: Any = SimpleNamespace(peer=lambda: peer)
        assert Call("x", context).peer == host


def _held(served: Served, lane: str) -> int:
    return next(one.held for one in served.running._lanes if one.name == lane)


def _until(condition: Any, seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.01)
