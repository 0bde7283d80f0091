"""`engine.memory` beside others: engines on one store, threads, another embedder, other limits, the asyncio twin."""

from __future__ import annotations

import asyncio
import inspect
import itertools
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agentctx.aio import AsyncContextEngine, AsyncMemory
from agentctx.config import IndexSettings, Limits, Settings
from agentctx.embed.static import StaticEmbedder
from agentctx.engine import ContextEngine, reembed_store
from agentctx.errors import (
    EmbedderMismatch,
    InvalidArgument,
    NotFound,
)
from agentctx.memory import reembed as reembed_module
from agentctx.memory.service import Memory
from agentctx.testing import HashingEmbedder, ManualClock, SequentialIds
from agentctx.types import (
    AsyncMemoryAPI,
    ListOptions,
    MemoryAPI,
    NewEpisode,
    SearchOptions,
    UpdateOptions,
)
from tests.fixtures_engine import ADD, HEADER, NOW, NS, World, found, listed, world

__all__ = ["world"]

# --- several engines on one store -------------------------------------------------------------------------------------


def test_another_engine_sees_every_write_at_its_next_search(world: World) -> None:
    first, second = world.open().memory, world.open().memory
    first.add(NS, NewEpisode("cat", id="a"))
    assert found(second, "cat") == ["a"]
    first.add(NS, [NewEpisode("cat boat", id="b"), NewEpisode("cat boat boat", id="c", supersedes="a")])
    assert sorted(found(second, "cat")) == ["b", "c"]
    second.delete(NS, "b")
    assert found(first, "cat") == ["c"]
    first.update(NS, "c", tags=["t"])
    assert found(second, "cat", tags=["t"]) == ["c"]
    revision = second.purge(NS, "c")
    assert found(first, "cat", include_invalid=True) == ["a"]
    assert found(first, "cat", min_revision=revision, include_invalid=True) == ["a"]
    first.delete_namespace(NS)
    with pytest.raises(NotFound):
        second.search(NS, "cat")
    first.add(NS, NewEpisode("dog", id="a"))
    assert [hit.episode.content for hit in second.search(NS, "cat dog").hits] == ["dog"]
    second.import_(NS, [HEADER, json.dumps(ADD | {"id": "z", "content": "dog"})])
    assert sorted(found(first, "dog")) == ["a", "z"]


def test_writers_in_turn_keep_one_log(world: World) -> None:
    engines = [world.open().memory for _ in range(3)]
    for number in range(12):
        engines[number % 3].add(NS, NewEpisode(f"cat {number}", session="s"))
        if number % 2:
            assert len(found(engines[(number + 1) % 3], "cat", k=100)) == number + 1
    results = [engine.search(NS, "cat 7", k=100) for engine in engines]
    assert results[0].hits
    assert [one.hits for one in results[1:]] == [results[0].hits] * 2
    assert [one.position for one in engines[0].list(NS).episodes] == list(range(12))


def test_eviction_changes_no_result(world: World) -> None:
    roomy = world.open().memory
    tiny = world.open(index=IndexSettings(memory_bytes=1)).memory
    names = [f"n{number}" for number in range(4)]
    for turn in range(3):
        for name in names:
            tiny.add(name, [NewEpisode(f"cat {name} {turn}", session="s"), f"dog {turn}"])
        for name in names:
            for query in ("cat", f"dog {turn}"):
                assert tiny.search(name, query).hits == roomy.search(name, query).hits != ()
                assert tiny.search(name, query, as_of=NOW).hits == roomy.search(name, query, as_of=NOW).hits
    tiny.delete("n0", tiny.list("n0").episodes[0].id)
    assert tiny.search("n0", "cat").hits == roomy.search("n0", "cat").hits


def test_a_load_that_breaks_off_is_done_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C in the middle of catching up must not leave records half applied, or applied twice."""
    writer, reader = world.open().memory, world.open().memory
    writer.add(NS, NewEpisode("cat", id="a"))
    assert found(reader, "cat") == ["a"]
    writer.add(NS, [NewEpisode("cat boat", id="b"), NewEpisode("cat dog", id="c")])
    expected = writer.search(NS, "cat dog").hits
    with monkeypatch.context() as patched:
        calls = itertools.count()

        def interrupted(text: str) -> Any:
            if next(calls) == 1:
                raise KeyboardInterrupt
            return analyze(text)

        from agentctx.text.terms import analyze  # noqa: PLC0415 - the one that is replaced

        patched.setattr("agentctx.index.analyzed.analyze", interrupted)
        with pytest.raises(KeyboardInterrupt):
            reader.search(NS, "cat")
    assert reader.search(NS, "cat dog").hits == expected


def test_threads_add_change_and_search_at_once(world: World) -> None:
    memory = world.open(index=IndexSettings(memory_bytes=400_000)).memory
    errors: list[BaseException] = []
    writers, each = 4, 12

    def work(number: int) -> None:
        try:
            name = f"n{number % 2}"
            for turn in range(each):
                done = memory.add(name, [NewEpisode(f"cat w{number}t{turn}", session=f"s{number}"), "noise"])
                assert done.ids[0] in found(memory, f"w{number}t{turn}", name, k=1)
                memory.delete(name, done.ids[1])
                assert done.ids[1] not in found(memory, "noise", name, k=1000)
                if turn % 4 == 0:
                    memory.update(name, done.ids[0], tags=["t"])
                    assert done.ids[0] in found(memory, "cat", name, k=1000, tags=["t"])
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    anew = world.open().memory
    for name in ("n0", "n1"):
        assert memory.search(name, "cat", k=1000).hits == anew.search(name, "cat", k=1000).hits
        assert len(found(memory, "cat", name, k=1000)) == each * writers // 2


# --- embedders --------------------------------------------------------------------------------------------------------


def test_another_embedder_than_the_store_s_is_refused_with_the_command(world: World) -> None:
    world.open().memory.add(NS, "cat")
    with pytest.raises(EmbedderMismatch) as caught:
        ContextEngine.open(world.folder / "memory.db", embedder="static")
    message = str(caught.value)
    assert f"agentctx memory reembed --store {world.folder / 'memory.db'} --embedder static" in message
    assert caught.value.field == "embedder"
    with pytest.raises(EmbedderMismatch):
        ContextEngine.open(world.folder / "memory.db", embedder=HashingEmbedder(seed=1))


def test_a_store_is_opened_with_the_embedder_that_filled_it(tmp_path: Path) -> None:
    with ContextEngine.open(tmp_path / "a.db") as engine:
        assert engine.memory.embedder.identity.spec == "static"
        engine.memory.add(NS, "The cat sleeps.")
    with ContextEngine.open(tmp_path / "a.db") as engine:
        assert engine.memory.embedder.identity == StaticEmbedder().identity
        assert engine.memory.search(NS, "kitten").hits[0].parts["dense"] > 0


def test_reembed_gives_every_episode_a_new_vector_and_can_be_interrupted(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reembed_module, "_BATCH", 4)
    memory = world.open().memory
    for name in ("n0", "n1"):
        memory.add(name, [f"Note {number} about the kitten." for number in range(5)])
    memory.delete("n0", memory.list("n0").episodes[0].id)
    before = memory.search("n0", "kitten").hits
    run = memory.reembed("static")
    assert [next(run).done for _ in range(2)] == [0, 4]
    run.close()
    assert memory.embedder.identity.spec == "hashing"
    assert memory.search("n0", "kitten").hits == before
    memory.add("n1", "Added meanwhile, a kitten.")
    progress = list(memory.reembed("static"))
    assert progress[0].total == 7  # four of eleven were kept
    assert [one.done for one in progress] == [0, 4, 7, 7]
    assert memory.embedder.identity.spec == "static"
    with ContextEngine.open(
        world.folder / "fresh.db", embedder="static", clock=ManualClock(NOW), ids=SequentialIds()
    ) as fresh:
        for name in ("n0", "n1"):
            fresh.memory.import_(name, memory.export(name))
            new, hits = fresh.memory.search(name, "kitten").hits, memory.search(name, "kitten").hits
            assert [(hit.episode.content, hit.parts) for hit in hits] == [
                (hit.episode.content, hit.parts) for hit in new
            ]
            assert memory.search(name, "kitten").degraded == ()
    assert memory.add("n0", "still works").revision
    with pytest.raises(InvalidArgument):
        next(memory.reembed(""))
    with pytest.raises(InvalidArgument):
        next(memory.reembed("no such embedder"))


@pytest.mark.parametrize("dimensions", [64, 256])
def test_searches_and_adds_go_on_while_the_embedder_is_replaced(world: World, dimensions: int) -> None:
    memory = world.open(embedder=HashingEmbedder(dimensions)).memory
    memory.add(NS, [f"cat {number}" for number in range(20)])
    errors: list[BaseException] = []
    stop = threading.Event()

    def bulk_add() -> None:
        assert all(one.ok for one in memory.bulk_add(NS, [NewEpisode("cat")] * 3))

    calls: list[Callable[[], object]] = [
        lambda: memory.search(NS, "cat").hits[0],
        lambda: memory.add(NS, "cat"),
        bulk_add,
    ]

    def work(call: Callable[[], object]) -> None:
        while not stop.is_set():
            try:
                call()
            except BaseException as error:
                errors.append(error)

    threads = [threading.Thread(target=work, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    list(memory.reembed("static"))
    stop.set()
    for thread in threads:
        thread.join()
    assert errors == []
    anew = world.open(embedder="static").memory
    assert memory.search(NS, "cat", k=1000).hits == anew.search(NS, "cat", k=1000).hits != ()
    assert anew.search(NS, "cat").degraded == ()


@pytest.mark.parametrize("dimensions", [64, 256])
def test_an_engine_whose_store_was_reembedded_says_so(world: World, dimensions: int) -> None:
    """With vectors of the same width too: they mean something else."""
    stale = world.open(embedder=HashingEmbedder(dimensions)).memory
    stale.add(NS, "cat")
    assert found(stale, "cat")
    list(reembed_store(world.folder / "memory.db", "static"))
    calls: list[Callable[[], object]] = [lambda: stale.search(NS, "cat"), lambda: stale.add(NS, "dog")]
    for call in calls * 2:
        with pytest.raises(EmbedderMismatch) as caught:
            call()
        assert caught.value.field == "embedder"
    assert len(listed(stale)) == 1
    assert found(world.open(embedder="static").memory, "cat")


# --- limits, and the asyncio twin -------------------------------------------------------------------------------------


def test_settings_limit_what_a_call_may_ask(world: World) -> None:
    memory = world.open(limits=Limits(content_bytes=10, query_bytes=10, batch=2, k=3, page_size=4, tags=1)).memory
    memory.add(NS, ["cat", "dog"])
    memory.add(NS, ["cat", "dog"])
    memory.add(NS, "cat")
    assert len(found(memory, "cat")) == 3
    assert len(listed(memory)) == 4
    calls: list[tuple[Callable[[], object], str]] = [
        (lambda: memory.add(NS, "x" * 11), "episodes[0].content"),
        (lambda: memory.add(NS, ["x"] * 3), "episodes"),
        (lambda: memory.search(NS, "x" * 11), "query"),
        (lambda: memory.search(NS, "x", k=4), "k"),
        (lambda: memory.list(NS, page_size=5), "page_size"),
        (lambda: memory.list(NS, tags=["a", "b"]), "tags"),
        (lambda: memory.delete(NS, ["a", "b", "c"]), "ids"),
    ]
    for call, field in calls:
        with pytest.raises(InvalidArgument) as caught:
            call()
        assert caught.value.field == field


def methods(of: type) -> dict[str, inspect.Signature]:
    return {
        name: inspect.signature(member)
        for name, member in vars(of).items()
        if inspect.isfunction(member) and not name.startswith("_")
    }


def test_every_face_has_the_methods_of_the_protocol() -> None:
    protocol, twin = methods(MemoryAPI), methods(AsyncMemoryAPI)
    assert protocol.keys() == twin.keys()
    assert len(protocol) == 18
    for name, signature in protocol.items():
        assert methods(Memory)[name] == signature
        assert methods(AsyncMemory)[name].parameters == twin[name].parameters
        ours, theirs = signature.parameters.values(), twin[name].parameters.values()
        assert [(p.name, p.kind, p.default) for p in ours] == [(p.name, p.kind, p.default) for p in theirs]
    assert set(ListOptions.__annotations__) - set(SearchOptions.__annotations__) == {"page_size", "page_token"}
    assert set(UpdateOptions.__annotations__) == {
        "metadata", "tags", "valid_from", "valid_to", "expires_at", "if_revision"
    }  # fmt: skip


def test_the_asyncio_twin_gives_the_same_results(world: World) -> None:
    """The same script on both, each on a store of its own."""

    async def script(folder: Path) -> list[Any]:
        opened = await AsyncContextEngine.open(
            folder / "twin.db",
            embedder=HashingEmbedder(),
            settings=Settings(),
            clock=ManualClock(NOW),
            ids=SequentialIds(),
        )
        async with opened as engine:
            memory = engine.memory

            async def source() -> Any:
                for text in ("boat", ""):
                    yield NewEpisode(text)

            return [
                await memory.add(NS, ["cat", NewEpisode("dog", id="d")], request_id="r"),
                await memory.add(NS, ["cat", NewEpisode("dog", id="d")], request_id="r"),
                [one async for one in memory.bulk_add(NS, source())],
                [one async for one in memory.bulk_add(NS, [NewEpisode("bird")])],
                await memory.get(NS, "d"),
                await memory.update(NS, "d", tags=["t"]),
                await memory.list(NS, page_size=2),
                (await memory.search(NS, "cat boat", k=3)).hits,
                await memory.history(NS, "d"),
                await memory.delete(NS, "d"),
                await memory.purge(NS, "d"),
                await memory.list_namespaces(),
                [line async for line in memory.export(NS)],
                await memory.import_("copy", [line async for line in memory.export(NS)]),
                await memory.delete_namespace("copy"),
                [one async for one in memory.reembed("static")],
            ]

    memory = ContextEngine.open(
        world.folder / "sync.db", embedder=HashingEmbedder(), clock=ManualClock(NOW), ids=SequentialIds()
    ).memory
    expected = [
        memory.add(NS, ["cat", NewEpisode("dog", id="d")], request_id="r"),
        memory.add(NS, ["cat", NewEpisode("dog", id="d")], request_id="r"),
        list(memory.bulk_add(NS, [NewEpisode("boat"), NewEpisode("")])),
        list(memory.bulk_add(NS, [NewEpisode("bird")])),
        memory.get(NS, "d"),
        memory.update(NS, "d", tags=["t"]),
        memory.list(NS, page_size=2),
        memory.search(NS, "cat boat", k=3).hits,
        memory.history(NS, "d"),
        memory.delete(NS, "d"),
        memory.purge(NS, "d"),
        memory.list_namespaces(),
        list(memory.export(NS)),
        memory.import_("copy", list(memory.export(NS))),
        memory.delete_namespace("copy"),  # type: ignore[func-returns-value]
        list(memory.reembed("static")),
    ]
    assert asyncio.run(script(world.folder)) == expected


def test_the_asyncio_twin_raises_the_same_errors_and_lets_go_of_streams(world: World) -> None:
    engine = world.open()

    async def script() -> None:
        memory = AsyncMemory(engine.memory)
        with pytest.raises(NotFound):
            await memory.search(NS, "cat")
        with pytest.raises(InvalidArgument):
            [one async for one in memory.bulk_add(NS, "text")]  # type: ignore[arg-type]
        await memory.add(NS, ["cat"] * 3)
        stream = memory.export(NS)
        assert "format" in await anext(stream)
        await stream.aclose()  # type: ignore[attr-defined]
        results = await asyncio.gather(*(memory.search(NS, "cat") for _ in range(8)), memory.add(NS, "dog"))
        assert all(one.hits for one in results[:8])  # type: ignore[union-attr]

    asyncio.run(script())


def test_a_cancelled_stream_ends_cleanly(world: World) -> None:
    """Cancelled while a worker thread is inside the source: it is closed once the thread is out of it."""
    entered, go_on = threading.Event(), threading.Event()
    closed = []

    class Slow:
        def export(self, namespace: str, *, live_only: bool) -> Iterator[str]:
            try:
                entered.set()
                go_on.wait(10)
                yield namespace
            finally:
                closed.append(live_only)

    async def script() -> None:
        async def drain() -> None:
            async for _ in AsyncMemory(Slow()).export(NS):  # type: ignore[arg-type]
                pass

        task = asyncio.create_task(drain())
        await asyncio.to_thread(entered.wait, 10)
        task.cancel()
        await asyncio.sleep(0)
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert closed == [False]

    asyncio.run(script())
