"""Lines from a file or stdin, and the episodes and results that `memory add --file` makes of them."""

from __future__ import annotations

import re
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from typing import Any, BinaryIO, Final

from agentctx.cli.times import parse_time
from agentctx.cli.values import parse_json
from agentctx.errors import AgentctxError, InvalidArgument
from agentctx.types import ItemResult, MemoryAPI, NewEpisode

_LONGEST: Final = 16 << 20  # bytes a line; far above what an episode may hold
_HOPELESS: Final = 1 << 30
_FIELDS: Final = frozenset(field.name for field in fields(NewEpisode))
_TIMES: Final = ("occurred_at", "valid_from", "valid_to", "expires_at")
_ITEM: Final = re.compile(r"episodes\[\d+\]")
_BOM: Final = b"\xef\xbb\xbf"

Lines = Iterator[tuple[int, bytes | AgentctxError]]


@contextmanager
def opened(name: str, field: str = "file") -> Iterator[BinaryIO]:
    """A file to read, or stdin for `-`."""
    if name == "-":
        source = getattr(sys.stdin, "buffer", None)
        if source is None:
            raise InvalidArgument("stdin cannot be read", field=field)
        yield source
        return
    try:
        file = open(name, "rb")  # noqa: SIM115, PTH123, RUF100 - closed below; only opening it may fail like this
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "that is not a path"
        raise InvalidArgument(f"cannot read {name}: {reason}", field=field) from None
    with file:
        yield file


def numbered(source: BinaryIO) -> Lines:
    """The lines that are not blank, with their numbers from 1; an error in the place of one that is too long."""
    number = 0
    while True:
        try:
            line = source.readline(_LONGEST + 1)
        except (OSError, ValueError) as error:
            raise InvalidArgument(f"reading stopped at line {number + 1}: {error}", field="file") from None
        if not line:
            return
        number += 1
        if number == 1:
            line = line.removeprefix(_BOM)
        if len(line) > _LONGEST:
            _skip(source, line, number)
            yield number, InvalidArgument(f"the line has more than {_LONGEST} bytes", field=f"lines[{number}]")
        elif not line.isspace():
            yield number, line


def _skip(source: BinaryIO, line: bytes, number: int) -> None:
    """Read on to the end of the line; a device that never ends one is given up."""
    skipped = 0
    while line and not line.endswith(b"\n"):
        line = source.readline(_LONGEST)
        skipped += len(line)
        if skipped > _HOPELESS:
            raise InvalidArgument(f"line {number} does not end: this is no file of JSON lines", field="file")


def texts(lines: Lines) -> Iterator[str]:
    """The lines as text. Raises InvalidArgument at the first that is none."""
    for number, line in lines:
        if isinstance(line, AgentctxError):
            raise line
        try:
            yield line.decode()
        except UnicodeDecodeError:
            raise InvalidArgument(f"lines[{number}] is not UTF-8", field=f"lines[{number}]") from None


def episode(line: bytes, number: int, defaults: NewEpisode) -> NewEpisode:
    """The episode of one line: a JSON object with fields of NewEpisode, or a JSON string. Times are ISO 8601."""
    where = f"lines[{number}]"
    data = parse_json(line, where)
    if isinstance(data, str):
        data = {"content": data}
    if not isinstance(data, Mapping):
        raise InvalidArgument(f"{where} must be a JSON object or a JSON string", field=where)
    values: dict[str, Any] = dict(data)
    for name in values:
        if name not in _FIELDS:
            known = ", ".join(sorted(_FIELDS))
            raise InvalidArgument(f"{where} has an unknown field {name[:64]!r}; known: {known}", field=where)
    if "content" not in values:
        raise InvalidArgument(f"{where} has no content", field=f"{where}.content")
    for name in _TIMES:
        if values.get(name) is not None:
            values[name] = parse_time(values[name], f"{where}.{name}")
    return replace(defaults, **values)


@dataclass(frozen=True, slots=True)
class LineResult:
    """What became of one line of `memory add --file`: an ItemResult with the number of the line."""

    line: int
    result: ItemResult

    def as_dict(self) -> dict[str, Any]:
        """Keys as in ItemResult, and `line`."""
        return {"line": self.line} | {field.name: getattr(self.result, field.name) for field in fields(self.result)}


def add_lines(memory: MemoryAPI, namespace: str, lines: Lines, defaults: NewEpisode) -> Iterator[LineResult]:
    """Store an episode per line, in batches; yields what became of each, in order. A bad line costs only itself."""
    read: deque[tuple[int, AgentctxError | None]] = deque()
    index = 0

    def good() -> Iterator[NewEpisode]:
        for number, line in lines:
            try:
                if isinstance(line, AgentctxError):
                    raise line
                one = episode(line, number, defaults)
            except AgentctxError as error:
                read.append((number, error))
            else:
                read.append((number, None))
                yield one

    def failed() -> Iterable[LineResult]:
        nonlocal index
        while read and read[0][1] is not None:
            number, error = read.popleft()
            if error is not None:
                yield LineResult(number, ItemResult(index, "", None, error.code, error.message, error.field))
                index += 1

    for result in memory.bulk_add(namespace, good()):
        yield from failed()
        number, _ = read.popleft()
        yield LineResult(number, _renumbered(result, index, number))
        index += 1
    yield from failed()


def _renumbered(result: ItemResult, index: int, line: int) -> ItemResult:
    """The service counts the items that it was sent; people count lines."""
    sent = _ITEM.match(result.error_field)
    if sent is None:
        return replace(result, index=index)
    here = f"lines[{line}]"
    return replace(
        result,
        index=index,
        error_message=result.error_message.replace(sent[0], here),
        error_field=here + result.error_field[sent.end() :],
    )
