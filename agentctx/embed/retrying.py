"""One POST to an embedding endpoint, repeated while that may help, with errors of our own tree."""

from __future__ import annotations

import email.utils
import json
import random
import time

import httpx

from agentctx.errors import (
    AgentctxError,
    DeadlineExceeded,
    FailedPrecondition,
    InvalidArgument,
    Unauthenticated,
    Unavailable,
)

PASSING = frozenset({408, 409, 425, 429})
FIRST_WAIT = 0.25
LONGEST_WAIT = 10.0


def post(client: httpx.Client, url: str, body: object, patience: float, end: float | None = None) -> bytes:
    """The content of a 200 reply to `body` as JSON.

    A refused connection, a timeout, 429 and 5xx are tried again until `patience` seconds have passed, after a jittered
    and growing wait, or the one in Retry-After. Raises Unavailable at the end of it, Unauthenticated, InvalidArgument,
    and DeadlineExceeded at `end` (of `time.monotonic`), the caller's own limit, if that comes first.
    No error holds a text that was sent or the key.
    """
    content = json.dumps(body, ensure_ascii=False).encode()
    patient_until = time.monotonic() + patience
    late = DeadlineExceeded(f"{url} did not answer in the time allowed", field="embedder")
    wait = FIRST_WAIT
    while True:
        asked: float | None = None
        try:
            left = None if end is None else end - time.monotonic()
            if left is not None and left <= 0:
                raise late
            reply = client.post(
                url,
                content=content,
                headers={"Content-Type": "application/json"},
                timeout=httpx.USE_CLIENT_DEFAULT if left is None else left,
            )
        except httpx.TransportError as error:
            problem: AgentctxError = Unavailable(f"{url} cannot be reached: {type(error).__name__}", field="embedder")
        except RuntimeError as error:  # what httpx raises when another thread has closed the client
            raise FailedPrecondition("this embedder is closed: open another one", field="embedder") from error
        else:
            if reply.status_code == 200:
                return reply.content
            if reply.status_code < 500 and reply.status_code not in PASSING:
                raise _refusal(reply, url)
            asked = _retry_after(reply)
            problem = Unavailable(f"{url} answered {reply.status_code}", field="embedder")
        # Jitter keeps many clients that failed together from coming back together.
        pause = wait * random.uniform(0.5, 1) if asked is None else asked  # noqa: S311 - not a secret
        if end is not None and time.monotonic() + pause > end:
            raise late from problem
        if time.monotonic() + pause > patient_until:
            if asked is not None:
                problem.details["retry_after"] = f"{asked:g}"
            raise problem
        time.sleep(pause)
        wait = min(wait * 2, LONGEST_WAIT)


def _refusal(reply: httpx.Response, url: str) -> AgentctxError:
    status = reply.status_code
    if status in (401, 403):
        # The reply is left out: some endpoints quote the key they refuse.
        return Unauthenticated(
            f"{url} refused the API key, or wants one ({status}): set AGENTCTX_OPENAI_API_KEY, or OPENAI_API_KEY for "
            "api.openai.com",
            field="api_key",
        )
    if status == 404:
        return InvalidArgument(
            f"{url} does not exist or does not serve this model: check both in the spec openai:MODEL@BASE-URL, whose "
            "base mostly ends in /v1",
            field="embedder",
        )
    if 300 <= status < 400:
        return InvalidArgument(f"{url} redirects ({status}): give the final address as BASE-URL", field="embedder")
    # Nor is it quoted here: a validation error may repeat the text that it is about.
    return InvalidArgument(
        f"{url} refused the request ({status}): a text may be longer than the model allows", field="texts"
    )


def _retry_after(reply: httpx.Response) -> float | None:
    """Seconds that the endpoint asks us to wait, given as a number or as a date."""
    value = reply.headers.get("Retry-After", "").strip()
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = email.utils.parsedate_to_datetime(value).timestamp() - time.time()
        except (ValueError, TypeError):
            return None
    return max(seconds, 0.0) if seconds < 1e9 else None  # NaN, infinity and jokes: our own wait instead
