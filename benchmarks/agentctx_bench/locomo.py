"""Loads LoCoMo (snap-research/locomo, `locomo10.json` or a part of it).

What the system under test gets: each turn's text, with the caption of its picture where there is one, the speaker,
the session's number and date. It never gets `query` (the annotators' picture search, which gives answers away),
`dia_id`, or the digests of the sessions that lie beside them in the file.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from agentctx.errors import InvalidArgument
from agentctx_bench.dataset import Dataset, Haystack, Question, Turn
from agentctx_bench.files import as_text, end_of_day, expect, member, moment, read_json, storable, texts

# The ids as the official evaluation code uses them; the paper lists the types in another order.
CATEGORIES: Final = {1: "multi-hop", 2: "temporal", 3: "open-domain", 4: "single-hop", 5: "adversarial"}
ADVERSARIAL: Final = 5
DATE: Final = "%I:%M %p on %d %B, %Y"
_SESSION = re.compile(r"session_(\d+)")
_TURN_ID = re.compile(r"D:?(\d+):(\d+)")


def load(path: str | Path) -> Dataset:
    """Read a LoCoMo file. Raises InvalidArgument, naming the place, where it is not one."""
    samples, sha256 = read_json(path)
    counts: Counter[str] = Counter()
    haystacks = tuple(_sample(s, i, counts) for i, s in enumerate(expect(samples, list, "data")))
    if not haystacks:
        raise InvalidArgument("data holds no conversation", field="data")
    return Dataset(
        benchmark="locomo",
        haystacks=haystacks,
        sha256=sha256,
        excluded=dict(counts),
        notes=(
            "unit: a dialogue turn; text: what was said and, after it, the picture's blip_caption as [image: ...]",
            "query, observation, session_summary and event_summary never reach the engine",
            "headline: categories 1-4; category 5 (adversarial) apart",
            "questions are asked as of the end of the last session's day; dates taken as UTC",
        ),
    )


def clean_evidence(entries: Iterable[str], known: Mapping[str, str], counts: Counter[str]) -> frozenset[str]:
    """The turns that evidence entries name, by `known` (dia_id -> our id): entries are split, zeros and colons mended.

    What matches no turn even then is dropped and counted.
    """
    found: set[str] = set()
    for entry in entries:
        for piece in re.split(r"[\s;,]+", entry.strip()):
            match = _TURN_ID.fullmatch(piece)
            turn = known.get(f"D{int(match[1])}:{int(match[2])}") if match else None
            if turn is not None:
                found.add(turn)
            elif piece:
                counts["evidence references that match no turn, dropped"] += 1
    return frozenset(found)


def dia_ids(sample: Any) -> list[str]:
    """The cleaned `dia_id` of each turn of a conversation, in the order in which `load` numbers the turns."""
    return [_dia_id(turn, "data") for _, _, turns in _sessions(sample, "data") for turn in turns if _said(turn)]


def _sessions(sample: Any, where: str) -> list[tuple[int, str, list[Any]]]:
    """(number, key, turns) of the sessions that are there, in their order; keys sort as numbers, not as text."""
    conversation = member(expect(sample, dict, where), "conversation", dict, where)
    matches = [m for m in map(_SESSION.fullmatch, conversation) if m]
    ordered = sorted((int(m[1]), m[0]) for m in matches)
    return [(n, key, expect(conversation[key], list, f"{where}.conversation.{key}")) for n, key in ordered]


def _dia_id(turn: Mapping[str, Any], where: str) -> str:
    match = _TURN_ID.fullmatch(member(turn, "dia_id", str, where).strip())
    if match is None:
        raise InvalidArgument(f"{where}.dia_id must be D<session>:<turn>", field=f"{where}.dia_id")
    return f"D{int(match[1])}:{int(match[2])}"


def _said(turn: Mapping[str, Any]) -> str:
    """What a turn says: its text, and the caption that stands for its picture."""
    text, caption = as_text(turn.get("text")).strip(), as_text(turn.get("blip_caption")).strip()
    return storable(f"{text} [image: {caption}]".strip() if caption else text)


def _sample(sample: Any, index: int, counts: Counter[str]) -> Haystack:
    where = f"data[{index}]"
    sample_id = member(expect(sample, dict, where), "sample_id", str, where)
    conversation = member(sample, "conversation", dict, where)
    turns: list[Turn] = []
    known: dict[str, str] = {}
    for number, key, entries in _sessions(sample, where):
        place = f"{where}.conversation"
        date = moment(member(conversation, f"{key}_date_time", str, place), DATE, f"{place}.{key}_date_time")
        for position, entry in enumerate(entries):
            at = f"{place}.{key}[{position}]"
            speaker = member(expect(entry, dict, at), "speaker", str, at)
            member(entry, "text", str, at)
            if not (text := _said(entry)):
                counts["turns without text or caption, skipped"] += 1
                continue
            turn = Turn(f"t{len(turns):05}", f"s{number:03}", position, text, date, speaker.strip())
            known[_dia_id(entry, at)] = turn.id
            turns.append(turn)
    if not turns:
        raise InvalidArgument(f"{where}.conversation holds no session", field=f"{where}.conversation")
    asked_at = end_of_day(max(turn.occurred_at for turn in turns))
    sessions = {turn.id: turn.session for turn in turns}
    questions = []
    for j, qa in enumerate(member(sample, "qa", list, where)):
        at = f"{where}.qa[{j}]"
        category = member(expect(qa, dict, at), "category", int, at)
        if category not in CATEGORIES:
            raise InvalidArgument(f"{at}.category must be 1 to 5, not {category}", field=f"{at}.category")
        gold = clean_evidence(texts(qa, "evidence", at), known, counts)
        if not gold:
            counts[f"questions without usable evidence (category {category}), no retrieval metrics"] += 1
        adversarial = category == ADVERSARIAL
        questions.append(
            Question(
                # One question occurs twice in a conversation: the place is the key, not the text.
                key=f"{sample_id}/{j}",
                category=f"{category} {CATEGORIES[category]}",
                text=storable(member(qa, "question", str, at).strip()),
                answer="" if adversarial else as_text(qa.get("answer")),
                reference_time=asked_at,
                gold_turns=gold,
                gold_sessions=frozenset(sessions[t] for t in gold),
                headline=not adversarial,
                abstention=adversarial,
            )
        )
        if adversarial:
            counts["questions of category 5 (adversarial), reported apart"] += 1
    return Haystack(f"c{index:02}", tuple(turns), tuple(questions))
