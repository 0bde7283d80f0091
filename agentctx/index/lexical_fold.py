"""Making one segment of a segment and the rows that came since, beside both."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from agentctx.index.lexical_segment import Counts, Ints, Rows, Segment, Source, build
from agentctx.index.lexical_tail import Tail, slices
from agentctx.index.lexical_terms import Terms

SATURATION: Final = 1.2
"""BM25's k1: how soon more occurrences of a term say no more."""
LENGTH_NORM: Final = 0.75
"""BM25's b: how much a long text has to say a term more often."""
_CHUNK: Final = 1 << 18


class Fold:
    """A segment in the making. Begun and published under the owner's lock, made outside of it, step by step."""

    def __init__(
        self,
        base: Segment,
        tails: Sequence[Tail],
        terms: Terms,
        columns: tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], npt.NDArray[np.float32]],
        shown: npt.NDArray[np.bool_],
        mean: float,
    ) -> None:
        """Of a base and tails. columns: the rows' sessions, runs and lengths; mean: of all lengths."""
        self._base, self._tails, self._terms = base, list(tails), terms
        self._session, self._run, self._length = columns
        self._mean = mean
        self.shown = shown
        """Which rows were visible when it was begun."""
        self._vocabulary = len(terms)
        self._made: tuple[Segment, Terms, Rows | None] | None = None

    def steps(self) -> Iterator[None]:
        """Do the work; each step takes some milliseconds at most."""
        source = yield from self._joined()
        segment: Segment | None = None
        for step in build(source, self._vocabulary):
            segment = step
            yield
        terms: Terms | None = None
        for made in self._terms.folded():
            terms = made
            yield
        assert segment is not None
        assert terms is not None
        hidden = np.flatnonzero(~self.shown)
        totals = None
        if len(hidden):
            totals = np.array(segment.totals)
            for start in range(0, len(hidden), 256):
                subtract(segment, totals, hidden[start : start + 256], self._session, self._run)
                yield
        self._made = segment, terms, totals

    def _joined(self) -> Generator[None, None, Source]:
        parts: list[tuple[Ints, Rows, Counts]] = [(self._base.row_starts[1:], self._base.terms, self._base.row_counts)]
        parts += [tail.forward.arrays for tail in self._tails]
        row_starts, terms, counts = yield from join(parts)
        return Source(row_starts, terms, counts, self._run, self._session == 0, norm(self._length, self._mean))

    def result(self) -> tuple[Segment, Terms, Rows | None]:
        """What was made. Only after all steps."""
        assert self._made is not None
        return self._made


def built(
    base: Segment,
    forwards: list[tuple[Ints, Rows, Counts]],
    columns: tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], npt.NDArray[np.float32]],
    vocabulary: int,
    mean: float,
) -> Segment:
    """A segment of a base and rows that no segment holds, made at once."""
    joining = join([(base.row_starts[1:], base.terms, base.row_counts), *forwards])
    while True:
        try:
            next(joining)
        except StopIteration as stop:
            row_starts, terms, counts = stop.value
            break
    session, run, length = columns
    source = Source(row_starts, terms, counts, run, session == 0, norm(length, mean))
    made = [segment for segment in build(source, vocabulary) if segment is not None]
    return made[-1]


def join(parts: Sequence[tuple[Ints, Rows, Counts]]) -> Generator[None, None, tuple[Ints, Rows, Counts]]:
    """Rows one part behind the other, in small steps: (where each row ends, terms, counts) of each."""
    total = sum(len(terms) for _, terms, _ in parts)
    terms, counts = np.empty(total, dtype=np.int32), np.empty(total, dtype=np.uint8)
    starts = [np.zeros(1, dtype=np.int64)]
    filled = 0
    for ends, some, said in parts:
        starts.append(ends + filled)
        for start in range(0, len(some), _CHUNK):
            end = min(start + _CHUNK, len(some))
            terms[filled + start : filled + end] = some[start:end]
            counts[filled + start : filled + end] = said[start:end]
            yield
        filled += len(some)
    return np.concatenate(starts), terms, counts


def norm(lengths: npt.NDArray[Any], mean: float) -> npt.NDArray[np.float32]:
    """How often a text of some length must say a term to be half about it (BM25's k)."""
    ratio = lengths / max(mean, 1e-9)
    made: npt.NDArray[np.float32] = (SATURATION * (1 - LENGTH_NORM + LENGTH_NORM * ratio)).astype(np.float32)
    return made


def subtract(
    segment: Segment,
    totals: Rows,
    rows: npt.NDArray[np.integer[Any]],
    session: npt.NDArray[np.int32],
    run: npt.NDArray[np.int32],
    sign: int = -1,
) -> None:
    """Take what some rows say out of a segment's totals by session, or with sign=1 put it back."""
    rows = rows[session[rows] != 0]
    owner, places = slices(segment.row_starts, rows)
    terms, counts = segment.terms[places], segment.row_counts[places]
    found = segment.find(terms, run[rows][owner])
    np.add.at(totals, found, sign * counts.astype(np.int32))
