"""What happens around every call: token, message, errors, size, metrics, log. No error leaves the server untyped.

gRPC hands requests over as bytes and takes answers as bytes, so that a message that is none gets a typed error too:
gRPC itself would say INTERNAL.
"""

from __future__ import annotations

import itertools
import re
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, Literal

import grpc
from google.protobuf.message import DecodeError, Message
from grpc_status import rpc_status

from agentctx.convert.errors import put_status, status_code
from agentctx.errors import (
    AgentctxError,
    Cancelled,
    DeadlineExceeded,
    Internal,
    InvalidArgument,
    NotFound,
    ResourceExhausted,
    Unauthenticated,
)
from agentctx_server.auth import ANYONE, NO_REPOSITORY, NOWHERE, Grants, Tokens
from agentctx_server.lanes import Lane
from agentctx_server.listen import is_loopback
from agentctx_server.logs import Log, frames_of
from agentctx_server.metrics import Metrics
from agentctx_server.patience import Patience

RETRY_AFTER: Final = 0.25
_FULL: Final = "the server is at its limit of concurrent calls"
SHARE: Final = "this caller has half of the server's concurrent calls already, which is its share"
_ENDLESS: Final = 1e9  # seconds; gRPC tells of no deadline as one in the far future
_RUN: Final = secrets.token_hex(4)
_COUNT: Final = itertools.count(1)
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")


class Call:
    """One call: who makes it, how long it has, whether it is still wanted."""

    __slots__ = ("_hidden", "context", "grants", "method", "started")

    def __init__(self, method: str, context: grpc.ServicerContext) -> None:
        self.method = method
        self.context = context
        self.grants = ANYONE
        self.started = time.perf_counter()
        self._hidden: dict[str, str] = {}

    def remaining(self) -> float | None:
        """Seconds until the caller's deadline; None without one."""
        left = self.context.time_remaining()
        return None if left is None or left > _ENDLESS else left

    @property
    def peer(self) -> str:
        """The machine that calls, without its port; "" for this one, whose programs nothing tells apart."""
        kind, _, rest = (self.context.peer() or "").partition(":")
        host = rest.rpartition(":")[0].replace("%5B", "[").replace("%5D", "]").strip("[]")
        return "" if kind not in ("ipv4", "ipv6") or is_loopback(host) else host

    def caller(self) -> str:
        """Who calls: the token's name, or the machine."""
        return self.grants.name or self.peer

    def check(self) -> None:
        """Raise where nobody waits for the answer any more."""
        left = self.remaining()
        if left is not None and left <= 0:
            raise DeadlineExceeded("the deadline was over before the work began")
        if not self.context.is_active():
            raise Cancelled("the caller has gone")

    def on(self, verb: str, namespace: str) -> str:
        """The namespace to make the call on: the one named, or, where the verb is not granted there, one that is not.

        The engine then answers as it does for what is absent, and `seen` puts the caller's name back.
        """
        if self.grants.allows(verb, namespace):
            return namespace
        return self.hide(namespace)

    def hide(self, name: str) -> str:
        """A name of nothing to make the call with; errors that hold it show the caller's own name."""
        self._hidden[NOWHERE] = name
        return NOWHERE

    def require(self, verb: str, namespace: str) -> None:
        """Raise NotFound where a verb is not granted on a namespace, for calls that need no namespace to exist."""
        if self.grants.allows(verb, namespace):
            return
        if not namespace:
            raise NotFound("name a namespace: this token is not granted this call on all of them", field="namespace")
        raise NotFound(f"no namespace {namespace!r}", field="namespace", namespace=namespace)

    def repository(self, verb: str, name: str) -> str:
        """The repository to make the call on: as `on`."""
        if self.grants.allows_repository(verb, name):
            return name
        stand_in = f"{NO_REPOSITORY}{len(self._hidden)}"
        self._hidden[stand_in] = name
        return stand_in

    def seen(self, error: AgentctxError) -> AgentctxError:
        """The error as the caller may see it."""
        told = (error.message, *error.details.values())
        if not any(stand_in in text for stand_in in self._hidden for text in told):
            return error
        details = {key: self._named(value) for key, value in error.details.items()}
        return type(error)(self._named(error.message), field=error.field, **details)

    def _named(self, text: str) -> str:
        for stand_in, name in self._hidden.items():
            text = text.replace(stand_in, name)
        return text


@dataclass(frozen=True, slots=True)
class Around:
    """Makes the functions that gRPC calls from the methods of a service."""

    tokens: Tokens | None
    metrics: Metrics | None
    log: Log
    max_message_bytes: int
    patience: Patience
    level: Literal["debug", "info"] = "info"

    def unary(
        self, name: str, request: type[Message], function: Callable[[Any, Call], Message], lane: Lane
    ) -> Callable[..., Any]:
        """For a method with one request and one answer."""

        def answer(packed: Iterator[bytes], context: grpc.ServicerContext) -> bytes:
            call = Call(name, context)
            try:
                self._admit(call)
                response = self._packed(function(parsed(request, self.single(packed, lane, call)), call))
            except Exception as error:
                self._fail(call, error)
                raise
            self._finished(call, "OK")
            return response

        return answer

    def uploading(
        self, name: str, request: type[Message], function: Callable[[Iterator[Any], Call], Message], lane: Lane
    ) -> Callable[..., Any]:
        """For a method with a stream of requests."""

        def answer(packed: Iterator[bytes], context: grpc.ServicerContext) -> bytes:
            call = Call(name, context)
            try:
                self._admit(call)
                with self._share(lane, call):
                    messages = self.patience.messages(packed, lane, call.caller)
                    response = self._packed(function((parsed(request, one) for one in messages), call))
            except Exception as error:
                self._fail(call, error)
                raise
            self._finished(call, "OK")
            return response

        return answer

    def downloading(
        self, name: str, request: type[Message], function: Callable[[Any, Call], Iterator[Message]], lane: Lane
    ) -> Callable[..., Any]:
        """For a method with a stream of answers. A caller that goes away stops it at the next answer."""

        def answer(packed: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
            call = Call(name, context)
            code = "CANCELLED"
            try:
                self._admit(call)
                with self._share(lane, call):
                    for message in function(parsed(request, self.single(packed, lane, call)), call):
                        call.check()
                        yield self._packed(message)
                code = "OK"
            except Exception as error:
                code = ""
                self._fail(call, error)
                raise
            finally:  # also when gRPC drops this generator, since the caller has gone
                if code:
                    self._finished(call, code)

        return answer

    def single(self, packed: Iterator[bytes], lane: Lane, call: Call) -> bytes:
        """The one message of a call. Raises InvalidArgument where there is none."""
        one = self.patience.single(packed, lane, call.caller)
        if one is not None:
            return one
        call.check()
        raise InvalidArgument("the call has no request", field="request")

    def denying(self, name: str) -> Callable[..., Any]:
        """For a caller whose token has the method's verb nowhere: there is nothing to read its messages for."""

        def deny(_packed: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
            call = Call(name, context)
            try:
                self._admit(call)
                raise NotFound("no such namespace: this token has no grant for this call on any", field="namespace")
            except AgentctxError as error:
                self._fail(call, error)
            yield b""

        return deny

    def refusing(self, name: str, limit: str = _FULL) -> Callable[..., Any]:
        """For a method whose lane is full. Like `turning_away`, it reads no request: the answer is the same."""

        def refuse(_packed: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
            if self.metrics is not None:
                self.metrics.refused(name)
            self._fail(Call(name, context), _too_many(limit))
            yield b""

        return refuse

    def turning_away(self, name: str) -> Callable[..., Any]:
        """For callers without a known token."""

        def turn_away(_packed: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
            call = Call(name, context)
            try:
                self._admit(call)
            except AgentctxError as error:
                self._fail(call, error)
            yield b""

        return turn_away

    def grants(self, metadata: Any) -> Grants | None:
        """What a caller may do; None for one that may not even come in."""
        if self.tokens is None:
            return ANYONE
        try:
            return self.tokens.grants(metadata or ())
        except Unauthenticated:
            return None

    @contextmanager
    def _share(self, lane: Lane, call: Call) -> Iterator[None]:
        """Hold a peer of a server without tokens to its share; the router does it for tokens, but sees no peers."""
        with lane.taking(call.peer if self.tokens is None else "") as within:
            if not within:
                raise _too_many(SHARE)
            yield

    def _admit(self, call: Call) -> None:
        if self.tokens is not None:
            call.grants = self.tokens.grants(call.context.invocation_metadata() or ())
        call.check()

    def _packed(self, message: Message) -> bytes:
        packed = message.SerializeToString()
        if len(packed) > self.max_message_bytes:
            raise ResourceExhausted(
                f"the answer has {len(packed)} bytes; this server sends at most {self.max_message_bytes}: ask for less"
            )
        return packed

    def _fail(self, call: Call, error: Exception) -> None:
        """End the call with the status of an error; always raises."""
        if isinstance(error, grpc.RpcError):  # the caller broke off a stream of requests; gRPC knows this error
            self._finished(call, "CANCELLED")
            raise error
        known = call.seen(error) if isinstance(error, AgentctxError) else self._unexpected(call, error)
        self._finished(call, status_code(known).name, known)
        call.context.abort_with_status(rpc_status.to_status(put_status(known)))

    def _unexpected(self, call: Call, error: Exception) -> AgentctxError:
        reference = secrets.token_hex(6)
        self.log.error(
            "internal error",
            reference=reference,
            method=call.method,
            error=type(error).__name__,
            frames=frames_of(error),
        )
        return Internal(f"internal error; the server's log has it under {reference}", reference=reference)

    def _finished(self, call: Call, code: str, error: AgentctxError | None = None) -> None:
        seconds = time.perf_counter() - call.started
        if self.metrics is not None:
            self.metrics.finished(call.method, code, seconds)
        if not (self.log.shows_info if self.level == "info" else self.log.shows_debug):
            return
        facts = {"method": call.method, "code": code, "ms": round(seconds * 1000, 3)}
        facts["request_id"] = _request_id(call.context)
        if call.grants.name:
            facts["token"] = call.grants.name
        if error is not None:
            facts["reason"] = error.code
        self.log.call(self.level, facts)


def _too_many(limit: str) -> ResourceExhausted:
    return ResourceExhausted(f"{limit}; try again in {RETRY_AFTER:g} s", retry_after=RETRY_AFTER)


def parsed(request: type[Message], packed: bytes) -> Any:
    """The message in these bytes. Raises InvalidArgument."""
    try:
        return request.FromString(packed)
    except (DecodeError, UnicodeDecodeError, RecursionError):
        raise InvalidArgument(
            f"the request is no {request.DESCRIPTOR.name}: not protobuf, text that is not UTF-8, or nested too deeply",
            field="request",
        ) from None


def _request_id(context: grpc.ServicerContext) -> str:
    """The caller's own `x-request-id`, or a new one."""
    for key, value in context.invocation_metadata() or ():
        if key == "x-request-id" and isinstance(value, str) and _REQUEST_ID.fullmatch(value):
            return value
    return f"{_RUN}-{next(_COUNT)}"


def parsed_or_abort(request: type[Message], packed: bytes, context: grpc.ServicerContext) -> Any:
    """The message in these bytes, for methods that `Around` is not around."""
    try:
        return parsed(request, packed)
    except InvalidArgument as error:
        return context.abort_with_status(rpc_status.to_status(put_status(error)))


def first_or_abort(messages: Iterator[bytes], context: grpc.ServicerContext) -> bytes:
    """The first message, for methods that `Around` is not around."""
    try:
        for one in messages:
            return one
        raise InvalidArgument("the call has no request", field="request")
    except AgentctxError as error:
        context.abort_with_status(rpc_status.to_status(put_status(error)))
        raise
