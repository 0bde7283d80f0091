"""Embedders for tests: `HashingEmbedder` needs no table and no network, `EmbeddingServer` is a network of your own."""

from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

import numpy as np

from agentctx.embed.base import EmbedderIdentity, TextKind, Vectors, check_texts, normalise
from agentctx.errors import FailedPrecondition


class HashingEmbedder:
    """Feature hashing of lower-cased words: texts that share words are near each other. Deterministic everywhere.

    >>> HashingEmbedder(8).embed(["a cat", "A CAT!"]).tolist()[0] == HashingEmbedder(8).embed(["a cat"]).tolist()[0]
    True
    """

    def __init__(self, dimensions: int = 64, seed: int = 0) -> None:
        """seed: another one makes an embedder with another identity, and vectors that do not match the first's."""
        self._identity = EmbedderIdentity("hashing", dimensions, f"hashing-{dimensions}-{seed}")
        self._key = seed.to_bytes(8, "little")
        self._closed = False

    @property
    def identity(self) -> EmbedderIdentity:
        """Who makes these vectors; `open_embedder` does not know this spec, so pass the object."""
        return self._identity

    def embed(self, texts: Sequence[str], kind: TextKind = "document", timeout: float | None = None) -> Vectors:
        """L2-normalised float32 rows; a text without letters or digits gets zeros."""
        texts = check_texts(texts, kind)
        if self._closed:
            raise FailedPrecondition("this embedder is closed: open another one", field="embedder")
        vectors = np.zeros((len(texts), self._identity.dimensions), dtype=np.float32)
        for vector, text in zip(vectors, texts, strict=True):
            for word in re.findall(r"\w+", text.lower()):
                place = int.from_bytes(blake2b(word.encode(), digest_size=8, key=self._key).digest(), "little")
                # A sign from the hash, so that words which meet in one place do not all add up.
                vector[(place >> 1) % len(vector)] += 1 if place & 1 else -1
        return normalise(vectors)

    def close(self) -> None:
        """Embedding afterwards is an error, as with every embedder."""
        self._closed = True


@dataclass
class Reply:
    """A scripted reply of `EmbeddingServer`: status, headers and a body, text or anything that JSON can hold."""

    status: int = 500
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = ""


class EmbeddingServer:
    """A real HTTP server on 127.0.0.1 that speaks `POST /v1/embeddings`, with vectors of a `HashingEmbedder`.

    `script` holds replies to give first, in order, instead of vectors; `requests` and `headers` what was received.

    >>> with EmbeddingServer() as server:  # doctest: +SKIP
    ...     open_embedder(server.spec).embed(["a cat"])
    """

    def __init__(self, dimensions: int = 64) -> None:
        self.embedder = HashingEmbedder(dimensions)
        self.script: list[Reply] = []
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # Without it, each reply waits 40 ms for an acknowledgement.
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                server._reply(self)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.base_url = f"http://127.0.0.1:{self._server.server_address[1]}/v1"
        self.spec = f"openai:test@{self.base_url}"

    def __enter__(self) -> Self:
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _reply(self, handler: BaseHTTPRequestHandler) -> None:
        body = json.loads(handler.rfile.read(int(handler.headers["Content-Length"])))
        self.requests.append(body)
        self.headers.append(dict(handler.headers))
        if self.script:
            reply = self.script.pop(0)
        elif handler.path != "/v1/embeddings":
            reply = Reply(404)
        else:
            reply = Reply(200, body=self._vectors(body))
        content = reply.body if isinstance(reply.body, str) else json.dumps(reply.body)
        handler.send_response(reply.status)
        for name, value in (reply.headers | {"Content-Length": str(len(content.encode()))}).items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(content.encode())

    def _vectors(self, body: dict[str, Any]) -> dict[str, Any]:
        as_text = body.get("encoding_format") == "base64"
        rows = self.embedder.embed(body["input"])
        sent = [base64.b64encode(row.tobytes()).decode() if as_text else row.tolist() for row in rows]
        # Out of order, as the API allows: `index` is what counts.
        data = [{"object": "embedding", "index": i, "embedding": vector} for i, vector in enumerate(sent)][::-1]
        return {"object": "list", "data": data, "model": body["model"]}
