"""`Memory.around`: what stands beside an episode in its session, and nothing that a search could not find."""

from __future__ import annotations

import pytest

from agentctx.errors import InvalidArgument
from agentctx.memory.service import Memory
from agentctx.types import NewEpisode
from tests.fixtures_engine import HOUR, NOW, NS, World, memory, world

__all__ = ["memory", "world"]


def fill(memory: Memory) -> None:
    memory.add(NS, [NewEpisode(f"turn {n}", id=f"a{n}", session="a", position=n) for n in range(6)])
    memory.add(NS, [NewEpisode("of another session", id="b0", session="b"), NewEpisode("of none", id="c0")])


def near(memory: Memory, id: str, **options: int) -> list[tuple[int, str]]:
    found = memory.around(NS, [memory.get(NS, id)], **options)
    return [(distance, one.id) for distance, one in found.get(id, ())]


def test_the_nearest_come_first(memory: Memory) -> None:
    fill(memory)
    assert near(memory, "a2") == [(1, "a1"), (1, "a3")]
    assert near(memory, "a2", reach=2) == [(1, "a1"), (1, "a3"), (2, "a0"), (2, "a4")]
    assert near(memory, "a0", reach=2) == [(1, "a1"), (2, "a2")]
    assert near(memory, "a0", reach=0) == []


def test_sessions_do_not_mix(memory: Memory) -> None:
    fill(memory)
    assert near(memory, "b0") == []
    assert near(memory, "c0") == []


def test_deleted_and_expired_neighbours_are_passed_over(memory: Memory, world: World) -> None:
    fill(memory)
    memory.delete(NS, "a1")
    memory.update(NS, "a3", expires_at=NOW + HOUR)
    world.clock.advance(2 * HOUR)
    assert near(memory, "a2") == [(1, "a0"), (1, "a4")]


def test_what_does_not_hold_now_is_left_out(memory: Memory) -> None:
    fill(memory)
    memory.update(NS, "a1", valid_to=NOW - HOUR)
    assert near(memory, "a2") == [(1, "a3")]


def test_as_of_shows_what_was_there_then(memory: Memory, world: World) -> None:
    fill(memory)
    then = world.clock.now()
    world.clock.advance(HOUR)
    memory.delete(NS, "a1")
    one = memory.get(NS, "a2")
    assert [episode.id for _, episode in memory.around(NS, [one], as_of=then)["a2"]] == ["a1", "a3"]


def test_a_reach_below_nothing_is_refused(memory: Memory) -> None:
    fill(memory)
    with pytest.raises(InvalidArgument, match="reach"):
        near(memory, "a2", reach=-1)
