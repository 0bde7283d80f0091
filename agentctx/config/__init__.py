"""Settings: read once from TOML and the environment, then passed in. Nothing here is read at import.

Order: defaults, then the TOML file (`--config`, or `AGENTCTX_CONFIG`), then `AGENTCTX_<SECTION>_<NAME>` variables.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal, Self

from agentctx.config.backends import BackendSettings, read_backends
from agentctx.errors import InvalidArgument


@dataclass(frozen=True, slots=True)
class Limits:
    """What a single request may ask for; more is an InvalidArgument that names the field."""

    content_bytes: int = 1_000_000
    query_bytes: int = 65_536
    metadata_bytes: int = 65_536
    batch: int = 1_000
    k: int = 10_000
    page_size: int = 1_000
    filter_nodes: int = 256
    tags: int = 64


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """`synchronous` FULL (default) makes each acknowledged write survive a power cut; NORMAL a crash of the process.

    busy_timeout: seconds to wait for another process's write. pool_size: connections for readers.
    """

    synchronous: Literal["FULL", "NORMAL"] = "FULL"
    busy_timeout: float = 10.0
    pool_size: int = 8


@dataclass(frozen=True, slots=True)
class IndexSettings:
    """`memory_bytes`: what the indexes in memory may hold in all; past it the coldest namespaces go first.

    housekeeping: whether a thread in the background writes snapshots and tidies indexes. snapshots: whether indexes
    are kept beside the store, so that opening it again does not make them anew.
    """

    memory_bytes: int = 2 << 30
    housekeeping: bool = True
    snapshots: bool = True


@dataclass(frozen=True, slots=True)
class SearchSettings:
    """Which evidence takes part in a search's score; all of it by default. Switched off for ablations.

    time, tags: whether times and tags that a query speaks of count, and lead to candidates. routing: whether a search
    scores the promising episodes only; off, each search is exhaustive.
    """

    lexical: bool = True
    dense: bool = True
    context: bool = True
    time: bool = True
    tags: bool = True
    routing: bool = True


@dataclass(frozen=True, slots=True)
class TagSettings:
    """`tagger`: rules (default) needs nothing; llm also asks the model of [llm], after a write is acknowledged.

    k and depth: how many tags a query leads to by meaning, and how far down from them it looks.
    """

    tagger: Literal["rules", "llm"] = "rules"
    k: int = 5
    depth: int = 2


@dataclass(frozen=True, slots=True)
class LlmSettings:
    """A chat endpoint that speaks OpenAI's API. The key comes from AGENTCTX_CHAT_API_KEY, never from settings.

    timeout: seconds for one request. patience: seconds to repeat what failed for a passing reason.
    """

    model: str = ""
    base_url: str = "https://api.openai.com/v1"
    timeout: float = 60.0
    patience: float = 60.0


@dataclass(frozen=True, slots=True)
class RoutingSettings:
    """How requests find their backend (`[backends.NAME]`, see BackendSettings).

    policy: auto, auto:cost, auto:quality or auto:value. tables: a TOML file laid over what ships. failures: in a row,
    until a backend rests for `cooldown` seconds. session_budget, namespace_budget: US dollars that each may spend in
    all, 0 for no limit. keep_prompts: store what was asked beside what it cost (default: only a hash).
    """

    policy: str = "auto"
    tables: str = ""
    failures: int = 3
    cooldown: float = 60.0
    session_budget: float = 0.0
    namespace_budget: float = 0.0
    keep_prompts: bool = False


@dataclass(frozen=True, slots=True)
class CodeSettings:
    """workers: processes that parse; 0: one for each core. largest_file: bytes, larger ones are left out and named.

    most_files: a tree with more is refused. submodules: whether they belong to the tree around them. parse_timeout:
    seconds for one file. wait: seconds to wait for another run over the same repository. generations: how many stay in
    the store. memory_bytes: what generations in memory may take. snapshots: whether they are kept beside the store.
    """

    workers: int = 0
    largest_file: int = 2 << 20
    most_files: int = 200_000
    submodules: bool = False
    parse_timeout: float = 20.0
    wait: float = 60.0
    generations: int = 2
    memory_bytes: int = 1 << 30
    snapshots: bool = True


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of an engine, immutable."""

    limits: Limits = field(default_factory=Limits)
    store: StoreSettings = field(default_factory=StoreSettings)
    index: IndexSettings = field(default_factory=IndexSettings)
    search: SearchSettings = field(default_factory=SearchSettings)
    tags: TagSettings = field(default_factory=TagSettings)
    llm: LlmSettings = field(default_factory=LlmSettings)
    code: CodeSettings = field(default_factory=CodeSettings)
    routing: RoutingSettings = field(default_factory=RoutingSettings)
    backends: Mapping[str, BackendSettings] = field(default_factory=dict)

    @classmethod
    def load(cls, path: str | Path | None = None, environ: Mapping[str, str] | None = None) -> Self:
        """Settings from a TOML file and `AGENTCTX_*` variables (default: `os.environ`).

        Raises InvalidArgument for an unreadable file, an unknown name or a value of the wrong type.
        """
        environ = os.environ if environ is None else environ
        path = path or environ.get("AGENTCTX_CONFIG")
        table: dict[str, Any] = {}
        if path:
            try:
                table = tomllib.loads(Path(path).read_text(encoding="utf-8"))
            except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
                raise InvalidArgument(f"cannot read the settings file {path}: {error}", field="config") from error
        settings = cls()
        settings = replace(settings, backends=read_backends(table.pop("backends", {})))
        for section in fields(cls):
            if section.name == "backends":
                continue
            given = table.pop(section.name, {})
            if not isinstance(given, dict):
                raise InvalidArgument(f"[{section.name}] must be a table", field=section.name)
            prefix = f"AGENTCTX_{section.name.upper()}_"
            values = dict(given) | {k[len(prefix) :].lower(): v for k, v in environ.items() if k.startswith(prefix)}
            settings = replace(settings, **{section.name: _fill(getattr(settings, section.name), values, section.name)})
        if table:
            raise InvalidArgument(f"unknown section [{next(iter(table))}] in {path}", field=next(iter(table)))
        return settings


def _fill(section: Any, values: Mapping[str, object], name: str) -> Any:
    known = {f.name: getattr(section, f.name) for f in fields(section)}
    changes: dict[str, object] = {}
    for key, value in values.items():
        where = f"{name}.{key}"
        if key not in known:
            raise InvalidArgument(f"unknown setting {where}; known: {', '.join(sorted(known))}", field=where)
        changes[key] = _cast(value, known[key], where)
    if changes.get("synchronous", "FULL") not in ("FULL", "NORMAL"):
        raise InvalidArgument("store.synchronous is FULL or NORMAL", field="store.synchronous")
    if changes.get("tagger", "rules") not in ("rules", "llm"):
        raise InvalidArgument("tags.tagger is rules or llm", field="tags.tagger")
    return replace(section, **changes)


def _cast(value: object, default: object, where: str) -> object:
    """`value`, perhaps text from the environment, as the type of `default`."""
    try:
        if isinstance(default, bool):
            if isinstance(value, bool):
                return value
            return {"1": True, "true": True, "0": False, "false": False}[str(value).lower()]
        if isinstance(default, int | float) and not isinstance(value, bool):
            number = type(default)(str(value))
            if number < 0 or (number == 0 and default != 0):
                least = "0 or more" if default == 0 else "above 0"
                raise InvalidArgument(f"{where} must be {least}, not {value!r}", field=where)
            return number
    except (KeyError, TypeError, ValueError):
        pass
    else:
        if isinstance(value, str) and isinstance(default, str):
            return value
    raise InvalidArgument(f"{where} must be a {type(default).__name__}, not {value!r}", field=where)
