"""A chat endpoint on a port of this machine, which says what a test wants it to say."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self


@dataclass(slots=True)
class ChatReply:
    """An answer that is not the usual one: a status, a body as it goes over the wire, a pause before it."""

    status: int = 200
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    after: float = 0.0


class ChatServer:
    """Answers `POST /v1/chat/completions` with what `say` makes of the request, and `GET /v1/models`.

    `replies` are given first, one a request. `requests` and `keys` hold what came.
    """

    def __init__(self, say: Callable[[dict[str, Any]], str] = lambda _: "", model: str = "test") -> None:
        self.say = say
        self.model = model
        self.replies: list[ChatReply] = []
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                outer._post(self)

            def do_GET(self) -> None:
                outer._answer(self, ChatReply(body=json.dumps({"data": [{"id": outer.model}]}).encode()))

            def log_message(self, format: str, *args: object) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    @property
    def base_url(self) -> str:
        """What a client is given."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def _post(self, handler: BaseHTTPRequestHandler) -> None:
        request = json.loads(handler.rfile.read(int(handler.headers["Content-Length"])))
        self.requests.append(request)
        self.keys.append(handler.headers.get("Authorization", ""))
        reply = self.replies.pop(0) if self.replies else ChatReply()
        if reply.body is None and reply.status == 200:
            choice = {"message": {"role": "assistant", "content": self.say(request)}, "finish_reason": "stop"}
            usage = {"prompt_tokens": 7, "completion_tokens": 3}
            reply.body = json.dumps({"model": self.model, "choices": [choice], "usage": usage}).encode()
        self._answer(handler, reply)

    def _answer(self, handler: BaseHTTPRequestHandler, reply: ChatReply) -> None:
        time.sleep(reply.after)
        body = reply.body or b""
        try:
            handler.send_response(reply.status)
            for name, value in {"Content-Length": str(len(body)), **reply.headers}.items():
                handler.send_header(name, value)
            handler.end_headers()
            handler.wfile.write(body)
        except OSError:
            handler.close_connection = True  # the client has gone

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
