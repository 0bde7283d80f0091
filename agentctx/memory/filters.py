"""Metadata filters: reading their JSON form, and deciding whether they hold for one metadata object."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from agentctx.config import Limits
from agentctx.errors import InvalidArgument
from agentctx.memory.validate import json_value, text
from agentctx.types import FILTER_OPS, And, Condition, Filter, JsonValue, Not, Or

_MISSING: Final = object()
_DEPTH: Final = 32


def parse_filter(given: object, limits: Limits, field: str = "filter") -> Filter | None:
    """The checked Filter of a Filter or of its JSON form; None stays None. Raises InvalidArgument."""
    if given is None:
        return None
    budget = [limits.filter_nodes]
    return _read(given, field, budget, 0)


def _read(given: object, field: str, budget: list[int], depth: int) -> Filter:
    budget[0] -= max(1, len(given)) if isinstance(given, Mapping) else 1
    if budget[0] < 0 or depth > _DEPTH:
        raise InvalidArgument(f"{field} is too large or too deeply nested", field=field)
    match given:
        case Condition():
            return _condition(given.field, given.op, given.value, field)
        case And() | Or():
            if not isinstance(given.filters, Sequence):
                raise InvalidArgument(f"{field} must hold a list of filters", field=field)
            parts = tuple(_read(one, f"{field}[{i}]", budget, depth + 1) for i, one in enumerate(given.filters))
            return type(given)(parts)
        case Not():
            return Not(_read(given.filter, f"{field}.not", budget, depth + 1))
        case Mapping():
            parts = tuple(_read_entry(key, value, field, budget, depth) for key, value in given.items())
            return parts[0] if len(parts) == 1 else And(parts)
    raise InvalidArgument(f"{field} must be a filter or a JSON object, not {type(given).__name__}", field=field)


def _read_entry(key: object, value: object, field: str, budget: list[int], depth: int) -> Filter:
    if not isinstance(key, str):
        raise InvalidArgument(f"{field} has a key that is not text", field=field)
    word = key.lower()
    if word in ("and", "or"):
        if isinstance(value, str) or not isinstance(value, Sequence):
            raise InvalidArgument(f"{field}.{key} must be a list of filters", field=f"{field}.{key}")
        parts = tuple(_read(one, f"{field}.{key}[{i}]", budget, depth + 1) for i, one in enumerate(value))
        return And(parts) if word == "and" else Or(parts)
    if word == "not":
        return Not(_read(value, f"{field}.not", budget, depth + 1))
    if isinstance(value, Mapping) and value and all(op in FILTER_OPS for op in value):
        budget[0] -= len(value)
        conditions = tuple(_condition(key, op, one, field) for op, one in value.items())
        return conditions[0] if len(conditions) == 1 else And(conditions)
    if isinstance(value, Mapping):
        raise InvalidArgument(
            f"{field}.{key[:64]} must be a value or an object of {', '.join(FILTER_OPS)}", field=f"{field}.{key[:64]}"
        )
    return _condition(key, "eq", value, field)


def _condition(key: object, op: object, value: object, field: str) -> Condition:
    name = text(key, f"{field} field", 1024, empty=False)
    where = f"{field}.{name[:64]}"
    if op not in FILTER_OPS:
        raise InvalidArgument(
            f"{where}: unknown operator {str(op)[:40]!r}; known: {', '.join(FILTER_OPS)}", field=where
        )
    normal = json_value(value, where)
    if op == "in" and not isinstance(normal, list):
        raise InvalidArgument(f"{where}: `in` needs a list of values", field=where)
    if op in ("gt", "gte", "lt", "lte") and (isinstance(normal, bool) or not isinstance(normal, int | float | str)):
        raise InvalidArgument(f"{where}: `{op}` needs a number or a text", field=where)
    return Condition(name, op, normal)


def matches(filter: Filter, metadata: Mapping[str, JsonValue]) -> bool:
    """Whether `filter` holds for one metadata object."""
    match filter:
        case Condition():
            return holds(filter, lookup(metadata, filter.field))
        case And():
            return all(matches(one, metadata) for one in filter.filters)
        case Or():
            return any(matches(one, metadata) for one in filter.filters)
        case Not():
            return not matches(filter.filter, metadata)


def lookup(metadata: Mapping[str, JsonValue], path: str) -> Any:
    """The value of a key, or of a dotted path into nested objects; a private marker where there is none."""
    if path in metadata:
        return metadata[path]
    value: Any = metadata
    for part in path.split("."):
        if not isinstance(value, Mapping) or part not in value:
            return _MISSING
        value = value[part]
    return value


def holds(condition: Condition, value: Any) -> bool:
    """Whether one condition holds for the value that `lookup` found."""
    op, wanted = condition.op, condition.value
    if value is _MISSING:
        return op == "ne"
    if op == "eq":
        return same(value, wanted)
    if op == "ne":
        return not same(value, wanted)
    if op == "in":
        return any(same(value, one) for one in wanted)
    if op == "contains":
        if isinstance(value, str):
            return isinstance(wanted, str) and wanted in value
        return isinstance(value, list) and any(same(one, wanted) for one in value)
    if isinstance(value, bool) or isinstance(value, str) != isinstance(wanted, str):
        return False
    if not isinstance(value, int | float | str):
        return False
    order: Any = value
    if op == "gt":
        return bool(order > wanted)
    if op == "gte":
        return bool(order >= wanted)
    if op == "lt":
        return bool(order < wanted)
    return bool(order <= wanted)


def same(left: Any, right: Any) -> bool:
    """JSON equality: as Python's, but true is not 1."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    return bool(left == right)
