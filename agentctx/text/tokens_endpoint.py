"""Exact counts from the backend that will read the text: `POST /tokenize` of llama.cpp, vLLM and their kin."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Sequence
from typing import Any, Final, Literal

import httpx

from agentctx.errors import FailedPrecondition, InvalidArgument, Unauthenticated, Unavailable
from agentctx.text.tokens import plain, plain_all

Dialect = Literal["llama.cpp", "vllm"]
PASSING: Final = frozenset({408, 425, 429, 502, 503, 504})
FIRST_WAIT: Final = 0.1


class EndpointCounter:
    """Asks a backend's `/tokenize` how it would cut a text. Thread-safe; one request a text, a millisecond or so near.

    Which of the two request shapes the server understands is found out by the first count. A passing failure is tried
    again for `patience` seconds. The text travels to that server, which is the one that would be sent it anyway.
    """

    exact = True

    def __init__(
        self,
        url: str,
        *,
        model: str = "",
        api_key: str | None = None,
        dialect: Dialect | None = None,
        timeout: float = 10.0,
        patience: float = 5.0,
    ) -> None:
        """url: the server's root or its `/tokenize`; a trailing `/v1` is looked through. model: vLLM may want it.

        api_key is sent as a bearer token and kept out of every message. Raises InvalidArgument for a URL that is not
        http(s).
        """
        parsed = httpx.URL(url) if url.startswith(("http://", "https://")) else None
        if parsed is None or not parsed.host:
            raise InvalidArgument(f"a tokenize endpoint is an http(s) URL, not {url!r:.100}", field="counter")
        if parsed.userinfo:
            raise InvalidArgument("give a key as api_key, not inside the URL, which receipts show", field="counter")
        root = url.rstrip("/").removesuffix("/tokenize").removesuffix("/v1")
        self.url = f"{root}/tokenize"
        self._model = model
        self._dialect = dialect
        self._patience = patience
        self._lock = threading.Lock()
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._client = httpx.Client(timeout=timeout, headers=headers, follow_redirects=False)

    @property
    def name(self) -> str:
        """`endpoint:` and the URL that is asked."""
        return f"endpoint:{self.url}"

    def count(self, text: str) -> int:
        """Tokens of `text` by the model that is served there.

        Raises Unavailable when the server cannot be reached or answers nonsense, Unauthenticated when it refuses the
        key, InvalidArgument when it has no `/tokenize` or refuses the text, FailedPrecondition after `close`.
        """
        text = plain(text)
        return len(self._ids(text)) if text else 0

    def count_many(self, texts: Sequence[str]) -> list[int]:
        """`count` of each text, in order: neither shape of the request takes more than one."""
        return [self.count(text) for text in plain_all(texts)]

    def ids(self, text: str) -> list[int]:
        """The ids of `text`'s tokens, in order: what a `logit_bias` needs. Raises as `count` does."""
        return self._ids(plain(text))

    def close(self) -> None:
        """Close the connections; counting afterwards is an error."""
        self._client.close()

    def _ids(self, text: str) -> list[int]:
        if self._dialect is not None:
            return self._read(self._post(text, self._dialect))
        reply = self._post(text, "llama.cpp")
        dialect: Dialect = "llama.cpp"
        if reply.status_code in (400, 422):  # vLLM misses its `prompt`
            reply, dialect = self._post(text, "vllm"), "vllm"
        ids = self._read(reply)
        with self._lock:
            self._dialect = dialect
        return ids

    def _post(self, text: str, dialect: Dialect) -> httpx.Response:
        body: dict[str, Any]
        if dialect == "llama.cpp":
            body = {"content": text, "add_special": False, "parse_special": False}
        else:
            body = {"prompt": text, "add_special_tokens": False} | ({"model": self._model} if self._model else {})
        content = json.dumps(body).encode()
        until = time.monotonic() + self._patience
        wait = FIRST_WAIT
        while True:
            if self._client.is_closed:
                raise FailedPrecondition("this token counter is closed: open another one", field="counter")
            try:
                reply = self._client.post(self.url, content=content, headers={"Content-Type": "application/json"})
            except httpx.TransportError as error:
                problem = f"{self.url} cannot be reached: {type(error).__name__}"
            except RuntimeError as error:  # another thread has closed the client
                raise FailedPrecondition("this token counter is closed: open another one", field="counter") from error
            else:
                if reply.status_code not in PASSING:
                    return reply
                problem = f"{self.url} answered {reply.status_code}"
            pause = wait * random.uniform(0.5, 1)  # noqa: S311 - not a secret
            if time.monotonic() + pause > until:
                raise Unavailable(problem, field="counter")
            time.sleep(pause)
            wait = min(2 * wait, 2.0)

    def _read(self, reply: httpx.Response) -> list[int]:
        status = reply.status_code
        if status in (401, 403):
            raise Unauthenticated(f"{self.url} refused the API key, or wants one ({status})", field="api_key")
        if status in (404, 405, 501):
            raise InvalidArgument(
                f"{self.url} does not exist ({status}): give this backend's tokenizer.json as file:PATH instead",
                field="counter",
            )
        if 300 <= status < 500:
            raise InvalidArgument(f"{self.url} refused the request ({status})", field="counter")
        try:
            if status != 200:
                raise ValueError(f"status {status}")
            tokens = reply.json()["tokens"]
            if not isinstance(tokens, list) or not all(type(token) is int for token in tokens):
                raise TypeError("tokens is not a list of ids")
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise Unavailable(
                f"{self.url} did not answer as a tokenize endpoint: {error!r:.120}", field="counter"
            ) from error
        return tokens
