"""One thread that commits for all: writers that come while one fsync runs share the next.

Each operation runs in a savepoint of the shared transaction, so that one that fails harms no other. Nobody hears of
success before the commit has returned. A lone writer waits for nobody.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Any, Final, Generic, TypeVar, cast

from sqlalchemy import Connection

from agentctx.errors import AgentctxError, FailedPrecondition
from agentctx.store.database import Hook
from agentctx.store.driver_errors import translate

T = TypeVar("T")

_MOST: Final = 64  # operations of one transaction: bounds what a crash undoes and how long the first one waits


class _UndoneError(Exception):
    """SQLite undid the whole transaction for one operation's sake (a full disk, say): run the others again."""


class _Write(Generic[T]):
    __slots__ = ("_done", "error", "operation", "result", "scrub")

    def __init__(self, operation: Callable[[Connection], T], scrub: bool) -> None:
        self.operation = operation
        self.scrub = scrub
        self.result: T | None = None
        self.error: BaseException | None = None
        self._done = threading.Event()

    def acknowledge(self) -> None:
        self._done.set()

    def wait(self) -> T:
        self._done.wait()
        if self.error is not None:
            raise self.error
        return cast("T", self.result)


class GroupCommit:
    """Runs writes on one connection, in the order in which they come. Thread-safe.

    `scrub` is called after each commit, with True if an operation in it asked for it. What it returns is raised to
    those who asked for it, though their writes stand.
    """

    def __init__(self, connection: Connection, hook: Hook, scrub: Callable[[bool], AgentctxError | None]) -> None:
        self._connection = connection
        self._hook = hook
        self._scrub = scrub
        self._queue: deque[_Write[Any]] = deque()
        self._wake = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._serve, name="agentctx-store-commit", daemon=True)
        self._thread.start()

    def run(self, operation: Callable[[Connection], T], *, scrub: bool = False) -> T:
        """Run `operation` in a transaction; returns its result once that is durable, or raises its error."""
        write = _Write(operation, scrub)
        with self._wake:
            if self._closing:
                raise FailedPrecondition("the store is closed", field="store")
            self._queue.append(write)
            self._wake.notify()
        return write.wait()

    def close(self) -> None:
        """Finish what is queued, then stop."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        self._thread.join()

    def _serve(self) -> None:
        while batch := self._next():
            try:
                self._commit(batch)
            except _UndoneError:
                for write in batch:
                    if write.error is None:
                        self._commit_alone(write)
            except BaseException as error:  # whatever it is, those who wait must hear of it
                for write in batch:
                    write.error = write.error or translate(error)
            for write in batch:
                write.acknowledge()

    def _commit_alone(self, write: _Write[Any]) -> None:
        try:
            self._commit([write])
        except BaseException as error:
            write.error = write.error or translate(error)

    def _next(self) -> list[_Write[Any]]:
        with self._wake:
            while not self._queue and not self._closing:
                self._wake.wait()
            return [self._queue.popleft() for _ in range(min(len(self._queue), _MOST))]

    def _commit(self, batch: list[_Write[Any]]) -> None:
        with self._connection.begin() as transaction:
            for write in batch:
                self._attempt(write, alone=len(batch) == 1)
            if all(write.error is not None for write in batch):
                transaction.rollback()
                return
            self._hook("store.before_commit")
        self._hook("store.after_commit")
        asking = [write for write in batch if write.scrub and write.error is None]
        failure = self._scrub(bool(asking))
        for write in asking:
            write.error = failure

    def _attempt(self, write: _Write[Any], *, alone: bool) -> None:
        savepoint = None if alone else self._connection.begin_nested()
        try:
            write.result = write.operation(self._connection)
            if savepoint is not None:
                savepoint.commit()
        except BaseException as error:
            write.error = translate(error)
            if savepoint is None:
                return
            if not getattr(self._connection.connection.driver_connection, "in_transaction", True):
                raise _UndoneError from error
            savepoint.rollback()
