"""The best overview of a code base that fits a number of tokens."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import numpy as np
import numpy.typing as npt

from agentctx.code.codemap import Codebase
from agentctx.code.facts import CALLABLES, CLASSES
from agentctx.code.query_words import read_query
from agentctx.code.rank import importance, importance_for
from agentctx.code.search import score, top
from agentctx.errors import InvalidArgument
from agentctx.text.tokens import TokenCounter
from agentctx.types import CodeMap

Floats = npt.NDArray[np.float64]

_MOST_BUDGET: Final = 10_000_000
_SEEDS: Final = 100
_LONGEST_SIGNATURE: Final = 120
_LEAST_TOKENS: Final = 3  # of a shown symbol: bounds how many can fit
_KIND: Final[Mapping[str, float]] = {"constant": 0.4, "field": 0.3, "property": 0.5, "section": 0.2, "key": 0.05}
_ASIDE: Final = 0.05
_HIDDEN: Final = 0.4
_DIRECT: Final = 0.5  # of a task's attention goes to what its words find, the rest to what that leads to
_INDENT: Final = "  "


def overview(codebase: Codebase, budget: int, query: str = "", *, counter: TokenCounter) -> CodeMap:
    """The most important signatures, by file, with the classes around them; whole lines, never over `budget`.

    `query` makes it an overview for a task. `tokens` is the exact count of the text by `counter`. Deterministic. An
    empty text where not even one line fits. Django at 2,000 tokens: some 30 ms. Raises InvalidArgument.
    """
    if isinstance(budget, bool) or not isinstance(budget, int) or not 1 <= budget <= _MOST_BUDGET:
        raise InvalidArgument(f"budget is a number of tokens, 1 to {_MOST_BUDGET}, not {budget!r:.50}", field="budget")
    ranked = top(_worth(codebase, query).astype(np.float32), budget // _LEAST_TOKENS + 1).tolist()
    count, text, tokens = _largest(codebase, ranked, budget, counter)
    shown = _with_surroundings(codebase, ranked[:count])
    files = {int(codebase.file_of[unit]) for unit in shown}
    return CodeMap(
        text=text,
        tokens=tokens,
        budget=budget,
        counter=counter.name,
        files=len(files),
        symbols=sum(not codebase.is_file[unit] for unit in shown),
        generation=codebase.generation,
    )


def _worth(codebase: Codebase, query: str) -> Floats:
    """How much each symbol is worth showing."""
    if query.strip():
        found = score(codebase, read_query(query)).total.astype(np.float64)
        seeds = top(found.astype(np.float32), _SEEDS)
        start = np.zeros(len(codebase))
        start[seeds] = found[seeds] / found[seeds].sum() if len(seeds) else 0
        if len(seeds):
            return (_DIRECT * start + (1 - _DIRECT) * importance_for(codebase, start)) * _priors(codebase)
    return importance(codebase) * _priors(codebase)


def _priors(codebase: Codebase) -> Floats:
    known: Floats | None = codebase.derived.get("overview.priors")
    if known is None:
        kinds = np.array([_KIND.get(name, 1.0) for name in codebase.kind_names])
        known = kinds[codebase.kind] * codebase.is_symbol if len(codebase) else np.zeros(0)
        known = known * np.where((codebase.is_test | codebase.is_vendored)[codebase.file_of], _ASIDE, 1.0)
        known = known * np.where(codebase.is_private, _HIDDEN, 1.0)
        codebase.derived["overview.priors"] = known
    return known


def _largest(codebase: Codebase, ranked: list[int], budget: int, counter: TokenCounter) -> tuple[int, str, int]:
    """How many of `ranked` fit, their text and its tokens."""
    price = _Price(codebase, counter)
    low, high = 0, len(ranked)
    # What lines cost by themselves adds up to nearly what the text costs, and is counted once a line.
    while low < high:
        middle = (low + high + 1) // 2
        if price.of(_with_surroundings(codebase, ranked[:middle])) <= budget:
            low = middle
        else:
            high = middle - 1
    text, tokens = _counted(codebase, ranked[:low], counter)
    while low and tokens > budget:
        low -= 1
        text, tokens = _counted(codebase, ranked[:low], counter)
    while low < len(ranked):
        more, cost = _counted(codebase, ranked[: low + 1], counter)
        if cost > budget:
            break
        low, text, tokens = low + 1, more, cost
    return low, text, tokens


class _Price:
    """What lines cost, remembered."""

    def __init__(self, codebase: Codebase, counter: TokenCounter) -> None:
        self._codebase = codebase
        self._counter = counter
        self._known: dict[int, int] = {}

    def of(self, units: Iterable[int]) -> int:
        """The sum over the lines of these units."""
        units = list(units)
        new = [unit for unit in units if unit not in self._known]
        lines = [f"{_line(self._codebase, unit)}\n" for unit in new]
        self._known.update(zip(new, self._counter.count_many(lines), strict=True))
        return sum(self._known[unit] for unit in units)


def _counted(codebase: Codebase, units: list[int], counter: TokenCounter) -> tuple[str, int]:
    shown = _with_surroundings(codebase, units)
    text = "\n".join(_line(codebase, unit) for unit in shown)
    return text, counter.count(text)


def _with_surroundings(codebase: Codebase, units: Iterable[int]) -> list[int]:
    """The units, and what they are in, in the order of the text: each line once."""
    shown: set[int] = set()
    parent = codebase.parent
    for one in units:
        unit = one
        while unit >= 0 and unit not in shown:
            shown.add(unit)
            unit = int(parent[unit])
    return sorted(shown, key=lambda unit: (codebase.file_of[unit], not codebase.is_file[unit], _place(codebase, unit)))


def _place(codebase: Codebase, unit: int) -> tuple[int, int, int]:
    return int(codebase.start_line[unit]), -int(codebase.end_line[unit]), unit


def _line(codebase: Codebase, unit: int) -> str:
    """A file's path, or the signature with the indent of its depth."""
    if codebase.is_file[unit]:
        return codebase.path_of(unit)
    depth = sum(1 for _ in _around(codebase, unit))
    kind = codebase.kind_of(unit)
    text = codebase.signature(unit) if kind in CALLABLES or kind in CLASSES else ""
    text = " ".join(text.split()) or codebase.name(unit).replace("\n", " ")
    if len(text) > _LONGEST_SIGNATURE:
        text = text[: _LONGEST_SIGNATURE - 1] + "…"
    return f"{_INDENT * depth}{text}"


def _around(codebase: Codebase, unit: int) -> Iterator[int]:
    parent = int(codebase.parent[unit])
    while parent >= 0:
        yield parent
        parent = int(codebase.parent[parent])
