"""One step along relations from the best candidates: what they use, what uses them, and their family."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from agentctx.code.scout.evidence import Evidence
from agentctx.code.scout.structure import Links

Floats = npt.NDArray[np.float32]

NEIGHBOURS: Final = 40
"""How many relations of one kind are followed from one unit: the strongest ones of a hub, by the words they hold."""


def expand(evidence: Evidence, frontier: list[int], decay: float) -> tuple[dict[str, Floats], set[int]]:
    """(what each unit gains by relation, the units reached) of one step from `frontier`.

    What a unit passes on is divided by the logarithm of how many share in it, so hubs tell little.
    """
    made, strength = evidence.made, evidence.strength()
    # A unit that leads to something strong "uses" it: the strong one hands back to those that lead to it.
    roads: dict[str, Links] = {"uses": made.used_by, "used_by": made.uses, "family": made.family}
    gained = {name: np.zeros(len(evidence.codebase), np.float32) for name in roads}
    reached: set[int] = set()
    for name, links in roads.items():
        for unit in frontier:
            others = links.from_(unit)
            if not len(others):
                continue
            shared = strength[unit] ** 2 / np.log2(2 + len(others)) * decay
            if len(others) > NEIGHBOURS:
                best = np.lexsort((others, -evidence.text[others]))[:NEIGHBOURS]
                others = others[best]
            gained[name][others] += np.float32(shared)
            reached.update(others.tolist())
    return gained, reached
