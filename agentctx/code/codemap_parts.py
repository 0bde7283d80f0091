"""The pieces that a generation is put together from: columns and strings of many files, ids, edges as arrays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from agentctx.code.classify import Marks, path_marks
from agentctx.code.codemap import Codebase
from agentctx.code.resolve.edges import FileEdges
from agentctx.code.units import COLUMNS, PART, STRINGS, FileUnits
from agentctx.code.words import WORD, vocabulary
from agentctx.index.postings import Postings, distinct
from agentctx.types.code import EDGE_KINDS

Ints = npt.NDArray[np.int32]

_EDGE_CODE: Final[Mapping[str, int]] = {kind: code for code, kind in enumerate(EDGE_KINDS)}
_EDGE: Final = np.dtype(
    [("source", "i4"), ("target", "i4"), ("kind", "u1"), ("rung", "u1"), ("confidence", "f4"), ("line", "i4")]
)
_PARENT: Final = COLUMNS.index("parent")
_QUALNAME: Final = STRINGS.index("qualname")


def joined(arrays: Sequence[npt.NDArray[Any]], kind: type[np.generic]) -> npt.NDArray[Any]:
    """One after another; empty for none."""
    return np.concatenate(arrays).astype(kind, copy=False) if arrays else np.zeros(0, dtype=kind)


def stacked_columns(units: Sequence[FileUnits], starts: Sequence[int], kind_names: Sequence[str]) -> Ints:
    """The columns of files whose first units are `starts`: kinds as places in `kind_names`, parents as units."""
    if not units:
        return np.zeros((0, len(COLUMNS)), dtype=np.int32)
    columns = np.concatenate([one.columns for one in units]).astype(np.int32)
    sizes = [len(one.columns) for one in units]
    shift = np.repeat(np.array(starts, dtype=np.int32), sizes)
    columns[:, _PARENT] += np.where(columns[:, _PARENT] >= 0, shift, 0)
    code = {name: place for place, name in enumerate(kind_names)}
    tables: dict[tuple[str, ...], Ints] = {}
    place = 0
    for one, size in zip(units, sizes, strict=True):
        table = tables.get(one.kinds)
        if table is None:
            table = tables[one.kinds] = np.array([code[kind] for kind in one.kinds], dtype=np.int32)
        columns[place : place + size, 0] = table[columns[place : place + size, 0]]
        place += size
    return columns


def moved_columns(columns: Ints, shift: Ints, kinds: Ints) -> Ints:
    """Columns of units that move by `shift` places, their kinds put in the place of old ones by `kinds`."""
    found = columns.copy()
    found[:, _PARENT] += np.where(found[:, _PARENT] >= 0, shift, 0)
    found[:, 0] = kinds[found[:, 0]]
    return found


def unit_postings(units: Sequence[FileUnits], starts: Sequence[int], files: Sequence[int]) -> tuple[Postings, Postings]:
    """The occurrences in units and those in whole files; `starts` are the files' first units, `files` their places."""
    sizes = [len(one.posting_units) for one in units]
    terms = joined([one.terms for one in units], np.uint64)
    vocabulary = distinct(terms)
    codes = vocabulary.searchsorted(terms).astype(np.int32)
    ends = np.cumsum([len(one.terms) for one in units], dtype=np.int64)
    found = np.split(codes, ends[:-1]) if len(units) else []
    terms = joined([some[one.posting_terms] for some, one in zip(found, units, strict=True)], np.int32)
    rows = joined([one.posting_units for one in units], np.int32)
    fields = joined([one.posting_fields for one in units], np.uint8)
    counts = joined([one.posting_counts for one in units], np.uint8)
    whole = rows == 0
    inside = ~whole
    rows = rows - 1 + np.repeat(np.array(starts, dtype=np.int32), sizes)
    file = np.repeat(np.array(files, dtype=np.int32), sizes)
    return (
        Postings(vocabulary, terms[inside], rows[inside], fields[inside], counts[inside]),
        Postings(vocabulary, terms[whole], file[whole], fields[whole], counts[whole]),
    )


def text_sizes(units: Sequence[FileUnits]) -> npt.NDArray[np.int64]:
    """Bytes of each string of each unit."""
    return joined([np.diff(one.offsets) for one in units], np.int64)


def path_postings(paths: Mapping[int, str]) -> Postings:
    """The words of paths, by the place of each file: of its folders (field 0) and of its name (field 1)."""
    known = vocabulary()
    terms: list[int] = []
    rows: list[int] = []
    fields: list[int] = []
    counts: list[int] = []
    for row, path in paths.items():
        folder, _, name = path.rpartition("/")
        for field, text in enumerate((folder, name.rpartition(".")[0] or name)):
            found: dict[int, int] = {}
            for word in WORD.findall(text.encode("utf-8", "replace")):
                for term in known.of_name(word):
                    found[term] = found.get(term, 0) + 1
            terms += found
            rows += [row] * len(found)
            fields += [field] * len(found)
            counts += [min(count, 255) for count in found.values()]
    hashes = np.array(terms, dtype=np.uint64)
    words = distinct(hashes)
    return Postings(
        words,
        words.searchsorted(hashes),
        np.array(rows, dtype=np.int32),
        np.array(fields, dtype=np.uint8),
        np.array(counts, dtype=np.uint8),
    )


def marks_of(path: str, units: FileUnits) -> int:
    """What path and content say about a file, as `Marks`."""
    marks = path_marks(path)
    for name in units.marks:
        marks |= Marks[name.upper()]
    return marks.value


class Ids(dict[str, int]):
    """The unit of every id of some files."""

    def __init__(self, paths: Sequence[str], units: Sequence[FileUnits], starts: Sequence[int]) -> None:
        super().__init__()
        for path, one, start in zip(paths, units, starts, strict=False):
            self[path] = start
            self.update(zip(_ids(path, one), range(start + 1, start + len(one.columns)), strict=False))


def _ids(path: str, units: FileUnits) -> Iterator[str]:
    """The ids of a file's definitions and sections, in order."""
    kinds, ordinals = units.columns[1:, 0].tolist(), units.columns[1:, 2].tolist()
    width = len(STRINGS)
    begins = units.offsets[width + _QUALNAME :: width].tolist()
    ends = units.offsets[width + _QUALNAME + 1 :: width].tolist()
    for kind, ordinal, begin, end in zip(kinds, ordinals, begins, ends, strict=False):
        name = units.kinds[kind]
        if name == PART:
            return
        tail = f"~{ordinal}" if ordinal else ""
        yield f"{path}::{units.strings[begin:end].decode()}:{name}{tail}"


@dataclass(frozen=True, slots=True, eq=False)
class EdgeColumns:
    """Edges between units, as arrays of the same length; rungs are places in `rung_names`, all of which occur."""

    sources: Ints
    targets: Ints
    kinds: npt.NDArray[np.uint8]
    rungs: npt.NDArray[np.uint8]
    confidences: npt.NDArray[np.float32]
    lines: Ints
    rung_names: tuple[str, ...]


class EdgeCollector:
    """Takes the edges of files one by one, as numbers: as objects, those of a large tree fill hundreds of megabytes."""

    def __init__(self) -> None:
        self._ids: dict[str, int] = {}
        self._rungs: dict[str, int] = {}
        self._files: list[tuple[str, npt.NDArray[np.void]]] = []

    def add(self, file: FileEdges) -> None:
        """The edges that begin in a file."""
        ids, rungs = self._ids, self._rungs
        rows = [
            (ids.setdefault(source, len(ids)), ids.setdefault(target, len(ids)), _EDGE_CODE[kind],
             rungs.setdefault(rung, len(rungs)), confidence, line)
            for kind, source, target, line, rung, confidence in file.edges
        ]  # fmt: skip
        self._files.append((file.path, np.array(rows, dtype=_EDGE)))

    def columns(self, units: Mapping[str, int]) -> EdgeColumns:
        """All of them by path, less those from or to something that is not among `units`."""
        self._files.sort(key=lambda one: one[0])
        edges = np.concatenate([one for _, one in self._files] or [np.zeros(0, dtype=_EDGE)])
        places = np.fromiter((units.get(name, -1) for name in self._ids), np.int32, len(self._ids))
        sources, targets = places[edges["source"]], places[edges["target"]]
        kept = (sources >= 0) & (targets >= 0)
        edges = edges[kept]
        names = list(self._rungs)
        used = np.flatnonzero(np.bincount(edges["rung"], minlength=len(names)))
        rung_names = tuple(sorted(names[code] for code in used.tolist()))
        table = np.array([rung_names.index(name) if name in rung_names else 0 for name in names], dtype=np.uint8)
        return EdgeColumns(
            sources[kept],
            targets[kept],
            edges["kind"].copy(),
            table[edges["rung"]],
            edges["confidence"].copy(),
            edges["line"].copy(),
            rung_names,
        )


class Finder(dict[str, int]):
    """The unit of ids that are asked for, in a generation that is being made; None stays out of it."""

    def __init__(self, codebase: Codebase) -> None:
        super().__init__()
        self._codebase = codebase

    def get(self, name: str, default: Any = None) -> Any:  # noqa: D102
        known = super().get(name)
        if known is None:
            known = self._codebase.index_of(name)
            if known is not None:
                self[name] = known
        return default if known is None else known
