"""Ranked search of a generation: files, symbols or chunks for words, identifiers or paths."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Final

import numpy as np
import numpy.typing as npt

from agentctx.code.codemap import Codebase
from agentctx.code.dense import CANDIDATES, nearness
from agentctx.code.facts import CALLABLES
from agentctx.code.query_words import QueryWords, read_query, widened
from agentctx.code.scope import wanted_files
from agentctx.code.units import FIELDS
from agentctx.embed.base import Embedder
from agentctx.errors import InvalidArgument
from agentctx.types import CodeHit, CodeSearchResult
from agentctx.types.code import GRANULARITIES, Granularity

Floats = npt.NDArray[np.float32]

_MOST: Final = 1_000
_LONGEST: Final = 100_000
_PROSE: Final = frozenset({"markdown", "restructuredtext", "text"})


@dataclass(frozen=True, slots=True)
class SearchWeights:
    """How the parts of a score count, against one of BM25F over a unit's own fields."""

    path: float = 1.0
    definition: float = 1.0
    dense: float = 0.3
    """Of a cosine of one, as a share of what the words of the query can give at most."""
    test: float = 0.6
    vendored: float = 0.5
    document: float = 0.8
    settings: float = 0.5


DEFAULT_WEIGHTS: Final = SearchWeights()


@dataclass(frozen=True, slots=True)
class Scores:
    """The parts of a score by unit, or by file at file level; `total` has the priors in it."""

    level: Granularity
    words: QueryWords
    text: Floats
    path: Floats
    definition: Floats
    prior: Floats
    total: Floats


def search(
    codebase: Codebase,
    query: str,
    embedder: Embedder | None = None,
    *,
    k: int = 10,
    granularity: Granularity = "symbol",
    path: str = "",
    language: str = "",
    kinds: Sequence[str] = (),
    tests: bool = True,
    vendored: bool = True,
    explain: bool = False,
) -> CodeSearchResult:
    """Hits, best first; ties by path and position. Where no word of the query is known, words near in meaning are
    looked for. embedder: compare the best with the query in meaning, too; some 2 ms.

    explain: fill `parts` and `reason` of each hit, and the times of the stages. Raises InvalidArgument.
    """
    if not isinstance(query, str) or not query.strip() or len(query) > _LONGEST:
        raise InvalidArgument(f"query is a text of 1 to {_LONGEST} characters", field="query")
    if not 1 <= k <= _MOST:
        raise InvalidArgument(f"k is 1 to {_MOST}, not {k}", field="k")
    if granularity not in GRANULARITIES:
        raise InvalidArgument(f"granularity is one of {', '.join(GRANULARITIES)}", field="granularity")
    watch = _Watch()
    files = wanted_files(codebase, path=path, language=language, tests=tests, vendored=vendored)
    scores = score(codebase, read_query(query), granularity)
    total = _narrowed(codebase, scores, files, kinds)
    if not total.any():  # nothing says it in these words: others that mean much the same may
        scores = score(codebase, widened(query), granularity)
        total = _narrowed(codebase, scores, files, kinds)
    watch.lap("score")
    best = top(total, max(k, CANDIDATES))
    near = np.zeros(len(best), dtype=np.float32)
    if embedder is not None and granularity != "file" and len(best):
        symbols = codebase.symbols[best].tolist()
        near = nearness(codebase, embedder, query, symbols) * np.float32(
            DEFAULT_WEIGHTS.dense * _mass(codebase, scores)
        )
        near *= scores.prior[best]
        best, near = _reordered(best, total[best] + near, near)
    watch.lap("rank")
    hits = tuple(
        _hit(codebase, scores, one, dense, explain=explain)
        for one, dense in zip(best[:k].tolist(), near[:k].tolist(), strict=True)
    )
    watch.lap("show")
    return CodeSearchResult(hits, codebase.generation, watch.laps if explain else {})


def _reordered(best: npt.NDArray[np.intp], total: Floats, near: Floats) -> tuple[npt.NDArray[np.intp], Floats]:
    """The best first, ties by place."""
    order = np.lexsort((best, -total))
    return best[order], near[order]


def _mass(codebase: Codebase, scores: Scores) -> float:
    """What a unit that is about nothing but the query would get for its words."""
    terms = list(scores.words.terms)
    known = codebase.words.holders(terms) > 0
    return float(codebase.words.rarity(terms)[known] @ np.array(list(scores.words.terms.values()))[known])


def score(
    codebase: Codebase, words: QueryWords, level: Granularity = "symbol", weights: SearchWeights = DEFAULT_WEIGHTS
) -> Scores:
    """All parts of the score of every unit (or file), unnarrowed: what search ranks by, and scouting starts from."""
    by_path = codebase.path_words.score(words.terms) * np.float32(weights.path)
    if level == "file":
        text = codebase.file_words.score(words.terms)
        definition = np.zeros(codebase.files, dtype=np.float32)
        prior = _priors(codebase, weights)
        return Scores(level, words, text, by_path, definition, prior, (text + by_path) * prior)
    text = codebase.words.score(words.terms)
    definition = _definitions(codebase, words, weights)
    by_path = by_path[codebase.file_of]
    prior = _priors(codebase, weights)[codebase.file_of]
    # A path alone makes a unit no answer: it tells between units that the words are found in.
    total = np.where(text + definition > 0, text + definition + by_path, 0) * prior
    if level == "chunk":
        return Scores(level, words, text, by_path, definition, prior, np.where(codebase.is_leaf, total, 0))
    return Scores(level, words, text, by_path, definition, prior, np.where(codebase.is_symbol, total, 0))


def top(total: Floats, k: int) -> npt.NDArray[np.intp]:
    """The places of the k highest positive scores, the highest first, ties by place."""
    found = np.flatnonzero(total > 0)
    if len(found) > k:
        least = np.partition(total[found], len(found) - k)[len(found) - k]
        found = found[total[found] >= least]
    return found[np.argsort(-total[found], kind="stable")][:k]


def _definitions(codebase: Codebase, words: QueryWords, weights: SearchWeights) -> Floats:
    """What a unit gets for bearing just a name of the query."""
    found = np.zeros(len(codebase), dtype=np.float32)
    order, folded = codebase.by_name
    wanted = np.fromiter(words.names, dtype=np.uint64, count=len(words.names))
    first, last = folded.searchsorted(wanted), folded.searchsorted(wanted, side="right")
    for start, end, weight in zip(first.tolist(), last.tolist(), words.names.values(), strict=True):
        if end > start:
            rarity = np.log1p(len(order) / (end - start)) / np.log1p(len(order))
            units = order[start:end]
            found[units] = np.maximum(found[units], np.float32(weights.definition * weight * rarity))
    return found


def _priors(codebase: Codebase, weights: SearchWeights) -> Floats:
    prior = np.where(codebase.is_test, weights.test, 1.0) * np.where(codebase.is_vendored, weights.vendored, 1.0)
    names = sorted(codebase.language_names)
    spoken = np.array([weights.document if name in _PROSE else weights.settings for name in names])
    other = spoken[codebase.language_codes] if names else prior
    found: Floats = (prior * np.where(codebase.is_code, 1.0, other)).astype(np.float32)
    return found


def _narrowed(codebase: Codebase, scores: Scores, files: npt.NDArray[np.bool_] | None, kinds: Sequence[str]) -> Floats:
    total = scores.total
    if files is not None:
        total = total * (files if scores.level == "file" else files[codebase.file_of])
    if kinds and scores.level != "file":
        wanted = np.array([name in kinds for name in codebase.kind_names], dtype=bool)
        units = codebase.kind if scores.level == "symbol" else codebase.kind[codebase.symbols]
        total = total * wanted[units]
    return total


def _hit(codebase: Codebase, scores: Scores, one: int, dense: float, *, explain: bool) -> CodeHit:
    unit = int(codebase.first_unit[one]) if scores.level == "file" else one
    symbol = codebase.symbol(unit)
    start, end = int(codebase.start_line[unit]), int(codebase.end_line[unit])
    if scores.level == "chunk":
        end = _own_end(codebase, unit, start, end)
    parts = explain_hit(codebase, scores, one, dense) if explain else {}
    reason = _reason(parts) if parts else ""
    return CodeHit(symbol, start, end, float(scores.total[one]) + dense, parts, reason)


def _own_end(codebase: Codebase, unit: int, start: int, end: int) -> int:
    """Where the text of a class or file that is not that of its members ends first."""
    if codebase.kind_of(unit) in CALLABLES:
        return end
    inside = codebase.children(unit)
    first = min((int(codebase.start_line[one]) for one in inside), default=end + 1)
    return max(first - 1, start)


def explain_hit(codebase: Codebase, scores: Scores, one: int, dense: float = 0.0) -> Mapping[str, float]:
    """What the score of a unit (or file) is the sum of: fields of its text, path, definition, and the prior's share."""
    index = codebase.file_words if scores.level == "file" else codebase.words
    fields = index.explain(scores.words.terms, one)
    parts = {name: value for name, value in zip(FIELDS, fields.tolist(), strict=True) if value}
    prior = float(scores.prior[one])
    parts |= {"path": float(scores.path[one]), "definition": float(scores.definition[one]), "dense": dense / prior}
    if prior != 1.0:
        parts["prior"] = (prior - 1) * sum(parts.values())
    return {name: value for name, value in parts.items() if value}


def _reason(parts: Mapping[str, float]) -> str:
    best = sorted(((value, name) for name, value in parts.items() if value > 0), reverse=True)[:2]
    return "matches in " + " and ".join(name for _, name in best) if best else ""


@dataclass(slots=True)
class _Watch:
    laps: dict[str, float] = field(default_factory=dict)
    last: float = field(default_factory=perf_counter)

    def lap(self, name: str) -> None:
        now = perf_counter()
        self.laps[name] = (now - self.last) * 1e3
        self.last = now
