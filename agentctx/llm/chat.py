"""Any endpoint that speaks OpenAI's `POST /v1/chat/completions`."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from agentctx.config import LlmSettings
from agentctx.errors import AgentctxError, FailedPrecondition, InvalidArgument, Unauthenticated, Unavailable
from agentctx.llm.address import Health, checked, look, trusts_environment
from agentctx.posting import post

OFFICIAL = "https://api.openai.com/v1"
FIRST_WAIT = 0.25
Message = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Completion:
    """What a model said, why it stopped, and the tokens that the endpoint counted (0 where it did not say)."""

    text: str
    finish_reason: str = ""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    model: str = ""


class ChatClient:
    """A chat endpoint. What is sent leaves this machine for `base_url`.

    Repeats what failed for a passing reason (429, 5xx, no connection) for up to `patience` seconds, waiting longer
    each time or as long as the endpoint asks. Thread-safe; close it after use.
    """

    def __init__(
        self,
        model: str,
        base_url: str = OFFICIAL,
        *,
        api_key: str | None = None,
        timeout: float = 60.0,
        patience: float = 60.0,
    ) -> None:
        """timeout: seconds for one request. Raises InvalidArgument for a bad address, or a key no header can carry."""
        base_url = base_url.rstrip("/")
        url = checked(base_url, "llm.base_url")
        if not model:
            raise InvalidArgument("say which model: llm.model, or AGENTCTX_LLM_MODEL", field="llm.model")
        if api_key and not (api_key.isascii() and api_key.isprintable()):
            raise InvalidArgument("the API key holds characters that no header can carry", field="api_key")
        self.model = model
        self.base_url = base_url
        self._patience = patience
        self._schemas = True  # until the endpoint refuses one
        self._client = httpx.Client(
            timeout=timeout,
            headers={"Authorization": f"Bearer {api_key}"} if api_key else {},
            trust_env=trusts_environment(url),
        )

    @property
    def spec(self) -> str:
        """Model and address, as in `qwen3@http://127.0.0.1:8080/v1`: who said something."""
        return self.model if self.base_url == OFFICIAL else f"{self.model}@{self.base_url}"

    def complete(
        self,
        messages: Sequence[Message],
        *,
        max_tokens: int = 512,
        schema: tuple[str, Mapping[str, Any]] | None = None,
        timeout: float | None = None,
    ) -> Completion:
        """The model's reply, at temperature 0.

        schema: (name, JSON schema) that the reply is to keep to; an endpoint that knows no schemas is asked for plain
        text from then on, so the caller checks what it gets. timeout: seconds for all attempts together.

        Raises Unavailable when the endpoint fails or answers nonsense, InvalidArgument when it refuses the request,
        Unauthenticated when it refuses the key, FailedPrecondition after `close`, DeadlineExceeded after `timeout`.
        """
        end = None if timeout is None else time.monotonic() + timeout
        body: dict[str, Any] = {
            "model": self.model,
            "messages": [dict(one) for one in messages],
            "temperature": 0,
            "max_tokens": max_tokens,
        }
        if schema is not None and self._schemas:
            name, definition = schema
            wanted = {"type": "json_schema", "json_schema": {"name": name, "strict": True, "schema": dict(definition)}}
            try:
                return self._ask(body | {"response_format": wanted}, end)
            except InvalidArgument:
                reply = self._ask(body, end)  # raises again if the schema was not the trouble
                self._schemas = False
                return reply
        return self._ask(body, end)

    def health(self, timeout: float = 5.0) -> Health:
        """Whether the endpoint answers `GET /models` and lists the model; asks once and never raises."""
        return look(self._client, self.base_url, self.model, timeout)

    def close(self) -> None:
        """Close the connections; asking afterwards is an error."""
        self._client.close()

    def _ask(self, body: Mapping[str, Any], end: float | None) -> Completion:
        if self._client.is_closed:
            raise FailedPrecondition("this client is closed: open another one", field="llm")
        url = f"{self.base_url}/chat/completions"
        reply = post(
            self._client, url, body, patience=self._patience, refusal=_refusal, field="llm", end=end,
            first_wait=FIRST_WAIT,
        )  # fmt: skip
        try:
            data = json.loads(reply)
            choice = data["choices"][0]
            usage = data.get("usage") or {}
            return Completion(
                _text(choice["message"]["content"]),
                str(choice.get("finish_reason") or ""),
                int(usage.get("prompt_tokens") or 0),
                int(usage.get("completion_tokens") or 0),
                str(data.get("model") or ""),
            )
        except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError) as error:
            raise Unavailable(
                f"{url} did not answer as a chat endpoint: {type(error).__name__}", field="llm"
            ) from error


def open_chat(settings: LlmSettings, environ: Mapping[str, str]) -> ChatClient:
    """The client that settings name. The key comes from `environ`, or from the file it names.

    AGENTCTX_CHAT_API_KEY, or AGENTCTX_CHAT_API_KEY_FILE; OPENAI_API_KEY is for api.openai.com alone, so that no other
    address ever gets it.
    """
    key = environ.get("AGENTCTX_CHAT_API_KEY")
    file = environ.get("AGENTCTX_CHAT_API_KEY_FILE")
    if not key and file:
        try:
            key = Path(file).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidArgument(f"cannot read the API key file {file}", field="api_key") from error
    if not key and settings.base_url.rstrip("/") == OFFICIAL:
        key = environ.get("OPENAI_API_KEY")
    return ChatClient(
        settings.model,
        settings.base_url,
        api_key=key.strip() if key else None,
        timeout=settings.timeout,
        patience=settings.patience,
    )


def _text(content: object) -> str:
    if not isinstance(content, str):
        raise TypeError
    return content


def _refusal(reply: httpx.Response, url: str) -> AgentctxError:
    """Replies are never quoted: some endpoints repeat the key that they refuse, or the text that they were sent."""
    status = reply.status_code
    if status in (401, 403):
        return Unauthenticated(
            f"{url} refused the API key, or wants one ({status}): set AGENTCTX_CHAT_API_KEY, or OPENAI_API_KEY for "
            "api.openai.com",
            field="api_key",
        )
    if status == 404:
        return InvalidArgument(
            f"{url} does not exist or does not serve this model: check llm.model and llm.base_url, which mostly ends "
            "in /v1",
            field="llm",
        )
    return InvalidArgument(f"{url} refused the request ({status}): it may be longer than the model allows", field="llm")
