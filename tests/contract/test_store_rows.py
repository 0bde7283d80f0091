"""What indexes ask of a store: episodes by row, the log in parts, what tells one store and one log from another."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest

from agentctx.store import Store
from agentctx.types import LogRecord, Revision
from tests.fixtures_store import NOW, NS, ManualClock, Opener, add, clock, episode, location, open_at, store

__all__ = ["clock", "location", "open_at", "store"]


def rows_of(store: Store) -> list[int]:
    return [record.row for record in store.read_log(NS)[1] if record.kind == "add"]


def head_of(store: Store) -> Revision:
    head = store.head(NS)
    assert head is not None
    return head


class TestEpisodesByRow:
    @pytest.mark.parametrize("count", [1, 2, 3, 10, 600])
    def test_they_come_in_the_order_asked_for(self, store: Store, count: int) -> None:
        add(store, *(f"text {number}" for number in range(count)))
        rows = rows_of(store)[::-1]
        found = store.episodes_at(NS, rows, head_of(store))
        assert found is not None
        assert [one.content for one in found] == [f"text {number}" for number in range(count)][::-1]
        assert found[-1] == store.get(NS, found[-1].id)
        assert store.episodes_at(NS, [rows[0], rows[0]], head_of(store)) == [found[0]] * 2
        assert store.episodes_at(NS, [], head_of(store)) == []

    def test_what_came_behind_the_revision_is_undone(self, store: Store, clock: ManualClock) -> None:
        add(store, episode("a", id="a", tags=("t",)), episode("b", id="b"))
        row, other = rows_of(store)
        states = [(head_of(store), store.get(NS, "a"), clock.now())]
        for changes in ({"tags": ("u",)}, {"metadata": {"k": 1}}, {"expires_at": NOW + timedelta(days=1)}):
            clock.tick()
            store.update(NS, "a", changes)
            states.append((head_of(store), store.get(NS, "a"), clock.now()))
        clock.tick()
        store.delete(NS, ["a"])
        for revision, state, moment in states:
            assert store.episodes_at(NS, [other, row], revision) == [store.get(NS, "b"), state]
            assert store.episodes_at(NS, [row], head_of(store), moment) == [state]
        (gone,) = store.episodes_at(NS, [row], head_of(store)) or ()
        assert gone.deleted_at == clock.now()
        # What was known later is still not what a search of an earlier revision may show.
        assert store.episodes_at(NS, [row], states[1][0], clock.now()) == [states[1][1]]

    def test_rows_that_are_gone_or_not_here_are_told(self, store: Store) -> None:
        add(store, episode("a", id="a"), episode("b", id="b"))
        add(store, "c", namespace="other")
        first, second = rows_of(store)
        before = head_of(store)
        assert store.episodes_at(NS, [first, 10**9], before) is None
        assert store.episodes_at("nowhere", [first], before) is None
        assert store.episodes_at("other", [first], before) is None
        store.purge(NS, ["a"])
        assert store.episodes_at(NS, [first], before) is None
        assert store.episodes_at(NS, [second], before) is None  # the same episode, but another epoch
        assert store.episodes_at(NS, [second], before, NOW) is None
        found = store.episodes_at(NS, [second], head_of(store))
        assert found is not None
        assert found[0].id == "b"


class TestLogInParts:
    @pytest.mark.parametrize("limit", [1, 2, 3, 5, 100])
    def test_the_parts_are_the_whole(self, store: Store, clock: ManualClock, limit: int) -> None:
        add(store, episode("a", id="a"), episode("b", id="b"))
        store.update(NS, "a", {"tags": ("t",)})
        add(store, episode("c", id="c", supersedes="a"))
        clock.tick()
        store.delete(NS, ["b"])
        store.update(NS, "a", {"metadata": {"k": 1}})
        store.purge(NS, ["c"])
        add(store, "d")
        head, whole = store.read_log(NS)
        reached: list[Revision] = [Revision(head.epoch, 0)]
        parts: list[LogRecord] = []
        while reached[-1] < head:
            revision, records = store.read_log(NS, reached[-1], limit)
            assert all(reached[-1].sequence < one.sequence <= revision.sequence for one in records)
            reached.append(revision)
            parts += records
        assert parts == whole
        assert all(0 < later.sequence - earlier.sequence <= limit for earlier, later in pairwise(reached))
        assert reached[-1] == head


class TestIdentity:
    def test_a_store_keeps_its_own(self, store: Store, open_at: Opener, location: str) -> None:
        name = store.identity()
        assert name == store.identity()
        assert len(name) == 32
        with open_at(location) as again:
            assert again.identity() == name

    def test_records_are_known_by_their_time(self, store: Store, clock: ManualClock) -> None:
        add(store, episode("a", id="a"))
        clock.tick()
        store.update(NS, "a", {"tags": ("t",)})
        records = store.read_log(NS)[1]
        micros = [
            (one.recorded_at - NOW) // timedelta(microseconds=1) + int(NOW.timestamp() * 1_000_000) for one in records
        ]
        assert [store.recorded_at(NS, one.sequence) for one in records] == micros
        assert store.recorded_at(NS, 3) is None
        assert store.recorded_at("nowhere", 1) is None
