"""Random histories: the store against a model that keeps a full copy of every state it ever was in."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from agentctx.config import StoreSettings
from agentctx.errors import AlreadyExists, InvalidArgument, NotFound
from agentctx.store import Store, open_store
from agentctx.types import Episode, LogRecord, NewEpisode, Revision
from tests.fixtures_store import KEY, CountedIds, ManualClock, episode, running_postgres, sqlite_template

NAMESPACES = st.sampled_from(["a", "a", "a", "a/b", "z%"])
IDS = st.integers(0, 60).map(lambda number: f"id{number}")
TIMES = st.none() | st.integers(-3, 3).map(lambda days: datetime.fromisoformat("2024-05-01T12:00Z") + timedelta(days))
ITEMS = st.builds(
    lambda key, session, position, valid_from, valid_to, supersedes, tags: episode(
        f"text of {key}",
        id=key,
        session=session,
        position=position,
        valid_from=valid_from,
        valid_to=valid_to,
        supersedes=supersedes,
        tags=tags,
    ),
    IDS,
    st.sampled_from(["", "s"]),
    st.none() | st.integers(0, 3),
    TIMES,
    TIMES,
    st.booleans().map(lambda supersedes: "?" if supersedes else ""),  # filled in by `append`
    st.lists(st.sampled_from(["x", "é"]), max_size=2, unique=True).map(tuple),
)
CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "metadata": st.dictionaries(st.sampled_from("kl"), st.integers()),
        "expires_at": TIMES,
        "valid_to": TIMES,
        "valid_from": TIMES,
        "tags": st.just(("t",)),
    },
)


def vector_of(id: str) -> bytes:
    """Eight bytes, as long as a vector of `KEY` is, that tell episodes apart."""
    return id.encode().ljust(8, b"-")[:8]


class Model:
    """One namespace: every record with the full state after it, and for each when it was recorded."""

    def __init__(self, epoch: int) -> None:
        self.head = Revision(epoch, 0)
        self.log: list[tuple[str, datetime, Episode]] = []

    def now(self, at: datetime | None = None) -> dict[str, Episode]:
        return {e.id: e for _, recorded_at, e in self.log if at is None or recorded_at <= at}

    def put(self, kind: str, recorded_at: datetime, state: Episode) -> None:
        self.head = Revision(self.head.epoch, self.head.sequence + 1)
        self.log.append((kind, recorded_at, replace(state, revision=self.head)))

    def append(self, item: NewEpisode, namespace: str, recorded_at: datetime) -> None:
        states = self.now()
        if item.id in states:
            raise AlreadyExists("")
        old = states.get(item.supersedes)
        if item.supersedes and (old is None or old.deleted_at):
            raise NotFound("")
        same = [e.position for e in states.values() if e.session == item.session]
        position = max(same, default=-1) + 1 if item.position is None else item.position
        fields = {name: getattr(item, name) for name in NewEpisode.__slots__} | {"position": position}
        self.put("add", recorded_at, Episode(namespace, recorded_at=recorded_at, revision=self.head, **fields))
        if old is not None:
            end = item.valid_from or item.occurred_at
            assert end is not None
            end = min(end, old.valid_to or end)
            end = max(end, old.valid_from or end)
            self.put("update", recorded_at, replace(old, valid_to=end, superseded_by=item.id))


class StoreMachine(RuleBasedStateMachine):
    """The same random calls on both; every answer and every state must be the same."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = ManualClock()
        self.models: dict[str, Model] = {}
        self.past: list[datetime] = []
        self.location = self.make()
        self.store: Store = self.opened()

    def make(self) -> str:
        self.folder = tempfile.TemporaryDirectory()
        path = Path(self.folder.name, "store.db")
        path.write_bytes(sqlite_template())
        return str(path)

    def opened(self) -> Store:
        return open_store(
            self.location, clock=self.clock, ids=CountedIds(), settings=StoreSettings(synchronous="NORMAL")
        )

    def teardown(self) -> None:
        self.store.close()
        if hasattr(self, "folder"):
            self.folder.cleanup()

    def copy(self, namespace: str) -> Model:
        model = Model(0)
        if namespace in self.models:
            model.head, model.log = self.models[namespace].head, list(self.models[namespace].log)
        return model

    def both(self, namespace: str, on_store: Any, on_model: Any) -> Any:
        """Run both; the model works on a copy, which counts only if it raises nothing."""
        self.past.append(self.clock.now())
        recorded_at = self.clock.tick()
        model = self.copy(namespace)
        try:
            on_model(model, recorded_at)
        except (AlreadyExists, NotFound, InvalidArgument) as error:
            with pytest.raises(type(error)):
                on_store()
            return None
        answer = on_store()
        if model.head.epoch == 0 or namespace not in self.models:
            found = self.store.head(namespace)
            assert found is not None
            model.head = replace(model.head, epoch=found.epoch)
            model.log = [(k, t, replace(e, revision=replace(e.revision, epoch=found.epoch))) for k, t, e in model.log]
        self.models[namespace] = model
        return answer

    def pick(self, data: st.DataObject, namespace: str) -> str:
        """An id that is mostly there."""
        known = sorted(self.models[namespace].now()) if namespace in self.models else []
        return data.draw(st.sampled_from(known * 3 + ["id0", "id19"] if known else ["id0"]))

    @rule(data=st.data(), namespace=NAMESPACES, items=st.lists(ITEMS, min_size=1, max_size=3))
    def append(self, data: st.DataObject, namespace: str, items: list[NewEpisode]) -> None:
        for index, item in enumerate(items):
            if item.supersedes:
                target = self.pick(data, namespace) if namespace in self.models else ""
                items[index] = replace(item, supersedes=target)

        def on_model(model: Model, at: datetime) -> None:
            targets = [item.supersedes for item in items if item.supersedes]
            for index, item in enumerate(items):
                model.append(item, namespace, at)
                if item.supersedes and item.supersedes in targets[: sum(bool(i.supersedes) for i in items[:index])]:
                    raise InvalidArgument("")

        vectors = [vector_of(item.id) for item in items]
        self.both(namespace, lambda: self.store.append(namespace, items, vectors, embedder_key=KEY), on_model)

    @precondition(lambda self: self.models)
    @rule(data=st.data(), changes=CHANGES)
    def update(self, data: st.DataObject, changes: dict[str, Any]) -> None:
        namespace = data.draw(st.sampled_from(sorted(self.models)))
        id = self.pick(data, namespace)

        def on_model(model: Model, at: datetime) -> None:
            state = model.now().get(id)
            if state is None or state.deleted_at:
                raise NotFound("")
            new = replace(state, **changes)
            checked = changes.keys() & {"valid_from", "valid_to"}
            if checked and new.valid_from and new.valid_to and new.valid_to < new.valid_from:
                raise InvalidArgument("")
            model.put("update", at, new)

        record = self.both(namespace, lambda: self.store.update(namespace, id, changes), on_model)
        assert record is None or record.episode == self.models[namespace].now()[id]

    @precondition(lambda self: self.models)
    @rule(data=st.data(), count=st.integers(1, 3))
    def delete(self, data: st.DataObject, count: int) -> None:
        namespace = data.draw(st.sampled_from(sorted(self.models)))
        ids = list(dict.fromkeys(self.pick(data, namespace) for _ in range(count)))

        def on_model(model: Model, at: datetime) -> None:
            for id in ids:
                state = model.now().get(id)
                if state is None or state.deleted_at:
                    raise NotFound("")
                model.put("delete", at, replace(state, deleted_at=at))

        self.both(namespace, lambda: self.store.delete(namespace, ids), on_model)

    @precondition(lambda self: self.models)
    @rule(data=st.data(), count=st.integers(1, 3))
    def purge(self, data: st.DataObject, count: int) -> None:
        namespace = data.draw(st.sampled_from(sorted(self.models)))
        ids = list(dict.fromkeys(self.pick(data, namespace) for _ in range(count)))

        def on_model(model: Model, at: datetime) -> None:
            if not set(ids) <= model.now().keys():
                raise NotFound("")
            kept = [(k, t, e) for k, t, e in model.log if e.id not in ids]
            model.log = [
                (
                    kind,
                    time,
                    replace(
                        e,
                        supersedes="" if e.supersedes in ids else e.supersedes,
                        superseded_by="" if e.superseded_by in ids else e.superseded_by,
                    ),
                )
                for kind, time, e in kept
            ]
            model.head = Revision(model.head.epoch, model.head.sequence + 1)

        revision = self.both(namespace, lambda: self.store.purge(namespace, ids), on_model)
        if revision is not None:
            assert revision.epoch > self.models[namespace].head.epoch
            self.models[namespace].head = replace(self.models[namespace].head, epoch=revision.epoch)

    @rule(namespace=st.sampled_from(["a/b", "z%"]))
    def delete_namespace(self, namespace: str) -> None:
        if namespace not in self.models:
            with pytest.raises(NotFound):
                self.store.delete_namespace(namespace)
            return
        self.store.delete_namespace(namespace)
        del self.models[namespace]

    @rule()
    def reopen(self) -> None:
        self.store.close()
        self.store = self.opened()

    @precondition(lambda self: self.past)
    @rule(data=st.data(), namespace=NAMESPACES)
    def look_back(self, data: st.DataObject, namespace: str) -> None:
        id = self.pick(data, namespace)
        at = data.draw(st.sampled_from(self.past))
        model = self.models.get(namespace)
        then = {} if model is None else model.now(at)
        live = {key: e for key, e in then.items() if not e.deleted_at}
        if id in live:
            assert self.store.get(namespace, id, at) == live[id]
        else:
            with pytest.raises(NotFound):
                self.store.get(namespace, id, at)
        if model is not None:
            assert {e.id: e for _, e in self.store.scan(namespace, as_of=at)} == live
            everything = self.store.scan(namespace, as_of=at, include_deleted=True)
            assert {e.id: e for _, e in everything} == then

    @precondition(lambda self: self.models)
    @rule(data=st.data())
    def tail(self, data: st.DataObject) -> None:
        namespace = data.draw(st.sampled_from(sorted(self.models)))
        model = self.models[namespace]
        after = data.draw(st.integers(0, model.head.sequence))
        _, records = self.store.read_log(namespace, replace(model.head, sequence=after))
        assert self.plain(records) == [entry for entry in model.log if entry[2].revision.sequence > after]

    def plain(self, records: list[LogRecord]) -> list[tuple[str, datetime, Episode]]:
        return [(record.kind, record.recorded_at, record.episode) for record in records]

    @invariant()
    def same_everywhere(self) -> None:
        for namespace in ("a", "a/b", "z%"):
            model = self.models.get(namespace)
            assert self.store.head(namespace) == (model.head if model else None)
            if model is None:
                continue
            head, records = self.store.read_log(namespace)
            assert head == model.head
            assert self.plain(records) == model.log
            assert all(r.vector == vector_of(r.episode.id) for r in records if r.kind == "add")
            for id, state in model.now().items():
                changes = self.store.history(namespace, id)
                mine = [(k, e.revision, t) for k, t, e in model.log if e.id == id]
                assert [(c.kind, c.revision, c.recorded_at) for c in changes] == mine
                if not state.deleted_at:
                    assert self.store.get(namespace, id) == state
        infos = {info.name: info.episodes for info in self.store.list_namespaces()}
        assert infos == {
            name: sum(not e.deleted_at for e in model.now().values()) for name, model in self.models.items()
        }
        assert self.store.stats().problems == ()


class PostgresMachine(StoreMachine):
    """The same on PostgreSQL."""

    def make(self) -> str:
        return running_postgres().new_store()


_CHECKS = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


class TestOnSqlite(StoreMachine.TestCase):
    settings = settings(max_examples=15, stateful_step_count=20, deadline=None, suppress_health_check=_CHECKS)


class TestOnPostgres(PostgresMachine.TestCase):
    settings = settings(max_examples=5, stateful_step_count=15, deadline=None, suppress_health_check=_CHECKS)
