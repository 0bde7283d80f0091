"""Posting to an embedding endpoint: what its refusals mean, and how long to go on."""

from __future__ import annotations

import httpx

from agentctx import posting
from agentctx.errors import AgentctxError, InvalidArgument, Unauthenticated

FIRST_WAIT = 0.25


def post(client: httpx.Client, url: str, body: object, patience: float, end: float | None = None) -> bytes:
    """The content of a 200 reply to `body` as JSON; see `posting.post`.

    Raises Unavailable, Unauthenticated, InvalidArgument, DeadlineExceeded. No error holds a text that was sent.
    """
    return posting.post(
        client, url, body, patience=patience, refusal=_refusal, field="embedder", end=end, first_wait=FIRST_WAIT
    )


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
    # Nor is it quoted here: a validation error may repeat the text that it is about.
    return InvalidArgument(
        f"{url} refused the request ({status}): a text may be longer than the model allows", field="texts"
    )
