"""Reads benchmark files and checks their shape; whatever is wrong becomes an InvalidArgument that names the place."""

from __future__ import annotations

import hashlib
import json
import lzma
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from agentctx.errors import InvalidArgument

T = TypeVar("T")
_NAMES = {dict: "an object", list: "a list", str: "a text", int: "a whole number"}


def read_json(path: str | Path, field: str = "data") -> tuple[Any, str]:
    """The JSON in `path` (packed with xz where it ends in `.xz`) and the SHA-256 of the file's bytes."""
    try:
        raw = Path(path).read_bytes()
        packed = Path(path).suffix == ".xz"
        text = (lzma.decompress(raw) if packed else raw).decode("utf-8-sig")
    except FileNotFoundError:
        raise InvalidArgument(f"no such file: {path}", field=field) from None
    except OSError as error:
        raise InvalidArgument(f"cannot read {path}: {error.strerror}", field=field) from error
    except lzma.LZMAError as error:
        raise InvalidArgument(f"{path} is not a whole xz file: {error}", field=field) from error
    except UnicodeDecodeError as error:
        raise InvalidArgument(f"{path} is not UTF-8: {error.reason} at byte {error.start}", field=field) from error
    try:
        return json.loads(text), hashlib.sha256(raw).hexdigest()
    except (ValueError, RecursionError) as error:
        raise InvalidArgument(f"{path} is not JSON: {error}", field=field) from error


def expect(value: object, kind: type[T], where: str) -> T:
    """`value`, which has to be a `kind` (a bool is no whole number)."""
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise InvalidArgument(f"{where} must be {_NAMES[kind]}, not {type(value).__name__}", field=where)
    return value


def member(table: Mapping[str, object], key: str, kind: type[T], where: str) -> T:
    """`table[key]`, which has to be there and be a `kind`; `where` is the table's own place in the file."""
    if key not in table:
        place = f"{where}.{key}"
        raise InvalidArgument(f"{place} is missing: this is not the format that was asked for", field=place)
    return expect(table[key], kind, f"{where}.{key}")


def texts(table: Mapping[str, object], key: str, where: str) -> list[str]:
    """`table[key]`, which has to be a list of texts."""
    return [expect(v, str, f"{where}.{key}[{i}]") for i, v in enumerate(member(table, key, list, where))]


def moment(text: str, pattern: str, where: str) -> datetime:
    """A date of the file. The benchmarks know no time zones; we take all of it as UTC."""
    try:
        return datetime.strptime(text.strip(), pattern).replace(tzinfo=UTC)
    except ValueError:
        raise InvalidArgument(f"{where}: {text!r} is not a date in the form {pattern!r}", field=where) from None


def end_of_day(when: datetime) -> datetime:
    """The last microsecond of the day of `when`: questions are asked as of a day, not of a minute."""
    return when.replace(hour=23, minute=59, second=59, microsecond=999_999)


def storable(text: str) -> str:
    """`text` as any store keeps it: NUL and lone surrogates, which JSON can hold, become the replacement character."""
    if "\0" in text:
        text = text.replace("\0", "\ufffd")
    return text if text.isascii() else text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")


def as_text(value: object) -> str:
    """An answer as text: some are numbers, and a missing one is empty."""
    return "" if value is None else str(value)
