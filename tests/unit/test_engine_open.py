"""Opening an engine: what is refused, and in which words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone, tzinfo
from pathlib import Path
from typing import Any

import pytest

from agentctx import ContextEngine, NewEpisode, Revision
from agentctx.errors import DeadlineExceeded, FailedPrecondition, InvalidArgument
from agentctx.testing import HashingEmbedder, ManualClock
from agentctx.testing.embedders import EmbeddingServer, Reply


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("store", value) for value in (5, b"x", True, [1], {"a": 1}, datetime(2026, 1, 1, tzinfo=UTC))),
        *(("embedder", value) for value in (5, b"x", [], 0)),
        *(("settings", value) for value in (5, "x", [], {}, 0)),
        *(("clock", value) for value in (5, "x", 0)),
        *(("ids", value) for value in (5, "x", 0)),
    ],
)
def test_an_argument_of_the_wrong_kind_is_refused_by_name_and_makes_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, field: str, value: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    arguments: dict[str, Any] = {"store": "m.db", field: value}
    with pytest.raises(InvalidArgument) as caught:
        ContextEngine.open(arguments.pop("store"), **arguments)
    assert caught.value.field == field
    assert list(tmp_path.iterdir()) == []


def test_a_store_of_a_remote_embedder_opens_only_when_that_is_named(tmp_path: Path) -> None:
    with EmbeddingServer() as server:
        spec = server.spec
        with ContextEngine.open(tmp_path / "m.db", embedder=spec) as engine:
            engine.memory.add("n", "kept far away")
        with pytest.raises(FailedPrecondition) as caught:
            ContextEngine.open(tmp_path / "m.db")
        assert spec in caught.value.message
        with ContextEngine.open(tmp_path / "m.db", embedder=spec) as engine:
            assert engine.memory.search("n", "kept").hits


def test_a_search_ends_at_its_timeout_though_the_endpoint_of_its_embedder_does_not_answer(tmp_path: Path) -> None:
    with EmbeddingServer() as server, ContextEngine.open(tmp_path / "m.db", embedder=server.spec) as engine:
        engine.memory.add("n", "kept far away")
        server.script.extend(Reply(status=500) for _ in range(50))
        with pytest.raises(DeadlineExceeded):
            engine.memory.search("n", "kept", timeout=0.3)


@pytest.mark.parametrize("revision", [Revision("a", None), Revision(-1, 0), Revision(0, 2**70), Revision(True, 1)])  # type: ignore[arg-type]
def test_a_revision_is_two_whole_numbers(tmp_path: Path, revision: Revision) -> None:
    with ContextEngine.open(tmp_path / "m.db", embedder=HashingEmbedder()) as engine:
        engine.memory.add("n", "x")
        with pytest.raises(InvalidArgument) as caught:
            engine.memory.search("n", "x", min_revision=revision)
        assert caught.value.field.startswith("min_revision")


class _Blind(str):
    __slots__ = ()

    def isascii(self) -> bool:
        return True

    def __contains__(self, _part: object) -> bool:
        return False


class _Broken(tzinfo):
    def utcoffset(self, _at: datetime | None) -> Any:
        return "an hour"


def test_a_subclass_cannot_hide_what_it_holds(tmp_path: Path) -> None:
    with ContextEngine.open(tmp_path / "m.db", embedder=HashingEmbedder()) as engine:
        with pytest.raises(InvalidArgument) as caught:
            engine.memory.add("n", _Blind("a\0b"))
        assert caught.value.field == "episodes[0].content"
        with pytest.raises(InvalidArgument) as caught:
            engine.memory.add("n", NewEpisode("x", occurred_at=datetime(2026, 1, 1, tzinfo=_Broken())))
        assert caught.value.field == "episodes[0].occurred_at"


def test_search_and_list_agree_when_the_clock_is_set_back(tmp_path: Path) -> None:
    clock = ManualClock()
    with ContextEngine.open(tmp_path / "m.db", embedder=HashingEmbedder(), clock=clock) as engine:
        start = clock.now()
        engine.memory.add("n", [NewEpisode("soon gone", expires_at=start + timedelta(hours=1)), "here to stay"])
        clock.advance(hours=2)
        assert len(engine.memory.search("n", "soon gone stay").hits) == len(engine.memory.list("n").episodes) == 1
        clock.set(start + timedelta(minutes=1))
        assert len(engine.memory.search("n", "soon gone stay").hits) == len(engine.memory.list("n").episodes) == 2


@pytest.mark.parametrize("moment", [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)])
def test_every_time_of_the_calendar_is_taken_in_every_field_and_comes_back(tmp_path: Path, moment: datetime) -> None:
    path = tmp_path / "m.db"
    first, last = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    for _ in range(2):  # written, and opened again
        with ContextEngine.open(path, embedder=HashingEmbedder()) as engine:
            memory = engine.memory
            if not _:
                episode = NewEpisode(
                    "ferry", id="e", occurred_at=moment, valid_from=first, valid_to=last, expires_at=last
                )
                memory.add("n", episode)
            kept = memory.get("n", "e")
            assert (kept.occurred_at, kept.valid_from, kept.valid_to, kept.expires_at) == (moment, first, last, last)
            for query in (
                "ferry",
                "ferry last week",
                "ferry tomorrow",
                "ferry since yesterday",
                "ferry 31 December 9999",
            ):
                assert len(memory.search("n", query, reference_time=moment).hits) == 1
            assert len(memory.search("n", "ferry", occurred_from=moment).hits) == 1
            assert len(memory.search("n", "ferry", valid_at=first).hits) == 1
            assert not memory.search("n", "ferry", valid_at=last).hits  # true until then
            memory.import_(f"copy-{_}", memory.export("n"))
            assert memory.get(f"copy-{_}", "e").occurred_at == moment


def test_a_time_beyond_the_calendar_is_refused_by_the_limit_that_it_breaks(tmp_path: Path) -> None:
    late = datetime.max.replace(tzinfo=timezone(timedelta(hours=-1)))
    with (
        ContextEngine.open(tmp_path / "m.db", embedder=HashingEmbedder()) as engine,
        pytest.raises(InvalidArgument, match=r"outside the years 1 to 9999 \(in UTC\)"),
    ):
        engine.memory.add("n", NewEpisode("x", valid_to=late))


def test_a_closed_engine_says_that_it_is_closed(tmp_path: Path) -> None:
    engine = ContextEngine.open(tmp_path / "m.db", embedder=HashingEmbedder())
    engine.memory.add("n", "x")
    engine.close()
    with pytest.raises(FailedPrecondition, match="the engine is closed"):
        engine.memory.search("n", "x")
    with pytest.raises(FailedPrecondition, match="the engine is closed"):
        engine.memory.add("n", "y")
