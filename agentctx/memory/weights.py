"""The constants of the score; docs/search.md says how each was found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from agentctx.index.lexical_fold import LENGTH_NORM, SATURATION

DENSE: Final = 0.3
SPEAKER: Final = 0.05  # the speaker is named in the query
SPEAKER_LEXICAL: Final = 0.4  # ... and so much more of what the words say
FIRST: Final = 0.04  # the first turn of its session says what the session is about
FIRST_LEXICAL: Final = 0.15  # ... and so much more of what the words say
TIMES_TOLD: Final = 0.03
TIMES_ASKED: Final = 0.10  # the question asks for a time and the turn tells one
ABOUT_ME: Final = 0.15  # it asks about its asker, and the turn is the user's
YOU_SAID: Final = 0.10  # it asks what the assistant said, and the turn is the assistant's
TIME: Final = 0.15
NAME_WEIGHT: Final = 0.5  # a speaker's name is said by everyone; who speaks is looked at apart


@dataclass(frozen=True, slots=True)
class Weights:
    """How far what is said in one place speaks for another."""

    saturation: float = SATURATION
    length_norm: float = LENGTH_NORM
    previous: float = 0.5  # the share of a neighbour's match that reaches the turn
    previous_asks: float = 0.4  # more of it when the neighbour ends by asking something: this turn answers
    following: float = 0.5
    second_previous: float = 0.4
    second_following: float = 0.3
    session: float = 0.25
    context_length: float = 120.0  # terms at which a turn needs its neighbours half as much
    similar_terms: int = 16


WEIGHTS: Final = Weights()
