"""What keeps indexes in memory: residency, the cache of hits, the background thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Iterator
from typing import Any

import pytest

from agentctx.config import IndexSettings
from agentctx.errors import DeadlineExceeded, NotFound
from agentctx.index import analyzed
from agentctx.memory.service import Memory
from agentctx.runtime import indexes, residency, taking_up
from agentctx.runtime.courtesy import Courtesy
from agentctx.runtime.housekeeping import Housekeeping
from agentctx.types import NewEpisode
from tests.fixtures_engine import NS, World, found, listed, memory, world

__all__ = ["memory", "world"]

QUIET = IndexSettings(housekeeping=False)

# --- residency --------------------------------------------------------------------------------------------------------


def test_indexes_keep_within_the_budget_also_when_they_grow_by_writing(world: World) -> None:
    memory = world.open(index=IndexSettings(memory_bytes=300_000, housekeeping=False)).memory
    held = memory._residency
    for number in range(12):
        memory.add(f"n{number}", f"cat {number}")
        memory.search(f"n{number}", "cat")
    assert 1 <= len(held._slots) < 12
    for _ in range(40):
        memory.add("n11", [f"the cat number {word} of many" for word in range(20)])
    assert list(held._slots) == ["n11"]
    assert held.nbytes == held._slots["n11"].index.nbytes > 300_000  # type: ignore[union-attr]
    for number in range(12):
        assert len(found(memory, "cat", f"n{number}", k=1)) == 1
    held.clear()
    assert held.nbytes == 0


def test_eviction_does_not_wait_for_an_index_in_use(world: World) -> None:
    memory = world.open(index=IndexSettings(memory_bytes=1, housekeeping=False)).memory
    for name in ("a", "b"):
        memory.add(name, "cat")
    entered, leave = threading.Event(), threading.Event()

    def use() -> None:
        with memory._residency.reading("a"):
            entered.set()
            assert leave.wait(10)

    thread = threading.Thread(target=use)
    thread.start()
    assert entered.wait(10)
    assert found(memory, "cat", "b")
    assert list(memory._residency._slots) == ["a", "b"]
    leave.set()
    thread.join()
    assert found(memory, "cat", "b")
    memory.add("b", "cat")
    assert list(memory._residency._slots) == ["b"]


def test_who_waited_for_an_index_that_is_gone_gets_the_new_one(world: World) -> None:
    memory = world.open(index=QUIET).memory
    memory.add(NS, "cat")
    results: list[int] = []
    with memory._residency.reading(NS):
        threads = [threading.Thread(target=lambda: results.append(len(found(memory, "cat")))) for _ in range(3)]
        for thread in threads:
            thread.start()
        time.sleep(0.05)
        memory._residency.drop(NS)
    for thread in threads:
        thread.join()
    assert results == [1, 1, 1]
    assert len(memory._residency._slots) == 1


class SlowWriter:
    """Adds an episode in another thread, and holds it up when the store has it and the index has not."""

    def __init__(self, memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
        self.written, self.go_on = threading.Event(), threading.Event()
        append = memory._store.append

        def held_up(*given: Any, **named: Any) -> Any:
            done = append(*given, **named)
            self.written.set()
            assert self.go_on.wait(10)
            return done

        monkeypatch.setattr(memory._store, "append", held_up)
        self.thread = threading.Thread(target=lambda: memory.add(NS, "a second cat"))
        self.thread.start()
        assert self.written.wait(10)

    def finish(self) -> None:
        """Let it go on to its end."""
        self.go_on.set()
        self.thread.join()


def test_a_reader_leaves_it_to_the_writer_to_take_up_what_it_wrote(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = world.open(index=QUIET).memory
    memory.add(NS, "cat")
    assert len(found(memory, "cat")) == 1
    monkeypatch.setattr(residency, "_PATIENCE", 10.0)
    monkeypatch.setattr(memory._store, "read_log", lambda *_, **__: pytest.fail("the reader read the log"))
    writer = SlowWriter(memory, monkeypatch)
    results: list[int] = []
    reader = threading.Thread(target=lambda: results.append(len(found(memory, "cat"))))
    reader.start()
    time.sleep(0.05)
    assert not results
    writer.finish()
    reader.join()
    assert results == [2]


def test_a_reader_does_not_wait_for_a_writer_that_is_slow(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    memory = world.open(index=QUIET).memory
    memory.add(NS, "cat")
    assert len(found(memory, "cat")) == 1
    writer = SlowWriter(memory, monkeypatch)
    assert len(found(memory, "cat")) == 2
    writer.finish()
    assert len(found(memory, "cat")) == 2
    with memory._residency.reading(NS) as index:
        assert len(index) == 2


def test_a_text_is_analysed_once_and_before_it_is_written(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    memory = world.open(index=QUIET).memory
    memory.add(NS, "cat")
    assert len(found(memory, "cat")) == 1
    seen: list[str] = []
    analyze, append = analyzed.analyze_text, memory._store.append

    def analyzing(text: str) -> Any:
        seen.append(text)
        return analyze(text)

    def appending(*given: Any, **named: Any) -> Any:
        seen.append("written")
        return append(*given, **named)

    monkeypatch.setattr(memory._store, "append", appending)
    for module in (analyzed, indexes):
        monkeypatch.setattr(module, "analyze_text", analyzing)
    memory.add(NS, ["a second cat", "a third cat"])
    assert seen == ["a second cat", "a third cat", "written"]
    assert len(found(memory, "cat")) == 3


def test_names_that_do_not_exist_leave_nothing_behind(memory: Memory) -> None:
    for number in range(50):
        with pytest.raises(NotFound):
            memory.search(f"n{number}", "cat")
    assert not memory._residency._slots


# --- hits -------------------------------------------------------------------------------------------------------------


def test_a_hit_is_in_the_state_that_the_search_reports(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process changes, deletes or purges it between the search and the fetching."""
    memory, other = world.open(index=QUIET).memory, world.open(index=QUIET).memory
    memory.add(NS, [NewEpisode("cat", id=id, tags=["old"]) for id in "abc"])
    fetch = memory._indexes.hits.episodes
    changes: Iterator[Any] = iter(
        [
            lambda: other.update(NS, "a", tags=["new"]),
            lambda: other.delete(NS, "a"),
            lambda: other.purge(NS, "b"),
        ]
    )

    def late(*given: Any) -> Any:
        change = next(changes, None)
        if change is not None:
            change()
        return fetch(*given)

    monkeypatch.setattr(memory._indexes.hits, "episodes", late)
    first = memory.search(NS, "cat")
    assert [(hit.episode.tags, hit.episode.revision <= first.revision) for hit in first.hits] == [(("old",), True)] * 3
    second = memory.search(NS, "cat")
    assert {hit.episode.id: hit.episode.tags for hit in second.hits} == {"a": ("new",), "b": ("old",), "c": ("old",)}
    assert all(hit.episode.deleted_at is None for hit in second.hits)
    memory._indexes.hits.clear()
    third = memory.search(NS, "cat")  # begun before the purge, answered after it
    assert {hit.episode.id for hit in third.hits} == {"c"}
    assert third.revision.epoch > second.revision.epoch


def test_the_cache_of_hits_is_bounded_and_forgets_what_is_purged(world: World) -> None:
    memory = world.open(index=QUIET).memory
    memory.add(NS, [NewEpisode("cat " + "x" * 2000, id=f"e{number}") for number in range(40)])
    memory._indexes.hits._budget = 20_000
    assert len(found(memory, "cat", k=40)) == 40
    assert 0 < memory._indexes.hits.nbytes <= 20_000
    assert len(memory._indexes.hits._kept) < 10
    memory.purge(NS, "e0")
    assert memory._indexes.hits.nbytes == 0 == len(memory._indexes.hits._kept)
    assert len(listed(memory)) == 39
    assert len(found(memory, "cat", k=3)) == 3
    with world.open(index=QUIET) as other:
        other.memory.purge(NS, "e1")
    assert found(memory, "e1", k=0) == []  # any look at the namespace tells that it has another epoch
    assert len(memory._indexes.hits._kept) == 0


# --- the background ---------------------------------------------------------------------------------------------------


def counting(seen: list[str], name: str, steps: int = 2) -> Generator[None, None, None]:
    for step in range(steps):
        seen.append(f"{name}{step}")
        yield


def test_jobs_are_done_in_turn_and_once_a_key() -> None:
    work = Housekeeping(Courtesy(), enabled=False)
    seen: list[str] = []
    assert work.submit("a", lambda: counting(seen, "a"))
    assert not work.submit("a", lambda: counting(seen, "again"))
    assert work.submit("b", lambda: counting(seen, "b"), delay=100)
    assert seen == []
    work.run()
    assert seen == ["a0", "a1", "b0", "b1"]
    assert work.submit("a", lambda: counting(seen, "a"))
    work.close()
    assert not work.submit("c", lambda: counting(seen, "c"))
    work.run()
    assert len(seen) == 4


def test_a_job_that_fails_is_logged_and_the_next_one_done(caplog: pytest.LogCaptureFixture) -> None:
    work = Housekeeping(Courtesy())
    seen: list[str] = []

    def failing() -> Generator[None, None, None]:
        yield
        raise ValueError("a reason")

    work.submit("a", failing)
    work.submit("b", lambda: counting(seen, "b"))
    assert work.wait(10)
    work.close()
    assert seen == ["b0", "b1"]
    assert work.failures == 1
    assert "a reason" in caplog.text


def test_closing_stops_a_job_between_two_steps() -> None:
    work = Housekeeping(Courtesy())
    begun, ended = threading.Event(), threading.Event()

    def endless() -> Generator[None, None, None]:
        try:
            while True:
                begun.set()
                yield
        finally:
            ended.set()

    work.submit("a", endless)
    assert begun.wait(10)
    work.close()
    assert ended.is_set()


def test_background_work_gives_way_to_searches_but_not_for_ever() -> None:
    courtesy = Courtesy()
    work = Housekeeping(courtesy)
    seen: list[str] = []
    with courtesy:
        work.submit("a", lambda: counting(seen, "a", 4))
        assert work.wait(10)
    work.close()
    assert len(seen) == 4
    with courtesy:
        before = time.monotonic()
        courtesy.give_way(0.05)
        assert time.monotonic() - before >= 0.05


class Watched(Courtesy):
    """Notes how long it would have waited, and waits not at all."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[float] = []

    def give_way(self, patience: float) -> None:
        self.waits.append(patience)


def working(seconds: float, steps: int) -> Generator[int, None, None]:
    for step in range(steps):
        end = time.thread_time() + seconds
        while time.thread_time() < end:
            pass
        yield step


def test_small_steps_give_way_together_and_wait_at_most_three_times_what_they_worked() -> None:
    courtesy = Watched()
    began = time.thread_time()
    assert list(courtesy.paced(working(0.0005, 40))) == list(range(40))
    worked = time.thread_time() - began
    assert 1 <= len(courtesy.waits) <= worked / 0.002
    assert sum(courtesy.waits) <= 3 * worked


def test_what_a_step_sleeps_is_no_work_that_it_has_to_wait_for() -> None:
    def asleep() -> Generator[None, None, None]:
        for _ in range(3):
            time.sleep(0.05)
            yield

    courtesy = Watched()
    list(courtesy.paced(asleep()))
    assert courtesy.waits == []


def test_a_rest_after_searches_is_within_the_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    courtesy = Courtesy()
    naps: list[float] = []
    with courtesy:
        pass
    monkeypatch.setattr(time, "sleep", naps.append)
    courtesy.give_way(0.0005)
    assert all(nap <= 0.0005 for nap in naps)


def naps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What is slept from now on, without sleeping it."""
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    return slept


def elsewhere(courtesy: Courtesy) -> tuple[threading.Thread, threading.Event]:
    """A search of another thread, under way until the event is set."""
    begun, ending = threading.Event(), threading.Event()

    def search() -> None:
        with courtesy:
            begun.set()
            ending.wait(10)

    thread = threading.Thread(target=search)
    thread.start()
    assert begun.wait(10)
    return thread, ending


def test_a_load_lets_searches_pass_at_most_twice_as_long_as_it_works(monkeypatch: pytest.MonkeyPatch) -> None:
    courtesy = Courtesy()
    slept = naps(monkeypatch)
    with courtesy:
        courtesy.loading(working(0.0005, 20))
        assert slept == []  # nobody else is there
        thread, ending = elsewhere(courtesy)
        began = time.thread_time()
        courtesy.loading(working(0.0005, 20))
        worked = time.thread_time() - began
        ending.set()
        thread.join()
    assert 1 <= len(slept) <= worked / 0.0005
    assert sum(slept) <= 2 * worked


def test_loads_do_not_wait_for_one_another_nor_for_who_waits_for_them(monkeypatch: pytest.MonkeyPatch) -> None:
    courtesy = Courtesy()
    slept = naps(monkeypatch)
    begun, ending = threading.Event(), threading.Event()

    def search() -> None:
        with courtesy, courtesy.standing_back():
            begun.set()
            ending.wait(10)

    thread = threading.Thread(target=search)
    thread.start()
    assert begun.wait(10)
    with courtesy:
        courtesy.loading(working(0.0005, 8))
    ending.set()
    thread.join()
    with courtesy:  # one that had to wait says nothing about when the next one comes
        courtesy.loading(working(0.0005, 8))
    assert slept == []


def test_a_load_with_little_time_left_lets_nobody_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    courtesy = Courtesy()
    slept = naps(monkeypatch)
    thread, ending = elsewhere(courtesy)
    with courtesy:
        courtesy.loading(working(0.002, 8), time.monotonic() + 0.001)
    ending.set()
    thread.join()
    assert slept == []


def test_a_search_counts_again_when_its_load_has_failed() -> None:
    def failing() -> Iterator[None]:
        yield
        raise ValueError("a reason")

    courtesy = Courtesy()
    with courtesy:
        with pytest.raises(ValueError, match="a reason"):
            courtesy.loading(failing())
        before = time.monotonic()
        courtesy.give_way(0.01)
        assert time.monotonic() - before >= 0.01


@pytest.mark.parametrize("size", [1, 600, 10**9])
def test_an_index_is_the_same_in_however_many_steps_it_is_made(
    world: World, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    alone = IndexSettings(housekeeping=False, snapshots=False)

    def scores(memory: Memory) -> list[tuple[str, float]]:
        return [(hit.episode.id, hit.score) for hit in memory.search(NS, "garden cat", k=20).hits]

    with world.open(index=alone) as engine:
        ids = engine.memory.add(NS, [f"cat number {number} in the garden" for number in range(9)]).ids
        engine.memory.delete(NS, ids[4])
        engine.memory.add(NS, [f"dog number {number} in the garden" for number in range(9)])
    with world.open(index=alone) as engine:
        expected = scores(engine.memory)
    monkeypatch.setattr(taking_up, "_SLICE", size)
    with world.open(index=alone) as engine:
        assert scores(engine.memory) == expected
    assert len(expected) == 17


def test_a_search_does_not_wait_longer_for_an_index_than_its_time(world: World) -> None:
    memory = world.open(index=QUIET).memory
    memory.add(NS, "cat")
    failed: list[Exception] = []

    def late() -> None:
        try:
            memory.search(NS, "cat", timeout=0.02)
        except DeadlineExceeded as error:
            failed.append(error)

    with memory._residency.reading(NS):
        thread = threading.Thread(target=late)
        thread.start()
        thread.join()
    assert len(failed) == 1
    assert len(found(memory, "cat", timeout=100.0)) == 1


def test_loading_that_took_too_long_goes_on_with_the_next_search(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(residency, "_CHUNK", 2)
    with world.open(index=QUIET) as engine:
        for number in range(7):
            engine.memory.add(NS, f"cat {number}")
    memory = world.open(index=QUIET).memory
    reached = []
    for _ in range(20):
        try:
            with memory._residency.reading(NS, timeout=1e-9):
                pass
        except DeadlineExceeded:
            slot = memory._residency._slots[NS]
            if slot.index is not None:
                reached.append(len(slot.index))
    assert reached == sorted(reached)
    assert len(set(reached)) > 1
    assert len(found(memory, "cat")) == 7
