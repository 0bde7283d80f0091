"""How much of the evidence a bundle keeps, beside what other ways of filling the same budget keep. Conversations.

Three ways, for the same question, in the same run: a bundle; the best turns of a search, one after the other, until
one does not fit; the whole sessions that a search leads to, until one does not fit. All are counted whole.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from agentctx.types import Hit
from agentctx_bench.dataset import Dataset, Haystack, Question, Turn
from agentctx_bench.stats import paired_bootstrap, percentiles

if TYPE_CHECKING:
    from agentctx.engine import ContextEngine

BUNDLE: Final = "bundle"
TOP_K: Final = "top_k"
SESSIONS: Final = "whole_sessions"
WAYS: Final = (BUNDLE, TOP_K, SESSIONS)
_DEPTH: Final = 1000  # hits that the two other ways may take from
_SESSIONS: Final = 40  # whole sessions that are looked at
_BATCH: Final = 100

Count = Callable[[str], int]


@dataclass(slots=True)
class Asked:
    """What became of one question: by way and budget the share of the evidence, and the tokens handed over.

    sessions: of the first k whole sessions that a search leads to, by k, the tokens and the share of the evidence.
    """

    question: Question
    evidence: dict[tuple[str, int], float] = field(default_factory=dict)
    tokens: dict[tuple[str, int], int] = field(default_factory=dict)
    build_ms: dict[int, float] = field(default_factory=dict)
    beyond_ms: dict[int, float] = field(default_factory=dict)
    sessions: list[tuple[int, float]] = field(default_factory=list)
    over: int = 0


def run(
    engine: ContextEngine,
    dataset: Dataset,
    prefix: str,
    budgets: Sequence[int],
    counter: str,
    count: Count,
    advance: Callable[[int], None],
) -> list[Asked]:
    """Fill a namespace a haystack and ask its questions. Only those with evidence that count for the headline."""
    asked: list[Asked] = []
    for haystack in dataset.haystacks:
        namespace = f"{prefix}/{haystack.namespace}"
        questions = [one for one in haystack.questions if one.headline and one.gold_turns]
        if questions:
            episodes = [turn.episode() for turn in haystack.turns]
            for start in range(0, len(episodes), _BATCH):
                engine.memory.add(namespace, episodes[start : start + _BATCH])
            sessions = _sessions(haystack)
            engine.memory.search(namespace, "Is this the first question?", k=1)
        advance(len(haystack.turns))
        for question in questions:
            asked.append(_ask(engine, namespace, question, sessions, budgets, counter, count))
            advance(1)
    return asked


def summary(asked: Sequence[Asked], budgets: Sequence[int], seed: int) -> dict[str, Any]:
    """The figures of a data set, by budget; the differences from the bundle are paired, with 95% intervals."""
    told: dict[str, Any] = {"questions": len(asked), "budgets": {}}
    for budget in budgets:
        ours = [one.evidence[BUNDLE, budget] for one in asked]
        row: dict[str, Any] = {
            "evidence": _mean(ours),
            "all_evidence": _mean([float(share == 1) for share in ours]),
            "tokens": _mean([one.tokens[BUNDLE, budget] for one in asked], 1),
            "build_ms": percentiles([one.build_ms[budget] for one in asked]),
            "beyond_search_ms": percentiles([one.beyond_ms[budget] for one in asked]),
        }
        for way in (TOP_K, SESSIONS):
            theirs = [one.evidence[way, budget] for one in asked]
            found = paired_bootstrap(ours, theirs, seed=seed)
            row[way] = {
                "evidence": _mean(theirs),
                "tokens": _mean([one.tokens[way, budget] for one in asked], 1),
                "difference": {"mean": _round(found.mean), "low": _round(found.low), "high": _round(found.high)},
            }
        told["budgets"][str(budget)] = row
    told["over_budget"] = sum(one.over for one in asked)
    told["whole_sessions_for_the_same"] = _same_evidence(asked, min(budgets))
    told["by_category"] = _by_category(asked, budgets)
    return told


def _ask(
    engine: ContextEngine,
    namespace: str,
    question: Question,
    sessions: Mapping[str, tuple[str, frozenset[str]]],
    budgets: Sequence[int],
    counter: str,
    count: Count,
) -> Asked:
    result = Asked(question)
    gold = question.gold_turns
    hits = engine.memory.search(namespace, question.text, k=_DEPTH, reference_time=question.reference_time).hits
    ranked = [sessions[name] for name in dict.fromkeys(hit.episode.session for hit in hits)]
    for budget in budgets:
        began = time.perf_counter()
        bundle = engine.context.build(
            question.text,
            budget=budget,
            namespace=namespace,
            reference_time=question.reference_time,
            counter=counter,
        )
        result.build_ms[budget] = (time.perf_counter() - began) * 1000
        result.beyond_ms[budget] = result.build_ms[budget] - bundle.receipt.stages_ms.get("search", 0.0)
        ids = {getattr(item.citation, "episode", "") for item in bundle.items}
        tokens = count(bundle.text)
        result.over += tokens > budget
        result.tokens[BUNDLE, budget] = tokens
        result.evidence[BUNDLE, budget] = 0.0 if tokens > budget else len(gold & ids) / len(gold)
        texts = [(_line(hit), frozenset((hit.episode.id,))) for hit in hits]
        _fill(result, TOP_K, budget, texts, gold, count)
        _fill(result, SESSIONS, budget, ranked, gold, count)
    shown: frozenset[str] = frozenset()
    used = 0
    for text, turns in ranked[:_SESSIONS]:
        used += count(text)
        shown |= turns
        result.sessions.append((used, len(gold & shown) / len(gold)))
    return result


def _fill(
    result: Asked,
    way: str,
    budget: int,
    texts: Sequence[tuple[str, frozenset[str]]],
    gold: frozenset[str],
    count: Count,
) -> None:
    """Texts in their order until one does not fit any more; the whole is counted."""
    taken = 0
    used = 0
    for text, _ in texts:
        used += count(text)
        if used > budget:
            break
        taken += 1
    whole = "".join(text for text, _ in texts[:taken])
    while taken and count(whole) > budget:
        taken -= 1
        whole = "".join(text for text, _ in texts[:taken])
    shown = frozenset[str]().union(*(turns for _, turns in texts[:taken]))
    result.tokens[way, budget] = count(whole)
    result.evidence[way, budget] = len(gold & shown) / len(gold)


def _same_evidence(asked: Sequence[Asked], budget: int) -> dict[str, Any]:
    """How many whole sessions a search must hand over for as much evidence as bundles of a budget, and their tokens.

    The same number of sessions for every question, between two numbers in proportion, as whoever sets it has to.
    """
    wanted = sum(one.evidence[BUNDLE, budget] for one in asked) / max(len(asked), 1)
    before = (0, 0.0, 0.0)
    for k in range(1, _SESSIONS + 1):
        rows = [one.sessions[min(k, len(one.sessions)) - 1] if one.sessions else (0, 0.0) for one in asked]
        tokens = sum(row[0] for row in rows) / max(len(rows), 1)
        evidence = sum(row[1] for row in rows) / max(len(rows), 1)
        if evidence >= wanted:
            share = (wanted - before[2]) / (evidence - before[2]) if evidence > before[2] else 1.0
            needed = before[1] + share * (tokens - before[1])
            return {
                "budget": budget,
                "evidence": _round(wanted),
                "sessions": round(before[0] + share, 2),
                "tokens": round(needed, 1),
                "ratio": round(needed / budget, 2),
            }
        before = (k, tokens, evidence)
    return {"budget": budget, "evidence": _round(wanted), "sessions": None, "tokens": None, "ratio": None}


def _sessions(haystack: Haystack) -> dict[str, tuple[str, frozenset[str]]]:
    """Each session as text, and the turns in it."""
    by_name: dict[str, list[Turn]] = {}
    for turn in haystack.turns:
        by_name.setdefault(turn.session, []).append(turn)
    return {
        name: (
            f"{turns[0].occurred_at:%Y-%m-%d}\n" + "".join(f"{one.speaker or one.role}: {one.text}\n" for one in turns),
            frozenset(one.id for one in turns),
        )
        for name, turns in by_name.items()
    }


def _line(hit: Hit) -> str:
    one = hit.episode
    return f"{one.occurred_at:%Y-%m-%d} {one.speaker or one.role}: {one.content}\n"


def _by_category(asked: Sequence[Asked], budgets: Sequence[int]) -> dict[str, Any]:
    groups: dict[str, list[Asked]] = {}
    for one in asked:
        groups.setdefault(one.question.category, []).append(one)
    return {
        name: {
            "questions": len(some),
            **{str(budget): _mean([one.evidence[BUNDLE, budget] for one in some]) for budget in budgets},
        }
        for name, some in sorted(groups.items())
    }


def _mean(values: Sequence[float], digits: int = 4) -> float | None:
    return round(sum(values) / len(values), digits) if values else None


def _round(value: float) -> float:
    return round(value, 4)
