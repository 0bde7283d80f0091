"""The temporal index against a sorted list, and validity against the definition."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from sortedcontainers import SortedDict, SortedList

from agentctx.ids import to_micros
from agentctx.index.moment_tree import FIRST, LAST
from agentctx.index.temporal import TemporalIndex, as_of
from agentctx.index.validity import ValidityIndex

FAR = (FIRST, FIRST + 1, -LAST, to_micros(datetime(1, 1, 1, tzinfo=UTC)), -1, 0, 1, LAST - 1, LAST)
MOMENTS = st.integers(-8, 8) | st.sampled_from(FAR) | st.integers(FIRST, LAST)
BOUNDS = st.none() | MOMENTS | st.sampled_from([FIRST - 1, LAST + 1, 2**70])
COUNTS = st.integers(-1, 12)


class Oracle:
    """What the index says, from a sorted list of (moment, row)."""

    def __init__(self) -> None:
        self.pairs: SortedList[tuple[int, int]] = SortedList()

    def range(self, start: int | None, end: int | None) -> list[int]:
        return [row for at, row in self.pairs if (start is None or start <= at) and (end is None or at < end)]

    def before(self, moment: int, n: int) -> list[int]:
        return self.range(None, moment)[::-1][: max(n, 0)][::-1]

    def after(self, moment: int, n: int) -> list[int]:
        return self.range(moment, None)[: max(n, 0)]


class TimelineMachine(RuleBasedStateMachine):
    """Adds late and early, singly and in bulk, removes, folds, takes snapshots and opens them."""

    def __init__(self) -> None:
        super().__init__()
        self.index = TemporalIndex()
        self.oracle = Oracle()
        self.next = 0
        self.folding: Any = None

    def _row(self, skip: int) -> int:
        self.next += skip
        return self.next - 1

    @rule(moment=MOMENTS)
    def add(self, moment: int) -> None:
        row = self._row(1)
        self.index.add(moment, row)
        self.oracle.pairs.add((moment, row))

    @rule(moments=st.lists(MOMENTS, max_size=6), backwards=st.booleans())
    def extend(self, moments: list[int], backwards: bool) -> None:
        rows = [self._row(1) for _ in moments][:: -1 if backwards else 1]
        self.index.extend(np.array(moments, dtype=np.int64), np.array(rows, dtype=np.int64))
        self.oracle.pairs.update(zip(moments, rows, strict=True))

    @rule(pick=st.integers(0, 10**6))
    def remove(self, pick: int) -> None:
        if self.oracle.pairs:
            moment, row = self.oracle.pairs.pop(pick % len(self.oracle.pairs))
            self.index.remove(moment, row)

    @rule(pick=st.integers(0, 10**6))
    def add_a_removed_row_again(self, pick: int) -> None:
        free = sorted(set(range(self.next)) - {row for _, row in self.oracle.pairs})
        if free:
            row = free[pick % len(free)]
            self.index.add(3, row)
            self.oracle.pairs.add((3, row))

    @rule()
    def reopen(self) -> None:
        arrays = {name: array.copy() for name, array in self.index.arrays().items()}
        for array in arrays.values():
            array.flags.writeable = False
        self.index = TemporalIndex.restore(arrays)
        self.folding = None

    @rule()
    def a_step_of_folding(self) -> None:
        if self.folding is None:
            self.folding = self.index.fold()
        if next(self.folding, "done") == "done":
            self.folding = None

    @rule(start=BOUNDS, end=BOUNDS)
    def ask_for_a_range(self, start: int | None, end: int | None) -> None:
        expected = self.oracle.range(start, end)
        found = self.index.range(start, end)
        assert found.dtype == np.int32
        assert found.tolist() == expected
        assert self.index.count(start, end) == len(expected)

    @rule(moment=MOMENTS | st.sampled_from([FIRST - 1, LAST + 1]), n=COUNTS)
    def ask_beside_a_moment(self, moment: int, n: int) -> None:
        assert self.index.before(moment, n).tolist() == self.oracle.before(moment, n)
        assert self.index.after(moment, n).tolist() == self.oracle.after(moment, n)

    @rule(n=COUNTS)
    def ask_for_the_ends(self, n: int) -> None:
        assert self.index.first(n).tolist() == self.oracle.after(FIRST, n)
        assert self.index.last(n).tolist() == self.oracle.before(LAST + 1, n)

    @invariant()
    def holds_together(self) -> None:
        self.index.check_invariants()
        assert len(self.index) == len(self.oracle.pairs)


TestTimeline = TimelineMachine.TestCase
TestTimeline.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


class ValidityMachine(RuleBasedStateMachine):
    """Rows whose bounds are set and set again."""

    def __init__(self) -> None:
        super().__init__()
        self.index = ValidityIndex()
        self.spans: SortedDict[int, tuple[int, int]] = SortedDict()

    @rule(row=st.integers(0, 8), start=MOMENTS | st.just(-LAST), end=MOMENTS | st.just(LAST))
    def set(self, row: int, start: int, end: int) -> None:
        self.index.set(row, start, end)
        self.spans[row] = (start, end)

    @rule(start=MOMENTS, end=MOMENTS)
    def ask(self, start: int, end: int) -> None:
        bounded = {row: span for row, span in self.spans.items() if span[0] > -LAST or span[1] < LAST}
        within = {row for row, (a, b) in bounded.items() if max(a, start) < min(b, end)}
        assert sorted(self.index.overlapping(start, end).tolist()) == sorted(within)
        assert sorted(self.index.outside(start, end).tolist()) == sorted(bounded.keys() - within)
        holding = {row for row, (a, b) in bounded.items() if a <= start < b}
        assert sorted(self.index.valid_at(start).tolist()) == sorted(holding)

    @rule()
    def make_anew_of_columns(self) -> None:
        columns = np.array([self.spans.get(row, (-LAST, LAST)) for row in range(9)], dtype=np.int64)
        self.index = ValidityIndex.of(columns[:, 0], columns[:, 1])

    @invariant()
    def holds_together(self) -> None:
        self.index.check_invariants()


TestValidity = ValidityMachine.TestCase
TestValidity.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


@given(
    st.lists(st.tuples(MOMENTS, st.none() | MOMENTS), max_size=12),
    st.integers(FIRST, LAST - 1) | st.integers(-8, 8),
)
def test_as_of_shows_what_was_recorded_and_not_yet_deleted(rows: list[tuple[int, int | None]], moment: int) -> None:
    recorded = TemporalIndex.of([at for at, _ in rows])
    gone = [(at, row) for row, (_, at) in enumerate(rows) if at is not None]
    deleted = TemporalIndex.of([at for at, _ in gone], [row for _, row in gone])
    expected = {row for row, (at, end) in enumerate(rows) if at <= moment and (end is None or end > moment)}
    assert set(as_of(recorded, deleted, moment).tolist()) == expected


def test_a_bulk_load_is_the_same_as_adding_one_by_one() -> None:
    moments = np.random.default_rng(0).integers(-50, 50, 5000)
    bulk, single = TemporalIndex(), TemporalIndex()
    bulk.add(3, 5000)
    bulk.extend(moments, np.arange(5000))
    for row, moment in enumerate(moments.tolist()):
        single.add(moment, row)
    single.add(3, 5000)
    assert bulk.late == 0
    assert single.late == 5001
    assert all(np.array_equal(*both) for both in zip(bulk.sorted(), single.sorted(), strict=True))


def test_what_a_snapshot_took_stays_as_it_was() -> None:
    index = TemporalIndex.of([5, 3, 5])
    index.add(4, 3)
    taken = index.arrays()
    before = {name: array.tolist() for name, array in taken.items()}
    index.extend([1] * 40, range(4, 44))
    index.remove(3, 1)
    assert {name: array.tolist() for name, array in taken.items()} == before
    assert TemporalIndex.restore(taken).range().tolist() == [1, 3, 0, 2]


def test_a_row_that_is_not_there_cannot_be_removed() -> None:
    index = TemporalIndex.of([5, 3])
    index.add(3, 2)
    for moment, row in ((3, 0), (4, 2), (3, 7), (9, 1)):
        with pytest.raises(KeyError):
            index.remove(moment, row)
    with pytest.raises(ValueError):
        index.add(3, 2)
    with pytest.raises(ValueError):
        index.extend([1, 2], [5])
    assert index.range().tolist() == [1, 2, 0]
