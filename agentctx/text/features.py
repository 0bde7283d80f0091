"""What kind of thing a text is: does it ask, does it tell a time, whom does a question ask about.

General English only; each is a small nudge in scoring (docs/search.md). Another language adds its own patterns.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import islice
from typing import Final

_TIME: Final = re.compile(
    r"\b(?:yesterday|today|tonight|tomorrow|ago|last|next|week|weekend|month|year|years|day|days|recently|since|morning"
    r"|evening|afternoon|night|january|february|march|april|may|june|july|august|september|october|november|december"
    r"|monday|tuesday|wednesday|thursday|friday|saturday|sunday|[0-9]{4}|[0-9]+(?:st|nd|rd|th))\b"
)
_ENOUGH: Final = 2  # occurrences after which more say nothing new

_NOT_LETTERS: Final = re.compile(r"[^a-z']+")
_ABOUT_ME: Final = re.compile(r" (?:i|my|me|i've|i'm|mine|we|our) ")
_YOU_SAID: Final = re.compile(
    r"remind me|previous (?:chat|conversation|discussion)|our (?:previous |last |earlier )"
    r"|you (?:told|said|mentioned|recommended|suggested|provided|gave|explained|listed|wrote)"
)
_WHEN: Final = re.compile(r" when | how long | what (?:date|day|month|year|time) ")


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
    told = sum(1 for _ in islice(_TIME.finditer(text.lower()), _ENOUGH))
    return TextFeatures(time=told / _ENOUGH, asks=float(_last_mark(text) == "?"))


def _last_mark(text: str) -> str:
    """The mark that ends the last sentence: what follows it (a caption, a link) is no sentence."""
    return max(".!?", key=text.rfind)


def question_features(question: str) -> QuestionFeatures:
    """The features of a question, given in lower case."""
    line = f" {_NOT_LETTERS.sub(' ', question)} "
    you_said = bool(_YOU_SAID.search(line))
    return QuestionFeatures(
        about_me=not you_said and bool(_ABOUT_ME.search(line)),
        you_said=you_said,
        when=bool(_WHEN.search(line)),
    )
