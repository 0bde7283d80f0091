"""What a store promises about tags, on SQLite and on PostgreSQL."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from agentctx.errors import NotFound
from agentctx.store import Store
from agentctx.types import Revision, TagEdit, TagRecord
from tests.fixtures_store import NOW, NS, Opener, add, clock, location, open_at, store

__all__ = ["clock", "location", "open_at", "store"]

ADD, LINK = TagEdit("add", "a"), TagEdit("link", "b", "a")


def records(store: Store, after: int = 0) -> list[TagRecord]:
    head = store.head(NS)
    assert head is not None
    return store.read_tags(NS, after, head)


def row_of(store: Store, id: str) -> int:
    return next(record.row for record in store.read_log(NS)[1] if record.episode.id == id)


class TestEdits:
    def test_come_back_in_order_with_a_sequence_number_each(self, store: Store) -> None:
        add(store, "x")
        assert store.edit_tags(NS, [ADD, LINK], known=0) == Revision(1, 3)
        assert add(store, "y").revision == Revision(1, 4)
        assert [(one.sequence, one.edit) for one in records(store)] == [(2, ADD), (3, LINK)]
        assert [one.edit for one in records(store, after=2)] == [LINK]
        assert store.read_tags(NS, 0, Revision(1, 2))[-1].edit == ADD

    def test_are_refused_where_others_came_between(self, store: Store) -> None:
        add(store, "x")
        assert store.edit_tags(NS, [ADD], known=0)
        assert store.edit_tags(NS, [LINK], known=0) is None
        assert store.edit_tags(NS, [LINK], known=1) == Revision(1, 3)

    def test_one_of_many_writers_wins_each_turn(self, store: Store, open_at: Opener, location: str) -> None:
        add(store, "x")
        won: list[str] = []

        def edit(name: str) -> None:
            with open_at(location) as other:
                if other.edit_tags(NS, [TagEdit("add", name)], known=0) is not None:
                    won.append(name)

        threads = [threading.Thread(target=edit, args=(name,)) for name in "abcd"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(won) == 1
        assert [one.edit for one in records(store)] == [TagEdit("add", won[0])]

    def test_need_a_namespace(self, store: Store) -> None:
        with pytest.raises(NotFound):
            store.edit_tags(NS, [ADD], known=0)
        with pytest.raises(NotFound):
            store.import_tag_edits(NS, [ADD], [NOW])

    def test_importing_twice_changes_nothing(self, store: Store) -> None:
        add(store, "x")
        times = [NOW - timedelta(days=2), NOW - timedelta(days=1)]
        assert store.import_tag_edits(NS, [ADD, LINK], times)[0] == 2
        assert store.import_tag_edits(NS, [ADD, LINK], times)[0] == 0
        assert [one.recorded_at for one in records(store)] == times

    def test_are_no_damage(self, store: Store) -> None:
        add(store, "x")
        store.edit_tags(NS, [ADD], known=0)
        assert store.stats().problems == ()

    def test_those_of_consolidation_go_with_a_purge_and_those_of_users_stay(self, store: Store) -> None:
        ids = add(store, "x", "y").ids
        merge = TagEdit("merge", "a", "b")
        add(store, "z", namespace="other")
        store.edit_tags("other", [merge], known=0, origin="consolidation")
        store.edit_tags(NS, [ADD], known=0)
        store.edit_tags(NS, [merge], known=1, origin="consolidation")
        assert [(one.edit, one.origin) for one in records(store)] == [(ADD, "user"), (merge, "consolidation")]
        store.purge(NS, [ids[0]])
        assert [(one.edit, one.origin) for one in records(store)] == [(ADD, "user")]
        head = store.head("other")
        assert head is not None
        assert [one.edit for one in store.read_tags("other", 0, head)] == [merge]
        assert store.stats().problems == ()

    def test_of_what_was_read_before_a_purge_are_refused(self, store: Store) -> None:
        ids = add(store, "x", "y").ids
        before = store.head(NS)
        after = store.purge(NS, [ids[0]])
        assert before is not None
        assert store.edit_tags(NS, [ADD], known=0, epoch=before.epoch) is None
        assert store.edit_tags(NS, [ADD], known=0, epoch=after.epoch) is not None

    def test_keep_their_origin_in_another_log(self, store: Store) -> None:
        add(store, "x")
        store.import_tag_edits(NS, [ADD, LINK], [NOW, NOW], ["consolidation", "user"])
        assert [one.origin for one in records(store)] == ["consolidation", "user"]

    def test_go_with_their_namespace(self, store: Store) -> None:
        add(store, "x")
        store.edit_tags(NS, [ADD], known=0)
        store.delete_namespace(NS)
        add(store, "x")
        assert records(store) == []


class TestWritten:
    def test_comes_back_and_replaces_what_was_there(self, store: Store) -> None:
        ids = add(store, "x", "y").ids
        rows = [row_of(store, id_) for id_ in ids]
        store.put_tags(NS, "one", [(rows[0], ["a", "b"], [("a", "b")]), (rows[1], ["c"], [])])
        assert [(one.row, one.tags, one.relations) for one in records(store)] == [
            (rows[0], ("a", "b"), (("a", "b"),)),
            (rows[1], ("c",), ()),
        ]
        assert store.head(NS) == Revision(1, 3)
        store.put_tags(NS, "two", [(rows[0], ["d"], [])])
        assert [(one.row, one.tags) for one in records(store, after=3)] == [(rows[0], ("d",))]
        assert len(records(store)) == 2

    def test_who_has_said_nothing_is_asked(self, store: Store) -> None:
        ids = add(store, "x", "y", "z").ids
        rows = [row_of(store, id_) for id_ in ids]
        store.delete(NS, [ids[2]])
        store.put_tags(NS, "one", [(rows[0], [], [])])
        assert [row for row, _ in store.untagged(NS, "one")] == [rows[1]]
        assert [row for row, _ in store.untagged(NS, "two")] == rows[:2]
        assert [row for row, _ in store.untagged(NS, "two", after_row=rows[0])] == [rows[1]]
        assert (store.count_untagged(NS, "one"), store.count_untagged(NS, "two")) == (1, 2)
        assert store.rows_tagged(NS) == []
        store.put_tags(NS, "one", [(rows[1], ["a"], [])])
        assert store.rows_tagged(NS) == [rows[1]]

    def test_is_purged_with_its_episode(self, store: Store) -> None:
        ids = add(store, "x", "y").ids
        rows = [row_of(store, id_) for id_ in ids]
        store.put_tags(NS, "one", [(row, ["a"], []) for row in rows])
        store.purge(NS, [ids[0]])
        assert [one.row for one in records(store)] == [rows[1]]

    def test_of_an_episode_that_is_gone_is_passed_over(self, store: Store) -> None:
        add(store, "x")
        before = store.head(NS)
        store.put_tags(NS, "one", [(10**6, ["a"], [])])
        assert store.head(NS) == before
        assert records(store) == []

    def test_of_another_namespace_is_not_touched(self, store: Store) -> None:
        add(store, "x", namespace="other")
        add(store, "x")
        row = store.read_log("other")[1][0].row
        store.put_tags(NS, "one", [(row, ["a"], [])])
        assert records(store) == []
        assert store.rows_tagged("other") == []


def test_a_reader_of_an_older_epoch_gets_nothing(store: Store) -> None:
    ids = add(store, "x", "y").ids
    store.edit_tags(NS, [ADD], known=0)
    old = store.head(NS)
    assert old is not None
    store.purge(NS, [ids[0]])
    assert store.read_tags(NS, 0, old) == []
    assert [one.edit for one in records(store)] == [ADD]
