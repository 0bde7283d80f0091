"""Brings a database to the schema of this agentctx. Alembic is imported only where there is something to do."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, inspect, text

from agentctx.errors import StoreCorrupt, StoreTooNew
from agentctx.store.migrations import HEAD, REVISIONS

_SCRIPTS: Final = "agentctx.store:migrations"


def check_revision(revision: str | None) -> bool:
    """Whether a database at `revision` (None: an empty one) needs `upgrade`.

    Raises StoreTooNew for a revision that this agentctx does not know.
    """
    if revision is not None and revision not in REVISIONS:
        raise StoreTooNew(
            f"this store was written by a newer agentctx (schema {revision}, this one knows up to {HEAD}); "
            "upgrade agentctx: pip install --upgrade agentctx",
            revision=revision,
            known=HEAD,
        )
    return revision != HEAD


def read_revision(connection: Connection) -> str | None:
    """The revision a database is at, None for one without our tables. Raises StoreCorrupt for someone else's tables."""
    tables = set(inspect(connection).get_table_names())
    if "alembic_version" not in tables:
        if "episodes" in tables or (tables and connection.dialect.name == "sqlite"):
            raise StoreCorrupt("this database holds other tables: it is not an agentctx store")
        return None
    revision = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return None if revision is None else str(revision)


def upgrade(connection: Connection) -> None:
    """Run the missing migrations inside the transaction that `connection` is in; the caller holds the write lock."""
    from alembic import command  # noqa: PLC0415 - 100 ms and more, needed once in the life of a store
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", _SCRIPTS)
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
