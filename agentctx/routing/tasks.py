"""The catalogue of task types: the 24 that ship, and a user's own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self, cast, get_args

from agentctx.errors import InvalidArgument, NotFound
from agentctx.routing.tables import Table, number, overlay, shipped, texts
from agentctx.types.routing import Domain, Sensitivity, TaskType

UNKNOWN: Final = "unknown"
# What a request is taken for when its kind cannot be told: as sensitive as the sensitive ones.
UNKNOWN_TASK: Final = TaskType(UNKNOWN, "a request whose kind could not be told", "high", "general", 0.05, 0.0, 800)


@dataclass(frozen=True, slots=True)
class Examples:
    """What a classifier learns a type from: whole requests, and words or phrases that speak for it."""

    prompts: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()


class TaskCatalog:
    """Task types by id, each with its examples. Immutable and thread-safe."""

    def __init__(self, types: Mapping[str, TaskType], examples: Mapping[str, Examples]) -> None:
        """Types and examples by id; every type needs at least one example, or nothing could be told to be it."""
        self._types = dict(types)
        self._examples = dict(examples)
        for id in self._types:
            own = self._examples.get(id, Examples())
            if not own.prompts and not own.keywords:
                raise InvalidArgument(f"task type {id!r} has no prompts and no keywords", field=f"task_types.{id}")

    @classmethod
    def load(cls, custom: Table | None = None) -> Self:
        """The shipped types, with a user's table laid over them.

        `custom` has a table a type, `[my_type]` with `description`, `sensitivity`, `domain`, `gain`, `output_tokens`,
        and its own `prompts` and `keywords`, which add to those that ship; `enabled = false` takes a type out.
        Raises InvalidArgument, naming the place, for what it does not understand.
        """
        custom = custom or {}
        table = overlay(shipped("tasks"), custom)
        types: dict[str, TaskType] = {}
        examples: dict[str, Examples] = {}
        for id, row in table.items():
            if not isinstance(row, Mapping):
                raise InvalidArgument(f"[{id}] must be a table", field=f"task_types.{id}")
            if row.get("enabled", True) is False:
                continue
            if not id.isidentifier() or id == UNKNOWN:
                raise InvalidArgument(
                    f"{id!r:.80} cannot be the id of a task type: letters, digits and _ only", field=id
                )
            types[id] = _task_type(id, row)
            own = custom.get(id, {})
            examples[id] = Examples(
                (*shipped("prototypes").get(id, ()), *texts(own.get("prompts", []), f"{id}.prompts")),
                (*_keywords(shipped("keywords").get(id, "")), *texts(own.get("keywords", []), f"{id}.keywords")),
            )
        if len(types) < 2:
            raise InvalidArgument("at least two task types must be enabled", field="task_types")
        return cls(types, examples)

    def __iter__(self) -> Iterator[TaskType]:
        return iter(self._types.values())

    def __len__(self) -> int:
        return len(self._types)

    def __contains__(self, id: object) -> bool:
        return id in self._types

    def get(self, id: str) -> TaskType:
        """The type with that id, or the one for what could not be told; NotFound for any other."""
        if id == UNKNOWN:
            return UNKNOWN_TASK
        try:
            return self._types[id]
        except KeyError:
            raise NotFound(f"no task type {id!r:.80}; known: {', '.join(self._types)}", field="task_type") from None

    @property
    def ids(self) -> Sequence[str]:
        """All ids, in the order of the table."""
        return tuple(self._types)

    def examples(self, id: str) -> Examples:
        """What the type is learned from."""
        return self._examples[id]


_KNOWN: Final = frozenset(
    "description sensitivity domain gain tasks output_tokens source enabled prompts keywords".split()
)


def _task_type(id: str, row: Mapping[str, Any]) -> TaskType:
    where = f"task_types.{id}"
    for key in row:
        if key not in _KNOWN:
            raise InvalidArgument(f"unknown key {key!r} in [{id}]; known: {', '.join(sorted(_KNOWN))}", field=where)
    sensitivity, domain = row.get("sensitivity", "high"), row.get("domain", "general")
    if sensitivity not in get_args(Sensitivity):
        raise InvalidArgument(f"{where}.sensitivity is high, moderate or low, not {sensitivity!r:.50}", field=where)
    if domain not in get_args(Domain):
        raise InvalidArgument(f"{where}.domain is general, code or reasoning, not {domain!r:.50}", field=where)
    filled = {"gain": 0.012, "tasks": 0.0, "output_tokens": 800} | dict(row)
    return TaskType(
        id,
        str(row.get("description", "")),
        cast("Sensitivity", sensitivity),
        cast("Domain", domain),
        number(filled, "gain", where, -1.0, 1.0),
        number(filled, "tasks", where),
        int(number(filled, "output_tokens", where, 1)),
        str(row.get("source", "")),
    )


def _keywords(text: str) -> list[str]:
    return [phrase for part in text.split(",") if (phrase := " ".join(part.split()))]
