"""The arrays of an inverted index as they lie, for kernels that read them."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from agentctx.index.lexical import LexicalIndex
from agentctx.index.lexical_segment import Counts, Ints, Rows

Entries: TypeAlias = "int | array[int] | None"
"""Of one term, for each row that says it, ascending: row << 8 | how often. A single one is not put in an array."""


def base_texts(lexical: LexicalIndex) -> tuple[Ints, Rows, Counts]:
    """Of the first rows: where the terms of each begin, the terms, and how often it says them."""
    base = lexical._base
    return base.row_starts, base.terms, base.row_counts


def tail_texts(lexical: LexicalIndex) -> tuple[tuple[int, Ints, Rows, Counts], ...]:
    """Of the newer ones: the first row of a tail, where the terms of each end, the terms, how often it says them."""
    return tuple([(tail.first, *tail.forward.arrays) for tail in lexical._tails if len(tail)])


def by_session(lexical: LexicalIndex) -> tuple[Ints, Rows, Rows, npt.NDArray[np.bool_] | None]:
    """By term the sessions of the base: where the runs that say it begin, the runs, how often visible rows of each do.

    Behind these, by row of the whole index, whether it is visible; None if all are.
    """
    base = lexical._base
    return base.run_starts, base.runs, lexical._base_totals, lexical._shown.array if lexical._hidden else None


def newer(lexical: LexicalIndex, terms: Sequence[int]) -> tuple[tuple[Entries, ...], ...]:
    """What rows of the tails say of some terms: of each tail that has sessions, by term."""
    return tuple([tuple(map(tail.entry, terms)) for tail in lexical._tails if tail.pairs])
