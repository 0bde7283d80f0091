"""One POST to a model's endpoint, repeated while that may help, with errors of our own tree."""

from __future__ import annotations

import email.utils
import json
import random
import time
from collections.abc import Callable

import httpx

from agentctx.errors import AgentctxError, DeadlineExceeded, FailedPrecondition, InvalidArgument, Unavailable

PASSING = frozenset({408, 409, 425, 429})
LONGEST_WAIT = 10.0

Refusal = Callable[[httpx.Response, str], AgentctxError]


def post(
    client: httpx.Client,
    url: str,
    body: object,
    *,
    patience: float,
    refusal: Refusal,
    field: str,
    end: float | None = None,
    first_wait: float = 0.25,
) -> bytes:
    """The content of a 200 reply to `body` as JSON.

    A refused connection, a timeout, 429 and 5xx are tried again until `patience` seconds have passed, after a jittered
    and growing wait, or the one in Retry-After. Raises Unavailable at the end of it, what `refusal` makes of any other
    reply, FailedPrecondition where the client is closed, and DeadlineExceeded at `end` (of `time.monotonic`), the
    caller's own limit, if that comes first. No error holds what was sent, or the key; `field` is that of the errors.
    """
    content = json.dumps(body, ensure_ascii=False).encode()
    patient_until = time.monotonic() + patience
    late = DeadlineExceeded(f"{url} did not answer in the time allowed", field=field)
    wait = first_wait
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
            problem: AgentctxError = Unavailable(f"{url} cannot be reached: {type(error).__name__}", field=field)
        except RuntimeError as error:  # what httpx raises when another thread has closed the client
            raise FailedPrecondition(f"the connection to {url} is closed: open another one", field=field) from error
        else:
            if reply.status_code == 200:
                return reply.content
            if 300 <= reply.status_code < 400:
                raise InvalidArgument(
                    f"{url} redirects ({reply.status_code}): give the final address as BASE-URL", field=field
                )
            if reply.status_code < 500 and reply.status_code not in PASSING:
                raise refusal(reply, url)
            asked = _retry_after(reply)
            problem = Unavailable(f"{url} answered {reply.status_code}", field=field)
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
