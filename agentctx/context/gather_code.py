"""Code for a query, as units: where scouting leads to, at every level of detail."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol, Unpack

from agentctx.context.code_units import CODE_ID, Workshop
from agentctx.context.request import BuildRequest
from agentctx.context.units import Unit
from agentctx.errors import FailedPrecondition, InvalidArgument, NotFound
from agentctx.types.code import Generation, ScoutResult, SourceText
from agentctx.types.code_api import ScoutOptions

if TYPE_CHECKING:
    from agentctx.code.codemap import Codebase

# Few functions cost less than this: more hits than would fit at this price are not asked for.
_TOKENS: Final = 60
_FEWEST, _MOST = 30, 200
_STRUCTURE: Final = 100  # more tokens than the structure of a hit takes, so that k alone bounds scouting


class Maps(Protocol):
    """What is needed of the code service: `engine.code` has it."""

    def codebase(self, repository: str) -> Codebase:
        """See `Code.codebase`."""
        ...

    def scout(self, repository: str, query: str, **options: Unpack[ScoutOptions]) -> ScoutResult:
        """See `CodeAPI.scout`."""
        ...

    def sources(self, repository: str, paths: Sequence[str]) -> Mapping[str, SourceText]:
        """See `Code.sources`."""
        ...


@dataclass(frozen=True, slots=True)
class CodeFinds:
    """What the repositories offer, best first."""

    units: tuple[Unit, ...] = ()
    generations: tuple[Generation, ...] = ()
    degraded: tuple[str, ...] = ()


def gather(code: Maps, request: BuildRequest, note: Callable[[str], object]) -> CodeFinds:
    """The code that could be worth showing for a request, of all its repositories.

    note: hears the name of each stage as it ends.
    """
    budget = request.budget if request.code_budget is None else min(request.budget, request.code_budget)
    k = min(max(budget // _TOKENS, _FEWEST), _MOST)
    options: ScoutOptions = {
        "budget": k * _STRUCTURE,
        "k": k,
        "path": request.path,
        "tests": request.tests,
        "llm": request.llm,
    }
    units: list[Unit] = []
    generations: list[Generation] = []
    degraded: list[str] = []
    for place, repository in enumerate(request.repositories):
        if not request.query.strip():
            degraded.append(f"{repository}: the query is empty, so nothing was looked for")
            continue
        found = code.scout(repository, request.query, **options)
        note("scout")
        workshop = Workshop(code.codebase(repository), repository, place, partial(code.sources, repository))
        units += workshop.units(found, budget)
        generations.append(found.generation)
        degraded += (f"{repository}: {what}" for what in (*found.degraded, *workshop.unread))
    return CodeFinds(tuple(units), tuple(generations), tuple(degraded))


def again(code: Maps, request: BuildRequest, id: str) -> Unit | None:
    """The unit of an item that an earlier bundle showed, as it is now; None where there is none any more."""
    parts = id.removeprefix(CODE_ID).split(":", 3)
    if not id.startswith(CODE_ID) or len(parts) != 4:
        return None
    _, level, repository, symbol = parts
    if repository not in request.repositories:
        return None
    try:
        place = request.repositories.index(repository)
        workshop = Workshop(code.codebase(repository), repository, place, partial(code.sources, repository))
        return workshop.again(symbol, level)
    except (NotFound, InvalidArgument, FailedPrecondition):
        return None
