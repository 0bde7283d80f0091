"""Reading the tables of `data/`, and those that a user lays over them."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from agentctx.errors import InvalidArgument

Table = Mapping[str, Any]


@cache
def shipped(name: str) -> Table:
    """The table `data/NAME.toml` of the package. Read once a process; do not change what it returns."""
    return tomllib.loads((resources.files("agentctx.routing") / "data" / f"{name}.toml").read_text(encoding="utf-8"))


def read(path: str | Path) -> Table:
    """A user's table. Raises InvalidArgument for a file that cannot be read or is no TOML."""
    try:
        return tomllib.loads(Path(path).expanduser().read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidArgument(f"cannot read the routing table {path}: {error!s:.200}", field="routing") from error


def overlay(base: Table, over: Table) -> Table:
    """`base` with the values of `over` in their place, table by table; neither is changed."""
    merged = dict(base)
    for key, value in over.items():
        known = merged.get(key)
        merged[key] = overlay(known, value) if isinstance(known, Mapping) and isinstance(value, Mapping) else value
    return merged


def number(table: Table, key: str, where: str, low: float = 0.0, high: float = float("inf")) -> float:
    """`table[key]` as a number within its bounds; InvalidArgument, naming the place, for anything else."""
    value = table.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise InvalidArgument(
            f"{where}.{key} must be a number from {low:g} to {high:g}, not {value!r:.50}", field=where
        )
    return float(value)


def texts(value: object, where: str) -> Sequence[str]:
    """A list of non-blank texts; InvalidArgument for anything else."""
    if not isinstance(value, list) or not all(isinstance(item, str) and item.strip() for item in value):
        raise InvalidArgument(f"{where} must be a list of texts", field=where)
    return value
