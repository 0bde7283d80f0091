"""The error tree <-> google.rpc.Status, the form in which errors travel.

Every status carries an ErrorInfo whose reason is the error's stable code, so that a client raises the very class that
the engine raised. Beside it there is what the gRPC world expects for the kind: BadRequest, ResourceInfo,
PreconditionFailure, RetryInfo.
"""

from __future__ import annotations

import re
from typing import Any, Final, Protocol

import grpc
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import DecodeError, Message
from google.rpc import error_details_pb2, status_pb2

from agentctx import errors
from agentctx.errors import AgentctxError, ResourceExhausted, error_classes

DOMAIN: Final = "agentctx"
STATUS_KEY: Final = "grpc-status-details-bin"

# A class that is not listed takes the code of its nearest ancestor here.
_CODES: Final[dict[type[AgentctxError], grpc.StatusCode]] = {
    AgentctxError: grpc.StatusCode.INTERNAL,
    errors.InvalidArgument: grpc.StatusCode.INVALID_ARGUMENT,
    errors.NotFound: grpc.StatusCode.NOT_FOUND,
    errors.AlreadyExists: grpc.StatusCode.ALREADY_EXISTS,
    errors.FailedPrecondition: grpc.StatusCode.FAILED_PRECONDITION,
    errors.RevisionMismatch: grpc.StatusCode.ABORTED,
    errors.Unauthenticated: grpc.StatusCode.UNAUTHENTICATED,
    errors.PermissionDenied: grpc.StatusCode.PERMISSION_DENIED,
    errors.ResourceExhausted: grpc.StatusCode.RESOURCE_EXHAUSTED,
    errors.DeadlineExceeded: grpc.StatusCode.DEADLINE_EXCEEDED,
    errors.Unavailable: grpc.StatusCode.UNAVAILABLE,
    errors.Cancelled: grpc.StatusCode.CANCELLED,
    errors.MissingDependency: grpc.StatusCode.FAILED_PRECONDITION,
    errors.StoreCorrupt: grpc.StatusCode.DATA_LOSS,
}
_BY_REASON: Final = {cls.code: cls for cls in error_classes()} | {"internal": errors.Internal}
_BY_STATUS: Final[dict[grpc.StatusCode, type[AgentctxError]]] = {
    code: cls for cls, code in reversed(_CODES.items()) if cls is not AgentctxError
} | {
    grpc.StatusCode.OUT_OF_RANGE: errors.InvalidArgument,
    grpc.StatusCode.UNIMPLEMENTED: errors.FailedPrecondition,
}
# Trailing metadata over 8 KB is refused on the way, and the message travels twice, once percent-encoded (up to 3x).
_MESSAGE_BYTES: Final = 600
_DETAIL_BYTES: Final = 200
_DETAILS: Final = 6
_TOO_LARGE: Final = re.compile(
    r"(?P<side>CLIENT|SERVER): (?P<way>Received|Sent) message larger than max \((?P<sizes>[^()]*)\)"
)


class Failure(Protocol):
    """What a failed call of grpc or grpc.aio tells about itself."""

    def code(self) -> Any:
        """The status code."""
        ...

    def details(self) -> str | None:
        """The status message."""
        ...

    def trailing_metadata(self) -> Any:
        """Key-value pairs behind the response."""
        ...


def status_code(error: AgentctxError) -> grpc.StatusCode:
    """The gRPC status code of an error."""
    return next(_CODES[cls] for cls in type(error).__mro__ if cls in _CODES)


def put_status(error: AgentctxError) -> status_pb2.Status:
    """The rich status of an error."""
    message = _cut(error.message, _MESSAGE_BYTES)
    field = _cut(error.field, _DETAIL_BYTES)
    metadata = {_cut(k, 64): _cut(str(v), _DETAIL_BYTES) for k, v in list(error.details.items())[:_DETAILS]}
    if field:
        metadata["field"] = field
    details: list[Message] = [error_details_pb2.ErrorInfo(reason=error.code, domain=DOMAIN, metadata=metadata)]
    if isinstance(error, errors.InvalidArgument):
        violation = error_details_pb2.BadRequest.FieldViolation(field=field, description=message)
        details.append(error_details_pb2.BadRequest(field_violations=[violation]))
    elif isinstance(error, errors.NotFound | errors.AlreadyExists):
        name = metadata.get("id") or metadata.get("namespace") or metadata.get("request_id") or ""
        details.append(error_details_pb2.ResourceInfo(resource_type=field, resource_name=name))
    elif isinstance(error, errors.FailedPrecondition | errors.MissingDependency):
        unmet = error_details_pb2.PreconditionFailure.Violation(type=error.code, subject=field, description=message)
        details.append(error_details_pb2.PreconditionFailure(violations=[unmet]))
    elif isinstance(error, ResourceExhausted) and error.retry_after > 0:
        wait = Duration()
        wait.FromNanoseconds(int(error.retry_after * 1e9))
        details.append(error_details_pb2.RetryInfo(retry_delay=wait))
    status = status_pb2.Status(code=status_code(error).value[0], message=message)
    for one in details:
        status.details.add().Pack(one)
    return status


def get_error(failure: Failure, *, target: str = "", field: str = "") -> AgentctxError:
    """The error that a failed call stands for: the engine's own where the status is rich, else by its status code.

    field: what makes the request large, if anything.
    """
    for key, value in failure.trailing_metadata() or ():
        if key == STATUS_KEY:
            rich = _from_status(value)
            if rich is not None:
                return rich
    code, message = failure.code(), failure.details() or ""
    if code is grpc.StatusCode.UNAVAILABLE:
        return errors.Unavailable(f"cannot reach the server{f' at {target}' if target else ''}: {message}")
    if code is grpc.StatusCode.UNIMPLEMENTED:
        message = f"the server does not offer this: it is older than this client, or no agentctx server ({message})"
    if code is grpc.StatusCode.INTERNAL and message == "Exception serializing request!":
        return errors.InvalidArgument("the request is too large or too deeply nested to be sent")
    if code is grpc.StatusCode.RESOURCE_EXHAUSTED and (sizes := _TOO_LARGE.search(message)) is not None:
        # gRPC itself turned the message away, by the limit of one side; the first two are answers.
        if (sizes["side"], sizes["way"]) in (("CLIENT", "Received"), ("SERVER", "Sent")):
            return ResourceExhausted(f"the answer is larger than a message may be ({sizes['sizes']}): ask for less")
        return too_large(sizes["sizes"], field)
    return _BY_STATUS.get(code, errors.Internal)(message)


def too_large(sizes: str, field: str) -> ResourceExhausted:
    """The error for a request that is larger than a message may be."""
    advice = ": use bulk_add, or add fewer at a time" if field == "episodes" else ""
    return ResourceExhausted(f"the request is larger than a message may be ({sizes}){advice}", field=field)


def _from_status(packed: bytes) -> AgentctxError | None:
    try:
        status = status_pb2.Status.FromString(packed)
        info, retry = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo()
        for detail in status.details:
            if detail.Is(info.DESCRIPTOR):
                detail.Unpack(info)
            elif detail.Is(retry.DESCRIPTOR):
                detail.Unpack(retry)
    except DecodeError:
        return None
    if info.domain != DOMAIN:
        return None
    details = dict(info.metadata)
    field = details.pop("field", "")
    # A newer server may know classes that this client does not: the status code names their nearest known ancestor.
    cls = _BY_REASON.get(info.reason) or _BY_STATUS.get(_status_code(status.code), errors.Internal)
    if issubclass(cls, ResourceExhausted):
        return cls(status.message, field=field, retry_after=retry.retry_delay.ToNanoseconds() / 1e9, **details)
    return cls(status.message, field=field, **details)


def _status_code(number: int) -> grpc.StatusCode:
    return next((code for code in grpc.StatusCode if code.value[0] == number), grpc.StatusCode.UNKNOWN)


def _cut(text: str, limit: int) -> str:
    """At most `limit` bytes of text that UTF-8 can carry."""
    packed = text.encode(errors="replace")
    return packed.decode() if len(packed) <= limit else packed[: limit - 3].decode(errors="ignore") + "..."
