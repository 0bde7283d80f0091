"""What `doctor` checks about this machine and about a server."""

from __future__ import annotations

import os
import platform
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from agentctx import __version__, kernels
from agentctx.cli.output import one_line
from agentctx.errors import AgentctxError, Unauthenticated

if TYPE_CHECKING:
    from agentctx.cli.target import Target
    from agentctx.client import Client

Status = Literal["ok", "note", "failed"]

_NEEDED: Final = ("numpy", "sqlalchemy", "alembic", "PyStemmer", "grpcio", "protobuf", "httpx", "typer", "rich")
_OPTIONAL: Final = {"psycopg": "PostgreSQL stores", "sentence-transformers": "sentence-transformers embedders"}
_PATIENCE: Final = 5.0  # seconds for a server's answer
_OLDEST_SQLITE: Final = (3, 35, 0)


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at. `note` is worth knowing and no failure; `fix` says what to do."""

    area: str
    name: str
    status: Status
    detail: str = ""
    fix: str = ""


def guarded(area: str, name: str, check: Callable[[], Check]) -> Check:
    """A check that may raise: what it raises is its finding."""
    try:
        return check()
    except AgentctxError as error:
        return Check(area, name, "failed", error.code, one_line(error.message))
    except Exception as error:  # noqa: BLE001, RUF100 - doctor goes on whatever it finds
        return Check(area, name, "failed", type(error).__name__, one_line(str(error))[:500])


def environment(target: Target) -> Iterator[Check]:
    """Python, the packages, SQLite, the settings."""
    yield _python()
    yield from _packages()
    yield _kernels()
    yield guarded("environment", "sqlite", _sqlite)

    def settings() -> Check:
        target.settings()
        source = target.config or os.environ.get("AGENTCTX_CONFIG")
        return Check("environment", "settings", "ok", f"from {source}" if source else "defaults and environment")

    yield guarded("environment", "settings", settings)


def _python() -> Check:
    detail = f"{platform.python_implementation()} {platform.python_version()}, {platform.system()} {platform.machine()}"
    return Check("environment", "python", "ok", detail)


def _packages() -> Iterator[Check]:
    found = [f"agentctx {__version__}"]
    missing = []
    for name in _NEEDED:
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            missing.append(name)
    if missing:
        fix = "pip install --force-reinstall agentctx"
        yield Check("environment", "packages", "failed", f"missing: {', '.join(missing)}", fix)
    else:
        yield Check("environment", "packages", "ok", ", ".join(found))
    for name, use in _OPTIONAL.items():
        try:
            yield Check("environment", name, "ok", f"{metadata.version(name)}, for {use}")
        except metadata.PackageNotFoundError:
            yield Check("environment", name, "ok", f"not installed; only {use} need it")


def _kernels() -> Check:
    if kernels.compiled is not None:
        return Check("environment", "kernels", "ok", "compiled")
    fix = "install a C compiler, then pip install --force-reinstall --no-deps agentctx"
    detail = f"numpy does their work, and searches take two to three times as long: {one_line(kernels.problem)}"
    return Check("environment", "kernels", "note", detail, fix)


def _sqlite() -> Check:
    version = sqlite3.sqlite_version
    if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
        oldest = ".".join(map(str, _OLDEST_SQLITE))
        return Check("environment", "sqlite", "failed", version, f"use a Python with SQLite {oldest} or newer")
    with tempfile.TemporaryDirectory(prefix="agentctx-doctor-") as folder:
        connection = sqlite3.connect(Path(folder) / "probe.db")
        try:
            (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
        finally:
            connection.close()
    if mode != "wal":
        return Check("environment", "sqlite", "failed", f"{version}, no WAL", "use a Python whose SQLite has WAL")
    return Check("environment", "sqlite", "ok", f"{version}, WAL works")


# --- a server ---------------------------------------------------------------------------------------------------------


def server(target: Target, address: str) -> Iterator[Check]:
    """Does it answer, does it take the token, how fast is it?"""
    try:
        client = target.connect(address, embedder_is_ours=False, timeout=_PATIENCE)
    except AgentctxError as error:
        yield Check("server", "connect", "failed", error.code, one_line(error.message))
        return
    with client:
        health = guarded("server", "health", lambda: _health(client, address))
        yield health
        if health.status != "failed":
            yield guarded("server", "round trip", lambda: _round_trip(client))
            yield guarded("server", "access", lambda: _access(client))


def _health(client: Client, address: str) -> Check:
    try:
        state = client.health()
    except AgentctxError as error:
        fix = "start it with `agentctx serve`, or check the address, TLS and firewalls"
        return Check("server", "health", "failed", one_line(error.message), fix)
    if state != "serving":
        return Check("server", "health", "failed", f"{address} says {state}", "wait, or start it again")
    return Check("server", "health", "ok", f"{address} serves")


def _round_trip(client: Client) -> Check:
    times = []
    for _ in range(5):
        began = time.perf_counter()
        client.health()
        times.append((time.perf_counter() - began) * 1000)
    return Check("server", "round trip", "ok", f"{sorted(times)[2]:.2f} ms")


def _access(client: Client) -> Check:
    try:
        page = client.memory.list_namespaces(page_size=1)
    except Unauthenticated as error:
        fix = "give a token that the server knows, with --token-file or AGENTCTX_TOKEN"
        return Check("server", "access", "failed", one_line(error.message), fix)
    some = "some" if page.namespaces else "no"
    return Check("server", "access", "ok", f"accepted; {some} namespaces are visible")
