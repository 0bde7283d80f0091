"""A chat endpoint that streams, on a port of this machine, and fails in every way that real ones do."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from types import TracebackType
from typing import Any, Final, Literal

from agentctx.testing.chat import ChatReply, ChatServer

Ending = Literal["stop", "break", "hang", "endless", "keepalive", "silent"]
_PAUSE: Final = 0.02


@dataclass(frozen=True, slots=True)
class Script:
    """How one answer goes: its texts, then how it ends.

    ending: "stop" (as it should), "break" (the connection is cut), "hang" (nothing more comes), "endless" (the last
    text again and again), "keepalive" (comments forever), "silent" (the stream ends without a finish reason). usage:
    whether tokens are told: (prompt, cached, completion).
    """

    texts: Sequence[str] = ("hello", " world")
    ending: Ending = "stop"
    usage: tuple[int, int, int] | None = (7, 0, 2)
    reasoning: str = ""


class StreamServer(ChatServer):
    """Answers streamed requests by `scripts`, one a request, then by `usual`; `replies` (see ChatServer) come first.

    `POST /tokenize` cuts a text into words. Everything that came is in `requests`.

    >>> with StreamServer() as server:
    ...     server.base_url.startswith("http://127.0.0.1:")
    True
    """

    def __init__(self, usual: Script | Callable[[dict[str, Any]], Script] | None = None, model: str = "test") -> None:
        """usual: what is answered when no script is left."""
        super().__init__(model=model)
        self.usual = usual or Script()
        self.scripts: list[Script] = []
        self._over = threading.Event()

    def _post(self, handler: BaseHTTPRequestHandler) -> None:
        if handler.path.endswith("/tokenize"):
            body = json.loads(handler.rfile.read(int(handler.headers["Content-Length"])))
            words = body.get("content", "").split()
            self._answer(handler, ChatReply(body=json.dumps({"tokens": [len(word) for word in words]}).encode()))
            return
        request = json.loads(handler.rfile.read(int(handler.headers["Content-Length"])))
        self.requests.append(request)
        self.keys.append(handler.headers.get("Authorization", ""))
        if self.replies:
            self._answer(handler, self.replies.pop(0))
            return
        usual = self.usual(request) if callable(self.usual) else self.usual
        script = self.scripts.pop(0) if self.scripts else usual
        handler.close_connection = True
        try:
            self._play(handler, script, told=bool(request.get("stream_options", {}).get("include_usage")))
        except OSError:
            return  # the client has gone

    def _play(self, handler: BaseHTTPRequestHandler, script: Script, *, told: bool) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "text/event-stream")
        handler.send_header("Connection", "close")
        handler.end_headers()
        if script.reasoning:
            self._event(handler, {"reasoning_content": script.reasoning})
        for text in script.texts:
            self._event(handler, {"content": text})
        if script.ending == "break":
            handler.wfile.flush()
            handler.connection.shutdown(socket.SHUT_RDWR)
            return
        while script.ending in ("hang", "endless", "keepalive") and not self._over.wait(_PAUSE):
            if script.ending == "endless":
                for _ in range(50):
                    self._event(handler, {"content": script.texts[-1]})
            elif script.ending == "keepalive":
                handler.wfile.write(b": still here\n\n")
                handler.wfile.flush()
        if script.ending == "stop":
            self._event(handler, {}, "stop")
            if told and script.usage is not None:
                given, cached, made = script.usage
                usage = {
                    "prompt_tokens": given,
                    "completion_tokens": made,
                    "total_tokens": given + made,
                    "prompt_tokens_details": {"cached_tokens": cached},
                }
                self._send(handler, {"choices": [], "usage": usage})
        handler.wfile.write(b"data: [DONE]\n\n")

    def _event(self, handler: BaseHTTPRequestHandler, delta: dict[str, str], reason: str | None = None) -> None:
        self._send(handler, {"choices": [{"index": 0, "delta": delta, "finish_reason": reason}]})

    def _send(self, handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        whole = {"id": "1", "object": "chat.completion.chunk", "created": 0, "model": self.model, **body}
        handler.wfile.write(b"data: " + json.dumps(whole).encode() + b"\n\n")
        handler.wfile.flush()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._over.set()
        super().__exit__(kind, error, at)
