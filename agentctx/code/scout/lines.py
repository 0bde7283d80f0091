"""A hit as a line of structure, which is all that scouting reads and shows, and what the line costs."""

from __future__ import annotations

from agentctx.code.codemap import Codebase
from agentctx.text.tokens_estimate import Estimate

_ESTIMATE = Estimate()
_LONGEST = 160


def line_of(codebase: Codebase, unit: int) -> str:
    """`src/app.py:10-40 App.run(self, port: int = 80) -> None`."""
    place = f"{codebase.path_of(unit)}:{codebase.start_line[unit]}-{codebase.end_line[unit]}"
    if codebase.is_file[unit]:
        return place
    signature = " ".join((codebase.signature(unit) or codebase.name(unit)).split())
    around = codebase.qualname(unit).rpartition(".")[0]
    return f"{place} {around + ': ' if around else ''}{signature[:_LONGEST]}"


def cost_of(codebase: Codebase, unit: int) -> int:
    """About how many tokens the line costs, never less than it does with common vocabularies."""
    return _ESTIMATE.count(line_of(codebase, unit) + "\n")
