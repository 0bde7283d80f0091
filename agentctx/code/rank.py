"""How important units are: PageRank over what is called, used and inherited, in general or seen from a task."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from agentctx.code.codemap import Codebase
from agentctx.index.graph import pagerank
from agentctx.types.code import EDGE_KINDS

Floats = npt.NDArray[np.float64]

_WEIGHTS: Final[Mapping[str, float]] = {
    "calls": 1.0,
    "references": 0.6,
    "inherits": 1.0,
    "overrides": 0.5,
    "imports": 0.3,
    "contains": 0.3,  # from the inside out: what is used makes its class and its file important
    "tests": 0.0,
}
_FROM_TESTS: Final = 0.2  # what only tests use is not what the code is about
_ROUNDS: Final = 40
_ROUNDS_FOR_TASK: Final = 12  # nearer relations matter most: what is beyond adds nothing that shows
_TOLERANCE: Final = 1e-5


def importance(codebase: Codebase) -> Floats:
    """The share of attention of every unit; sums to 1. Made once a generation (Django: 0.1 s), then remembered."""
    known = codebase.derived.get("importance")
    if known is None:
        sources, targets, weights = _links(codebase)
        known = pagerank(len(codebase), sources, targets, weights, rounds=_ROUNDS, tolerance=_TOLERANCE)
        codebase.derived["importance"] = known
    return known


def importance_for(codebase: Codebase, start: Floats, damping: float = 0.7) -> Floats:
    """The same seen from some units, weighted by `start` (any scale, not all zero). Django: some 20 ms."""
    sources, targets, weights = _links(codebase)
    return pagerank(
        len(codebase), sources, targets, weights, start, damping=damping, rounds=_ROUNDS_FOR_TASK, tolerance=_TOLERANCE
    )


def _links(codebase: Codebase) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], Floats]:
    """Who gives importance to whom, each pair once."""
    known: tuple[Any, Any, Any] | None = codebase.derived.get("links")
    if known is None:
        graph, nodes = codebase.graph, max(len(codebase), 1)
        table = np.array([_WEIGHTS[kind] for kind in EDGE_KINDS])
        weights = table[graph.kinds] * graph.confidences
        weights *= np.where(codebase.is_test[codebase.file_of[graph.sources]], _FROM_TESTS, 1.0)
        inward = graph.kinds == EDGE_KINDS.index("contains")
        sources = np.where(inward, graph.targets, graph.sources).astype(np.int64)
        targets = np.where(inward, graph.sources, graph.targets).astype(np.int64)
        kept = (weights > 0) & (sources != targets)
        pairs, places = np.unique(sources[kept] * nodes + targets[kept], return_inverse=True)
        # A name that is used ten times in one place is not ten times as important to it.
        strength = np.sqrt(np.bincount(places, weights=weights[kept], minlength=len(pairs)))
        known = (pairs // nodes, pairs % nodes, strength)
        codebase.derived["links"] = known
    return known
