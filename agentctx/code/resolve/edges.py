"""Relations between symbols, and what stayed without one."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final, NamedTuple

CONTAINS: Final = "contains"
IMPORTS: Final = "imports"
CALLS: Final = "calls"
REFERENCES: Final = "references"
INHERITS: Final = "inherits"
OVERRIDES: Final = "overrides"
TESTS: Final = "tests"


class Edge(NamedTuple):
    """A relation from one symbol to another. A file is named by its path, every other symbol by its id.

    `line` is where it is written in the source's file; `rung` says how it was found (see `CONFIDENCE`).
    """

    kind: str
    source: str
    target: str
    line: int
    rung: str
    confidence: float


class Unresolved(NamedTuple):
    """A call that is bound to nothing, and why: "external", "builtin", "ambiguous" or "unknown"."""

    source: str
    name: str
    receiver: str
    line: int
    why: str


@dataclass(slots=True)
class FileEdges:
    """What resolving one file gives. It depends on the file's facts and on those of the files it leads to."""

    path: str
    edges: list[Edge] = field(default_factory=list)
    unresolved: list[Unresolved] = field(default_factory=list)
    calls: Counter[str] = field(default_factory=Counter)
    """Calls by outcome: a rung of `CONFIDENCE`, or why it is unresolved."""
    footprint: bytes = b""
    """What was looked at outside of the file, for `affected`."""
