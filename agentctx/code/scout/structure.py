"""What scouting derives once from a generation: which unit stands for which, and who is related to whom."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from agentctx.code.codemap import Codebase
from agentctx.code.facts import CALLABLES, CONTAINERS
from agentctx.types.code import EDGE_KINDS, EdgeKind

Ints = npt.NDArray[np.int32]
Flags = npt.NDArray[np.bool_]
Offsets = npt.NDArray[np.int64]

FILE_KIND: Final = "file"
SECTION_KINDS: Final = frozenset({"section", "key"})
_DEEPEST: Final = 12
_USES: Final[tuple[EdgeKind, ...]] = ("calls", "references")
_FAMILY: Final[tuple[EdgeKind, ...]] = ("inherits", "overrides")
# Folders and files beside the product: they show it, measure it, or build it. Looked at, but seldom what is meant.
# Names such as "tools" and "contrib" say so at the root only: deeper down they are parts of the product.
_BESIDE: Final = re.compile(
    r"(?:.*/)?(?:docs?|documentation|examples?|samples?|demos?|tutorials?|benchmarks?|\w+_bench)/"
    r"|(?:scripts?|tools?|bin|ci|release|build|contrib|misc|\.[\w-]+)/|(?:setup|noxfile|fabfile|tasks|conf|conftest)\.\w+$"
)
_TEST_NAME: Final = re.compile(
    r"^(?:test_(?P<py>.+)|(?P<any>.+?)[._-](?:test|tests|spec)|(?P<camel>[A-Z].*?)(?:Test|Tests|Spec)|Test(?P<java>[A-Z].*))$"
)
_ROOTS: Final = re.compile(r"^(?:src|lib|python|packages/[^/]+|src/main/\w+)/")


@dataclass(frozen=True, slots=True, eq=False)
class Links:
    """Who leads to whom, each pair once: others[starts[unit]:starts[unit + 1]], ascending."""

    starts: Offsets
    others: Ints

    @classmethod
    def of(cls, nodes: int, sources: npt.NDArray[Any], targets: npt.NDArray[Any]) -> Links:
        """From pairs in any order, self-relations left out."""
        kept = sources != targets
        pairs = np.unique(sources[kept].astype(np.int64) * max(nodes, 1) + targets[kept])
        sources, targets = pairs // max(nodes, 1), pairs % max(nodes, 1)
        starts = np.zeros(nodes + 1, dtype=np.int64)
        np.cumsum(np.bincount(sources, minlength=nodes), out=starts[1:])
        return cls(starts, targets.astype(np.int32))

    def from_(self, unit: int) -> Ints:
        """Those that a unit leads to."""
        return self.others[self.starts[unit] : self.starts[unit + 1]]


@dataclass(frozen=True, slots=True, eq=False)
class Structure:
    """What is the same for every query of a generation.

    shown: of each unit the one that stands for it among hits: itself for classes, for functions that are in no other,
    for sections and files; what is around it for the rest. Flags are of files (beside: docs, examples, scripts, ...;
    package: `__init__.py` and its like) or of units (hit: stands for itself).
    """

    shown: Ints
    hit: Flags
    callable: Flags
    beside: Flags
    package: Flags
    uses: Links
    used_by: Links
    family: Links
    names: dict[str, list[int]]
    """File places by name."""
    tests: tuple[Ints, Ints, npt.NDArray[np.float32]]
    """(test file, file that it tests by its name, the share of it where several bear the name)."""
    roots: tuple[str, ...]
    """Of each path, what imports and traces call it: without `src/` and the like."""


def structure(codebase: Codebase) -> Structure:
    """Made when a generation is first scouted (Django: some 0.2 s), then remembered."""
    known: Structure | None = codebase.derived.get("scout")
    if known is None:
        known = codebase.derived["scout"] = _make(codebase)
    return known


def _make(codebase: Codebase) -> Structure:
    kinds = codebase.kind_names
    callable_ = _mask(codebase, [name in CALLABLES for name in kinds])
    stays = _mask(codebase, [name in CONTAINERS or name in SECTION_KINDS or name == FILE_KIND for name in kinds])
    shown = _shown(codebase, callable_, stays)
    graph, nodes = codebase.graph, len(codebase)
    sources, targets = shown[graph.sources], shown[graph.targets]
    real = ~codebase.is_file[sources] & ~codebase.is_file[targets]
    uses = real & np.isin(graph.kinds, [EDGE_KINDS.index(kind) for kind in _USES])
    family = real & np.isin(graph.kinds, [EDGE_KINDS.index(kind) for kind in _FAMILY])
    names: dict[str, list[int]] = {}
    for place, path in enumerate(codebase.paths):
        names.setdefault(path.rpartition("/")[2], []).append(place)
    both = np.concatenate((sources[family], targets[family])), np.concatenate((targets[family], sources[family]))
    return Structure(
        shown=shown,
        hit=shown == np.arange(nodes),
        callable=callable_,
        beside=np.fromiter((_BESIDE.match(one) is not None for one in codebase.paths), bool, codebase.files),
        package=np.fromiter(
            (one.rpartition("/")[2] in ("__init__.py", "index.js", "index.ts", "mod.rs") for one in codebase.paths),
            bool,
            codebase.files,
        ),
        uses=Links.of(nodes, sources[uses], targets[uses]),
        used_by=Links.of(nodes, targets[uses], sources[uses]),
        family=Links.of(nodes, *both),
        names=names,
        tests=_tests_by_name(codebase),
        roots=tuple(_ROOTS.sub("", one) for one in codebase.paths),
    )


def _tests_by_name(codebase: Codebase) -> tuple[Ints, Ints, npt.NDArray[np.float32]]:
    """`tests/test_app.py` tests `app.py`, the nearest one where there are several."""
    stems: dict[str, list[int]] = {}
    for place, path in enumerate(codebase.paths):
        if not codebase.is_test[place] and not codebase.is_vendored[place]:
            folder, _, name = path.rpartition("/")
            stem = name.partition(".")[0]
            stem = folder.rpartition("/")[2] if stem in ("__init__", "index", "mod") else stem
            stems.setdefault(stem.strip("_").lower(), []).append(place)
    tests: list[int] = []
    tested: list[int] = []
    shares: list[float] = []
    for place in np.flatnonzero(codebase.is_test).tolist():
        folders, name = codebase.paths[place].split("/")[:-1], codebase.paths[place].rpartition("/")[2]
        hit = _TEST_NAME.match(name.rpartition(".")[0] or name)
        meant = stems.get(next(one for one in hit.groups() if one).strip("_").lower(), []) if hit else []
        if not meant:
            continue
        shared = [len(set(folders).intersection(codebase.paths[one].split("/")[:-1])) for one in meant]
        nearest = [one for one, near in zip(meant, shared, strict=True) if near == max(shared)]
        tests += [place] * len(nearest)
        tested += nearest
        shares += [1 / len(nearest)] * len(nearest)
    return np.array(tests, np.int32), np.array(tested, np.int32), np.array(shares, np.float32)


def _mask(codebase: Codebase, wanted: list[bool]) -> Flags:
    table = np.array(wanted, dtype=bool)
    return table[codebase.kind] if len(table) else np.zeros(0, dtype=bool)


def _shown(codebase: Codebase, callable_: Flags, stays: Flags) -> Ints:
    """The outermost function around each unit, or else the nearest class, section or file."""
    nodes = len(codebase)
    parent = codebase.parent
    up = np.maximum(parent, 0)
    inside = parent >= 0
    outer = np.where(callable_, np.arange(nodes), -1)
    nearest = np.where(stays, np.arange(nodes), -1)
    for _ in range(_DEEPEST):
        above = np.where(inside, outer[up], -1)
        new_outer = np.where(above >= 0, above, outer)
        new_nearest = np.where(nearest < 0, np.where(inside, nearest[up], np.arange(nodes)), nearest)
        if np.array_equal(new_outer, outer) and np.array_equal(new_nearest, nearest):
            break
        outer, nearest = new_outer, new_nearest
    return np.where(outer >= 0, outer, np.maximum(nearest, 0)).astype(np.int32)
