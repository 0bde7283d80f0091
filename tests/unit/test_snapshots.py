"""Snapshots of indexes beside a store: used when they fit, removed when not, and never with what was purged."""

from __future__ import annotations

import errno
import logging
import os
import shutil
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agentctx.config import IndexSettings, StoreSettings
from agentctx.errors import Unavailable
from agentctx.ids import to_micros
from agentctx.index.captured import capture, restoring
from agentctx.index.episodes import EpisodeIndex
from agentctx.index.snapshot import read, write
from agentctx.memory.service import Memory
from agentctx.runtime import snapshots
from agentctx.store import open_store
from agentctx.testing import HashingEmbedder, SequentialIds
from agentctx.types import NewEpisode, Revision
from tests.fixtures_engine import NS, World, found, world
from tests.fixtures_memory import DIMENSIONS, START, Log

__all__ = ["world"]

QUIET = IndexSettings(housekeeping=False)


@pytest.fixture(autouse=True)
def everything_pays(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small indexes are kept, too."""
    monkeypatch.setattr(snapshots, "_PAYS", 1)
    monkeypatch.setattr(snapshots, "_PAYS_LAST", 1)


def files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.index/*"))


# --- snapshots of an index --------------------------------------------------------------------------------------------


def restored(index: EpisodeIndex, path: Path, between: Any = lambda: None) -> EpisodeIndex:
    captured = capture(index)
    between()
    for _ in write(path, captured.meta, captured.arrays):
        pass
    again = EpisodeIndex(Revision(index.revision.epoch, 0), DIMENSIONS)
    for _ in restoring(again, *read(path)):
        pass
    return again


def test_an_index_comes_back_from_its_snapshot_as_it_was(tmp_path: Path) -> None:
    """Whatever is applied while it is written does not get into it, and is applied once afterwards."""
    log = Log()
    index = log.index()
    index.apply(log.write(*(("add", None, {"content": f"cat {n}", "session": "s" * (n % 2)}) for n in range(6))))
    index.apply(log.update(2, tags=("t",), metadata={"k": 1}, expires_at=START + timedelta(hours=1)))
    index.apply(log.delete(3))
    index.view(to_micros(START))
    moments = [log.now]

    def between() -> None:
        for fields in ({"tags": ("u",), "metadata": {}, "valid_to": START}, {"expires_at": None}):
            log.now += timedelta(minutes=1)
            index.apply(log.update(2, **fields))
            moments.append(log.now)
        index.apply(log.delete(4))
        index.apply(log.add("dog", session="s", speaker="Ana"))
        index.view(to_micros(START + timedelta(hours=2)))

    behind = index.revision
    again = restored(index, tmp_path / "a.idx", between)
    assert again.revision == behind
    assert len(again) == 6
    again.check_invariants()
    again.apply(log.records[behind.sequence :])
    same(index, again, moments)
    same(index, restored(again, tmp_path / "a.idx"), moments)


def same(index: EpisodeIndex, again: EpisodeIndex, moments: Sequence[datetime]) -> None:
    """Both know the same, now and as of some moments."""
    again.check_invariants()
    now = to_micros(START + timedelta(hours=2))
    for as_of in [None, *map(to_micros, moments)]:
        left, right = index.view(now, as_of), again.view(now, as_of)
        for name in ("count", "filled", "runs", "total_length"):
            assert getattr(left, name) == getattr(right, name), name
        for name in ("previous", "following", "run", "run_rows", "run_length"):
            assert np.array_equal(getattr(left, name), getattr(right, name)), name
        for name in ("expires", "valid_to", "changed", "deleted"):
            assert np.array_equal(index.column(name, as_of), again.column(name, as_of)), name
        for tag in "tu":
            assert again.labels.having(tag, 7, again.column("tags", as_of)).tolist() == (
                index.labels.having(tag, 7, index.column("tags", as_of)).tolist()
            )
        for key in ("k", "other"):
            assert np.array_equal(
                index.attributes.having(key, 7, index.column("metadata", as_of)),
                again.attributes.having(key, 7, again.column("metadata", as_of)),
            )
    assert (again.sessions, again.speakers) == (index.sessions, index.speakers)


# --- snapshots of a store ---------------------------------------------------------------------------------------------


def filled(world: World, name: str = "memory.db", **options: Any) -> Path:
    with world.open(name, index=QUIET, **options) as engine:
        engine.memory.add(NS, [NewEpisode(f"cat number {n}", id=f"e{n}") for n in range(5)])
        assert len(found(engine.memory, "cat")) == 5
    (path,) = files(world.folder)
    return path


def is_restored(memory: Memory) -> bool:
    with memory._residency.reading(NS) as index:
        return index.saved is not None


def test_a_snapshot_is_used_with_what_came_after_it(world: World) -> None:
    path = filled(world)
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert path.stat().st_mode & 0o777 == 0o600
    with world.open(index=IndexSettings(snapshots=False)) as other:
        other.memory.add(NS, NewEpisode("cat and dog", id="new"))
        expected = other.memory.search(NS, "cat dog").hits
    again = world.open(index=QUIET).memory
    assert is_restored(again)
    hits = again.search(NS, "cat dog").hits
    assert [hit.episode for hit in hits] == [hit.episode for hit in expected]
    assert [hit.score for hit in hits] == pytest.approx([hit.score for hit in expected], abs=1e-5)


def test_a_snapshot_of_another_store_in_the_same_place_is_removed(world: World) -> None:
    path = filled(world)
    (world.folder / "memory.db").unlink()
    with world.open(index=IndexSettings(snapshots=False)) as engine:
        engine.memory.add(NS, [NewEpisode(f"cat other {n}", id=f"e{n}") for n in range(5)])
    with world.open(index=QUIET) as engine:
        assert len(found(engine.memory, "other", k=5)) == 5
        assert not is_restored(engine.memory)
        assert not path.exists()


def test_a_snapshot_of_another_embedder_is_removed(world: World) -> None:
    path = filled(world, embedder=HashingEmbedder(8))
    kept = path.read_bytes()
    with world.open(index=QUIET, embedder=HashingEmbedder(8)) as engine:
        for _ in engine.memory.reembed("static"):
            pass
        assert not path.exists()
    newer = next(iter(files(world.folder)), path)
    newer.write_bytes(kept)
    with world.open(index=QUIET, embedder="static") as engine:
        assert len(found(engine.memory, "cat")) == 5
        assert not is_restored(engine.memory)


def test_a_log_that_is_shorter_or_forked_makes_a_new_index(world: World) -> None:
    path = filled(world)
    with world.open(index=QUIET) as engine:
        engine.memory.search(NS, "cat")
    shutil.copy(world.folder / "memory.db", world.folder / "old.db")
    with world.open(index=QUIET) as engine:
        engine.memory.add(NS, "cat six")
        engine.memory.search(NS, "cat")
    newer = path.read_bytes()
    for extra in (0, 1, 2):
        shutil.copy(world.folder / "old.db", world.folder / "memory.db")
        path.write_bytes(newer)
        with world.open(index=IndexSettings(snapshots=False)) as engine:
            world.clock.advance(seconds=1)
            for number in range(extra):
                engine.memory.add(NS, f"cat other {number}")
        with world.open(index=QUIET) as engine:
            assert not is_restored(engine.memory)
            assert len(found(engine.memory, "cat")) == 5 + extra
            assert not path.exists()


@pytest.mark.parametrize("damage", ["", "cut", "flip", "version", "analysis"])
def test_a_damaged_or_old_snapshot_is_removed_and_made_anew(
    world: World, damage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = filled(world)
    data = path.read_bytes()
    match damage:
        case "cut":
            path.write_bytes(data[:-10])
        case "flip":
            path.write_bytes(data[:100] + bytes([data[100] ^ 1]) + data[101:])
        case "version":
            monkeypatch.setattr(snapshots, "FORMAT", snapshots.FORMAT + 1)
        case "analysis":
            monkeypatch.setattr(snapshots, "ANALYSIS", snapshots.ANALYSIS + 1)
        case _:
            path.write_bytes(b"")
    with world.open(index=QUIET) as engine:
        assert len(found(engine.memory, "cat")) == 5
        assert not is_restored(engine.memory)
        assert not path.exists()
    with world.open(index=QUIET) as engine:
        assert is_restored(engine.memory)


@pytest.mark.parametrize("part", [0.0, 0.5, 1.0])
def test_what_was_left_half_written_is_neither_read_nor_in_the_way(world: World, part: float) -> None:
    path = filled(world)
    data = path.read_bytes()
    path.with_name(path.name + ".99999999-ab.tmp").write_bytes(data[: int(len(data) * part)])
    with world.open(index=QUIET) as engine:
        assert len(found(engine.memory, "cat")) == 5
        assert is_restored(engine.memory)
        engine.memory._housekeeping.run()
        assert files(world.folder) == [path]


def test_nothing_purged_stays_in_a_snapshot(world: World) -> None:
    path = filled(world)
    left = path.with_name(path.name + ".1-ab.tmp")
    left.write_bytes(path.read_bytes())
    engine = world.open(index=QUIET)
    writer = engine.memory
    assert writer._indexes.snapshots is not None
    with writer._residency.reading(NS) as index:
        index.saved = None
        late = writer._indexes.snapshots.writing(NS, index, capture(index))
    next(late)  # it has begun
    writer.purge(NS, "e0")
    assert files(world.folder) == []
    for _ in late:
        pass
    assert files(world.folder) == []
    assert sorted(found(writer, "cat")) == ["e1", "e2", "e3", "e4"]
    engine.close()
    assert len(files(world.folder)) == 1
    with world.open(index=QUIET) as again:
        assert is_restored(again.memory)
        again.memory.delete_namespace(NS)
        assert files(world.folder) == []


def test_another_process_that_writes_a_snapshot_too_late_removes_it(world: World) -> None:
    filled(world)
    late, quick = world.open(index=QUIET).memory, world.open(index=QUIET).memory
    assert late._indexes.snapshots is not None
    with late._residency.reading(NS) as index:
        writing = late._indexes.snapshots.writing(NS, index, capture(index))
    quick.purge(NS, "e0")
    for _ in writing:
        pass
    assert files(world.folder) == []


def test_sweeping_removes_what_nobody_will_read(world: World) -> None:
    path = filled(world)
    kept = path.read_bytes()
    old = path.with_name(path.name.replace("-1.", "-0."))
    for other in (old, path.with_name("0" * 32 + "-1.idx"), path.with_name(path.name + ".99999999-ab.tmp")):
        other.write_bytes(kept)
    mine = path.with_name(f"{path.name}.{os.getpid()}-ab.tmp")
    mine.write_bytes(kept)
    abandoned = path.with_name(f"{path.name}.{os.getpid()}-cd.tmp")  # by an earlier process of the same number
    abandoned.write_bytes(kept)
    os.utime(abandoned, (0, 0))
    memory = world.open(index=QUIET).memory
    memory.search(NS, "cat")
    memory._housekeeping.run()
    assert files(world.folder) == [path, mine]


# --- what cannot be removed -------------------------------------------------------------------------------------------


@pytest.fixture
def stuck() -> Iterator[pytest.MonkeyPatch]:
    """While it lasts (`undo` ends it), no snapshot can be removed, as in a folder mounted read-only."""
    unlink = os.unlink

    def refuse(path: Any, **options: Any) -> None:
        if str(path).endswith((".idx", ".tmp")):
            raise OSError(errno.EROFS, "Read-only file system", str(path))
        unlink(path, **options)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(os, "unlink", refuse)
        yield patched


@pytest.mark.parametrize("settings", [QUIET, IndexSettings(housekeeping=False, snapshots=False)])
@pytest.mark.parametrize("whole", [False, True])
def test_a_purge_whose_snapshot_cannot_be_removed_raises_with_its_name_though_the_rows_are_gone(
    world: World, stuck: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, whole: bool, settings: IndexSettings
) -> None:
    path = filled(world)
    memory = world.open(index=settings).memory
    memory.add("other", "dog")
    with caplog.at_level(logging.WARNING), pytest.raises(Unavailable, match=r"^purged from the store, but") as told:
        memory.delete_namespace(NS) if whole else memory.purge(NS, "e0")
    assert told.value.details == {"purged": "true"}
    assert str(path) in told.value.message
    assert "Read-only file system" in told.value.message
    assert "nothing is lost" not in caplog.text
    if whole:
        assert [one.name for one in memory.list_namespaces().namespaces] == ["other"]
    else:
        assert sorted(found(memory, "cat")) == ["e1", "e2", "e3", "e4"]
    memory.purge("other", memory.list("other").episodes[0].id)  # nothing of this one is left
    assert str(path) in memory.problems[-1]
    memory.add("other", "bird")  # tries again, in vain
    assert path.exists()
    assert str(path) in memory.problems[-1]
    assert caplog.text.count(str(path)) == 1
    stuck.undo()
    memory.add("other", "fish")
    assert not path.exists()
    assert memory.problems == ()


def test_writing_a_snapshot_does_not_make_one_forgotten_that_could_not_be_removed(
    world: World, stuck: pytest.MonkeyPatch
) -> None:
    path = filled(world)
    memory = world.open(index=QUIET).memory
    with pytest.raises(Unavailable):
        memory.purge(NS, "e0")
    assert memory._indexes.snapshots is not None
    with memory._residency.reading(NS) as index:
        for _ in memory._indexes.snapshots.writing(NS, index, capture(index)):
            pass
    assert len(files(world.folder)) == 2
    (problem,) = memory.problems
    assert str(path) in problem
    stuck.undo()


def test_what_could_not_be_removed_is_listed_and_goes_with_the_next_opening(
    world: World, stuck: pytest.MonkeyPatch
) -> None:
    path = filled(world)
    half = path.with_name(f"{path.name}.99999999-ab.tmp")
    engine = world.open(index=QUIET)
    with pytest.raises(Unavailable):
        engine.memory.purge(NS, "e0")
    engine.close()
    half.write_bytes(b"")
    with open_store(
        world.folder / "memory.db", clock=world.clock, ids=SequentialIds(), settings=StoreSettings()
    ) as opened:
        assert snapshots.outdated(opened) == ([path, half], [])
    stuck.undo()
    with world.open(index=QUIET) as again:
        assert again.memory.list(NS).episodes
    assert path not in files(world.folder)
    with open_store(
        world.folder / "memory.db", clock=world.clock, ids=SequentialIds(), settings=StoreSettings()
    ) as opened:
        assert snapshots.outdated(opened) == ([], [])


def test_reembedding_tells_of_snapshots_that_it_cannot_remove(world: World, stuck: pytest.MonkeyPatch) -> None:
    path = filled(world, embedder=HashingEmbedder(8))
    memory = world.open(index=QUIET, embedder=HashingEmbedder(8)).memory
    for _ in memory.reembed("static"):
        pass
    assert str(path) in memory.problems[-1]
    assert len(found(memory, "cat")) == 5
    stuck.undo()
    memory.add(NS, "cat six")
    assert not path.exists()
    assert memory.problems == ()


def test_a_folder_that_cannot_be_read_is_no_folder_without_snapshots(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = filled(world)
    memory = world.open(index=QUIET).memory

    def refuse(_: object) -> list[str]:
        raise PermissionError(errno.EACCES, "Permission denied")

    with monkeypatch.context() as patched:
        patched.setattr(snapshots.os, "listdir", refuse)
        with pytest.raises(Unavailable, match="Permission denied"):
            memory.purge(NS, "e0")
    assert path.exists()
    memory.add(NS, "cat six")
    memory._housekeeping.run()
    assert not path.exists()
    assert memory.problems == ()


def test_what_ended_processes_left_is_removed_when_an_engine_closes_or_writes_a_snapshot(world: World) -> None:
    path = filled(world)
    for closes in (True, False):
        left = [path.with_name(f"{path.name}.{number}-ab.tmp") for number in (99999998, 99999999)]
        for one in left:
            one.write_bytes(b"half")
        engine = world.open(index=QUIET)
        if closes:
            engine.close()
        else:
            assert engine.memory._indexes.snapshots is not None
            with engine.memory._residency.reading(NS) as index:
                for _ in engine.memory._indexes.snapshots.writing(NS, index, capture(index)):
                    pass
        assert files(world.folder) == [path]


@pytest.mark.parametrize("empty", [True, False])
def test_a_folder_in_the_place_of_a_snapshot_makes_way_or_is_named(world: World, empty: bool) -> None:
    path = filled(world)
    path.unlink()
    path.mkdir()
    if not empty:
        (path / "mine").write_text("kept")
    engine = world.open(index=QUIET)
    assert len(found(engine.memory, "cat")) == 5
    engine.close()
    assert path.is_file() == empty
    if not empty:
        (problem,) = engine.memory.problems
        assert f"{path} is a folder where a file belongs" in problem


# --- upkeep -----------------------------------------------------------------------------------------------------------


def test_a_full_disk_loses_nothing_and_is_told(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path = filled(world)
    before = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    engine = world.open(index=QUIET)
    engine.memory.add(NS, "cat six")
    assert len(found(engine.memory, "cat")) == 6
    assert engine.memory.problems == ()
    with monkeypatch.context() as patched, caplog.at_level(logging.WARNING):
        patched.setattr("agentctx.index.snapshot.os.fsync", full)
        engine.close()
    (problem,) = engine.memory.problems
    assert "No space left" in problem
    assert "No space left" in caplog.text
    assert files(world.folder) == [path]
    assert path.read_bytes() == before
    with world.open(index=QUIET) as again:
        assert len(found(again.memory, "cat")) == 6


def test_what_is_evicted_is_kept_though_it_would_not_pay_at_the_end(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshots, "_PAYS", 5)
    monkeypatch.setattr(snapshots, "_PAYS_LAST", 6)
    with world.open(index=IndexSettings(memory_bytes=1)) as engine:
        engine.memory.add(NS, ["cat"] * 5)
        engine.memory.add("other", ["dog"] * 4)
        assert len(found(engine.memory, "cat")) == 5
    assert files(world.folder) == []
    with world.open(index=IndexSettings(memory_bytes=1)) as engine:
        assert len(found(engine.memory, "cat")) == 5
        assert len(found(engine.memory, "dog", "other")) == 4  # the other one goes
        assert engine.memory._housekeeping.wait(10)
        assert len(found(engine.memory, "cat")) == 5  # and this one
        assert engine.memory._housekeeping.wait(10)
        (path,) = files(world.folder)
        assert is_restored(engine.memory)
    assert files(world.folder) == [path]


def test_growth_is_written_in_the_background(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "_LEAST", 4)
    memory = world.open().memory
    memory.add(NS, ["cat"] * 5)
    assert len(found(memory, "cat")) == 5
    assert memory._housekeeping.wait(10)
    (path,) = files(world.folder)
    held = read(path)[0]["index"]["rows"]
    assert held == 5
    memory.add(NS, ["cat"] * 2)
    assert memory._housekeeping.wait(10)
    assert read(path)[0]["index"]["rows"] == 5  # too little has come since
    memory.add(NS, ["cat"] * 3)
    assert memory._housekeeping.wait(10)
    assert read(path)[0]["index"]["rows"] == 10


def test_reembedding_removes_all_snapshots(world: World) -> None:
    with world.open(index=QUIET, embedder="static") as engine:
        engine.memory.add(NS, ["cat", "dog"])
        engine.memory.search(NS, "cat")
    assert len(files(world.folder)) == 1
    with world.open(index=QUIET, embedder="static") as engine:
        engine.memory._switched(engine.memory.embedder)
        assert files(world.folder) == []
