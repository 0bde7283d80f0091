"""Finds out what engine a location means, and opens the store there."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from agentctx.config import StoreSettings
from agentctx.errors import InvalidArgument
from agentctx.ids import Clock, IdFactory
from agentctx.store.database import Database, Hook, no_hook
from agentctx.store.store import Store


def open_store(
    location: str | Path, *, clock: Clock, ids: IdFactory, settings: StoreSettings, hook: Hook = no_hook
) -> Store:
    """Open the store at a path (SQLite; made if there is none) or a `postgresql://` URL.

    Brings an older schema up to date. `hook` is for tests: it is called with the name of each failpoint.

    Raises InvalidArgument for a location that means neither, StoreTooNew, StoreCorrupt, MissingDependency where
    PostgreSQL's driver is not installed, FailedPrecondition where the place cannot be written.
    """
    return Store(_database(location, settings, hook), clock, ids)


def _database(location: str | Path, settings: StoreSettings, hook: Hook) -> Database:
    text = str(location)
    if isinstance(location, str) and "://" in text:
        try:
            url = make_url(text)
        except (ArgumentError, ValueError) as error:
            raise InvalidArgument("the store's URL cannot be read", field="store") from error
        backend = url.get_backend_name()
        if backend in ("postgresql", "postgres"):
            from agentctx.store.postgres import PostgresDatabase  # noqa: PLC0415 - needs an extra

            return PostgresDatabase(url, settings, hook)
        if backend != "sqlite":
            raise InvalidArgument(f"{backend}:// is no store; give a path or a postgresql:// URL", field="store")
        text = url.database or ""
    if text in ("", ":memory:"):
        raise InvalidArgument("a store needs a file: give a path, in a temporary folder if need be", field="store")
    if "\0" in text:
        raise InvalidArgument("a path cannot hold a NUL character", field="store")
    from agentctx.store.sqlite import SqliteDatabase  # noqa: PLC0415 - one engine is enough

    # Absolute: connections are made later too, when the working directory may be another.
    return SqliteDatabase(Path(text).expanduser().absolute(), settings, hook)
