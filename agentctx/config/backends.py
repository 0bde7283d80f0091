"""`[backends.NAME]`: where language models are served, at which precision and price."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any

from agentctx.errors import InvalidArgument


@dataclass(frozen=True, slots=True)
class BackendSettings:
    """One OpenAI-compatible endpoint at one precision.

    base_url: mostly ends in /v1. precision: see docs/routing.md; tier (4, 8 or 16) for one of your own. Prices are US
    dollars per million tokens; without them a backend is never taken for being cheap. context_window: tokens, 0 for
    unknown. billions: the model's parameters. api_key_env, api_key_file: where the key is read from; a key itself
    never stands in a file of settings. counter: how its tokens are counted (docs/tokens.md; default: by the model's
    name, else the endpoint's own /tokenize). timeout: seconds without a byte until it counts as hanging; max_seconds:
    for a whole answer. retries: before the first token, on passing failures. concurrency: requests at once. fallback:
    backends to try in turn when it fails (default: those that the router names, equal tiers first, then up).
    overthinking_penalty: subtracted from the logits of hesitation words on low-bit reasoning backends, 0 for never.
    """

    base_url: str
    model: str
    precision: str = "unknown"
    tier: int = 0
    input_per_1m: float | None = None
    output_per_1m: float | None = None
    cached_input_per_1m: float | None = None
    context_window: int = 0
    billions: float = 0.0
    region: str = ""
    capabilities: tuple[str, ...] = ()
    reasoning: bool = False
    first_token_seconds: float = 0.0
    tokens_per_second: float = 0.0
    api_key_env: str = ""
    api_key_file: str = ""
    counter: str = ""
    timeout: float = 60.0
    max_seconds: float = 600.0
    retries: int = 2
    concurrency: int = 8
    fallback: tuple[str, ...] = ()
    overthinking_penalty: float = 0.0


# Beyond it clocks and prices stop making sense.
_MOST = 1_000_000_000
_POSITIVE = frozenset({"timeout", "max_seconds", "concurrency"})
_FIELDS = {field.name: field for field in fields(BackendSettings)}


def read_backends(table: object) -> dict[str, BackendSettings]:
    """`[backends]` as settings, by name. Raises InvalidArgument, naming the place and the fix, for anything else."""
    if not isinstance(table, Mapping):
        raise InvalidArgument("[backends] holds a table for each backend: [backends.NAME]", field="backends")
    found = {str(name): _backend(str(name), values) for name, values in table.items()}
    for name, backend in found.items():
        for other in backend.fallback:
            if other not in found or other == name:
                where = f"backends.{name}.fallback"
                raise InvalidArgument(f"{where} names {other!r}, which is no other backend", field=where)
    return found


def _backend(name: str, values: object) -> BackendSettings:
    where = f"backends.{name}"
    if not name.strip() or not name.isprintable() or len(name) > 200:
        raise InvalidArgument(f"[{where!r:.80}]: a backend's name is one line of 1 to 200 letters", field="backends")
    if not isinstance(values, Mapping):
        raise InvalidArgument(f"[{where}] must be a table", field=where)
    if "api_key" in values:
        raise InvalidArgument(
            f"{where}.api_key: a key does not belong into a file of settings; name its variable in api_key_env, or a "
            "file that holds it in api_key_file",
            field=f"{where}.api_key",
        )
    given: dict[str, Any] = {}
    for key, value in values.items():
        field = _FIELDS.get(key)
        if field is None:
            raise InvalidArgument(f"unknown setting {where}.{key}; known: {', '.join(_FIELDS)}", field=f"{where}.{key}")
        given[key] = _value(f"{where}.{key}", key, str(field.type), value)
    for key in ("base_url", "model"):
        if not given.get(key):
            raise InvalidArgument(f"{where}.{key} is missing", field=f"{where}.{key}")
    if (given.get("input_per_1m") is None) != (given.get("output_per_1m") is None):
        raise InvalidArgument(
            f"{where}: give input_per_1m and output_per_1m, or neither", field=f"{where}.output_per_1m"
        )
    if given.get("cached_input_per_1m") is not None and given.get("input_per_1m") is None:
        raise InvalidArgument(f"{where}: cached_input_per_1m needs input_per_1m", field=f"{where}.cached_input_per_1m")
    if given.get("api_key_env") and given.get("api_key_file"):
        raise InvalidArgument(f"{where}: give api_key_env or api_key_file, not both", field=f"{where}.api_key_file")
    if given.get("tier", 0) not in (0, 4, 8, 16):
        raise InvalidArgument(f"{where}.tier is 4, 8 or 16", field=f"{where}.tier")
    return BackendSettings(**given)


def _value(where: str, key: str, type_: str, value: object) -> object:
    if type_.startswith("tuple"):
        if isinstance(value, list) and all(isinstance(one, str) and one for one in value):
            return tuple(value)
        raise InvalidArgument(f"{where} is a list of names", field=where)
    if type_ == "bool":
        if isinstance(value, bool):
            return value
        raise InvalidArgument(f"{where} is true or false", field=where)
    if type_ == "str":
        if isinstance(value, str):
            return value
        raise InvalidArgument(f"{where} is a text", field=where)
    default = _FIELDS[key].default
    assert default is not MISSING
    whole = type_ == "int"
    if (
        isinstance(value, bool)
        or not isinstance(value, int if whole else int | float)
        or (isinstance(value, float) and math.isnan(value))
    ):
        raise InvalidArgument(f"{where} is a {'whole ' if whole else ''}number", field=where)
    if value < 0 or (value == 0 and key in _POSITIVE):
        raise InvalidArgument(f"{where} must be {'above 0' if key in _POSITIVE else '0 or more'}", field=where)
    if value > _MOST:
        raise InvalidArgument(f"{where} is at most {_MOST:,}", field=where)
    return value if whole else float(value)
