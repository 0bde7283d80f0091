"""Putting a generation together from the analyses and edges of all its files."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from agentctx.code.codemap import Codebase
from agentctx.code.codemap_parts import (
    EdgeCollector,
    EdgeColumns,
    Ids,
    joined,
    marks_of,
    path_postings,
    stacked_columns,
    text_sizes,
    unit_postings,
)
from agentctx.code.resolve.edges import FileEdges
from agentctx.code.units import FileUnits, decode_units
from agentctx.index.fields import FieldIndex, FieldScoring
from agentctx.index.graph import Graph
from agentctx.types.code import Generation

UNIT_SCORING: Final = FieldScoring(weights=(5.0, 2.0, 1.0), lengths=(0.0, 0.0, 0.5), saturation=4.0)
FILE_SCORING: Final = FieldScoring(weights=(3.0, 0.0, 1.0), lengths=(0.5, 0.0, 0.5), saturation=4.0)
PATH_SCORING: Final = FieldScoring(weights=(1.0, 2.0), lengths=(0.0, 0.0), saturation=1.2)

Ints = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class BuildFile:
    """A file of a generation: its bytes' analysis (`analysis.analyze`) and the edges that begin in it."""

    path: str
    content_hash: str
    size: int
    analysis: bytes
    edges: FileEdges


class _File(NamedTuple):
    path: str
    content_hash: str
    size: int


def build(files: Iterable[BuildFile], generation: Generation | None = None) -> Codebase:
    """A generation of these files, in any order. Deterministic. Django, 6,900 files: 1.2 s."""
    edges_of = EdgeCollector()
    read: list[tuple[_File, FileUnits]] = []
    for one in files:
        edges_of.add(one.edges)
        read.append((_File(one.path, one.content_hash, one.size), decode_units(one.analysis)))
    read.sort(key=lambda one: one[0].path)
    given, units = [file for file, _ in read], [one for _, one in read]
    first = np.cumsum([0, *(len(one.columns) for one in units)], dtype=np.int32)
    starts, total = first[:-1].tolist(), int(first[-1])
    kind_names = tuple(sorted({kind for one in units for kind in one.kinds}))
    offsets = np.concatenate(([0], np.cumsum(text_sizes(units))))
    edges = edges_of.columns(Ids([one.path for one in given], units, starts))
    words, file_words = unit_postings(units, starts, range(len(given)))
    paths = path_postings({place: one.path for place, one in enumerate(given)})
    return Codebase(
        generation=generation or Generation("", 0),
        paths=tuple(one.path for one in given),
        content_hashes=tuple(one.content_hash for one in given),
        languages=tuple(one.language for one in units),
        sizes=np.array([one.size for one in given], dtype=np.int64),
        marks=np.array([marks_of(one.path, found) for one, found in zip(given, units, strict=True)], dtype=np.uint8),
        first_unit=first,
        file_of=np.repeat(np.arange(len(given), dtype=np.int32), np.diff(first)),
        kind_names=kind_names,
        columns=stacked_columns(units, starts, kind_names),
        local=joined([one.local for one in units], np.uint64),
        folded=joined([one.folded for one in units], np.uint64),
        offsets=offsets,
        strings=b"".join(one.strings for one in units),
        rung_names=edges.rung_names,
        graph=_graph(total, edges),
        words=FieldIndex.build(total, words, UNIT_SCORING),
        file_words=FieldIndex.build(len(given), file_words, FILE_SCORING),
        path_words=FieldIndex.build(len(given), paths, PATH_SCORING),
    )


def _graph(nodes: int, edges: EdgeColumns) -> Graph:
    return Graph.build(nodes, edges.sources, edges.targets, edges.kinds, edges.rungs, edges.confidences, edges.lines)
