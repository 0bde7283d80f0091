"""The store in one SQLite file: WAL, one writer with group commit, readers that never wait for it."""

from __future__ import annotations

import logging
import os
import shutil
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

from sqlalchemy import Connection, Engine, QueuePool, create_engine, event, exc, text

from agentctx.config import StoreSettings
from agentctx.errors import AgentctxError, FailedPrecondition, Internal, InvalidArgument
from agentctx.store import migrate
from agentctx.store.database import Hook
from agentctx.store.driver_errors import DRIVER, translate, translated
from agentctx.store.group_commit import GroupCommit

T = TypeVar("T")

_log = logging.getLogger(__name__)
_HEAD: Final = "SELECT epoch, head_sequence FROM namespaces WHERE name = ?"
_MAPPED: Final = 1 << 40  # bytes of the file that readers map rather than read; SQLite's own limit is lower
UNFINISHED_PURGE: Final = "purged bytes may still be in the store's files"
_SCRUB_DUE: Final = "INSERT OR REPLACE INTO meta (key, value) VALUES ('scrub_due', '1')"
_SCRUBBED: Final = "DELETE FROM meta WHERE key = 'scrub_due'"
# Connections that a fork left in the child: closing them there could disturb the parent's locks.
_left_by_fork: Final[list[object]] = []


class SqliteDatabase:
    """A store in the file `path`, which is made (0600) if there is none. Implements Database."""

    def __init__(self, path: Path, settings: StoreSettings, hook: Hook) -> None:
        self._path = path
        self._settings = settings
        self._hook = hook
        self._closed = False
        self._fork_lock = threading.Lock()
        with translated():
            self._create_file()
            self._open()

    @property
    def url(self) -> str:
        """The path of the file."""
        return str(self._path)

    def read(self, operation: Callable[[Connection], T]) -> T:
        """Run `operation` on one consistent snapshot."""
        self._check_process()
        with translated(), self._readers.connect() as connection:
            return operation(connection)

    def write(self, operation: Callable[[Connection], T], *, scrub: bool = False) -> T:
        """Run `operation` in a transaction that it may share with others' writes; returns when it is durable."""
        self._check_process()
        if not scrub:
            return self._commits.run(operation)

        def marked(connection: Connection) -> T:
            result = operation(connection)
            connection.execute(text(_SCRUB_DUE))
            return result

        return self._commits.run(marked, scrub=True)

    @property
    def dialect(self) -> Literal["sqlite"]:
        """The SQL that `select` takes."""
        return "sqlite"

    def select(self, sql: str, parameters: Sequence[Any]) -> Sequence[Sequence[Any]]:
        """All rows of one SELECT, outside of any transaction. A few microseconds and what the rows cost."""
        self._check_process()
        try:
            try:
                connection = self._heads.pop()
            except IndexError:
                connection = self._connect_reader()
            found = connection.execute(sql, parameters).fetchall()
            self._heads.append(connection)
        except DRIVER as error:
            raise translate(error) from error
        return found

    def head(self, namespace: str) -> tuple[int, int] | None:
        """Epoch and sequence of a namespace as last committed by any process. A few microseconds."""
        found = self.select(_HEAD, (namespace,))
        return (found[0][0], found[0][1]) if found else None

    def engine_version(self) -> str:
        """Name and version of the engine."""
        return f"sqlite {sqlite3.sqlite_version}"

    def check(self) -> list[str]:
        """What SQLite's own check finds wrong; empty: nothing."""
        lines = self.read(lambda connection: list(connection.execute(text("PRAGMA integrity_check(20)")).scalars()))
        problems = [] if lines == ["ok"] else lines
        if self._is_scrub_due():
            problems.append(f"{UNFINISHED_PURGE}: {self._why_unfinished()}")
        return problems

    def size(self) -> int:
        """Bytes of the file and its WAL."""
        files = (self._path, Path(f"{self._path}-wal"))
        return sum(file.stat().st_size for file in files if file.exists())

    def close(self) -> None:
        """Finish the writes under way and release connections."""
        if self._closed:
            return
        self._closed = True
        self._commits.close()
        while self._heads:
            self._heads.pop().close()
        self._readers.dispose()
        # The writer goes last: the last connection to close folds the WAL into the file.
        self._writer.close()
        self._writers.dispose()

    # --- opening ------------------------------------------------------------------------------------------------------

    def _create_file(self) -> None:
        if self._path.is_dir():
            raise InvalidArgument(f"{self._path} is a folder; name a file in it", field="store")
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with suppress(FileExistsError):
            os.close(os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))

    def _open(self) -> None:
        self._pid = os.getpid()
        self._heads: deque[sqlite3.Connection] = deque()
        self._readers = self._engine(self._connect_reader, "BEGIN", self._settings.pool_size)
        self._writers = self._engine(self._connect_writer, "BEGIN IMMEDIATE", 1)
        try:
            self._migrate()
            self._writer = self._writers.connect()
        except BaseException:
            self._readers.dispose()
            self._writers.dispose()
            raise
        self._scrub_due, self._rewritten = self._is_scrub_due(), False
        self._scrub_failure: AgentctxError | None = None
        self._scrub_if_due(patience=0.0)  # a purge whose process died before it had finished
        self._commits = GroupCommit(self._writer, self._hook, self._committed)

    def _migrate(self) -> None:
        with self._readers.connect() as connection:
            if not migrate.check_revision(migrate.read_revision(connection)):
                return
        deadline = time.monotonic() + self._settings.busy_timeout
        while True:  # turning WAL on does not wait for other processes that are opening the same new file
            try:
                self._switch_to_wal()
                break
            except sqlite3.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
        with self._writers.begin() as connection:
            if migrate.check_revision(migrate.read_revision(connection)):
                migrate.upgrade(connection)

    def _switch_to_wal(self) -> None:
        connection = self._connect()
        try:
            mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
        finally:
            connection.close()
        if mode != "wal":
            raise FailedPrecondition("SQLite cannot use WAL in this folder (a network file system?)", field="store")

    def _engine(self, connect: Callable[[], sqlite3.Connection], begin: str, size: int) -> Engine:
        engine = create_engine(
            "sqlite://",
            creator=connect,
            poolclass=QueuePool,
            pool_size=size,
            max_overflow=-1,
        )

        @event.listens_for(engine, "begin")
        def _begin(connection: Connection) -> None:
            connection.exec_driver_sql(begin)

        return engine

    def _connect(self) -> sqlite3.Connection:
        """A connection in autocommit mode: the driver's own BEGIN comes too late and is never IMMEDIATE."""
        return sqlite3.connect(
            self._path,
            timeout=self._settings.busy_timeout,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=256,
        )

    def _connect_reader(self) -> sqlite3.Connection:
        connection = self._connect()
        connection.execute("PRAGMA query_only = ON")
        connection.execute(f"PRAGMA mmap_size = {_MAPPED}")
        return connection

    def _connect_writer(self) -> sqlite3.Connection:
        connection = self._connect()
        for pragma in (
            f"synchronous = {self._settings.synchronous}",
            "foreign_keys = ON",
            "secure_delete = ON",  # what is deleted is overwritten with zeros
            "temp_store = MEMORY",  # content never reaches another file
            "cache_size = -32768",
        ):
            connection.execute(f"PRAGMA {pragma}")
        return connection

    # --- the writer's thread ------------------------------------------------------------------------------------------

    def _is_scrub_due(self) -> bool:
        return self.read(lambda c: c.execute(text("SELECT 1 FROM meta WHERE key = 'scrub_due'")).first()) is not None

    def _why_unfinished(self) -> str:
        if self._scrub_failure is not None:
            return self._scrub_failure.message
        if self._rewritten:
            return "another process keeps an old snapshot open"
        return "too little space is free to rewrite the file" if not self._has_room() else "it was interrupted"

    def _committed(self, scrub: bool) -> AgentctxError | None:
        if scrub:
            self._scrub_due, self._rewritten = True, False
        # Who purges waits for readers of old snapshots to end; a later write that finds it undone only tries.
        failure = self._scrub_if_due(patience=self._settings.busy_timeout if scrub else 0.0)
        if not scrub or failure is None:
            return None
        _log.warning("rewriting the store after a purge failed; the next write or opening tries again")
        message = (
            f"purged from the store, but the bytes are still in the file: {failure.message}; "
            "then run any write, or `agentctx doctor`, to finish"
        )
        return type(failure)(message, purged="true")

    def _has_room(self) -> bool:
        return shutil.disk_usage(self._path.parent).free > self.size()

    def _scrub_if_due(self, patience: float) -> AgentctxError | None:
        """Make sure that purged bytes are neither in the file nor in the WAL.

        `secure_delete` alone does not: when SQLite moves rows between pages, stale copies stay in the unused parts of
        pages, beyond the reach of a later delete (in 2 of 4 random runs of some 1000 purges). So the file is rewritten.

        Returns why that failed. Without patience, it is not even tried while the disk is too full for it.
        """
        if not self._scrub_due or (not patience and not self._rewritten and not self._has_room()):
            return None
        self._hook("store.before_scrub")
        driver: Any = self._writer.connection.driver_connection
        try:
            if not self._rewritten:
                driver.execute("PRAGMA temp_store = FILE")  # a large store would not fit into memory twice
                self._vacuum(driver)
                self._rewritten = True
            self._scrub_failure = None
            if self._truncate_wal(patience):
                with self._writer.begin():
                    self._writer.execute(text(_SCRUBBED))
                self._scrub_due = False
                return None
        except (sqlite3.Error, exc.SQLAlchemyError, OSError) as error:
            failure = translate(error)
            self._scrub_failure = failure if isinstance(failure, AgentctxError) else Internal(type(error).__name__)
            return self._scrub_failure
        finally:
            driver.execute("PRAGMA temp_store = MEMORY")
        if patience:
            _log.warning("purged bytes stay in the store's files while another process reads an old snapshot")
        return None

    def _vacuum(self, driver: Any) -> None:
        driver.execute("VACUUM")

    def _truncate_wal(self, patience: float) -> bool:
        driver: Any = self._writer.connection.driver_connection
        deadline = time.monotonic() + patience
        driver.execute("PRAGMA busy_timeout = 50")
        try:
            while driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
                if time.monotonic() >= deadline:
                    return False
            return True
        finally:
            driver.execute(f"PRAGMA busy_timeout = {int(self._settings.busy_timeout * 1000)}")

    def _check_process(self) -> None:
        if self._closed:
            raise FailedPrecondition("the store is closed", field="store")
        if self._pid != os.getpid():
            with self._fork_lock:
                if self._pid != os.getpid():
                    _left_by_fork.extend((self._heads, self._writer, self._writers, self._readers, self._commits))
                    self._readers.dispose(close=False)
                    self._writers.dispose(close=False)
                    with translated():
                        self._open()
