"""`engine.memory` on a real store: writing, changing, the three times, searching, listing."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

import pytest

from agentctx.errors import (
    AlreadyExists,
    DeadlineExceeded,
    InvalidArgument,
    NotFound,
    RequestConflict,
    RevisionMismatch,
    RevisionNotReached,
    StalePageToken,
)
from agentctx.memory.service import Memory
from agentctx.types import (
    Condition,
    NewEpisode,
    Not,
    Revision,
)
from tests.fixtures_engine import HOUR, NOW, NS, World, either, found, listed, memory, pages, world

__all__ = ["either", "memory", "world"]

# --- write, then read -------------------------------------------------------------------------------------------------


def test_a_new_episode_is_found_by_the_next_search(either: Memory) -> None:
    for number, word in enumerate(["lisbon", "harbour", "violin", "bread", "winter"]):
        done = either.add(NS, f"A note about the {word}.")
        assert done.ids == (f"ep-{number + 1:06}",)
        assert found(either, word)[0] == done.ids[0]
        assert either.search(NS, word).revision == done.revision
    assert found(either, "violin")[0] == "ep-000003"


def test_a_deleted_episode_is_never_found_again_but_as_of_an_earlier_time_it_is(either: Memory, world: World) -> None:
    either.add(NS, ["The cat sleeps.", "The dog barks."])
    world.clock.advance(hours=1)
    before = world.clock.now()
    assert found(either, "cat")[0] == "ep-000001"
    world.clock.advance(hours=1)
    revision = either.delete(NS, "ep-000001")
    for _ in range(2):
        assert "ep-000001" not in found(either, "cat") + listed(either)
    with pytest.raises(NotFound):
        either.get(NS, "ep-000001")
    assert found(either, "cat", as_of=before)[0] == "ep-000001"
    assert listed(either, as_of=before) == ["ep-000001", "ep-000002"]
    assert either.get(NS, "ep-000001", as_of=before).deleted_at is None
    assert [change.kind for change in either.history(NS, "ep-000001")] == ["add", "delete"]
    assert either.history(NS, "ep-000001")[-1].revision == revision
    for call in (either.delete, either.update):
        with pytest.raises(NotFound):
            call(NS, "ep-000001", **({"tags": ["x"]} if call == either.update else {}))
    with pytest.raises(AlreadyExists):
        either.add(NS, NewEpisode("again", id="ep-000001"))


def test_what_was_given_comes_back(memory: Memory, world: World) -> None:
    given = NewEpisode(
        "Ünï \u2603 text\n two lines",
        id="my id/1",
        session="s",
        position=7,
        speaker="Ana María",
        role="user",
        occurred_at=NOW - HOUR,
        valid_from=NOW - HOUR,
        valid_to=NOW + HOUR,
        expires_at=NOW + 2 * HOUR,
        tags=["b", "a", "b"],
        metadata={"n": 2.0, "deep": {"list": [1, None, "x", True]}},
    )
    done = memory.add(NS, [given, "bare"])
    episode = memory.get(NS, "my id/1")
    for name in ("content", "id", "session", "position", "speaker", "role", "occurred_at", "valid_from", "valid_to"):
        assert getattr(episode, name) == getattr(given, name)
    assert episode.tags == ("b", "a")
    assert episode.metadata == {"n": 2, "deep": {"list": [1, None, "x", True]}}
    assert (episode.namespace, episode.recorded_at, episode.deleted_at) == (NS, NOW, None)
    bare = memory.get(NS, done.ids[1])
    assert (bare.session, bare.position, bare.occurred_at) == ("", 0, NOW)
    assert memory.list(NS).episodes == (episode, bare)
    hits = {hit.episode.id: hit.episode for hit in memory.search(NS, "text bare").hits}
    assert hits == {episode.id: episode, bare.id: bare}
    assert done.revision == bare.revision == memory.list(NS).revision


def test_positions_go_on_behind_the_last_of_a_session(memory: Memory) -> None:
    memory.add(
        NS, [NewEpisode("a", session="s"), NewEpisode("b", session="s", position=5), NewEpisode("c", session="s")]
    )
    memory.add(NS, [NewEpisode("d", session="s"), NewEpisode("e", session="t")])
    assert [(one.content, one.position) for one in memory.list(NS).episodes] == [
        ("a", 0),
        ("b", 5),
        ("c", 6),
        ("d", 7),
        ("e", 0),
    ]


def test_an_add_is_all_or_nothing(memory: Memory) -> None:
    memory.add(NS, NewEpisode("first", id="a"))
    bad: list[tuple[Any, type[Exception], str]] = [
        (["good", ""], InvalidArgument, "episodes[1].content"),
        ([NewEpisode("x", id="b"), NewEpisode("y", id="a")], AlreadyExists, "episodes[1].id"),
        ([NewEpisode("x", id="b"), NewEpisode("y", id="b")], AlreadyExists, "episodes[1].id"),
        (["x", NewEpisode("y", supersedes="nobody")], NotFound, "episodes[1].supersedes"),
        ([], InvalidArgument, "episodes"),
        (["x"] * 1001, InvalidArgument, "episodes"),
        (3, InvalidArgument, "episodes"),
        (None, InvalidArgument, "episodes"),
        ({"content": "x"}, InvalidArgument, "episodes"),
        ([b"x"], InvalidArgument, "episodes[0]"),
    ]
    for episodes, error, field in bad:
        for request_id in ("", "r"):
            with pytest.raises(error) as caught:
                memory.add(NS, episodes, request_id=request_id)
            assert caught.value.field == field  # type: ignore[attr-defined]
    assert listed(memory) == ["a"]
    assert memory.list(NS).revision == memory.get(NS, "a").revision
    assert not memory.add(NS, "x", request_id="r").replayed


def test_an_add_that_fails_makes_no_namespace(memory: Memory) -> None:
    with pytest.raises(NotFound):
        memory.add(NS, NewEpisode("y", supersedes="nobody"))
    assert memory.list_namespaces().namespaces == ()
    assert [one.error_code for one in memory.bulk_add(NS, [NewEpisode("")])] == ["invalid_argument"]
    assert memory.list_namespaces().namespaces == ()


def test_a_request_sent_again_returns_the_first_result(memory: Memory, world: World) -> None:
    episodes = [NewEpisode("cat", tags=["a"], metadata={"n": 1, "m": 2}), "dog"]
    first = memory.add(NS, episodes, request_id="r")
    world.clock.advance(hours=1)
    alike = [
        episodes,
        tuple(episodes),
        [NewEpisode("cat", tags=("a",), metadata=MappingProxyType({"m": 2.0, "n": 1})), NewEpisode("dog")],
    ]
    for body in alike:
        again = memory.add(NS, body, request_id="r")
        assert again == replace(first, replayed=True)
    assert listed(memory) == list(first.ids)
    others: list[Any] = [
        ["cat", "dog"],
        episodes[:1],
        episodes[::-1],
        [episodes[0], NewEpisode("dog", occurred_at=NOW)],
        [episodes[0], NewEpisode("dog", id=first.ids[1])],
    ]
    for body in others:
        with pytest.raises(RequestConflict) as caught:
            memory.add(NS, body, request_id="r")
        assert (caught.value.field, caught.value.details["request_id"]) == ("request_id", "r")
    assert not memory.add("other", ["cat"], request_id="r").replayed
    assert not memory.add(NS, episodes).replayed
    assert len(listed(memory)) == 4
    with pytest.raises(InvalidArgument) as caught_bad:
        memory.add(NS, "x", request_id="a\nb")
    assert caught_bad.value.field == "request_id"


@pytest.mark.parametrize(
    "episode",
    [
        NewEpisode("x", tags=None),  # type: ignore[arg-type]
        NewEpisode("x", metadata={1: 2, "a": 3}),  # type: ignore[dict-item]
        NewEpisode("x", metadata={"a": threading.Lock()}),
        NewEpisode(None),  # type: ignore[arg-type]
    ],
)
def test_a_bad_body_with_a_request_id_is_an_invalid_argument_too(memory: Memory, episode: NewEpisode) -> None:
    with pytest.raises(InvalidArgument) as caught:
        memory.add(NS, episode, request_id="r")
    assert caught.value.field.startswith("episodes[0].")


def test_bulk_add_costs_a_bad_item_only_itself(memory: Memory) -> None:
    memory.add(NS, NewEpisode("there", id="taken"))
    items: list[Any] = [NewEpisode(f"item {n}", id=f"i{n}") for n in range(230)]
    items[3], items[100], items[120], items[229] = (
        NewEpisode(""),
        NewEpisode("x", id="taken"),
        7,
        NewEpisode("z", id="i0"),
    )
    results = list(memory.bulk_add(NS, iter(items)))
    assert [one.index for one in results] == list(range(230))
    bad = {one.index: (one.error_code, one.error_field) for one in results if not one.ok}
    assert bad[3] == ("invalid_argument", "episodes[3].content")
    assert bad[120] == ("invalid_argument", "episodes[120]")
    assert {index: code for index, (code, _) in bad.items()} == {
        3: "invalid_argument",
        100: "already_exists",
        120: "invalid_argument",
        229: "already_exists",
    }
    assert listed(memory, page_size=1000) == ["taken", *(one.id for one in results if one.ok)]
    for one in results:
        if one.ok:
            assert (one.id, one.revision) == (f"i{one.index}", memory.get(NS, one.id).revision)
    assert found(memory, "item 228")[0] == "i228"


def test_a_broken_stream_keeps_what_was_yielded(memory: Memory) -> None:
    def stream() -> Iterator[NewEpisode]:
        for number in range(150):
            yield NewEpisode("x", id=f"i{number}")
        raise RuntimeError("the source broke")

    yielded = []
    with pytest.raises(RuntimeError, match="the source broke"):
        yielded.extend(one.id for one in memory.bulk_add(NS, stream()))
    assert yielded == [f"i{number}" for number in range(100)]
    assert listed(memory, page_size=1000) == yielded
    for bad in ("abc", b"x", 3, {"a": 1}):
        with pytest.raises(InvalidArgument) as caught:
            memory.bulk_add(NS, bad)  # type: ignore[arg-type]
        assert caught.value.field == "episodes"


def test_a_correction_ends_the_validity_of_what_it_corrects(either: Memory, world: World) -> None:
    either.add(NS, NewEpisode("The budget is 8 euros.", id="old"))
    world.clock.advance(hours=2)
    either.add(NS, NewEpisode("The budget is 9 euros.", id="new", supersedes="old", valid_from=NOW + HOUR))
    old, new = either.get(NS, "old"), either.get(NS, "new")
    assert (old.superseded_by, old.valid_to, new.supersedes) == ("new", NOW + HOUR, "old")
    assert found(either, "budget euros") == listed(either) == ["new"]
    assert found(either, "budget", valid_at=NOW) == listed(either, valid_at=NOW) == ["old"]
    assert found(either, "budget", as_of=NOW) == listed(either, as_of=NOW) == ["old"]
    assert either.get(NS, "old", as_of=NOW).superseded_by == ""
    assert sorted(found(either, "budget", include_invalid=True)) == ["new", "old"]
    assert listed(either, include_invalid=True) == ["old", "new"]
    # What the store knew at noon, of what holds at two: the correction was not there yet.
    assert found(either, "budget", as_of=NOW, valid_at=NOW + 2 * HOUR) == ["old"]
    assert either.history(NS, "old")[-1].fields["superseded_by"] == "new"


# --- change -----------------------------------------------------------------------------------------------------------


def test_an_update_changes_what_it_names_and_is_seen_at_once(memory: Memory, world: World) -> None:
    memory.add(NS, NewEpisode("cat", id="a", tags=["t"], metadata={"n": 1}, valid_to=NOW + 9 * HOUR))
    before = memory.get(NS, "a")
    assert found(memory, "cat", tags=["t"], filter={"n": 1}) == ["a"]
    world.clock.advance(hours=1)
    after = memory.update(NS, "a", tags=["u", "u"], metadata={"n": 2})
    assert after == memory.get(NS, "a")
    assert (after.tags, after.metadata, after.valid_to) == (("u",), {"n": 2}, NOW + 9 * HOUR)
    assert after.revision > before.revision
    for search in (found, lambda m, _, **options: listed(m, **options)):
        assert search(memory, "cat", tags=["t"]) == search(memory, "cat", filter={"n": 1}) == []
        assert search(memory, "cat", tags=["u"], filter={"n": 2}) == ["a"]
        assert search(memory, "cat", tags=["t"], filter={"n": 1}, as_of=NOW) == ["a"]
        assert search(memory, "cat", tags=["u"], as_of=NOW) == []
    assert memory.get(NS, "a", as_of=NOW) == before
    assert memory.update(NS, "a", valid_to=None, tags=[], metadata={}).tags == ()
    assert memory.get(NS, "a").valid_to is None
    assert [change.kind for change in memory.history(NS, "a")] == ["add", "update", "update"]
    assert memory.history(NS, "a")[1].fields == {"metadata": {"n": 2}, "tags": ["u"]}


def test_an_update_with_another_revision_than_the_present_one_is_refused(memory: Memory) -> None:
    memory.add(NS, NewEpisode("cat", id="a"))
    read = memory.get(NS, "a").revision
    now = memory.update(NS, "a", tags=["x"], if_revision=read).revision
    with pytest.raises(RevisionMismatch) as caught:
        memory.update(NS, "a", tags=["y"], if_revision=read)
    assert caught.value.details["revision"] == str(now)
    assert memory.get(NS, "a").tags == ("x",)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({}, "changes"),
        ({"if_revision": None}, "changes"),
        ({"content": "dog"}, "content"),
        ({"tags": "ab"}, "tags"),
        ({"tags": None}, "tags"),
        ({"metadata": None}, "metadata"),
        ({"metadata": {"a": {1}}}, "metadata.a"),
        ({"valid_from": NOW.replace(tzinfo=None)}, "valid_from"),
        ({"valid_to": NOW - HOUR}, "valid_to"),
        ({"expires_at": "soon"}, "expires_at"),
        ({"tags": [], "if_revision": "1.2"}, "if_revision"),
    ],
)
def test_a_bad_update_is_named_and_changes_nothing(memory: Memory, changes: Any, field: str) -> None:
    memory.add(NS, NewEpisode("cat", id="a", valid_from=NOW))
    with pytest.raises(InvalidArgument) as caught:
        memory.update(NS, "a", **changes)
    assert caught.value.field == field
    assert len(memory.history(NS, "a")) == 1


def test_delete_and_purge_take_all_or_none(memory: Memory) -> None:
    memory.add(NS, [NewEpisode("x", id=name) for name in "abc"])
    for method in (memory.delete, memory.purge):
        with pytest.raises(NotFound) as caught:
            method(NS, ["a", "nobody"])
        assert caught.value.field == "ids[1]"
        for ids, field in (([], "ids"), ("", "ids[0]"), ([3], "ids[0]"), (None, "ids"), ({"a"}, "ids")):
            with pytest.raises(InvalidArgument) as bad:
                method(NS, ids)  # type: ignore[arg-type]
            assert bad.value.field == field
    assert listed(memory) == ["a", "b", "c"]
    memory.delete(NS, ["a", "b", "a"])
    assert listed(memory) == ["c"]


def test_expiry_and_validity_come_before_the_best_are_chosen(either: Memory, world: World) -> None:
    either.add(
        NS,
        [
            NewEpisode("violin violin violin", id="expired", expires_at=NOW),
            NewEpisode("violin violin", id="not yet", valid_from=NOW + HOUR),
            NewEpisode("violin violin lesson", id="over", valid_to=NOW),
            NewEpisode("violin today", id="soon gone", expires_at=NOW + HOUR),
            NewEpisode("a violin lesson with Tom", id="stays"),
        ],
    )
    assert found(either, "violin violin", k=2) == ["soon gone", "stays"]
    assert listed(either, page_size=2) == ["soon gone", "stays"]
    world.clock.advance(hours=1)
    assert found(either, "violin violin", k=2) == ["not yet", "stays"]
    assert found(either, "violin violin", k=1, valid_at=NOW) == ["stays"]
    for name in ("expired", "soon gone"):
        with pytest.raises(NotFound):
            either.get(NS, name)
    assert "soon gone" in found(either, "violin", as_of=NOW)
    assert either.get(NS, "soon gone", as_of=NOW).id == "soon gone"
    world.clock.advance(minutes=1)
    either.update(NS, "soon gone", expires_at=None)
    assert "soon gone" in found(either, "violin")
    assert "soon gone" not in found(either, "violin", as_of=NOW + HOUR)


# --- the three times --------------------------------------------------------------------------------------------------


def test_as_of_answers_as_the_store_would_have_answered_then(either: Memory, world: World) -> None:
    """Scores included, whatever was added, changed, deleted or named since."""
    asked = ("Did Ana see the cat yesterday?", "boat", "rose")
    kept: list[tuple[datetime, list[Any]]] = []
    steps: list[Callable[[], Any]] = [
        lambda: either.add(NS, [NewEpisode("Ana saw a cat.", id="a", session="s"), NewEpisode("Nice!", session="s")]),
        lambda: either.add(NS, NewEpisode("A boat and a rose.", id="b", expires_at=NOW + 3 * HOUR)),
        lambda: either.update(NS, "a", tags=["t"], metadata={"k": 1}),
        lambda: either.add(NS, NewEpisode("Cats bark.", session="s", position=0, speaker="Rose")),
        lambda: either.delete(NS, "a"),
        lambda: either.add(NS, [NewEpisode("boats " * 20), NewEpisode("kitten", speaker="Ana")]),
        lambda: either.update(NS, "b", expires_at=NOW + 99 * HOUR),
    ]
    for step in steps:
        world.clock.advance(minutes=50)
        step()
        kept.append((world.clock.now(), [either.search(NS, query, reference_time=NOW).hits for query in asked]))
    seen = set()
    for moment, answers in kept:
        for query, hits in zip(asked, answers, strict=True):
            then = either.search(NS, query, as_of=moment, reference_time=NOW).hits
            assert [hit.episode for hit in then] == [hit.episode for hit in hits]
            assert [hit.score for hit in then] == pytest.approx([hit.score for hit in hits], abs=1e-6)
            assert [hit.why for hit in then] == [hit.why for hit in hits]
            seen.add(tuple(hit.episode.id for hit in then))
    assert len(seen) > 6
    assert either.search(NS, "cat", as_of=NOW - HOUR).hits == ()
    assert either.list(NS, as_of=NOW - HOUR).episodes == ()


def test_the_reference_time_is_that_from_which_yesterday_counts(memory: Memory, world: World) -> None:
    for day in range(1, 20):
        memory.add(NS, NewEpisode("We went sailing.", id=f"d{day}", occurred_at=NOW - timedelta(days=day)))
    query = "sailing yesterday"
    assert found(memory, query, k=1) == ["d1"]
    assert found(memory, query, k=1, reference_time=NOW - timedelta(days=9)) == ["d10"]
    explanation = memory.search(NS, query, explain=True, reference_time=NOW).explanation
    assert explanation is not None
    assert explanation.hints == ("yesterday: 2024-04-30T00:00:00+00:00 to 2024-05-01T00:00:00+00:00",)
    world.clock.advance(days=9)
    assert found(memory, query, k=1, as_of=NOW) == ["d1"]  # as_of is the "now" of a question that names none
    hit = memory.search(NS, query, k=1, reference_time=NOW).hits[0]
    assert hit.parts["time"] > 0
    assert "from the time asked for" in hit.why


def test_min_revision_waits_for_nothing_and_accepts_later_epochs(memory: Memory) -> None:
    first = memory.add(NS, [NewEpisode("cat", id="a"), NewEpisode("cat", id="b")]).revision
    assert sorted(found(memory, "cat", min_revision=first)) == listed(memory, min_revision=first) == ["a", "b"]
    ahead = Revision(first.epoch, first.sequence + 1)
    for call in (memory.list, lambda ns, **options: memory.search(ns, "cat", **options)):
        with pytest.raises(RevisionNotReached) as caught:
            call(NS, min_revision=ahead)
        assert caught.value.details["revision"] == str(first)
    memory.purge(NS, "a")
    assert found(memory, "cat", min_revision=ahead) == ["b"]


# --- search: what is asked at the edges -------------------------------------------------------------------------------


def test_k_bounds_the_hits(memory: Memory) -> None:
    memory.add(NS, [NewEpisode("cat", id=f"{n:02}") for n in range(15)])
    everything = [f"{n:02}" for n in range(15)]
    assert found(memory, "cat", k=0) == []
    assert found(memory, "cat", k=1) == everything[:1]  # equal scores: the older first
    assert found(memory, "cat") == everything[:10]
    assert found(memory, "cat", k=10_000) == everything
    for k in (-1, 10_001, 100_000, 10**30, True, 1.0, "3", None):
        with pytest.raises(InvalidArgument) as caught:
            memory.search(NS, "cat", k=k)  # type: ignore[arg-type]
        assert caught.value.field == "k"


@pytest.mark.parametrize("query", ["", "   ", "\n\t", "\u3000"])
def test_an_empty_query_finds_nothing_and_says_so(either: Memory, query: str) -> None:
    either.add(NS, "cat")
    result = either.search(NS, query, explain=True)
    assert result.hits == ()
    assert result.degraded == ("the query holds nothing to search for",)
    assert result.revision == either.list(NS).revision
    assert result.explanation is not None


@pytest.mark.parametrize("query", ["?!…", "—", "🙂", "' ' _", "\u200b"])
def test_a_query_of_marks_only_has_an_answer(either: Memory, query: str) -> None:
    either.add(NS, ["cat", "🙂", "?!"])
    result = either.search(NS, query, explain=True)
    assert result.explanation is not None
    assert result.explanation.terms == ()
    if result.degraded:
        assert result.hits == ()


def test_a_query_of_stop_words_only_has_an_answer(either: Memory) -> None:
    either.add(NS, ["what is it", "cat"])
    assert either.search(NS, "what is it?").degraded == ()


def test_a_huge_query_is_refused_and_the_longest_one_answered(memory: Memory) -> None:
    memory.add(NS, "cat")
    for query in ("x" * 1_000_000, "é" * 40_000):
        with pytest.raises(InvalidArgument) as caught:
            memory.search(NS, query)
        assert caught.value.field == "query"
    assert found(memory, "cat " + "x" * 65_500) == ["ep-000001"]
    assert found(memory, "cat " + "may 1 " * 10_000) == ["ep-000001"]
    assert found(memory, "cat " + "1/2 " * 16_000) == ["ep-000001"]


def test_a_time_range_is_half_open_and_never_inverted(memory: Memory) -> None:
    memory.add(NS, [NewEpisode("cat", id=f"h{n}", occurred_at=NOW + n * HOUR) for n in range(4)])
    for search in (found, lambda m, _, **options: listed(m, **options)):
        assert search(memory, "cat", occurred_from=NOW + HOUR, occurred_to=NOW + 3 * HOUR) == ["h1", "h2"]
        assert search(memory, "cat", occurred_from=NOW, occurred_to=NOW) == []
        with pytest.raises(InvalidArgument) as caught:
            search(memory, "cat", occurred_from=NOW, occurred_to=NOW - HOUR)
        assert caught.value.field == "occurred_to"


@pytest.mark.parametrize("namespace", ["nobody", "acme", "acme/user-4", "acme/user-42/x", "ACME/user-42"])
def test_an_unknown_namespace_is_not_found(memory: Memory, namespace: str) -> None:
    memory.add(NS, NewEpisode("cat", id="a"))
    calls: list[Callable[[], object]] = [
        lambda: memory.search(namespace, "cat"),
        lambda: memory.search(namespace, ""),
        lambda: memory.list(namespace),
        lambda: memory.get(namespace, "a"),
        lambda: memory.update(namespace, "a", tags=[]),
        lambda: memory.delete(namespace, "a"),
        lambda: memory.purge(namespace, "a"),
        lambda: memory.history(namespace, "a"),
        lambda: memory.export(namespace),
        lambda: memory.delete_namespace(namespace),
    ]
    for call in calls:
        with pytest.raises(NotFound) as caught:
            call()
        assert "cat" not in str(caught.value)
    assert listed(memory) == ["a"]


def test_an_unknown_option_is_named(memory: Memory) -> None:
    memory.add(NS, NewEpisode("cat", id="a"))
    calls: list[Callable[[], object]] = [
        lambda: memory.search(NS, "cat", limit=3),  # type: ignore[call-arg]
        lambda: memory.list(NS, limit=3),  # type: ignore[call-arg]
        lambda: memory.update(NS, "a", limit=3),  # type: ignore[call-arg]
    ]
    for call in calls:
        with pytest.raises(InvalidArgument) as caught:
            call()
        assert caught.value.field == "limit"


def test_a_search_out_of_time_fails(memory: Memory) -> None:
    memory.add(NS, "cat")
    with pytest.raises(DeadlineExceeded):
        memory.search(NS, "cat", timeout=1e-9)
    assert memory.search(NS, "cat", timeout=600).hits


def test_a_namespace_of_deleted_episodes_only_answers_with_nothing(either: Memory) -> None:
    either.add(NS, ["cat", NewEpisode("cat", session="s")])
    either.delete(NS, ["ep-000001", "ep-000002"])
    assert either.search(NS, "Did the cat come yesterday?", explain=True).hits == ()
    assert either.list(NS).episodes == ()


def test_hard_filters_narrow_list_and_search_alike(memory: Memory) -> None:
    kinds = itertools.product(["", "s"], ["", "Ana"], ["", "user"], [(), ("t",), ("t", "u")], [{}, {"m": {"n": 1}}])
    memory.add(
        NS,
        [
            NewEpisode("cat", session=session, speaker=speaker, role=role, tags=tags, metadata=metadata)  # type: ignore[arg-type]
            for session, speaker, role, tags, metadata in kinds
        ],
    )
    narrow: list[dict[str, Any]] = [
        {},
        {"session": "s"},
        {"speaker": "Ana"},
        {"role": "user"},
        {"tags": ["t"]},
        {"tags": ["u", "t"]},
        {"filter": {"m.n": 1}},
        {"filter": Not(Condition("m.n", "eq", 1))},
        {"session": "s", "speaker": "Ana", "role": "user", "tags": ["t"], "filter": {"m": {"ne": 3}}},
        {"session": "t"},
        {"speaker": "ana"},
        {"tags": ["x"]},
    ]
    sizes = []
    for options in narrow:
        names = listed(memory, page_size=1000, **options)
        assert sorted(found(memory, "cat", k=1000, **options)) == names
        assert [name for page in pages(memory, page_size=7, **options) for name in page] == names
        sizes.append(len(names))
    assert sizes == [48, 24, 24, 24, 32, 16, 24, 24, 4, 0, 0, 0]


# --- pages ------------------------------------------------------------------------------------------------------------


def test_pages_show_what_was_there_when_the_listing_began(memory: Memory) -> None:
    memory.add(NS, [NewEpisode("x", id=f"{n}") for n in range(9)])

    def meddle(had: int) -> None:
        memory.add(NS, NewEpisode("late", id=f"late {had}"))
        if had == 1:
            memory.delete(NS, ["0", "4"])

    assert pages(memory, meddle, page_size=3) == [["0", "1", "2"], ["3", "5", "6"], ["7", "8"]]
    assert pages(memory, page_size=3)[0] == ["1", "2", "3"]
    assert len(pages(memory, page_size=1)) == 7 + 2


def test_a_page_is_full_as_long_as_there_is_more(memory: Memory) -> None:
    memory.add(NS, [NewEpisode("x", id=f"{n}", metadata={"n": n % 300}) for n in range(1000)])
    memory.add(NS, [NewEpisode("x", id=f"{n}", metadata={"n": n % 300}) for n in range(1000, 1201)])
    assert pages(memory, page_size=2, filter={"n": 0}) == [["0", "300"], ["600", "900"], ["1200"]]
    assert pages(memory, page_size=5, filter={"n": 0}) == [["0", "300", "600", "900", "1200"]]


def test_a_page_token_is_of_one_listing_and_one_epoch(memory: Memory) -> None:
    memory.add(NS, [NewEpisode("x", id=f"{n}", session="s") for n in range(4)])
    memory.add("other", ["x", "y", "z"])
    token = memory.list(NS, page_size=2).next_page_token
    wrong: list[Callable[[], object]] = [
        lambda: memory.list(NS, page_token=token, session="s"),
        lambda: memory.list(NS, page_token=token + "x"),
        lambda: memory.list(NS, page_token="?"),
        lambda: memory.list("other", page_token=token),
        lambda: memory.list_namespaces(page_token=token),
    ]
    for call in wrong:
        with pytest.raises(InvalidArgument) as caught:
            call()
        assert caught.value.field == "page_token"
    assert listed(memory, page_token=token, page_size=1) == ["2"]
    memory.purge(NS, "0")
    with pytest.raises(StalePageToken):
        memory.list(NS, page_token=token, page_size=2)


def test_namespaces_are_listed_by_whole_segments(memory: Memory) -> None:
    names = ["a", "a/b", "a/b/c", "a-b", "ab", "b"]
    for name in names:
        memory.add(name, "x")
    memory.add("a", "y")
    memory.delete("a", memory.list("a").episodes[0].id)

    def all_of(prefix: str, size: int) -> list[str]:
        had: list[str] = []
        token = ""
        while True:
            page = memory.list_namespaces(prefix=prefix, page_size=size, page_token=token)
            assert len(page.namespaces) <= size
            had += [one.name for one in page.namespaces]
            token = page.next_page_token
            if not token:
                return had

    for size in (1, 2, 100):
        assert all_of("", size) == sorted(names)
        assert all_of("a", size) == ["a", "a/b", "a/b/c"]
        assert all_of("a/b", size) == ["a/b", "a/b/c"]
        assert all_of("c", size) == []
    info = memory.list_namespaces(prefix="a").namespaces[0]
    assert (info.name, info.episodes, info.created_at) == ("a", 1, NOW)
    assert info.revision == memory.list("a").revision
    bad: list[tuple[dict[str, Any], str]] = [
        ({"prefix": "a//b"}, "prefix"),
        ({"prefix": None}, "prefix"),
        ({"prefix": 0}, "prefix"),
        ({"page_size": 0}, "page_size"),
        ({"page_size": 1001}, "page_size"),
        ({"page_token": None}, "page_token"),
        ({"page_token": 0}, "page_token"),
        ({"page_token": "x"}, "page_token"),
    ]
    for options, field in bad:
        with pytest.raises(InvalidArgument) as caught:
            memory.list_namespaces(**options)
        assert caught.value.field == field
