"""What a store promises, on SQLite and on PostgreSQL."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from agentctx.errors import (
    AlreadyExists,
    EmbedderMismatch,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    RequestConflict,
    RevisionMismatch,
)
from agentctx.store import ImportRecord, Store
from agentctx.store.migrations import HEAD
from agentctx.types import LogRecord, NewEpisode, Revision
from tests.fixtures_store import KEY, NOW, NS, ManualClock, Opener, add, clock, episode, location, open_at, store

__all__ = ["clock", "location", "open_at", "store"]


def log(store: Store, namespace: str = NS, after: Revision | None = None) -> list[LogRecord]:
    return store.read_log(namespace, after)[1]


class TestAppend:
    def test_everything_given_comes_back(self, store: Store) -> None:
        given = episode(
            "naïve 🦜 text",
            id="my-id",
            session="s",
            position=7,
            speaker="Ann",
            role="user",
            valid_from=NOW,
            valid_to=NOW + timedelta(days=1),
            expires_at=NOW + timedelta(microseconds=1),
            tags=("b", "a"),
            metadata={"n": 1.5, "deep": {"list": [None, True, "é"]}},
        )
        done = add(store, given)
        found = store.get(NS, "my-id")
        assert done.ids == ("my-id",)
        assert found == done.records[0].episode
        for name in ("content", "session", "position", "speaker", "role", "occurred_at", "valid_from", "valid_to"):
            assert getattr(found, name) == getattr(given, name)
        assert (found.expires_at, found.tags, found.metadata) == (given.expires_at, given.tags, given.metadata)
        assert found.recorded_at == NOW
        assert found.revision == done.revision == store.head(NS)

    def test_a_first_append_makes_the_namespace(self, store: Store) -> None:
        assert store.head(NS) is None
        assert add(store, "a").revision == Revision(1, 1)

    def test_sequences_go_on(self, store: Store) -> None:
        add(store, "a", "b")
        assert add(store, "c").revision == Revision(1, 3)

    def test_ids_are_made_where_none_is_given(self, store: Store) -> None:
        ids = add(store, "a", episode("b", id="x"), "c").ids
        assert ids[1] == "x"
        assert len(set(ids)) == 3
        assert all(ids)

    def test_positions_go_on_behind_the_last_of_the_session(self, store: Store) -> None:
        add(store, episode(session="s"), episode(session="s", position=5), episode(session="t"), episode(session="s"))
        add(store, episode(session="s"), episode(session="s", position=2), episode(session="s"), episode())
        got = [(e.session, e.position) for _, e in store.scan(NS)]
        assert got == [("s", 0), ("s", 5), ("t", 0), ("s", 6), ("s", 7), ("s", 2), ("s", 8), ("", 0)]

    @pytest.mark.parametrize("batch", [False, True])
    def test_a_taken_id_stores_nothing(self, store: Store, batch: bool) -> None:
        items = [episode("a", id="x"), episode("b"), episode("c", id="x")]
        if not batch:
            add(store, items.pop(0))
        with pytest.raises(AlreadyExists) as caught:
            add(store, *items)
        assert caught.value.field == ("episodes[2].id" if batch else "episodes[1].id")
        assert caught.value.details["id"] == "x"
        assert store.head(NS) == (None if batch else Revision(1, 1))

    def test_a_deleted_id_stays_taken(self, store: Store) -> None:
        add(store, episode("a", id="x"))
        store.delete(NS, ["x"])
        with pytest.raises(AlreadyExists):
            add(store, episode("a", id="x"))

    def test_partial_collects_failures(self, store: Store) -> None:
        add(store, episode("a", id="x"))
        done = add(store, episode("b", id="y"), episode("c", id="x"), episode("d", supersedes="no"), "e", partial=True)
        assert done.ids[:3] == ("y", "", "")
        assert {i: (type(e), e.field) for i, e in done.failures.items()} == {
            1: (AlreadyExists, "episodes[1].id"),
            2: (NotFound, "episodes[2].supersedes"),
        }
        assert [record.episode.content for record in done.records] == ["b", "e"]
        assert store.head(NS) == Revision(1, 3)

    def test_partial_with_nothing_good_makes_no_namespace(self, store: Store) -> None:
        assert add(store, episode(supersedes="no"), partial=True).failures.keys() == {0}
        assert store.head(NS) is None

    def test_recorded_at_is_one_per_transaction_and_grows_though_the_clock_stands_still(self, store: Store) -> None:
        first, second = add(store, "a", "b").records, add(store, "c").records
        assert first[0].recorded_at == first[1].recorded_at == NOW
        assert second[0].recorded_at == NOW + timedelta(microseconds=1)

    def test_a_clock_set_back_does_not_turn_the_log_around(self, store: Store, clock: ManualClock) -> None:
        add(store, "a")
        clock.tick(-3600)
        assert add(store, "b").records[0].recorded_at == NOW + timedelta(microseconds=1)

    @pytest.mark.parametrize("content", ["x" * 900_000, "", "'; DROP TABLE episodes; --", "%_\\", "line\r\n\ttab"])
    def test_content_is_kept_to_the_letter(self, store: Store, content: str) -> None:
        add(store, episode(content, id="x"))
        assert store.get(NS, "x").content == content

    def test_a_lone_surrogate_is_refused_with_nothing_written(self, store: Store) -> None:
        with pytest.raises(InvalidArgument):
            add(store, "good", "\ud800")
        assert store.head(NS) is None


class TestSupersede:
    def test_ends_the_validity_of_the_old_one(self, store: Store) -> None:
        add(store, episode("Ann lives in Rome", id="old"))
        done = add(store, episode("Ann lives in Oslo", id="new", supersedes="old", valid_from=NOW + timedelta(days=3)))
        old = store.get(NS, "old")
        assert (old.valid_to, old.superseded_by) == (NOW + timedelta(days=3), "new")
        assert [(r.kind, r.episode.id, r.sequence) for r in done.records] == [("add", "new", 2), ("update", "old", 3)]
        assert done.records[1].episode == old
        assert store.get(NS, "new").supersedes == "old"

    def test_occurred_at_counts_without_valid_from(self, store: Store) -> None:
        add(store, episode(id="old"))
        add(store, episode(supersedes="old", occurred_at=NOW + timedelta(hours=1)))
        assert store.get(NS, "old").valid_to == NOW + timedelta(hours=1)

    def test_never_ends_before_it_began_nor_later_than_it_ended(self, store: Store) -> None:
        later = NOW + timedelta(days=9)
        add(store, episode(id="a", valid_from=later), episode(id="b", valid_to=NOW - timedelta(days=1)))
        add(store, episode(supersedes="a"), episode(supersedes="b"))
        assert store.get(NS, "a").valid_to == later
        assert store.get(NS, "b").valid_to == NOW - timedelta(days=1)

    def test_chain_within_one_call(self, store: Store) -> None:
        done = add(store, episode(id="a"), episode(id="b", supersedes="a"), episode(id="c", supersedes="b"))
        assert [r.kind for r in done.records] == ["add", "add", "update", "add", "update"]
        assert [store.get(NS, i).superseded_by for i in "abc"] == ["b", "c", ""]
        assert log(store) == list(done.records)

    def test_twice_within_one_call_is_refused(self, store: Store) -> None:
        add(store, episode(id="a"))
        with pytest.raises(InvalidArgument, match="supersedes"):
            add(store, episode(supersedes="a"), episode(supersedes="a"))

    def test_absent_and_deleted_are_not_found(self, store: Store) -> None:
        add(store, episode(id="gone"))
        store.delete(NS, ["gone"])
        for target in ("gone", "never"):
            with pytest.raises(NotFound) as caught:
                add(store, "x", episode(supersedes=target))
            assert caught.value.field == "episodes[1].supersedes"
        assert store.head(NS) == Revision(1, 2)


class TestRequests:
    def test_a_replay_gets_the_first_result(self, store: Store) -> None:
        first = add(store, "a", "b", request=("r1", "hash"))
        add(store, "c")
        again = add(store, "a", "b", request=("r1", "hash"))
        assert (again.ids, again.revision, again.replayed, again.records) == (first.ids, first.revision, True, ())
        assert store.head(NS) == Revision(1, 3)

    def test_another_body_is_a_conflict(self, store: Store) -> None:
        add(store, "a", request=("r1", "hash"))
        with pytest.raises(RequestConflict) as caught:
            add(store, "b", request=("r1", "other"))
        assert caught.value.details["request_id"] == "r1"

    def test_a_failed_call_leaves_the_request_id_free(self, store: Store) -> None:
        with pytest.raises(NotFound):
            add(store, episode(supersedes="no"), request=("r1", "hash"))
        assert not add(store, "a", request=("r1", "other")).replayed

    def test_namespaces_have_request_ids_of_their_own(self, store: Store) -> None:
        add(store, "a", request=("r1", "hash"))
        assert not add(store, "b", namespace="other", request=("r1", "other")).replayed

    def test_two_at_once_store_once(self, store: Store) -> None:
        done = together(8, lambda _: add(store, "a", request=("r1", "hash")))
        assert len({one.ids for one in done}) == 1
        assert sum(not one.replayed for one in done) == 1
        assert store.head(NS) == Revision(1, 1)


class TestUpdate:
    def test_sets_what_is_given_and_leaves_the_rest(self, store: Store) -> None:
        add(store, episode(id="x", tags=("a",), metadata={"k": 1}, valid_from=NOW))
        record = store.update(NS, "x", {"metadata": {"k": 2}, "expires_at": NOW + timedelta(days=1)})
        found = store.get(NS, "x")
        assert record.episode == found
        assert (record.kind, record.sequence, record.vector) == ("update", 2, None)
        assert (found.metadata, found.tags, found.valid_from) == ({"k": 2}, ("a",), NOW)
        assert found.expires_at == NOW + timedelta(days=1)

    def test_none_clears_a_time(self, store: Store) -> None:
        add(store, episode(id="x", valid_from=NOW))
        assert store.update(NS, "x", {"valid_from": None}).episode.valid_from is None

    def test_if_revision(self, store: Store) -> None:
        revision = add(store, episode(id="x")).revision
        add(store, "other")
        store.update(NS, "x", {"tags": ("a",)}, revision)
        with pytest.raises(RevisionMismatch) as caught:
            store.update(NS, "x", {"tags": ("b",)}, revision)
        assert caught.value.details["revision"] == "1.3"
        assert store.get(NS, "x").tags == ("a",)

    @pytest.mark.parametrize("name", ["content", "id", "deleted_at", "superseded_by"])
    def test_what_is_immutable_is_refused(self, store: Store, name: str) -> None:
        add(store, episode(id="x"))
        with pytest.raises(InvalidArgument) as caught:
            store.update(NS, "x", {name: "y"})
        assert caught.value.field == name

    def test_validity_cannot_end_before_it_begins(self, store: Store) -> None:
        add(store, episode(id="x", valid_from=NOW))
        with pytest.raises(InvalidArgument) as caught:
            store.update(NS, "x", {"valid_to": NOW - timedelta(days=1)})
        assert caught.value.field == "valid_to"


class TestDelete:
    def test_hides_from_now_on(self, store: Store, clock: ManualClock) -> None:
        add(store, episode(id="x"), episode(id="y"))
        before = clock.tick()
        at = clock.tick()
        revision, records = store.delete(NS, ["x"])
        assert revision == Revision(1, 3) == store.head(NS)
        assert [(r.kind, r.episode.id, r.episode.deleted_at) for r in records] == [("delete", "x", at)]
        with pytest.raises(NotFound):
            store.get(NS, "x")
        with pytest.raises(NotFound):
            store.get(NS, "x", at)
        assert store.get(NS, "x", before).deleted_at is None
        assert [e.id for _, e in store.scan(NS)] == ["y"]
        assert [e.id for _, e in store.scan(NS, include_deleted=True)] == ["x", "y"]
        assert [e.id for _, e in store.scan(NS, as_of=before)] == ["x", "y"]

    @pytest.mark.parametrize("missing", ["never", "gone"])
    def test_all_or_none(self, store: Store, missing: str) -> None:
        add(store, episode(id="x"), episode(id="gone"))
        store.delete(NS, ["gone"])
        with pytest.raises(NotFound) as caught:
            store.delete(NS, ["x", missing])
        assert caught.value.field == "ids[1]"
        assert store.get(NS, "x")

    def test_the_same_id_twice_is_one(self, store: Store) -> None:
        add(store, episode(id="x"))
        assert len(store.delete(NS, ["x", "x"])[1]) == 1

    def test_no_ids_is_an_error(self, store: Store) -> None:
        add(store, "a")
        for verb in (store.delete, store.purge):
            with pytest.raises(InvalidArgument):
                verb(NS, [])


class TestAbsence:
    @pytest.mark.parametrize("namespace", [NS, "no/such"])
    def test_a_missing_namespace_and_a_missing_episode_get_the_same_answer(self, store: Store, namespace: str) -> None:
        add(store, "a")
        add(store, episode(id="theirs"), namespace="other")
        calls = (
            lambda: store.get(namespace, "theirs"),
            lambda: store.history(namespace, "theirs"),
            lambda: store.update(namespace, "theirs", {"tags": ()}),
            lambda: store.delete(namespace, ["theirs"]),
            lambda: store.purge(namespace, ["theirs"]),
        )
        answers = []
        for call in calls:
            with pytest.raises(NotFound) as caught:
                call()
            answers.append(caught.value.to_dict())
        assert [answer["field"] for answer in answers] == ["id", "id", "id", "ids[0]", "ids[0]"]
        assert {answer["message"] for answer in answers} == {"there is no episode 'theirs' here"}
        assert store.get("other", "theirs")

    def test_a_missing_namespace_is_not_found(self, store: Store) -> None:
        assert store.head("no") is None
        for call in (lambda: store.scan("no"), lambda: store.read_log("no"), lambda: store.delete_namespace("no")):
            with pytest.raises(NotFound) as caught:
                call()
            assert caught.value.field == "namespace"


class TestLog:
    def test_records_are_complete_and_in_order(self, store: Store) -> None:
        done = [*add(store, episode(id="x", metadata={"v": 1}), "b").records]
        done.append(store.update(NS, "x", {"metadata": {"v": 2}}))
        done += add(store, episode(id="z", supersedes="x")).records
        done += store.delete(NS, ["x"])[1]
        head, records = store.read_log(NS)
        assert records == done
        assert [r.sequence for r in records] == list(range(1, 7))
        assert head == Revision(1, 6)
        assert [r.episode.metadata for r in records if r.episode.id == "x"] == [{"v": 1}, {"v": 2}, {"v": 2}, {"v": 2}]

    def test_every_tail_is_the_end_of_the_whole(self, store: Store) -> None:
        self.test_records_are_complete_and_in_order(store)
        whole = log(store)
        for sequence in range(8):
            assert log(store, after=Revision(1, sequence)) == whole[sequence:]

    def test_adds_bring_their_vectors(self, store: Store) -> None:
        store.append(NS, [episode("a"), episode("b")], [b"\x01\x02" * 4, None], embedder_key=KEY)
        assert [r.vector for r in log(store)] == [b"\x01\x02" * 4, None]

    def test_another_epoch_gives_the_whole(self, store: Store) -> None:
        head = add(store, episode(id="a"), "b", "c").revision
        store.purge(NS, ["a"])
        assert [r.episode.content for r in log(store, after=head)] == ["b", "c"]

    def test_history(self, store: Store, clock: ManualClock) -> None:
        add(store, episode("text", id="x", tags=("a",)))
        clock.tick()
        store.update(NS, "x", {"tags": ("b", "c"), "valid_to": NOW})
        clock.tick()
        store.delete(NS, ["x"])
        changes = store.history(NS, "x")
        assert [(c.kind, c.revision, c.recorded_at) for c in changes] == [
            ("add", Revision(1, 1), NOW),
            ("update", Revision(1, 2), NOW + timedelta(seconds=1)),
            ("delete", Revision(1, 3), NOW + timedelta(seconds=2)),
        ]
        assert changes[0].fields == {
            "content": "text",
            "position": 0,
            "occurred_at": NOW.isoformat(),
            "tags": ["a"],
        }
        assert changes[1].fields == {"tags": ["b", "c"], "valid_to": NOW.isoformat()}

    def test_as_of_gives_each_earlier_state(self, store: Store, clock: ManualClock) -> None:
        add(store, episode(id="x", metadata={"v": 0}))
        times = []
        for version in range(1, 4):
            times.append(clock.now())
            clock.tick()
            store.update(NS, "x", {"metadata": {"v": version}})
        assert [store.get(NS, "x", at).metadata["v"] for at in times] == [0, 1, 2]
        assert [store.scan(NS, as_of=at)[0][1].metadata["v"] for at in times] == [0, 1, 2]
        assert store.get(NS, "x", times[1]).revision == Revision(1, 2)
        with pytest.raises(NotFound):
            store.get(NS, "x", NOW - timedelta(microseconds=1))
        assert store.scan(NS, as_of=NOW - timedelta(microseconds=1)) == []


class TestScan:
    def test_pages_are_stable_under_writes(self, store: Store) -> None:
        add(store, *[episode(str(i), id=f"i{i}") for i in range(10)])
        upto = store.head(NS).sequence
        seen, after = [], 0
        while page := store.scan(NS, after_sequence=after, upto_sequence=upto, limit=3):
            seen += [e.id for _, e in page]
            after = page[-1][0]
            store.update(NS, "i0", {"tags": (str(after),)})
            add(store, "late")
        assert seen == [f"i{i}" for i in range(10)]

    def test_filters(self, store: Store) -> None:
        add(
            store,
            episode("a", session="s", speaker="Ann", role="user"),
            episode("b", session="s", speaker="Bob", occurred_at=NOW + timedelta(days=1)),
            episode("c", session="t", speaker="Ann", role="assistant"),
        )

        def found(**narrow: object) -> str:
            return "".join(e.content for _, e in store.scan(NS, **narrow))  # type: ignore[arg-type]

        assert found() == "abc"
        assert found(session="s") == "ab"
        assert found(speaker="Ann") == "ac"
        assert found(role="assistant") == "c"
        assert found(occurred_from=NOW + timedelta(days=1)) == "b"
        assert found(occurred_to=NOW + timedelta(days=1)) == "ac"
        assert found(session="s", speaker="Ann") == "a"


class TestNamespaces:
    def test_prefixes_are_whole_segments(self, store: Store) -> None:
        names = ["acme", "acme/user-4", "acme/user-4/x", "acme/user-42", "acme/user-4_", "acme0", "Acme", "b/é", "b%"]
        for name in names:
            add(store, "a", namespace=name)

        def listed(*args: object) -> list[str]:
            return [info.name for info in store.list_namespaces(*args)]  # type: ignore[arg-type]

        assert listed() == sorted(names)
        assert listed("acme/user-4") == ["acme/user-4", "acme/user-4/x"]
        assert listed("acme") == sorted(name for name in names if name == "acme" or name.startswith("acme/"))
        assert listed("acme/") == listed("acme")
        assert listed("b") == ["b/é"]
        assert listed("", "acme/user-4", 2) == ["acme/user-4/x", "acme/user-42"]
        assert listed("none") == []

    def test_info_counts_what_is_not_deleted(self, store: Store) -> None:
        add(store, episode(id="a"), episode(id="b"), episode(id="c"), "d")
        store.delete(NS, ["a", "b"])
        store.purge(NS, ["b", "c"])
        (info,) = store.list_namespaces()
        assert (info.episodes, info.revision, info.created_at) == (1, store.head(NS), NOW)

    def test_deletion_removes_all_and_a_new_one_starts_a_higher_epoch(self, store: Store) -> None:
        add(store, "a", request=("r", "h"))
        add(store, episode(id="other"), namespace="other")
        store.delete_namespace(NS)
        assert store.head(NS) is None
        assert [info.name for info in store.list_namespaces()] == ["other"]
        assert add(store, "b", request=("r", "different")).revision == Revision(3, 1)
        assert [r.episode.content for r in log(store)] == ["b"]
        assert store.get("other", "other")
        assert store.stats().vectors == 2


class TestPurge:
    def test_nothing_is_left(self, store: Store) -> None:
        add(store, episode("secret", id="x"), episode("kept", id="y"), request=("r", "h"))
        store.update(NS, "x", {"metadata": {"secret": 1}})
        store.delete(NS, ["x"])
        assert store.purge(NS, ["x"]) == Revision(2, 5) == store.head(NS)
        for call in (lambda: store.get(NS, "x", NOW), lambda: store.history(NS, "x"), lambda: store.purge(NS, ["x"])):
            with pytest.raises(NotFound):
                call()
        assert [r.episode.id for r in log(store)] == ["y"]
        stats = store.stats()
        assert (stats.episodes, stats.changes, stats.vectors, stats.problems) == (1, 0, 1, ())
        assert not add(store, episode("again", id="x"), request=("r", "h")).replayed

    def test_references_to_it_are_cleared(self, store: Store) -> None:
        add(store, episode(id="a"))
        add(store, episode(id="b", supersedes="a"))
        add(store, episode(id="c", supersedes="b"))
        store.purge(NS, ["b"])
        assert store.get(NS, "a").superseded_by == ""
        assert store.get(NS, "a").valid_to == NOW
        assert store.get(NS, "c").supersedes == ""
        assert "b" not in {value for change in store.history(NS, "a") for value in change.fields.values()}
        assert [r.kind for r in log(store)] == ["add", "update", "add"]

    def test_all_or_none(self, store: Store) -> None:
        add(store, episode(id="x"))
        with pytest.raises(NotFound) as caught:
            store.purge(NS, ["x", "never"])
        assert caught.value.field == "ids[1]"
        assert store.head(NS) == Revision(1, 1)

    def test_the_log_goes_on_behind_it(self, store: Store) -> None:
        add(store, episode(id="x"), episode(id="y"))
        store.purge(NS, ["x"])
        assert add(store, "z").revision == Revision(2, 4)
        assert [(r.sequence, r.episode.revision.epoch) for r in log(store)] == [(2, 1), (4, 2)]

    def test_rows_are_never_given_twice(self, store: Store) -> None:
        row = add(store, episode(id="x")).records[0].row
        store.purge(NS, ["x"])
        assert add(store, episode(id="x")).records[0].row > row


class TestEmbedders:
    def test_the_first_one_is_recorded_and_another_refused(self, store: Store) -> None:
        assert store.embedder() is None
        add(store, "a")
        assert store.embedder() == KEY
        with pytest.raises(EmbedderMismatch) as caught:
            store.append("other", [episode()], [b""], embedder_key="openai:x#8#y")
        assert "agentctx memory reembed --embedder openai:x" in caught.value.message
        assert store.head("other") is None

    def test_switching_needs_every_vector_and_starts_new_epochs(self, store: Store) -> None:
        add(store, episode(id="x"), "b")
        store.delete(NS, ["x"])
        add(store, "c", namespace="other")
        assert store.count_missing("new") == 3
        assert not store.switch_embedder("new")
        while batch := store.vectors_missing("new", 2):
            assert all(isinstance(e.content, str) for _, e in batch)
            store.put_vectors("new", [(row, e.content.encode()) for row, e in batch])
        add(store, "late")  # the old embedder is still the active one
        assert not store.switch_embedder("new")
        ((row, late),) = store.vectors_missing("new")
        assert late.content == "late"
        store.put_vectors("new", [(row, b"late")])
        old = store.head(NS)
        assert store.switch_embedder("new")
        assert store.embedder() == "new"
        assert store.head(NS).epoch > old.epoch
        assert store.head("other").epoch > 1
        assert [r.vector for r in log(store, after=old) if r.kind == "add"] == [b"hello", b"b", b"late"]
        assert store.stats().vectors == 4
        with pytest.raises(EmbedderMismatch):
            add(store, "d")
        assert store.append(NS, [episode()], [b"v"], embedder_key="new").ids

    def test_paging_and_replacing(self, store: Store) -> None:
        add(store, "a", "b", "c")
        first = store.vectors_missing("new", 1)[0][0]
        assert [e.content for _, e in store.vectors_missing("new", 5, first)] == ["b", "c"]
        store.put_vectors("new", [(first, b"1")])
        store.put_vectors("new", [(first, b"2"), (10**9, b"of a purged row")])
        assert store.count_missing("new") == 2

    def test_an_empty_store_switches(self, store: Store) -> None:
        assert store.switch_embedder("new")
        assert store.embedder() == "new"


def exported(store: Store, namespace: str = NS) -> list[ImportRecord]:
    """What `read_log` holds, as an export carries it."""
    records, states = [], {}
    for record in log(store, namespace):
        e, before = record.episode, states.get(record.row)
        states[record.row] = e
        if record.kind == "add":
            names = [name for name in NewEpisode.__slots__ if name != "id"]
            fields = {name: getattr(e, name) for name in names}
            records.append(ImportRecord("add", e.id, record.recorded_at, NewEpisode(id=e.id, **fields)))
            continue
        names = ("metadata", "tags", "valid_from", "valid_to", "expires_at", "superseded_by")
        fields = {n: getattr(e, n) for n in names if getattr(e, n) != getattr(before, n)}
        records.append(
            ImportRecord(record.kind, e.id, record.recorded_at, None, fields if record.kind == "update" else {})
        )
    return records


class TestImport:
    def fill(self, store: Store, clock: ManualClock) -> list[ImportRecord]:
        add(store, episode("a", id="a", session="s"), episode("b", id="b", supersedes="a", session="s", position=4))
        clock.tick()
        add(store, episode("c", id="c", tags=("t",)), episode("d", id="d"))
        store.update(NS, "c", {"metadata": {"v": 1}})
        store.update(NS, "c", {"metadata": {"v": 1}})
        clock.tick()
        store.update(NS, "a", {"tags": ("x",)})
        store.delete(NS, ["c"])
        store.purge(NS, ["d"])
        add(store, episode("e", id="e", supersedes="b"))
        clock.tick()
        return exported(store)

    def test_round_trip_is_identical(self, store: Store, clock: ManualClock) -> None:
        records = self.fill(store, clock)
        imported, skipped, revision = store.apply_import("copy", records, [b"v" * 8] * len(records), embedder_key=KEY)
        assert (imported, skipped) == (len(records), 0)
        assert revision == store.head("copy")
        assert exported(store, "copy") == records
        assert store.stats().problems == ()
        assert [info.episodes for info in store.list_namespaces()] == [3, 3]
        for at in (NOW, NOW + timedelta(seconds=1), NOW + timedelta(seconds=2), clock.now()):
            copies = [(e.id, e.content, e.metadata, e.tags, e.valid_to) for _, e in store.scan("copy", as_of=at)]
            assert copies == [(e.id, e.content, e.metadata, e.tags, e.valid_to) for _, e in store.scan(NS, as_of=at)]

    @pytest.mark.parametrize("size", [1, 2, 3, 100])
    @pytest.mark.parametrize("occupied", [False, True])
    def test_a_broken_import_is_run_again(self, store: Store, clock: ManualClock, size: int, occupied: bool) -> None:
        records = self.fill(store, clock)
        if occupied:
            add(store, "was here", namespace="copy")
        vectors = [None] * len(records)
        for upto in (3, len(records), len(records)):
            done = [
                store.apply_import("copy", part, vectors[: len(part)], embedder_key=KEY)
                for part in (records[i : min(i + size, upto)] for i in range(0, upto, size))
            ]
        assert sum(imported for imported, _, _ in done) == 0
        copy = exported(store, "copy")[int(occupied) :]
        assert [(r.kind, r.id, r.episode, r.fields) for r in copy] == [
            (r.kind, r.id, r.episode, r.fields) for r in records
        ]
        if not occupied:
            assert copy == records
        assert store.stats().problems == ()

    def test_local_changes_since_are_kept(self, store: Store, clock: ManualClock) -> None:
        records = self.fill(store, clock)
        store.update(NS, "e", {"tags": ("newer",)})
        assert store.apply_import(NS, records, [None] * len(records), embedder_key=KEY)[0] == 0
        assert store.get(NS, "e").tags == ("newer",)

    def test_a_change_of_an_unknown_episode_is_refused(self, store: Store) -> None:
        with pytest.raises(InvalidArgument) as caught:
            store.apply_import("copy", [ImportRecord("delete", "x", NOW)], [None], embedder_key=KEY)
        assert caught.value.field == "records[0].id"
        assert store.head("copy") is None

    def test_recorded_times_of_the_future_are_not_believed(self, store: Store) -> None:
        record = ImportRecord("add", "x", NOW + timedelta(days=9), episode(id="x"))
        store.apply_import("copy", [record], [None], embedder_key=KEY)
        assert store.get("copy", "x").recorded_at == NOW

    def test_an_add_of_newest_states_brings_its_successor(self, store: Store) -> None:
        record = ImportRecord("add", "x", NOW, episode(id="x"), {"superseded_by": "y"})
        store.apply_import("copy", [record], [None], embedder_key=KEY)
        assert store.get("copy", "x").superseded_by == "y"


def together(count: int, work):
    """Run `work(0..count-1)` in as many threads at once; their results in order, or the first error."""
    results: list = [None] * count
    errors: list[BaseException] = []
    barrier = threading.Barrier(count)

    def one(index: int) -> None:
        try:
            barrier.wait()
            results[index] = work(index)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=one, args=(index,)) for index in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return results


class TestConcurrency:
    def test_sequences_are_gapless_and_a_tailing_reader_misses_nothing(self, store: Store) -> None:
        writers, each = 8, 12
        seen: list[LogRecord] = []
        done = threading.Event()

        def tail() -> None:
            after = Revision(0, 0)
            while True:
                last = done.is_set()
                if store.head(NS) is not None:
                    after, records = store.read_log(NS, after)
                    seen.extend(records)
                if last:
                    return

        reader = threading.Thread(target=tail)
        reader.start()
        try:
            together(writers, lambda w: [add(store, f"{w}.{i}", f"{w}.{i}b") for i in range(each)])
        finally:
            done.set()
            reader.join()
        assert [r.sequence for r in seen] == list(range(1, writers * each * 2 + 1))
        times = [r.recorded_at for r in seen]
        assert times == sorted(times)
        assert store.stats().problems == ()

    def test_an_acknowledged_write_is_in_the_head(self, store: Store) -> None:
        def work(index: int) -> None:
            for _ in range(10):
                revision = add(store, "a").revision
                assert store.head(NS) >= revision

        together(4, work)

    def test_one_failure_harms_no_other(self, store: Store) -> None:
        add(store, episode(id="taken"))

        def work(index: int):
            try:
                return add(store, episode(str(index)), episode(id="taken" if index % 2 else f"i{index}"))
            except AlreadyExists as error:
                return error

        results = together(12, work)
        assert [isinstance(result, AlreadyExists) for result in results] == [index % 2 == 1 for index in range(12)]
        assert store.head(NS) == Revision(1, 13)
        assert sorted(e.content for _, e in store.scan(NS)) == sorted(["hello"] * 7 + [str(i) for i in range(0, 12, 2)])

    def test_namespaces_made_at_once(self, store: Store) -> None:
        together(8, lambda index: add(store, "a", namespace=f"ns{index % 2}"))
        infos = store.list_namespaces()
        assert [(i.name, i.episodes) for i in infos] == [("ns0", 4), ("ns1", 4)]
        assert infos[0].revision.epoch != infos[1].revision.epoch

    def test_everything_at_once(self, store: Store) -> None:
        """Writes, purges, deletions, switches of the embedder: no deadlock, nothing inconsistent."""

        def work(index: int) -> None:
            for round_ in range(6):
                try:
                    ids = add(store, "a", "b", namespace=f"n{round_ % 2}").ids
                    if index == 0:
                        store.purge(f"n{round_ % 2}", ids[:1])
                    elif index == 1:
                        store.delete_namespace(f"n{round_ % 2}")
                    elif index == 2:
                        store.switch_embedder(KEY)
                    else:
                        store.update(f"n{round_ % 2}", ids[0], {"tags": ("x",)})
                except NotFound:
                    pass

        together(5, work)
        assert store.stats().problems == ()

    def test_two_stores_on_one_database_see_each_other(self, store: Store, location: str, open_at: Opener) -> None:
        other = open_at(location)
        revision = add(store, "a").revision
        assert other.head(NS) == revision
        assert add(other, "b").revision == store.head(NS) == Revision(1, 2)
        assert other.head("other") is None
        add(store, "c", namespace="other")
        assert other.head("other") is not None


class TestClosing:
    def test_what_was_acknowledged_is_there_after_reopening(self, store: Store, location: str, open_at: Opener) -> None:
        add(store, episode(id="x"))
        records = log(store)
        store.close()
        assert log(open_at(location)) == records

    def test_a_closed_store_says_so(self, store: Store) -> None:
        store.close()
        store.close()
        for call in (lambda: store.head(NS), lambda: add(store, "a"), lambda: store.get(NS, "x")):
            with pytest.raises(FailedPrecondition, match="closed"):
                call()

    def test_stats(self, store: Store) -> None:
        add(store, "a", "b")
        stats = store.stats()
        assert stats.engine.split()[0] in ("sqlite", "postgresql")
        assert (stats.schema, stats.embedder, stats.namespaces, stats.episodes) == (HEAD, KEY, 1, 2)
        assert stats.size_bytes > 0
        assert stats.location == store.url
