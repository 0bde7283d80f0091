"""A generation as a file of arrays that is opened by memory map; docs/formats/codebase.md describes it."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from agentctx.code.analysis import ANALYSIS_VERSION
from agentctx.code.codemap import Codebase
from agentctx.code.codemap_build import FILE_SCORING, PATH_SCORING, UNIT_SCORING
from agentctx.index.fields import FieldIndex
from agentctx.index.graph import Graph
from agentctx.index.snapshot import BadSnapshot, read, write
from agentctx.types.code import EDGE_KINDS, Generation

FORMAT: Final = 1
"""Raised with every change of what the arrays mean; files of another format are made again."""

_ARRAYS: Final = ("sizes", "marks", "first_unit", "file_of", "columns", "local", "folded", "offsets")
_NAMES: Final = ("paths", "content_hashes", "languages", "kind_names", "rung_names")
_INDEXES: Final = {"words": UNIT_SCORING, "file_words": FILE_SCORING, "path_words": PATH_SCORING}
_SEPARATOR: Final = "\0"  # in no path

Arrays = Mapping[str, npt.NDArray[Any]]


def save(codebase: Codebase, path: Path) -> None:
    """Write a generation in the place of `path`, whole or not at all. Its name is not part of it. Raises OSError."""
    arrays: dict[str, npt.NDArray[Any]] = {name: getattr(codebase, name) for name in _ARRAYS}
    arrays["strings"] = np.frombuffer(codebase.strings, dtype=np.uint8)
    for name in _NAMES:
        text = _SEPARATOR.join(getattr(codebase, name)).encode("utf-8", "surrogatepass")
        arrays[name] = np.frombuffer(text, dtype=np.uint8)
    arrays |= {f"graph.{name}": array for name, array in codebase.graph.arrays().items()}
    for index in _INDEXES:
        arrays |= {f"{index}.{name}": array for name, array in getattr(codebase, index).arrays().items()}
    counts = {name: len(getattr(codebase, name)) for name in _NAMES}
    for _ in write(path, {"format": FORMAT, "producer": producer(), "counts": counts}, arrays):
        pass


def load(path: Path, generation: Generation) -> Codebase:
    """What `save` wrote, under the name of `generation`; every byte is checked, some 1 ms a megabyte.

    Raises BadSnapshot for a file that is damaged, or was written by another version or with other weights: build
    again. Raises OSError where there is none.
    """
    meta, arrays = read(path)
    if meta.get("format") != FORMAT or meta.get("producer") != producer():
        raise BadSnapshot("of another version")
    try:
        parts: dict[str, Any] = {name: arrays[name] for name in _ARRAYS}
        parts |= {name: _names(arrays[name], int(meta["counts"][name])) for name in _NAMES}
        parts["strings"] = arrays["strings"].data
        parts["graph"] = Graph.restore(_under("graph", arrays))
        for index, scoring in _INDEXES.items():
            parts[index] = FieldIndex.restore(_under(index, arrays), scoring)
    except (KeyError, TypeError, ValueError) as error:
        raise BadSnapshot("an array is missing") from error
    return Codebase(generation=generation, **parts)


def producer() -> str:
    """Tells apart what is computed differently: analyses, kinds of edges, weights of fields."""
    parts = (ANALYSIS_VERSION, EDGE_KINDS, *_INDEXES.values())
    return blake2b(repr(parts).encode(), digest_size=8).hexdigest()


def _under(prefix: str, arrays: Arrays) -> dict[str, npt.NDArray[Any]]:
    start = f"{prefix}."
    return {name.removeprefix(start): array for name, array in arrays.items() if name.startswith(start)}


def _names(array: npt.NDArray[Any], count: int) -> tuple[str, ...]:
    names = tuple(array.tobytes().decode("utf-8", "surrogatepass").split(_SEPARATOR)) if count else ()
    if len(names) != count:
        raise BadSnapshot("names are missing")
    return names
