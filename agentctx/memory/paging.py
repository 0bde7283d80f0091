"""Opaque page tokens: where a listing goes on, bound to the request and the epoch it started with."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from agentctx.errors import InvalidArgument, StalePageToken

_VERSION: Final = 1


def request_hash(request: Mapping[str, Any]) -> str:
    """A short hash of everything that decides what a listing shows; a token fits only the request it came from."""
    text = json.dumps(request, sort_keys=True, default=_plain)
    return hashlib.blake2b(text.encode(), digest_size=9).hexdigest()


def write_token(hash: str, epoch: int, upto: int, after: int | str) -> str:
    """The token for the page behind `after`, of a listing that shows records up to sequence `upto`."""
    packed = json.dumps([_VERSION, hash, epoch, upto, after], separators=(",", ":"))
    return base64.urlsafe_b64encode(packed.encode()).decode().rstrip("=")


def read_token(token: str, hash: str, after_type: type[int] | type[str]) -> tuple[int, int, Any]:
    """(epoch, upto, after) of a token. Raises InvalidArgument for one that is not ours or of another request."""
    wrong = InvalidArgument("page_token is not one that this listing gave; start without one", field="page_token")
    if not isinstance(token, str) or len(token) > 4096:
        raise wrong
    try:
        fields = json.loads(base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError):
        raise wrong from None
    match fields:
        case [int(version), str(given), int(epoch), int(upto), after] if version == _VERSION:
            if given != hash:
                raise InvalidArgument(
                    "page_token belongs to a listing with other filters; keep them, or start without a token",
                    field="page_token",
                )
            bounded = type(after) is after_type and (after.isascii() if isinstance(after, str) else 0 <= after < 2**63)
            if bounded and 0 <= epoch < 2**63 and 0 <= upto < 2**63:
                return epoch, upto, after
    raise wrong


def check_epoch(given: int, current: int) -> None:
    """A token lives as long as the epoch it was given in."""
    if given != current:
        raise StalePageToken(
            "the namespace was purged from or made anew since this listing began; start without a page_token",
            field="page_token",
        )


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    fields = getattr(value, "__dataclass_fields__", None)
    if fields is not None:
        return [type(value).__name__, *(getattr(value, name) for name in fields)]
    return str(value)
