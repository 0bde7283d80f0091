"""What the store promises for indexed code, on SQLite and on PostgreSQL."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from agentctx.code.pool import ExtractionPool
from agentctx.code.service import Code
from agentctx.config import Settings
from agentctx.errors import AlreadyExists, FailedPrecondition, NotFound
from agentctx.store import Store
from agentctx.store.facts import FactsRow
from agentctx.store.repositories import EdgesRow, FactsGone, FileRow, Publication, StoredGeneration, StoredRepository
from tests.fixtures_store import ManualClock, Opener, clock, location, open_at, store

__all__ = ["clock", "location", "open_at", "store"]
OWNER = "me"


def generation(number: int, commit: str = "c") -> StoredGeneration:
    return StoredGeneration(number, commit, "main", 1, 1, 2, 3, "{}")


def file(path: str, key: str, signature: str = "s") -> FileRow:
    return FileRow(path, key, f"hash-of-{key}", 10, signature)


def put(store: Store, *keys: str) -> None:
    rows = [FactsRow(key, f"outline {key}".encode(), b"uses") for key in keys]
    store.code.put_facts(rows, [(key, "words.1", f"words {key}".encode()) for key in keys])


def begin(store: Store, name: str = "repo", root: str = "/r") -> StoredRepository:
    repository = store.code.create(name, root)
    assert store.code.take_lease(repository.id, OWNER, 30)
    return repository


def publish(store: Store, repository: StoredRepository, number: int, keep: int = 2, **parts: object) -> None:
    store.code.publish(repository.id, OWNER, Publication(generation(number), **parts), keep)  # type: ignore[arg-type]


class TestRepositories:
    def test_a_name_is_given_once(self, store: Store) -> None:
        store.code.create("a", "/r")
        with pytest.raises(AlreadyExists) as caught:
            store.code.create("a", "/other")
        assert caught.value.field == "name"

    def test_it_is_found_by_name_and_by_root(self, store: Store) -> None:
        first = store.code.create("a", "/r")
        store.code.create("b", "/r")
        assert store.code.find("a") == store.code.find_root("/r") == first
        assert store.code.find("x") is None
        assert store.code.find_root("/x") is None

    def test_it_has_no_generation_before_the_first_is_published(self, store: Store) -> None:
        repository = begin(store)
        assert store.code.head("repo") == (repository.id, 0)
        assert store.code.page() == [(repository, None)]
        assert store.code.head("other") is None

    def test_pages_follow_the_names(self, store: Store) -> None:
        for name in ("c", "a", "B"):
            store.code.create(name, "/r")
        assert [one.name for one, _ in store.code.page()] == ["B", "a", "c"]
        assert [one.name for one, _ in store.code.page("a", 1)] == ["c"]

    def test_a_removed_repository_is_gone_with_all_that_it_alone_needs(self, store: Store) -> None:
        first, second = begin(store), begin(store, "other", "/o")
        put(store, "k1", "k2")
        publish(store, first, 1, files=[file("a", "k1"), file("b", "k2")])
        publish(store, second, 1, files=[file("x", "k2")])
        for one in (first, second):
            store.code.end_lease(one.id, OWNER)
        assert store.code.remove("repo") == first.id
        assert store.code.missing_facts(["k1", "k2"]) == {"k1"}
        assert store.code.derived("words.1", ["k1", "k2"]) == {"k2": b"words k2"}
        assert store.code.files(first.id, 1) == []
        with pytest.raises(NotFound):
            store.code.remove("repo")

    def test_an_id_is_not_given_twice(self, store: Store) -> None:
        first = store.code.create("a", "/r")
        store.code.remove("a")
        assert store.code.create("a", "/r").id > first.id


class TestGenerations:
    def test_a_generation_reads_back_as_it_was_published(self, store: Store) -> None:
        repository = begin(store)
        put(store, "k")
        rows = [file("b", "k"), file("a/ü", "k")]
        edges = [EdgesRow("b", b"print", b"data")]
        publish(store, repository, 1, files=rows, edges=edges, states={"p": b"state"})
        assert store.code.head("repo") == (repository.id, 1)
        assert store.code.generation(repository.id, 1) == generation(1)
        assert store.code.files(repository.id, 1) == sorted(rows)
        assert store.code.edges(repository.id, 1, ["a/ü", "b"]) == {"b": edges[0]}
        assert store.code.footprints(repository.id, 1) == {"b": b"print"}
        assert store.code.state(repository.id, "p", 1) == b"state"
        assert store.code.derived_of(repository.id, 1, "words.1") == {"b": b"words k", "a/ü": b"words k"}
        assert store.code.one_facts("k") == FactsRow("k", b"outline k", b"uses")
        assert store.code.since(repository.id, 1, 0) == (["a/ü", "b"], ["b"])
        assert store.code.since(repository.id, 1, 1) == ([], [])

    def test_the_one_before_stays_readable_until_it_is_out_of_the_kept_ones(
        self, store: Store, clock: ManualClock
    ) -> None:
        repository = begin(store)
        put(store, "k1", "k2", "k3")
        publish(store, repository, 1, files=[file("a", "k1"), file("b", "k1")], edges=[EdgesRow("a", b"", b"1")])
        publish(store, repository, 2, files=[file("a", "k2")], removed=["b"], edges=[EdgesRow("a", b"", b"2")])
        assert store.code.files(repository.id, 1) == [file("a", "k1"), file("b", "k1")]
        assert store.code.files(repository.id, 2) == [file("a", "k2")]
        assert store.code.edges(repository.id, 1, ["a"])["a"].data == b"1"
        assert store.code.edges(repository.id, 2, ["a"])["a"].data == b"2"
        clock.tick()
        assert store.code.take_lease(repository.id, OWNER, 30)
        publish(store, repository, 3, files=[file("a", "k3")])
        assert store.code.generation(repository.id, 1) is None
        assert store.code.missing_facts(["k1", "k2", "k3"]) == {"k1"}
        assert store.code.edges(repository.id, 3, ["a"])["a"].data == b"2"

    def test_a_file_that_comes_back_is_a_new_row(self, store: Store) -> None:
        repository = begin(store)
        put(store, "k")
        publish(store, repository, 1, files=[file("a", "k")])
        publish(store, repository, 2, removed=["a"])
        publish(store, repository, 3, files=[file("a", "k")], keep=5)
        assert [len(store.code.files(repository.id, number)) for number in (1, 2, 3)] == [1, 0, 1]

    def test_looks_change_without_a_generation(self, store: Store) -> None:
        repository = begin(store)
        put(store, "k")
        publish(store, repository, 1, files=[file("a", "k")])
        store.code.set_signatures(repository.id, {"a": "other"})
        assert store.code.files(repository.id, 1) == [file("a", "k", "other")]

    def test_nothing_is_published_without_its_facts(self, store: Store) -> None:
        repository = begin(store)
        with pytest.raises(FactsGone):
            publish(store, repository, 1, files=[file("a", "never made")])
        assert store.code.head("repo") == (repository.id, 0)

    def test_a_number_is_published_once_and_in_order(self, store: Store) -> None:
        repository = begin(store)
        publish(store, repository, 1)
        for number in (1, 3):
            with pytest.raises(FailedPrecondition):
                publish(store, repository, number)

    def test_a_removed_repository_cannot_be_published_to(self, store: Store) -> None:
        repository = begin(store)
        store.code.remove("repo")
        with pytest.raises(NotFound):
            publish(store, repository, 1)

    def test_another_process_sees_what_is_published(self, store: Store, location: str, open_at: Opener) -> None:
        repository = begin(store)
        put(store, "k")
        other = open_at(location)
        assert other.code.head("repo") == (repository.id, 0)
        publish(store, repository, 1, files=[file("a", "k")])
        assert other.code.head("repo") == (repository.id, 1)
        assert other.code.files(repository.id, 1) == [file("a", "k")]


class TestLeases:
    def test_one_has_it_at_a_time(self, store: Store) -> None:
        repository = begin(store)
        assert not store.code.take_lease(repository.id, "other", 30)
        assert store.code.take_lease(repository.id, OWNER, 30)
        store.code.end_lease(repository.id, OWNER)
        assert store.code.take_lease(repository.id, "other", 30)

    def test_it_runs_out_without_a_sign_of_life(self, store: Store, clock: ManualClock) -> None:
        repository = begin(store)
        clock.tick(29)
        assert store.code.renew_lease(repository.id, OWNER, 30)
        clock.tick(29)
        assert not store.code.take_lease(repository.id, "other", 30)
        clock.tick(2)
        assert store.code.take_lease(repository.id, "other", 30)
        assert not store.code.renew_lease(repository.id, OWNER, 30)

    def test_who_lost_it_cannot_publish(self, store: Store, clock: ManualClock) -> None:
        repository = begin(store)
        clock.tick(31)
        assert store.code.take_lease(repository.id, "other", 30)
        with pytest.raises(FailedPrecondition, match="taken over"):
            publish(store, repository, 1)

    def test_of_many_that_ask_at_once_one_gets_it(self, store: Store) -> None:
        repository = store.code.create("repo", "/r")
        got: list[bool] = []
        barrier = threading.Barrier(8)

        def ask(owner: str) -> None:
            barrier.wait()
            got.append(store.code.take_lease(repository.id, owner, 30))

        threads = [threading.Thread(target=ask, args=(str(number),)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(got) == [False] * 7 + [True]


class TestFacts:
    def test_they_are_put_once(self, store: Store) -> None:
        put(store, "k")
        store.code.put_facts([FactsRow("k", b"other", b"other")], [("k", "words.1", b"other"), ("k", "more.1", b"m")])
        assert store.code.facts(["k", "x"]) == {"k": FactsRow("k", b"outline k", b"uses")}
        assert store.code.derived("words.1", ["k", "x"]) == {"k": b"words k"}
        assert store.code.outlines(["k"]) == {"k": b"outline k"}
        assert store.code.count_facts() == 1

    def test_they_are_missing_where_a_producer_has_not_seen_them(self, store: Store) -> None:
        put(store, "k")
        assert store.code.missing_facts(["k", "x"]) == {"x"}
        assert store.code.missing_facts(["k", "x"], ["words.1"]) == {"x"}
        assert store.code.missing_facts(["k"], ["words.1", "words.2"]) == {"k"}

    def test_those_of_a_run_under_way_are_not_collected(self, store: Store, clock: ManualClock) -> None:
        begin(store)
        clock.tick()
        put(store, "new")
        store.code.create("done", "/d")
        store.code.remove("done")
        assert store.code.missing_facts(["new"]) == set()

    def test_those_that_nobody_uses_go_with_the_next_removal(self, store: Store, clock: ManualClock) -> None:
        put(store, "left")
        clock.tick()
        store.code.create("done", "/d")
        store.code.remove("done")
        assert store.code.missing_facts(["left"]) == {"left"}


def test_a_tree_is_indexed_and_followed_on_either_engine(
    store: Store, location: str, open_at: Opener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    root = tmp_path / "tree"
    root.mkdir()
    (root / "lib.py").write_text("def helper():\n    pass\n")
    (root / "main.py").write_text("from lib import helper\n\ndef main():\n    helper()\n")
    with ExtractionPool(1) as pool:
        code, other = (Code(one, Settings(), pool=pool) for one in (store, open_at(location)))
        report = list(code.index(str(root)))[-1].report
        assert report is not None
        assert (report.published, report.parsed, dict(report.edges)["calls"]) == (True, 2, 1)
        assert other.codebase("tree").files == 2
        (root / "lib.py").write_text("def other():\n    pass\n")
        report = list(other.index(str(root)))[-1].report
        assert report is not None
        assert (report.parsed, report.resolved, dict(report.edges).get("calls")) == (1, 2, None)
        assert code.symbol("tree", "other").exact == 1
        assert code.codebase("tree").generation.number == 2
        code.remove("tree")
        with pytest.raises(NotFound):
            other.codebase("tree")
        for one in (code, other):
            one.close()
    assert store.code.count_facts() == 0
