"""What every client of a model's endpoint does: check its address, and look whether it answers."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

import httpx

from agentctx.errors import InvalidArgument

_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Health:
    """Whether an endpoint answers and serves the model; `detail` says what is wrong, without any secret."""

    ok: bool
    detail: str = ""


def checked(base_url: str, field: str) -> httpx.URL:
    """The address as a URL. Raises InvalidArgument for anything but http(s)://HOST[:PORT]/PATH."""
    try:
        url = httpx.URL(base_url)
    except (httpx.InvalidURL, ValueError) as error:
        raise InvalidArgument(f"{base_url!r} is not an http(s) address", field=field) from error
    if url.scheme not in ("http", "https") or not url.host or url.userinfo or url.query or url.fragment:
        raise InvalidArgument(f"{field} must be http(s)://HOST[:PORT]/PATH and nothing more", field=field)
    return url


def trusts_environment(url: httpx.URL) -> bool:
    """Whether proxies of the environment apply: one meant for the outside must not swallow requests to this machine."""
    return url.host not in _LOOPBACK


def look(client: httpx.Client, base_url: str, model: str, timeout: float, key: str | None = None) -> Health:
    """Whether an endpoint answers `GET /models` and lists the model; asks once and never raises."""
    url = f"{base_url.rstrip('/')}/models"
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    try:
        reply = client.get(url, timeout=timeout, headers=headers)
        if reply.status_code in (401, 403):
            return Health(ok=False, detail=f"{url} refused the API key, or wants one ({reply.status_code})")
        if reply.status_code != 200:
            return Health(ok=False, detail=f"{url} answered {reply.status_code}")
        served = [one["id"] for one in json.loads(reply.content)["data"]]
    except httpx.TransportError as error:
        return Health(ok=False, detail=f"{url} cannot be reached: {type(error).__name__}")
    except (ValueError, KeyError, TypeError, RecursionError):
        return Health(ok=False, detail=f"{url} did not answer as an OpenAI-compatible endpoint")
    except RuntimeError:
        return Health(ok=False, detail="this client is closed")
    if model not in served:
        return Health(ok=False, detail=f"{base_url} does not list the model {model!r}")
    return Health(ok=True)
