"""What `connect` accepts, what it refuses, and which calls a client repeats."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import grpc
import pytest

from agentctx import connect
from agentctx.client import TLS, calls
from agentctx.client.channel import checked, is_local
from agentctx.convert.errors import put_status, status_code
from agentctx.errors import (
    AgentctxError,
    InvalidArgument,
    NotFound,
    ResourceExhausted,
    RevisionNotReached,
    Unavailable,
)
from agentctx.types import NewEpisode
from agentctx.v1 import memory_service_pb2 as pb


def check(target: str = "127.0.0.1:1", **given: Any) -> Any:
    defaults: dict[str, Any] = {
        "token": None,
        "tls": None,
        "timeout": 30.0,
        "insecure": False,
        "max_message_bytes": 2**26,
    }
    return checked(target, **defaults | given)


class TestTargets:
    @pytest.mark.parametrize(
        "target",
        ["127.0.0.1:50551", "localhost:1", "[::1]:50551", "example.org:443", "unix:/run/a.sock", "dns:example.org:1"],
    )
    def test_good(self, target: str) -> None:
        assert check(target).target == target

    @pytest.mark.parametrize(
        "target",
        [
            "",
            "localhost",
            "http://localhost:50551",
            "localhost:",
            "localhost:0",
            "localhost:65536",
            "::1:50551",
            "a b",
            3,
        ],
    )
    def test_bad(self, target: Any) -> None:
        with pytest.raises(InvalidArgument) as caught:
            check(target)
        assert caught.value.field == "target"

    @pytest.mark.parametrize(
        ("target", "local"),
        [
            ("127.0.0.1:1", True),
            ("127.9.9.9:1", True),
            ("localhost:1", True),
            ("[::1]:1", True),
            ("unix:/x", True),
            ("dns:///localhost:1", True),
            ("dns:localhost:1", True),
            ("ipv4:127.0.0.1:1", True),
            ("10.0.0.1:1", False),
            ("example.org:1", False),
            ("localhost.example.org:1", False),
            ("dns:///example.org:1", False),
            ("[2001:db8::1]:1", False),
        ],
    )
    def test_local(self, target: str, local: bool) -> None:
        assert is_local(target) is local


class TestTokens:
    def test_a_token_does_not_cross_a_network_in_clear_text(self) -> None:
        with pytest.raises(InvalidArgument, match="clear text") as caught:
            check("example.org:50551", token="s3cret")
        assert caught.value.field == "token"
        assert "s3cret" not in str(caught.value)

    @pytest.mark.parametrize(
        "given",
        [
            {"target": "example.org:1", "tls": True},
            {"target": "example.org:1", "tls": TLS()},
            {"target": "example.org:1", "insecure": True},
            {"target": "127.0.0.1:1"},
            {"target": "unix:/x"},
        ],
    )
    def test_elsewhere_it_is_sent(self, given: Any) -> None:
        assert check(**given, token="s3cret").metadata == (("authorization", "Bearer s3cret"),)

    @pytest.mark.parametrize("token", ["", "two words", "naïve", "a\nb", 3])
    def test_bad_tokens(self, token: Any) -> None:
        with pytest.raises(InvalidArgument):
            check(token=token)


class TestOptions:
    @pytest.mark.parametrize("timeout", [0, -1, True, "1", float("nan")])
    def test_bad_timeouts(self, timeout: Any) -> None:
        with pytest.raises(InvalidArgument):
            check(timeout=timeout)

    def test_half_a_client_certificate(self) -> None:
        with pytest.raises(InvalidArgument):
            TLS(certificate="x").credentials()

    def test_a_certificate_that_is_not_there(self) -> None:
        with pytest.raises(InvalidArgument, match=r"tls\.ca"):
            TLS(ca="/nowhere/ca.pem").credentials()


class Failed(grpc.RpcError):
    """A failed call."""

    def __init__(self, error: AgentctxError | None = None) -> None:
        self._error = error

    def code(self) -> grpc.StatusCode:
        return grpc.StatusCode.UNAVAILABLE if self._error is None else status_code(self._error)

    def details(self) -> str:
        return "connection refused" if self._error is None else self._error.message

    def trailing_metadata(self) -> Any:
        if self._error is None:
            return ()
        return (("grpc-status-details-bin", put_status(self._error).SerializeToString()),)


class TestAttempts:
    def test_a_repeatable_call_is_made_four_times(self) -> None:
        attempts = calls.Attempts("t", 60, repeatable=True)
        pauses = [attempts.failed(Failed()) for _ in range(3)]
        assert all(0.05 <= pause <= 0.6 for pause in pauses)
        with pytest.raises(Unavailable, match="cannot reach the server at t"):
            attempts.failed(Failed())

    def test_another_call_is_made_once(self) -> None:
        with pytest.raises(Unavailable):
            calls.Attempts("t", 60, repeatable=False).failed(Failed())

    @pytest.mark.parametrize("error", [NotFound("x"), ResourceExhausted("x"), RevisionNotReached("x")])
    def test_what_repeating_does_not_mend_is_not_repeated(self, error: AgentctxError) -> None:
        with pytest.raises(type(error)):
            calls.Attempts("t", 60, repeatable=True).failed(Failed(error))

    def test_never_past_the_deadline(self) -> None:
        with pytest.raises(Unavailable):
            calls.Attempts("t", 0.01, repeatable=True).failed(Failed())


class TestSplitting:
    def test_streams_of_two_thousand_in_messages_of_a_hundred(self) -> None:
        splitter = calls.BulkSplitter("n", 2**26)
        full = [stream for i in range(4500) if (stream := splitter.add(f"text {i}")) is not None]
        streams = [*full, splitter.rest()]
        assert [stream.count for stream in streams] == [2000, 2000, 500]
        assert [stream.first for stream in streams] == [0, 2000, 4000]
        sizes = [len(request.episodes) for stream in streams for request in stream.requests]
        assert max(sizes) == 100
        assert sum(sizes) == 4500
        assert {request.namespace for stream in streams for request in stream.requests if request.namespace} == {"n"}

    def test_large_items_make_small_messages(self) -> None:
        splitter = calls.BulkSplitter("n", 2**20)
        for _ in range(10):
            splitter.add(NewEpisode("x" * 300_000))
        assert max(request.ByteSize() for request in splitter.rest().requests) < 2**20

    def test_an_item_larger_than_a_message_costs_only_itself(self) -> None:
        splitter = calls.BulkSplitter("n", 10_000)
        splitter.add("x" * 20_000)
        splitter.add("small")
        stream = splitter.rest()
        assert stream.sent == [1]
        refused = stream.refused[0]
        assert (refused.error_code, refused.error_field) == ("invalid_argument", "episodes[0]")

    def test_an_empty_source_still_asks_the_server(self) -> None:
        assert calls.BulkSplitter("n", 2**26).rest().requests == [pb.BulkAddRequest(namespace="n")]

    def test_lines_go_in_chunks(self) -> None:
        def lines() -> Iterator[str]:
            yield from ("x" * 1000 for _ in range(5000))

        chunks = list(calls.import_requests("n", lines()))
        assert [chunk.namespace for chunk in chunks] == ["n", "", "", "", ""]
        assert sum(len(chunk.lines) for chunk in chunks) == 5000


def test_a_closed_client_says_so() -> None:
    client = connect("127.0.0.1:1")
    client.close()
    client.close()
    with pytest.raises(Unavailable, match="closed"):
        client.memory.get("n", "i")
    with pytest.raises(Unavailable, match="closed"):
        list(client.memory.export("n"))


def test_nobody_listens() -> None:
    with connect("127.0.0.1:1", timeout=0.4) as client:
        with pytest.raises(Unavailable, match=r"127\.0\.0\.1:1"):
            client.memory.get("n", "i")
        with pytest.raises(Unavailable):
            client.health()
        with pytest.raises(Unavailable, match=r"after 0\.1 s"):
            client.wait_ready(0.1)


def test_a_client_loads_no_engine() -> None:
    code = (
        "import sys, agentctx; agentctx.connect('127.0.0.1:1').close();"
        "print([m for m in ('numpy', 'sqlalchemy', 'faiss', 'agentctx.engine') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
