"""Random logs: the index that follows them against a dumb model, and against indexes made anew."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from agentctx.config import SearchSettings
from agentctx.ids import to_micros
from agentctx.index.episodes import EpisodeIndex
from agentctx.index.expiry import FOREVER
from agentctx.index.history import CHANGING
from agentctx.index.view import NOBODY, View
from agentctx.memory.scoring import Scorer
from agentctx.text.terms import analyze
from agentctx.types import Episode
from tests.fixtures_memory import MADE_UP_WORDS, START, Log, neighbours_of, scored, visible

WORDS = ["cat", "cats", "run", "running", "Ana", "Lisbon", "boat", "yesterday", "why?", "2024", "xenon", "the", "ran"]
QUERIES = ("Why did Ana run to the boat yesterday?", "cats in Lisbon 2024 and a xenon lamp")
OFFSETS = st.none() | st.integers(-2, 6).map(lambda hours: START + timedelta(hours=hours))
TAGS = st.lists(st.sampled_from(["t", "é"]), max_size=2, unique=True).map(tuple)
METADATA = st.dictionaries(
    st.sampled_from(["k", "a.b", "a"]), st.sampled_from([1, True, "1", [1], {"b": 2}, {"b": {"c": None}}]), max_size=2
)
CHANGEABLE = {"expires_at": OFFSETS, "valid_from": OFFSETS, "valid_to": OFFSETS, "tags": TAGS, "metadata": METADATA}
ADDS = st.fixed_dictionaries(
    {
        "content": st.lists(st.sampled_from(WORDS), min_size=1, max_size=5).map(" ".join),
        "session": st.sampled_from(["", "s", "s", "r"]),
        "speaker": st.sampled_from(["", "Ana", "Ben"]),
        "role": st.sampled_from(["", "user", "assistant"]),
        "occurred_at": st.integers(-60, 0).map(lambda hours: START + timedelta(hours=hours)),
    },
    optional={"position": st.integers(0, 5)} | CHANGEABLE,
)
CHANGES = st.fixed_dictionaries({}, optional=CHANGEABLE)

WISHES = st.lists(st.tuples(st.integers(0, 9), st.none() | CHANGES | CHANGES, st.none() | ADDS), max_size=4)


class IndexFollowsLog(RuleBasedStateMachine):
    """Row `n` of the index is row `n + 1` of the log."""

    def __init__(self) -> None:
        super().__init__()
        self.log = Log()
        self.index = self.log.index()
        near = MADE_UP_WORDS.near([*WORDS, "lamp"])
        self.scorer = Scorer(SearchSettings(), lambda: near)

    @rule(items=st.lists(ADDS, min_size=1, max_size=3), wishes=WISHES)
    def write(self, items: list[dict[str, Any]], wishes: list[Any]) -> None:
        """Adds in one transaction, then changes and deletions, each in its own or with an add beside it."""
        self.index.apply(self.log.write(*(("add", None, item) for item in items)))
        for pick, fields, beside in wishes:
            alive = [row for row, one in self.log.states.items() if one.deleted_at is None]
            if not alive:
                return
            row = alive[pick % len(alive)]
            if fields is None:
                self.index.apply(self.log.delete(row))
            elif beside is None:
                self.index.apply(self.log.update(row, **fields))
            else:  # as superseding does
                self.index.apply(self.log.write(("update", row, fields), ("add", None, beside), ("update", row, {})))

    @rule(minutes=st.sampled_from([1, 45, 90]))
    def time_passes(self, minutes: int) -> None:
        self.log.now += timedelta(minutes=minutes)

    @rule(minutes=st.sampled_from([30, 120]))
    def clock_is_set_back(self, minutes: int) -> None:
        """For a look only: what had expired is there again, and gone again afterwards."""
        moment = self.log.now - timedelta(minutes=minutes)
        agrees(self.index.view(to_micros(moment)), visible(self.log.states, moment))
        self.index.check_invariants()

    @rule()
    def reopen(self) -> None:
        """A snapshot of half the log, and the rest in one go."""
        half = self.log.records[: len(self.log.records) // 2]
        self.index = self.log.index(half[-1].recorded_at) if half else self.log.index(START)
        self.index.view(to_micros(self.log.now))
        behind = self.index.revision.sequence
        self.index.apply(self.log.records[behind:])

    @rule(hours=st.sampled_from([0, 2, 4]))
    def ask_what_was_known(self, hours: int) -> None:
        """The same few moments again and again, also ones to come: what is kept of them must not outlive a write."""
        self.knew(START + timedelta(hours=hours))

    def teardown(self) -> None:
        self.knew(START)
        for record in self.log.records:
            for step in (-1, 0):
                self.knew(record.recorded_at + timedelta(microseconds=step))

    def knew(self, as_of: datetime) -> None:
        """`as_of` answers as an index that never saw more."""
        view = self.index.view(to_micros(self.log.now), to_micros(as_of))
        states = visible(self.log.states_at(as_of), as_of)
        assert view.size == len(self.index)
        agrees(view, states)
        for row, state in states.items():
            self.holds(row, state, to_micros(as_of))
        prefix = self.log.index(as_of)
        before = prefix.view(to_micros(as_of))
        rows = np.array(sorted(states), dtype=np.int64) - 1
        for query in QUERIES:
            now = self.scores(self.index, view, query, live=False)[rows]
            then = self.scores(prefix, before, query, live=True)[rows]
            np.testing.assert_allclose(now, then, atol=1e-6)

    @invariant()
    def says_what_the_log_says(self) -> None:
        now = to_micros(self.log.now)
        view = self.index.view(now)
        self.index.check_invariants()
        states = visible(self.log.states, self.log.now)
        agrees(view, states)
        known = self.log.states
        assert len(self.index) == len(known)
        for row, state in known.items():
            self.holds(row, state)
        awaited = [to_micros(one.expires_at) for one in states.values() if one.expires_at]
        assert now < view.valid_until <= min(awaited, default=np.iinfo(np.int64).max)
        self.index.attributes.check_invariants({row - 1: one.metadata for row, one in known.items()})
        self.index.lexical.check_invariants(
            [analyze(known[row].content).counts for row in sorted(known)],
            np.isin(np.arange(len(known)) + 1, sorted(states)),
        )
        self.index.labels.check_invariants([known[row].tags for row in sorted(known)])

    def holds(self, row: int, state: Episode, as_of: int | None = None) -> None:
        """The row's columns say what the episode says."""
        index, place = self.index, row - 1
        assert index.places(np.array([place]), as_of)[0].row == row
        for name in CHANGING:
            value = index.column(name, as_of)[place]
            match name:
                case "changed":
                    assert value == state.revision.sequence
                case "tags" | "metadata":
                    given = getattr(state, name)
                    assert json.loads(index.columns.texts.get(int(value)) or "null") == (
                        (list(given) if name == "tags" else given) or None
                    )
                case _:
                    given = getattr(state, {"deleted": "deleted_at", "expires": "expires_at"}.get(name, name))
                    assert value == (to_micros(given) if given else (-FOREVER if name == "valid_from" else FOREVER))
        names = {number: name for name, number in index.sessions.items()}
        assert names[int(index.session.array[place])] == state.session
        assert index.position.array[place] == state.position
        assert index.occurred.array[place] == to_micros(state.occurred_at)
        assert index.recorded.array[place] == to_micros(state.recorded_at)

    @invariant()
    def scores_as_one_made_anew(self) -> None:
        now = to_micros(self.log.now)
        fresh = self.log.index()
        view, other = self.index.view(now), fresh.view(now)
        rows = np.array(sorted(visible(self.log.states, self.log.now)), dtype=np.int64) - 1
        for query in QUERIES:
            anew = self.scores(fresh, other, query, live=True)[rows]
            kept = self.scores(self.index, view, query, live=True)[rows]
            again = self.scores(self.index, view, query, live=True)[rows]
            np.testing.assert_allclose(kept, anew, atol=1e-6)
            assert np.array_equal(kept, again)
            assert len(rows) == 0 or anew.any()

    def scores(self, index: EpisodeIndex, view: View, query: str, *, live: bool) -> npt.NDArray[np.float32]:
        """By row; those that are not visible have none."""
        found = np.zeros(len(index), dtype=np.float32)
        said = scored(self.scorer, index, view, query, live=live)
        found[said.rows] = said.total
        return found


def agrees(view: View, states: dict[int, Episode]) -> None:
    """The view shows these rows, with their neighbours and sessions."""
    rows = np.flatnonzero(np.ones(view.size, bool) if view.visible is None else view.visible)
    assert (rows + 1).tolist() == sorted(states)
    assert view.count == len(states)
    expected = neighbours_of(states)
    for row in rows.tolist():
        sides = [None if side == NOBODY else int(side) + 1 for side in (view.previous[row], view.following[row])]
        assert sides == list(expected[row + 1])
    runs = {states[row].session or row: set() for row in states}
    for row, one in states.items():
        runs[one.session or row].add(int(view.run[row - 1]))
    assert all(len(numbers) == 1 for numbers in runs.values())
    assert len({number for numbers in runs.values() for number in numbers}) == len(runs) == view.filled <= view.runs


TestIndexFollowsLog = IndexFollowsLog.TestCase
TestIndexFollowsLog.settings = settings(max_examples=40, stateful_step_count=14, deadline=None, derandomize=True)
