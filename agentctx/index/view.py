"""What of a namespace is visible at one moment, and who stands next to whom then."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from agentctx.index.expiry import FOREVER

Rows = npt.NDArray[np.int32]
Mask = npt.NDArray[np.bool_]

NOBODY = -1
"""Stands for "no neighbour": it gathers the last slot of an array that has one spare, empty slot at its end."""


@dataclass(frozen=True, slots=True)
class View:
    """The visible rows of an index, with neighbours within each session.

    size: rows of the index when the view was made. visible: a mask over them, or None when all are visible.
    count: how many are visible. previous, following: the visible neighbour in the same session, or NOBODY.
    run: the number of each row's session, 0..runs-1; a row without a session is a run of its own. filled: how many
    runs have a visible row; the others are empty. run_rows, run_length: by run, how many visible rows it has and the
    sum of their lengths; total_length: the sum over all. valid_until: microseconds at which the next row expires.

    The index changes the arrays of its present view in place: use it under the index's lock only.
    """

    size: int
    visible: Mask | None
    count: int
    previous: Rows
    following: Rows
    run: Rows
    runs: int
    filled: int
    run_rows: Rows
    run_length: npt.NDArray[np.float64]
    total_length: float
    valid_until: int = FOREVER

    def of(self, rows: Rows) -> Rows:
        """Those of `rows` that are visible."""
        return rows if self.visible is None else rows[self.visible[rows]]


def make_view(
    visible: Mask, run: Rows, runs: int, position: npt.NDArray[np.int64], length: npt.NDArray[np.float32]
) -> View:
    """The view of the rows in `visible`, within which rows of one run are neighbours. O(n log n)."""
    size = len(visible)
    rows = np.flatnonzero(visible)
    count = len(rows)
    order = rows[np.lexsort((position[rows], run[rows]))].astype(np.int32)  # stable: equal positions in log order
    held = run[order]
    joined = held[1:] == held[:-1]
    previous = np.full(size, NOBODY, dtype=np.int32)
    following = np.full(size, NOBODY, dtype=np.int32)
    previous[order[1:][joined]] = order[:-1][joined]
    following[order[:-1][joined]] = order[1:][joined]
    run_rows = np.bincount(held, minlength=runs).astype(np.int32)
    run_length = np.bincount(held, weights=length[order], minlength=runs).astype(np.float64, copy=False)
    return View(
        size=size,
        visible=None if count == size else visible,
        count=count,
        previous=previous,
        following=following,
        run=run,
        runs=runs,
        filled=int(np.count_nonzero(run_rows)),
        run_rows=run_rows,
        run_length=run_length,
        total_length=float(run_length.sum()),
    )
