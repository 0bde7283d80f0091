"""How near in meaning the best candidates are to a query: one vector for a symbol's name, signature and documentation.

Vectors are made when a symbol is first a candidate, some 20 us each, and remembered. Comparing a query with the
vectors of all symbols found nothing that comparing it with the best candidates did not (docs/code.md has the figures),
so none are made at index time, and none are stored.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from agentctx.code.codemap import Codebase
from agentctx.embed.base import Embedder

Floats = npt.NDArray[np.float32]

CANDIDATES: Final = 60
_PART: Final = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[^\W\dA-Za-z_]+")
_LONGEST: Final = 300  # characters of a signature
_LONGEST_QUERY: Final = 1_000
_REMEMBERED: Final = 20_000


def nearness(codebase: Codebase, embedder: Embedder, query: str, units: Sequence[int]) -> Floats:
    """The cosine of the query and each unit, 0 where they have nothing in common."""
    # A long query is described by its beginning: that of an issue is its title.
    vector = embedder.embed([query[:_LONGEST_QUERY]], "query")[0]
    found: Floats = np.maximum(_vectors(codebase, embedder, units) @ vector, 0)
    return found


def _vectors(codebase: Codebase, embedder: Embedder, units: Sequence[int]) -> Floats:
    name = f"dense.{embedder.identity.key}"
    known: dict[int, Any] = codebase.derived.setdefault(name, {})
    new = [unit for unit in dict.fromkeys(units) if unit not in known]
    if len(known) + len(new) > _REMEMBERED:
        known = codebase.derived[name] = {}
        new = list(dict.fromkeys(units))
    if new:
        made = embedder.embed([_text(codebase, unit) for unit in new])
        known.update(zip(new, made.astype(np.float16), strict=True))
    rows = np.empty((len(units), embedder.identity.dimensions), dtype=np.float32)
    for row, unit in zip(rows, units, strict=True):
        row[:] = known[unit]
    return rows


def _text(codebase: Codebase, unit: int) -> str:
    words = " ".join(_PART.findall(f"{codebase.qualname(unit)} {codebase.signature(unit)[:_LONGEST]}"))
    return f"{words} {codebase.doc(unit)}"
