"""What is particular to the SQLite engine: files, bytes, fsyncs, locks."""

from __future__ import annotations

import logging
import os
import shutil
import sqlite3
import stat
import threading
import time
import uuid
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from agentctx.cli import checks_store
from agentctx.cli.target import Target
from agentctx.errors import (
    AgentctxError,
    FailedPrecondition,
    InvalidArgument,
    ResourceExhausted,
    StoreCorrupt,
    Unavailable,
)
from agentctx.store import Store
from agentctx.store.sqlite import UNFINISHED_PURGE
from agentctx.testing.failpoints import Failpoints
from agentctx.types import Revision
from tests.fixtures_store import KEY, NS, Opener, add, clock, episode, open_at, sqlite_template

__all__ = ["clock", "open_at"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "store.db").write_bytes(sqlite_template())
    return tmp_path / "store.db"


def files(path: Path) -> bytes:
    return b"".join(file.read_bytes() for file in path.parent.iterdir())


class TestFiles:
    def test_are_the_users_own(self, tmp_path: Path, open_at: Opener) -> None:
        path = tmp_path / "deep" / "store.db"
        add(open_at(path), "a")
        assert {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()} == {0o600}
        assert {file.name for file in path.parent.iterdir()} == {"store.db", "store.db-wal", "store.db-shm"}
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700

    def test_one_file_is_left_after_closing(self, path: Path, open_at: Opener) -> None:
        opened = open_at(path)
        add(opened, "a")
        opened.head(NS)
        opened.read_log(NS)
        opened.close()
        assert [file.name for file in path.parent.iterdir()] == ["store.db"]

    @pytest.mark.parametrize("form", [str, Path, lambda p: f"sqlite:///{p}"])
    def test_the_path_may_take_any_form(self, path: Path, open_at: Opener, form) -> None:
        assert open_at(form(path)).url == str(path)

    @pytest.mark.parametrize("content", [b"not a database at all, but long enough" * 50, b"short"])
    def test_another_file_is_refused_untouched(self, tmp_path: Path, open_at: Opener, content: bytes) -> None:
        other = tmp_path / "notes.txt"
        other.write_bytes(content)
        with pytest.raises(StoreCorrupt):
            open_at(other)
        assert other.read_bytes() == content

    def test_another_programs_database_is_refused_untouched(self, tmp_path: Path, open_at: Opener) -> None:
        other = tmp_path / "places.sqlite"
        connection = sqlite3.connect(other)
        connection.execute("CREATE TABLE moz_places (id)")
        connection.close()
        before = other.read_bytes()
        with pytest.raises(StoreCorrupt, match="not an agentctx store"):
            open_at(other)
        assert other.read_bytes() == before

    def test_a_damaged_store_is_told(self, path: Path, open_at: Opener) -> None:
        opened = open_at(path)
        add(opened, *["word " * 200] * 50)
        opened.close()
        content = bytearray(path.read_bytes())
        content[4096:] = os.urandom(len(content) - 4096)
        path.write_bytes(content)
        with pytest.raises(StoreCorrupt):
            open_at(path).read_log(NS)

    def test_a_folder_is_no_store(self, tmp_path: Path, open_at: Opener) -> None:
        with pytest.raises(InvalidArgument, match="folder"):
            open_at(tmp_path)

    def test_a_folder_that_cannot_be_made(self, tmp_path: Path, open_at: Opener) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(AgentctxError) as caught:
            open_at(tmp_path / "file" / "store.db")
        assert caught.value.field == "store"


class TestPurgedBytes:
    def test_are_in_no_file(self, path: Path, open_at: Opener) -> None:
        """With random inserts and growing rows: what b-tree balancing leaves behind counts too."""
        opened = open_at(path)
        markers: dict[str, str] = {}
        for _ in range(12):
            ids = [f"id-{uuid.uuid4().hex}" for _ in range(25)]
            markers |= {id_: f"mark-{uuid.uuid4().hex}" for id_ in ids}
            items = [
                episode(f"{markers[i]} {'x' * (n * 97 % 3000)}", id=i, session=markers[i], tags=(markers[i],))
                for n, i in enumerate(ids)
            ]
            vectors = [markers[i].encode() * 12 for i in ids]
            opened.append(NS, items, vectors, embedder_key=KEY, request=(markers[ids[0]], markers[ids[0]]))
            for id_ in ids[::3]:
                opened.update(NS, id_, {"metadata": {"m": markers[id_] * 9}})
        gone = list(markers)[::4]
        opened.delete(NS, gone[:5])
        assert all(markers[i].encode() in files(path) for i in gone)
        opened.purge(NS, gone)
        content = files(path)
        left = [i for i in gone if markers[i].encode() in content or i.encode() in content]
        assert left == []
        assert markers[list(markers)[1]].encode() in content

    def test_a_deleted_namespace_is_in_no_file(self, path: Path, open_at: Opener) -> None:
        opened = open_at(path)
        add(opened, "kept", namespace="other")
        add(opened, *[f"secret-marker {i}" for i in range(50)], namespace="secret-name")
        opened.delete_namespace("secret-name")
        assert b"secret-" not in files(path)
        assert b"kept" in files(path)

    def test_an_open_snapshot_delays_it_and_the_next_write_mends_it(
        self, path: Path, open_at: Opener, caplog: pytest.LogCaptureFixture
    ) -> None:
        opened = open_at(path, busy_timeout=0.2)
        add(opened, episode("secret-marker", id="x"), "kept")
        reader = sqlite3.connect(path, isolation_level=None)
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM episodes").fetchone()
        with caplog.at_level(logging.WARNING):
            assert opened.purge(NS, ["x"]).epoch == 2
        assert "old snapshot" in caplog.text
        assert "secret" not in caplog.text
        assert any("purged bytes" in problem for problem in opened.stats().problems)
        reader.close()
        add(opened, "next")
        assert b"secret-marker" not in files(path)
        assert opened.stats().problems == ()

    @pytest.mark.parametrize("whole", [False, True])
    def test_a_disk_too_full_to_rewrite_is_told_and_mended_later(
        self,
        path: Path,
        open_at: Opener,
        caplog: pytest.LogCaptureFixture,
        monkeypatch: pytest.MonkeyPatch,
        whole: bool,
    ) -> None:
        opened = open_at(path)
        add(opened, episode("secret-marker", id="x"), "kept")
        fail_vacuum(opened)
        before = opened.head(NS)
        with (
            caplog.at_level(logging.WARNING),
            pytest.raises(ResourceExhausted, match="bytes are still in the file") as told,
        ):
            opened.delete_namespace(NS) if whole else opened.purge(NS, ["x"])
        assert "no space is left" in told.value.message
        assert told.value.details == {"purged": "true"}
        assert opened.head(NS) != before
        monkeypatch.setattr("shutil.disk_usage", lambda _: shutil._ntuple_diskusage(1, 1, 0))  # type: ignore[attr-defined]
        add(opened, "next")  # tries nothing
        assert len(caplog.records) == 1
        opened.close()
        again = open_at(path)
        (problem,) = again.stats().problems
        assert problem.startswith(UNFINISHED_PURGE)
        assert "too little space" in problem
        monkeypatch.undo()
        add(again, "another")
        assert b"secret-marker" not in files(path)
        assert again.stats().problems == ()
        assert len(caplog.records) == 1

    def test_doctor_tells_of_it_on_a_full_disk(
        self, path: Path, open_at: Opener, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        opened = open_at(path)
        add(opened, episode("secret-marker", id="x"), "kept")
        fail_vacuum(opened)
        with pytest.raises(ResourceExhausted):
            opened.purge(NS, ["x"])
        opened.close()
        monkeypatch.setattr("shutil.disk_usage", lambda _: shutil._ntuple_diskusage(1, 1, 0))  # type: ignore[attr-defined]
        checks = {check.name: check for check in checks_store.store(Target(store=str(path)))}
        assert (checks["disk"].status, checks["purge"].status) == ("failed", "failed")
        assert checks["integrity"].status == "ok"

    def test_a_crash_before_it_is_mended_at_the_next_opening(self, path: Path, open_at: Opener) -> None:
        failpoints = Failpoints()
        opened = open_at(path, hook=failpoints)
        add(opened, episode("secret-marker", id="x"), "kept")

        def die() -> None:
            raise RuntimeError("as if the process ended here")

        failpoints.set("store.before_scrub", die)
        with pytest.raises(RuntimeError):
            opened.purge(NS, ["x"])
        again = open_at(path)
        assert b"secret-marker" not in files(path)
        assert [e.content for _, e in again.scan(NS)] == ["kept"]
        failpoints.clear()


class TestGroupCommit:
    def test_writers_that_come_during_a_commit_share_the_next(self, path: Path, open_at: Opener) -> None:
        failpoints = Failpoints()
        opened = open_at(path, hook=failpoints)
        add(opened, "first")
        failpoints.passed.clear()
        failpoints.set("store.before_commit", lambda: time.sleep(0.05))
        threads = [threading.Thread(target=add, args=(opened, str(index))) for index in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert opened.head(NS) == Revision(1, 21)
        assert failpoints.passed.count("store.before_commit") <= 4

    def test_nothing_is_acknowledged_before_the_commit(self, path: Path, open_at: Opener) -> None:
        failpoints, reached, go_on = Failpoints(), threading.Event(), threading.Event()
        opened = open_at(path, hook=failpoints)
        done: list[Revision] = []

        def hold() -> None:
            reached.set()
            go_on.wait(10)

        failpoints.set("store.before_commit", hold)
        writer = threading.Thread(target=lambda: done.append(add(opened, "a").revision))
        writer.start()
        assert reached.wait(10)
        assert done == []
        assert opened.head(NS) is None  # nor does anyone see it
        go_on.set()
        writer.join()
        assert done == [opened.head(NS)]

    def test_a_commit_that_fails_fails_all_who_share_it(self, path: Path, open_at: Opener) -> None:
        failpoints = Failpoints()
        opened = open_at(path, hook=failpoints)
        failpoints.set("store.before_commit", lambda: (_ for _ in ()).throw(OSError(28, "No space left on device")))
        with pytest.raises(AgentctxError):
            add(opened, "a")
        failpoints.clear()
        assert opened.head(NS) is None
        assert add(opened, "a").revision.sequence == 1

    @pytest.mark.parametrize("synchronous", ["FULL", "NORMAL"])
    def test_synchronous_is_as_set(self, path: Path, open_at: Opener, synchronous: str) -> None:
        opened = open_at(path, synchronous=synchronous)
        number = opened._database.write(lambda c: c.exec_driver_sql("PRAGMA synchronous").scalar())
        assert number == {"FULL": 2, "NORMAL": 1}[synchronous]


class TestTrouble:
    def test_a_lock_held_too_long(self, path: Path, open_at: Opener) -> None:
        opened = open_at(path, busy_timeout=0.1)
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable, match="busy_timeout"):
            add(opened, "a")
        assert opened.head(NS) is None  # readers do not wait
        other.execute("ROLLBACK")
        other.close()
        assert add(opened, "a").revision == Revision(1, 1)

    def test_a_full_disk(self, path: Path, open_at: Opener) -> None:
        opened = open_at(path)
        add(opened, "fits")
        limit(opened, pages=path.stat().st_size // 4096 + 40)
        with pytest.raises(ResourceExhausted):
            add(opened, *["x" * 100_000] * 10)
        assert [e.content for _, e in opened.scan(NS)] == ["fits"]
        assert add(opened, "small").revision == Revision(1, 2)

    def test_a_full_disk_under_shared_commits_acknowledges_nothing_that_is_lost(
        self, path: Path, open_at: Opener
    ) -> None:
        opened = open_at(path)
        limit(opened, pages=path.stat().st_size // 4096 + 60)
        stored: list[str] = []
        full: list[str] = []

        def work(index: int) -> None:
            for round_ in range(3):
                content = f"{index}.{round_} " + "x" * (60_000 if index % 2 else 10)
                try:
                    add(opened, content)
                    stored.append(content)
                except ResourceExhausted:
                    full.append(content)

        threads = [threading.Thread(target=work, args=(index,)) for index in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(e.content for _, e in opened.scan(NS)) == sorted(stored)
        assert all(len(content) > 60_000 for content in full)  # who did not fill the disk is not harmed
        assert full
        assert opened.stats().problems == ()

    def test_closing_finishes_what_is_queued(self, path: Path, open_at: Opener) -> None:
        opened = open_at(path)
        results: list[object] = []

        def work() -> None:
            try:
                results.append(add(opened, "a"))
            except FailedPrecondition as error:
                results.append(error)

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        opened.close()
        for thread in threads:
            thread.join()
        stored = sum(not isinstance(result, FailedPrecondition) for result in results)
        head = open_at(path).head(NS)
        assert (head.sequence if head else 0) == stored


DAMAGE = {
    "UPDATE episodes SET metadata = '{broken'": "episode row 1 is damaged",
    "UPDATE episodes SET metadata = '[1]'": "episode row 1 is damaged",
    "UPDATE episodes SET metadata = x'00'": "episode row 1 is damaged",
    "UPDATE episodes SET tags = '[1]'": "episode row 1 is damaged",
    "UPDATE episodes SET tags = ''": "episode row 1 is damaged",
    "UPDATE episodes SET content = x'ff'": "episode row 1 is damaged",
    "UPDATE episodes SET occurred_at = 'soon'": "episode row 1 is damaged",
    "UPDATE episodes SET expires_at = 9223372036854775807": "episode row 1 is damaged",
    "UPDATE changes SET before = 'x'": "change 2, of episode row 1, is damaged",
    "UPDATE changes SET before = '{}'": "change 2, of episode row 1, is damaged",
    'UPDATE changes SET before = \'{"revision":[1,1],"no":1}\'': "change 2, of episode row 1, is damaged",
    "UPDATE vectors SET vector = x'00'": "the vector of episode row 1 is damaged",
    "UPDATE vectors SET vector = '12345678'": "the vector of episode row 1 is damaged",
    "UPDATE vectors SET vector = 7": "the vector of episode row 1 is damaged",
}


class TestDamagedRows:
    @pytest.mark.parametrize("statement", DAMAGE)
    def test_are_told(self, path: Path, open_at: Opener, statement: str) -> None:
        opened = open_at(path)
        add(opened, episode("a", id="x", tags=("t",), metadata={"a": 1}))
        opened.update(NS, "x", {"metadata": {"a": 2}})
        damage(path, statement)
        with pytest.raises(StoreCorrupt, match=r"row 1 is|'x' is") as told:
            opened.read_log(NS)
        assert "doctor" in told.value.message
        assert DAMAGE[statement] in "; ".join(opened.stats().problems)
        if "vectors" not in statement:
            with pytest.raises(StoreCorrupt):
                opened.history(NS, "x")
        if "episodes" in statement:
            with pytest.raises(StoreCorrupt):
                opened.update(NS, "x", {"tags": ()})
        opened.delete_namespace(NS)
        assert opened.stats().problems == ()

    def test_of_a_changes_new_values(self, path: Path, open_at: Opener) -> None:
        opened = open_at(path)
        add(opened, episode("a", id="x"))
        opened.update(NS, "x", {"metadata": {"a": 2}})
        damage(path, "UPDATE changes SET after = '{'")
        with pytest.raises(StoreCorrupt):
            opened.history(NS, "x")
        assert len(opened.stats().problems) == 1

    def test_of_a_stored_result(self, path: Path, open_at: Opener) -> None:
        opened = open_at(path)
        add(opened, "a", request=("r", "h"))
        damage(path, "UPDATE requests SET result = '{}'")
        with pytest.raises(StoreCorrupt):
            add(opened, "a", request=("r", "h"))

    def test_are_counted_where_there_are_many(self, path: Path, open_at: Opener) -> None:
        opened = open_at(path)
        add(opened, *"a" * 30)
        damage(path, "UPDATE episodes SET metadata = 'x'")
        assert opened.stats().problems[-1] == "10 more rows are damaged"


def damage(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(statement)


def fail_vacuum(store: Store) -> None:
    """The next VACUUM finds the disk full, as with a file that may not grow."""

    def full(connection: Any) -> None:
        error = sqlite3.OperationalError("database or disk is full")
        error.sqlite_errorcode = sqlite3.SQLITE_FULL
        raise error

    database: Any = store._database
    database._vacuum = full


def limit(store: Store, pages: int) -> None:
    store._database.write(lambda c: c.exec_driver_sql("SELECT 1") and None)
    store._database._writer.connection.driver_connection.execute(f"PRAGMA max_page_count = {pages}")  # type: ignore[attr-defined]
