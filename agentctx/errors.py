"""Every error that agentctx raises, in one tree.

::

    AgentctxError
    ├── InvalidArgument       the caller sent something wrong; `field` says what, the message says the fix
    ├── NotFound              no such namespace, episode or session, or the caller may not see it: same answer
    ├── AlreadyExists         an id is taken
    │   └── RequestConflict   this request_id was used before with another body
    ├── FailedPrecondition    the request is fine, the store is not in the state that it needs
    │   ├── EmbedderMismatch  the store was filled by another embedder; re-embed it or open it with that one
    │   ├── StoreTooNew       the store was written by a newer agentctx
    │   ├── StalePageToken    a page token from before a purge: list again from the start
    │   └── RevisionMismatch  the episode changed since the revision given in `if_revision`
    ├── Unauthenticated       no token, or an unknown one
    ├── PermissionDenied      a path outside of what the server reads for its callers
    ├── ResourceExhausted     too much at once; `retry_after` says when to come back
    ├── DeadlineExceeded      the time that the caller allowed is over
    ├── Unavailable           try again later: store locked, server draining, embedding endpoint down
    │   └── RevisionNotReached  `min_revision` is ahead of what this process can see
    ├── Cancelled             the caller or Ctrl-C stopped it
    ├── MissingDependency     an extra is not installed; the message holds the pip command
    ├── StoreCorrupt          the store cannot be read
    └── Internal              a bug in agentctx

Each class has a stable `code`, the same in the library, the CLI's JSON and gRPC's ErrorInfo.reason.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar


class AgentctxError(Exception):
    """Root of the tree: catch this to catch everything that agentctx raises on purpose.

    `code` is stable and machine-readable; `field` names the offending input, where there is one; `details` holds
    further string facts (an existing id, the command that mends the situation).
    """

    code: ClassVar[str] = "internal"

    def __init__(self, message: str, *, field: str = "", **details: str) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        self.details = details

    def to_dict(self) -> dict[str, object]:
        """The error as the CLI prints it with `--json`."""
        answer: dict[str, object] = {"code": self.code, "message": self.message}
        if self.field:
            answer["field"] = self.field
        if self.details:
            answer["details"] = dict(self.details)
        return answer


class InvalidArgument(AgentctxError):
    """The caller sent something wrong; `field` names it and the message says how to mend it."""

    code = "invalid_argument"


class NotFound(AgentctxError):
    """No such thing, or one that the caller may not see: both get this same answer."""

    code = "not_found"


class AlreadyExists(AgentctxError):
    """An id is taken; `details["id"]` holds it."""

    code = "already_exists"


class RequestConflict(AlreadyExists):
    """A `request_id` was used before with another body; `details["request_id"]` holds it."""

    code = "request_conflict"


class FailedPrecondition(AgentctxError):
    """The request is well-formed, but the store is not in the state that it needs."""

    code = "failed_precondition"


class EmbedderMismatch(FailedPrecondition):
    """The store holds vectors of another embedder; the message names the command that re-embeds it."""

    code = "embedder_mismatch"


class StoreTooNew(FailedPrecondition):
    """The store was written by a newer agentctx: upgrade the program, the store is left as it is."""

    code = "store_too_new"


class StalePageToken(FailedPrecondition):
    """A page token from before a purge or a deletion of the namespace: list again from the start."""

    code = "stale_page_token"


class RevisionMismatch(FailedPrecondition):
    """The episode has changed since `if_revision`: read it again and decide anew."""

    code = "revision_mismatch"


class Unauthenticated(AgentctxError):
    """The server wants a bearer token and got none, or one it does not know."""

    code = "unauthenticated"


class PermissionDenied(AgentctxError):
    """A path (or a token counter) that the server does not read for a caller; nothing tells whether it exists."""

    code = "permission_denied"


class ResourceExhausted(AgentctxError):
    """Too much at once. `retry_after` is the advised wait in seconds (0: waiting does not help)."""

    code = "resource_exhausted"

    def __init__(self, message: str, *, field: str = "", retry_after: float = 0.0, **details: str) -> None:
        super().__init__(message, field=field, **details)
        self.retry_after = retry_after


class DeadlineExceeded(AgentctxError):
    """The time that the caller allowed is over; nothing was written by the call, or all of it was."""

    code = "deadline_exceeded"


class Unavailable(AgentctxError):
    """Not now: the store is locked, the server drains, the embedding endpoint is down. Retry with the same ids."""

    code = "unavailable"


class RevisionNotReached(Unavailable):
    """`min_revision` is ahead of what this process can see: a replica that lags, or a revision of another store."""

    code = "revision_not_reached"


class Cancelled(AgentctxError):
    """The caller stopped the operation; what was acknowledged before stays."""

    code = "cancelled"


class MissingDependency(AgentctxError):
    """An optional package is not installed; the message holds the pip command that installs it."""

    code = "missing_dependency"


class StoreCorrupt(AgentctxError):
    """The store cannot be read: not an agentctx store, or damaged."""

    code = "store_corrupt"


class Internal(AgentctxError):
    """A bug in agentctx. The message holds no content of the store."""

    code = "internal"


def error_classes() -> Iterator[type[AgentctxError]]:
    """Every class of the tree, the root first; the gRPC mapping is built from it."""
    pending: list[type[AgentctxError]] = [AgentctxError]
    while pending:
        cls = pending.pop(0)
        yield cls
        pending.extend(cls.__subclasses__())
