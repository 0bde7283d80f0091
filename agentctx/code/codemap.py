"""One published generation of a repository in memory: files, units, words, relations. Immutable, shared by threads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

from agentctx.code.classify import Marks
from agentctx.code.languages import BY_NAME
from agentctx.code.units import COLUMNS, EXPORTED, FILE, PART, STRINGS
from agentctx.code.words import find_words, vocabulary
from agentctx.index.fields import FieldIndex
from agentctx.index.graph import Graph
from agentctx.text.hashes import hash_of
from agentctx.types import Symbol
from agentctx.types.code import EDGE_KINDS, EdgeKind, Generation

Ints = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float32]

_PLACE: Final = {name: place for place, name in enumerate(COLUMNS)}
_WIDTH: Final = len(STRINGS)
_DEEPEST: Final = 8
_BYTES_A_TOKEN: Final = 3.6  # of source code, by the cl100k vocabulary; an outline says "about"


@dataclass(frozen=True, slots=True)
class Edge:
    """An edge of the graph between two units; `at` is its place among all edges."""

    kind: EdgeKind
    source: int
    target: int
    line: int
    rung: str
    confidence: float
    at: int


@dataclass(frozen=True, eq=False, repr=False)
class Codebase:
    """A generation. Units are numbered file by file in the order of the paths: the file's own row, its definitions,
    the sections of a document, then parts of long texts, which are no symbols.

    Arrays are by unit unless they say otherwise, and read-only.
    """

    generation: Generation
    paths: tuple[str, ...]
    content_hashes: tuple[str, ...]
    languages: tuple[str, ...]
    """Of each file; empty for other text."""
    sizes: npt.NDArray[np.int64]
    """Bytes of each file."""
    marks: npt.NDArray[np.uint8]
    """Of each file, as `classify.Marks`."""
    first_unit: Ints
    """The row of each file among the units, and at the end how many units there are."""
    file_of: Ints
    kind_names: tuple[str, ...]
    columns: Ints
    """See `analysis.COLUMNS`; kinds are places in `kind_names`, parents are units, -1 for files."""
    local: npt.NDArray[np.uint64]
    folded: npt.NDArray[np.uint64]
    offsets: npt.NDArray[np.int64]
    strings: bytes | memoryview
    rung_names: tuple[str, ...]
    graph: Graph
    words: FieldIndex
    """Over units."""
    file_words: FieldIndex
    """Over files, each as a whole."""
    path_words: FieldIndex
    """Over files: their folders and their names."""
    derived: dict[str, Any] = field(default_factory=dict)
    """What is made of this generation when it is first asked for, by the modules that make it."""

    # --- files ------------------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self.file_of)

    @property
    def files(self) -> int:
        """How many files."""
        return len(self.paths)

    def file_index(self, path: str) -> int | None:
        """The place of a file in `paths`."""
        return self._file_places.get(path)

    def path_of(self, unit: int) -> str:
        """The path of the file that a unit is in."""
        return self.paths[int(self.file_of[unit])]

    @cached_property
    def is_test(self) -> npt.NDArray[np.bool_]:
        """Of each file."""
        return (self.marks & Marks.TEST.value) > 0

    @cached_property
    def is_vendored(self) -> npt.NDArray[np.bool_]:
        """Of each file: vendored, generated or minified code, which nobody edits."""
        return (self.marks & (Marks.VENDORED | Marks.GENERATED | Marks.MINIFIED).value) > 0

    @cached_property
    def is_code(self) -> npt.NDArray[np.bool_]:
        """Of each file: whether it is in a programming language."""
        code = np.array([name in BY_NAME for name in sorted(self.language_names)], dtype=bool)
        return code[self.language_codes] if len(code) else np.zeros(0, dtype=bool)

    # --- units ------------------------------------------------------------------------------------------------------

    @property
    def kind(self) -> Ints:
        """Places in `kind_names`."""
        return self.columns[:, _PLACE["kind"]]

    @property
    def parent(self) -> Ints:
        """The unit around each; the file's row at the top, -1 for files."""
        return self.columns[:, _PLACE["parent"]]

    @property
    def start_line(self) -> Ints:
        """First lines, from 1, decorators included."""
        return self.columns[:, _PLACE["start_line"]]

    @property
    def end_line(self) -> Ints:
        """Last lines."""
        return self.columns[:, _PLACE["end_line"]]

    @property
    def exported(self) -> npt.NDArray[np.bool_]:
        """Whether the unit can be used from other files."""
        return (self.columns[:, _PLACE["flags"]] & EXPORTED) > 0

    @cached_property
    def is_symbol(self) -> npt.NDArray[np.bool_]:
        """All but parts."""
        return self._kind_mask(PART, invert=True)

    @cached_property
    def is_file(self) -> npt.NDArray[np.bool_]:
        """The rows of files."""
        return self._kind_mask(FILE)

    @cached_property
    def is_private(self) -> npt.NDArray[np.bool_]:
        """Whether the name, or that of something around, begins with an underscore (dunders do not count)."""
        starts = self.offsets[0:-1:_WIDTH]
        data = np.frombuffer(self.strings, dtype=np.uint8)
        sizes = self.offsets[1::_WIDTH] - starts
        if not len(data):
            return np.zeros(len(self), dtype=bool)
        last = len(data) - 1
        first = (data[np.minimum(starts, last)] == ord("_")) & (sizes > 1)
        private: npt.NDArray[np.bool_] = first & (data[np.minimum(starts + 1, last)] != ord("_"))
        for _ in range(_DEEPEST):
            inherited = private | ((self.parent >= 0) & private[self.parent])
            if (inherited == private).all():
                break
            private = inherited
        return private

    @cached_property
    def is_leaf(self) -> npt.NDArray[np.bool_]:
        """What is shown as a chunk: parts, and symbols that are not cut into any."""
        leaf = np.ones(len(self), dtype=bool)
        leaf[self.parent[~self.is_symbol]] = False
        return leaf

    @cached_property
    def symbols(self) -> Ints:
        """The unit itself, or what it is a part of."""
        return np.where(self.is_symbol, np.arange(len(self), dtype=np.int32), self.parent)

    @cached_property
    def tokens(self) -> Ints:
        """About how many tokens each unit's whole text costs."""
        size = self.columns[:, _PLACE["end_byte"]] - self.columns[:, _PLACE["start_byte"]]
        found: Ints = np.ceil(size / _BYTES_A_TOKEN).astype(np.int32)
        return found

    def kind_of(self, unit: int) -> str:
        """The kind as text."""
        return self.kind_names[int(self.columns[unit, 0])]

    def name(self, unit: int) -> str:
        """The name; of a file that of its path."""
        return self._text(unit, 0) or (self.path_of(unit).rpartition("/")[2] if self.is_file[unit] else "")

    def qualname(self, unit: int) -> str:
        """The name with those around it; of a file its path."""
        return self._text(unit, 1) or (self.path_of(unit) if self.is_file[unit] else "")

    def signature(self, unit: int) -> str:
        """How the unit is declared, on one line."""
        return self._text(unit, 2)

    def doc(self, unit: int) -> str:
        """The first line of the documentation."""
        return self._text(unit, 3)

    def symbol_of(self, unit: int) -> int:
        """The unit itself, or what it is a part of."""
        while not self.is_symbol[unit]:
            unit = int(self.parent[unit])
        return unit

    def id_of(self, unit: int) -> str:
        """The stable id: a file's path, else `PATH::QUALNAME:KIND`, with `~N` for further ones."""
        if self.is_file[unit]:
            return self.path_of(unit)
        ordinal = int(self.columns[unit, _PLACE["ordinal"]])
        tail = f"~{ordinal}" if ordinal else ""
        return f"{self.path_of(unit)}::{self._text(unit, 1)}:{self.kind_of(unit)}{tail}"

    def index_of(self, symbol_id: str) -> int | None:
        """The unit of an id, None where there is none. Some 5 us."""
        path, separator, rest = symbol_id.partition("::")
        file = self._file_places.get(path)
        if file is None:
            return None
        first, end = int(self.first_unit[file]), int(self.first_unit[file + 1])
        if not separator:
            return first
        found = np.flatnonzero(self.local[first:end] == np.uint64(hash_of(rest)))
        return first + int(found[0]) if len(found) else None

    def symbol(self, unit: int) -> Symbol:
        """The unit as callers see it; of a part what it is a part of."""
        unit = self.symbol_of(unit)
        row = self.columns[unit].tolist()
        return Symbol(
            id=self.id_of(unit),
            path=self.path_of(unit),
            name=self.name(unit),
            qualname=self.qualname(unit),
            kind=self.kind_names[row[0]],
            language=self.languages[self.file_of[unit]],
            start_line=row[3],
            end_line=row[4],
            signature=self.signature(unit),
            doc=self.doc(unit),
        )

    def units_of(self, file: int) -> range:
        """The units of a file, its own row first."""
        return range(int(self.first_unit[file]), int(self.first_unit[file + 1]))

    def children(self, unit: int) -> list[int]:
        """The symbols directly inside, in the order of the text."""
        first, end = int(self.first_unit[self.file_of[unit]]), int(self.first_unit[self.file_of[unit] + 1])
        inside = np.flatnonzero((self.parent[first:end] == unit) & self.is_symbol[first:end])
        return [first + place for place in inside.tolist()]

    def enclosing(self, path: str, line: int) -> int | None:
        """The innermost symbol at a line of a file; the file's row outside of all, None for an unknown path."""
        file = self.file_index(path)
        if file is None:
            return None
        first, end = int(self.first_unit[file]), int(self.first_unit[file + 1])
        here = (self.start_line[first:end] <= line) & (self.end_line[first:end] >= line) & self.is_symbol[first:end]
        places = np.flatnonzero(here)
        if not len(places):
            return first
        size = (self.end_line[first:end] - self.start_line[first:end])[places]
        # Of equal sizes the later one: it is inside the other.
        return first + int(places[np.lexsort((-places, size))[0]])

    # --- names ------------------------------------------------------------------------------------------------------

    @cached_property
    def by_name(self) -> tuple[Ints, npt.NDArray[np.uint64]]:
        """Symbols with a name, ordered by the hash of that in lower case, and the hashes in that order."""
        named = np.flatnonzero((self.folded > 0) & self.is_symbol)
        order = named[np.argsort(self.folded[named], kind="stable")]
        return order.astype(np.int32), self.folded[order]

    @cached_property
    def name_list(self) -> tuple[str, ...]:
        """All names in lower case, ascending."""
        order, folded = self.by_name
        first = np.ones(len(folded), dtype=bool)
        np.not_equal(folded[1:], folded[:-1], out=first[1:])
        return tuple(sorted(self._text(unit, 0).lower() for unit in order[first].tolist()))

    @cached_property
    def names_joined(self) -> str:
        """`name_list`, each ended by a line break: to look for a part of a name in all of them at once."""
        return "\n".join((*(name.replace("\n", " ") for name in self.name_list), ""))

    @cached_property
    def files_by_name(self) -> dict[str, tuple[int, ...]]:
        """Files by their names, and by these without extension, in lower case."""
        found: dict[str, list[int]] = {}
        for place, path in enumerate(self.paths):
            name = path.rpartition("/")[2].lower()
            for key in {name, name.rpartition(".")[0] or name}:
                found.setdefault(key, []).append(place)
        return {key: tuple(places) for key, places in found.items()}

    @cached_property
    def language_names(self) -> dict[str, int]:
        """The languages that files are in, with their codes."""
        return {name: code for code, name in enumerate(sorted(set(self.languages)))}

    @cached_property
    def language_codes(self) -> npt.NDArray[np.int16]:
        """Of each file, see `language_names`."""
        return np.fromiter(map(self.language_names.__getitem__, self.languages), np.int16, len(self.languages))

    # --- relations --------------------------------------------------------------------------------------------------

    def out_edges(self, unit: int) -> Iterator[Edge]:
        """The relations that begin at a unit."""
        return map(self.edge, self.graph.leaving(unit).tolist())

    def in_edges(self, unit: int) -> Iterator[Edge]:
        """The relations that end at a unit."""
        return map(self.edge, self.graph.reaching(unit).tolist())

    def edge(self, at: int) -> Edge:
        """The edge at a place of the graph."""
        graph = self.graph
        return Edge(
            EDGE_KINDS[graph.kinds[at]], int(graph.sources[at]), int(graph.targets[at]), int(graph.lines[at]),
            self.rung_names[graph.rungs[at]], float(graph.confidences[at]), at,
        )  # fmt: skip

    def check_invariants(self) -> None:
        """Assert that the parts agree with each other. For tests."""
        units, files = len(self), self.files
        assert list(self.paths) == sorted(set(self.paths))
        assert len(self.content_hashes) == len(self.languages) == len(self.sizes) == len(self.marks) == files
        assert self.first_unit[0] == 0
        assert self.first_unit[-1] == units == len(self.columns) == len(self.local) == len(self.folded)
        assert (np.diff(self.first_unit) > 0).all()
        assert np.array_equal(np.flatnonzero(self.is_file), self.first_unit[:-1])
        assert np.array_equal(self.file_of, np.repeat(np.arange(files), np.diff(self.first_unit)))
        inside = self.parent >= 0
        assert np.array_equal(inside, ~self.is_file)
        assert (self.parent[inside] < np.flatnonzero(inside)).all()
        assert (self.file_of[self.parent[inside]] == self.file_of[inside]).all()
        assert len(self.offsets) == units * _WIDTH + 1
        assert self.offsets[-1] == len(self.strings)
        assert (np.diff(self.offsets) >= 0).all()
        assert (self.start_line <= self.end_line).all()
        assert len(self.graph) == len(self.words) == units
        assert len(self.file_words) == len(self.path_words) == files
        for part in (self.graph, self.words, self.file_words, self.path_words):
            part.check_invariants()
        for unit in np.flatnonzero(self.is_symbol).tolist():
            assert self.index_of(self.id_of(unit)) == unit

    # --- the rest -----------------------------------------------------------------------------------------------------

    def with_generation(self, generation: Generation) -> Self:
        """The same under another name; shares everything."""
        return replace(self, generation=generation)

    @cached_property
    def _file_places(self) -> dict[str, int]:
        return {path: place for place, path in enumerate(self.paths)}

    def _kind_mask(self, kind: str, *, invert: bool = False) -> npt.NDArray[np.bool_]:
        wanted = np.array([(name == kind) != invert for name in self.kind_names], dtype=bool)
        return wanted[self.kind] if len(self.kind_names) else np.zeros(0, dtype=bool)

    def _text(self, unit: int, which: int) -> str:
        place = unit * _WIDTH + which
        return bytes(self.strings[int(self.offsets[place]) : int(self.offsets[place + 1])]).decode()


def lexical(codebase: Codebase, terms: Mapping[int, float], level: str = "symbol") -> Floats:
    """BM25F of weighted terms (hashes; see `words`) over all units, or over files. Paths are not part of it."""
    index = codebase.file_words if level == "file" else codebase.words
    return index.score(terms)


def terms_of(texts: Sequence[str], weights: Sequence[float] | None = None) -> dict[int, float]:
    """Words and identifiers as weighted terms for `lexical`; the parts of an identifier share in its weight."""
    known = vocabulary()
    found: dict[int, float] = {}
    for text, weight in zip(texts, weights or [1.0] * len(texts), strict=True):
        for word in find_words(text):
            for term in known.of_text(word):
                found[term] = found.get(term, 0.0) + weight
    return found
