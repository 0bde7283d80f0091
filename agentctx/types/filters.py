"""Filters: conditions on episodes, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from agentctx.types.common import JsonValue

FilterOp = Literal["eq", "ne", "in", "gt", "gte", "lt", "lte", "contains"]
FILTER_OPS: Final[tuple[FilterOp, ...]] = ("eq", "ne", "in", "gt", "gte", "lt", "lte", "contains")


@dataclass(frozen=True, slots=True)
class Condition:
    """`field op value` on one metadata key (a dot reaches into nested objects).

    A missing key satisfies `ne` and nothing else. Order operators compare number with number and text with text.
    `contains` asks for a part of a text or a member of a list; `in` takes a list of values.
    """

    field: str
    op: FilterOp
    value: JsonValue


@dataclass(frozen=True, slots=True)
class And:
    """All of `filters` hold (an empty one always holds)."""

    filters: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """At least one of `filters` holds (an empty one never does)."""

    filters: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """`filter` does not hold."""

    filter: Filter


Filter = Condition | And | Or | Not
FilterLike = Filter | Mapping[str, JsonValue]
"""A Filter, or its JSON form: `{"topic": "work"}`, `{"stars": {"gte": 3}}`, `{"and": [...]}`, `{"not": {...}}`."""
