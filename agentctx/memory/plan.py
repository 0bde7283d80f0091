"""From a query to an explicit plan: which terms to look for and how much each counts, which times, which persons."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final

from agentctx.memory.times import TimeHint, time_hints
from agentctx.text.features import QuestionFeatures, question_features
from agentctx.text.terms import analyze, fold, placed_terms
from agentctx.types.making import maker_of

# Words with which questions are asked, or which say little on their own.
_WEAK: Final = """
    many much total number amount different type kind sort order time times often long currently current recently
    recent lately past previous previously earliest latest starting mention mentioned remember remind recall tell told
    said say ask asked talk talked discuss discussed conversation chat provide provided know think going based likely
    might specific name called happen happened thing things something anything someone various certain use used get got
    having day days week weeks month months year years weekend hour hours minute minutes ago date since today yesterday
    last go goes went gone gets getting gotten make makes making made take takes taking took come comes came want wants
    wanted need needs like likes liked look looks looking see saw seen feel feels feeling felt give gave given put keep
    kept knew thought find found new good great nice way lot lots really people person work help try start plan
    one two three four five six seven eight nine ten eleven twelve dozen
"""
WEAK_TERMS: Final = frozenset(analyze(_WEAK).counts)
WEAK: Final = 0.4
_WORD: Final = re.compile(r"[^\W_]+")
MOST_TERMS: Final = 256  # distinct terms that are looked for, the first of a longer text: more tell nothing apart
SURE: Final = 0.3  # less sure hints are left out: "the day" is seldom today
LONGEST: Final = timedelta(days=400)  # a longer range singles nothing out
BEFORE: Final = timedelta(days=14)  # "by July" is said towards the end of June
_REMEMBERED: Final = 32_768
SLACK: Final = 0.5  # the share of a hint's slack that counts as within it: closeness falls slowly beyond it anyway
DATED: Final = 0.7  # words of a date or span: the range that they name says it better


@dataclass(frozen=True, slots=True)
class PlannedTerm:
    """A term to look for. weight: its share beside its rarity. similar: words of like meaning count for it too."""

    term: str
    spelling: str
    weight: float
    similar: bool


_term = maker_of(PlannedTerm)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a search will look for. hints: soft time ranges. folded: the query in lower case, for finding names."""

    terms: tuple[PlannedTerm, ...]
    hints: tuple[TimeHint, ...]
    features: QuestionFeatures
    folded: str

    @property
    def empty(self) -> bool:
        """Whether there is nothing at all to look for."""
        return not self.folded

    @property
    def spoken(self) -> frozenset[str]:
        """Every word of the query, as names are met in it."""
        return frozenset(_WORD.findall(self.folded))

    def described_terms(self) -> tuple[str, ...]:
        """The terms for `explain`."""
        return tuple(term.term for term in self.terms)

    def described_hints(self) -> tuple[str, ...]:
        """The time ranges for `explain`."""
        return tuple(f"{hint.text}: {hint.start.isoformat()} to {hint.end.isoformat()}" for hint in self.hints)


def make_plan(query: str, reference_time: datetime, *, lexical: bool = True, time: bool = True) -> Plan:
    """The plan of a query asked at `reference_time`. Deterministic; some 20 us, 60 where it speaks of times.

    lexical, time: whether words and times are looked for.
    """
    folded = fold(query).strip()
    hints = tuple(_kept(time_hints(folded, reference_time), reference_time)) if lexical and time else ()
    first: dict[str, str] = {}
    undated: set[str] = set()
    for term, spelling, start in placed_terms(folded) if lexical else ():
        if term not in first:
            if len(first) == MOST_TERMS:
                continue
            first[term] = spelling
        if not hints or not any(hint.span[0] <= start < hint.span[1] for hint in hints):
            undated.add(term)
    terms = tuple([_planned(term, spelling, term in undated) for term, spelling in first.items()])
    lower = folded.lower()
    return Plan(terms, hints, question_features(lower), lower)


@lru_cache(maxsize=_REMEMBERED)
def _planned(term: str, spelling: str, undated: bool) -> PlannedTerm:
    """A word of a query, as it is planned wherever it is met. undated: it stands outside of the dates at least once."""
    digits = not term.isalpha() and any(map(str.isdigit, term))
    weight = (WEAK if term in WEAK_TERMS else 1.0) * (1.0 if undated else DATED)
    return _term(term, spelling, weight, undated and not digits)


def _kept(hints: Iterable[TimeHint], reference_time: datetime) -> Iterator[TimeHint]:
    """The hints that narrow a search, wider by half of what their speakers may be off.

    What has no end ends with the reference time, since memory holds the past; of what has no beginning ("by July") the
    days before its end count, when it was spoken of. A long range singles nothing out.
    """
    for hint in hints:
        if hint.confidence < SURE:
            continue
        try:
            end = reference_time + timedelta(days=1) if hint.open_end else hint.end + SLACK * hint.slack
            start = end - BEFORE if hint.open_start else hint.start - SLACK * hint.slack
        except OverflowError:
            continue  # beyond the calendar
        if start < end and end - start < LONGEST:
            yield TimeHint(start, end, hint.text, hint.span, hint.confidence, hint.slack)
