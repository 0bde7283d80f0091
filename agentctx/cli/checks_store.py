"""What `doctor` checks about an embedded store and its embedder, without making or changing one."""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Final

from agentctx.cli.checks import Check, guarded
from agentctx.cli.output import one_line
from agentctx.cli.target import store_file
from agentctx.errors import AgentctxError

if TYPE_CHECKING:
    from agentctx.cli.target import Target
    from agentctx.store import Store, StoreStats

_LITTLE: Final = 1 << 30  # bytes free that are worth a note
_TOO_LITTLE: Final = 64 << 20
_REMOTE: Final = "openai:"
_UNFINISHED: Final = "purged bytes"  # how the store's problem about it begins
_PROBE: Final = "Ana moved to Lisbon in May."


def store(target: Target) -> Iterator[Check]:
    """The place of the store, then the store, then its embedder."""
    try:
        location = target.location()
    except AgentctxError as error:
        yield Check("store", "location", "failed", error.code, one_line(error.message))
        return
    stats: StoreStats | None = None
    file = store_file(location)
    usable = True
    if file is not None:
        place = list(_place(file))
        yield from place
        # A full disk does not keep a store from being read.
        usable = all(check.status != "failed" or check.name == "disk" for check in place) and _has_content(file)
    if usable:
        stats, checks = _opened(target, location)
        yield from checks
    if file is not None and (unfinished := _unfinished_purge(file, stats)) is not None:
        yield unfinished
    yield guarded("embedder", "probe", lambda: _embedder(target, stats))


def _has_content(file: Path) -> bool:
    return file.is_file() and file.stat().st_size > 0


# --- the place --------------------------------------------------------------------------------------------------------


def _place(file: Path) -> Iterator[Check]:
    try:
        folder = next(one for one in (file, *file.absolute().parents) if one.is_dir())
        if folder == file:
            yield Check("store", "location", "failed", f"{file} is a folder", "name a file in it")
            return
        exists = file.exists()
    except (OSError, ValueError) as error:
        yield Check("store", "location", "failed", str(file), one_line(str(error)))
        return
    if not exists:
        yield Check("store", "location", "note", f"{file} is not there yet", "`agentctx memory add` makes it")
    elif not _has_content(file):
        yield Check("store", "location", "note", f"{file} is empty", "`agentctx memory add` makes it a store")
    else:
        yield Check("store", "location", "ok", str(file))
    yield _permissions(file, folder, exists=exists)
    yield _disk(folder)


def _permissions(file: Path, folder: Path, *, exists: bool) -> Check:
    if not os.access(folder, os.W_OK | os.X_OK):
        return Check("store", "permissions", "failed", f"{folder} cannot be written to", f"chmod u+rwx {folder}")
    if not exists:
        return Check("store", "permissions", "ok", f"{folder} can be written to")
    if not os.access(file, os.R_OK | os.W_OK):
        return Check("store", "permissions", "failed", f"{file} cannot be read and written", f"chmod u+rw {file}")
    mode = file.stat().st_mode & 0o777
    if mode & 0o077 and os.name == "posix":
        return Check(
            "store", "permissions", "note", f"{mode:o}: others on this machine can read it", f"chmod 600 {file}"
        )
    return Check("store", "permissions", "ok", f"{mode:o}")


def _disk(folder: Path) -> Check:
    free = shutil.disk_usage(folder).free
    detail = f"{free / (1 << 30):.1f} GiB free"
    if free < _TOO_LITTLE:
        return Check("store", "disk", "failed", detail, f"free some space on the disk of {folder}")
    if free < _LITTLE:
        return Check("store", "disk", "note", detail, f"free some space on the disk of {folder} soon")
    return Check("store", "disk", "ok", detail)


# --- the store --------------------------------------------------------------------------------------------------------


def _opened(target: Target, location: str | Path) -> tuple[StoreStats | None, list[Check]]:
    from agentctx.ids import SystemClock, TimeOrderedIds  # noqa: PLC0415 - doctor reports what is not installed
    from agentctx.store import open_store  # noqa: PLC0415

    file = store_file(location)
    if file is not None and (old := _old_schema(file)) is not None:
        return None, [old]
    checks: list[Check] = []
    try:
        settings = target.settings().store
        with closing(open_store(location, clock=SystemClock(), ids=TimeOrderedIds(), settings=settings)) as opened:
            stats = opened.stats(check=True)
            lacking = opened.count_missing(stats.embedder) if stats.embedder else 0
            snapshots = list(_snapshots(opened))
    except AgentctxError as error:
        return None, [Check("store", "opens", "failed", error.code, one_line(error.message))]
    checks.append(
        Check(
            "store",
            "opens",
            "ok",
            f"{stats.engine}, schema {stats.schema}, {stats.size_bytes / (1 << 20):.1f} MiB: {stats.namespaces:,} "
            f"namespaces, {stats.episodes:,} episodes, {stats.changes:,} changes",
        )
    )
    problems = [problem for problem in stats.problems if not problem.startswith(_UNFINISHED)]
    if problems:
        fix = "restore the store from a backup; `agentctx memory export` saves what can still be read"
        checks.append(Check("store", "integrity", "failed", one_line("; ".join(problems))[:1000], fix))
    else:
        checks.append(Check("store", "integrity", "ok", "nothing is wrong with the file or the log"))
    if lacking:
        fix = f"agentctx memory reembed --store {stats.location} --embedder {_spec(stats.embedder or '')}"
        checks.append(Check("store", "vectors", "note", f"{lacking:,} episodes have none", fix))
    checks.extend(snapshots)
    return stats, checks


def _snapshots(opened: Store) -> Iterator[Check]:
    """Findings about snapshots of indexes: those that should be gone, and those that could not be removed."""
    from agentctx.runtime.snapshots import folder_for, outdated  # noqa: PLC0415

    folder = folder_for(opened)
    fix = f"any write or opening removes them once it can: chmod u+rwx {folder}, or rm them"
    try:
        dead, half = outdated(opened)
        locked = folder.is_dir() and any(folder.iterdir()) and not os.access(folder, os.W_OK | os.X_OK)
    except OSError as error:
        detail = f"{folder} cannot be read: {error.strerror or error}"
        yield Check("store", "snapshots", "failed", one_line(detail), f"chmod u+rwx {folder}")
        return
    if dead:
        yield Check("store", "snapshots", "failed", _named("may hold what was purged", dead), fix)
    if half:
        yield Check("store", "snapshots", "note", _named("were left half written", half), fix)
    if locked and not dead:
        detail = f"those in {folder} cannot be removed, so what is purged would stay in them"
        yield Check("store", "snapshots", "failed", one_line(detail), f"chmod u+rwx {folder}")


def _named(what: str, files: Sequence[Path]) -> str:
    more = f" and {len(files) - 5} more" if len(files) > 5 else ""
    return one_line(f"{len(files)} {what}: {', '.join(map(str, files[:5]))}{more}")[:1000]


def _unfinished_purge(file: Path, stats: StoreStats | None) -> Check | None:
    """A finding about a purge whose bytes are still in the file, be the store fit to be opened or not."""
    told = [problem for problem in (stats.problems if stats else ()) if problem.startswith(_UNFINISHED)]
    if stats is None:
        try:
            with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True, timeout=5)) as connection:
                if connection.execute("SELECT 1 FROM meta WHERE key = 'scrub_due'").fetchone() is not None:
                    told = [_UNFINISHED]
        except sqlite3.Error:
            return None  # no store, or one that cannot be read: the other checks say so
    if not told:
        return None
    fix = "free disk space, let other processes finish reading, then run this again"
    return Check("store", "purge", "failed", one_line(told[0])[:1000], fix)


def _old_schema(file: Path) -> Check | None:
    """A finding about a file that opening would change: it is not opened."""
    from agentctx.store.migrations import HEAD, REVISIONS  # noqa: PLC0415

    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True, timeout=5)) as connection:
            found = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.Error:
        return None  # no store at all, or damaged: opening says so, and changes nothing
    if found is not None and found[0] in REVISIONS and found[0] != HEAD:
        return Check(
            "store",
            "opens",
            "note",
            f"schema {found[0]}, of an older agentctx",
            f"any other command brings it to {HEAD}; copy the file before if you may want to go back",
        )
    return None


def _embedder(target: Target, stats: StoreStats | None) -> Check:
    from agentctx.embed import open_embedder  # noqa: PLC0415
    from agentctx.engine import DEFAULT_EMBEDDER  # noqa: PLC0415

    recorded = stats.embedder if stats is not None else None
    named = target.spec()
    spec = named or (_spec(recorded) if recorded else DEFAULT_EMBEDDER)
    if named is None and spec.startswith(_REMOTE):
        fix = f"name it, as every command must: --embedder {spec}, or AGENTCTX_EMBEDDER"
        return Check("embedder", "probe", "note", f"{spec} is remote and was not asked", fix)
    began = time.perf_counter()
    with closing(open_embedder(spec)) as embedder:
        first = embedder.embed([_PROBE])
        loaded = (time.perf_counter() - began) * 1000
        began = time.perf_counter()
        embedder.embed([_PROBE], "query")
        again = (time.perf_counter() - began) * 1000
        identity = embedder.identity
    detail = f"{spec}: {identity.dimensions} dimensions, {loaded:.0f} ms to load, {again:.2f} ms a text"
    if first.shape != (1, identity.dimensions) or not 0.99 < float((first[0] ** 2).sum()) < 1.01:
        return Check("embedder", "probe", "failed", f"{detail}; its vector is wrong", "use another embedder")
    if stats is not None and recorded is not None and recorded != identity.key:
        convert = f"agentctx memory reembed --store {stats.location} --embedder {spec}"
        fix = f"open the store with --embedder {_spec(recorded)}, or convert it: {convert}"
        return Check("embedder", "probe", "failed", f"{detail}; the store was filled by {_spec(recorded)}", fix)
    return Check("embedder", "probe", "ok", detail)


def _spec(key: str) -> str:
    from agentctx.engine import spec_of  # noqa: PLC0415

    return spec_of(key)
