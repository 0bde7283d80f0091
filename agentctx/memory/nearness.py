"""How near episodes are to a time that a query speaks of."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from agentctx.ids import to_micros
from agentctx.memory.times import TimeHint
from agentctx.memory.wording import Floats

_DAY: Final = 86_400_000_000


def reach(hint: TimeHint) -> tuple[int, int]:
    """The range outside of which `closeness` is 0."""
    start, end = to_micros(hint.start), to_micros(hint.end)
    slack = 0.3 * (end - start)
    return start - int(max(1.5 * _DAY, slack)) - 1, end + int(max(7 * _DAY, slack)) + 1


def edges(hint: TimeHint) -> tuple[int, int, float, float]:
    """Where a hint's range begins and ends, and within what time behind and before it nearness falls to 0."""
    start, end = to_micros(hint.start), to_micros(hint.end)
    slack = 0.3 * (end - start)
    return start, end, max(7 * _DAY, slack), max(1.5 * _DAY, slack)


def closeness(occurred: npt.NDArray[np.int64], hint: TimeHint) -> Floats:
    """1 inside the hint's range, falling to 0 behind it within a week (or a third of it), before it within a day."""
    start, end, behind, ahead = edges(hint)
    after = np.clip(1 - (occurred - end) / behind, 0, 1)
    before = np.clip(1 - (start - occurred) / ahead, 0, 1)
    return np.where(occurred >= end, after, np.where(occurred < start, before, 1)).astype(np.float32)
