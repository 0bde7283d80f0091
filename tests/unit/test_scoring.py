"""Scoring: a slow, plain reading of the formula against the arrays, and what a score may never depend on."""

from __future__ import annotations

import math
import random
import re
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentctx.config import SearchSettings
from agentctx.engine import ContextEngine
from agentctx.ids import to_micros
from agentctx.index.episodes import EpisodeIndex
from agentctx.index.names import NOT_NAMES
from agentctx.memory import weights as scoring
from agentctx.memory.exact import PARTS, Scored
from agentctx.memory.nearness import closeness
from agentctx.memory.plan import Plan, PlannedTerm, make_plan
from agentctx.memory.routing import best_of
from agentctx.memory.scoring import Scorer, explain
from agentctx.memory.times import TimeHint
from agentctx.memory.weights import WEIGHTS as W
from agentctx.memory.wording import HALF
from agentctx.testing import HashingEmbedder, ManualClock, SequentialIds
from agentctx.text.features import text_features
from agentctx.text.terms import analyze, stem
from agentctx.types import Episode, NewEpisode
from tests.fixtures_memory import (
    EMBEDDER,
    MADE_UP_WORDS,
    SCRATCH,
    START,
    Log,
    neighbours_of,
    sessions_of,
    visible,
)
from tests.fixtures_memory import scored as score_rows

WORDS = [a + b for a in ("ba", "ko", "mi", "tu", "xe", "ru", "lo", "ga", "ne", "sa") for b in "dfgklmnprtvz"]
PLAIN = [*WORDS, "Ana", "Tom", "yesterday", "2024", "we", "why?"]
NEAR = MADE_UP_WORDS.near([*WORDS, "kodak", "tug", "tul", "mid", "bad", "nez", "lamp"])
SWITCHES = {
    "everything": SearchSettings(),
    "lexical only": SearchSettings(dense=False),
    "dense only": SearchSettings(lexical=False),
    "turn only": SearchSettings(context=False),
}


def corpus(seed: int) -> Log:
    """Turns in and out of sessions, by people and by nobody; some deleted, some expired."""
    chance = random.Random(seed)
    log = Log()
    for _ in range(chance.randint(5, 40)):
        fields: dict[str, Any] = {"session": chance.choice(["", "s", "s", "r"]), "role": chance.choice(["", "user"])}
        fields["speaker"] = chance.choice(["", "Ana", "Tom", "assistant", "Mary-Ann O'Hara"])
        fields["occurred_at"] = START - timedelta(hours=chance.randint(0, 400))
        if chance.random() < 0.2:
            fields["position"] = chance.randint(0, 8)
        if chance.random() < 0.1:
            fields["expires_at"] = START - timedelta(hours=1)
        log.add(" ".join(chance.choices(PLAIN, k=chance.randint(1, 30))), **fields)
        if chance.random() < 0.15:
            log.delete(chance.choice([row for row, one in log.states.items() if one.deleted_at is None]))
    return log


def question(seed: int) -> str:
    chance = random.Random(seed + 1000)
    words = chance.choices(WORDS, k=4) + chance.choices(
        ["Ana", "Mary", "I", "ann", "yesterday", "when", "you said"], k=3
    )
    chance.shuffle(words)
    return " ".join(words) + "?"


# --- the formula, read slowly -----------------------------------------------------------------------------------------


def reference(states: dict[int, Episode], plan: Plan, vector: Sequence[float], on: SearchSettings) -> dict[int, float]:
    """By row what docs/search.md promises."""
    scores = dict.fromkeys(states, 0.0)
    if on.lexical:
        lexical = lexical_part(states, plan, on)
        beside = neighbours_of(states)
        asked_for = set(re.findall(r"[^\W_]+", plan.folded))
        for row, one in states.items():
            scores[row] += lexical[row]
            parts = name_parts(one.speaker)
            if parts and parts[0] in asked_for and plan.terms:
                scores[row] += scoring.SPEAKER + scoring.SPEAKER_LEXICAL * lexical[row]
            scores[row] += text_features(one.content).time * (
                scoring.TIMES_TOLD + (scoring.TIMES_ASKED if plan.features.when else 0)
            )
            if beside[row][0] is None:
                scores[row] += scoring.FIRST + scoring.FIRST_LEXICAL * lexical[row]
            scores[row] += scoring.ABOUT_ME if plan.features.about_me and one.role == "user" else 0
            scores[row] += scoring.YOU_SAID if plan.features.you_said and one.role == "assistant" else 0
            scores[row] += scoring.TIME * max((nearness(one.occurred_at, hint) for hint in plan.hints), default=0)
    if on.dense:
        for row, one in states.items():
            own = EMBEDDER.embed([one.content])[0].astype("<f2").astype(float)
            scores[row] += scoring.DENSE * sum(a * b for a, b in zip(own, vector, strict=True))
    return scores


def lexical_part(states: dict[int, Episode], plan: Plan, on: SearchSettings) -> dict[int, float]:
    documents = {row: analyze(one.content) for row, one in states.items()}
    sessions = sessions_of(states)
    session_of = {row: number for number, rows in enumerate(sessions) for row in rows}
    mean = sum(one.length for one in documents.values()) / len(documents)
    lengths = [sum(documents[row].length for row in rows) for rows in sessions]
    names = {stem(part) for one in states.values() for part in name_parts(one.speaker)}

    def saturated(count: float, length: float, typical: float) -> float:
        return count / (count + W.saturation * (1 - W.length_norm + W.length_norm * length / typical))

    def rarity(holders: float, of: int) -> float:
        return math.log(1 + (of - holders + 0.5) / (holders + 0.5))

    whole = 0.0
    found = dict.fromkeys(states, 0.0)
    for term in plan.terms:
        counts = {row: document.counts.get(term.term, 0) for row, document in documents.items()}
        alike = likes(term, documents) if on.dense and term.similar and term.term not in names else {}
        exact = {row: saturated(counts[row], document.length, mean) for row, document in documents.items()}
        close = {
            row: max((alike[other] for other in document.counts if other in alike), default=0.0)
            * saturated(1, document.length, mean)
            for row, document in documents.items()
        }
        holders = {other: {row for row, one in documents.items() if other in one.counts} for other in alike}
        own = {row for row in states if counts[row]}
        share = rarity(joined(own, holders, alike, len(states), HALF), len(states))
        by_session = [{session_of[row] for row in rows} for rows in (own, *holders.values())]
        spread_out = dict(zip(holders, by_session[1:], strict=True))
        share += rarity(joined(by_session[0], spread_out, alike, len(sessions), 1), len(sessions))
        share *= term.weight * (scoring.NAME_WEIGHT if term.term in names else 1)
        whole += share
        direct: dict[int | None, float] = {None: 0.0} | {row: max(exact[row], close[row]) for row in states}
        in_session = [sum(counts[row] for row in rows) for rows in sessions]
        for row in states:
            local, spread = direct[row], 0.0
            if on.context:
                local = 1 - math.prod(1 - chance for chance in chances(row, direct, states, documents[row].length))
                number = session_of[row]
                typical = sum(lengths) / len(lengths)
                spread = (
                    W.session * saturated(in_session[number], lengths[number], typical) * need(documents[row].length)
                )
            found[row] += share * (1 - (1 - local) * (1 - spread))
    return {row: value / whole if whole else 0.0 for row, value in found.items()}


def joined(own: set[int], holders: dict[str, set[int]], alike: dict[str, float], of: int, share: float) -> float:
    """How many hold a word, those counted in part that hold one of like meaning, as if they fell by chance."""
    missed = math.prod(
        1 - min(1, share * alike[other] / (1 + W.saturation) * len(rows) / of) for other, rows in holders.items()
    )
    return len(own) + (of - len(own)) * (1 - missed)


def chances(row: int, direct: dict[int | None, float], states: dict[int, Episode], length: float) -> list[float]:
    """What the turn and each of its four neighbours say, as independent chances."""
    beside = neighbours_of(states) | {None: (None, None)}
    back, ahead = beside[row]
    asked = W.previous_asks if back is not None and text_features(states[back].content).asks else 0
    shares = {
        back: min(1, W.previous + asked),
        ahead: W.following,
        beside[back][0]: W.second_previous,
        beside[ahead][1]: W.second_following,
    }
    return [direct[row], *(need(length) * share * direct[other] for other, share in shares.items())]


def need(length: float) -> float:
    """How much a turn needs what is around it."""
    return 1 / (1 + length / W.context_length)


def likes(term: PlannedTerm, documents: dict[int, Any]) -> dict[str, float]:
    """The terms most like a query's word, with how alike: 0 where they begin to be, 1 for the same meaning."""
    held = {other for document in documents.values() for other in document.counts} - {term.term}
    ids, near = NEAR.near([term.spelling])
    alike = {NEAR.terms[place]: float(value) for place, value in zip(ids[0], near[0], strict=True) if value > 0}
    for other, value in alike.items():
        assert value == pytest.approx((MADE_UP_WORDS.cosine(term.spelling, other) - 0.3) / 0.7, abs=0.003)
    return dict([(other, value) for other, value in alike.items() if other in held][: W.similar_terms])


def name_parts(speaker: str) -> list[str]:
    return [] if speaker.lower() in NOT_NAMES else re.findall(r"[^\W_]+", speaker.lower())


def nearness(moment: datetime, hint: TimeHint) -> float:
    slack = 0.3 * (hint.end - hint.start)
    if moment >= hint.end:
        return max(0, 1 - (moment - hint.end) / max(timedelta(days=7), slack))
    if moment < hint.start:
        return max(0, 1 - (hint.start - moment) / max(timedelta(days=1.5), slack))
    return 1


def scored(
    log: Log, query: str, on: SearchSettings, index: EpisodeIndex | None = None, *, live: bool = True
) -> dict[int, float]:
    """What production says about the visible rows."""
    index = index or log.index()
    found = score_rows(Scorer(on, lambda: NEAR), index, index.view(to_micros(log.now)), query, live=live)
    return dict(zip((found.rows + 1).tolist(), found.total.tolist(), strict=True))


@pytest.mark.parametrize("switch", SWITCHES)
@pytest.mark.parametrize("seed", range(6))
def test_scores_are_those_of_the_formula(seed: int, switch: str) -> None:
    log, query, on = corpus(seed), question(seed), SWITCHES[switch]
    expected = reference(
        visible(log.states, log.now), make_plan(query, START), EMBEDDER.embed([query])[0].astype(float).tolist(), on
    )
    assert scored(log, query, on) == pytest.approx(expected, abs=2e-5)
    assert len({round(score, 3) for score in expected.values()}) > 2


def test_the_corpora_hold_what_the_formula_speaks_of() -> None:
    """Else the comparison above would compare zeros."""
    seen = Counter[str]()
    for seed in range(6):
        log, plan = corpus(seed), make_plan(question(seed), START)
        states = visible(log.states, log.now)
        documents = {row: analyze(one.content) for row, one in states.items()}
        seen["deleted"] += len(log.states) > len(states)
        seen["hints"] += bool(plan.hints)
        seen["when"] += plan.features.when
        seen["about me"] += plan.features.about_me
        seen["you said"] += plan.features.you_said
        seen["three in a row"] += any(len(rows) > 2 for rows in sessions_of(states))
        seen["names"] += any(part in plan.folded for one in states.values() for part in name_parts(one.speaker))
        seen["full list of similar"] += any(len(likes(t, documents)) == W.similar_terms for t in plan.terms)
        seen["exact"] += any(t.term in d.counts for t in plan.terms for d in documents.values())
    assert len(seen) == 9
    assert min(seen.values()) > 0


@pytest.mark.parametrize("seed", range(6))
def test_the_parts_of_a_hit_sum_up_to_its_score(seed: int) -> None:
    log, query = corpus(seed), question(seed)
    index = log.index()
    view = index.view(to_micros(log.now))
    rows = np.array(sorted(visible(log.states, log.now))) - 1
    for on in SWITCHES.values():
        with SCRATCH.lend(len(index) + 1, len(index.lexical.terms)) as scratch:
            scorer, vector = Scorer(on, lambda: NEAR), EMBEDDER.embed([query])[0]
            question_ = scorer.ask(index, view, make_plan(query, START), vector, scratch, live=True)
            scores = question_.score(rows)
            for total, parts in zip(scores.total, explain(question_, scores), strict=True):
                assert parts.total == pytest.approx(float(total))
                assert sum(parts.values.values()) == pytest.approx(parts.total, abs=1e-5)


@pytest.mark.parametrize("seed", range(6))
def test_a_score_is_the_same_to_the_last_bit_in_every_set_of_rows(seed: int) -> None:
    log, query, chance = corpus(seed), question(seed), random.Random(seed)
    index = log.index()
    view = index.view(to_micros(log.now))
    scorer = Scorer(SearchSettings(), lambda: NEAR)
    whole = score_rows(scorer, index, view, query, live=True)
    known = dict(zip(whole.rows.tolist(), whole.total.tolist(), strict=True))
    for _ in range(20):
        some = np.array(chance.sample(sorted(known), chance.randint(1, len(known))))
        found = score_rows(scorer, index, view, query, some, live=True)
        assert found.total.tolist() == [known[row] for row in some.tolist()]


# --- what deletion leaves behind --------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["deleted", "expired"])
@pytest.mark.parametrize("seed", range(4))
def test_what_is_gone_says_nothing_next_door_nor_to_any_statistic(seed: int, ending: str) -> None:
    """A word, a name, a session and a length that came with it alone: as if they had never been."""
    gone: dict[str, Any] = {"session": "s", "position": 1, "speaker": "Kodak Mid", "role": "assistant"}
    turns = [
        {"content": "bad kof", "session": "s", "position": 0, "speaker": "Ana"},
        gone | {"content": "tug tug yesterday? " + "tul " * 40},
        {"content": "mig rup", "session": "s", "position": 2},
        {"content": "lok gaf", "session": "s", "position": 3},
        gone | {"content": "mid tug", "session": "alone"},
        {"content": "kodak nez", "session": "t"},
    ]
    order = random.Random(seed).sample(turns, len(turns))
    with_it, without = Log(), Log()
    for turn in order:
        if turn.get("speaker") != gone["speaker"]:
            without.add(**turn)
        elif ending == "expired":
            with_it.add(**turn, expires_at=START + timedelta(hours=1))
            continue
        with_it.add(**turn)
    followed = with_it.index()
    for query in ("tug tul kodak mid bad", "what did you recommend yesterday?"):
        scored(with_it, query, SearchSettings(), followed)  # so that something is kept
    if ending == "expired":
        with_it.now += timedelta(hours=2)
    else:
        for row, one in with_it.states.items():
            if one.speaker == gone["speaker"]:
                followed.apply(with_it.delete(row))
    for query in ("tug tul kodak mid bad", "what did you recommend yesterday?", "Kodak", "nez"):
        for index in (followed, None):
            left = scored(with_it, query, SearchSettings(), index)
            never = scored(without, query, SearchSettings())
            assert {with_it.states[row].content: score for row, score in left.items()} == pytest.approx(
                {without.states[row].content: score for row, score in never.items()}, abs=1e-6
            )


def test_what_is_kept_between_searches_never_outlives_a_change() -> None:
    log = Log()
    index = log.index()
    query = "Did bad kof meet Ana?"
    seen = []
    steps = [
        lambda: log.add("bad tug", session="s"),
        lambda: log.add("kof?", session="s"),
        lambda: log.add("rup", session="s", position=0, expires_at=START + timedelta(hours=1)),
        lambda: log.add("lok", speaker="Ana"),
        lambda: log.update(3, expires_at=START),
        lambda: log.update(3, expires_at=START + timedelta(hours=3)),
        lambda: log.delete(2),
        lambda: log.add("so so", speaker="Kof"),  # kof becomes a name: words like it no longer count
        lambda: log.delete(5),
        lambda: setattr(log, "now", log.now + timedelta(hours=4)) or [],
    ]
    for step in steps:
        index.apply(step() or [])
        first = scored(log, query, SearchSettings(), index)
        assert first == pytest.approx(scored(log, query, SearchSettings(), live=False), abs=1e-6)
        assert first == scored(log, query, SearchSettings(), index)
        seen.append(first)
    assert all(before != after for before, after in pairwise(seen))


def test_nothing_visible_scores_nothing() -> None:
    log = Log()
    log.add("bad")
    log.delete(1)
    assert scored(log, "bad", SearchSettings()) == {}


# --- the same score by every road -------------------------------------------------------------------------------------


def test_a_score_depends_on_neither_k_nor_filters_nor_time_range(tmp_path: Path) -> None:
    chance = random.Random(5)
    with ContextEngine.open(
        tmp_path / "m.db", embedder=HashingEmbedder(), clock=ManualClock(START), ids=SequentialIds()
    ) as engine:
        engine.memory.add(
            "n",
            [
                NewEpisode(
                    " ".join(chance.choices(PLAIN, k=8)),
                    session=chance.choice(["", "s"]),
                    speaker=chance.choice(["", "Ana"]),
                    role=chance.choice(["", "user"]),
                    tags=chance.choice([(), ("t",)]),
                    metadata={"m": chance.randint(0, 2)},
                    occurred_at=START - timedelta(hours=chance.randint(0, 99)),
                )
                for _ in range(60)
            ],
        )
        query = "Did Ana say kof or bad yesterday?"
        everything = {hit.episode.id: hit for hit in engine.memory.search("n", query, k=100).hits}
        assert len(everything) > 30
        roads: list[Any] = [
            {"k": 1},
            {"k": 7},
            {"session": "s"},
            {"speaker": "Ana"},
            {"role": "user"},
            {"tags": ["t"]},
            {"filter": {"m": 1}},
            {"occurred_from": START - timedelta(hours=30)},
            {"occurred_to": START - timedelta(hours=30)},
            {"as_of": START},
            {"valid_at": START},
        ]
        for road in roads:
            hits = engine.memory.search("n", query, **{"k": 100} | road).hits
            assert hits
            for hit in hits:
                known = everything[hit.episode.id]
                assert hit.score == pytest.approx(known.score, abs=1e-6)
                assert hit.parts == pytest.approx(known.parts, abs=1e-6)
                assert hit.why == known.why
            scores = [hit.score for hit in hits]
            assert scores == sorted(scores, reverse=True)


# --- small parts ------------------------------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.sampled_from([0.0, 0.5, -1.0, 2.0, 3.0]), st.booleans()), max_size=20), st.integers(1, 22))
@settings(max_examples=100, deadline=None, derandomize=True)
def test_the_best_come_first_and_equals_in_log_order(rows: list[tuple[float, bool]], k: int) -> None:
    one = Scored(
        np.arange(len(rows)),
        np.array([score for score, _ in rows], dtype=np.float32),
        np.array([fits for _, fits in rows], dtype=np.bool_),
        np.zeros((len(rows), len(PARTS)), dtype=np.float32),
    )
    expected = sorted((place for place in range(len(rows)) if rows[place][1]), key=lambda place: -rows[place][0])[:k]
    assert best_of([one], k).rows.tolist() == expected
    halves = [one.take(np.arange(0, len(rows), 2)), one.take(np.arange(1, len(rows), 2))]
    assert best_of(halves, k).rows.tolist() == expected


def test_nearness_in_time_falls_off_on_both_sides() -> None:
    day, week = timedelta(days=1), timedelta(days=7)
    hint = TimeHint(START, START + day, "that day", (0, 8))
    long = TimeHint(START, START + 100 * day, "that winter", (0, 11))
    table = [
        (hint, START, 1),
        (hint, START + day / 2, 1),
        (hint, START + day + week / 2, 0.5),
        (hint, START + day + week, 0),
        (hint, START + 400 * day, 0),
        (hint, START - 0.75 * day, 0.5),
        (hint, START - 2 * day, 0),
        (long, START + 115 * day, 0.5),
        (long, START - 15 * day, 0.5),
    ]
    for which, moment, expected in table:
        assert closeness(np.array([to_micros(moment)]), which)[0] == pytest.approx(expected, abs=1e-6)
        assert nearness(moment, which) == pytest.approx(expected)


def test_an_answer_gains_more_from_a_question_than_from_a_remark() -> None:
    scores = {}
    for mark in "?.":
        log = Log()
        log.add(f"kof bad{mark}", session="s")
        log.add("lok", session="s")
        log.add("rup", session="r")
        scores[mark] = scored(log, "kof", SearchSettings(dense=False))[2]
    assert scores["?"] > scores["."] > 0.06
