"""Random lives of a store: whatever was written, evicted, tidied, crashed or damaged, search shows what a list says."""

from __future__ import annotations

import logging
import shutil
import tempfile
from contextlib import closing
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any
from unittest.mock import patch

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from agentctx.config import IndexSettings, Settings, StoreSettings
from agentctx.engine import ContextEngine
from agentctx.errors import NotFound
from agentctx.index import episodes
from agentctx.index.captured import capture
from agentctx.memory.service import Memory
from agentctx.runtime import snapshots
from agentctx.runtime.upkeep import Upkeep
from agentctx.testing import HashingEmbedder, ManualClock, SequentialIds
from agentctx.types import NewEpisode
from tests.fixtures_engine import NOW

NAMES = ("a", "b/c")
OFFSETS = st.none() | st.integers(-2, 6).map(lambda hours: NOW + timedelta(hours=hours))
TAGS = st.lists(st.sampled_from(["t", "é"]), max_size=2, unique=True)
METADATA = st.dictionaries(st.sampled_from(["k", "a.b", "a"]), st.sampled_from([1, "1", [1], {"b": 2}]), max_size=2)
CHANGEABLE = {"expires_at": OFFSETS, "tags": TAGS, "metadata": METADATA, "valid_to": OFFSETS}
ITEMS = st.fixed_dictionaries(
    {
        "content": st.lists(st.sampled_from(["dog", "boat", "Lisbon", "ran"]), max_size=3).map(
            lambda words: " ".join(["cat", *words])
        ),
        "session": st.sampled_from(["", "s", "s", "r"]),
        "speaker": st.sampled_from(["", "Ana"]),
    },
    optional={"position": st.integers(0, 5)} | CHANGEABLE,
)
NARROWED: tuple[dict[str, Any], ...] = (
    {},
    {"session": "s"},
    {"speaker": "Ana", "tags": ["t"]},
    {"filter": {"a.b": 2}},
    {"filter": {"not": {"k": 1}}, "include_invalid": True},
)


class Warnings(logging.Filter):
    """Keeps what a logger says, and keeps it out of the output."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []

    def filter(self, record: logging.LogRecord) -> bool:
        self.said.append(record.getMessage())
        return False


class Life(RuleBasedStateMachine):
    """Every episode says `cat`, so that a search for it must find all that `list` lists."""

    def __init__(self) -> None:
        super().__init__()
        self.warnings = Warnings()
        snapshots._log.addFilter(self.warnings)
        self.damaged = 0
        self.folder = Path(tempfile.mkdtemp())
        self.clock = ManualClock(NOW)
        self.ids = SequentialIds()
        self.model: dict[str, dict[str, dict[str, Any]]] = {}
        self.moments: list[datetime] = []
        self.engine = self.open()

    def open(self, *, kept: bool = True, memory_bytes: int = 1 << 30) -> ContextEngine:
        index = IndexSettings(memory_bytes=memory_bytes, housekeeping=False, snapshots=kept)
        return ContextEngine.open(
            self.folder / "m.db",
            embedder=HashingEmbedder(16),
            settings=Settings(store=StoreSettings(synchronous="NORMAL"), index=index),
            clock=self.clock,
            ids=self.ids,
        )

    @property
    def memory(self) -> Memory:
        return self.engine.memory

    def alive(self, name: str) -> list[str]:
        return [id for id, one in self.model.get(name, {}).items() if not one["deleted"]]

    @initialize(items=st.lists(ITEMS, min_size=2, max_size=6))
    def begin(self, items: list[dict[str, Any]]) -> None:
        self.add("a", items, beside=False)

    @rule(name=st.sampled_from(NAMES), items=st.lists(ITEMS, min_size=1, max_size=4), beside=st.booleans())
    def add(self, name: str, items: list[dict[str, Any]], beside: bool) -> None:
        """`beside`: another engine on the same store does it."""
        new = [NewEpisode(**item) for item in items]
        if beside:
            with self.open(memory_bytes=1) as other:
                ids = other.memory.add(name, new).ids
        else:
            ids = self.memory.add(name, new).ids
        for id, item in zip(ids, items, strict=True):
            self.model.setdefault(name, {})[id] = {"deleted": False, "expires_at": None, "tags": []} | item

    @rule(name=st.sampled_from(NAMES), pick=st.integers(0, 20), changes=st.fixed_dictionaries({}, optional=CHANGEABLE))
    def update(self, name: str, pick: int, changes: dict[str, Any]) -> None:
        ids = self.alive(name)
        if ids and changes:
            id = ids[pick % len(ids)]
            self.memory.update(name, id, **changes)  # type: ignore[arg-type]
            self.model[name][id] |= changes

    @rule(name=st.sampled_from(NAMES), pick=st.integers(0, 20))
    def delete(self, name: str, pick: int) -> None:
        ids = self.alive(name)
        if ids:
            id = ids[pick % len(ids)]
            self.memory.delete(name, id)
            self.model[name][id]["deleted"] = True

    @rule(name=st.sampled_from(NAMES), pick=st.integers(0, 20))
    def purge(self, name: str, pick: int) -> None:
        ids = list(self.model.get(name, {}))
        if ids:
            id = ids[pick % len(ids)]
            self.memory.purge(name, id)
            del self.model[name][id]
            assert not self.files(name)

    @rule(name=st.sampled_from(NAMES))
    def delete_namespace(self, name: str) -> None:
        if name in self.model:
            self.memory.delete_namespace(name)
            del self.model[name]
            assert not self.files(name)

    @rule(minutes=st.sampled_from([1, 50, 90]))
    def time_passes(self, minutes: int) -> None:
        self.moments.append(self.clock.now())
        self.clock.advance(minutes=minutes)

    @rule(name=st.sampled_from(NAMES), changes=st.fixed_dictionaries({}, optional=CHANGEABLE), crash=st.booleans())
    def snapshot_while_it_changes(self, name: str, changes: dict[str, Any], crash: bool) -> None:
        """A change comes between the moment that a snapshot is of and the moment that it is written."""
        assert self.memory._indexes.snapshots is not None
        if name not in self.model:
            return
        with self.memory._residency.reading(name) as index:
            captured = capture(index)
            self.time_passes(1)
            self.update(name, len(changes), changes)
            if not changes:
                self.delete(name, 3)
            for _ in self.memory._indexes.snapshots.writing(name, index, captured):
                pass
        assert self.files(name)
        if crash:
            self.reopen("", crash=True)

    @rule(name=st.sampled_from(NAMES), steps=st.sampled_from([2, 1000]), crash=st.booleans())
    def consolidate(self, name: str, steps: int, crash: bool) -> None:
        """Also broken off, and then perhaps with a crash."""
        if name not in self.model:
            return
        with closing(self.memory.consolidate(name)) as working:  # type: ignore[type-var]
            for _ in islice(working, steps):
                pass
        if crash:
            self.reopen("", crash=True)

    @rule(name=st.sampled_from(NAMES), items=st.lists(ITEMS, min_size=1, max_size=2), finish=st.booleans())
    def fold_while_it_changes(self, name: str, items: list[dict[str, Any]], finish: bool) -> None:
        """New words are folded in, in small steps, while others come and rows vanish."""
        if name not in self.model:
            return
        upkeep = self.memory._residency._keeper
        assert isinstance(upkeep, Upkeep)
        with self.memory._residency.reading(name) as index:
            pass
        with patch.object(episodes, "TAKEN_UP", 0), closing(upkeep._folding(name, index, whole=True)) as folding:
            next(folding, None)
            self.add(name, items, beside=False)
            self.delete(name, 1)
            if finish:
                for _ in folding:
                    pass

    @rule()
    def evict(self) -> None:
        self.memory._residency.clear()
        self.memory._indexes.hits.clear()

    @rule(damage=st.sampled_from(["", "", "cut", "flip", "empty", "left over"]), crash=st.booleans())
    def reopen(self, damage: str, crash: bool) -> None:
        with patch.object(snapshots, "_PAYS", 1), patch.object(snapshots, "_PAYS_LAST", 1):
            if crash:  # what is in memory is lost
                self.memory._housekeeping.close()
                self.engine._store.close()
            else:
                self.engine.close()
        for path in self.files():
            if path.suffix == ".tmp":
                continue  # left over: never read, so there is nothing to damage
            data = path.read_bytes()
            self.damaged += damage in ("cut", "flip", "empty")
            match damage:
                case "cut":
                    path.write_bytes(data[: len(data) * 2 // 3])
                case "flip":
                    middle = len(data) // 2
                    path.write_bytes(data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :])
                case "empty":
                    path.write_bytes(b"")
                case "left over":
                    path.with_name(path.name + ".1-ab.tmp").write_bytes(data)
        self.engine = self.open()

    @precondition(lambda self: self.model)
    @rule()
    def an_index_made_anew_scores_alike(self) -> None:
        with self.open(kept=False) as fresh:
            for name in self.model:
                for query in ("cat dog", "a boat to Lisbon"):
                    mine = self.memory.search(name, query, k=50).hits
                    anew = fresh.memory.search(name, query, k=50).hits
                    assert {hit.episode.id for hit in mine} == {hit.episode.id for hit in anew}
                    scores = {hit.episode.id: hit.score for hit in anew}
                    for hit in mine:
                        assert abs(scores[hit.episode.id] - hit.score) < 1e-4

    @invariant()
    def search_finds_what_the_list_says(self) -> None:
        for name in NAMES:
            if name not in self.model:
                try:
                    self.memory.search(name, "cat")
                except NotFound:
                    continue
                raise AssertionError("there is no such namespace")
            now = self.clock.now()
            expected = {
                id
                for id, one in self.model[name].items()
                if not one["deleted"] and (one["expires_at"] is None or one["expires_at"] > now)
            }
            hits = self.memory.search(name, "cat", k=1000, include_invalid=True).hits
            assert {hit.episode.id for hit in hits} == expected
            for narrowed in NARROWED:
                self.agree(name, narrowed)
            with self.memory._residency.reading(name) as index:
                index.check_invariants()

    def agree(self, name: str, narrowed: dict[str, Any]) -> None:
        result = self.memory.search(name, "cat", k=1000, **narrowed)
        page = self.memory.list(name, page_size=1000, **narrowed)
        assert result.revision == page.revision
        listed = {one.id: one for one in page.episodes}
        assert {hit.episode.id: hit.episode for hit in result.hits} == listed

    def files(self, name: str = "") -> list[Path]:
        prefix = snapshots._file_name(name) if name else ""
        return [path for path in self.folder.glob("m.db.index/*") if path.name.startswith(prefix)]

    def teardown(self) -> None:
        try:
            for name in self.model:
                for moment in self.moments[-6:]:
                    for narrowed in NARROWED:
                        self.agree(name, narrowed | {"as_of": moment})
            # A snapshot that nobody damaged is of use: without this, none might ever be read and nothing would differ.
            assert len(self.warnings.said) <= self.damaged, self.warnings.said
        finally:
            snapshots._log.removeFilter(self.warnings)
            self.engine.close()
            shutil.rmtree(self.folder)


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=20, stateful_step_count=15, deadline=None, derandomize=True)
