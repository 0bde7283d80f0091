"""`engine.memory` on a real store: what purging leaves (nothing), and what export and import carry (everything)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from agentctx.errors import (
    InvalidArgument,
    NotFound,
)
from agentctx.memory.service import Memory
from agentctx.testing import ManualClock
from agentctx.types import (
    NewEpisode,
    Revision,
)
from tests.fixtures_engine import ADD, HEADER, HOUR, NOW, NS, World, either, found, listed, memory, world

__all__ = ["either", "memory", "world"]

# --- purge ------------------------------------------------------------------------------------------------------------


def test_a_purged_episode_is_nowhere(either: Memory, world: World) -> None:
    either.add(NS, [NewEpisode("cat", id="a"), NewEpisode("cat", id="b"), NewEpisode("cat", id="c", supersedes="a")])
    either.add(NS, "cat", request_id="r")
    either.delete(NS, "b")
    before = either.list(NS).revision
    world.clock.advance(hours=1)
    moment = world.clock.now()
    revision = either.purge(NS, ["a", "b"])
    assert revision.epoch > before.epoch
    assert NS not in either._residency._slots  # the text is not left in memory until somebody asks
    assert listed(either) == sorted(found(either, "cat")) == ["c", "ep-000001"]
    assert sorted(found(either, "cat", as_of=moment)) == ["c", "ep-000001"]
    assert listed(either, as_of=moment) == ["c", "ep-000001"]
    assert either.get(NS, "c").supersedes == ""
    text = "".join(either.export(NS))
    assert '"a"' not in text
    assert '"b"' not in text
    for gone in "ab":
        for call in (either.get, either.history, either.purge, either.delete):
            with pytest.raises(NotFound):
                call(NS, gone)
    assert either.add(NS, "cat", request_id="r").replayed
    either.add(NS, NewEpisode("dog", id="a"))
    assert [change.kind for change in either.history(NS, "a")] == ["add"]
    assert found(either, "dog", k=1) == ["a"]


def test_a_namespace_made_anew_shares_nothing_with_the_one_before(memory: Memory) -> None:
    old = memory.add(NS, NewEpisode("cat", id="a"), request_id="r").revision
    memory.delete_namespace(NS)
    with pytest.raises(NotFound):
        memory.search(NS, "cat")
    assert memory.list_namespaces().namespaces == ()
    new = memory.add(NS, NewEpisode("dog", id="a"), request_id="r")
    assert not new.replayed
    assert new.revision.epoch > old.epoch
    assert found(memory, "cat dog") == ["a"]
    assert memory.get(NS, "a").content == "dog"


# --- export and import ------------------------------------------------------------------------------------------------


def lived_in(memory: Memory, clock: ManualClock) -> list[datetime]:
    """A namespace with every kind of record; returns moments between them."""
    moments = []
    steps: list[Callable[[], Any]] = [
        lambda: memory.add(NS, [NewEpisode(f"cat {n}", id=f"c{n}", session="s", speaker="Ana") for n in range(3)]),
        lambda: memory.update(NS, "c0", tags=["t", "é"], metadata={"n": {"m": [1, None, 1.5]}}),
        lambda: memory.delete(NS, "c1"),
        lambda: memory.add(NS, NewEpisode("dog", id="d", role="user", valid_from=NOW, expires_at=NOW + 90 * HOUR)),
        lambda: memory.add(NS, NewEpisode("cat corrected", id="c9", supersedes="c2", position=7, session="s")),
        lambda: memory.update(NS, "c0", tags=[], metadata={}, valid_to=NOW + 5 * HOUR),
        lambda: memory.update(NS, "d", expires_at=None, valid_from=None),
        lambda: memory.add(NS, [NewEpisode("x", id="x"), NewEpisode("y", id="y", supersedes="x")]),
    ]
    for step in steps:
        step()
        clock.advance(minutes=20)
        moments.append(clock.now())
    return moments


def without_revision(values: Any) -> list[Any]:
    return [replace(one, revision=Revision(0, 0)) for one in values]


def test_an_import_of_an_export_is_the_same_namespace(world: World) -> None:
    first = world.open().memory
    moments = lived_in(first, world.clock)
    lines = list(first.export(NS))
    header = json.loads(lines[0])
    assert (header["format"], header["version"], header["namespace"]) == ("agentctx.memory", 1, NS)
    assert [json.loads(line)["kind"] for line in lines[1:]].count("delete") == 1
    second = world.open("copy.db").memory
    done = second.import_(NS, iter(lines))
    assert (done.imported, done.skipped) == (len(lines) - 1, 0)
    assert list(second.export(NS)) == lines
    for moment in [None, *moments]:
        options: dict[str, Any] = {"as_of": moment, "include_invalid": True}
        left, right = first.list(NS, **options).episodes, second.list(NS, **options).episodes
        assert without_revision(left) == without_revision(right)
        hits, copies = (
            memory.search(NS, "cat dog corrected", reference_time=NOW, **options).hits for memory in (first, second)
        )
        assert [hit.episode.id for hit in hits] == [hit.episode.id for hit in copies]
        assert [hit.score for hit in hits] == pytest.approx([hit.score for hit in copies], abs=1e-6)
    for name in ("c0", "c1", "c2", "d", "x"):
        told = [(change.kind, change.recorded_at) for change in first.history(NS, name)]
        assert [(change.kind, change.recorded_at) for change in second.history(NS, name)] == told
    for again in (second, first):
        repeated = again.import_(NS, lines)
        assert (repeated.imported, repeated.skipped) == (0, len(lines) - 1)
        assert repeated.revision == again.list(NS).revision
        assert list(again.export(NS)) == lines


def test_a_broken_import_is_resumed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agentctx.memory.transfer._BATCH", 3)
    first = world.open().memory
    lived_in(first, world.clock)
    lines = list(first.export(NS))
    for cut in range(2, len(lines)):
        copy = world.open(f"{cut}.db").memory

        def broken(cut: int = cut) -> Iterator[str]:
            yield from lines[:cut]
            raise OSError("the disk is gone")

        with pytest.raises(OSError, match="the disk is gone"):
            copy.import_(NS, broken())
        done = copy.import_(NS, lines)
        assert done.imported + done.skipped == len(lines) - 1
        assert list(copy.export(NS)) == lines
        assert found(copy, "corrected", k=1) == ["c9"]


def test_live_only_leaves_out_history_and_what_is_deleted(world: World) -> None:
    first = world.open().memory
    lived_in(first, world.clock)
    lines = list(first.export(NS, live_only=True))
    assert [json.loads(line)["kind"] for line in lines[1:]] == ["add"] * 6
    copy = world.open("copy.db").memory
    copy.import_(NS, lines)
    options: Any = {"include_invalid": True}
    assert without_revision(copy.list(NS, **options).episodes) == without_revision(first.list(NS, **options).episodes)
    assert list(copy.export(NS, live_only=True)) == lines
    assert sorted(found(copy, "cat dog corrected")) == sorted(found(first, "cat dog corrected"))


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ("{", "lines[3]"),
        ("[]", "lines[3]"),
        ("3", "lines[3]"),
        ("[" * 100_000, "lines[3]"),
        (b"{}", "lines[3]"),
        (None, "lines[3]"),
        ({}, "lines[3].kind"),
        ({"kind": "purge"}, "lines[3].kind"),
        ({"kind": ["add"]}, "lines[3].kind"),
        (ADD | {"id": ""}, "lines[3].id"),
        (ADD | {"id": 3}, "lines[3].id"),
        (ADD | {"content": ""}, "lines[3].content"),
        (ADD | {"content": None}, "lines[3].content"),
        (ADD | {"extra": 1}, "lines[3]"),
        (ADD | {"position": "0"}, "lines[3].position"),
        ({key: value for key, value in ADD.items() if key != "position"}, "lines[3].position"),
        (ADD | {"occurred_at": "yesterday"}, "lines[3].occurred_at"),
        (ADD | {"occurred_at": "2024-05-01"}, "lines[3].occurred_at"),
        (ADD | {"recorded_at": 5}, "lines[3].recorded_at"),
        (ADD | {"tags": "ab"}, "lines[3].tags"),
        (ADD | {"tags": None}, "lines[3].tags"),
        (ADD | {"metadata": []}, "lines[3].metadata"),
        (ADD | {"role": "robot"}, "lines[3].role"),
        ('{"kind": "add", "id": "a", "content": "x", "position": 0, "metadata": {"n": NaN}}', "lines[3].metadata.n"),
        ('{"kind": "add", "id": "\\ud800", "content": "x", "position": 0}', "lines[3].id"),
        ({"kind": "update", "id": "a", "content": "y"}, "lines[3]"),
        ({"kind": "delete", "id": "a", "tags": []}, "lines[3]"),
        ({"kind": "delete", "id": "nobody"}, "lines[3].id"),
        ({"kind": "update", "id": "nobody", "tags": ["t"]}, "lines[3].id"),
    ],
)
def test_a_bad_line_of_an_import_is_named_and_writes_nothing(memory: Memory, line: Any, field: str) -> None:
    text = json.dumps(line) if isinstance(line, dict) else line
    with pytest.raises(InvalidArgument) as caught:
        memory.import_(NS, [HEADER, json.dumps(ADD | {"id": "good"}), text])
    assert caught.value.field == field
    assert memory.list_namespaces().namespaces == ()


@pytest.mark.parametrize("lines", [[], [""], [json.dumps(ADD)], ['{"format": "x"}'], "text", b"x", 3, None])
def test_an_import_without_header_is_refused(memory: Memory, lines: Any) -> None:
    with pytest.raises(InvalidArgument) as caught:
        memory.import_(NS, lines)
    assert caught.value.field.startswith("lines")


def test_the_export_of_an_empty_namespace_imports_as_one(memory: Memory) -> None:
    done = memory.import_("empty", [HEADER])
    assert (done.imported, done.skipped) == (0, 0)
    assert list(memory.export("empty"))[1:] == []
    assert memory.list("empty").episodes == ()
