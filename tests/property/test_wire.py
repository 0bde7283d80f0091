"""Whatever a client sends to whatever method: a typed answer, never UNKNOWN or INTERNAL, and the server lives on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor
from google.protobuf.message import EncodeError, Message
from google.protobuf.message_factory import GetMessageClass
from google.rpc import error_details_pb2, status_pb2
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agentctx import connect
from agentctx.config import Limits, Settings
from agentctx.convert.errors import STATUS_KEY
from agentctx.errors import AlreadyExists, error_classes
from agentctx.types import NewEpisode
from agentctx.v1 import code_service_pb2, context_service_pb2, routing_service_pb2
from agentctx.v1 import memory_service_pb2 as pb
from tests.fixtures_server import Served, open_engine, serving

NS = "acme/u"
KEPT = "keep/me"  # no request names it
SERVICE = pb.DESCRIPTOR.services_by_name["MemoryService"]
OTHERS = (
    code_service_pb2.DESCRIPTOR.services_by_name["CodeService"],
    context_service_pb2.DESCRIPTOR.services_by_name["ContextService"],
    routing_service_pb2.DESCRIPTOR.services_by_name["RoutingService"],
)
METHODS = [method for service in (SERVICE, *OTHERS) for method in service.methods]
EXPECTED = {
    grpc.StatusCode.OK,
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.ALREADY_EXISTS,
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.ABORTED,
    grpc.StatusCode.PERMISSION_DENIED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.UNAVAILABLE,
}
CODES = {cls.code for cls in error_classes()}

hostile = st.sampled_from(
    ["", " ", "\0", "a\nb", "../..", "a//b", "/", "~", "*", "%s{}", "' OR 1=1 --", "\u202e", "🦜" * 50, "x" * 3000]
)
likely: dict[str, st.SearchStrategy[str]] = {
    "namespace": st.sampled_from([NS, NS, NS, "acme", "nobody"]),
    "prefix": st.sampled_from(["", "acme", NS]),
    "id": st.sampled_from(["e1", "e2", "nobody"]),
    "ids": st.sampled_from(["e1", "e2", "nobody"]),
    "supersedes": st.sampled_from(["", "", "e1", "nobody"]),
    "query": st.sampled_from(["bread", "Where is Ana?", "last week"]),
    "field": st.sampled_from(["topic", "a.b"]),
    "paths": st.sampled_from(["metadata", "tags", "valid_to"]),
    "embedder": st.sampled_from(["nonsense", "nonsense:x", "openai:", "STATIC"]),
    "page_token": st.just(""),
    "repository": st.sampled_from(["shop", "shop", "nobody"]),
    "repositories": st.sampled_from(["shop", "shop", "nobody"]),
    "path": st.sampled_from(["", "shop", "cart.py", "../secret", "/etc/passwd"]),
    "symbol": st.sampled_from(["Cart", "Cart.total", "nobody"]),
    "name": st.sampled_from(["Cart", "shop", "tot"]),
    "commit": st.sampled_from(["", "", "HEAD"]),
    "counter": st.sampled_from(["", "cl100k_base", "nonsense", "file:/etc/passwd"]),
    "policy": st.sampled_from(["", "auto", "nonsense"]),
    "by": st.sampled_from(["backend", "namespace"]),
    "lines": st.sampled_from(
        [
            '{"format":"agentctx.memory","version":1}',
            '{"kind":"add","id":"i1","content":"x","recorded_at":"2024-01-01T00:00:00+00:00"}',
            '{"kind":"delete","id":"i1"}',
            "{}",
        ]
    ),
}
words = st.sampled_from(["a", "bread", "naïve", "tag-1", "Ana Silva"])
any_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | hostile
whole = {
    "seconds": (1_700_000_000, 0),
    "nanos": (0, 999_000),
    "k": (0, 3, 10),
    "page_size": (1, 10),
    "position": (0, 7),
    "epoch": (1, 1),
    "sequence": (0, 1),
    "op": (1, 2, 4, 8),
    "role": (0, 1, 4),
    "budget": (1, 500),
    "limit": (1, 10),
    "min_tier": (4, 16),
}
hostile_whole = {
    FieldDescriptor.TYPE_INT32: (0, 1, 10, -1, 2**31 - 1, -(2**31)),
    FieldDescriptor.TYPE_INT64: (0, 1, 10, -1, 1_700_000_000, 2**53 + 1, 2**63 - 1, -(2**63)),
    FieldDescriptor.TYPE_ENUM: (0, 1, 2, 3, 8, 99, -1),
}
ALWAYS = (
    "namespace",
    "content",
    "query",
    "id",
    "ids",
    "update_mask",
    "paths",
    "embedder",
    "field",
    "op",
    "value",
    "lines",
    "repository",
    "symbol",
    "budget",
    "prompt",
    "task",
)

HEADER = pb.ImportRequest(namespace=NS, lines=['{"format":"agentctx.memory","version":1}']).SerializeToString()
Draw = Callable[[st.SearchStrategy[Any]], Any]


def message_of(descriptor: Descriptor, wild: bool, depth: int = 0) -> st.SearchStrategy[Message]:
    """Any message of a type: a likely one, or one with some of its fields set to anything."""
    kind = GetMessageClass(descriptor)

    @st.composite
    def filled(draw: Draw) -> Message:
        message = kind()
        chosen = {
            one.name: draw(st.sampled_from([field.name for field in one.fields]))
            for one in descriptor.oneofs
            if len(one.fields) > 1
        }
        for field in descriptor.fields:
            if field.containing_oneof is not None and field.containing_oneof.name in chosen:
                wanted = chosen[field.containing_oneof.name] == field.name
            else:
                needed = field.name in ALWAYS or (field.name == "id" and depth == 0)
                wanted = needed or draw(st.integers(0, 3)) == 0
            if wanted:
                put(draw, message, field, wild, depth)
        return message

    return filled()


def put(draw: Draw, message: Message, field: FieldDescriptor, wild: bool, depth: int) -> None:
    """Set one field."""
    target = getattr(message, field.name)
    least = 1 if field.name in ALWAYS and not wild else 0
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        inside = message_of(field.message_type.fields_by_name["value"].message_type, wild, depth + 2)
        for key in draw(st.lists(any_text if wild else words, max_size=2)) if depth < 5 else ():
            target[key].MergeFrom(draw(inside))
    elif field.message_type is not None:
        if depth < 6:
            inner = message_of(field.message_type, wild, depth + 1)
            if field.is_repeated:
                target.extend(draw(st.lists(inner, min_size=least, max_size=3)))
            else:
                target.MergeFrom(draw(inner))
                target.SetInParent()
    elif field.is_repeated:
        target.extend(draw(st.lists(scalar(field, wild), min_size=least, max_size=3, unique=not wild)))
    else:
        setattr(message, field.name, draw(scalar(field, wild)))


def scalar(field: FieldDescriptor, wild: bool) -> st.SearchStrategy[Any]:
    if field.type == FieldDescriptor.TYPE_STRING:
        usual = likely.get(field.name, words)
        return st.one_of(usual, usual, any_text) if wild else usual
    if field.type == FieldDescriptor.TYPE_BOOL:
        return st.booleans()
    if field.type == FieldDescriptor.TYPE_DOUBLE:
        return st.sampled_from([0.0, 1.0, 1.5, -1e308, *([float("nan"), float("inf"), 2.0**60] if wild else [])])
    return st.sampled_from(hostile_whole[field.type] if wild else whole.get(field.name, (0, 1)))


def requests_for(method: MethodDescriptor) -> st.SearchStrategy[list[bytes]]:
    """One request, or a stream of them, as bytes; some are broken."""
    tame, wild = (message_of(method.input_type, wild).map(packed) for wild in (False, True))
    cut = st.tuples(tame, st.integers(0, 200)).map(lambda pair: pair[0][: pair[1]] + b"\xff")
    broken = st.binary(max_size=60) | cut

    def call(one: st.SearchStrategy[bytes]) -> st.SearchStrategy[list[bytes]]:
        stream = st.lists(one, max_size=4)
        if method.name == "Import":
            stream |= stream.map(lambda requests: [HEADER, *requests])
        return stream if method.client_streaming else one.map(lambda request: [request])

    return st.one_of(call(tame), call(wild), call(st.one_of(tame, wild, broken)))


def packed(message: Message) -> bytes:
    try:
        return message.SerializeToString()
    except EncodeError:
        return b""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder: Path = tmp_path_factory.mktemp("wire")
    with open_engine(folder, Settings(limits=Limits(content_bytes=2000, page_size=100))) as engine:
        engine.memory.add(
            NS, [NewEpisode("fresh bread", id="e1", metadata={"topic": "food"}), NewEpisode("x", id="e2")]
        )
        engine.memory.add(KEPT, NewEpisode("the river", id="r"))
        shop = folder / "trees" / "shop"
        shop.mkdir(parents=True)
        (shop / "cart.py").write_text("class Cart:\n    def total(self):\n        return bread()\n")
        list(engine.code.index(str(shop)))
        with serving(engine, log_level="error", code_roots=(shop.parent,)) as running:
            yield running
            assert running.log == [], "an unexpected error was logged"


@pytest.fixture(scope="module")
def channel(served: Served) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(served.address) as opened:
        yield opened


def send(channel: grpc.Channel, method: MethodDescriptor, requests: list[bytes]) -> grpc.RpcError | None:
    """Make a call with raw bytes; the error, if it failed."""
    path = f"/{method.containing_service.full_name}/{method.name}"
    try:
        if method.client_streaming:
            channel.stream_unary(path)(iter(requests), timeout=20)
        elif method.server_streaming:
            list(channel.unary_stream(path)(requests[0], timeout=20))
        else:
            channel.unary_unary(path)(requests[0], timeout=20)
    except grpc.RpcError as error:
        return error
    return None


def check(error: grpc.RpcError) -> None:
    """The error is one of ours, and says what was wrong."""
    assert error.code() in EXPECTED, f"{error.code()}: {error.details()}"
    rich = status_pb2.Status.FromString(dict(error.trailing_metadata())[STATUS_KEY])
    info = error_details_pb2.ErrorInfo()
    assert rich.details[0].Unpack(info)
    assert info.domain == "agentctx"
    assert info.reason in CODES
    if error.code() is grpc.StatusCode.INVALID_ARGUMENT:
        bad = error_details_pb2.BadRequest()
        assert rich.details[1].Unpack(bad)
        assert bad.field_violations[0].field, error.details()


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.full_name.partition("v1.")[2])
def test_any_request_gets_a_typed_answer(served: Served, channel: grpc.Channel, method: MethodDescriptor) -> None:
    @settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
    @given(requests_for(method))
    def run(requests: list[bytes]) -> None:
        error = send(channel, method, requests)
        if error is not None:
            check(error)

    with connect(served.address) as client:
        for id in ("e1", "e2"):
            with suppress(AlreadyExists):
                client.memory.add(NS, NewEpisode("fresh bread", id=id))
        list(client.code.index("shop"))
        run()
        assert client.health() == "serving"
        assert client.memory.search(KEPT, "river").hits[0].episode.id == "r"


BOMBS = {
    "nested filter": lambda: wrapped(b"", b"\x22", 3000, b"\x2a", b"\x22"),
    "nested filter that can just be read": lambda: wrapped(b"\x0a\x03\x0a\x01a", b"\x22", 60, b"\x2a", b"\x22"),
    "nested struct": lambda: nested_struct(500),
    "not protobuf": lambda: b"\xff" * 100,
    "not UTF-8": lambda: b"\x0a\x02\xff\xfe\x12\x01q",
    "a million bytes of query": lambda: request(query="q" * 1_000_000),
    "a million empty tags": lambda: wrapped(b"\x22\x00" * 1_000_000, b"", 0, b"\x22"),
    "unknown fields": lambda: request(query="river") + b"\xfa\x3f\x03abc",
}


@pytest.mark.parametrize("name", BOMBS)
def test_bombs(served: Served, channel: grpc.Channel, name: str) -> None:
    error = send(channel, SERVICE.methods_by_name["Search"], [BOMBS[name]()])
    assert (error is None) == (name == "unknown fields")
    if error is not None:
        assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
        check(error)
    with connect(served.address) as client:
        assert client.memory.search(KEPT, "river").hits


def request(**fields: Any) -> bytes:
    """A search that finds something, unless `fields` say otherwise."""
    return pb.SearchRequest(**{"namespace": KEPT, "query": "river"} | fields).SerializeToString()


def wrapped(body: bytes, tag: bytes, times: int, *outer: bytes) -> bytes:
    """A search request with `body` inside `tag` so many times, inside the outer tags."""
    for one in [tag] * times + list(outer):
        body = one + varint(len(body)) + body
    return request() + body


def nested_struct(depth: int) -> bytes:
    """A filter's JSON form: {"a": {"a": ...}}."""
    body = b""
    for _ in range(depth):
        value = b"\x2a" + varint(len(body)) + body
        entry = b"\x0a\x01a\x12" + varint(len(value)) + value
        body = b"\x0a" + varint(len(entry)) + entry
    return wrapped(body, b"", 0, b"\x2a", b"\x2a", b"\x22")


def varint(number: int) -> bytes:
    done = bytearray()
    while number > 127:
        done.append(number & 127 | 128)
        number >>= 7
    done.append(number)
    return bytes(done)
