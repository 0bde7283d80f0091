"""What was said right before and after some episodes, in their sessions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

import numpy as np

from agentctx.ids import Clock, to_micros
from agentctx.index.view import NOBODY, View
from agentctx.runtime.hits import HitCache
from agentctx.runtime.residency import Residency
from agentctx.types import Episode


def around(
    residency: Residency,
    hits: HitCache,
    clock: Clock,
    namespace: str,
    episodes: Sequence[Episode],
    reach: int,
    as_of: datetime | None,
) -> dict[str, tuple[tuple[int, Episode], ...]]:
    """By id the visible neighbours of each episode that hold true; see `Memory.around`. O(rows of the namespace)."""
    now = to_micros(clock.now())
    moment = None if as_of is None else to_micros(as_of)
    at = now if moment is None else moment
    with residency.reading(namespace) as index:
        revision = index.revision
        view = index.view(now, moment)
        places = {(index.sessions.get(one.session, 0), one.position): one.id for one in episodes if one.session}
        wanted = np.zeros(len(index.sessions) + 1, dtype=np.bool_)
        wanted[[session for session, _ in places if session]] = True
        rows = np.flatnonzero(wanted[index.session.array[: view.size]])
        rows = rows[np.isin(index.position.array[rows], [position for _, position in places])]
        near: dict[str, list[tuple[int, int]]] = {}
        keys = zip(index.session.array[rows].tolist(), index.position.array[rows].tolist(), strict=True)
        for row, key in zip(rows.tolist(), keys, strict=True):
            id = places.get(key)
            if id is not None:
                near[id] = list(_beside(view, row, reach))
        every = np.array(sorted({row for some in near.values() for _, row in some}), dtype=np.int64)
        holds = (index.column("valid_from", moment)[every] <= at) & (at < index.column("valid_to", moment)[every])
        every = every[holds]
        found = index.places(every, moment)
    texts = hits.episodes(namespace, found, revision, as_of) if len(every) else []
    by_row = dict(zip(every.tolist(), texts or (), strict=False))
    return {
        id: tuple([(distance, by_row[row]) for distance, row in some if row in by_row]) for id, some in near.items()
    }


def _beside(view: View, row: int, reach: int) -> Iterator[tuple[int, int]]:
    """The rows before and after one in its session, nearest first, with how far away they are."""
    back = ahead = row
    for distance in range(1, reach + 1):
        back = int(view.previous[back]) if back != NOBODY else NOBODY
        ahead = int(view.following[ahead]) if ahead != NOBODY else NOBODY
        yield from ((distance, one) for one in (back, ahead) if one != NOBODY)
