"""The exit codes of `agentctx`, decided once: the help, the docs and the error handling read this table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Exit:
    """An exit code, what it means, and the stable error codes that lead to it."""

    code: int
    meaning: str
    errors: tuple[str, ...] = ()


EXITS: Final[tuple[Exit, ...]] = (
    Exit(0, "done"),
    Exit(1, "done in part: an item of `memory add --file` was refused, or a check of `doctor` failed"),
    Exit(2, "wrong usage or input", ("invalid_argument",)),
    Exit(3, "no such namespace, episode, repository, symbol or store, or not yours to see", ("not_found",)),
    Exit(4, "an id or a request id is taken", ("already_exists", "request_conflict")),
    Exit(
        5,
        "the store is not in the state that this needs",
        ("failed_precondition", "embedder_mismatch", "store_too_new", "stale_page_token", "revision_mismatch"),
    ),
    Exit(6, "the server wants a valid token, or may not read that path", ("unauthenticated", "permission_denied")),
    Exit(7, "too much at once, or no space left", ("resource_exhausted",)),
    Exit(8, "out of time", ("deadline_exceeded",)),
    Exit(9, "not now: try again", ("unavailable", "revision_not_reached")),
    Exit(10, "an optional package is missing", ("missing_dependency",)),
    Exit(11, "the store cannot be read", ("store_corrupt",)),
    Exit(70, "a bug in agentctx", ("internal",)),
    Exit(130, "stopped by Ctrl-C, or not confirmed", ("cancelled",)),
    Exit(141, "the reader of the output went away"),
)

OK: Final = 0
PARTLY: Final = 1
USAGE: Final = 2
BUG: Final = 70
STOPPED: Final = 130
BROKEN_PIPE: Final = 141

_BY_ERROR: Final = {error: one.code for one in EXITS for error in one.errors}


def exit_code(error: str) -> int:
    """The exit code of a stable error code."""
    return _BY_ERROR.get(error, BUG)


def table() -> str:
    """The exit codes as aligned lines, for the help."""
    return "\n".join(f"{one.code:>5}  {one.meaning}" for one in EXITS)
