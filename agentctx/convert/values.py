"""Times, revisions, JSON values and plain fields, between Python and protobuf.

Written for the hot path: setting fields one by one on a message in place costs half of building it from keywords.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from google.protobuf.struct_pb2 import Struct, Value
from google.protobuf.timestamp_pb2 import Timestamp

from agentctx.errors import InvalidArgument
from agentctx.types import JsonValue, Revision
from agentctx.v1 import common_pb2

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EARLIEST: Final = -62_135_596_800  # 0001-01-01, the range that google.protobuf.Timestamp allows
_LATEST: Final = 253_402_300_799  # 9999-12-31T23:59:59
_EXACT_INTEGER: Final = 2**53
# Deeper JSON would meet the 100 nested messages that protobuf reads (3 a level). The engine allows 16 in metadata.
JSON_DEPTH: Final = 28


def text(value: object, field: str) -> str:
    """A string that UTF-8 can carry."""
    if not isinstance(value, str):
        raise InvalidArgument(f"{field} must be text, not {type(value).__name__}", field=field)
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise InvalidArgument(f"{field} holds a lone surrogate, which is not valid text", field=field) from None
    return value


def integer(value: object, field: str, bits: int = 64) -> int:
    """An int that fits the wire."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidArgument(f"{field} must be a whole number, not {type(value).__name__}", field=field)
    if not -(1 << bits - 1) <= value < 1 << bits - 1:
        raise InvalidArgument(f"{field} is out of range: a number of {value.bit_length()} bits", field=field)
    return value


def boolean(value: object, field: str) -> bool:
    """A bool, and nothing that merely acts as one."""
    if not isinstance(value, bool):
        raise InvalidArgument(f"{field} must be true or false, not {type(value).__name__}", field=field)
    return value


def number(value: object, field: str) -> float:
    """An int or a float."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidArgument(f"{field} must be a number, not {type(value).__name__}", field=field)
    try:
        return float(value)
    except OverflowError:
        raise InvalidArgument(f"{field} is out of range: a number of many digits", field=field) from None


def texts(value: object, field: str) -> list[str]:
    """A list of strings: tags, ids."""
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise InvalidArgument(f"{field} must be a list of texts, not {type(value).__name__}", field=field)
    return [text(one, f"{field}[{i}]") for i, one in enumerate(value)]


def known_options(given: Mapping[str, object], known: Mapping[str, object]) -> None:
    """Raise InvalidArgument for an option that a method does not have."""
    for name in given:
        if name not in known:
            raise InvalidArgument(f"unknown option {name!r}; known: {', '.join(sorted(known))}", field=name)


# --- times ------------------------------------------------------------------------------------------------------------


def put_time(message: Timestamp, moment: datetime) -> None:
    """Fill a Timestamp from a timezone-aware datetime within the years 1 to 9999."""
    since = moment - EPOCH
    message.seconds = since.days * 86400 + since.seconds
    message.nanos = since.microseconds * 1000


def checked_time(value: object, field: str) -> datetime | None:
    """A datetime that a Timestamp can hold, or None."""
    if value is None:
        return None
    if not isinstance(value, datetime):
        raise InvalidArgument(f"{field} must be a datetime, not {type(value).__name__}", field=field)
    if value.tzinfo is None or value.utcoffset() is None:
        raise InvalidArgument(f"{field} has no time zone; give one, such as tzinfo=datetime.UTC", field=field)
    since = value - EPOCH
    if not _EARLIEST <= since.days * 86400 + since.seconds <= _LATEST:
        raise InvalidArgument(f"{field} is outside the years 1 to 9999 (in UTC)", field=field)
    return value


def get_time(message: Timestamp, field: str) -> datetime:
    """The UTC datetime of a Timestamp, to the microsecond."""
    seconds, nanos = message.seconds, message.nanos
    if not (_EARLIEST <= seconds <= _LATEST and 0 <= nanos < 1_000_000_000):
        raise InvalidArgument(f"{field} is not a valid Timestamp of the years 1 to 9999 (in UTC)", field=field)
    return EPOCH + timedelta(0, seconds, nanos // 1000)


# --- revisions --------------------------------------------------------------------------------------------------------


def put_revision(message: common_pb2.Revision, revision: Revision) -> None:
    """Fill a Revision message."""
    message.epoch = revision.epoch
    message.sequence = revision.sequence


def checked_revision(value: object, field: str) -> Revision | None:
    """A Revision that fits the wire, or None."""
    if value is None:
        return None
    if not isinstance(value, Revision):
        raise InvalidArgument(f"{field} must be a Revision, not {type(value).__name__}", field=field)
    integer(value.epoch, field)
    integer(value.sequence, field)
    return value


def get_revision(message: common_pb2.Revision) -> Revision:
    """The Revision of a message."""
    return Revision(message.epoch, message.sequence)


# --- JSON -------------------------------------------------------------------------------------------------------------


class _RefusedError(Exception):
    """A value that the other side has no form for; each level that it passes on its way out adds its step."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        self.steps: list[str] = []

    def at(self, field: str) -> InvalidArgument:
        """The error with the whole path."""
        where = field + "".join(reversed(self.steps))
        return InvalidArgument(f"{where} {self.reason}", field=where)


def put_struct(message: Struct, value: object, field: str) -> None:
    """Fill a Struct from a JSON object; the message counts as present even when the object is empty."""
    if not isinstance(value, Mapping):
        raise InvalidArgument(f"{field} must be an object, not {type(value).__name__}", field=field)
    message.SetInParent()
    try:
        _put_members(message, value, 0)
    except _RefusedError as refused:
        raise refused.at(field) from None


def put_value(message: Value, value: object, field: str, depth: int = 0) -> None:
    """Fill a Value from a JSON value."""
    try:
        _put(message, value, depth)
    except _RefusedError as refused:
        raise refused.at(field) from None


def _put_members(message: Struct, value: Mapping[Any, Any], depth: int) -> None:
    fields = message.fields
    for key, one in value.items():
        try:
            slot = fields[key] if isinstance(key, str) else None
        except ValueError:  # a lone surrogate
            slot = None
        if slot is None:
            refusal = _RefusedError("must be text without lone surrogates")
            refusal.steps.append(" key")
            raise refusal
        try:
            _put(slot, one, depth + 1)
        except _RefusedError as refused:
            refused.steps.append(f".{key[:64]}")
            raise


def _put(message: Value, value: object, depth: int) -> None:
    if isinstance(value, str):
        try:
            message.string_value = value
        except ValueError:
            raise _RefusedError("holds a lone surrogate, which is not valid text") from None
    elif value is None:
        message.null_value = 0  # type: ignore[assignment]
    elif isinstance(value, bool):
        message.bool_value = value
    elif isinstance(value, int | float):
        message.number_value = _number(value)
    elif depth >= JSON_DEPTH:
        raise _RefusedError(f"is nested more than {JSON_DEPTH} deep")
    elif isinstance(value, Mapping):
        message.struct_value.SetInParent()
        _put_members(message.struct_value, value, depth)
    elif isinstance(value, Sequence) and not isinstance(value, bytes | bytearray | memoryview):
        message.list_value.SetInParent()
        add = message.list_value.values.add
        for i, one in enumerate(value):
            try:
                _put(add(), one, depth + 1)
            except _RefusedError as refused:
                refused.steps.append(f"[{i}]")
                raise
    else:
        raise _RefusedError(f"holds a {type(value).__name__}, which JSON has no form for")


def _number(value: float) -> float:
    if isinstance(value, int) and abs(value) > _EXACT_INTEGER:
        raise _RefusedError("is beyond 2^53 and would lose digits; store it as text")
    if not math.isfinite(value):
        raise _RefusedError("is not a finite number")
    return float(value)


def get_struct(message: Struct, field: str) -> dict[str, JsonValue]:
    """The JSON object of a Struct."""
    try:
        return _members(message)
    except _RefusedError as refused:
        raise refused.at(field) from None


def get_value(message: Value, field: str) -> JsonValue:
    """The JSON value of a Value; whole numbers within 2^53 become ints, as the engine has them."""
    try:
        return _get(message)
    except _RefusedError as refused:
        raise refused.at(field) from None


def _members(message: Struct) -> dict[str, JsonValue]:
    fields = message.fields
    found: dict[str, JsonValue] = {}
    for key in sorted(fields):  # a map has no order of its own
        try:
            found[key] = _get(fields[key])
        except _RefusedError as refused:
            refused.steps.append(f".{key[:64]}")
            raise
    return found


def _get(message: Value) -> JsonValue:
    kind = message.WhichOneof("kind")
    if kind == "string_value":
        return message.string_value
    if kind == "number_value":
        number = message.number_value
        if not math.isfinite(number):
            raise _RefusedError("is not a finite number")
        return int(number) if number.is_integer() and abs(number) <= _EXACT_INTEGER else number
    if kind == "bool_value":
        return message.bool_value
    if kind == "struct_value":
        return _members(message.struct_value)
    if kind == "null_value":
        return None
    if kind is None:
        raise _RefusedError("holds a value of no kind")
    found: list[JsonValue] = []
    for i, one in enumerate(message.list_value.values):
        try:
            found.append(_get(one))
        except _RefusedError as refused:
            refused.steps.append(f"[{i}]")
            raise
    return found


def put_fields(message: Any, value: object, names: Sequence[str]) -> None:
    """Set the plain fields of these names, but those that are None."""
    for name in names:
        if (one := getattr(value, name)) is not None:
            setattr(message, name, one)


def get_fields(message: Any, names: Sequence[str], optional: Sequence[str] = ()) -> dict[str, Any]:
    """The plain fields of these names; None for an `optional` one that is absent."""
    found = {name: getattr(message, name) for name in names}
    return found | {name: getattr(message, name) if message.HasField(name) else None for name in optional}


def as_dict(value: Any) -> dict[Any, Any]:
    """A plain dict of a protobuf map, by key, since a map has no order of its own."""
    return {key: value[key] for key in sorted(value)}
