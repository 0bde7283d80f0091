"""Turns what SQLAlchemy and the drivers raise into agentctx's own errors. Messages hold no content of the store."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy import exc

from agentctx.errors import (
    AgentctxError,
    FailedPrecondition,
    Internal,
    InvalidArgument,
    ResourceExhausted,
    StoreCorrupt,
    Unavailable,
)

_LOCKED: Final = (
    "the store is locked by another process; try again, or raise store.busy_timeout if its writes take that long"
)
_RETRYABLE: Final = frozenset({"40001", "40P01"})


DRIVER: Final = (exc.SQLAlchemyError, sqlite3.Error, OSError, UnicodeError, OverflowError)
"""What drivers raise, and `translate` makes something else of."""


@contextmanager
def translated() -> Iterator[None]:
    """Within this block every driver error leaves as an AgentctxError."""
    try:
        yield
    except AgentctxError:
        raise
    except DRIVER as error:
        raise translate(error) from error


def translate(error: BaseException) -> BaseException:
    """The AgentctxError that says what `error` means to a caller; other exceptions as they are."""
    if isinstance(error, AgentctxError):
        return error
    cause = error.orig if isinstance(error, exc.DBAPIError) and error.orig is not None else error
    if isinstance(cause, UnicodeError):
        return InvalidArgument("a text holds characters that cannot be stored as UTF-8 (lone surrogates)")
    if isinstance(cause, OverflowError):
        return InvalidArgument("a number is outside the 64-bit range")
    if isinstance(cause, sqlite3.Error):
        return _from_sqlite(cause)
    if isinstance(cause, exc.TimeoutError):
        return ResourceExhausted("all store connections are busy; try again, or raise store.pool_size", retry_after=1.0)
    if isinstance(cause, OSError):
        return FailedPrecondition(f"cannot open the store: {cause.strerror or cause}", field="store")
    if isinstance(error, exc.DBAPIError):
        return _from_postgres(cause, error)
    if isinstance(error, exc.SQLAlchemyError):
        return Internal(f"the store failed: {type(error).__name__}")
    return error


def is_retryable(error: BaseException) -> bool:
    """Whether the engine undid the transaction only because of others in its way: run it again."""
    return isinstance(error, exc.DBAPIError) and getattr(error.orig, "sqlstate", None) in _RETRYABLE


def _from_sqlite(error: sqlite3.Error) -> AgentctxError:
    code = getattr(error, "sqlite_errorcode", None)
    match (code or 0) & 0xFF:
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return Unavailable(_LOCKED)
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            return StoreCorrupt("the store's file is damaged or is not an SQLite database; restore it from a backup")
        case sqlite3.SQLITE_FULL:
            return ResourceExhausted("no space is left on the store's disk; free some and try again")
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM | sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_AUTH:
            return FailedPrecondition(
                "the store's file or folder cannot be opened for writing; check its path and permissions", field="store"
            )
        case sqlite3.SQLITE_IOERR:
            return Unavailable("reading or writing the store's file failed; check the disk")
        case sqlite3.SQLITE_TOOBIG:
            return InvalidArgument("a value is larger than SQLite can hold")
    if "no such table" in str(error) or "no such column" in str(error):
        return StoreCorrupt("a table of the store is missing; restore it from a backup")
    if "Could not decode to UTF-8" in str(error):
        return StoreCorrupt("the store holds text that is not UTF-8; restore it from a backup")
    return Internal(f"the store failed: {type(error).__name__} {getattr(error, 'sqlite_errorname', '')}".rstrip())


def _from_postgres(cause: BaseException, error: exc.DBAPIError) -> AgentctxError:
    state = str(getattr(cause, "sqlstate", None) or "")
    if state in ("22021", "22003") or (isinstance(error, exc.DataError) and not state):
        return InvalidArgument("a value cannot be stored in PostgreSQL (a NUL character, or a number beyond 64 bits)")
    if state in ("53100", "53200"):
        return ResourceExhausted("PostgreSQL is out of disk space or memory")
    if state == "53300":
        return ResourceExhausted("PostgreSQL has no connection left; lower store.pool_size", retry_after=1.0)
    if state[:2] in ("28", "3D") or state == "42501":
        return FailedPrecondition(
            "PostgreSQL refuses this user or database; check the URL and the grants", field="store"
        )
    if state in ("XX001", "XX002", "42P01", "42703"):
        return StoreCorrupt("PostgreSQL reports a damaged or missing table; restore it from a backup")
    if state == "25006":
        return Unavailable("this PostgreSQL server is read-only (a replica?); connect to the primary")
    if state in ("55P03", *_RETRYABLE):
        return Unavailable(_LOCKED)
    if error.connection_invalidated or isinstance(error, exc.OperationalError | exc.InterfaceError):
        return Unavailable("PostgreSQL cannot be reached or ended the connection; try again with the same ids")
    return Internal(f"the store failed: {type(cause).__name__} {state}".rstrip())
