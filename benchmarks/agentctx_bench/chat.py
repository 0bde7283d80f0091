"""A small client of an OpenAI-compatible chat endpoint: one question, one reply, one at a time."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import httpx

from agentctx.errors import InvalidArgument, Unavailable

_PASSING = frozenset({408, 409, 425, 429, 500, 502, 503, 504})
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
Message = Mapping[str, str]


class Chat:
    """One model behind one endpoint, named `<base URL>#<model>`, such as `http://127.0.0.1:8080/v1#qwen3`.

    Passing failures (busy, timeouts, 5xx) are tried again with growing pauses; after `attempts` they become
    Unavailable. Anything else that the endpoint refuses is an InvalidArgument with its own words.
    """

    def __init__(
        self,
        spec: str,
        *,
        field: str = "answer",
        api_key: str = "",
        timeout: float = 120.0,
        attempts: int = 4,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        base, _, self.model = spec.partition("#")
        try:
            url = httpx.URL(base)
        except httpx.InvalidURL as error:
            raise InvalidArgument(f"{field}: {base!r} is not a URL: {error}", field=field) from error
        if url.scheme not in ("http", "https") or not url.host or not self.model:
            raise InvalidArgument(f"{field} must be <base URL>#<model>, as in http://host:8080/v1#name", field=field)
        self.spec = spec
        self._field = field
        self._attempts = attempts
        self._sleep = sleep
        self._client = httpx.Client(
            timeout=timeout,
            headers={"Authorization": f"Bearer {api_key}"} if api_key else {},
            # A proxy from the environment cannot reach this machine's own loopback.
            trust_env=url.host not in _LOOPBACK,
        )
        self._url = f"{base.rstrip('/')}/chat/completions"

    def reply(self, messages: Sequence[Message], *, max_tokens: int = 256) -> str:
        """The model's reply at temperature 0."""
        body = {"model": self.model, "messages": list(messages), "temperature": 0, "max_tokens": max_tokens}
        problem = ""
        for attempt in range(self._attempts):
            if attempt:
                self._sleep(min(2.0**attempt, 30.0))
            try:
                response = self._client.post(self._url, json=body)
            except httpx.TransportError as error:
                problem = f"{type(error).__name__}: {error}"
                continue
            if response.status_code in _PASSING:
                problem = f"HTTP {response.status_code}"
                continue
            if response.is_error:
                raise InvalidArgument(
                    f"{self._url} refused the request: HTTP {response.status_code} {response.text[:200]}",
                    field=self._field,
                )
            return self._content(response)
        raise Unavailable(f"{self._url} did not reply in {self._attempts} attempts: {problem}", field=self._field)

    def _content(self, response: httpx.Response) -> str:
        try:
            payload: Any = response.json()
            content = payload["choices"][0]["message"]["content"]
        except (ValueError, LookupError, TypeError) as error:
            raise InvalidArgument(
                f"{self._url} is not an OpenAI-compatible endpoint: no choices[0].message.content", field=self._field
            ) from error
        return content.strip() if isinstance(content, str) else ""

    def close(self) -> None:
        """Close the connection."""
        self._client.close()
