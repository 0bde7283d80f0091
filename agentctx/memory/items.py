"""Items of a request: what became of one that failed, and what tells one request from another."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, replace

from agentctx.errors import AgentctxError
from agentctx.types import ItemResult, NewEpisode


def failed(index: int, error: AgentctxError, place: int | None = None) -> ItemResult:
    """The result of an item that failed. `place`: where it stood among those handed to the store, which names that."""
    message, field = error.message, error.field
    if place is not None:
        message, field = (part.replace(f"episodes[{place}]", f"episodes[{index}]") for part in (message, field))
    return ItemResult(index, error_code=error.code, error_message=message, error_field=field)


def body_hash(given: Sequence[str | NewEpisode], checked: Sequence[NewEpisode]) -> str:
    """What the caller sent, in its normal form but without the default time: a replay later is still the same body."""
    body = [
        asdict(new if isinstance(old, NewEpisode) and old.occurred_at is not None else replace(new, occurred_at=None))
        for old, new in zip(given, checked, strict=True)
    ]
    return hashlib.sha256(json.dumps(body, sort_keys=True, default=str).encode()).hexdigest()
