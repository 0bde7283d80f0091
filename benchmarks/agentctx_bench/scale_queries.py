"""Three families of queries without gold: with a time hint, with topical words, with neither.

They are made by rule, so that nobody picks: questions of the LongMemEval file go to the family that their words say,
and the rest is put together from words of episodes drawn by a seeded generator. A word is rare if at most one episode
in 500 of a sample has it, and common if one in 100 has.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from agentctx.types import NewEpisode
from agentctx_bench.dataset import Dataset

HINTED, TOPICAL, NEITHER = FAMILIES = ("hinted", "topical", "neither")
_RARE, _COMMON = 1 / 500, 1 / 100
_WORD: Final = re.compile(r"[a-z][a-z'-]{2,20}")
_MONTHS: Final = "january february march april may june july august september october november december".split()
_HINT: Final = re.compile(
    r"\b(?:(?:19|20)\d\d|yesterday|today|tonight|ago|"
    r"(?:last|past|previous|this|next) (?:\w+ )?(?:days?|weeks?|weekends?|months?|years?|spring|summer|autumn|fall|"
    r"winter|monday|tuesday|wednesday|thursday|friday|saturday|sunday)|"
    rf"(?:in|on|since|until|before|after|early|late|mid|of) (?:{'|'.join(_MONTHS)})|"
    rf"(?:{'|'.join(_MONTHS)}) \d|\d{{1,2}}/\d{{1,2}})\b"
)
_STOP: Final = frozenset(
    "the and for you your are was were with that this have has had not but what when where who why how which can could "
    "would should did does from they them their there then than about into out our all any more most some been being "
    "just also will its it's i'm i've don't i'd let's".split()
)


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked, and when."""

    family: str
    text: str
    reference_time: datetime
    origin: str


class Words:
    """In how many episodes of a sample each word comes."""

    def __init__(self, sample: Sequence[NewEpisode]) -> None:
        self._size = max(len(sample), 1)
        self._found = Counter(word for episode in sample for word in set(_words(episode.content)))

    def rare(self, word: str) -> bool:
        """Whether few episodes have it, or none."""
        return self._found[word] <= max(self._size * _RARE, 1)

    def common(self, word: str) -> bool:
        """Whether many episodes have it."""
        return self._found[word] >= self._size * _COMMON


def family_of(text: str, words: Words) -> str:
    """The family of a question by what it says: a time, or else a rare word, or neither."""
    if _HINT.search(text.lower()):
        return HINTED
    return TOPICAL if any(words.rare(word) for word in _words(text)) else NEITHER


def queries(dataset: Dataset | None, sample: Sequence[NewEpisode], count: int, seed: int) -> list[Query]:
    """`count` distinct queries of each family, in turns: at most half of them questions of people."""
    words, rng = Words(sample), random.Random(seed)  # noqa: S311 - no secret
    asked = [(question.text, question.reference_time) for question in dataset.questions()] if dataset else []
    rng.shuffle(asked)
    made: dict[str, list[Query]] = {}
    for family in FAMILIES:
        theirs = (Query(family, text, at, "question") for text, at in asked if family_of(text, words) == family)
        found = _distinct(theirs, count // 2)
        more = (query for query in _put_together(family, sample, words, rng) if family_of(query.text, words) == family)
        made[family] = _distinct((*found, *_distinct(more, count)), count)
    return [made[family][i] for i in range(count) for family in FAMILIES if i < len(made[family])]


def _distinct(found: Iterable[Query], count: int) -> list[Query]:
    unique: dict[str, Query] = {}
    for query in found:
        if len(unique) >= count:
            break
        unique.setdefault(query.text, query)
    return list(unique.values())


def _put_together(family: str, sample: Sequence[NewEpisode], words: Words, rng: random.Random) -> Iterator[Query]:
    """Queries of a family from the words of single episodes; ends when it has looked long enough."""
    moments = [episode.occurred_at for episode in sample if episode.occurred_at is not None]
    if not moments:
        return
    latest = max(moments)
    for _ in range(200 * len(sample) + 1000):
        episode = rng.choice(sample)
        held = list(dict.fromkeys(_words(episode.content)))
        rare = [word for word in held if words.rare(word)]
        common = [word for word in held if words.common(word)]
        if family == NEITHER:
            if len(common) >= 4:
                yield Query(family, "How does " + " ".join(rng.sample(common, 4)) + " go?", latest, MADE)
        elif rare and len(held) >= 3 and episode.occurred_at is not None:
            told = rng.sample(rare, min(len(rare), 2))
            told += rng.sample([word for word in held if word not in told], 1)
            if family == TOPICAL:
                yield Query(family, "What do we know about " + " ".join(told) + "?", latest, MADE)
            else:
                text, at = _dated(told, episode.occurred_at, rng)
                yield Query(family, text, at, MADE)


MADE: Final = "words of an episode"


def _dated(told: Sequence[str], when: datetime, rng: random.Random) -> tuple[str, datetime]:
    """A question about a time, asked some time later: as people say times, absolute and relative."""
    about = " ".join(told)
    month = _MONTHS[when.month - 1].capitalize()
    later = when + timedelta(days=400)
    return rng.choice(
        (
            (f"What was said about {about} in {month} {when.year}?", later),
            (f"What happened with {about} on {month} {when.day}, {when.year}?", later),
            (f"What about {about} on {when:%Y-%m-%d}?", later),
            (f"Was there something about {about} last week?", when + timedelta(days=7)),
            (f"What about {about} three days ago?", when + timedelta(days=3)),
            (f"Who spoke of {about} yesterday?", when + timedelta(days=1)),
            (f"{about.capitalize()}, two months ago?", when + timedelta(days=61)),
        )
    )


def _words(text: str) -> list[str]:
    return [word for word in _WORD.findall(text.lower()) if word not in _STOP]
