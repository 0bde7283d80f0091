"""One namespace never reads, counts or lists another's data, by any call, filter, page token or id.

A client with grants on `acme/user-4` tries everything on what it may not see: `acme/user-42`, the parent `acme`, a
stranger. What is forbidden and what does not exist get the same reply, word for word; and nothing changes there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agentctx import connect
from agentctx.client import Client
from agentctx.errors import AgentctxError, InvalidArgument, NotFound
from agentctx.types import MemoryAPI, NewEpisode, Revision
from tests.fixtures_server import NOW, open_engine, serving

MINE = "acme/user-4"
THEIRS = ("acme/user-42", "acme", "acme/user", "beta/x", "acme/user-4-b", "acme/user-42/notes")
ABSENT = ("acme/user-43", "nobody", "acme/user-4.x", "beta", "zzz/y/x", "acme/user-420/notes")
SECRET = "swordfish"
TOKENS = """
[[tokens]]
name = "mine"
token = "mine"
grants = [{ verbs = ["all"], namespaces = ["acme/user-4"] }]

[[tokens]]
name = "two"
token = "two"
grants = [
  { verbs = ["read"], namespaces = ["acme/user-4", "beta"] },
  { verbs = ["list_namespaces"], namespaces = ["acme/user-42"] },
]

[[tokens]]
name = "reader"
token = "reader"
grants = [{ verbs = ["read"], namespaces = ["acme/user-4"] }]

[[tokens]]
name = "root"
token = "root"
grants = [{ verbs = ["all"], namespaces = ["*"] }]
"""


@dataclass(frozen=True)
class World:
    """A server with what belongs to several people, and their clients."""

    mine: Client
    two: Client
    reader: Client
    root: Client


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder: Path = tmp_path_factory.mktemp("isolation")
    tokens = folder / "tokens.toml"
    tokens.write_text(TOKENS)
    tokens.chmod(0o600)
    with open_engine(folder) as engine:
        for namespace in (MINE, *THEIRS):
            word = "bread" if namespace == MINE else SECRET
            engine.memory.add(
                namespace,
                [
                    NewEpisode(f"{word} number {i} in town", id=f"e{i}", session="s", metadata={word: i}, tags=(word,))
                    for i in range(4)
                ],
                request_id="r1",
            )
            engine.memory.delete(namespace, "e3")
        with (
            serving(engine, tokens=tokens, log_level="error") as served,
            connect(served.address, token="mine") as mine,
            connect(served.address, token="two") as two,
            connect(served.address, token="reader") as reader,
            connect(served.address, token="root") as root,
        ):
            yield World(mine, two, reader, root)
            assert served.log == []


def reply(memory: MemoryAPI, method: str, arguments: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """What a call gives, drained."""
    try:
        result = getattr(memory, method)(*arguments, **options)
        return list(result) if isinstance(result, Iterator) else result
    except AgentctxError as error:
        return error


def told(error: AgentctxError, namespace: str) -> tuple[Any, ...]:
    """All of an error, with the namespace's name taken out."""
    details = {key: value.replace(namespace, "NS") for key, value in error.details.items()}
    return (type(error), error.message.replace(namespace, "NS"), error.field, details)


ids = st.sampled_from(["e0", "e3", "e9"])
narrowing = st.fixed_dictionaries(
    {},
    optional={
        "session": st.just("s"),
        "tags": st.just([SECRET]),
        "filter": st.sampled_from([{SECRET: 1}, {"not": {"x": 1}}, {SECRET: {"gte": 0}}]),
        "as_of": st.just(NOW),
        "narrower": st.booleans(),
        "include_invalid": st.booleans(),
        "min_revision": st.sampled_from([Revision(1, 1), Revision(1, 99), Revision(9, 9)]),
    },
)
update_changes = st.sampled_from(
    [{"tags": ["x"]}, {"metadata": {"a": 1}}, {"valid_to": NOW}, {"tags": ["x"], "if_revision": Revision(1, 1)}, {}]
)
reading = st.one_of(
    st.tuples(st.just("get"), st.tuples(ids), st.sampled_from([{}, {"as_of": NOW}])),
    st.tuples(st.just("list"), st.just(()), narrowing),
    st.tuples(st.just("list"), st.just(()), st.sampled_from([{"page_size": 1}, {"page_size": 0}, {"page_token": "x"}])),
    st.tuples(st.just("search"), st.tuples(st.sampled_from([SECRET, "town", ""])), narrowing),
    st.tuples(st.just("search"), st.just((SECRET,)), st.sampled_from([{"k": 0}, {"k": -1}, {"explain": True}])),
    st.tuples(st.just("history"), st.tuples(ids), st.just({})),
    st.tuples(st.just("export"), st.just(()), st.sampled_from([{}, {"live_only": True}])),
)
changing = st.one_of(
    st.tuples(st.just("update"), st.tuples(ids), update_changes),
    st.tuples(st.just("delete"), st.tuples(ids), st.just({})),
    st.tuples(st.just("purge"), st.tuples(ids), st.just({})),
    st.tuples(st.just("delete_namespace"), st.just(()), st.just({})),
)
HEADER = '{"format":"agentctx.memory","version":1}'
creating = st.one_of(
    st.tuples(st.just("add"), st.tuples(st.sampled_from(["x", NewEpisode("x", id="e0")])), st.just({})),
    st.tuples(st.just("add"), st.just(("x",)), st.just({"request_id": "r1"})),
    st.tuples(st.just("bulk_add"), st.tuples(st.sampled_from([[], ["x", NewEpisode("x", id="e0")]])), st.just({})),
    st.tuples(st.just("import_"), st.just(([HEADER, "{}"],)), st.just({})),
)
places = st.integers(0, len(THEIRS) - 1)


def everything(world: World) -> list[Any]:
    """All that is not mine, as root sees it."""
    return [list(world.root.memory.export(namespace)) for namespace in THEIRS]


class TestForbiddenIsAbsent:
    def test_no_call_tells_them_apart_or_changes_anything(self, world: World) -> None:
        before = everything(world)

        @settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
        @given(st.one_of(reading, changing, creating), places, st.sampled_from(["mine", "reader"]))
        def run(call: tuple[str, tuple[Any, ...], dict[str, Any]], place: int, who: str) -> None:
            method, arguments, options = call
            memory = getattr(world, who).memory
            forbidden = reply(memory, method, (THEIRS[place], *arguments), options)
            absent = reply(memory, method, (ABSENT[place], *arguments), options)
            assert isinstance(forbidden, AgentctxError)
            assert isinstance(absent, AgentctxError)
            assert told(forbidden, THEIRS[place]) == told(absent, ABSENT[place])
            assert isinstance(forbidden, NotFound | InvalidArgument)

        run()
        assert everything(world) == before
        names = {info.name for info in world.root.memory.list_namespaces().namespaces}
        assert names == {MINE, *THEIRS}

    def test_forbidden_reads_as_absent_does_where_one_may_look(self, world: World) -> None:
        """Root may see everything; for it `acme/user-43` is absent. Others get the same words for `acme/user-42`."""

        @settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
        @given(st.one_of(reading, changing), places)
        def run(call: tuple[str, tuple[Any, ...], dict[str, Any]], place: int) -> None:
            method, arguments, options = call
            forbidden = reply(world.mine.memory, method, (THEIRS[place], *arguments), options)
            absent = reply(world.root.memory, method, (ABSENT[place], *arguments), options)
            assert isinstance(absent, AgentctxError)
            assert told(forbidden, THEIRS[place]) == told(absent, ABSENT[place])

        run()

    @pytest.mark.parametrize("namespace", [*THEIRS, *ABSENT])
    def test_a_reader_cannot_write_what_it_reads(self, world: World, namespace: str) -> None:
        for memory in (world.reader.memory, world.two.memory):
            for call in (
                lambda m: m.add(MINE, "x"),
                lambda m: m.delete(MINE, "e0"),
                lambda m: m.purge(MINE, "e0"),
                lambda m: m.delete_namespace(MINE),
                lambda m: m.update(MINE, "e0", tags=["x"]),
                lambda m: list(m.bulk_add(MINE, ["x"])),
                lambda m: m.import_(MINE, [HEADER]),
                lambda m: list(m.reembed("static")),
                lambda m: list(m.consolidate(MINE)),
            ):
                with pytest.raises(NotFound):
                    call(memory)
        assert len(world.reader.memory.list(MINE).episodes) == 3


class TestNothingSeepsThrough:
    def test_searches_of_mine_find_mine(self, world: World) -> None:
        @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
        @given(st.sampled_from([SECRET, f"{SECRET} number 1", "town bread"]), narrowing)
        def run(query: str, options: dict[str, Any]) -> None:
            found = reply(world.mine.memory, "search", (MINE, query), {**options, "explain": True})
            if not isinstance(found, AgentctxError):
                assert {hit.episode.namespace for hit in found.hits} <= {MINE}
                assert SECRET not in str([asdict(hit.episode) for hit in found.hits])
                assert found.explanation.candidates.get("episodes", 0) <= 4

        run()

    def test_scores_of_mine_do_not_depend_on_theirs(self, world: World) -> None:
        before = world.mine.memory.search(MINE, "bread number 1").hits
        world.root.memory.add("acme/user-42/notes/more", ["bread number 1"] * 5)
        assert world.mine.memory.search(MINE, "bread number 1").hits == before
        world.root.memory.delete_namespace("acme/user-42/notes/more")

    def test_page_tokens_of_others(self, world: World) -> None:
        for namespace in THEIRS:
            token = world.root.memory.list(namespace, page_size=1).next_page_token
            page = reply(world.mine.memory, "list", (MINE,), {"page_size": 1, "page_token": token})
            assert isinstance(page, InvalidArgument)
            own = world.mine.memory.list(MINE, page_size=1).next_page_token
            assert told(
                reply(world.mine.memory, "list", (namespace,), {"page_size": 1, "page_token": own}), namespace
            ) == told(reply(world.mine.memory, "list", ("nobody",), {"page_size": 1, "page_token": own}), "nobody")

    def test_a_request_id_of_others_is_ones_own(self, world: World) -> None:
        added = world.mine.memory.add("acme/user-4/own", "something else", request_id="r1")
        assert not added.replayed
        world.root.memory.delete_namespace("acme/user-4/own")

    def test_superseding_what_others_have(self, world: World) -> None:
        theirs = reply(world.mine.memory, "add", (MINE, NewEpisode("x", supersedes="e7")), {})
        assert isinstance(theirs, NotFound)
        world.root.memory.add("acme/user-42", NewEpisode(f"{SECRET} seven", id="e7"))
        assert told(reply(world.mine.memory, "add", (MINE, NewEpisode("x", supersedes="e7")), {}), "-") == told(
            theirs, "-"
        )
        world.root.memory.purge("acme/user-42", "e7")


def listed(client: Client, page_size: int, prefix: str = "") -> list[str]:
    """All names that a client can list, page by page."""
    page = client.memory.list_namespaces(prefix=prefix, page_size=page_size)
    names = [info.name for info in page.namespaces]
    while page.next_page_token:
        assert len(page.namespaces) == page_size, "a page that is not the last is full"
        page = client.memory.list_namespaces(prefix=prefix, page_size=page_size, page_token=page.next_page_token)
        names += [info.name for info in page.namespaces]
    return names


class TestNamespaces:
    @pytest.mark.parametrize("page_size", [1, 2, 3, 100])
    def test_only_granted_ones_are_listed(self, world: World, page_size: int) -> None:
        assert listed(world.mine, page_size) == [MINE]
        assert listed(world.reader, page_size, "acme") == [MINE]
        assert sorted(listed(world.two, page_size)) == sorted([MINE, "acme/user-42", "acme/user-42/notes", "beta/x"])
        assert set(listed(world.root, page_size)) == {MINE, *THEIRS}
        for prefix in (*THEIRS[2:], "nobody"):
            assert listed(world.mine, page_size, prefix) == []

    def test_tokens_of_others_tell_nothing(self, world: World) -> None:
        token = world.root.memory.list_namespaces(page_size=2).next_page_token
        for client in (world.mine, world.two):
            assert isinstance(reply(client.memory, "list_namespaces", (), {"page_token": token}), InvalidArgument)
        token = world.two.memory.list_namespaces(page_size=2).next_page_token
        assert isinstance(reply(world.mine.memory, "list_namespaces", (), {"page_token": token}), InvalidArgument)
        for bad in ("x", "WzEsImFjbWUiLCIiXQ", "WzEsImFjbWUvdXNlci00MiIsIiJd"):
            for client in (world.mine, world.root):
                answer = reply(client.memory, "list_namespaces", (), {"page_token": bad})
                assert isinstance(answer, InvalidArgument)

    @pytest.mark.parametrize("options", [{"page_size": 0}, {"page_size": -1}, {"page_size": 10**6}, {"prefix": "a//b"}])
    def test_bad_arguments_get_the_engines_words(self, world: World, options: dict[str, Any]) -> None:
        expected = reply(world.root.memory, "list_namespaces", (), options)
        assert isinstance(expected, InvalidArgument)
        for client in (world.mine, world.two):
            answer = reply(client.memory, "list_namespaces", (), options)
            assert (type(answer), answer.message, answer.field) == (type(expected), expected.message, expected.field)

    def test_pages_go_on_while_namespaces_come_and_go(self, world: World) -> None:
        first = world.two.memory.list_namespaces(page_size=1)
        world.root.memory.add("acme/user-4/a", "x")
        rest = world.two.memory.list_namespaces(page_size=10, page_token=first.next_page_token)
        world.root.memory.delete_namespace("acme/user-4/a")
        names = [info.name for info in (*first.namespaces, *rest.namespaces)]
        assert len(set(names)) == len(names)
        assert {"acme/user-42", "beta/x"} <= set(names)
