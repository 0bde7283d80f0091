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

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
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


def texts(value: object, field: str) -> list[str]:
    """A list of strings: tags, ids."""
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise InvalidArgument(f"{field} must be a list of texts, not {type(value).__name__}", field=field)
    return [text(one, f"{field}[{i}]") for i, one in enumerate(value)]


# --- times ------------------------------------------------------------------------------------------------------------


def put_time(message: Timestamp, moment: datetime) -> None:
    """Fill a Timestamp from a timezone-aware datetime within the years 1 to 9999."""
    since = moment - _EPOCH
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
    since = value - _EPOCH
    if not _EARLIEST <= since.days * 86400 + since.seconds <= _LATEST:
        raise InvalidArgument(f"{field} is outside the years 1 to 9999", field=field)
    return value


def get_time(message: Timestamp, field: str) -> datetime:
    """The UTC datetime of a Timestamp, to the microsecond."""
    seconds, nanos = message.seconds, message.nanos
    if not (_EARLIEST <= seconds <= _LATEST and 0 <= nanos < 1_000_000_000):
        raise InvalidArgument(f"{field} is not a valid Timestamp of the years 1 to 9999", field=field)
    return _EPOCH + timedelta(0, seconds, nanos // 1000)


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


def put_struct(message: Struct, value: object, field: str, depth: int = 0) -> None:
    """Fill a Struct from a JSON object; the message counts as present even when the object is empty."""
    if not isinstance(value, Mapping):
        raise InvalidArgument(f"{field} must be an object, not {type(value).__name__}", field=field)
    message.SetInParent()
    for key, one in value.items():
        put_value(message.fields[text(key, f"{field} key")], one, f"{field}.{str(key)[:64]}", depth + 1)


def put_value(message: Value, value: object, field: str, depth: int = 0) -> None:
    """Fill a Value from a JSON value."""
    if depth > JSON_DEPTH:
        raise InvalidArgument(f"{field} is nested more than {JSON_DEPTH} deep", field=field)
    if value is None:
        message.null_value = 0  # type: ignore[assignment]
    elif isinstance(value, bool):
        message.bool_value = value
    elif isinstance(value, str):
        message.string_value = text(value, field)
    elif isinstance(value, int | float):
        message.number_value = _number(value, field)
    elif isinstance(value, Mapping):
        put_struct(message.struct_value, value, field, depth)
    elif isinstance(value, Sequence) and not isinstance(value, bytes | bytearray | memoryview):
        message.list_value.SetInParent()
        for i, one in enumerate(value):
            put_value(message.list_value.values.add(), one, f"{field}[{i}]", depth + 1)
    else:
        raise InvalidArgument(f"{field} holds a {type(value).__name__}, which JSON has no form for", field=field)


def _number(value: float, field: str) -> float:
    if isinstance(value, int) and abs(value) > _EXACT_INTEGER:
        raise InvalidArgument(f"{field} is beyond 2^53 and would lose digits; store it as text", field=field)
    if not math.isfinite(value):
        raise InvalidArgument(f"{field} is not a finite number", field=field)
    return float(value)


def get_struct(message: Struct, field: str) -> dict[str, JsonValue]:
    """The JSON object of a Struct."""
    members = message.fields
    return {key: get_value(members[key], f"{field}.{key[:64]}") for key in members}


def get_value(message: Value, field: str) -> JsonValue:
    """The JSON value of a Value; whole numbers within 2^53 become ints, as the engine has them."""
    kind = message.WhichOneof("kind")
    if kind == "string_value":
        return message.string_value
    if kind == "number_value":
        number = message.number_value
        if not math.isfinite(number):
            raise InvalidArgument(f"{field} is not a finite number", field=field)
        return int(number) if number.is_integer() and abs(number) <= _EXACT_INTEGER else number
    if kind == "bool_value":
        return message.bool_value
    if kind == "struct_value":
        return get_struct(message.struct_value, field)
    if kind == "list_value":
        return [get_value(one, f"{field}[{i}]") for i, one in enumerate(message.list_value.values)]
    if kind == "null_value":
        return None
    raise InvalidArgument(f"{field} holds a value of no kind", field=field)


def as_dict(value: Any) -> dict[Any, Any]:
    """A plain dict of a protobuf map."""
    return {key: value[key] for key in value}
