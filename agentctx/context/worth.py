"""What a unit is worth to the reader: the scale on which memory and code compete for one budget.

Worth stands for the chance that a reader needs the unit. Measured on conversations whose evidence is known, that chance
falls by the factor e with each tenth of the best score that a hit lies behind it, and rises with its length, less than
in proportion (docs/context.md).
"""

from __future__ import annotations

import math
from typing import Final

FALL: Final = 10.0
# Of turns that a search scores alike the longer ones hold evidence more often, up to a point.
_TYPICAL: Final = 120  # characters of a turn
_LENGTH: Final = 0.4
_LONGEST: Final = 16  # times a typical turn, beyond which length says nothing more
# A neighbour makes a turn understood; it holds the evidence itself far less often.
NEIGHBOUR: Final = 0.05
# What part of a unit's worth its levels have. A name tells where to look; only the body answers.
LEVELS: Final = {"path": 0.01, "signature": 0.04, "skeleton": 0.1, "body": 1.0}


def relative(score: float, best: float) -> float:
    """The worth of a hit among its like: 1 for the best one."""
    if best <= 0:
        return 0.0
    return math.exp(FALL * (min(score / best, 1.0) - 1.0))


def by_length(characters: int) -> float:
    """What its length adds to the worth of a turn: 1 for a typical one."""
    return float(min(max(characters, 1) / _TYPICAL, _LONGEST) ** _LENGTH)


def ranked(rank: int) -> float:
    """The worth of a hit of scouting among its like, by its rank from 0: on issues whose fix is known, the chance that
    it has to be edited falls about so.
    """
    return 1.0 / (1.0 + rank)


def strength(score: float) -> float:
    """How far the best hit of memory speaks for there being anything at all: its score, up to 1.

    A search's score is about 1 where the words of the query are all said, and a tenth where only the meaning is near.
    """
    return min(max(score, 0.0), 1.0)
