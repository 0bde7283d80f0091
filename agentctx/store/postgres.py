"""The store in PostgreSQL, through psycopg 3. The database locks heads for us; see `heads`."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from typing import Any, Final, Literal, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, exc, text
from sqlalchemy.engine import URL

from agentctx.config import StoreSettings
from agentctx.errors import FailedPrecondition, MissingDependency
from agentctx.store import heads, migrate
from agentctx.store.database import Hook
from agentctx.store.driver_errors import is_retryable, translated

T = TypeVar("T")

_ATTEMPTS: Final = 4
_HEAD: Final = "SELECT epoch, head_sequence FROM namespaces WHERE name = %s"


class PostgresDatabase:
    """A store in the database that `url` names, in its first schema on the search path. Implements Database."""

    def __init__(self, url: URL, settings: StoreSettings, hook: Hook) -> None:
        try:
            import psycopg  # noqa: F401, PLC0415 - an extra; better missed here than inside SQLAlchemy
        except ImportError as error:
            raise MissingDependency(
                "a PostgreSQL store needs psycopg: pip install 'agentctx[postgres]'", package="psycopg"
            ) from error
        self._url = url.set(drivername="postgresql+psycopg")
        self._settings = settings
        self._hook = hook
        self._closed = False
        self._pid = os.getpid()
        self._fork_lock = threading.Lock()
        self._engine = self._create_engine(pre_ping=True)
        self._reader = self._engine.execution_options(isolation_level="REPEATABLE READ")
        # Heads are asked for by every search: no transaction around, no ping before, one retry instead.
        self._heads = self._create_engine(pre_ping=False, isolation_level="AUTOCOMMIT")
        try:
            with translated():
                self._migrate()
        except BaseException:
            self.close()
            raise

    @property
    def url(self) -> str:
        """The URL without its password."""
        url = self._url.difference_update_query(["password", "sslpassword"])
        bare = URL.create(url.drivername, url.username, None, url.host, url.port, url.database, url.query)
        return bare.render_as_string()

    def read(self, operation: Callable[[Connection], T]) -> T:
        """Run `operation` on one consistent snapshot."""
        self._check_process()
        with translated(), self._reader.connect() as connection:
            return operation(connection)

    def write(self, operation: Callable[[Connection], T], *, scrub: bool = False) -> T:
        """Run `operation` in a transaction, again if it was undone for others' sake; returns when it is durable.

        `scrub` needs the operator here: see docs/purge.md.
        """
        self._check_process()
        with translated():
            for _ in range(_ATTEMPTS - 1):
                try:
                    return self._write(operation)
                except exc.DBAPIError as error:
                    if not is_retryable(error):
                        raise
            return self._write(operation)

    @property
    def dialect(self) -> Literal["postgresql"]:
        """The SQL that `select` takes."""
        return "postgresql"

    def select(self, sql: str, parameters: Sequence[Any]) -> Sequence[Sequence[Any]]:
        """All rows of one SELECT, outside of any transaction."""
        self._check_process()
        with translated():
            try:
                return self._select(sql, parameters)
            except exc.DBAPIError as error:
                if not error.connection_invalidated:
                    raise
            return self._select(sql, parameters)

    def head(self, namespace: str) -> tuple[int, int] | None:
        """Epoch and sequence of a namespace as last committed by any process."""
        found = self.select(_HEAD, (namespace,))
        return (found[0][0], found[0][1]) if found else None

    def engine_version(self) -> str:
        """Name and version of the engine."""
        version = self.read(lambda c: c.execute(text("SHOW server_version")).scalar_one())
        return f"postgresql {version}"

    def check(self) -> list[str]:
        """PostgreSQL checks its own pages (data checksums, amcheck); nothing is asked of it here."""
        return []

    def size(self) -> int:
        """Bytes of the store's tables and indexes."""
        query = text(
            "SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0) FROM pg_class c WHERE c.oid IN "
            "(SELECT to_regclass(n) FROM unnest(ARRAY['namespaces','episodes','changes','vectors','requests',"
            "'code_generations','code_files','code_edges','code_facts','code_derived','code_states']) n)"
        )
        return int(self.read(lambda c: c.execute(query).scalar_one()))

    def close(self) -> None:
        """Release connections."""
        self._closed = True
        self._engine.dispose()
        self._heads.dispose()

    def _write(self, operation: Callable[[Connection], T]) -> T:
        with self._engine.begin() as connection:
            result = operation(connection)
            self._hook("store.before_commit")
        self._hook("store.after_commit")
        return result

    def _select(self, sql: str, parameters: Sequence[Any]) -> Sequence[Sequence[Any]]:
        with self._heads.connect() as connection:
            return connection.exec_driver_sql(sql, tuple(parameters)).fetchall()

    def _migrate(self) -> None:
        with self._engine.begin() as connection:
            if connection.execute(text("SHOW server_encoding")).scalar() != "UTF8":
                raise FailedPrecondition("the PostgreSQL database must have the encoding UTF8", field="store")
            if not migrate.check_revision(migrate.read_revision(connection)):
                return
        with self._engine.begin() as connection:
            heads.own_store(connection)  # one process migrates, the others find it done
            if migrate.check_revision(migrate.read_revision(connection)):
                migrate.upgrade(connection)

    def _create_engine(self, *, pre_ping: bool, **options: Any) -> Engine:
        engine = create_engine(
            self._url,
            pool_pre_ping=pre_ping,
            pool_size=self._settings.pool_size,
            max_overflow=self._settings.pool_size,
            pool_timeout=self._settings.busy_timeout,
            connect_args={"application_name": "agentctx", "connect_timeout": 10}
            | {
                name: value
                for name, value in self._url.query.items()
                if name in ("application_name", "connect_timeout")
            },
            **options,
        )
        timeout = f"SET lock_timeout = {int(self._settings.busy_timeout * 1000)}"

        @event.listens_for(engine, "connect")
        def _connected(connection: Any, _: object) -> None:
            before, connection.autocommit = connection.autocommit, True
            connection.execute(timeout)
            connection.autocommit = before

        return engine

    def _check_process(self) -> None:
        if self._closed:
            raise FailedPrecondition("the store is closed", field="store")
        if self._pid != os.getpid():
            with self._fork_lock:
                if self._pid != os.getpid():
                    self._engine.dispose(close=False)
                    self._heads.dispose(close=False)
                    self._pid = os.getpid()
