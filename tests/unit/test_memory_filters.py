"""Metadata filters: reading them, and two ways to decide them that must agree."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentctx.config import Limits
from agentctx.errors import InvalidArgument
from agentctx.index.episodes import EpisodeIndex
from agentctx.memory.filters import matches, parse_filter
from agentctx.memory.search import where
from agentctx.types import And, Condition, Filter, Not, Or
from tests.fixtures_memory import Log


def mask(index: EpisodeIndex, filter: Filter, size: int) -> npt.NDArray[np.bool_]:
    return where(index, filter, size, index.column("metadata"))


LIMITS = Limits()
SCALARS = st.sampled_from([None, True, False, 0, 1, 2, 1.5, -3, "", "1", "ab", "b", "é", "true"])
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["a", "b", "a.b"]), inner, max_size=2),
    max_leaves=4,
)
METADATA = st.dictionaries(st.sampled_from(["a", "b", "c", "a.b", "a.b.c"]), VALUES, max_size=3)
FIELDS = st.sampled_from(["a", "b", "c", "a.b", "a.b.a", "a.b.c", "b.a", "missing", "missing.a"])
ORDER = st.sampled_from([0, 1, 1.5, -3, "", "ab", "b"])
CONDITIONS = (
    st.builds(Condition, FIELDS, st.sampled_from(["eq", "ne", "contains"]), VALUES)
    | st.builds(Condition, FIELDS, st.just("in"), st.lists(VALUES, max_size=3))
    | st.builds(Condition, FIELDS, st.sampled_from(["gt", "gte", "lt", "lte"]), ORDER)
)
FILTERS: st.SearchStrategy[Filter] = st.recursive(
    CONDITIONS,
    lambda inner: (
        st.builds(And, st.lists(inner, max_size=3).map(tuple))
        | st.builds(Or, st.lists(inner, max_size=3).map(tuple))
        | st.builds(Not, inner)
    ),
    max_leaves=5,
)


def found(metadata: Mapping[str, Any], path: str) -> list[Any]:
    """The value that a path names, in a list; empty where there is none. A key's own name comes first."""
    if path in metadata:
        return [metadata[path]]
    first, *rest = path.split(".")
    if not rest or first not in metadata:
        return []
    inside = [metadata[first]]
    for part in rest:
        inside = [one[part] for one in inside if isinstance(one, dict) and part in one]
    return inside


def equal(left: Any, right: Any) -> bool:
    if isinstance(left, list | dict):
        if type(left) is not type(right) or len(left) != len(right):
            return False
        if isinstance(left, list):
            return all(equal(a, b) for a, b in zip(left, right, strict=True))
        return all(key in right and equal(left[key], right[key]) for key in left)
    return (type(left) is bool) == (type(right) is bool) and left == right


def dumb(filter: Filter, metadata: Mapping[str, Any]) -> bool:
    """docs/memory.md, line by line."""
    if isinstance(filter, And):
        return all(dumb(one, metadata) for one in filter.filters)
    if isinstance(filter, Or):
        return any(dumb(one, metadata) for one in filter.filters)
    if isinstance(filter, Not):
        return not dumb(filter.filter, metadata)
    values = found(metadata, filter.field)
    if not values:
        return filter.op == "ne"
    value, wanted = values[0], filter.value
    number = all(type(one) in (int, float) for one in (value, wanted))
    text = all(type(one) is str for one in (value, wanted))
    table = {
        "eq": lambda: equal(value, wanted),
        "ne": lambda: not equal(value, wanted),
        "in": lambda: any(equal(value, one) for one in wanted),
        "contains": lambda: (
            (text and wanted in value) or (type(value) is list and any(equal(one, wanted) for one in value))
        ),
        "gt": lambda: (number or text) and value > wanted,
        "gte": lambda: (number or text) and value >= wanted,
        "lt": lambda: (number or text) and value < wanted,
        "lte": lambda: (number or text) and value <= wanted,
    }
    return table[filter.op]()


@given(FILTERS, st.lists(METADATA, min_size=1, max_size=5))
@settings(max_examples=600, deadline=None, derandomize=True)
def test_a_filter_is_decided_alike_one_by_one_and_by_the_index(filter: Filter, rows: list[dict[str, Any]]) -> None:
    parsed = parse_filter(filter, LIMITS)
    assert parsed is not None
    log = Log()
    for metadata in rows:
        log.add("x", metadata=metadata)
    index = log.index()
    expected = [dumb(filter, metadata) for metadata in rows]
    assert [matches(parsed, metadata) for metadata in rows] == expected
    assert where(index, parsed, len(rows), index.column("metadata")).tolist() == expected


@pytest.mark.parametrize(
    ("filter", "metadata", "holds"),
    [
        ({"n": 1}, {"n": True}, False),
        ({"n": True}, {"n": 1}, False),
        ({"n": 1.0}, {"n": 1}, True),
        ({"n": {"in": [False]}}, {"n": 0}, False),
        ({"n": [1, 2]}, {"n": [1, 2]}, True),
        ({"n": [True]}, {"n": [1]}, False),
        ({"n": {"ne": 1}}, {}, True),
        ({"not": {"n": {"gt": 3}}}, {}, True),
        ({"n": {"lte": 3}}, {}, False),
        ({"n": {"eq": None}}, {"n": None}, True),
        ({"n": {"eq": None}}, {}, False),
        ({"n": {"gt": 2, "lt": 4}}, {"n": 3}, True),
        ({"n": {"gt": 2, "lt": 4}}, {"n": 4}, False),
        ({"n": {"gt": "10"}}, {"n": 9}, False),
        ({"n": {"gt": 0}}, {"n": True}, False),
        ({"a.b": 1}, {"a": {"b": 1}}, True),
        ({"a.b": 1}, {"a.b": 2, "a": {"b": 1}}, False),
        ({"a.b.c": 1}, {"a.b": {"c": 1}}, False),
        ({"n": {"contains": "b"}}, {"n": "abc"}, True),
        ({"n": {"contains": 1}}, {"n": "a1"}, False),
        ({"n": {"contains": 1}}, {"n": [True]}, False),
        ({"n": {"contains": 1}}, {"n": [0, 1]}, True),
        ({"n": {"contains": "k"}}, {"n": {"k": 1}}, False),
        ({"and": []}, {}, True),
        ({"or": []}, {}, False),
        ({}, {}, True),
        ({"a": 1, "b": 2}, {"a": 1, "b": 3}, False),
        ({"OR": [{"a": 1}, {"b": 3}]}, {"a": 2, "b": 3}, True),
        (Condition("or", "eq", 1), {"or": 1}, True),
    ],
)
def test_the_table_of_meanings(filter: Any, metadata: dict[str, Any], holds: bool) -> None:
    parsed = parse_filter(filter, LIMITS)
    assert parsed is not None
    assert matches(parsed, metadata) is holds
    log = Log()
    log.add("x", metadata=metadata)
    assert mask(log.index(), parsed, 1).tolist() == [holds]


def test_a_filter_reads_its_json_form() -> None:
    assert parse_filter(None, LIMITS) is None
    assert parse_filter({"a": 1}, LIMITS) == Condition("a", "eq", 1)
    assert parse_filter({"a": {"gte": 2.0}}, LIMITS) == Condition("a", "gte", 2)
    assert parse_filter({"a": 1, "not": {"b": {"in": ["x"]}}}, LIMITS) == And(
        (Condition("a", "eq", 1), Not(Condition("b", "in", ["x"])))
    )
    assert parse_filter({"or": [{"a": 1}, {"a": 2}]}, LIMITS) == Or((Condition("a", "eq", 1), Condition("a", "eq", 2)))


def nested(depth: int) -> Any:
    return {"a": 1} if depth == 0 else {"not": nested(depth - 1)}


LOOP: dict[str, Any] = {}
LOOP["not"] = LOOP


@pytest.mark.parametrize(
    ("filter", "field"),
    [
        ("a", "filter"),
        ([], "filter"),
        (3, "filter"),
        ({1: 2}, "filter"),
        ({"": 1}, "filter field"),
        ({"a\0": 1}, "filter field"),
        ({"a": {"regex": "x"}}, "filter.a"),
        ({"a": {"eq": 1, "x": 2}}, "filter.a"),
        ({"a": {}}, "filter.a"),
        ({"a": {"in": 3}}, "filter.a"),
        ({"a": {"in": "abc"}}, "filter.a"),
        ({"a": {"gt": True}}, "filter.a"),
        ({"a": {"lt": None}}, "filter.a"),
        ({"a": {"lte": [1]}}, "filter.a"),
        ({"a": float("nan")}, "filter.a"),
        ({"a": object()}, "filter.a"),
        ({"a": 2**60}, "filter.a"),
        ({"and": {"a": 1}}, "filter.and"),
        ({"or": "ab"}, "filter.or"),
        ({"and": [{"a": {"gt": []}}]}, "filter.and[0].a"),
        ({"not": 3}, "filter.not"),
        (Condition("a", "like", 1), "filter.a"),
        (Condition("a", ["eq"], 1), "filter.a"),
        (Condition(3, "eq", 1), "filter field"),
        (And(3), "filter"),
        (And(({"a": 1}, 3)), "filter[1]"),
        (Not(None), "filter.not"),
        (nested(40), "filter" + ".not" * 33),
        (LOOP, "filter" + ".not" * 33),
        ({"or": [{"a": 1}] * 300}, "filter.or[255]"),
        (dict.fromkeys((f"k{i}" for i in range(400)), 1), "filter"),
    ],
)
def test_a_bad_filter_is_refused_with_its_place(filter: Any, field: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        parse_filter(filter, LIMITS)
    assert caught.value.field == field


def test_a_mask_of_nothing_is_empty() -> None:
    assert mask(Log().index(), Condition("a", "ne", 1), 0).tolist() == []
    assert mask(Log().index(), And(()), 0).dtype == np.bool_
