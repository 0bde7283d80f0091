"""What of a namespace is visible at one moment, and who stands next to whom then."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.int32]
Mask = npt.NDArray[np.bool_]

NOBODY = -1
"""Stands for "no neighbour": it gathers the last slot of an array that has one spare, empty slot at its end."""


@dataclass(frozen=True, slots=True)
class View:
    """The visible rows of an index, with neighbours within each session.

    size: rows of the index when the view was made. visible: a mask over them, or None when all are visible.
    count: how many are visible. previous, following: the visible neighbour in the same session, or NOBODY.
    run: the number of each visible row's session, 0..runs-1; a row without a session is a run of its own.
    valid_until: microseconds at which the next visible row expires.
    """

    size: int
    visible: Mask | None
    count: int
    previous: Rows
    following: Rows
    run: Rows
    runs: int
    valid_until: int

    def of(self, rows: Rows) -> Rows:
        """Those of `rows` that are visible."""
        return rows if self.visible is None else rows[self.visible[rows]]


def make_view(
    visible: Mask, session: npt.NDArray[np.int32], position: npt.NDArray[np.int64], expires: npt.NDArray[np.int64]
) -> View:
    """The view of the rows in `visible`. Sessions are numbered; 0 stands for no session. O(n log n)."""
    size = len(visible)
    rows = np.flatnonzero(visible)
    count = len(rows)
    order = rows[np.lexsort((rows, position[rows], session[rows]))].astype(np.int32)
    held = session[order]
    joined = (held[1:] == held[:-1]) & (held[1:] != 0)
    previous = np.full(size, NOBODY, dtype=np.int32)
    following = np.full(size, NOBODY, dtype=np.int32)
    previous[order[1:][joined]] = order[:-1][joined]
    following[order[:-1][joined]] = order[1:][joined]
    run = np.zeros(size, dtype=np.int32)
    starts = np.ones(count, dtype=np.int32)
    starts[1:] = ~joined
    run[order] = np.cumsum(starts, dtype=np.int32) - 1
    return View(
        size=size,
        visible=None if count == size else visible,
        count=count,
        previous=previous,
        following=following,
        run=run,
        runs=int(starts.sum()),
        valid_until=int(expires[rows].min()) if count else np.iinfo(np.int64).max,
    )


def extend_view(view: View, predecessors: list[int], expires: int) -> View:
    """The view with new rows, all visible, at its end: each the last of its session, behind its predecessor.

    The usual case of a conversation that goes on, without sorting anew. O(n) copying.
    """
    size = view.size + len(predecessors)
    previous = np.concatenate((view.previous, np.asarray(predecessors, dtype=np.int32)))
    following = np.concatenate((view.following, np.full(len(predecessors), NOBODY, dtype=np.int32)))
    run = np.concatenate((view.run, np.zeros(len(predecessors), dtype=np.int32)))
    runs = view.runs
    for row, predecessor in enumerate(predecessors, view.size):
        if predecessor == NOBODY:
            run[row], runs = runs, runs + 1
        else:
            run[row] = run[predecessor]
            following[predecessor] = row
    visible = view.visible
    if visible is not None:
        visible = np.concatenate((visible, np.ones(len(predecessors), dtype=np.bool_)))
    return replace(
        view,
        size=size,
        visible=visible,
        count=view.count + len(predecessors),
        previous=previous,
        following=following,
        run=run,
        runs=runs,
        valid_until=min(view.valid_until, expires),
    )
