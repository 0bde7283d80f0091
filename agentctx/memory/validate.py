"""Checks what callers hand in, before anything is written or searched.

Every check raises InvalidArgument with the name of the field and the way to mend it, and returns the normal form:
aware UTC datetimes, tuples, JSON values that survive every road (library, CLI, wire) unchanged.
"""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final, cast

from agentctx.config import Limits
from agentctx.errors import InvalidArgument
from agentctx.types import ROLES, JsonValue, NewEpisode, Revision

_SEGMENT: Final = re.compile(r"[A-Za-z0-9_.@:+~=-]+")
_EXACT_INTEGER: Final = 2**53  # above it a JSON number is no longer exact on every road
_METADATA_DEPTH: Final = 16
_REMEMBERED: Final = 4_096
_namespaces: set[str] = set()  # paths that were found right
_UNSEEN: Final = ("Cc", "Zl", "Zp")  # controls and line ends; odd spaces and joiners occur in names


def text(value: object, field: str, limit: int, *, empty: bool = True) -> str:
    """A string without lone surrogates or NUL, of at most `limit` bytes of UTF-8."""
    if not isinstance(value, str):
        raise InvalidArgument(f"{field} must be text, not {type(value).__name__}", field=field)
    value = str.__str__(value)  # of a subclass the plain text: its own methods decide nothing here
    if not value and not empty:
        raise InvalidArgument(f"{field} must not be empty", field=field)
    if len(value) > limit:
        raise InvalidArgument(f"{field} has {len(value)} characters; at most {limit} bytes are allowed", field=field)
    try:
        size = len(value) if value.isascii() else len(value.encode())
    except UnicodeEncodeError:
        raise InvalidArgument(f"{field} holds a lone surrogate, which is not valid text", field=field) from None
    if size > limit:
        raise InvalidArgument(f"{field} has {size} bytes; at most {limit} are allowed", field=field)
    if "\0" in value:
        raise InvalidArgument(f"{field} holds a NUL character, which no store keeps", field=field)
    return value


def identifier(value: object, field: str, *, empty: bool = False) -> str:
    """An id, session, speaker or tag: one line of text of at most 256 bytes, without control characters."""
    name = text(value, field, 256, empty=empty)
    if not name.isprintable() and any(unicodedata.category(letter) in _UNSEEN for letter in name):
        raise InvalidArgument(f"{field} holds a control character or line break", field=field)
    return name


def not_blank(name: str, field: str) -> None:
    """Refuse a new tag that nobody could see."""
    if not name.strip():
        raise InvalidArgument(f"{field} must not be blank", field=field)


def namespace(value: object, field: str = "namespace") -> str:
    """A namespace path such as `acme/user-42`: segments of [A-Za-z0-9_.@:+~=-] parted by single slashes."""
    if type(value) is str and value in _namespaces:
        return value
    name = text(value, field, 512, empty=False)
    for segment in name.split("/"):
        if not _SEGMENT.fullmatch(segment) or segment in (".", ".."):
            raise InvalidArgument(
                f"{field} must be segments of letters, digits and _.@:+~=- parted by single slashes, such as "
                f"acme/user-42; the segment {segment[:40]!r} is not",
                field=field,
            )
    if len(_namespaces) >= _REMEMBERED:
        _namespaces.clear()
    _namespaces.add(name)
    return name


def moment(value: object, field: str) -> datetime | None:
    """A timezone-aware datetime in UTC, or None."""
    if value is None:
        return None
    if type(value) is datetime and value.tzinfo is UTC and not value.fold:
        return value
    if not isinstance(value, datetime):
        raise InvalidArgument(f"{field} must be a datetime, not {type(value).__name__}", field=field)
    try:
        if value.tzinfo is None or value.utcoffset() is None:
            raise InvalidArgument(f"{field} has no time zone; give one, such as tzinfo=datetime.UTC", field=field)
        at = datetime.fromtimestamp(0, UTC) + (value - datetime.fromtimestamp(0, UTC))
    except OverflowError:
        at = None
    except (TypeError, ValueError, NotImplementedError):
        raise InvalidArgument(f"{field} has a time zone that does not work", field=field) from None
    if at is None:
        raise InvalidArgument(f"{field} is outside the years 1 to 9999 (in UTC)", field=field)
    return at


def time_range(start: datetime | None, end: datetime | None, fields: tuple[str, str]) -> None:
    """`start` is not after `end`, where both are given."""
    if start is not None and end is not None and end < start:
        raise InvalidArgument(f"{fields[1]} is before {fields[0]}", field=fields[1])


def integer(value: object, field: str, low: int, high: int) -> int:
    """An int in [low, high]."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidArgument(f"{field} must be a whole number, not {type(value).__name__}", field=field)
    value = int.__index__(value)
    if not low <= value <= high:
        raise InvalidArgument(f"{field} must be from {low} to {high}, not {_short(value)}", field=field)
    return value


def boolean(value: object, field: str) -> bool:
    """A bool, and nothing that merely acts as one."""
    if not isinstance(value, bool):
        raise InvalidArgument(f"{field} must be true or false, not {type(value).__name__}", field=field)
    return value


def role(value: object, field: str) -> Any:
    """One of the known roles."""
    if value not in ROLES:
        raise InvalidArgument(f"{field} must be one of user, assistant, system, tool or empty", field=field)
    return value


def revision(value: object, field: str) -> Revision | None:
    """A Revision, or None."""
    if value is None:
        return None
    if not isinstance(value, Revision):
        raise InvalidArgument(f"{field} must be a Revision, not {type(value).__name__}", field=field)
    return Revision(
        integer(value.epoch, f"{field}.epoch", 0, 2**63 - 1), integer(value.sequence, f"{field}.sequence", 0, 2**63 - 1)
    )


def names(value: object, field: str, limit: int) -> tuple[str, ...]:
    """Distinct tags or ids, in the order given."""
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise InvalidArgument(f"{field} must be a list of texts, not {type(value).__name__}", field=field)
    if len(value) > limit:
        raise InvalidArgument(f"{field} has {len(value)} entries; at most {limit} are allowed", field=field)
    return tuple(dict.fromkeys(identifier(one, f"{field}[{i}]") for i, one in enumerate(value)))


def tags(value: object, field: str, limit: int) -> tuple[str, ...]:
    """The tags of an episode: names that can be seen."""
    chosen = names(value, field, limit)
    if not all(map(str.strip, chosen)):
        blank = next(place for place, one in enumerate(cast("Sequence[str]", value)) if not one.strip())
        not_blank("", f"{field}[{blank}]")
    return chosen


def metadata(value: object, field: str, limit: int) -> dict[str, JsonValue]:
    """A JSON object in its normal form (whole floats become ints), of at most `limit` bytes as JSON."""
    if not isinstance(value, Mapping):
        raise InvalidArgument(f"{field} must be an object, not {type(value).__name__}", field=field)
    if not value:
        return {}
    normal: dict[str, JsonValue] = json_value(value, field)
    size = len(json.dumps(normal, ensure_ascii=False).encode())
    if size > limit:
        raise InvalidArgument(f"{field} has {size} bytes as JSON; at most {limit} are allowed", field=field)
    return normal


def json_value(value: object, field: str, depth: int = 0) -> JsonValue:
    """A JSON value in the one form that it has on every road: text, bool, None, exact numbers, lists, objects."""
    if depth > _METADATA_DEPTH:
        raise InvalidArgument(f"{field} is nested more than {_METADATA_DEPTH} deep", field=field)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return text(value, field, 1 << 20)
    if isinstance(value, int):
        value = int.__index__(value)
        if abs(value) > _EXACT_INTEGER:
            raise InvalidArgument(f"{field} is beyond 2^53 and would lose digits; store it as text", field=field)
        return value
    if isinstance(value, float):
        value = float.__add__(value, 0.0)
        if not math.isfinite(value):
            raise InvalidArgument(f"{field} is not a finite number", field=field)
        return int(value) if value.is_integer() and abs(value) <= _EXACT_INTEGER else value
    if isinstance(value, Mapping):
        return {
            text(key, f"{field} key", 256, empty=False): json_value(one, f"{field}.{str(key)[:64]}", depth + 1)
            for key, one in value.items()
        }
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray | memoryview):
        return [json_value(one, f"{field}[{i}]", depth + 1) for i, one in enumerate(value)]
    raise InvalidArgument(f"{field} holds a {type(value).__name__}, which JSON has no form for", field=field)


def new_episode(value: object, field: str, limits: Limits, now: datetime) -> NewEpisode:
    """A NewEpisode (or bare text) with every field checked, normalised, and `occurred_at` filled in."""
    if isinstance(value, str):
        value = NewEpisode(value)
    if not isinstance(value, NewEpisode):
        raise InvalidArgument(f"{field} must be a NewEpisode or text, not {type(value).__name__}", field=field)
    content = text(value.content, f"{field}.content", limits.content_bytes, empty=False)
    if content.isspace():
        raise InvalidArgument(f"{field}.content holds only white space", field=f"{field}.content")
    valid_from = moment(value.valid_from, f"{field}.valid_from")
    valid_to = moment(value.valid_to, f"{field}.valid_to")
    time_range(valid_from, valid_to, (f"{field}.valid_from", f"{field}.valid_to"))
    supersedes = identifier(value.supersedes, f"{field}.supersedes", empty=True)
    if supersedes and supersedes == value.id:
        raise InvalidArgument(f"{field}.supersedes names the episode itself", field=f"{field}.supersedes")
    return replace(
        value,
        content=content,
        id=identifier(value.id, f"{field}.id", empty=True),
        session=identifier(value.session, f"{field}.session", empty=True),
        position=None if value.position is None else integer(value.position, f"{field}.position", 0, 2**31 - 2),
        speaker=identifier(value.speaker, f"{field}.speaker", empty=True),
        role=role(value.role, f"{field}.role"),
        occurred_at=moment(value.occurred_at, f"{field}.occurred_at") or now,
        valid_from=valid_from,
        valid_to=valid_to,
        expires_at=moment(value.expires_at, f"{field}.expires_at"),
        tags=tags(value.tags, f"{field}.tags", limits.tags),
        metadata=metadata(value.metadata, f"{field}.metadata", limits.metadata_bytes),
        supersedes=supersedes,
    )


def unknown_options(given: Mapping[str, object], known: Collection[str]) -> None:
    """No option that the method does not have: a misspelt filter must not silently match everything."""
    for name in given:
        if name not in known:
            raise InvalidArgument(f"unknown option {name!r}; known: {', '.join(sorted(known))}", field=name)


def _short(value: int) -> str:
    return str(value) if abs(value) < 10**18 else f"a number of {value.bit_length()} bits"
