"""What a symbol is related to, some steps away: callers, callees, imports, bases, subclasses, overrides, tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from agentctx.code.codemap import Codebase
from agentctx.code.lookup import unit_of
from agentctx.errors import InvalidArgument
from agentctx.types import NeighbourResult, Relation
from agentctx.types.code import DIRECTIONS, EDGE_KINDS, Direction, EdgeKind

_DEEPEST: Final = 10
_MOST: Final = 10_000
_USUAL: Final[frozenset[EdgeKind]] = frozenset(EDGE_KINDS) - {"contains"}


def neighbours(
    codebase: Codebase,
    symbol: str,
    *,
    kinds: Sequence[EdgeKind] = (),
    direction: Direction = "both",
    depth: int = 1,
    limit: int = 100,
) -> NeighbourResult:
    """Relations of a symbol (an id or an unambiguous name), nearest first, then most confident, then by place.

    No kinds: all but contains. depth: 2 gives the callers of callers; each symbol is shown once by kind and direction,
    at its nearest. "both" looks both ways, but does not turn round on the way. A relation that is written several times
    is shown once, with its first line. Django: 1 ms for most, 5 ms for a hub. Raises NotFound, InvalidArgument.
    """
    unknown = sorted(set(kinds) - set(EDGE_KINDS))
    if unknown:
        raise InvalidArgument(
            f"no kind of edge: {', '.join(unknown)}; there are {', '.join(EDGE_KINDS)}", field="kinds"
        )
    if direction not in DIRECTIONS:
        raise InvalidArgument(f"direction is one of {', '.join(DIRECTIONS)}, not {direction!r:.50}", field="direction")
    if not 1 <= depth <= _DEEPEST:
        raise InvalidArgument(f"depth is 1 to {_DEEPEST}, not {depth}", field="depth")
    if not 1 <= limit <= _MOST:
        raise InvalidArgument(f"limit is 1 to {_MOST}, not {limit}", field="limit")
    start = unit_of(codebase, symbol)
    wanted = np.array([kind in (kinds or _USUAL) for kind in EDGE_KINDS])
    ways: tuple[Literal["out", "in"], ...] = ("out", "in") if direction == "both" else (direction,)
    found = [_reach(codebase, start, wanted, way, depth) for way in ways]
    edges = np.concatenate([one for one, _ in found])
    depths = np.concatenate([one for _, one in found])
    outward = np.repeat([way == "out" for way in ways], [len(one) for one, _ in found])
    graph = codebase.graph
    order = np.lexsort((edges, graph.lines[edges], graph.kinds[edges], -graph.confidences[edges], depths))
    relations = tuple(
        _relation(codebase, int(edges[one]), "out" if outward[one] else "in", int(depths[one]))
        for one in order[:limit].tolist()
    )
    return NeighbourResult(codebase.symbol(start), relations, len(edges) > limit, codebase.generation)


def _reach(
    codebase: Codebase, start: int, wanted: npt.NDArray[np.bool_], way: Literal["out", "in"], depth: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Edges and their depths, level by level: the first one to each other symbol by kind."""
    graph, size = codebase.graph, len(EDGE_KINDS)
    ends = graph.targets if way == "out" else graph.sources
    found: list[npt.NDArray[np.int64]] = []
    shown = np.zeros(0, dtype=np.int64)
    seen = np.zeros(len(codebase), dtype=bool)
    seen[start] = True
    level = [start]
    for _ in range(depth):
        edges = np.concatenate(
            [graph.leaving(unit) if way == "out" else graph.reaching(unit) for unit in level]
            or [np.zeros(0, dtype=np.int32)]
        ).astype(np.int64)
        edges = edges[wanted[graph.kinds[edges]] & (ends[edges] != start)]
        keys = ends[edges].astype(np.int64) * size + graph.kinds[edges]
        keys, first = np.unique(keys, return_index=True)
        new = ~np.isin(keys, shown)
        edges = edges[first[new]]
        shown = np.concatenate((shown, keys[new]))
        found.append(edges)
        ahead = np.unique(ends[edges])
        ahead = ahead[~seen[ahead]]
        seen[ahead] = True
        level = ahead.tolist()
    depths = np.repeat(np.arange(1, depth + 1), [len(edges) for edges in found])
    return np.concatenate(found), depths


def _relation(codebase: Codebase, at: int, way: Literal["out", "in"], depth: int) -> Relation:
    edge = codebase.edge(at)
    return Relation(
        kind=edge.kind,
        source=codebase.id_of(edge.source),
        symbol=codebase.symbol(edge.target if way == "out" else edge.source),
        direction=way,
        depth=depth,
        line=edge.line,
        confidence=edge.confidence,
        rung=edge.rung,
    )
