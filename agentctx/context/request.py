"""A `build` call, checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Self

from agentctx.config import Limits
from agentctx.errors import InvalidArgument
from agentctx.memory import validate
from agentctx.text.tokens import TokenCounter
from agentctx.types.context import BUNDLE_FORMATS, BundleFormat
from agentctx.types.context_api import BuildOptions

LARGEST: Final = 100_000_000  # tokens: what is larger is a mistake
_REPOSITORIES: Final = 32
_PREVIOUS: Final = 100_000
_ID: Final = 8192  # bytes of an item's id


@dataclass(frozen=True, slots=True)
class BuildRequest:
    """What `BuildOptions` say, in its normal form."""

    query: str
    budget: int
    namespace: str
    repositories: tuple[str, ...]
    counter: str | TokenCounter
    memory_budget: int | None
    code_budget: int | None
    session: str
    previous: tuple[str, ...]
    reference_time: datetime | None
    as_of: datetime | None
    format: BundleFormat
    path: str
    tests: bool
    llm: bool

    @classmethod
    def read(cls, query: object, budget: object, options: BuildOptions, limits: Limits) -> Self:
        """The request. Raises InvalidArgument, naming the field."""
        validate.unknown_options(options, tuple(BuildOptions.__annotations__))
        given: dict[str, Any] = dict(options)
        namespace = given.get("namespace", "")
        format = given.get("format", "markdown")
        if format not in BUNDLE_FORMATS:
            raise InvalidArgument(f"format is one of {', '.join(BUNDLE_FORMATS)}, not {format!r:.50}", field="format")
        request = cls(
            query=validate.text(query, "query", limits.query_bytes),
            budget=validate.integer(budget, "budget", 1, LARGEST),
            namespace=validate.namespace(namespace) if namespace != "" else "",
            repositories=validate.names(given.get("repositories", ()), "repositories", _REPOSITORIES),
            counter=given.get("counter", ""),
            memory_budget=_part(given.get("memory_budget"), "memory_budget"),
            code_budget=_part(given.get("code_budget"), "code_budget"),
            session=validate.identifier(given.get("session", ""), "session", empty=True),
            previous=_ids(given.get("previous", ())),
            reference_time=validate.moment(given.get("reference_time"), "reference_time"),
            as_of=validate.moment(given.get("as_of"), "as_of"),
            format=format,
            path=validate.text(given.get("path", ""), "path", 4096),
            tests=validate.boolean(given.get("tests", False), "tests"),
            llm=validate.boolean(given.get("llm", True), "llm"),
        )
        if not request.namespace and not request.repositories:
            raise InvalidArgument(
                "name a namespace, repositories, or both: there is nothing to build from", field="namespace"
            )
        return request


def _part(value: object, field: str) -> int | None:
    return None if value is None else validate.integer(value, field, 0, LARGEST)


def _ids(value: object) -> tuple[str, ...]:
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise InvalidArgument(f"previous must be a list of item ids, not {type(value).__name__}", field="previous")
    if len(value) > _PREVIOUS:
        raise InvalidArgument(f"previous has {len(value)} entries; at most {_PREVIOUS} are allowed", field="previous")
    return tuple(dict.fromkeys(validate.text(one, f"previous[{i}]", _ID, empty=False) for i, one in enumerate(value)))
