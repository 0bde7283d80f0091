"""Binding what a query points at to files and units of a generation."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from agentctx.code.codemap import Codebase
from agentctx.code.query.analyze import Query
from agentctx.code.query.frames import Frame
from agentctx.code.scout.structure import Structure
from agentctx.text.hashes import hash_of
from agentctx.types import Anchor

Floats = npt.NDArray[np.float32]

FRAME_DECAY: Final = 0.85
"""What each step outwards in a trace is worth: the fault is near the innermost frame, but often not in it."""
_AMBIGUITY: Final = 0.7
"""A name that n units bear counts n to the power of minus this for each of them."""
_QUALIFIER: Final = 0.5
_OTHER_CASE: Final = 0.3
_PLAIN_WORD: Final = 0.35
_MOST_MEANINGS: Final = 60
_MOST_ANCHORS: Final = 100


@dataclass(slots=True)
class Bound:
    """What anchors say, by unit and by file. named: units by name; traced: by stack frames, 1 for the innermost."""

    named: Floats
    traced: Floats
    file_named: Floats
    file_traced: Floats
    anchors: list[Anchor] = field(default_factory=list)


def bind(codebase: Codebase, made: Structure, query: Query, allowed: npt.NDArray[np.bool_]) -> Bound:
    """Find the units and files that a query points at, among the `allowed` files."""
    bound = Bound(
        np.zeros(len(codebase), np.float32),
        np.zeros(len(codebase), np.float32),
        np.zeros(codebase.files, np.float32),
        np.zeros(codebase.files, np.float32),
    )
    _frames(codebase, made, query, allowed, bound)
    _paths(codebase, made, query, allowed, bound)
    _names(codebase, query, allowed, bound)
    bound.anchors.sort(key=lambda one: (-one.weight, one.kind, one.text))
    del bound.anchors[_MOST_ANCHORS:]
    return bound


def file_of_path(made: Structure, codebase: Codebase, path: str) -> int | None:
    """The file that a path in a query means: one whose whole path ends it, or one that it is the end of.

    `/usr/lib/python3/site-packages/pkg/mod.py` is `src/pkg/mod.py`; a bare name counts only if one file bears it.
    """
    wanted = [part for part in path.split("/") if part not in ("", ".", "..", "~")]
    if not wanted:
        return None
    places = made.names.get(wanted[-1], ())
    best: tuple[int, int] | None = None
    for place in places:
        for form in (codebase.paths[place], made.roots[place]):
            parts = form.split("/")
            size = min(len(parts), len(wanted))
            if parts[-size:] != wanted[-size:]:
                continue
            # Either all of the file's path is there, or the query names a file by its last folders.
            if (len(wanted) >= len(parts) and len(parts) > 1) or len(wanted) == size:
                exact = size if len(wanted) > 1 or len(places) == 1 else 0
                if exact and (best is None or exact > best[0]):
                    best = exact, place
    return None if best is None else best[1]


def _frames(codebase: Codebase, made: Structure, query: Query, allowed: npt.NDArray[np.bool_], bound: Bound) -> None:
    inner = 0
    for frame in query.frames:
        if frame.depth == 0:
            inner = 0
        file = file_of_path(made, codebase, frame.path)
        if file is None or not allowed[file]:
            continue
        weight = FRAME_DECAY**inner
        inner += 1
        bound.file_traced[file] = max(bound.file_traced[file], weight)
        unit = _unit_of_frame(codebase, made, file, frame)
        if unit is not None:
            bound.traced[unit] = max(bound.traced[unit], weight)
        bound.anchors.append(
            Anchor("frame", f"{codebase.paths[file]}:{frame.line} {frame.function}".strip(), weight, 1)
        )


def _unit_of_frame(codebase: Codebase, made: Structure, file: int, frame: Frame) -> int | None:
    """The function that a frame names, the one nearest to its line where several bear the name.

    The line alone comes second: traces are often of another version.
    """
    name = frame.function.replace("::", ".").split("(")[0].split(".")[-1]
    units = [unit for unit in codebase.units_of(file) if made.callable[unit] and codebase.name(unit) == name]
    if units:
        return min(units, key=lambda unit: _distance(codebase, unit, frame.line))
    if frame.line and name in ("", "<module>"):
        around = codebase.enclosing(codebase.paths[file], frame.line)
        return None if around is None or codebase.is_file[around] else around
    return None


def _distance(codebase: Codebase, unit: int, line: int) -> int:
    return max(int(codebase.start_line[unit]) - line, line - int(codebase.end_line[unit]), 0) if line else 0


def _paths(codebase: Codebase, made: Structure, query: Query, allowed: npt.NDArray[np.bool_], bound: Bound) -> None:
    for one in query.mentions:
        if one.mention.kind != "path":
            continue
        file = file_of_path(made, codebase, one.mention.text)
        if file is None or not allowed[file]:
            continue
        bound.file_named[file] = min(bound.file_named[file] + one.weight, 1.0)
        bound.anchors.append(Anchor("path", codebase.paths[file], one.weight, 1))
        if one.mention.line:
            unit = codebase.enclosing(codebase.paths[file], one.mention.line)
            if unit is not None and not codebase.is_file[unit]:
                bound.named[unit] += 0.5 * one.weight


def _names(codebase: Codebase, query: Query, allowed: npt.NDArray[np.bool_], bound: Bound) -> None:
    weights: dict[tuple[tuple[str, ...], bool], float] = {}
    for one in query.mentions:
        mention = one.mention
        if not mention.parts or (len(mention.parts) == 1 and mention.text in query.own_names):
            continue
        key = mention.parts, mention.kind == "word"
        weights[key] = weights.get(key, 0.0) + one.weight
    order, folded = codebase.by_name
    symbols = codebase.is_symbol
    for (parts, plain), weight in weights.items():
        scale = min(weight, 6.0) ** 0.5 * (_PLAIN_WORD if plain else 1.0)
        known = query.imports.get(parts[0])
        full = (*known.split("."), *parts[1:]) if known else parts
        for place, part in enumerate(full):
            if place < len(full) - 1 and part in query.own_names:
                continue
            wanted = np.uint64(hash_of(part.lower()))
            first, last = folded.searchsorted(wanted), folded.searchsorted(wanted, side="right")
            units = order[first:last]
            units = units[symbols[units] & allowed[codebase.file_of[units]]]
            if not len(units):
                continue
            exact = [unit for unit in units[:_MOST_MEANINGS].tolist() if codebase.name(unit) == part]
            if plain and not exact:
                continue
            strength = scale if exact else scale * _OTHER_CASE
            meant = exact if exact and len(units) <= _MOST_MEANINGS else units.tolist()
            if place:
                qualified = list(_qualified(codebase, meant, full[place - 1]))
                if qualified:
                    meant, strength = qualified, strength * (1 + _QUALIFIER)
            last_part = place == len(full) - 1
            share = strength * (1.0 if last_part else _QUALIFIER) / len(meant) ** _AMBIGUITY
            bound.named[np.array(meant)] += np.float32(share)
            if last_part and (not plain or len(meant) <= 3):
                bound.anchors.append(Anchor("identifier", ".".join(parts), round(share, 4), len(meant)))


def _qualified(codebase: Codebase, units: list[int], around: str) -> Iterator[int]:
    """Those of the units that are directly inside a class or a module of that name."""
    for unit in units:
        parent = int(codebase.parent[unit])
        if parent >= 0 and codebase.name(parent) == around:
            yield unit
            continue
        folder, _, name = codebase.path_of(unit).rpartition("/")
        stem = name.partition(".")[0]
        if stem == around or (stem in ("__init__", "index", "mod") and folder.rpartition("/")[2] == around):
            yield unit


def saturate(values: Floats, half: float = 1.0) -> Floats:
    """From 0 to 1, `half` at one half: more of the same says less and less."""
    found: Floats = values / (values + np.float32(half))
    return found


def certainty(bound: Bound) -> float:
    """How much the anchors alone decide, 0 to 1: a frame, a path or an unambiguous name."""
    best = max(
        float(bound.file_named.max(initial=0.0)),
        0.9 * float(bound.file_traced.max(initial=0.0)),
        1 - math.exp(-float(bound.named.max(initial=0.0))),
    )
    return min(best, 1.0)
