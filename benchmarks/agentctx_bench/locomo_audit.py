"""Reads the LoCoMo audit (dial481/locomo-audit): known mistakes in the published evidence and answers.

It is an opinion too, made by a model with human review: report on the data as published first.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from agentctx.errors import InvalidArgument
from agentctx_bench import locomo
from agentctx_bench.dataset import Dataset, Haystack, Question
from agentctx_bench.files import expect, member, read_json, texts

# The audit numbers the conversations of the whole file.
SAMPLES: Final = tuple(f"conv-{n}" for n in (26, 30, 41, 42, 43, 44, 47, 48, 49, 50))
_QUESTION_ID = re.compile(r"locomo_(\d+)_qa(\d+)")


@dataclass(frozen=True, slots=True)
class Audit:
    """A dataset with the audited evidence, and disputed answers marked.

    `changed` counts questions whose evidence differs now, `unmatched` entries about questions that are not here.
    """

    dataset: Dataset
    changed: int
    unmatched: int


def audited(dataset: Dataset, path: str | Path, audit_path: str | Path) -> Audit:
    """`dataset`, which was loaded from `path`, as the audit sees it. Raises InvalidArgument for a wrong file."""
    samples, _ = read_json(path)
    entries, _ = read_json(audit_path, "audit")
    waiting = dict(_keyed(entry, f"audit[{i}]") for i, entry in enumerate(expect(entries, list, "audit")))
    haystacks = []
    changed = 0
    for haystack, sample in zip(dataset.haystacks, samples, strict=False):
        known = dict(zip(locomo.dia_ids(sample), (turn.id for turn in haystack.turns), strict=True))
        questions = []
        for published in haystack.questions:
            entry, where = waiting.get(published.key, ({}, ""))
            question = published
            if entry and member(entry, "question", str, where).strip() == published.text:
                question = _corrected(published, haystack, entry, known, where)
                changed += question.gold_turns != published.gold_turns
                del waiting[published.key]
            questions.append(question)
        haystacks.append(replace(haystack, questions=tuple(questions)))
    return Audit(replace(dataset, haystacks=tuple(haystacks)), changed, len(waiting))


def _keyed(entry: Any, where: str) -> tuple[str, tuple[Mapping[str, Any], str]]:
    match = _QUESTION_ID.fullmatch(member(expect(entry, dict, where), "question_id", str, where))
    if match is None:
        raise InvalidArgument(f"{where}.question_id must be locomo_<i>_qa<j>", field=f"{where}.question_id")
    sample = SAMPLES[int(match[1])] if int(match[1]) < len(SAMPLES) else "unknown"
    return f"{sample}/{int(match[2])}", (entry, where)


def _corrected(
    question: Question, haystack: Haystack, entry: Mapping[str, Any], known: Mapping[str, str], where: str
) -> Question:
    """The question with the audit's evidence, whatever kind of mistake led to it."""
    gold = locomo.clean_evidence(texts(entry, "correct_evidence", where), known, Counter())
    return replace(
        question,
        gold_turns=gold,
        gold_sessions=frozenset(turn.session for turn in haystack.turns if turn.id in gold),
        # A wrong citation is no objection to the answer; every other kind of mistake is.
        answer_disputed=member(entry, "error_type", str, where) != "WRONG_CITATION",
    )
