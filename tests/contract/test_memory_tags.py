"""Tags of a namespace through `engine.memory`: browsing, editing, filtering, and what other processes see."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from agentctx.errors import (
    AgentctxError,
    AlreadyExists,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    ResourceExhausted,
    StalePageToken,
)
from agentctx.index import tag_edits, tag_postings
from agentctx.memory.service import Memory
from agentctx.types import NewEpisode, Tag, TagEdit
from tests.fixtures_engine import NOW, NS, World, found, listed, memory, world

__all__ = ["memory", "world"]

SAID = (
    "I joined a support group yesterday.",
    "The support group meets downtown.",
    "Another group plays chess.",
    "My daughter loves the pottery class.",
    "The pottery class was full.",
    "We adopted a dog from the shelter.",
    "The dog from the shelter is called Rex.",
)


@pytest.fixture
def filled(memory: Memory) -> Memory:
    memory.add(NS, [*SAID, NewEpisode("A note.", tags=["mine", "Work"])])
    return memory


def tags(memory: Memory, **options: str) -> dict[str, Tag]:
    return {tag.name: tag for tag in memory.list_tags(NS, **options).tags}


def edit(memory: Memory, op: str, tag: str, other: str = "") -> None:
    memory.edit_tags(NS, TagEdit(op, tag, other))  # type: ignore[arg-type]


# --- browsing ---------------------------------------------------------------------------------------------------------


def test_phrases_of_two_episodes_are_tags_and_those_of_one_are_not(filled: Memory) -> None:
    shown = tags(filled)
    assert {"support_group", "group", "pottery_class", "dog", "shelter"} <= set(shown)
    assert not {"chess", "daughter", "rex"} & set(shown)
    assert shown["support_group"] == Tag("support_group", 2, ("group",), ())
    assert "support_group" in shown["group"].narrower
    assert shown["mine"] == Tag("mine", 1, origin="given")


def test_the_broader_tag_is_always_of_more_episodes(filled: Memory) -> None:
    shown = tags(filled)
    for tag in shown.values():
        assert all(shown[up].episodes > tag.episodes for up in tag.broader)


def test_tags_come_in_pages_by_their_episodes_and_names(filled: Memory) -> None:
    whole = filled.list_tags(NS)
    assert whole.next_page_token == ""
    assert [(-tag.episodes, tag.name) for tag in whole.tags] == sorted((-tag.episodes, tag.name) for tag in whole.tags)
    paged: list[Tag] = []
    token = ""
    while True:
        page = filled.list_tags(NS, page_size=3, page_token=token)
        paged += page.tags
        token = page.next_page_token
        if not token:
            break
        with pytest.raises(InvalidArgument, match="other filters"):
            filled.list_tags(NS, prefix="x", page_token=token)
    assert tuple(paged) == whole.tags


def test_a_page_token_ends_with_its_epoch(filled: Memory) -> None:
    token = filled.list_tags(NS, page_size=1).next_page_token
    filled.purge(NS, "ep-000001")
    with pytest.raises(StalePageToken):
        filled.list_tags(NS, page_size=1, page_token=token)


def test_a_subtree_and_a_prefix_narrow_the_listing(filled: Memory) -> None:
    assert set(tags(filled, under="group")) == {"group", "support_group"}
    assert set(tags(filled, prefix="support")) == {name for name in tags(filled) if name.startswith("support")}
    with pytest.raises(NotFound) as caught:
        tags(filled, under="nothing")
    assert caught.value.field == "under"


def test_what_is_deleted_or_expired_does_not_show_in_tags(filled: Memory, world: World) -> None:
    filled.add(NS, NewEpisode("Secret.", tags=["secret"], expires_at=world.clock.now().replace(year=2099)))
    assert "secret" in tags(filled)
    filled.delete(NS, ["ep-000006", "ep-000009"])
    assert not {"dog", "shelter", "secret"} & set(tags(filled))


def test_a_namespace_without_texts_has_no_tags(memory: Memory) -> None:
    memory.add(NS, "?")
    assert memory.list_tags(NS).tags == ()
    with pytest.raises(NotFound):
        memory.list_tags("acme/nobody")


# --- editing ----------------------------------------------------------------------------------------------------------


def test_a_rename_keeps_the_old_name_as_an_alias(filled: Memory) -> None:
    edit(filled, "rename", "dog", "pet")
    shown = tags(filled)
    assert "dog" not in shown
    assert (shown["pet"].episodes, shown["pet"].aliases) == (2, ("dog",))
    filled.add(NS, "The dog sleeps.")
    assert tags(filled)["pet"].episodes == 3
    assert listed(filled, tags=["dog"]) == listed(filled, tags=["pet"]) == ["ep-000006", "ep-000007", "ep-000009"]


def test_a_merge_adds_the_episodes_and_can_be_undone(filled: Memory) -> None:
    before = filled.list_tags(NS).tags
    edit(filled, "merge", "pottery_class", "support_group")
    assert tags(filled)["support_group"].episodes == 4
    assert tags(filled)["support_group"].aliases == ("pottery_class",)
    edit(filled, "restore", "pottery_class")
    assert filled.list_tags(NS).tags == before


def test_a_deleted_tag_is_out_of_sight_until_it_is_restored(filled: Memory) -> None:
    before = filled.list_tags(NS).tags
    edit(filled, "delete", "group")
    assert "group" not in tags(filled)
    assert "group" not in tags(filled)["support_group"].broader
    edit(filled, "restore", "group")
    assert filled.list_tags(NS).tags == before


def test_a_tag_moves_in_one_call(filled: Memory) -> None:
    edits = [
        TagEdit("add", "hobby"),
        TagEdit("add", "craft", "hobby"),
        TagEdit("link", "pottery_class", "craft"),
        TagEdit("unlink", "support_group", "group"),
        TagEdit("link", "support_group", "hobby"),
    ]
    revision = filled.edit_tags(NS, edits)
    assert filled.list_tags(NS).revision == revision
    shown = tags(filled)
    assert set(tags(filled, under="hobby")) == {"hobby", "craft", "pottery_class", "support_group"}
    assert "group" not in shown["support_group"].broader
    assert (shown["craft"].broader, shown["craft"].episodes, shown["craft"].origin) == (("hobby",), 0, "given")


def test_all_of_the_edits_or_none(filled: Memory) -> None:
    before = filled.list_tags(NS)
    with pytest.raises(NotFound) as caught:
        filled.edit_tags(NS, [TagEdit("add", "new"), TagEdit("delete", "nothing")])
    assert caught.value.field == "edits[1].tag"
    assert filled.list_tags(NS) == before


LONG = "x" * 10_000
BAD: list[tuple[TagEdit, type[AgentctxError], str]] = [
    (TagEdit("add", ""), InvalidArgument, "edits[0].tag"),
    (TagEdit("add", LONG), InvalidArgument, "edits[0].tag"),
    (TagEdit("add", "a\nb"), InvalidArgument, "edits[0].tag"),
    (TagEdit("add", "new", LONG), InvalidArgument, "edits[0].other"),
    (TagEdit("add", "group"), AlreadyExists, "edits[0].tag"),
    (TagEdit("add", "new", "nothing"), NotFound, "edits[0].other"),
    (TagEdit("explode", "group"), InvalidArgument, "edits[0].op"),  # type: ignore[arg-type]
    (TagEdit("rename", "group", "mine"), AlreadyExists, "edits[0].other"),
    (TagEdit("rename", "nothing", "new"), NotFound, "edits[0].tag"),
    (TagEdit("rename", "group"), InvalidArgument, "edits[0].other"),
    (TagEdit("merge", "group", "group"), InvalidArgument, "edits[0].other"),
    (TagEdit("merge", "group", "nothing"), NotFound, "edits[0].other"),
    (TagEdit("link", "group", "group"), InvalidArgument, "edits[0].other"),
    (TagEdit("unlink", "dog", "group"), NotFound, "edits[0].other"),
    (TagEdit("delete", "group", "dog"), InvalidArgument, "edits[0].other"),
    (TagEdit("restore", "group"), NotFound, "edits[0].tag"),
]


@pytest.mark.parametrize(("bad", "error", "field"), BAD)
def test_an_edit_that_makes_no_sense_is_refused(
    filled: Memory, bad: TagEdit, error: type[AgentctxError], field: str
) -> None:
    with pytest.raises(error) as caught:
        filled.edit_tags(NS, bad)
    assert (type(caught.value), caught.value.field) == (error, field)


@pytest.mark.parametrize("bad", ["rename", [], [TagEdit("add", "a")] * 2000, [3], None])
def test_edits_are_a_list_of_edits(filled: Memory, bad: object) -> None:
    with pytest.raises(InvalidArgument):
        filled.edit_tags(NS, bad)  # type: ignore[arg-type]


def test_no_tag_comes_above_itself(filled: Memory) -> None:
    edit(filled, "link", "dog", "group")
    edit(filled, "link", "pottery_class", "dog")
    for op, tag, other in (
        ("link", "group", "dog"),
        ("link", "group", "pottery_class"),
        ("merge", "pottery_class", "group"),
    ):
        with pytest.raises(FailedPrecondition, match="above itself"):
            edit(filled, op, tag, other)
    edit(filled, "delete", "dog")
    edit(filled, "link", "group", "pottery_class")
    with pytest.raises(FailedPrecondition, match="above itself"):
        edit(filled, "restore", "dog")


def test_a_users_edge_stands_against_what_the_texts_say(filled: Memory) -> None:
    assert "group" in tags(filled)["support_group"].broader
    edit(filled, "link", "group", "support_group")
    shown = tags(filled)
    assert shown["group"].broader == ("support_group",)
    assert "group" not in shown["support_group"].broader


def test_there_is_a_limit_to_edits(filled: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tag_edits, "MOST_EDITED", 3)
    filled.edit_tags(NS, [TagEdit("add", name) for name in "abc"])
    with pytest.raises(ResourceExhausted):
        edit(filled, "add", "d")


@pytest.mark.parametrize("blank", [" ", "   ", "\u3000 "])
def test_a_tag_that_nobody_can_see_is_refused(filled: Memory, blank: str) -> None:
    before = filled.list_tags(NS)
    attempts: list[tuple[Callable[[], object], str]] = [
        (lambda: edit(filled, "add", blank), "edits[0].tag"),
        (lambda: edit(filled, "rename", "dog", blank), "edits[0].other"),
        (lambda: filled.add(NS, NewEpisode("A note.", tags=["fine", blank])), "episodes[0].tags[1]"),
        (lambda: filled.update(NS, "ep-000001", tags=[blank]), "tags[0]"),
    ]
    for attempt, field in attempts:
        with pytest.raises(InvalidArgument, match="blank") as caught:
            attempt()
        assert caught.value.field == field
    assert filled.list_tags(NS) == before


def test_a_long_loop_is_named_by_its_ends(filled: Memory) -> None:
    filled.edit_tags(NS, [TagEdit("add", "n0"), *(TagEdit("add", f"n{i}", f"n{i - 1}") for i in range(1, 900))])
    with pytest.raises(FailedPrecondition) as caught:
        edit(filled, "link", "n0", "n899")
    assert caught.value.message.endswith("n0 > n1 > n2 > n3 > ... (895 more) ... > n899 > n0")
    assert caught.value.field == "edits[0].other"


def test_others_read_while_edits_are_looked_at(filled: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []
    take = tag_edits.TagEdits.take

    def slowly(self: tag_edits.TagEdits, *rest: Any) -> None:
        reader = threading.Thread(target=lambda: read.append(len(filled.search(NS, "dog").hits)))
        reader.start()
        reader.join(10)
        take(self, *rest)

    monkeypatch.setattr(tag_edits.TagEdits, "take", slowly)
    filled.edit_tags(NS, [TagEdit("add", "new"), TagEdit("link", "dog", "new")])
    assert len(read) == 2


def test_edits_that_others_have_outrun_are_looked_at_again(filled: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    take = tag_edits.TagEdits.take

    def outrun(self: tag_edits.TagEdits, *rest: Any) -> None:
        monkeypatch.setattr(tag_edits.TagEdits, "take", take)
        edit(filled, "link", "group", "dog")
        take(self, *rest)

    monkeypatch.setattr(tag_edits.TagEdits, "take", outrun)
    with pytest.raises(FailedPrecondition, match="above itself"):
        edit(filled, "link", "dog", "group")


# --- filtering --------------------------------------------------------------------------------------------------------


def test_a_tag_that_callers_gave_keeps_what_they_gave_it_to(filled: Memory) -> None:
    assert listed(filled, tags=["dog"]) == ["ep-000006", "ep-000007"]
    filled.update(NS, "ep-000001", tags=["dog"])
    assert listed(filled, tags=["dog"]) == ["ep-000001"]
    assert found(filled, "dog support", tags=["dog"]) == ["ep-000001"]


def test_searching_and_listing_agree_on_tags(filled: Memory) -> None:
    filled.update(NS, "ep-000003", tags=["dog", "mine"])
    edit(filled, "link", "pottery_class", "mine")
    edit(filled, "merge", "group", "Work")
    for options in (
        {"tags": [tag], "narrower": narrower}
        for tag in (*tags(filled), "group", "nothing")
        for narrower in (False, True)
    ):
        assert sorted(found(filled, "group dog pottery class note", k=50, **options)) == listed(filled, **options), (
            options
        )


def test_a_broad_tag_finds_what_has_a_narrower_one_where_asked(filled: Memory) -> None:
    edit(filled, "link", "pottery_class", "mine")
    assert listed(filled, tags=["mine"]) == ["ep-000008"]
    assert listed(filled, tags=["mine"], narrower=True) == ["ep-000004", "ep-000005", "ep-000008"]
    assert listed(filled, tags=["mine", "Work"], narrower=True) == ["ep-000008"]


def test_listing_by_a_tag_of_the_texts_comes_in_pages(memory: Memory) -> None:
    memory.add(NS, [f"The garden, day {number}." for number in range(7)])
    pages: list[str] = []
    token = ""
    while True:
        page = memory.list(NS, tags=["garden"], page_size=3, page_token=token)
        pages += [one.id for one in page.episodes]
        token = page.next_page_token
        if not token:
            break
    assert pages == [f"ep-{number:06}" for number in range(1, 8)]


def test_a_filter_by_tag_knows_the_past(filled: Memory, world: World) -> None:
    world.clock.advance(hours=1)
    before = world.clock.now()
    world.clock.advance(hours=1)
    filled.update(NS, "ep-000001", tags=["later"])
    filled.add(NS, "A third dog.")
    assert listed(filled, tags=["later"], as_of=before) == []
    assert listed(filled, tags=["dog"], as_of=before) == ["ep-000006", "ep-000007"]
    assert sorted(found(filled, "dog", tags=["dog"], as_of=before)) == ["ep-000006", "ep-000007"]


# --- the log ----------------------------------------------------------------------------------------------------------


def test_edits_are_there_after_opening_again_and_in_other_processes(world: World) -> None:
    first, second = world.open().memory, world.open().memory
    first.add(NS, SAID)
    assert tags(second)
    edit(first, "rename", "dog", "pet")
    assert "pet" in tags(second)
    edit(second, "merge", "pet", "shelter")
    assert tags(first)["shelter"].aliases == ("dog", "pet")
    assert world.open().memory.list_tags(NS) == first.list_tags(NS)


def test_two_who_edit_at_once_do_not_overlook_each_other(world: World) -> None:
    first, second = world.open().memory, world.open().memory
    first.add(NS, SAID)
    for number in range(5):
        edit(first, "add", f"a{number}")
        edit(second, "add", f"b{number}")
    with pytest.raises(AlreadyExists):
        edit(second, "add", "a0")


def test_an_edit_is_a_record_of_the_log(filled: Memory) -> None:
    before = filled.list_tags(NS).revision
    after = filled.edit_tags(NS, [TagEdit("add", "a"), TagEdit("add", "b")])
    assert (after.epoch, after.sequence) == (before.epoch, before.sequence + 2)
    done = filled.add(NS, "One more.")
    assert done.revision.sequence == after.sequence + 1
    assert found(filled, "one more")[0] == done.ids[0]


def test_an_export_carries_edits_and_importing_twice_changes_nothing(filled: Memory) -> None:
    edit(filled, "rename", "dog", "pet")
    edit(filled, "link", "pet", "mine")
    lines = list(filled.export(NS))
    done = filled.import_("acme/copy", lines)
    assert done.imported == len(SAID) + 3
    assert filled.import_("acme/copy", lines).imported == 0
    assert filled.list_tags("acme/copy").tags == filled.list_tags(NS).tags
    live = list(filled.export(NS, live_only=True))
    filled.import_("acme/live", live)
    assert filled.list_tags("acme/live").tags == filled.list_tags(NS).tags


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"op": "explode"}, "op"),
        ({"tag": ""}, "tag"),
        ({"recorded_at": None}, "recorded_at"),
        ({"row": 3}, "row"),
        ({"origin": "me"}, "origin"),
    ],
)
def test_an_imported_edit_is_checked(memory: Memory, change: dict[str, object], field: str) -> None:
    line = {"kind": "tag_edit", "recorded_at": NOW.isoformat(), "op": "add", "tag": "a"} | change
    header = '{"format": "agentctx.memory", "version": 1}'
    with pytest.raises(InvalidArgument) as caught:
        memory.import_(NS, [header, json.dumps(line)])
    assert caught.value.field == f"lines[2].{field}"


def test_purging_takes_the_tags_of_an_episode_and_leaves_the_edits(filled: Memory) -> None:
    edit(filled, "add", "kept")
    filled.purge(NS, ["ep-000006", "ep-000008"])
    shown = tags(filled)
    assert "kept" in shown
    assert not {"dog", "shelter", "mine", "Work"} & set(shown)


def test_removing_a_namespace_removes_its_edits(filled: Memory, world: World) -> None:
    edit(filled, "add", "gone")
    filled.delete_namespace(NS)
    filled.add(NS, SAID)
    assert "gone" not in tags(filled)
    with sqlite3.connect(world.folder / "memory.db") as connection:
        assert connection.execute("SELECT count(*) FROM tag_edits").fetchone() == (0,)


def test_editing_tags_moves_no_score(filled: Memory) -> None:
    def scores() -> list[tuple[str, float]]:
        return [(hit.episode.id, hit.score) for hit in filled.search(NS, "dog shelter").hits]

    before = scores()
    edit(filled, "merge", "dog", "shelter")
    assert scores() == before


def test_what_was_found_since_is_folded_in_by_housekeeping(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tag_postings, "_MERGE_FROM", 10)
    memory = world.open().memory
    memory.add(NS, SAID)
    before = memory.list_tags(NS)
    memory.add(NS, "Another dog.")
    end = time.monotonic() + 20
    while True:
        with memory._residency.reading(NS) as index:
            if not index.tags.due:
                break
        assert time.monotonic() < end
        time.sleep(0.01)
    index.tags.check_invariants()
    assert tags(memory)["dog"].episodes == next(tag.episodes for tag in before.tags if tag.name == "dog") + 1
