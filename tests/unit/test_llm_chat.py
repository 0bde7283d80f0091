"""The chat client, against a real HTTP server on this machine that fails on purpose."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agentctx.config import LlmSettings
from agentctx.errors import DeadlineExceeded, FailedPrecondition, InvalidArgument, Unauthenticated, Unavailable
from agentctx.llm import ChatClient, Completion, open_chat
from agentctx.testing.chat import ChatReply, ChatServer

KEY = "sk-secret-0123456789"
ASK = [{"role": "user", "content": "my secret question"}]
SCHEMA = ("answer", {"type": "object", "properties": {}, "required": [], "additionalProperties": False})

Connect = Callable[..., ChatClient]


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer(lambda request: f"heard {request['messages'][-1]['content']}") as running:
        yield running


@pytest.fixture
def connect(server: ChatServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Connect]:
    monkeypatch.setattr("agentctx.llm.chat.FIRST_WAIT", 0.01)
    opened = []

    def build(**options: Any) -> ChatClient:
        client = ChatClient("test", server.base_url, **({"patience": 2.0} | options))
        opened.append(client)
        return client

    yield build
    for client in opened:
        client.close()


def test_a_reply_comes_with_its_tokens(server: ChatServer, connect: Connect) -> None:
    said = connect(api_key=KEY).complete(ASK, max_tokens=5)
    assert said == Completion("heard my secret question", "stop", 7, 3, "test")
    assert server.keys == [f"Bearer {KEY}"]
    sent = server.requests[0]
    assert (sent["model"], sent["temperature"], sent["max_tokens"]) == ("test", 0, 5)
    assert "response_format" not in sent


def test_a_schema_goes_with_the_request(server: ChatServer, connect: Connect) -> None:
    connect().complete(ASK, schema=SCHEMA)
    assert server.requests[0]["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "answer", "strict": True, "schema": SCHEMA[1]},
    }


def test_an_endpoint_without_schemas_is_asked_without_from_then_on(server: ChatServer, connect: Connect) -> None:
    client = connect()
    server.replies = [ChatReply(400)]
    assert client.complete(ASK, schema=SCHEMA).text
    assert client.complete(ASK, schema=SCHEMA).text
    assert ["response_format" in request for request in server.requests] == [True, False, False]


def test_a_refusal_that_is_not_about_the_schema_stays_one(server: ChatServer, connect: Connect) -> None:
    client = connect()
    server.replies = [ChatReply(400), ChatReply(400)]
    with pytest.raises(InvalidArgument):
        client.complete(ASK, schema=SCHEMA)
    client.complete(ASK, schema=SCHEMA)
    assert "response_format" in server.requests[-1]


@pytest.mark.parametrize("status", [429, 500, 503, 408])
def test_a_passing_failure_is_tried_again(server: ChatServer, connect: Connect, status: int) -> None:
    server.replies = [ChatReply(status), ChatReply(status)]
    assert connect().complete(ASK).text
    assert len(server.requests) == 3


def test_it_waits_as_long_as_it_is_asked_to(server: ChatServer, connect: Connect) -> None:
    server.replies = [ChatReply(429, headers={"Retry-After": "0.2"})]
    began = time.monotonic()
    connect().complete(ASK)
    assert time.monotonic() - began >= 0.2


def test_patience_ends(server: ChatServer, connect: Connect) -> None:
    server.replies = [ChatReply(503)] * 100
    with pytest.raises(Unavailable, match="503"):
        connect(patience=0.1).complete(ASK)


def test_the_callers_time_ends_it(server: ChatServer, connect: Connect) -> None:
    server.replies = [ChatReply(after=1.0)] * 10
    with pytest.raises(DeadlineExceeded):
        connect().complete(ASK, timeout=0.2)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, Unauthenticated),
        (403, Unauthenticated),
        (404, InvalidArgument),
        (422, InvalidArgument),
        (302, InvalidArgument),
    ],
)
def test_a_refusal_is_final_and_tells_no_secret(
    server: ChatServer, connect: Connect, status: int, error: type[Exception]
) -> None:
    server.replies = [ChatReply(status, f"no {KEY}: my secret question".encode())]
    with pytest.raises(error) as caught:
        connect(api_key=KEY).complete(ASK)
    assert len(server.requests) == 1
    assert KEY not in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"null", b'{"choices": []}', b'{"choices": [{"message": {"content": null}}]}', b"\xff", b"[" * 99_999],
)
def test_nonsense_is_unavailable(server: ChatServer, connect: Connect, body: bytes) -> None:
    server.replies = [ChatReply(body=body, headers={"X": "y"})]
    with pytest.raises(Unavailable):
        connect(patience=0.05).complete(ASK)


def test_a_server_that_is_not_there() -> None:
    client = ChatClient("test", "http://127.0.0.1:9/v1", patience=0.1)
    with pytest.raises(Unavailable):
        client.complete(ASK)
    assert not client.health().ok
    client.close()


def test_health_says_what_is_wrong(server: ChatServer, connect: Connect) -> None:
    assert connect().health().ok
    server.model = "another"
    assert "does not list" in connect().health().detail
    closed = connect()
    closed.close()
    assert not closed.health().ok


def test_a_closed_client_says_so(connect: Connect) -> None:
    client = connect()
    client.close()
    with pytest.raises(FailedPrecondition):
        client.complete(ASK)


@pytest.mark.parametrize("url", ["", "ftp://x", "http://", "http://user:pass@host/v1", "http://host/v1?key=1", "host"])
def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(InvalidArgument):
        ChatClient("test", url)


def test_a_model_has_to_be_named() -> None:
    with pytest.raises(InvalidArgument, match="which model"):
        open_chat(LlmSettings(), {})


def test_the_key_comes_from_the_environment_and_goes_where_it_is_meant_for(tmp_path: Path) -> None:
    def key(environ: dict[str, str], **settings: Any) -> str | None:
        client = open_chat(LlmSettings(model="m", **settings), environ)
        client.close()
        return client._client.headers.get("Authorization")

    file = tmp_path / "key"
    file.write_text("sk-file\n", encoding="utf-8")
    other = {"base_url": "http://127.0.0.1:1/v1"}
    assert key({"OPENAI_API_KEY": "sk-1"}) == "Bearer sk-1"
    assert key({"OPENAI_API_KEY": "sk-1"}, **other) is None
    assert key({"AGENTCTX_CHAT_API_KEY": "sk-2", "OPENAI_API_KEY": "sk-1"}, **other) == "Bearer sk-2"
    assert key({"AGENTCTX_CHAT_API_KEY_FILE": str(file)}, **other) == "Bearer sk-file"
    with pytest.raises(InvalidArgument):
        key({"AGENTCTX_CHAT_API_KEY_FILE": str(tmp_path / "none")})
    with pytest.raises(InvalidArgument):
        key({"AGENTCTX_CHAT_API_KEY": "sk-\u00e4"})


def test_what_is_sent_is_json(server: ChatServer, connect: Connect) -> None:
    connect().complete([{"role": "user", "content": "Ana \u2603 \u0000"}])
    assert json.dumps(server.requests[0])
    assert server.requests[0]["messages"][0]["content"] == "Ana \u2603 \u0000"
