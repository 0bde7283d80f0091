"""What changed rows were before, so that an index can say what was known at an earlier time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from agentctx.index.growable import Growable

CHANGING: Final = ("changed", "deleted", "expires", "valid_from", "valid_to", "tags", "metadata")
"""The columns that a change may set."""

Rows = npt.NDArray[np.int64]
Column = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Earlier:
    """Rows, ascending, whose state at some moment is not the present one, and that state by column."""

    rows: Rows
    columns: Mapping[str, Column]


class History:
    """One entry a change, in log order: the row, when its earlier state ended, and that state.

    Not thread-safe: the owner locks. Recorded times do not go backwards along a log, which keeps `until` sorted.
    """

    def __init__(self) -> None:
        self.row: Growable[np.int64] = Growable(np.int64)
        self.until: Growable[np.int64] = Growable(np.int64)
        self.columns: dict[str, Growable[np.int64]] = {name: Growable(np.int64) for name in CHANGING}

    def __len__(self) -> int:
        return len(self.row)

    def add(self, row: int, until: int, state: Mapping[str, int]) -> None:
        """A row had this state until a moment (microseconds)."""
        for name, column in self.columns.items():
            column.append(state[name])
        self.until.append(until)
        self.row.append(row)

    def at(self, as_of: int) -> Earlier:
        """The rows changed after `as_of`, as they were then. O(changes since)."""
        return self.since(int(np.searchsorted(self.until.array, as_of, side="right")))

    def since(self, first: int) -> Earlier:
        """The rows changed by the entries from `first` on, as they were before those."""
        changed = self.row.array[first:]
        order = np.argsort(changed, kind="stable")
        rows = changed[order]
        earliest = np.ones(len(rows), dtype=np.bool_)
        earliest[1:] = rows[1:] != rows[:-1]
        places = order[earliest] + first
        return Earlier(rows[earliest], {name: column.array[places] for name, column in self.columns.items()})

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self.row.nbytes + self.until.nbytes + sum(column.nbytes for column in self.columns.values())

    def arrays(self) -> dict[str, npt.NDArray[np.int64]]:
        """Everything, by reference: what is added later does not change it."""
        return {"row": self.row.array, "until": self.until.array} | {
            name: column.array for name, column in self.columns.items()
        }

    @classmethod
    def restore(cls, arrays: Mapping[str, npt.NDArray[np.int64]]) -> Self:
        """From `arrays`, copied."""
        history = cls()
        history.row, history.until = Growable.of(arrays["row"]), Growable.of(arrays["until"])
        history.columns = {name: Growable.of(arrays[name]) for name in CHANGING}
        return history
