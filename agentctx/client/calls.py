"""What the sync and the asyncio client share: retries, bulk-add streams, chunks of lines."""

from __future__ import annotations

import math
import random
import secrets
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import grpc
from google.protobuf.message import EncodeError

from agentctx.client.channel import seconds
from agentctx.convert.answers import failed_item, get_item, moved_item
from agentctx.convert.errors import get_error, too_large
from agentctx.convert.requests import put_new_episode
from agentctx.convert.values import text
from agentctx.errors import AgentctxError, InvalidArgument, RevisionNotReached, Unavailable
from agentctx.types import ItemResult
from agentctx.v1 import memory_service_pb2 as pb

ATTEMPTS: Final = 4
_FIRST_PAUSE: Final = 0.1
_STREAM_ITEMS: Final = 2_000
_STREAM_BYTES: Final = 16 * 1024 * 1024
_MESSAGE_ITEMS: Final = 100
_CHUNK_BYTES: Final = 1024 * 1024
CLOSED: Final = "this client is closed"


def new_request_id() -> str:
    """An id that makes an add safe to repeat."""
    return f"auto-{secrets.token_hex(12)}"


def search_timeout(options: Mapping[str, Any], default: float | None) -> float | None:
    """The deadline of a search: its own `timeout`, or the client's."""
    given = options.get("timeout")
    if given is None:
        return default
    limit = seconds(given, "timeout")
    return None if math.isinf(limit) else limit


def check_size(request: Any, limit: int) -> None:
    """Raise ResourceExhausted for episodes that are more than a message may be."""
    try:
        size = request.ByteSize()
    except EncodeError:  # the call itself says so
        return
    if size > limit:
        raise too_large(f"{size} vs. {limit}", large_field(request))


def large_field(request: Any) -> str:
    """The field that makes a request large, if it has one."""
    return "episodes" if isinstance(request, pb.AddRequest) else ""


class Attempts:
    """Decides, after a failed attempt, whether there is another: never past the deadline of the whole call."""

    def __init__(self, target: str, timeout: float | None, *, repeatable: bool, field: str = "") -> None:
        self._target = target
        self._field = field
        self._end = None if timeout is None else time.monotonic() + timeout
        self._left = ATTEMPTS - 1 if repeatable else 0
        self._pause = _FIRST_PAUSE

    def failed(self, failure: grpc.RpcError) -> float:
        """The seconds to wait before the next attempt. Raises the error where there is none."""
        error = get_error(failure, target=self._target, field=self._field)
        again = isinstance(error, Unavailable) and not isinstance(error, RevisionNotReached)
        pause = self._pause * random.uniform(0.5, 1.5)  # noqa: S311 - spreads callers, hides nothing
        if not again or not self._left or (self._end is not None and time.monotonic() + pause >= self._end):
            raise error from None
        self._left -= 1
        self._pause *= 2
        return pause

    def remaining(self) -> float | None:
        """The seconds that the whole call still has."""
        return None if self._end is None else max(self._end - time.monotonic(), 0.001)


@dataclass(slots=True)
class BulkStream:
    """One stream of a bulk add: the items that can be sent, and the results of those that cannot."""

    first: int
    count: int = 0
    bytes: int = 0
    bytes_of_last: int = 0
    requests: list[pb.BulkAddRequest] = field(default_factory=list)
    sent: list[int] = field(default_factory=list)
    refused: dict[int, ItemResult] = field(default_factory=dict)

    def results(self, response: pb.BulkAddResponse) -> Iterator[ItemResult]:
        """A result per item, in order, at the item's place in what the caller handed in."""
        answered = {to: moved_item(get_item(one), to) for one, to in zip(response.results, self.sent, strict=True)}
        for index in range(self.first, self.first + self.count):
            yield self.refused.get(index) or answered[index]

    @property
    def full(self) -> bool:
        """Whether the next item belongs into another stream."""
        return self.count >= _STREAM_ITEMS or self.bytes >= _STREAM_BYTES


class BulkSplitter:
    """Fills streams from items; `add` says when one is full. At least one stream goes out, to check the namespace."""

    def __init__(self, namespace: str, max_message_bytes: int) -> None:
        self._namespace = namespace
        self._limit = max_message_bytes
        self._next = 0
        self._stream = BulkStream(0)

    def add(self, item: object) -> BulkStream | None:
        """Take one item up. Returns the stream that it made full."""
        stream, index = self._stream, self._next
        self._next += 1
        stream.count += 1
        message = pb.BulkAddRequest()
        try:
            put_new_episode(message.episodes.add(), item, f"episodes[{index}]")
            size = message.ByteSize()
            if size + 1024 > self._limit:
                where = f"episodes[{index}]"
                raise InvalidArgument(f"{where} has {size} bytes; a message may have {self._limit}", field=where)
        except AgentctxError as error:
            stream.refused[index] = failed_item(index, error)
        else:
            self._place(stream, message, size)
            stream.sent.append(index)
        return self.rest() if stream.full else None

    def _place(self, stream: BulkStream, message: pb.BulkAddRequest, size: int) -> None:
        last = stream.requests[-1] if stream.requests else None
        room = min(_CHUNK_BYTES, self._limit // 2)
        if last is not None and len(last.episodes) < _MESSAGE_ITEMS and stream.bytes_of_last + size <= room:
            last.MergeFrom(message)
            stream.bytes_of_last += size
        else:
            message.namespace = self._namespace
            stream.requests.append(message)
            stream.bytes_of_last = size
        stream.bytes += size

    def rest(self) -> BulkStream:
        """The stream with what has been added since the last full one."""
        stream, self._stream = self._stream, BulkStream(self._next)
        if not stream.requests:
            stream.requests.append(pb.BulkAddRequest(namespace=self._namespace))
        return stream


def import_requests(namespace: str, lines: Iterable[str]) -> Iterator[pb.ImportRequest]:
    """Chunks of lines, none of them large. Raises InvalidArgument for a line that is no text."""
    request, size = pb.ImportRequest(namespace=namespace), 0
    for number, line in enumerate(lines, 1):
        request.lines.append(text(line, f"lines[{number}]"))
        size += len(line)
        if size >= _CHUNK_BYTES:
            yield request
            request, size = pb.ImportRequest(), 0
    if size or request.namespace:
        yield request
