"""What the code service answers: repositories, symbols, relations, hits, maps and scouting."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal

EdgeKind = Literal["contains", "imports", "calls", "references", "inherits", "overrides", "tests"]
EDGE_KINDS: Final[tuple[EdgeKind, ...]] = (
    "contains",
    "imports",
    "calls",
    "references",
    "inherits",
    "overrides",
    "tests",
)
Direction = Literal["out", "in", "both"]
DIRECTIONS: Final[tuple[Direction, ...]] = ("out", "in", "both")
Granularity = Literal["file", "symbol", "chunk"]
GRANULARITIES: Final[tuple[Granularity, ...]] = ("file", "symbol", "chunk")


@dataclass(frozen=True, slots=True)
class Generation:
    """A published state of a repository: which tree an answer speaks of.

    commit and branch are empty outside git. changed: whether the tree has changed since, None where nobody looked.
    """

    repository: str
    number: int
    commit: str = ""
    branch: str = ""
    changed: bool | None = None
    indexed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Repository:
    """An indexed code base. `root` is the folder (or bare repository) that it was read from."""

    name: str
    root: str
    generation: Generation
    files: int
    symbols: int
    edges: int
    languages: Mapping[str, int] = field(default_factory=dict)
    """Files by language."""


@dataclass(frozen=True, slots=True)
class RepositoryPage:
    """A page of repositories in the order of their names. `next_page_token` is empty on the last page."""

    repositories: tuple[Repository, ...]
    next_page_token: str = ""


@dataclass(frozen=True, slots=True)
class FileProblem:
    """A file whose facts are missing or partial, or that was left out, and why."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class IndexReport:
    """What one run of `index` did.

    parsed: files whose facts were made; reused: those found by content; resolved: files whose edges were made again;
    removed: files gone since the last generation. published: whether there was anything to publish. calls: calls by
    how they were resolved, or why not. seconds: wall time by stage.
    """

    repository: Repository
    published: bool
    parsed: int
    reused: int
    resolved: int
    removed: int
    edges: Mapping[str, int] = field(default_factory=dict)
    calls: Mapping[str, int] = field(default_factory=dict)
    skipped: tuple[FileProblem, ...] = ()
    problems: tuple[FileProblem, ...] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class IndexProgress:
    """How far an `index` is. The last one carries the report, all others None."""

    stage: str
    done: int
    total: int | None
    report: IndexReport | None = None


@dataclass(frozen=True, slots=True)
class Symbol:
    """A named program element, or a file (kind "file"), or a section of a document (kind "section").

    id: path + qualified name + kind (+ ordinal), see docs/code.md; a file's id is its path. Lines count from 1, both
    ends included. signature: how it is declared, one line; doc: the first line of its documentation.
    """

    id: str
    path: str
    name: str
    qualname: str
    kind: str
    language: str
    start_line: int
    end_line: int
    signature: str = ""
    doc: str = ""


@dataclass(frozen=True, slots=True)
class CodeHit:
    """A file, symbol or chunk that answers a query, as structure: never its text.

    A chunk's symbol is the one around it, and `start_line` to `end_line` its own lines. score: comparable within one
    answer. parts: the evidence that the score is the sum of. reason: why it was considered, for people.
    """

    symbol: Symbol
    start_line: int
    end_line: int
    score: float
    parts: Mapping[str, float] = field(default_factory=dict)
    reason: str = ""


@dataclass(frozen=True, slots=True)
class CodeSearchResult:
    """Hits, best first; ties by path and position."""

    hits: tuple[CodeHit, ...]
    generation: Generation
    stages_ms: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SymbolResult:
    """Symbols that a name stands for, best first; `exact` says how many of them bear just that name."""

    symbols: tuple[Symbol, ...]
    exact: int
    generation: Generation


@dataclass(frozen=True, slots=True)
class Relation:
    """An edge as seen from the symbol that was asked about, `depth` steps away.

    line: where it is written in the file of `source`. confidence in 0..1 and `rung` tell how it was found.
    """

    kind: EdgeKind
    source: str
    symbol: Symbol
    direction: Literal["out", "in"]
    depth: int
    line: int
    confidence: float
    rung: str


@dataclass(frozen=True, slots=True)
class NeighbourResult:
    """Relations of `symbol`, nearest first, then most confident. truncated: more exist than were asked for."""

    symbol: Symbol
    relations: tuple[Relation, ...]
    truncated: bool
    generation: Generation


@dataclass(frozen=True, slots=True)
class OutlineEntry:
    """A line of an outline: a symbol of a file, or a file or folder of a folder (kind "folder").

    tokens: what its whole text costs, by the estimate of the index.
    """

    symbol: Symbol
    depth: int
    tokens: int = 0


@dataclass(frozen=True, slots=True)
class Outline:
    """The symbols of a file in order, or what a folder holds."""

    path: str
    entries: tuple[OutlineEntry, ...]
    truncated: bool
    generation: Generation


@dataclass(frozen=True, slots=True)
class CodeMap:
    """An overview of a repository that fits a budget. `tokens` counts `text` whole, by `counter`; never over."""

    text: str
    tokens: int
    budget: int
    counter: str
    files: int
    symbols: int
    generation: Generation


@dataclass(frozen=True, slots=True)
class Anchor:
    """Something in a query that points at code: kind is "path", "frame", "identifier", "quoted" or "phrase"."""

    kind: str
    text: str
    weight: float
    matches: int


@dataclass(frozen=True, slots=True)
class ScoutStep:
    """One round of scouting: what was asked, what came new, and what the policy made of it.

    cost: tokens of structure read so far; gain: confidence won per 1,000 tokens in this round.
    """

    number: int
    action: str
    candidates: int
    new: int
    confidence: float
    cost: int
    gain: float


@dataclass(frozen=True, slots=True)
class ScoutResult:
    """Where to look for a task: hits as structure, best first, and how they were found.

    files: the paths in the order of relevance. confidence in 0..1. stopped: why scouting ended. tokens: what the
    structure of all hits costs, rendered. degraded: what could not be used, such as a model that did not answer.
    """

    hits: tuple[CodeHit, ...]
    files: tuple[str, ...]
    anchors: tuple[Anchor, ...]
    trace: tuple[ScoutStep, ...]
    confidence: float
    stopped: str
    tokens: int
    generation: Generation
    degraded: tuple[str, ...] = ()
    stages_ms: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SourceText:
    """Lines of a file as they were indexed, first to last included. stale: the tree has another text by now."""

    path: str
    start_line: int
    end_line: int
    text: str
    stale: bool
    generation: Generation
