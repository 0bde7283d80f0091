"""A `/tokenize` server for tests: llama.cpp's or vLLM's shape, on a free port of this machine."""

from __future__ import annotations

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Literal, Self


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that is gone: it waited long enough, or the test is over."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class TokenizeServer:
    """Cuts texts into their UTF-8 bytes, one token each, and keeps what it was sent in `requests`.

    `failures` are status codes to answer first, one a request; `garbage` is a body to answer instead of tokens.

    >>> with TokenizeServer() as server:
    ...     server.url.startswith("http://127.0.0.1:")
    True
    """

    def __init__(self, dialect: Literal["llama.cpp", "vllm"] = "llama.cpp", *, api_key: str = "") -> None:
        """dialect: which request it understands; the other one is answered as the real server would."""
        self.requests: list[dict[str, Any]] = []
        self.failures: list[int] = []
        self.garbage: bytes | None = None
        self._dialect = dialect
        self._api_key = api_key
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # head and body in one packet: in two, each reply waits for a delayed acknowledgement

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status, answer = outer._answer(self.path, self.headers.get("Authorization", ""), body)
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        self._server = _Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def _answer(self, path: str, authorization: str, body: dict[str, Any]) -> tuple[int, bytes]:
        self.requests.append(body)
        if path != "/tokenize":
            return 404, b"{}"
        if self._api_key and authorization != f"Bearer {self._api_key}":
            return 401, b"{}"
        if self.failures:
            return self.failures.pop(0), b"{}"
        if self.garbage is not None:
            return 200, self.garbage
        text = body.get("content" if self._dialect == "llama.cpp" else "prompt")
        if text is None:  # llama.cpp takes a missing content for an empty one; vLLM complains
            return (200, b'{"tokens": []}') if self._dialect == "llama.cpp" else (400, b"{}")
        tokens = list(text.encode())
        return 200, json.dumps({"tokens": tokens, "count": len(tokens)}).encode()

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
