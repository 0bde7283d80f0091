"""What the ledger of model requests promises, on SQLite and on PostgreSQL."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from agentctx.errors import NotFound, RequestConflict
from agentctx.ids import to_micros
from agentctx.store import Store
from agentctx.store.ledger import AttemptRow, FinishedRequest, NewRequest
from tests.fixtures_store import ManualClock, Opener, clock, location, open_at, store

__all__ = ["clock", "location", "open_at", "store"]

OK = FinishedRequest("ok", "four", "nvfp4", 12.0, 3.0, 0.4, 0.1, 0.2)


def begin(store: Store, id: str = "r", namespace: str = "acme/u", session: str = "s", **more: object) -> None:
    request = NewRequest(id, namespace, session, "coding", "four", "nvfp4", "hash", None, {"reasons": ["é\u2028"]})
    store.ledger.begin(replace(request, **more))  # type: ignore[arg-type]


def tried(number: int = 1, cost: float | None = 0.25, outcome: str = "ok", **more: object) -> AttemptRow:
    row = AttemptRow(number, "four", "nvfp4", 1, 5.0, outcome, 100, 40, 10, estimated=False, cost=cost)
    return replace(row, **more)  # type: ignore[arg-type]


def answered(store: Store, id: str = "r", **more: object) -> None:
    begin(store, id, **more)  # type: ignore[arg-type]
    store.ledger.attempt(id, tried())
    store.ledger.finish(id, OK)


class TestRequests:
    def test_an_id_is_good_once_whoever_asks(self, store: Store, open_at: Opener, location: str) -> None:
        won: list[int] = []
        refused: list[int] = []

        def ask(number: int) -> None:
            with open_at(location) as other:
                try:
                    begin(other)
                except RequestConflict:
                    refused.append(number)
                else:
                    won.append(number)

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert (len(won), len(refused)) == (1, 3)

    def test_attempts_add_up_and_each_is_a_row(self, store: Store) -> None:
        begin(store)
        store.ledger.attempt("r", tried(1, 0.25, "broken", estimated=True))
        store.ledger.attempt("r", tried(2, 0.5))
        store.ledger.finish("r", OK)
        assert [(row.number, row.outcome) for row in store.ledger.attempts("r")] == [(1, "broken"), (2, "ok")]
        (request,), attempts = store.ledger.rows()
        assert request["cost"] == sum(one["cost"] for one in attempts) == 0.75
        assert store.ledger.spent("acme/u") == 0.75

    def test_an_unknown_price_makes_the_sum_unknown(self, store: Store) -> None:
        begin(store)
        store.ledger.attempt("r", tried(1, None))
        store.ledger.attempt("r", tried(2, 0.5))
        assert store.ledger.rows()[0][0]["cost"] is None

    def test_an_attempt_that_is_entered_twice_is_not_charged_twice(self, store: Store) -> None:
        begin(store)
        store.ledger.attempt("r", tried())
        with pytest.raises(Exception, match=r".*"):
            store.ledger.attempt("r", tried())
        assert store.ledger.spent("acme/u") == 0.25
        assert len(store.ledger.attempts("r")) == 1

    def test_the_first_outcome_stands(self, store: Store) -> None:
        answered(store)
        store.ledger.finish("r", replace(OK, outcome="cancelled"))
        assert store.ledger.rows()[0][0]["outcome"] == "ok"

    def test_one_whose_process_died_stays_running_and_teaches_nothing(
        self, store: Store, open_at: Opener, location: str
    ) -> None:
        begin(store)
        with open_at(location) as other:
            assert other.ledger.rows()[0][0]["outcome"] == "running"
            assert other.ledger.spent("acme/u") == 0
            assert other.ledger.learned() == []
            assert other.ledger.last("acme/u", "s") is None

    def test_what_was_forgotten_while_it_ran_stays_forgotten(self, store: Store) -> None:
        begin(store)
        assert store.ledger.forget("acme/u") == 1
        store.ledger.attempt("r", tried())
        store.ledger.finish("r", OK)
        assert store.ledger.rows() == ([], [])
        with pytest.raises(NotFound):
            store.ledger.attempts("r")

    def test_forgetting_takes_attempts_and_feedback_along_and_leaves_others(self, store: Store) -> None:
        answered(store)
        answered(store, "other", namespace="acme/v")
        store.ledger.judge("r", 1.0)
        assert store.ledger.forget("acme/u") == 1
        requests, attempts = store.ledger.rows()
        assert [one["id"] for one in requests] == [one["request_id"] for one in attempts] == ["other"]


class TestReading:
    def test_rows_are_bounded_by_start_namespace_and_session(self, store: Store, clock: ManualClock) -> None:
        answered(store, "a")
        later = to_micros(clock.tick())
        answered(store, "b", session="t")
        answered(store, "c", namespace="acme/v")

        def ids(**chosen: object) -> list[str]:
            requests, attempts = store.ledger.rows(**chosen)  # type: ignore[arg-type]
            assert {one["id"] for one in requests} == {one["request_id"] for one in attempts}
            return [one["id"] for one in requests]

        assert ids(until=later) == ["a"]
        assert ids(since=later) == ["b", "c"]
        assert ids(namespace="acme/u") == ["a", "b"]
        assert ids(namespace="acme/u", session="t") == ["b"]

    def test_spending_is_told_by_session_and_by_namespace(self, store: Store) -> None:
        answered(store, "a")
        answered(store, "b", session="t")
        answered(store, "c", namespace="acme/v")
        assert (store.ledger.spent("acme/u"), store.ledger.spent("acme/u", "t")) == (0.5, 0.25)
        assert store.ledger.spent("nobody") == 0

    def test_what_failed_before_the_answer_is_not_warm(self, store: Store, clock: ManualClock) -> None:
        begin(store)
        store.ledger.attempt("r", tried(1, outcome="broken"))
        store.ledger.attempt("r", tried(2, input_tokens=7, output_tokens=3))
        store.ledger.finish("r", OK)
        last = store.ledger.last("acme/u", "s")
        assert last is not None
        assert (last.backend, last.tokens, last.finished_at) == ("four", 10, to_micros(clock.now()))


class TestFeedback:
    def test_counts_once_whoever_gives_it(self, store: Store, open_at: Opener, location: str) -> None:
        answered(store)
        told: list[object] = []

        def judge() -> None:
            with open_at(location) as other:
                told.append(other.ledger.judge("r", 0.5))

        threads = [threading.Thread(target=judge) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(told, key=str) == [("coding", "four"), None, None, None]
        (learned,) = store.ledger.learned()
        assert (learned.good, learned.bad, learned.answers, learned.output_tokens) == (0.5, 0.5, 1, 10)

    def test_needs_an_answer(self, store: Store) -> None:
        begin(store)
        for id in ("r", "nobody"):
            with pytest.raises(NotFound):
                store.ledger.judge(id, 1.0)

    def test_answers_after_a_failed_attempt_say_nothing_of_lengths(self, store: Store) -> None:
        begin(store)
        store.ledger.attempt("r", tried(1, outcome="broken"))
        store.ledger.attempt("r", tried(2))
        store.ledger.finish("r", OK)
        (learned,) = store.ledger.learned()
        assert (learned.answers, learned.output_tokens) == (0, 0)
