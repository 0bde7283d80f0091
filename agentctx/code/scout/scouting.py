"""The rounds of scouting, from a query to hits."""

from __future__ import annotations

from collections.abc import Iterable
from time import perf_counter
from typing import TYPE_CHECKING, Final

import numpy as np

from agentctx.code.codemap import Codebase
from agentctx.code.query.analyze import Query, analyze
from agentctx.code.scope import wanted_files
from agentctx.code.scout.binding import Bound, bind, certainty
from agentctx.code.scout.evidence import Evidence, gather
from agentctx.code.scout.expansion import expand
from agentctx.code.scout.lines import cost_of, line_of
from agentctx.code.scout.policy import DECAY, Policy, State, gain, query_complexity, repository_entropy
from agentctx.code.scout.structure import structure
from agentctx.errors import InvalidArgument
from agentctx.types import CodeHit, ScoutResult, ScoutStep

if TYPE_CHECKING:
    from agentctx.code.scout.judging import Judge  # loads httpx

DEFAULT_BUDGET: Final = 2_000
DEFAULT_K: Final = 50
_MOST: Final = 1_000
_LONGEST: Final = 1_000_000
_FRONTIER: Final = 100
"""Candidates that a round follows relations from."""
_REASONS: Final = {
    "text": "its words",
    "around": "what it is part of",
    "trace": "a stack trace",
    "uses": "it uses what was found",
    "used_by": "what was found uses it",
    "family": "it is related by inheritance",
    "tested": "a test that reads like the task uses it",
}


def scout(
    codebase: Codebase,
    query: str,
    *,
    budget: int = DEFAULT_BUDGET,
    k: int = DEFAULT_K,
    path: str = "",
    tests: bool = False,
    llm: bool = False,
    judge: Judge | None = None,
) -> ScoutResult:
    """Where to look for what `query` says, best first. Deterministic without a `judge`; see `CodeAPI.scout`.

    judge: a model that may rewrite the query and say how sure it is; what it cannot do is told in `degraded`. Raises
    InvalidArgument for an empty query, a budget or k below 1, and a path that leaves the repository.
    """
    if not query.strip() or len(query) > _LONGEST:
        raise InvalidArgument(f"query is a text of 1 to {_LONGEST} characters", field="query")
    if budget < 1:
        raise InvalidArgument(f"budget is a number of tokens, 1 at least, not {budget}", field="budget")
    if not 1 <= k <= _MOST:
        raise InvalidArgument(f"k is 1 to {_MOST}, not {k}", field="k")
    return _Scouting(codebase, query, budget, k, path, tests=tests, judge=judge, llm=llm).run()


class _Scouting:
    """One run."""

    def __init__(
        self,
        codebase: Codebase,
        text: str,
        budget: int,
        k: int,
        path: str,
        *,
        tests: bool,
        judge: Judge | None,
        llm: bool,
    ) -> None:
        self._codebase = codebase
        self._text, self._budget, self._k, self._path, self._tests = text, budget, k, path, tests
        self._judge = judge if llm else None
        self._laps: dict[str, float] = {}
        self._last = perf_counter()
        self._steps: list[ScoutStep] = []
        self._states: list[State] = []
        self._seen: set[int] = set()
        self._cost = 0

    def run(self) -> ScoutResult:
        """All rounds, then the hits."""
        query = self._read()
        allowed = wanted_files(self._codebase, path=self._path, tests=self._tests or query.about_tests)
        files = np.ones(self._codebase.files, dtype=bool) if allowed is None else allowed
        files = files & ~self._codebase.is_vendored
        made = structure(self._codebase)
        self._lap("structure")
        bound = bind(self._codebase, made, query, files)
        self._lap("anchors")
        evidence = gather(self._codebase, made, query, bound, files)
        self._lap("search")
        policy = Policy(
            self._budget,
            query_complexity(sum(len(one.text.split()) for one in query.segments), len(bound.anchors)),
            self._entropy(),
        )
        stopped = self._round(policy, evidence, bound, "search by words and anchors")
        expanded: set[int] = set()
        while not stopped:
            frontier = [unit for unit in self._best(evidence, _FRONTIER) if unit not in expanded]
            decay = DECAY ** (len(self._states) - 1)
            expanded.update(frontier)
            gained, _ = expand(evidence, frontier, decay)
            evidence.relate(gained)
            stopped = self._round(policy, evidence, bound, f"follow relations of {len(frontier)} candidates")
        self._lap("expand")
        return self._answer(evidence, bound, stopped)

    def _read(self) -> Query:
        text = self._text
        if self._judge is not None:
            added = self._judge.rewrite(text)
            text = f"{text}\n\n{added}" if added else text
        query = analyze(text)
        self._lap("read")
        return query

    def _round(self, policy: Policy, evidence: Evidence, bound: Bound, action: str) -> str:
        """Look at the best candidates as structure, and ask the policy."""
        best = self._best(evidence, self._k)
        new = [unit for unit in best if unit not in self._seen]
        paid: list[int] = []
        for unit in new:
            price = cost_of(self._codebase, unit)
            if self._cost + price > self._budget:
                self._cost = self._budget if not paid and not self._seen else self._cost
                break
            self._cost += price
            paid.append(unit)
        self._seen.update(paid)
        confidence = self._confidence(evidence, bound)
        if self._judge is not None and best:
            judged = self._judge.confidence(self._text, [line_of(self._codebase, unit) for unit in best])
            confidence = max(confidence, judged)  # a model may end scouting earlier, never make it last
        state = State(len(self._states) + 1, confidence, self._cost, len(paid))
        before = self._states[-1] if self._states else State(0, 0.0, 0, 0)
        self._states.append(state)
        self._steps.append(
            ScoutStep(
                state.round, action, len(best), len(paid), round(confidence, 4), self._cost,
                round(gain(before, state), 4),
            )
        )  # fmt: skip
        return policy.stop(self._states)

    def _best(self, evidence: Evidence, k: int) -> list[int]:
        scores = evidence.units
        found = np.flatnonzero(scores > -np.inf)
        if len(found) > k:
            least = np.partition(scores[found], len(found) - k)[len(found) - k]
            found = found[scores[found] >= least]
        ranked: list[int] = found[np.lexsort((found, -scores[found]))][:k].tolist()
        return ranked

    def _confidence(self, evidence: Evidence, bound: Bound) -> float:
        """How much the evidence agrees: views that put the best file first, its lead over the next, and anchors."""
        files = evidence.files
        if not np.isfinite(files).any():
            return 0.0
        order = np.argsort(-files, kind="stable")[:2]
        best = int(order[0])
        views = ("file_text", "file_title", "best_unit", "best_unit_title", "top_units")
        agree = sum(float(evidence.file_parts[name][best]) for name in views) / len(views)
        lead = 1.0
        if len(order) > 1 and np.isfinite(files[order[1]]) and files[best] > 0:
            lead = min(float(files[best] - files[order[1]]) / float(files[best]) * 3, 1.0)
        return 0.5 * agree + 0.25 * lead + 0.25 * certainty(bound)

    def _entropy(self) -> float:
        codebase = self._codebase
        if not codebase.files:
            return 0.5
        lines = float(codebase.end_line[codebase.first_unit[:-1]].mean())
        depth = sum(path.count("/") for path in codebase.paths) / codebase.files
        return repository_entropy(codebase.files, lines, depth)

    def _answer(self, evidence: Evidence, bound: Bound, stopped: str) -> ScoutResult:
        hits = []
        cost = 0
        for unit in self._best(evidence, self._k):
            price = cost_of(self._codebase, unit)
            if cost + price > self._budget:
                break
            cost += price
            hits.append(self._hit(evidence, unit))
        files = self._files(evidence, hits)
        self._lap("show")
        return ScoutResult(
            hits=tuple(hits),
            files=tuple(files),
            anchors=tuple(bound.anchors),
            trace=tuple(self._steps),
            confidence=self._states[-1].confidence,
            stopped=stopped,
            tokens=cost,
            generation=self._codebase.generation,
            degraded=tuple(self._judge.degraded) if self._judge is not None else (),
            stages_ms=self._laps,
        )

    def _files(self, evidence: Evidence, hits: Iterable[CodeHit]) -> list[str]:
        """Files by their own score; as many as hits were asked for."""
        scores = evidence.files
        own = sum(evidence.file_parts[name] for name in ("file_text", "path", "named_path", "traced_file"))
        found = np.flatnonzero(np.isfinite(scores) & (np.asarray(own) > 0))
        ranked = found[np.lexsort((found, -scores[found]))][: self._k]
        return [self._codebase.paths[place] for place in ranked.tolist()]

    def _hit(self, evidence: Evidence, unit: int) -> CodeHit:
        parts = evidence.parts(unit)
        why = sorted(((value, name) for name, value in parts.items() if name in _REASONS and value > 0), reverse=True)
        return CodeHit(
            symbol=self._codebase.symbol(unit),
            start_line=int(self._codebase.start_line[unit]),
            end_line=int(self._codebase.end_line[unit]),
            score=float(evidence.units[unit]),
            parts=parts,
            reason=", ".join(_REASONS[name] for _, name in why[:2]),
        )

    def _lap(self, name: str) -> None:
        now = perf_counter()
        self._laps[name] = self._laps.get(name, 0.0) + (now - self._last) * 1e3
        self._last = now
