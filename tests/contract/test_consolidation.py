"""Putting a namespace in order: nothing that is found changes, whatever happens meanwhile."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Generator
from typing import Any

import numpy as np
import pytest

from agentctx.aio import AsyncMemory
from agentctx.errors import FailedPrecondition, InvalidArgument, NotFound, Unavailable
from agentctx.index import vectors as vectors_module
from agentctx.index.vectors import VectorIndex
from agentctx.memory import consolidation as module
from agentctx.memory.duplicates import Merge
from agentctx.memory.service import Memory
from agentctx.runtime import snapshots
from agentctx.types import NewEpisode, Progress, TagEdit
from tests.fixtures_engine import NS, World, memory, world

__all__ = ["memory", "world"]

PLACES = ("Lisbon", "Porto", "Faro", "Braga")
THINGS = ("boat", "violin", "oven", "bicycle", "garden", "lantern", "telescope")
QUERIES = ("Who bought a violin in Porto?", "the garden", "a trip to Faro by boat", "what broke?", "oven lantern")


@pytest.fixture(autouse=True)
def few_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Codes and clusters are used from a few rows on."""
    monkeypatch.setattr(vectors_module, "EXACT", 16)


@pytest.fixture
def static(world: World) -> Memory:
    return world.open(embedder="static").memory


def said(number: int) -> str:
    place, thing = PLACES[number % len(PLACES)], THINGS[number % len(THINGS)]
    return f"Ana took the {thing} to {place}, trip number {number}; it broke near the {THINGS[number % 5]}."


def filled(memory: Memory, many: int = 60) -> None:
    memory.add(NS, [NewEpisode(said(number), session=f"s{number // 8}") for number in range(many)])


def answers(memory: Memory) -> list[Any]:
    return [[(hit.episode.id, hit.score, hit.parts) for hit in memory.search(NS, query, k=8).hits] for query in QUERIES]


def vectors(memory: Memory) -> VectorIndex:
    with memory._residency.reading(NS) as index:
        return index.vectors


def steps(memory: Memory) -> Generator[Progress, None, None]:
    """Every single unit of the work."""
    return memory._consolidator._job(NS)


def test_hits_and_scores_are_the_same_before_and_after(memory: Memory) -> None:
    filled(memory)
    before, scores = answers(memory), vectors(memory).score_all(np.eye(64, 1)[:, 0][: vectors(memory).dimensions])
    progress = list(memory.consolidate(NS))
    laid = vectors(memory)
    assert laid.layout is not None
    assert laid.tail == 0
    laid.check_invariants()
    assert np.array_equal(laid.score_all(np.eye(64, 1)[:, 0][: laid.dimensions]), scores)
    assert answers(memory) == before
    assert [one.done for one in progress] == sorted(one.done for one in progress)
    assert (progress[0].done, progress[-1].done, progress[-1].total) == (0, 60, 60)
    assert {one.message for one in progress[:-1]} == {"tags", "clusters", "episodes", "layout", "vectors"}


def test_stopped_at_any_unit_it_leaves_everything_as_it_was(memory: Memory) -> None:
    filled(memory, 40)
    before, live = answers(memory), vectors(memory)
    held = {name: array.copy() for name, array in live.arrays().items()}
    units = sum(1 for _ in steps(memory))
    assert units > 50
    vectors(memory)
    with memory._residency.reading(NS) as index:
        index.vectors = live
    for stop in sorted({*range(0, units - 1, 7), units - 3, units - 2}):
        work = steps(memory)
        for _ in range(stop):
            next(work)
        work.close()
        assert vectors(memory) is live
    now = live.arrays()
    assert now.keys() == held.keys()
    assert all(np.array_equal(now[name], array) for name, array in held.items())
    assert answers(memory) == before


def test_a_failing_unit_leaves_everything_as_it_was(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(memory, 40)
    before, live = answers(memory), vectors(memory)

    def fails(*_: Any) -> Any:
        yield
        raise MemoryError

    for phase in ("learn", "assign", "lay_out"):
        with monkeypatch.context() as patch:
            patch.setattr(module, phase, fails)
            with pytest.raises(MemoryError):
                list(memory.consolidate(NS))
        assert vectors(memory) is live
        assert answers(memory) == before
    list(memory.consolidate(NS))  # and it may be tried again
    assert vectors(memory) is not live


def test_what_is_written_meanwhile_is_found_before_and_after(memory: Memory) -> None:
    filled(memory, 40)
    for number, _ in enumerate(steps(memory)):
        if not number % 10:
            memory.add(NS, NewEpisode(f"Ben saw comet {number} from the hill.", id=f"comet-{number}"))
            assert memory.search(NS, f"comet {number}").hits[0].episode.id == f"comet-{number}"
            memory.delete(NS, f"comet-{number}")
    memory.add(NS, NewEpisode("The comet is gone.", id="gone"))
    laid = vectors(memory)
    assert laid.layout is not None
    assert laid.tail > 0
    laid.check_invariants()
    assert memory.search(NS, "comet").hits[0].episode.id == "gone"
    with memory._residency.reading(NS) as index:
        index.check_invariants()


def test_readers_go_on_meanwhile_and_find_the_same(memory: Memory) -> None:
    filled(memory)
    before = answers(memory)
    stop = threading.Event()
    wrong: list[Any] = []
    looked = [0, 0]

    def read(number: int) -> None:
        try:
            while not stop.is_set():
                if (now := answers(memory)) != before:
                    wrong.append(now)
                looked[number] += 1
        except BaseException as error:
            wrong.append(error)

    readers = [threading.Thread(target=read, args=(number,)) for number in range(2)]
    for reader in readers:
        reader.start()
    for _ in range(3):
        list(memory.consolidate(NS))
    stop.set()
    for reader in readers:
        reader.join()
    assert not wrong
    assert all(looked)


def test_tags_that_say_the_same_are_merged_and_can_be_restored(static: Memory) -> None:
    memory = static
    park = [f"We hiked in Yosemite National Park, day {number}, and it {THINGS[number]} rained." for number in range(6)]
    memory.add(NS, [*park, *(said(number) for number in range(20))])
    before = {tag.name for tag in memory.list_tags(NS, page_size=1000).tags}
    changes = [tag for tag in memory.list_tags(NS, page_size=1000).tags if tag.aliases]
    assert not changes
    last = list(memory.consolidate(NS))[-1]
    merged = {alias: tag.name for tag in memory.list_tags(NS, page_size=1000).tags for alias in tag.aliases}
    assert merged
    assert last.message.endswith(f"; {len(merged)} tags merged")
    assert all("yosemite" in name or "park" in name for pair in merged.items() for name in pair)
    gone, stays = next(iter(merged.items()))
    assert {one.id for one in memory.list(NS, tags=[gone]).episodes} <= {
        one.id for one in memory.list(NS, tags=[stays]).episodes
    }
    for alias in merged:
        memory.edit_tags(NS, TagEdit("restore", alias))
    assert {tag.name for tag in memory.list_tags(NS, page_size=1000).tags} == before


def test_merges_of_words_that_were_purged_are_nowhere(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "_PAYS", 1)
    monkeypatch.setattr(snapshots, "_PAYS_LAST", 1)
    engine = world.open(embedder="static")
    memory = engine.memory
    memory.add(NS, [f"filler {number} about ferries and kettles number {number}" for number in range(50)])
    secret = memory.add(NS, [f"Zyxwortel secret plan Zyxwortel meets {number}" for number in range(3)]).ids
    list(memory.consolidate(NS))
    assert [line for line in memory.export(NS) if '"consolidation"' in line and "yxwortel" in line]
    memory.search(NS, "Zyxwortel")
    memory.edit_tags(NS, TagEdit("add", "mine"))
    memory.purge(NS, secret)
    list(memory.consolidate(NS))
    memory.search(NS, "ferries and kettles")
    assert not [line for line in memory.export(NS) if "yxwortel" in line.lower()]
    assert "mine" in {tag.name for tag in memory.list_tags(NS, page_size=1000).tags}
    with memory._residency.reading(NS) as index:
        assert "yxwortel" not in str(index.tags.edits.state())
    engine.close()
    files = [path for path in world.folder.rglob("*") if path.is_file()]
    assert any(path.suffix == ".idx" for path in files)
    assert not [path.name for path in files if b"yxwortel" in path.read_bytes().lower()]


def test_a_purge_between_finding_and_merging_leaves_no_purged_name(
    static: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = static
    memory.add(NS, [NewEpisode(said(number)) for number in range(20)])
    secret = memory.add(NS, [f"Zyxwortel secret plan Zyxwortel meets {number}" for number in range(3)]).ids
    names = [tag.name for tag in memory.list_tags(NS, page_size=1000).tags if "zyxwortel" in tag.name]
    assert len(names) > 1
    edit_tags, done = memory._store.edit_tags, []

    def purged_meanwhile(*given: Any, **more: Any) -> Any:
        if not done:
            done.append(memory.purge(NS, secret))
        return edit_tags(*given, **more)

    monkeypatch.setattr(memory._store, "edit_tags", purged_meanwhile)
    assert memory._consolidator._merge(NS, [Merge(names[0], names[1])]) == 0
    assert done
    assert not [line for line in memory.export(NS) if "zyxwortel" in line]


def test_an_export_keeps_who_merged(static: Memory) -> None:
    static.add(NS, [f"Zyxwortel secret plan Zyxwortel meets {number}" for number in range(3)])
    static.add(NS, [NewEpisode(said(number)) for number in range(50)])
    list(static.consolidate(NS))
    static.edit_tags(NS, TagEdit("add", "mine"))
    lines = [line for line in static.export(NS) if '"tag_edit"' in line]
    static.import_("acme/copy", static.export(NS))
    assert [line for line in static.export("acme/copy") if '"tag_edit"' in line] == lines
    assert len([line for line in lines if '"origin":"consolidation"' in line]) == len(lines) - 1 > 0


def test_tags_that_callers_gave_are_never_merged_away(static: Memory) -> None:
    tags = ("yosemite", "yosemite_park", "yosemite_national_park")
    static.add(NS, [NewEpisode(f"We hiked up there, day {number}.", tags=tags) for number in range(8)])
    list(static.consolidate(NS))
    assert {*tags} <= {tag.name for tag in static.list_tags(NS).tags}


def test_names_with_other_numbers_are_other_tags(static: Memory) -> None:
    static.add(NS, [NewEpisode("The Apollo 11 crew and the Apollo 12 crew met.") for _ in range(8)])
    list(static.consolidate(NS))
    merged = [(tag.name, alias) for tag in static.list_tags(NS, page_size=1000).tags for alias in tag.aliases]
    assert not [pair for pair in merged if ("11" in pair[0]) != ("11" in pair[1])]


def test_a_layout_outlives_the_process(world: World) -> None:
    engine = world.open()
    filled(engine.memory, 300)
    list(engine.memory.consolidate(NS))
    before, held = answers(engine.memory), vectors(engine.memory).layout
    assert held is not None
    engine.close()
    again = world.open().memory
    assert answers(again) == before
    restored = vectors(again).layout
    assert restored is not None
    assert np.array_equal(restored.order, held.order)
    again.add(NS, "One more about a boat.")
    list(again.consolidate(NS))
    assert vectors(again).tail == 0
    vectors(again).check_invariants()


def test_codes_outlive_the_process_with_and_without_a_layout(world: World) -> None:
    for laid_out in (False, True):
        engine = world.open()
        filled(engine.memory, 250)
        if laid_out:
            list(engine.memory.consolidate(NS))
        filled(engine.memory, 230)
        before = answers(engine.memory)
        engine.close()
        again = world.open()
        assert answers(again.memory) == before
        index = vectors(again.memory)
        index.check_invariants()
        assert index.nearest(index.vectors(np.array([3]))[0], 5).codes > 0
        again.close()


def test_one_at_a_time(memory: Memory) -> None:
    filled(memory, 30)
    first = memory.consolidate(NS)
    next(first)
    with pytest.raises(FailedPrecondition, match="already"):
        list(memory.consolidate(NS))
    first.close()  # type: ignore[attr-defined]
    list(memory.consolidate(NS))


def test_purged_meanwhile_it_says_so(memory: Memory) -> None:
    filled(memory, 30)
    work = steps(memory)
    for _ in range(20):
        next(work)
    memory.purge(NS, [memory.list(NS).episodes[0].id])
    with pytest.raises(Unavailable, match="purged"):
        list(work)
    assert vectors(memory).layout is None
    list(memory.consolidate(NS))


def test_evicted_meanwhile_it_goes_on_with_the_index_of_now(memory: Memory) -> None:
    filled(memory, 30)
    before = answers(memory)
    work = steps(memory)
    for _ in range(20):
        next(work)
    memory._residency.drop(NS)
    list(work)
    assert vectors(memory).layout is not None
    assert answers(memory) == before


def test_what_is_not_there_cannot_be_put_in_order(memory: Memory) -> None:
    with pytest.raises(NotFound):
        list(memory.consolidate(NS))
    with pytest.raises(InvalidArgument):
        memory.consolidate("a b")
    memory.add(NS, NewEpisode("x", id="x"))
    memory.purge(NS, "x")
    assert [one.total for one in memory.consolidate(NS)] == [0]


def test_one_episode_and_ones_without_words(memory: Memory) -> None:
    memory.add(NS, "?")
    list(memory.consolidate(NS))
    memory.add(NS, ["!", "...", "?", "a boat"])
    list(memory.consolidate(NS))
    vectors(memory).check_invariants()


def test_it_happens_by_itself_once_it_pays(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LEAST", 30)
    memory = world.open().memory
    filled(memory, 40)
    memory.search(NS, "boat")
    assert memory._housekeeping.wait(20)
    assert vectors(memory).layout is None  # nothing was lost yet
    vectors(memory).lost = 1.0
    memory.search(NS, "boat")
    assert memory._housekeeping.wait(20)
    assert vectors(memory).layout is not None
    assert vectors(memory).lost == 0


def test_asyncio_has_it_too(memory: Memory) -> None:
    filled(memory, 30)

    async def run() -> list[Progress]:
        return [one async for one in AsyncMemory(memory).consolidate(NS)]

    assert asyncio.run(run())[-1].done == 30


def test_what_is_lost_is_counted_only_where_a_layout_would_help() -> None:
    generator = np.random.default_rng(0)
    rows = generator.standard_normal((400, 16)).astype(np.float32)
    index = VectorIndex(16)
    index.extend(rows)
    index.nearest(rows[0], 3, look=400)
    assert index.lost == 0
    index.nearest(rows[0], 3, look=40)
    assert index.lost > 0
