"""Making a store, opening one that is there, and refusing what is not ours."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, text

from agentctx.errors import AgentctxError, StoreCorrupt, StoreTooNew
from agentctx.store import schema
from agentctx.store.migrations import HEAD, REVISIONS
from agentctx.types import TagEdit
from tests.fixtures_store import NS, Opener, add, clock, empty_location, location, open_at, store

__all__ = ["clock", "empty_location", "location", "open_at", "store"]
ROOT = Path(__file__).parents[2]


def engine(where: str) -> Engine:
    return create_engine(where if "://" in where else f"sqlite:///{where}")


def execute(where: str, statement: str) -> list[tuple[object, ...]]:
    chosen = engine(where)
    with chosen.begin() as connection:
        result = connection.execute(text(statement))
        rows = [tuple(row) for row in result] if result.returns_rows else []
    chosen.dispose()
    return rows


def test_the_migrations_make_the_tables_that_statements_expect(empty_location: str, open_at: Opener) -> None:
    from alembic.autogenerate import compare_metadata  # noqa: PLC0415 - slow to import
    from alembic.migration import MigrationContext  # noqa: PLC0415

    open_at(empty_location).close()
    chosen = engine(empty_location)
    with chosen.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), schema.metadata) == []
    chosen.dispose()
    assert execute(empty_location, "SELECT version_num FROM alembic_version") == [(HEAD,)]


def test_every_known_revision_has_a_script() -> None:
    scripts = sorted(path.name[:4] for path in (ROOT / "agentctx/store/migrations/versions").glob("0*.py"))
    assert scripts == sorted(REVISIONS)


def test_first_opens_at_once_make_one_store(empty_location: str, open_at: Opener) -> None:
    errors: list[BaseException] = []
    barrier = threading.Barrier(4)

    def one(index: int) -> None:
        try:
            barrier.wait()
            add(open_at(empty_location), str(index))
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=one, args=(index,)) for index in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert open_at(empty_location).stats().episodes == 4


def test_a_newer_store_is_refused_and_left_alone(location: str, open_at: Opener) -> None:
    add(open_at(location), "a")
    open_at(location).close()
    execute(location, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreTooNew, match="newer agentctx") as caught:
        open_at(location)
    assert caught.value.details == {"revision": "9999", "known": HEAD}
    assert execute(location, "SELECT version_num FROM alembic_version") == [("9999",)]
    execute(location, f"UPDATE alembic_version SET version_num = '{HEAD}'")
    assert open_at(location).stats().episodes == 1


def test_a_store_of_the_first_schema_is_brought_up_to_date(location: str, open_at: Opener) -> None:
    opened = open_at(location)
    add(opened, "a")
    opened.close()
    for table in (
        *("llm_feedback", "llm_attempts", "llm_requests"),
        *("code_states", "code_derived", "code_facts", "code_edges", "code_files", "code_generations"),
        *("code_repositories", "tag_edits", "episode_tags"),
    ):
        execute(location, f"DROP TABLE {table}")
    execute(location, "UPDATE alembic_version SET version_num = '0001'")
    opened = open_at(location)
    assert opened.stats().episodes == 1
    assert opened.edit_tags(NS, [TagEdit("add", "x")], known=0) is not None
    assert execute(location, "SELECT version_num FROM alembic_version") == [(HEAD,)]


def test_a_store_that_lost_its_revision_is_refused(location: str, open_at: Opener) -> None:
    execute(location, "DROP TABLE alembic_version")
    with pytest.raises(StoreCorrupt):
        open_at(location)


def test_a_table_that_is_missing_is_told(location: str, open_at: Opener) -> None:
    opened = open_at(location)
    execute(location, "DROP TABLE requests")
    with pytest.raises(StoreCorrupt, match="table"):
        add(opened, "a", request=("r", "h"))


def test_opening_a_store_that_is_up_to_date_does_not_import_alembic(location: str) -> None:
    program = (
        "import sys; from agentctx.store import open_store; from agentctx.config import StoreSettings; "
        "from agentctx.ids import SystemClock, TimeOrderedIds; "
        "open_store(sys.argv[1], clock=SystemClock(), ids=TimeOrderedIds(), settings=StoreSettings()).close(); "
        "sys.exit(any(name.split('.')[0] == 'alembic' for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", program, location], cwd=ROOT, check=False).returncode == 0


@pytest.mark.parametrize("where", ["mysql://h/d", "ftp://x", ":memory:", "", "sqlite://", "a\0b", "x://"])
def test_a_location_that_means_no_store(where: str, open_at: Opener) -> None:
    with pytest.raises(AgentctxError) as caught:
        open_at(where)
    assert caught.value.field == "store"
