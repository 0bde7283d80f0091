"""One backend behind the official OpenAI client: an answer as a stream that ends, one way or the other, in time."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final, Literal

import httpx

from agentctx.config.backends import BackendSettings
from agentctx.errors import InvalidArgument
from agentctx.llm.address import Health, checked, look, trusts_environment

if TYPE_CHECKING:
    from openai import OpenAI, Stream

Failure = Literal["busy", "connect", "timeout", "refused", "garbage", "broken"]
_PASSING: Final = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
# A token is some four characters; a server that sends this much more than it was asked for does not stop by itself.
_CHARACTERS_A_TOKEN: Final = 64
# A line of a stream is read whole before it is looked at; an event of this size is none.
_LONGEST_LINE: Final = 16 << 20
# More than any model takes or makes in one request: what says so has not counted.
_MOST_TOKENS: Final = 1 << 30
_LONGEST_REASON: Final = 100


class BackendFailure(Exception):
    """An attempt that failed. kind: see `Failure`; passing: whether the same backend may do better in a moment.

    The message never holds what was sent or answered: some endpoints repeat keys and prompts in their errors.
    """

    def __init__(self, kind: Failure, message: str, *, passing: bool = False, retry_after: float = 0.0) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.passing = passing
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of the answer. hidden: reasoning that is billed and not part of the answer."""

    text: str
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class End:
    """The end of an answer. Tokens are None where the backend sent no usage."""

    finish_reason: str
    input_tokens: int | None = None
    cached_tokens: int | None = None
    output_tokens: int | None = None


class Endpoint:
    """A backend. What is sent leaves this machine for its `base_url`. Thread-safe; close it after use."""

    def __init__(self, name: str, settings: BackendSettings, api_key: str | None = None) -> None:
        """Opens no connection. Raises InvalidArgument for a bad address, or a key that no header can carry."""
        where = f"backends.{name}"
        url = checked(settings.base_url, f"{where}.base_url")
        if api_key and not (api_key.isascii() and api_key.isprintable()):
            raise InvalidArgument(f"the key of {name} holds characters that no header can carry", field=where)
        self.name = name
        self.settings = settings
        self._key = api_key
        self._url = url
        self._lock = threading.Lock()
        self._opened: OpenAI | None = None
        self._closed = False
        self._usage = True  # until the endpoint refuses `stream_options`

    def stream(
        self,
        messages: Sequence[Mapping[str, str]],
        *,
        max_tokens: int,
        temperature: float | None = None,
        logit_bias: Mapping[int, float] | None = None,
        max_seconds: float | None = None,
    ) -> Iterator[Piece | End]:
        """The answer in pieces, then its End. Asks once; closing the iterator closes the connection.

        Raises BackendFailure: refused by the server, no byte for `timeout` seconds, not done after `max_seconds`, an
        answer that is no chat completion, or a stream that breaks off.
        """
        limit = min(self.settings.max_seconds, max_seconds or self.settings.max_seconds)
        body: dict[str, Any] = {"model": self.settings.model, "messages": list(messages), "max_tokens": max_tokens}
        if temperature is not None:
            body["temperature"] = temperature
        if logit_bias:
            body["logit_bias"] = {str(token): bias for token, bias in sorted(logit_bias.items())}
        watch = _Watch(limit)
        try:
            with self._open_in_time(body, watch) as stream:
                watch.over(stream.response)
                yield from self._pieces(stream, max_tokens * _CHARACTERS_A_TOKEN)
        except BackendFailure as failure:
            # Cut by the watch, a stream may look as if it had ended by itself.
            raise self._failure(failure, watch) if watch.fired else failure from None
        except Exception as error:  # of openai, httpx, or of a parser that met garbage
            raise self._failure(error, watch) from None
        finally:
            watch.stop()

    def _open_in_time(self, body: dict[str, Any], watch: _Watch) -> Stream[Any]:
        """`_open`, given up at the watch's end: name servers and headers that drip in know none."""
        future: Future[Stream[Any]] = Future()

        def ask() -> None:
            try:
                future.set_result(self._open(body, watch))
            except BaseException as error:
                future.set_exception(error)

        threading.Thread(target=ask, name=f"agentctx-ask-{self.name}", daemon=True).start()
        try:
            return future.result(watch.left())
        except BaseException:
            watch.fired = watch.fired or not future.done()
            future.add_done_callback(_close)  # whatever comes too late
            raise

    def _open(self, body: dict[str, Any], watch: _Watch) -> Stream[Any]:
        client = self._client()
        if self._usage:
            try:
                return self._ask(client, {**body, "stream_options": {"include_usage": True}})
            except Exception as error:
                if getattr(error, "status_code", None) not in (400, 422) or watch.fired:
                    raise
                stream = self._ask(client, body)  # raises again if the option was not the trouble
                self._usage = False
                return stream
        return self._ask(client, body)

    def _ask(self, client: OpenAI, body: dict[str, Any]) -> Stream[Any]:
        found: Stream[Any] = client.chat.completions.create(stream=True, **body)
        return found

    def _pieces(self, stream: Stream[Any], most: int) -> Iterator[Piece | End]:
        reason, usage, length, any_choice = "", None, 0, False
        halves = {True: _Halves(), False: _Halves()}
        for chunk in stream:
            # The last one stands: servers that tell of usage in every chunk tell the sum so far.
            usage = getattr(chunk, "usage", None) or usage
            for choice in (getattr(chunk, "choices", None) or [])[:1]:
                any_choice = True
                delta = choice.delta
                for text, hidden in (
                    (getattr(delta, "reasoning_content", None) or getattr(delta, "reasoning", None), True),
                    (getattr(delta, "content", None), False),
                ):
                    if text:
                        if not isinstance(text, str):
                            raise BackendFailure("garbage", f"{self.name} answered something that is no text")
                        length += len(text)
                        if text := halves[hidden].join(text):
                            yield Piece(text, hidden)
                reason = str(choice.finish_reason or reason)[:_LONGEST_REASON]
            if length > most:
                yield End("cut")
                return
        if not any_choice:
            raise BackendFailure("garbage", f"{self.name} did not answer as a chat endpoint")
        if not reason:
            raise BackendFailure("broken", f"{self.name} broke off in mid-answer", passing=True)
        yield End(reason, *_tokens(usage, said=length > 0))

    def _client(self) -> OpenAI:
        # Half a second, and only where a model is asked.
        from openai import DefaultHttpxClient, OpenAI, Timeout  # noqa: PLC0415

        with self._lock:
            if self._closed:
                raise BackendFailure("connect", "this engine is closed")
            if self._opened is None:
                self._opened = OpenAI(
                    api_key=self._key or "none",
                    base_url=self.settings.base_url,
                    max_retries=0,  # each attempt is a row of the ledger, so they are made where it is written
                    timeout=Timeout(self.settings.timeout, connect=min(10.0, self.settings.timeout)),
                    # Nor may a redirect carry a prompt to where nobody has configured it to go.
                    http_client=DefaultHttpxClient(
                        trust_env=trusts_environment(self._url),
                        follow_redirects=False,
                        event_hooks={"response": [_bound_lines]},
                    ),
                )
            return self._opened

    def _failure(self, error: Exception, watch: _Watch) -> BackendFailure:
        import openai  # noqa: PLC0415

        if watch.fired:
            return BackendFailure("timeout", f"{self.name} was not done after {watch.limit:g} s")
        # A stream that breaks raises what the client's HTTP library raises; which one that is depends on its version.
        kinds = {kind.__name__ for kind in type(error).__mro__}
        if isinstance(error, openai.APITimeoutError) or "TimeoutException" in kinds:
            return BackendFailure("timeout", f"{self.name} sent nothing for {self.settings.timeout:g} s", passing=True)
        if isinstance(error, openai.APIStatusError):
            return self._status(error.status_code, error.response.headers)
        if isinstance(error, BackendFailure):
            return error
        if not watch.answered and (isinstance(error, openai.APIConnectionError) or "ConnectError" in kinds):
            return BackendFailure("connect", f"{self.name} cannot be reached", passing=True)
        if isinstance(error, openai.APIConnectionError) or kinds & {"TransportError", "StreamError", "OSError"}:
            return BackendFailure("broken", f"{self.name} broke off: {type(error).__name__}", passing=True)
        if type(error) is openai.APIError:  # an event of the stream that tells of an error
            return BackendFailure("broken", f"{self.name} told of an error in its stream", passing=True)
        return BackendFailure("garbage", f"{self.name} did not answer as a chat endpoint: {type(error).__name__}")

    def _status(self, status: int, headers: Mapping[str, str]) -> BackendFailure:
        if status in (401, 403):
            return BackendFailure("refused", f"{self.name} refused the key, or wants one ({status})")
        if status == 404:
            return BackendFailure("refused", f"{self.name} does not serve {self.settings.model!r} there (404)")
        if status in _PASSING:
            kind: Failure = "busy" if status == 429 else "refused"
            wait = _seconds(headers.get("Retry-After", ""))
            return BackendFailure(kind, f"{self.name} answered {status}", passing=True, retry_after=wait)
        return BackendFailure("refused", f"{self.name} refused the request ({status})")

    def health(self, timeout: float = 5.0) -> Health:
        """Whether it answers `GET /models` and lists the model; asks once and never raises."""
        with httpx.Client(trust_env=trusts_environment(self._url)) as client:
            return look(client, self.settings.base_url, self.settings.model, timeout, self._key)

    def close(self) -> None:
        """Close the connections; asking afterwards fails."""
        with self._lock:
            self._closed = True
            if self._opened is not None:
                self._opened.close()


class _Watch:
    """Ends a response that is not done in time: a server may send keep-alive bytes forever without an event."""

    def __init__(self, limit: float) -> None:
        self.limit = limit
        self.fired = False
        self.answered = False
        self._end = time.monotonic() + limit
        self._timer: threading.Timer | None = None

    def left(self) -> float:
        """Seconds until the end, 0 when it is over."""
        return max(self._end - time.monotonic(), 0.0)

    def over(self, response: Any) -> None:
        """Watch this response until `stop`."""
        self.answered = True
        self._timer = threading.Timer(self.left(), self._fire, (response,))
        self._timer.daemon = True
        self._timer.start()

    def _fire(self, response: Any) -> None:
        self.fired = True
        stream = response.extensions.get("network_stream")
        found = stream.get_extra_info("socket") if stream is not None else None
        if found is not None:
            with contextlib.suppress(OSError):  # it is gone already
                found.shutdown(socket.SHUT_RDWR)  # wakes the reader; close alone would not

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()


def _bound_lines(response: Any) -> None:
    """Bound the lines of a response, of whichever HTTP library the client uses."""
    whole = response.iter_bytes

    def bounded(*given: Any, **named: Any) -> Iterator[bytes]:
        length = 0
        for chunk in whole(*given, **named):
            end = chunk.rfind(b"\n")
            length = length + len(chunk) if end < 0 else len(chunk) - end - 1
            if length > _LONGEST_LINE:
                raise BackendFailure("garbage", f"a line of more than {_LONGEST_LINE:,} bytes came")
            yield chunk

    response.iter_bytes = bounded


class _Halves:
    """Mends text whose characters beyond U+FFFF were cut in two, as JSON escapes in two chunks."""

    def __init__(self) -> None:
        self._kept = ""

    def join(self, text: str) -> str:
        """The text with the half that was kept before it, less the half at its end; halves that stay alone are U+FFFD.

        A half at the very end of an answer is lost.
        """
        if not self._kept and text.isascii():
            return text
        text, self._kept = self._kept + text, ""
        if "\ud800" <= text[-1] <= "\udbff":
            text, self._kept = text[:-1], text[-1]
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _close(opened: Future[Stream[Any]]) -> None:
    if opened.exception() is None:
        opened.result().close()


def _tokens(usage: Any, *, said: bool) -> tuple[int | None, int | None, int | None]:
    """What a usage says. None for what is no count: a prompt has tokens, and so has an answer that said something."""
    details = getattr(usage, "prompt_tokens_details", None)
    found = (
        (getattr(usage, "prompt_tokens", None), 1),
        (getattr(details, "cached_tokens", None), 0),
        (getattr(usage, "completion_tokens", None), int(said)),
    )
    given, cached, made = (one if type(one) is int and low <= one <= _MOST_TOKENS else None for one, low in found)
    return given, cached, made


def _seconds(text: str) -> float:
    """Retry-After: seconds or a date; 0 for anything else."""
    try:
        found = float(text)
    except ValueError:
        try:
            at = parsedate_to_datetime(text)
        except (ValueError, OverflowError):
            return 0.0
        found = (at.replace(tzinfo=at.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
    return found if found > 0 else 0.0
