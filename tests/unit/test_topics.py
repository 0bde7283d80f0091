"""Groups of tags, and what is held of tags while they are grouped."""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pytest

from agentctx.index import tag_postings
from agentctx.index.tags import TagIndex
from agentctx.memory.known_tags import KnownTags, known_tags
from agentctx.memory.topics import topics
from agentctx.types import TagEdit

T = TypeVar("T")


def done(work: Generator[None, None, T]) -> T:
    while True:
        try:
            next(work)
        except StopIteration as end:
            result: T = end.value
            return result


def known(index: TagIndex) -> KnownTags:
    postings = [one.arrays() for one in (index.derived, index.given, index.written)]
    return done(known_tags(index.graph(), postings))


def given(*tags: tuple[str, ...]) -> TagIndex:
    index = TagIndex()
    index.add([()] * len(tags), tags)
    return index


def agrees(index: TagIndex) -> None:
    held, graph = known(index), index.graph()
    for number in graph.tags.tolist():
        assert held.rows(number).tolist() == index.rows_of_number(graph, number).tolist(), graph.words.name(number)
        assert held.sizes()[number] == len(held.rows(number))
        assert held.above(number) == graph.parents(number)


@pytest.mark.parametrize("merge_from", [4, 10**6])
def test_the_rows_of_a_tag_are_those_of_the_index_whatever_came_and_went(
    merge_from: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tag_postings, "_MERGE_FROM", merge_from)
    generator = np.random.default_rng(1)
    names = [f"t{n}" for n in range(9)]
    index = TagIndex()
    held: list[tuple[str, ...]] = []
    for _ in range(60):
        tags = tuple(generator.choice(names, generator.integers(4), replace=False).tolist())
        index.add([()], [tags])
        held.append(tags)
        row = int(generator.integers(len(held)))
        after = tuple(generator.choice(names, generator.integers(4), replace=False).tolist())
        index.change(row, held[row], after)
        held[row] = after
    agrees(index)
    index.edit([TagEdit("merge", "t1", "t2"), TagEdit("rename", "t3", "new"), TagEdit("delete", "t4")])
    agrees(index)
    index.edit([TagEdit("restore", "t1")])
    agrees(index)


def test_what_is_held_does_not_change_with_the_index() -> None:
    index = given(("a", "b"), ("a",), ("b",))
    held = known(index)
    before = {number: held.rows(number).tolist() for number in held.numbers().tolist()}
    index.add([()] * 3, [("a",), ("a", "c"), ("b",)])
    index.change(0, ("a", "b"), ())
    assert {number: held.rows(number).tolist() for number in before} == before


def test_groups_are_bounded_and_hold_what_belongs_together() -> None:
    """Two subjects, each with tags of its own, borne by its own episodes."""
    generator = np.random.default_rng(2)
    middles = generator.standard_normal((2, 16)).astype(np.float32)
    subjects = generator.integers(2, size=400)
    rows = middles[subjects] + 0.1 * generator.standard_normal((400, 16)).astype(np.float32)
    tags = [(f"s{subject}-{generator.integers(20)}", f"s{subject}-{generator.integers(20)}") for subject in subjects]
    index = given(*(tuple(dict.fromkeys(pair)) for pair in tags))

    def embed(names: list[str]) -> npt.NDArray[np.float32]:
        return np.ones((len(names), 4), dtype=np.float32) / 2

    found = done(topics(known(index), rows.__getitem__, len(rows), embed, 6))
    assert found is not None
    counts = np.bincount(found.group)
    assert counts.max() <= 4 * len(found.tags) / 6
    words = known(index)
    for group in range(len(counts)):
        members = found.tags[found.group == group].tolist()
        assert len({words.name(number)[:2] for number in members}) == 1


def test_tags_of_too_few_or_too_many_episodes_say_nothing() -> None:
    rows = np.eye(8, dtype=np.float32)[np.arange(400) % 8]
    index = given(*(("all", "pair") if row < 2 else ("all",) for row in range(400)))
    assert done(topics(known(index), rows.__getitem__, 400, lambda names: rows[: len(names)], 6)) is None
    assert done(topics(known(TagIndex()), rows.__getitem__, 400, lambda names: rows[: len(names)], 6)) is None
