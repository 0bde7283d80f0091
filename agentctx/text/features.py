"""What kind of thing a text is: does it ask, does it tell a time, whom does a question ask about.

General English only; each is a small nudge in scoring (docs/search.md). Another language adds its own patterns.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_TIMES: Final = frozenset(
    """
    yesterday today tonight tomorrow ago last next week weekend month year years day days recently since morning
    evening afternoon night january february march april may june july august september october november december
    monday tuesday wednesday thursday friday saturday sunday
    """.split()
)
_DATED: Final = re.compile(r"[0-9]{4}|[0-9]+(?:st|nd|rd|th)")  # a year, the third
_RUN: Final = re.compile(r"\w+")
_ENOUGH: Final = 2  # occurrences after which more say nothing new

_NOT_LETTERS: Final = re.compile(r"[^a-z']+")
_ME: Final = frozenset({"i", "my", "me", "i've", "i'm", "mine", "we", "our"})
_YOU_SAID: Final = re.compile(
    r"remind me|previous (?:chat|conversation|discussion)|our (?:previous |last |earlier )"
    r"|you (?:told|said|mentioned|recommended|suggested|provided|gave|explained|listed|wrote)"
)
_WHEN: Final = re.compile(r" how long | what (?:date|day|month|year|time) ")


@dataclass(frozen=True, slots=True)
class TextFeatures:
    """Features of a stored text, from 0 (none) to 1 (plenty): does it tell a time, does it end by asking something."""

    time: float
    asks: float


@dataclass(frozen=True, slots=True)
class QuestionFeatures:
    """What a question is after: something about its asker, something an assistant said, a time."""

    about_me: bool
    you_said: bool
    when: bool


def text_features(text: str) -> TextFeatures:
    """The features of a text. Stops looking as soon as it has seen enough."""
    told = 0
    for word in _RUN.findall(text.lower()):
        if word in _TIMES or ("0" <= word[0] <= "9" and _DATED.fullmatch(word)):
            told += 1
            if told == _ENOUGH:
                break
    return TextFeatures(time=told / _ENOUGH, asks=float(_last_mark(text) == "?"))


def _last_mark(text: str) -> str:
    """The mark that ends the last sentence: what follows it (a caption, a link) is no sentence."""
    return max(".!?", key=text.rfind)


def question_features(question: str) -> QuestionFeatures:
    """The features of a question, given in lower case."""
    line = f" {_NOT_LETTERS.sub(' ', question)} "
    words = line.split()
    perhaps = "you " in line or "our " in line or "previous " in line or "remind me" in line
    you_said = perhaps and bool(_YOU_SAID.search(line))
    return QuestionFeatures(
        about_me=not you_said and not _ME.isdisjoint(words),
        you_said=you_said,
        when="when" in words or (("how" in words or "what" in words) and bool(_WHEN.search(line))),
    )
