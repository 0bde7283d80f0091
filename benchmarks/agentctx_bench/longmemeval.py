"""Loads LongMemEval (xiaowu0162/LongMemEval, S or oracle, `.json` or `.json.xz`).

What the system under test gets: each turn's content and role, with a session id that only counts (`s000`, `s001`, by
place in the haystack) and the session's date. Evidence sessions are called `answer_...` in the file and only their
turns have the key `has_answer`, so neither ever reaches the system, nor does `question_id`, whose end gives
abstention away.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from agentctx.errors import InvalidArgument
from agentctx.types import ROLES, Role
from agentctx_bench.dataset import Dataset, Haystack, Question, Turn
from agentctx_bench.files import as_text, end_of_day, expect, member, moment, read_json, storable

DATE: Final = "%Y/%m/%d (%a) %H:%M"
_ROLES: Final[dict[str, Role]] = {role: role for role in ROLES if role}


def load(path: str | Path) -> Dataset:
    """Read a LongMemEval file. Raises InvalidArgument, naming the place, where it is not one."""
    entries, sha256 = read_json(path)
    expect(entries, list, "data")
    counts: Counter[str] = Counter()
    haystacks = []
    for index in range(len(entries)):
        haystacks.append(_entry(entries[index], index, counts))
        entries[index] = None  # the file unpacks to a gigabyte of objects: let go of what has been read
    if not haystacks:
        raise InvalidArgument("data holds no question", field="data")
    return Dataset(
        benchmark="longmemeval",
        haystacks=tuple(haystacks),
        sha256=sha256,
        excluded=dict(counts),
        notes=(
            "unit: a turn, of the user or of the assistant; one namespace a question",
            "session ids renamed by place; sessions sorted by date (stable); has_answer and question_id kept outside",
            "retrieval counts all non-abstention questions (not upstream's user-side subset)",
            "questions are asked as of the end of their day; dates taken as UTC; ndcg@10 is the textbook form",
        ),
    )


def _entry(entry: Any, index: int, counts: Counter[str]) -> Haystack:
    where = f"data[{index}]"
    asked = moment(member(expect(entry, dict, where), "question_date", str, where), DATE, f"{where}.question_date")
    evidence = {expect(i, str, f"{where}.answer_session_ids") for i in member(entry, "answer_session_ids", list, where)}
    abstention = member(entry, "question_id", str, where).endswith("_abs")
    turns: list[Turn] = []
    gold_turns: set[str] = set()
    gold_sessions: set[str] = set()
    for place, (date, session_id, session) in _sessions(entry, where):
        if date > end_of_day(asked):
            counts["sessions after the day of the question, skipped"] += 1
            continue
        session_name = f"s{place:03}"
        if session_id in evidence:
            gold_sessions.add(session_name)
        for position, turn in enumerate(session):
            at = f"{where}.haystack_sessions[{place}][{position}]"
            role, content = _turn(turn, at)
            if not content.strip():
                counts["turns with empty content, skipped"] += 1
                continue
            name = f"t{len(turns):05}"
            if turn.get("has_answer") is True:
                gold_turns.add(name)
            turns.append(Turn(name, session_name, position, content, date, role=role))
    if not turns:
        raise InvalidArgument(f"{where}.haystack_sessions holds no turn", field=f"{where}.haystack_sessions")
    if abstention:
        # Their answer_session_ids name near misses, not evidence.
        counts["abstention questions, no retrieval metrics"] += 1
    elif not gold_turns:
        counts["questions without an evidence turn, no turn-level metrics"] += 1
    question = Question(
        key=entry["question_id"],
        category=member(entry, "question_type", str, where),
        text=storable(member(entry, "question", str, where).strip()),
        answer=as_text(entry.get("answer")),
        reference_time=end_of_day(asked),
        gold_turns=frozenset() if abstention else frozenset(gold_turns),
        gold_sessions=frozenset() if abstention else frozenset(gold_sessions),
        abstention=abstention,
    )
    return Haystack(f"q{index:04}", tuple(turns), (question,))


def _sessions(entry: Mapping[str, Any], where: str) -> list[tuple[int, tuple[datetime, str, list[Any]]]]:
    """(place, (date, id, turns)), by date; the place is the key, since ids recur within a haystack."""
    dates = member(entry, "haystack_dates", list, where)
    ids = member(entry, "haystack_session_ids", list, where)
    sessions = member(entry, "haystack_sessions", list, where)
    if not len(dates) == len(ids) == len(sessions):
        raise InvalidArgument(
            f"{where}: haystack_dates, haystack_session_ids and haystack_sessions must be of one length",
            field=f"{where}.haystack_sessions",
        )
    rows = [
        (
            moment(expect(date, str, f"{where}.haystack_dates[{i}]"), DATE, f"{where}.haystack_dates[{i}]"),
            expect(session_id, str, f"{where}.haystack_session_ids[{i}]"),
            expect(session, list, f"{where}.haystack_sessions[{i}]"),
        )
        for i, (date, session_id, session) in enumerate(zip(dates, ids, sessions, strict=True))
    ]
    return sorted(enumerate(rows), key=lambda numbered: numbered[1][0])


def _turn(turn: Any, where: str) -> tuple[Role, str]:
    role = member(expect(turn, dict, where), "role", str, where)
    if role not in _ROLES:
        raise InvalidArgument(f"{where}.role must be user or assistant, not {role!r}", field=f"{where}.role")
    return _ROLES[role], storable(member(turn, "content", str, where))
