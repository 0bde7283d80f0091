"""What is particular to the PostgreSQL engine."""

from __future__ import annotations

import sys

import pytest

from agentctx.errors import FailedPrecondition, InvalidArgument, MissingDependency, Unavailable
from agentctx.types import Revision
from tests.fixtures_store import NS, Opener, add, clock, episode, open_at, running_postgres

__all__ = ["clock", "open_at"]


def test_the_url_is_shown_without_its_password(open_at: Opener) -> None:
    url = running_postgres().new_store().replace("svc@", "svc:hunter2@")
    shown = open_at(url).url
    assert "svc@" in shown
    assert "hunter2" not in shown


def test_without_the_driver_the_extra_is_named(open_at: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(MissingDependency, match=r"pip install 'agentctx\[postgres\]'"):
        open_at("postgresql://localhost/x")


def test_a_server_that_is_not_there(open_at: Opener) -> None:
    with pytest.raises(Unavailable):
        open_at("postgresql://nobody@127.0.0.1:1/none")


def test_a_database_that_is_not_there(open_at: Opener) -> None:
    with pytest.raises((FailedPrecondition, Unavailable)):
        open_at(running_postgres().url("none"))


def test_only_utf8(open_at: Opener) -> None:
    server = running_postgres()
    server.execute("CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'")
    with pytest.raises(FailedPrecondition, match="UTF8"):
        open_at(server.url("latin"))


def test_a_nul_character_is_refused(open_at: Opener) -> None:
    opened = open_at(running_postgres().new_store())
    with pytest.raises(InvalidArgument, match="NUL"):
        add(opened, "a\0b")
    assert opened.head(NS) is None


def test_connections_that_the_server_ended_are_made_anew(open_at: Opener) -> None:
    server = running_postgres()
    opened = open_at(server.new_store())
    add(opened, episode(id="x"))
    assert opened.head(NS) == Revision(1, 1)
    server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'agentctx'")
    assert opened.head(NS) == Revision(1, 1)
    assert opened.get(NS, "x").content == "hello"
    server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'agentctx'")
    assert add(opened, "b").revision == Revision(1, 2)


def test_a_lock_held_too_long(open_at: Opener) -> None:
    import psycopg  # noqa: PLC0415 - an extra

    server = running_postgres()
    url = server.new_store()
    opened = open_at(url, busy_timeout=0.1)
    add(opened, "a")
    with psycopg.connect(url.replace("+psycopg", "")) as other:
        other.execute("SELECT * FROM namespaces FOR UPDATE")
        with pytest.raises(Unavailable, match="locked"):
            add(opened, "b")
        other.rollback()
    assert add(opened, "b").revision == Revision(1, 2)


def test_it_may_live_beside_other_tables(open_at: Opener) -> None:
    import psycopg  # noqa: PLC0415 - an extra

    url = running_postgres().new_database()
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("CREATE TABLE of_another_application (id int)")
    assert add(open_at(url), "a").revision == Revision(1, 1)
