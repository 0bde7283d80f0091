"""The OpenAI-compatible embedder, against a real HTTP server on this machine."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agentctx.embed import open_embedder
from agentctx.embed.openai import OpenAIEmbedder, open_from_spec
from agentctx.errors import FailedPrecondition, InvalidArgument, Unauthenticated, Unavailable
from agentctx.testing.embedders import EmbeddingServer, Reply

KEY = "sk-secret-0123456789"


@pytest.fixture
def server() -> Iterator[EmbeddingServer]:
    with EmbeddingServer(dimensions=8) as running:
        yield running


@pytest.fixture
def connect(server: EmbeddingServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., OpenAIEmbedder]]:
    monkeypatch.setattr("agentctx.embed.retrying.FIRST_WAIT", 0.01)
    opened = []

    def build(**options: Any) -> OpenAIEmbedder:
        embedder = OpenAIEmbedder("test", server.base_url, **({"patience": 2.0} | options))
        opened.append(embedder)
        return embedder

    yield build
    for embedder in opened:
        embedder.close()


Connect = Callable[..., OpenAIEmbedder]


@pytest.mark.parametrize("encoding", ["float", "base64"])
def test_rows_follow_the_index_in_either_encoding(server: EmbeddingServer, connect: Connect, encoding: str) -> None:
    texts = ["one", "two", "three four"]
    np.testing.assert_allclose(connect(encoding=encoding).embed(texts), server.embedder.embed(texts), atol=1e-6)
    assert server.requests[0]["encoding_format"] == encoding


def test_batches_keep_to_the_limits_of_count_and_bytes(server: EmbeddingServer, connect: Connect) -> None:
    texts = [f"text {i}" for i in range(10)] + ["x" * 90, "", "y" * 90]
    vectors = connect(batch_texts=4, batch_bytes=100).embed(texts)
    np.testing.assert_allclose(vectors, server.embedder.embed(texts), atol=1e-6)
    sent = [request["input"] for request in server.requests]
    assert [text for batch in sent for text in batch] == [text for text in texts if text]
    assert [len(batch) for batch in sent] == [4, 4, 2, 1] or all(
        len(b) <= 4 and (len(b) == 1 or sum(map(len, b)) <= 100) for b in sent
    )


def test_a_long_text_is_cut(server: EmbeddingServer, connect: Connect) -> None:
    connect(max_characters=5).embed(["abcdefgh"])
    assert server.requests[0]["input"] == ["abcde"]


def test_nothing_is_sent_for_blank_texts_of_a_known_dimension(server: EmbeddingServer, connect: Connect) -> None:
    assert connect(dimensions=8).embed(["", " "]).shape == (2, 8)
    assert server.requests == []


def test_asked_dimensions_are_sent_and_part_of_the_identity(server: EmbeddingServer, connect: Connect) -> None:
    connect(dimensions=8).embed(["a"])
    assert server.requests[0]["dimensions"] == 8
    assert connect(dimensions=8).identity.fingerprint != connect().identity.fingerprint


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503])
def test_a_passing_failure_is_tried_again(server: EmbeddingServer, connect: Connect, status: int) -> None:
    server.script = [Reply(status), Reply(status)]
    assert connect().embed(["a cat"]).any()
    assert len(server.requests) == 3


def test_retry_after_in_seconds_is_kept(server: EmbeddingServer, connect: Connect) -> None:
    server.script = [Reply(429, {"Retry-After": "0.3"})]
    began = time.monotonic()
    connect().embed(["a"])
    assert 0.3 <= time.monotonic() - began < 1.5


def test_retry_after_as_a_date_is_kept(server: EmbeddingServer, connect: Connect) -> None:
    server.script = [Reply(503, {"Retry-After": format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)})]
    with pytest.raises(Unavailable) as caught:
        connect().embed(["a"])
    assert 3500 < float(caught.value.details["retry_after"]) <= 3600
    assert len(server.requests) == 1


@pytest.mark.parametrize("value", ["soon", "nan", "inf", "-5", ""])
def test_a_strange_retry_after_does_no_harm(server: EmbeddingServer, connect: Connect, value: str) -> None:
    server.script = [Reply(429, {"Retry-After": value})]
    assert connect().embed(["a"]).any()


def test_failing_for_longer_than_our_patience_is_unavailable(server: EmbeddingServer, connect: Connect) -> None:
    server.script = [Reply(500)] * 50
    with pytest.raises(Unavailable, match="500"):
        connect(patience=0.1).embed(["a"])
    assert len(server.requests) > 1


def test_an_endpoint_that_is_down_is_unavailable() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        embedder = OpenAIEmbedder("m", f"http://127.0.0.1:{unused.getsockname()[1]}/v1", patience=0.3)
        with pytest.raises(Unavailable, match="cannot be reached"):
            embedder.embed(["a"])
        with pytest.raises(Unavailable):
            _ = embedder.identity
        embedder.close()


def test_a_silent_endpoint_times_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        embedder = OpenAIEmbedder("m", f"http://127.0.0.1:{silent.getsockname()[1]}/v1", timeout=0.1, patience=0)
        with pytest.raises(Unavailable, match="Timeout"):
            embedder.embed(["a"])
        embedder.close()


@pytest.mark.parametrize(
    ("status", "error"),
    [(400, InvalidArgument), (413, InvalidArgument), (422, InvalidArgument), (404, InvalidArgument),
     (301, InvalidArgument), (401, Unauthenticated), (403, Unauthenticated)],
)  # fmt: skip
def test_a_refusal_is_final_and_quotes_nothing(
    server: EmbeddingServer, connect: Connect, status: int, error: type[Exception]
) -> None:
    server.script = [Reply(status, {"Location": "/elsewhere"}, {"error": {"message": f"{KEY} private text"}})]
    with pytest.raises(error) as caught:
        connect(api_key=KEY).embed(["private text"])
    assert KEY not in str(caught.value)
    assert "private" not in str(caught.value)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "body",
    ["not json", "[]", "null", {}, {"data": []}, {"data": [{"index": 1, "embedding": [1.0]}]},
     {"data": [{"index": 0, "embedding": []}]}, {"data": [{"index": 0, "embedding": "%%%"}]},
     {"data": [{"index": 0, "embedding": "AAA="}]}, {"data": [{"index": 0, "embedding": [["x"]]}]},
     {"data": [{"index": 0, "embedding": 5}]}, {"data": [{"index": 0, "embedding": [1.0, None]}]},
     {"data": [{"index": 0, "embedding": [1e999]}]}, {"data": [{"index": 0, "embedding": {"a": 1}}]},
     {"data": [{"index": 0, "embedding": [1.0]}, {"index": 0, "embedding": [1.0]}]}, "[" * 100_000],
)  # fmt: skip
def test_a_reply_that_makes_no_sense_is_unavailable(server: EmbeddingServer, connect: Connect, body: object) -> None:
    server.script = [Reply(200, body=body)]
    with pytest.raises(Unavailable, match="embeddings endpoint"):
        connect().embed(["a"])


def test_a_change_of_dimensions_is_noticed(server: EmbeddingServer, connect: Connect) -> None:
    embedder = connect()
    embedder.embed(["a"])
    server.script = [Reply(200, body={"data": [{"index": 0, "embedding": [1.0, 0.0]}]})]
    with pytest.raises(Unavailable, match="2 dimensions where 8"):
        embedder.embed(["a"])


def test_the_key_goes_where_it_was_given_for(server: EmbeddingServer, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(f"{KEY}-file\n")
    for environ, expected in (
        ({"OPENAI_API_KEY": KEY}, None),
        ({"AGENTCTX_OPENAI_API_KEY": KEY}, f"Bearer {KEY}"),
        ({"AGENTCTX_OPENAI_API_KEY_FILE": str(file)}, f"Bearer {KEY}-file"),
    ):
        embedder = open_embedder(server.spec, environ=environ)
        embedder.embed(["a"])
        embedder.close()
        assert server.headers[-1].get("Authorization") == expected
    official = open_from_spec("text-embedding-3-small", {"OPENAI_API_KEY": KEY})
    assert official._client.headers["Authorization"] == f"Bearer {KEY}"
    official.close()


def test_a_key_never_shows(server: EmbeddingServer, connect: Connect) -> None:
    embedder = connect(api_key=KEY)
    assert KEY not in repr(embedder) + repr(embedder.identity) + repr(embedder.__dict__)


def test_known_models_have_an_identity_without_a_request() -> None:
    embedder = open_embedder("openai:text-embedding-3-small", environ={})
    assert embedder.identity.dimensions == 1536
    assert embedder.identity.spec == "openai:text-embedding-3-small"
    embedder.close()


@pytest.mark.parametrize(
    "spec",
    [
        "openai:m@http://user:password@host/v1",
        "openai:m@http://",
        "openai:m@https://h/v1?key=x",
        "openai:m@http://h:x/v1",
    ],
)
def test_an_address_with_secrets_or_without_a_host_is_refused(spec: str) -> None:
    with pytest.raises(InvalidArgument):
        open_embedder(spec, environ={})


@pytest.mark.parametrize("key", ["line\nbreak", "schlüssel"])
def test_a_key_that_no_header_can_carry_is_refused(key: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        open_embedder("openai:m", environ={"AGENTCTX_OPENAI_API_KEY": key})
    assert caught.value.field == "api_key"
    assert key not in str(caught.value)


def test_a_missing_key_file_is_named() -> None:
    with pytest.raises(InvalidArgument, match="/nowhere/key"):
        open_embedder("openai:m", environ={"AGENTCTX_OPENAI_API_KEY_FILE": "/nowhere/key"})


def test_a_closed_embedder_says_so(connect: Connect) -> None:
    embedder = connect()
    embedder.close()
    with pytest.raises(FailedPrecondition, match="closed"):
        embedder.embed(["a"])
