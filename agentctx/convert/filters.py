"""Metadata filters between `agentctx.types` and their messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from google.protobuf.struct_pb2 import Struct

from agentctx.convert.values import JSON_DEPTH, get_struct, get_value, put_value, text
from agentctx.errors import InvalidArgument
from agentctx.types import FILTER_OPS, And, Condition, FilterLike, FilterOp, Not, Or
from agentctx.v1 import filter_pb2

_DEPTH: Final = 32  # as the engine's; with a value of the usual depth it stays within what protobuf reads
_CODES: Final = {op: filter_pb2.FilterOp.Value(f"FILTER_OP_{op.upper()}") for op in FILTER_OPS}
_OPS: Final[dict[int, FilterOp]] = {code: op for op, code in _CODES.items()}


def put_filter(message: filter_pb2.Filter, given: object, field: str = "filter", depth: int = 0) -> None:
    """Fill a Filter message from a Filter, or from its JSON form, which travels as it is."""
    if depth > _DEPTH:
        raise InvalidArgument(f"{field} is too large or too deeply nested", field=field)
    match given:
        case Condition():
            _put_condition(message.condition, given, field)
        case And() | Or():
            if not isinstance(given.filters, Sequence):
                raise InvalidArgument(f"{field} must hold a list of filters", field=field)
            inside = message.all_of if isinstance(given, And) else message.any_of
            inside.SetInParent()
            for i, one in enumerate(given.filters):
                put_filter(inside.filters.add(), one, f"{field}[{i}]", depth + 1)
        case Not():
            put_filter(message.negation, given.filter, f"{field}.not", depth + 1)
        case Mapping():
            _put_json(message.json, given, field)
        case _:
            raise InvalidArgument(f"{field} must be a filter or a JSON object, not {type(given).__name__}", field=field)


def _put_json(message: Struct, given: Mapping[Any, Any], field: str, depth: int = 1) -> None:
    """The JSON form as it is; only the paths in errors follow its meaning, as the engine's do."""
    message.SetInParent()
    for key, value in given.items():
        if not isinstance(key, str):
            raise InvalidArgument(f"{field} has a key that is not text", field=field)
        slot = message.fields[text(key, f"{field} field")]
        where = f"{field}.{key[:64]}"
        word = key.lower()
        if word in ("and", "or") and isinstance(value, Sequence) and all(isinstance(one, Mapping) for one in value):
            slot.list_value.SetInParent()
            for i, one in enumerate(value):
                _bounded(depth, field)
                _put_json(slot.list_value.values.add().struct_value, one, f"{where}[{i}]", depth + 2)
        elif word == "not" and isinstance(value, Mapping):
            _bounded(depth, field)
            _put_json(slot.struct_value, value, f"{field}.not", depth + 1)
        elif isinstance(value, Mapping) and value and all(op in FILTER_OPS for op in value):
            for op, one in value.items():
                put_value(slot.struct_value.fields[op], one, where, depth + 1)
        else:
            put_value(slot, value, where, depth)


def _bounded(depth: int, field: str) -> None:
    if depth > JSON_DEPTH:
        raise InvalidArgument(f"{field} is too large or too deeply nested", field=field)


def _put_condition(message: filter_pb2.Condition, given: Condition, field: str) -> None:
    message.field = text(given.field, f"{field} field")
    where = f"{field}.{given.field[:64]}"
    code = _CODES.get(given.op) if isinstance(given.op, str) else None
    if code is None:
        raise InvalidArgument(
            f"{where}: unknown operator {str(given.op)[:40]!r}; known: {', '.join(FILTER_OPS)}", field=where
        )
    message.op = code  # type: ignore[assignment]
    put_value(message.value, given.value, where)


def get_filter(message: filter_pb2.Filter, field: str = "filter", depth: int = 0) -> FilterLike:
    """The Filter of a message; its JSON form comes out as a dict."""
    if depth > _DEPTH:
        raise InvalidArgument(f"{field} is too large or too deeply nested", field=field)
    kind = message.WhichOneof("kind")
    if kind == "condition":
        given = message.condition
        where = f"{field}.{given.field[:64]}"
        op = _OPS.get(given.op)
        if op is None:
            raise InvalidArgument(f"{where}: no such operator; known: {', '.join(FILTER_OPS)}", field=where)
        return Condition(given.field, op, get_value(given.value, where))
    if kind == "json":
        return get_struct(message.json, field)
    if kind == "negation":
        inner: Any = get_filter(message.negation, f"{field}.not", depth + 1)
        return Not(inner)
    if kind in ("all_of", "any_of"):
        members = (message.all_of if kind == "all_of" else message.any_of).filters
        parts: Any = tuple(get_filter(one, f"{field}[{i}]", depth + 1) for i, one in enumerate(members))
        return And(parts) if kind == "all_of" else Or(parts)
    raise InvalidArgument(f"{field} must be a condition, all_of, any_of, negation or json", field=field)
