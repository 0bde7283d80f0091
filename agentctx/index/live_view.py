"""The view of the present, kept in step with the log row by row instead of being made anew."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from agentctx.index.growable import Growable
from agentctx.index.view import NOBODY, Mask, Rows, View, make_view

_STEPS: Final = 64  # that are tried back from a session's end before its rows are looked for


class LiveView:
    """Who is visible now, and who stands next to whom. O(1) for a row at the end of its session and for hiding one.

    Every row has the number of a run for good: its session's, or one of its own. Not thread-safe: the owner locks.
    """

    def __init__(self, session: Growable[np.int32], position: Growable[np.int64], length: Growable[np.float32]) -> None:
        self._session = session
        self._position = position
        self._length = length
        self.visible: Growable[np.bool_] = Growable(np.bool_)
        self.run: Growable[np.int32] = Growable(np.int32)
        self._previous: Growable[np.int32] = Growable(np.int32)
        self._following: Growable[np.int32] = Growable(np.int32)
        self._last: Growable[np.int32] = Growable(np.int32)  # by run, and below
        self._run_rows: Growable[np.int32] = Growable(np.int32)
        self._run_length: Growable[np.float64] = Growable(np.float64)
        self._run_of: Growable[np.int32] = Growable(np.int32)  # by session
        self._run_of.append(NOBODY)
        self._count = 0
        self._filled = 0
        self._total = 0.0
        self._made: View | None = None

    def add(self, first: int) -> None:
        """Take up the rows from `first` on, all visible. O(1) each, unless one comes early in a long session."""
        self._made = None
        sessions = self._session.array[first:].tolist()
        runs = [self._run(session) for session in sessions]
        count = len(runs)
        self.run.extend(runs)
        self.visible.extend([False] * count)
        self._previous.extend([NOBODY] * count)
        self._following.extend([NOBODY] * count)
        following, ends = self._following.array, self._last.array
        positions, lengths = self._position.array, self._length.array[first:].tolist()
        at_end: list[tuple[int, int, int, float]] = []  # row, run, the row before, length
        for row, run, position, length in zip(
            range(first, first + count), runs, positions[first:].tolist(), lengths, strict=True
        ):
            before = int(ends[run])
            if before != NOBODY and (int(positions[before]), before) >= (position, row):
                self._enter_at_end(at_end)
                at_end = []
                self.show(row)
                continue
            if before != NOBODY:
                following[before] = row
            ends[run] = row
            at_end.append((row, run, before, length))
        self._enter_at_end(at_end)

    def _enter_at_end(self, some: Sequence[tuple[int, int, int, float]]) -> None:
        """Count rows that were put behind the last ones of their runs."""
        visible, previous = self.visible.array, self._previous.array
        run_rows, run_length = self._run_rows.array, self._run_length.array
        for row, run, before, length in some:
            visible[row] = True
            previous[row] = before
            if not run_rows[run]:
                self._filled += 1
            run_rows[run] += 1
            run_length[run] += length
            self._total += length
        self._count += len(some)

    def _run(self, session: int) -> int:
        while session >= len(self._run_of):
            self._run_of.append(NOBODY)
        run = int(self._run_of.array[session]) if session else NOBODY
        if run == NOBODY:
            run = len(self._last)
            self._last.append(NOBODY)
            self._run_rows.append(0)
            self._run_length.append(0.0)
            if session:
                self._run_of.array[session] = run
        return run

    def show(self, row: int) -> None:
        """A hidden row is visible from now on."""
        self._made = None
        run = int(self.run.array[row])
        before = self._before(row, run)
        if before == NOBODY:
            after = self._first(run)
        else:
            after = int(self._following.array[before])
            self._following.array[before] = row
        self._previous.array[row], self._following.array[row] = before, after
        if after == NOBODY:
            self._last.array[run] = row
        else:
            self._previous.array[after] = row
        self.visible.array[row] = True
        self._tally(row, run, 1)

    def hide(self, row: int) -> None:
        """A visible row is hidden from now on. O(1)."""
        self._made = None
        run = int(self.run.array[row])
        before, after = int(self._previous.array[row]), int(self._following.array[row])
        if before != NOBODY:
            self._following.array[before] = after
        if after == NOBODY:
            self._last.array[run] = before
        else:
            self._previous.array[after] = before
        self._previous.array[row] = self._following.array[row] = NOBODY
        self.visible.array[row] = False
        self._tally(row, run, -1)

    def _tally(self, row: int, run: int, sign: int) -> None:
        length = sign * float(self._length.array[row])
        rows = self._run_rows.array
        rows[run] += sign
        held = int(rows[run])
        if held == (1 if sign > 0 else 0):
            self._filled += sign
        self._count += sign
        self._total += length
        self._run_length.array[run] += length

    def _before(self, row: int, run: int) -> int:
        """The visible row behind which a hidden one belongs."""
        position, place = self._position.array, int(self._position.array[row])
        before = int(self._last.array[run])
        for _ in range(_STEPS):
            if before == NOBODY or (int(position[before]), before) < (place, row):
                return before
            before = int(self._previous.array[before])
        rows = self._rows_of(run)
        rows = rows[(position[rows] < place) | ((position[rows] == place) & (rows < row))]
        return int(rows[np.lexsort((rows, position[rows]))[-1]]) if len(rows) else NOBODY

    def _first(self, run: int) -> int:
        """The first visible row of a run."""
        if self._last.array[run] == NOBODY:
            return NOBODY
        if self._run_rows.array[run] <= _STEPS:
            row = int(self._last.array[run])
            while (before := int(self._previous.array[row])) != NOBODY:
                row = before
            return row
        rows = self._rows_of(run)
        return int(rows[self._previous.array[rows] == NOBODY][0])

    def _rows_of(self, run: int) -> npt.NDArray[np.intp]:
        return np.flatnonzero((self.run.array == run) & self.visible.array)

    # --- the whole ----------------------------------------------------------------------------------------------------

    def rebuild(self, visible: Mask) -> None:
        """Make everything anew for these visible rows. O(n log n)."""
        self._number_runs()
        runs = len(self._last)
        view = make_view(visible, self.run.array, runs, self._position.array, self._length.array)
        self.visible = Growable.of(visible)
        self._previous, self._following = Growable.of(view.previous), Growable.of(view.following)
        self._run_rows, self._run_length = Growable.of(view.run_rows), Growable.of(view.run_length)
        self._count, self._filled, self._total = view.count, view.filled, view.total_length
        last = np.full(runs, NOBODY, dtype=np.int32)
        ends = np.flatnonzero(visible & (view.following == NOBODY))
        last[self.run.array[ends]] = ends
        self._last = Growable.of(last)
        self._made = None

    def _number_runs(self) -> None:
        """The numbers of runs, for rows that have none yet: as `add` gives them. O(n)."""
        known, size = len(self.run), len(self._session)
        if known == size:
            return
        assert not known, "rows were added without `add`"
        session = self._session.array
        first = np.full(int(session.max(initial=0)) + 1, NOBODY, dtype=np.int64)
        first[session[::-1]] = np.arange(size - 1, -1, -1)
        alone = session == 0
        new = alone | (first[session] == np.arange(size))
        numbers = np.cumsum(new, dtype=np.int32) - np.int32(1)
        run = np.where(alone, numbers, numbers[first[session]]).astype(np.int32)
        run_of = np.full(len(first), NOBODY, dtype=np.int32)
        known_sessions = np.flatnonzero(first[1:] >= 0) + 1
        run_of[known_sessions] = numbers[first[known_sessions]]
        self.run, self._run_of = Growable.of(run), Growable.of(run_of)
        self._last = Growable.of(np.full(int(new.sum()), NOBODY, dtype=np.int32))

    def view(self, valid_until: int) -> View:
        """What it looks like now: arrays that the next change changes in place."""
        made = self._made
        if made is None or made.valid_until != valid_until:
            size = len(self.visible)
            made = self._made = View(
                size=size,
                visible=None if self._count == size else self.visible.array,
                count=self._count,
                previous=self._previous.array,
                following=self._following.array,
                run=self.run.array,
                runs=len(self._last),
                filled=self._filled,
                run_rows=self._run_rows.array,
                run_length=self._run_length.array,
                total_length=self._total,
                valid_until=valid_until,
            )
        return made

    def at(self, visible: Mask) -> View:
        """The view of other rows of the same index, as at an earlier time. O(n log n)."""
        return make_view(visible, self.run.array, len(self._last), self._position.array, self._length.array)

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return sum(value.nbytes for value in vars(self).values() if isinstance(value, Growable)) - self._foreign

    @property
    def _foreign(self) -> int:
        return self._session.nbytes + self._position.nbytes + self._length.nbytes

    def check_invariants(self) -> None:
        """Assert that it is what `rebuild` would make. For tests."""
        size = len(self._session)
        assert len(self.visible) == len(self.run) == size
        fresh = LiveView(self._session, self._position, self._length)
        fresh.rebuild(self.visible.array.copy())
        mine: dict[str, Any] = {name: one for name, one in vars(self).items() if isinstance(one, Growable)}
        for name, column in mine.items():
            assert np.allclose(column.array, getattr(fresh, name).array), name
        assert (self._count, self._filled) == (fresh._count, fresh._filled)
        assert abs(self._total - fresh._total) < 1e-6 * (1 + abs(fresh._total))


def rows_of(rows: Any) -> Rows:
    """Rows as every part takes them."""
    return np.asarray(rows, dtype=np.int32)
