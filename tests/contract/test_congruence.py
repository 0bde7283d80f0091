"""One script of calls on library, asyncio library, sync client and asyncio client: the same results and errors.

Each face has a store of its own, with the same clock, ids and embedder, so that transcripts can be compared whole.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from agentctx import connect, connect_async
from agentctx.aio import AsyncMemory
from agentctx.config import Limits, Settings
from agentctx.errors import AgentctxError
from agentctx.types import And, Condition, EpisodePage, MemoryAPI, NewEpisode, Not, Or, Revision, SearchResult, TagEdit
from tests.fixtures_server import NOW, Blocking, as_memory, open_engine, running_loop, serving

NS = "acme/user-42"
SMALL = Settings(limits=Limits(content_bytes=2000, query_bytes=500, metadata_bytes=500, batch=20, k=50, page_size=50))
Step = Callable[[MemoryAPI], Any]


@contextmanager
def library(folder: Path) -> Iterator[MemoryAPI]:
    with open_engine(folder, SMALL) as engine:
        yield engine.memory


@contextmanager
def async_library(folder: Path) -> Iterator[MemoryAPI]:
    with open_engine(folder, SMALL) as engine, running_loop() as loop:
        yield as_memory(Blocking(AsyncMemory(engine.memory), loop))


@contextmanager
def sync_client(folder: Path) -> Iterator[MemoryAPI]:
    with open_engine(folder, SMALL) as engine, serving(engine) as served, connect(served.address) as client:
        yield client.memory


@contextmanager
def async_client(folder: Path) -> Iterator[MemoryAPI]:
    with open_engine(folder, SMALL) as engine, serving(engine) as served, running_loop() as loop:

        async def start() -> Any:
            return connect_async(served.address)

        client = asyncio.run_coroutine_threadsafe(start(), loop).result(10)
        try:
            yield as_memory(Blocking(client.memory, loop))
        finally:
            asyncio.run_coroutine_threadsafe(client.close(), loop).result(10)


FACES = {
    "asyncio library": async_library,
    "sync client": sync_client,
    "asyncio client": async_client,
}


def outcome(memory: MemoryAPI, step: Step) -> Any:
    """What a call gives: its result, or the error's class, code, field and details."""
    try:
        result = step(memory)
        if isinstance(result, Iterator):
            result = list(result)
    except AgentctxError as error:
        return (type(error), error.code, error.field, error.details)
    if isinstance(result, SearchResult) and result.explanation is not None:
        told = result.explanation
        assert set(told.stages_ms)
        return (result.hits, result.revision, result.degraded, told.terms, told.hints, dict(told.candidates))
    return result


@pytest.fixture
def faces(tmp_path: Path) -> Iterator[dict[str, MemoryAPI]]:
    with ExitStack() as stack:
        opened = {}
        for name, face in {"library": library, **FACES}.items():
            folder = tmp_path / name.replace(" ", "-")
            folder.mkdir()
            opened[name] = stack.enter_context(face(folder))
        yield opened


def agree(faces: dict[str, MemoryAPI], steps: list[Step]) -> list[Any]:
    """Run the steps on each face and compare step by step; returns the library's outcomes."""
    results = []
    for number, step in enumerate(steps):
        expected = outcome(faces["library"], step)
        for name, memory in faces.items():
            if name != "library":
                assert outcome(memory, step) == expected, f"step {number} on the {name}"
        results.append(expected)
    return results


def exported(memory: MemoryAPI, namespace: str, **options: bool) -> list[Any]:
    """An export's lines as JSON: the keys of metadata have an order of their own on each road."""
    return [json.loads(line) for line in memory.export(namespace, **options)]


def day(number: int) -> datetime:
    return datetime(2024, 3, number, 9, 30, tzinfo=UTC)


CONVERSATION = [
    NewEpisode(
        "Ana moved to Lisbon in May and rents a flat near the river.",
        id="e-1",
        session="s1",
        speaker="Ana",
        role="user",
        occurred_at=day(1),
        tags=("home", "lisbon"),
        metadata={"topic": "home", "stars": 5, "nested": {"a": [1, 2.5, None, True]}, "float": 2.0},
    ),
    NewEpisode(
        "Bob's sister bakes sourdough bread every Sunday.",
        id="e-2",
        session="s1",
        speaker="Bob",
        role="assistant",
        occurred_at=day(2).astimezone(timezone(timedelta(hours=5, minutes=30))),
        metadata={"topic": "food", "stars": 3},
    ),
    NewEpisode(
        "The river flooded the cellar; the landlord pays for the repair.",
        session="s2",
        position=7,
        occurred_at=day(3),
        valid_from=day(3),
        valid_to=day(20),
        metadata={"topic": "home"},
        tags=["home"],
    ),
    NewEpisode("naïve café 🦜 — ünïcödé", session="s2", expires_at=NOW + timedelta(days=400)),
    NewEpisode("Gone already.", id="expired", expires_at=day(1)),
]


def seed(faces: dict[str, MemoryAPI]) -> None:
    agree(
        faces,
        [
            lambda m: m.add(NS, CONVERSATION),
            lambda m: m.add("acme/user-4", "somebody else's river"),
            lambda m: m.add(NS, "a bare text about bread"),
        ],
    )


def test_writing_reading_and_searching(faces: dict[str, MemoryAPI]) -> None:
    seed(faces)
    results = agree(
        faces,
        [
            lambda m: m.get(NS, "e-1"),
            lambda m: m.get(NS, "e-1", as_of=NOW),
            lambda m: m.get(NS, "e-1", as_of=day(1)),
            lambda m: m.list(NS),
            lambda m: m.list(NS, session="s1"),
            lambda m: m.list(NS, speaker="Ana", role="user", tags=["home", "lisbon"]),
            lambda m: m.list(NS, occurred_from=day(2), occurred_to=day(3)),
            lambda m: m.list(NS, valid_at=day(10)),
            lambda m: m.list(NS, include_invalid=True),
            lambda m: m.list(NS, filter={"topic": "home"}),
            lambda m: m.list(NS, filter={"stars": {"gte": 3, "lt": 5.0}}),
            lambda m: m.list(NS, filter={"or": [{"topic": "food"}, {"not": {"stars": {"ne": 5}}}]}),
            lambda m: m.list(NS, filter={}),
            lambda m: m.list(NS, filter=None),
            lambda m: m.list(NS, filter=And((Condition("topic", "in", ["home", "food"]), Not(Or(()))))),
            lambda m: m.list(NS, filter=Condition("nested.a", "contains", 2.5)),
            lambda m: m.search(NS, "Where does Ana live?"),
            lambda m: m.search(NS, "bread", k=1, explain=True),
            lambda m: m.search(NS, "river", session="s2", reference_time=day(4)),
            lambda m: m.search(NS, "river", filter={"topic": "home"}, valid_at=day(10), tags=("home",)),
            lambda m: m.search(NS, "river", as_of=NOW, include_invalid=True, timeout=20),
            lambda m: m.search(NS, "river", k=0),
            lambda m: m.search(NS, ""),
            lambda m: m.search(NS, "   "),
            lambda m: m.search(NS, "xyzzy plugh"),
            lambda m: m.search(NS, "river", min_revision=Revision(1, 1), timeout=None),
            lambda m: m.history(NS, "e-1"),
            lambda m: m.list_namespaces(),
            lambda m: m.list_namespaces(prefix="acme/user-4"),
            lambda m: m.list_namespaces(prefix="nobody"),
        ],
    )
    assert len(results[16].hits) > 1
    assert results[16].hits[0].episode.id == "e-1"


def test_changing_deleting_purging(faces: dict[str, MemoryAPI]) -> None:
    seed(faces)
    agree(
        faces,
        [
            lambda m: m.update(NS, "e-1", metadata={"topic": "city", "n": 1.0}, tags=["b", "a", "b"]),
            lambda m: m.update(NS, "e-2", valid_from=day(2), valid_to=day(9), expires_at=None),
            lambda m: m.update(NS, "e-2", valid_to=None),
            lambda m: m.update(NS, "e-2", metadata={}, tags=()),
            lambda m: m.update(NS, "e-2", metadata={"a": 1}, if_revision=Revision(1, 1)),
            lambda m: m.update(NS, "e-2", if_revision=Revision(1, 1)),
            lambda m: m.update(NS, "nobody", tags=["a"]),
            lambda m: m.update(NS, "e-1"),
            lambda m: m.add(NS, NewEpisode("Ana moved on to Porto.", id="e-9", supersedes="e-1", valid_from=day(25))),
            lambda m: m.get(NS, "e-1"),
            lambda m: m.history(NS, "e-1"),
            lambda m: m.delete(NS, "e-2"),
            lambda m: m.get(NS, "e-2"),
            lambda m: m.get(NS, "e-2", as_of=NOW),
            lambda m: m.delete(NS, ["e-1", "nobody"]),
            lambda m: m.get(NS, "e-1"),
            lambda m: m.delete(NS, ["e-1", "e-9"]),
            lambda m: m.history(NS, "e-1"),
            lambda m: exported(m, NS),
            lambda m: exported(m, NS, live_only=True),
            lambda m: m.purge(NS, ["e-1", "e-2"]),
            lambda m: m.list(NS),
            lambda m: m.search(NS, "bread river Lisbon"),
            lambda m: exported(m, NS),
            lambda m: m.delete_namespace(NS),
            lambda m: m.list(NS),
            lambda m: m.delete_namespace(NS),
            lambda m: m.list_namespaces(),
        ],
    )


def test_repeating_with_a_request_id(faces: dict[str, MemoryAPI]) -> None:
    first, again, other, unnamed, _ = agree(
        faces,
        [
            lambda m: m.add(NS, CONVERSATION[:2], request_id="r-1"),
            lambda m: m.add(NS, CONVERSATION[:2], request_id="r-1"),
            lambda m: m.add(NS, CONVERSATION[:1], request_id="r-1"),
            lambda m: m.add(NS, "no id"),
            lambda m: m.list(NS),
        ],
    )
    assert again.ids == first.ids
    assert again.replayed
    assert other[1] == "request_conflict"
    assert not unnamed.replayed


def test_bulk_adding(faces: dict[str, MemoryAPI]) -> None:
    items: list[Any] = [
        NewEpisode("fine", id="a"),
        NewEpisode(""),
        NewEpisode("taken", id="a"),
        "text alone",
        NewEpisode("naive", occurred_at=datetime(2024, 1, 1)),  # noqa: DTZ001
        NewEpisode("bad number", metadata={"x": math.nan}),
        17,
        NewEpisode("bad id", id="a\nb"),
        NewEpisode("long " * 1000),
        *(NewEpisode(f"number {i}") for i in range(120)),
        NewEpisode("\ud800"),
        NewEpisode("last", role="boss"),  # type: ignore[arg-type]
    ]

    def without_messages(m: MemoryAPI) -> list[Any]:
        return [(r.index, r.id, r.revision, r.error_code, r.error_field) for r in m.bulk_add(NS, items)]

    results = agree(
        faces,
        [
            without_messages,
            lambda m: list(m.bulk_add(NS, [])),
            lambda m: list(m.bulk_add("a//b", [])),
            lambda m: list(m.bulk_add("a//b", items)),
            lambda m: list(m.bulk_add(NS, "text")),  # type: ignore[arg-type]
            lambda m: list(m.bulk_add(NS, 3)),  # type: ignore[arg-type]
            lambda m: m.list(NS, page_size=3),
        ],
    )
    assert [r[3] for r in results[0]].count("") == 122


def test_tags(faces: dict[str, MemoryAPI]) -> None:
    texts = ["The support group meets.", "A support group, again.", "One more group.", "A dog.", "Our dog."]
    results = agree(
        faces,
        [
            lambda m: m.add(NS, [NewEpisode(text, tags=["mine"] if "dog" in text else ()) for text in texts]).ids,
            lambda m: m.list_tags(NS, page_size=9),
            lambda m: m.list_tags(NS, page_size=2),
            lambda m: m.list_tags(NS, page_size=2, page_token=m.list_tags(NS, page_size=2).next_page_token),
            lambda m: m.list_tags(NS, under="group", page_size=9),
            lambda m: m.list_tags(NS, prefix="s", page_size=9),
            lambda m: m.edit_tags(NS, TagEdit("rename", "dog", "pet")),
            lambda m: m.edit_tags(NS, [TagEdit("link", "support_group", "mine"), TagEdit("delete", "group")]),
            lambda m: m.list_tags(NS, page_size=9),
            lambda m: m.list(NS, tags=["mine"], page_size=9).episodes,
            lambda m: m.list(NS, tags=["mine"], narrower=True, page_size=9).episodes,
            lambda m: [hit.episode.id for hit in m.search(NS, "group", tags=["mine"], narrower=True).hits],
            lambda m: m.edit_tags(NS, TagEdit("link", "mine", "support_group")),
            lambda m: m.edit_tags(NS, TagEdit("restore", "group")),
            lambda m: list(m.retag(NS, "rules")),
            lambda m: m.list_tags(NS, page_size=9),
            lambda m: exported(m, NS),
        ],
    )
    assert [tag.name for tag in results[4].tags] == ["group", "support_group"]
    assert len(results[10]) > len(results[9])
    assert results[12][1] == "failed_precondition"


def test_paging(faces: dict[str, MemoryAPI]) -> None:
    for memory in faces.values():
        for i in range(7):
            memory.add(NS, NewEpisode(f"turn {i}", session=f"s{i % 2}"))
            memory.add(f"acme/p{i}", "x")

    def pages(memory: MemoryAPI, **options: Any) -> list[EpisodePage]:
        found = [memory.list(NS, page_size=2, **options)]
        while found[-1].next_page_token:
            found.append(memory.list(NS, page_size=2, page_token=found[-1].next_page_token, **options))
        return found

    def token(memory: MemoryAPI) -> str:
        return memory.list(NS, page_size=2).next_page_token

    def namespaces(memory: MemoryAPI) -> list[str]:
        page = memory.list_namespaces(prefix="acme", page_size=3)
        names = [info.name for info in page.namespaces]
        while page.next_page_token:
            page = memory.list_namespaces(prefix="acme", page_size=3, page_token=page.next_page_token)
            names += [info.name for info in page.namespaces]
        return names

    def after_purge(memory: MemoryAPI) -> Any:
        given = token(memory)
        memory.purge(NS, memory.list(NS).episodes[0].id)
        return memory.list(NS, page_size=2, page_token=given)

    results = agree(
        faces,
        [
            pages,
            lambda m: pages(m, session="s1", filter={"not": {"x": 1}}),
            lambda m: pages(m, as_of=NOW, tags=()),
            lambda m: m.list(NS, page_token=token(m), session="s1"),
            lambda m: m.list(NS, page_token="nonsense"),
            lambda m: m.list("acme/p1", page_token=token(m)),
            namespaces,
            lambda m: m.list_namespaces(prefix="acme/p1", page_token=m.list_namespaces(page_size=1).next_page_token),
            lambda m: m.list_namespaces(page_token="nonsense"),
            after_purge,
        ],
    )
    assert [len(page.episodes) for page in results[0]] == [2, 2, 2, 1]
    assert results[-1][1] == "stale_page_token"


def test_export_and_import(faces: dict[str, MemoryAPI]) -> None:
    seed(faces)
    lines = list(faces["library"].export(NS))

    def failing() -> Iterator[str]:
        yield lines[0]
        raise ZeroDivisionError

    def broken_source(memory: MemoryAPI) -> str:
        with pytest.raises(ZeroDivisionError):
            memory.import_("acme/broken", failing())
        return "raised"

    results = agree(
        faces,
        [
            lambda m: m.import_("acme/copy", lines),
            lambda m: m.import_("acme/copy", iter(lines)),
            lambda m: exported(m, "acme/copy")[1:],
            lambda m: m.list("acme/copy"),
            lambda m: m.search("acme/copy", "bread"),
            lambda m: m.import_("acme/x", []),
            lambda m: m.import_("acme/x", ["nonsense"]),
            lambda m: m.import_("acme/x", [lines[0], "{}"]),
            lambda m: m.import_("acme/x", [lines[0], 3]),  # type: ignore[list-item]
            lambda m: m.import_("acme/x", "text"),
            lambda m: m.import_("a b", lines),
            broken_source,
            lambda m: list(m.export("acme/nobody")),
            lambda m: list(m.export("a b")),
            lambda m: list(m.export(NS, live_only=1)),  # type: ignore[arg-type]
        ],
    )
    assert results[0].imported == 6
    assert results[1].skipped == 6


HUGE = "x" * 3000
LATER = datetime(9999, 12, 31, 23, tzinfo=timezone(timedelta(hours=-9)))  # in UTC, a year that there is not

BAD_CALLS: list[Step] = [
    lambda m: m.add("", "x"),
    lambda m: m.add("a//b", "x"),
    lambda m: m.add(None, "x"),  # type: ignore[arg-type]
    lambda m: m.add("n" * 600, "x"),
    lambda m: m.add("a/..", "x"),
    lambda m: m.add(NS, ""),
    lambda m: m.add(NS, " \n"),
    lambda m: m.add(NS, "nul \0 byte"),
    lambda m: m.add(NS, []),
    lambda m: m.add(NS, ["x"] * 21),
    lambda m: m.add(NS, None),  # type: ignore[arg-type]
    lambda m: m.add(NS, {"content": "x"}),  # type: ignore[arg-type]
    lambda m: m.add(NS, [NewEpisode("ok"), NewEpisode("x", id="a\nb")]),
    lambda m: m.add(NS, NewEpisode(HUGE)),
    lambda m: m.add(NS, NewEpisode("x", id="i" * 300)),
    lambda m: m.add(NS, NewEpisode("x", position=-1)),
    lambda m: m.add(NS, NewEpisode("x", position=2**40)),
    lambda m: m.add(NS, NewEpisode("x", position=2**80)),
    lambda m: m.add(NS, NewEpisode("x", valid_from=day(2), valid_to=day(1))),
    lambda m: m.add(NS, NewEpisode("x", occurred_at=LATER)),
    lambda m: m.add(NS, NewEpisode("x", occurred_at=datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=9))))),
    lambda m: m.add(NS, NewEpisode("x", occurred_at="2024-01-01")),  # type: ignore[arg-type]
    lambda m: m.add(NS, NewEpisode("x", metadata={"a": "y" * 600})),
    lambda m: m.add(NS, NewEpisode("x", metadata={"a": float("inf")})),
    lambda m: m.add(NS, NewEpisode("x", metadata={"a": 2**60})),
    lambda m: m.add(NS, NewEpisode("x", metadata={"": 1})),
    lambda m: m.add(NS, NewEpisode("x", metadata={3: 1})),  # type: ignore[dict-item]
    lambda m: m.add(NS, NewEpisode("x", metadata={"a": object()})),
    lambda m: m.add(NS, NewEpisode("x", metadata={"a": [[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]})),
    lambda m: m.add(NS, NewEpisode("x", tags=["t"] * 70)),
    lambda m: m.add(NS, NewEpisode("x", tags=[""])),
    lambda m: m.add(NS, NewEpisode("x", tags="home")),
    lambda m: m.add(NS, NewEpisode("x", role="boss")),  # type: ignore[arg-type]
    lambda m: m.add(NS, NewEpisode("x", supersedes="nobody")),
    lambda m: m.add(NS, NewEpisode("x", id="e-1")),
    lambda m: m.add(NS, NewEpisode("x", id="me", supersedes="me")),
    lambda m: m.add(NS, "x", request_id="r\n"),
    lambda m: m.add(NS, "x", request_id=3),  # type: ignore[arg-type]
    lambda m: m.get(NS, ""),
    lambda m: m.get(NS, "nobody"),
    lambda m: m.get(NS, "expired"),
    lambda m: m.get("acme/nobody", "e-1"),
    lambda m: m.get("acme", "e-1"),
    lambda m: m.get(NS, "e-1", as_of="now"),  # type: ignore[arg-type]
    lambda m: m.get(NS, "e-1", as_of=datetime(2024, 1, 1)),  # noqa: DTZ001
    lambda m: m.get(NS, "\ud800"),
    lambda m: m.list("acme/nobody"),
    lambda m: m.list(NS, page_size=0),
    lambda m: m.list(NS, page_size=51),
    lambda m: m.list(NS, page_size=2**40),
    lambda m: m.list(NS, page_size="3"),  # type: ignore[arg-type]
    lambda m: m.list(NS, sesion="x"),  # type: ignore[call-arg]
    lambda m: m.list(NS, filter={"and": 3}),
    lambda m: m.list(NS, filter={"a": {"like": 1}}),
    lambda m: m.list(NS, filter={"a": {"in": 1}}),
    lambda m: m.list(NS, filter={"a": {"gt": None}}),
    lambda m: m.list(NS, filter={"": 1}),
    lambda m: m.list(NS, filter={3: 1}),  # type: ignore[dict-item]
    lambda m: m.list(NS, filter={"and": [{"a": math.nan}]}),
    lambda m: m.list(NS, filter={"a": {"eq": math.nan}}),
    lambda m: m.list(NS, filter=[]),  # type: ignore[arg-type]
    lambda m: m.list(NS, filter=Condition("a", "like", 1)),  # type: ignore[arg-type]
    lambda m: m.list(NS, filter=And((Condition("a", "in", 3),))),
    lambda m: m.list(NS, filter=Or(tuple(Condition(f"k{i}", "eq", i) for i in range(300)))),
    lambda m: m.list(NS, occurred_from=day(3), occurred_to=day(2)),
    lambda m: m.list(NS, min_revision=Revision(2**62, 0)),
    lambda m: m.list(NS, min_revision="1.1"),  # type: ignore[arg-type]
    lambda m: m.list(NS, role="boss"),  # type: ignore[arg-type]
    lambda m: m.list(NS, tags="home"),
    lambda m: m.list(NS, tags=["a\nb"]),
    lambda m: m.list(NS, include_invalid="yes"),  # type: ignore[arg-type]
    lambda m: m.search("acme/nobody", "x"),
    lambda m: m.search("a b", "x"),
    lambda m: m.search(NS, None),  # type: ignore[arg-type]
    lambda m: m.search(NS, "q" * 501),
    lambda m: m.search(NS, "nul \0"),
    lambda m: m.search(NS, "\ud800"),
    lambda m: m.search(NS, "x", k=-1),
    lambda m: m.search(NS, "x", k=51),
    lambda m: m.search(NS, "x", k=100_000),
    lambda m: m.search(NS, "x", k=2**80),
    lambda m: m.search(NS, "x", k=1.5),  # type: ignore[arg-type]
    lambda m: m.search(NS, "x", k=True),
    lambda m: m.search(NS, "x", timeout=0),
    lambda m: m.search(NS, "x", timeout=-1),
    lambda m: m.search(NS, "x", timeout="1"),  # type: ignore[arg-type]
    lambda m: m.search(NS, "x", explain=1),  # type: ignore[arg-type]
    lambda m: m.search(NS, "x", occurred_from=day(3), occurred_to=day(2)),
    lambda m: m.search(NS, "x", min_revision=Revision(2**62, 1)),
    lambda m: m.search(NS, "x", page_size=3),  # type: ignore[call-arg]
    lambda m: m.search(NS, "x", reference_time=3),  # type: ignore[arg-type]
    lambda m: m.update(NS, "e-1", content="y"),  # type: ignore[call-arg]
    lambda m: m.update(NS, "e-1", metadata=None),  # type: ignore[arg-type]
    lambda m: m.update(NS, "e-1", tags=None),  # type: ignore[arg-type]
    lambda m: m.update(NS, "e-1", valid_from=day(3), valid_to=day(2)),
    lambda m: m.update(NS, "e-1", if_revision=Revision(7, 7), tags=["x"]),
    lambda m: m.update("acme/nobody", "e-1", tags=["x"]),
    lambda m: m.delete(NS, []),
    lambda m: m.delete(NS, None),  # type: ignore[arg-type]
    lambda m: m.delete(NS, ["e-1", 3]),  # type: ignore[list-item]
    lambda m: m.delete(NS, [f"i{n}" for n in range(30)]),
    lambda m: m.delete("acme/nobody", "e-1"),
    lambda m: m.purge(NS, ""),
    lambda m: m.purge(NS, "nobody"),
    lambda m: m.purge("acme/nobody", "e-1"),
    lambda m: m.history(NS, "nobody"),
    lambda m: m.history("acme/nobody", "e-1"),
    lambda m: m.list_namespaces(prefix="/"),
    lambda m: m.list_namespaces(prefix=3),  # type: ignore[arg-type]
    lambda m: m.list_namespaces(page_size=0),
    lambda m: m.list_namespaces(page_size=10**9),
    lambda m: m.delete_namespace("a b"),
    lambda m: m.delete_namespace("acme"),
    lambda m: list(m.consolidate("a b")),
    lambda m: list(m.consolidate("acme/nobody")),
    lambda m: list(m.consolidate(3)),  # type: ignore[arg-type]
    lambda m: m.list_tags("acme/nobody"),
    lambda m: m.list_tags("a b"),
    lambda m: m.list_tags(NS, under="nothing"),
    lambda m: m.list_tags(NS, under=3),  # type: ignore[arg-type]
    lambda m: m.list_tags(NS, page_size=0),
    lambda m: m.list_tags(NS, page_token="nonsense"),
    lambda m: m.edit_tags(NS, []),
    lambda m: m.edit_tags(NS, 3),  # type: ignore[arg-type]
    lambda m: m.edit_tags(NS, ["add"]),  # type: ignore[list-item]
    lambda m: m.edit_tags(NS, TagEdit("add", "")),
    lambda m: m.edit_tags(NS, TagEdit("add", "x" * 10_000)),
    lambda m: m.edit_tags(NS, TagEdit("explode", "x")),  # type: ignore[arg-type]
    lambda m: m.edit_tags(NS, TagEdit("delete", "nothing")),
    lambda m: m.edit_tags("acme/nobody", TagEdit("add", "x")),
    lambda m: list(m.retag(NS, "nonsense")),
    lambda m: list(m.retag(NS, "llm")),
    lambda m: list(m.retag("acme/nobody")),
    lambda m: m.list(NS, tags=["x"], narrower=3),  # type: ignore[arg-type]
    lambda m: list(m.reembed("")),
    lambda m: list(m.reembed("nonsense:x")),
    lambda m: list(m.reembed(3)),  # type: ignore[arg-type]
]


def test_bad_input_gets_the_same_error_everywhere(faces: dict[str, MemoryAPI]) -> None:
    seed(faces)
    results = agree(faces, BAD_CALLS)
    for number, result in enumerate(results):
        assert isinstance(result, tuple), f"step {number} was answered: {result!r}"
        assert isinstance(result[0], type), f"step {number} was answered: {result!r}"
        assert result[1] != "internal", f"step {number}"
    agree(faces, [lambda m: m.list(NS, include_invalid=True), lambda m: exported(m, NS)])


def test_a_namespace_is_put_in_order_everywhere(faces: dict[str, MemoryAPI]) -> None:
    """The same is found before and after, and every face says the same of what was done."""
    seed(faces)
    before = agree(faces, [lambda m: m.search(NS, "boat").hits])
    agree(faces, [lambda m: list(m.consolidate(NS))[-1]])
    assert agree(faces, [lambda m: m.search(NS, "boat").hits]) == before
