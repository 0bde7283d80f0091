"""Terms and where they occur: in which rows, how often, in how many rows and sessions; what search asks of words.

Most rows lie in a frozen segment of flat arrays, the newest in a tail that is cheap to add to. When the tail has grown,
another segment is built beside both and put in their place. All statistics are of the visible rows and kept in step,
so that none costs more than a look-up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

from agentctx import kernels
from agentctx.index.growable import Growable
from agentctx.index.lexical_fold import Fold, built, subtract
from agentctx.index.lexical_meet import Added, Lists, Met, Rooms, add_up, meet
from agentctx.index.lexical_segment import Counts, Rows, Segment
from agentctx.index.lexical_tail import Tail, cut, parts_of, slices
from agentctx.index.lexical_terms import Terms

LEAST_TAIL: Final = 512
"""Rows below which a tail is left as it is."""
_SHARE: Final = 6  # a tail is folded in when it is as long as one in so many of the rows before it
TAKEN_UP: Final = 4_096  # rows of a tail that are read back one by one; more are made a segment
_SORTED_FROM: Final = 16  # rows of a tail, if they are so many of the rest, that are made a segment sooner
_AT_ONCE: Final = 16_384  # rows of a tail, if they double the rest, beyond which it is folded by who adds
Ints = npt.NDArray[np.int64]


class LexicalIndex:
    """The inverted index of one namespace. Rows are numbered in log order and never removed; the owner locks.

    session, run, length: the columns of the rows, which are filled before `add` is called. A row without a session
    (0) counts as a session of its own.
    """

    def __init__(self, session: Growable[np.int32], run: Growable[np.int32], length: Growable[np.float32]) -> None:
        self.terms = Terms()
        self._session, self._run, self._length = session, run, length
        self._base = Segment.empty()
        self._base_runs = 0  # runs from here on are not in the base
        self._totals: Rows | None = None  # the base's, less what hidden rows say; None while there is none
        self._tails = [Tail(0)]
        self._holders: Growable[np.int32] = Growable(np.int32)
        self._sessions: Growable[np.int32] = Growable(np.int32)
        self._shown: Growable[np.bool_] = Growable(np.bool_)
        self._hidden = 0
        self._spoken = 0.0  # the sum of all lengths
        self._folding = False

    def __len__(self) -> int:
        return self._tails[-1].end

    # --- writing ------------------------------------------------------------------------------------------------------

    def add(self, documents: Sequence[Mapping[str, int]]) -> None:
        """Enter the terms of the next rows, with how often each says them; all are visible. O(terms)."""
        entered = self.terms.enter_all(documents)
        new = len(self.terms) - len(self._holders)
        if new:
            self._holders.extend(np.zeros(new, dtype=np.int32))
            self._sessions.extend(np.zeros(new, dtype=np.int32))
        self._take_up(*entered)
        if not self._folding and len(self._tails[-1]) >= max(_AT_ONCE, len(self._base)):
            self._fold_at_once()

    def _take_up(self, ends: Ints, terms: Rows, counts: Counts) -> None:
        """Add rows whose terms have their numbers already: where each ends, the terms, and how often it says them."""
        tail = self._tails[-1]
        first, end = tail.end, tail.end + len(ends)
        self._spoken += float(self._length.array[first:end].sum())
        self._shown.extend(np.ones(len(ends), dtype=np.bool_))
        runs, alone = self._run.array[first:end], self._session.array[first:end] == 0
        native = None if self._hidden else kernels.compiled  # what hidden rows say takes a look at each pair
        if native is not None:
            heard = [one.pairs for one in self._tails]
            fresh, unsure = tail.enter(native, (ends, terms, counts), runs, alone, heard, self._base_runs)
        else:
            fresh, unsure = self._enter(tail, ends, cut(terms, ends), cut(counts, ends), runs, alone)
        if len(unsure):
            fresh = np.append(fresh, self._unsaid_in_base(unsure))
        np.add.at(self._holders.array, terms, np.int32(1))
        np.add.at(self._sessions.array, fresh, np.int32(1))

    def _enter(
        self,
        tail: Tail,
        ends: Ints,
        numbers: Sequence[list[int]],
        counts: Sequence[list[int]],
        runs: Rows,
        alone: npt.NDArray[np.bool_],
    ) -> tuple[Rows, Ints]:
        """The same as `Tail.enter`, row by row, where rows are hidden, too."""
        first = tail.end
        fresh: list[int] = []
        unsure: list[int] = []
        with tail.entering() as put:
            for row, some, said, run, apart in zip(
                range(first, first + len(ends)), numbers, counts, runs.tolist(), alone.tolist(), strict=True
            ):
                put(some, said)
                if apart:
                    fresh += some
                    continue
                keys = {number << 32 | run for number in some}
                heard = self._heard(keys)
                tail.pairs |= keys
                if heard and self._hidden:  # perhaps by hidden rows alone
                    fresh += self._unsaid(heard, row)
                keys -= heard
                if run < self._base_runs:
                    unsure += keys
                else:
                    fresh += [key >> 32 for key in keys]
        return np.array(fresh, dtype=np.int32), np.array(unsure, dtype=np.int64)

    def _fold_at_once(self) -> None:
        """Nobody folds in the background, or not soon enough: searches would slow down."""
        fold = self.fold()
        for _ in fold.steps():
            pass
        self.publish(fold)

    def _heard(self, keys: set[int]) -> set[int]:
        """Those pairs of a term and a run that rows of the tails say, hidden ones too."""
        heard: set[int] = set()
        for tail in self._tails:
            heard |= keys & tail.pairs
        return heard

    def _unsaid(self, keys: set[int], row: int) -> list[int]:
        """The terms of those pairs that no visible row but `row` says."""
        terms, runs = parts_of(keys)
        unsaid: list[int] = terms[self._said(terms, runs, besides=row) == 0].tolist()
        return unsaid

    def _unsaid_in_base(self, keys: Ints) -> Rows:
        """The terms of those pairs that no visible row of the base says."""
        terms, runs = keys >> 32, keys & 0xFFFFFFFF
        places = self._base.find(terms, runs)
        held = places >= 0
        held[held] = self._base_totals[places[held]] > 0
        return terms[~held].astype(np.int32)

    def _said(self, terms: Ints, runs: Ints, besides: int = -1) -> Ints:
        """How often visible rows of a run say a term, pair by pair."""
        found = np.zeros(len(terms), dtype=np.int64)
        if len(self._base):
            places = self._base.find(terms, runs)
            held = places >= 0
            found[held] = self._base_totals[places[held]]
        for tail in self._tails:
            tail.add_said(found, terms, runs, self._run.array, self._shown.array, besides)
        return found

    @property
    def _mean(self) -> float:
        return self._spoken / max(len(self), 1)

    @property
    def _base_totals(self) -> Rows:
        return self._base.totals if self._totals is None else self._totals

    def hide(self, rows: npt.NDArray[np.integer[Any]]) -> None:
        """These rows are not visible any more. Twice is as good as once. O(terms)."""
        rows = rows[self._shown.array[rows]]
        if len(rows):
            self._hidden += len(rows)
            self._count(rows, -1)

    def show(self, rows: npt.NDArray[np.integer[Any]]) -> None:
        """These rows are visible again."""
        rows = rows[~self._shown.array[rows]]
        if len(rows):
            self._hidden -= len(rows)
            self._count(rows, 1)

    def _count(self, rows: npt.NDArray[np.integer[Any]], sign: int) -> None:
        self._shown.array[rows] = sign > 0
        owner, terms, counts = self.terms_of(rows)
        np.add.at(self._holders.array, terms, np.int32(sign))
        apart = (self._session.array[rows] == 0)[owner]
        np.add.at(self._sessions.array, terms[apart], np.int32(sign))
        in_base = (rows < len(self._base))[owner]
        keys = terms.astype(np.int64) << 32 | self._run.array[rows][owner]
        together = ~apart
        if not together.any():
            return
        found, inverse = np.unique(keys[together], return_inverse=True)
        change = np.bincount(inverse, weights=counts[together], minlength=len(found)).astype(np.int64)
        of_base = np.bincount(
            inverse, weights=counts[together] * in_base[together], minlength=len(found)
        ).astype(np.int32)  # fmt: skip
        if of_base.any():
            if self._totals is None:
                self._totals = np.array(self._base.totals)
            places = self._base.find(found >> 32, found & 0xFFFFFFFF)
            held = places >= 0
            self._totals[places[held]] += np.int32(sign) * of_base[held]
        after = self._said(found >> 32, found & 0xFFFFFFFF)
        turned = after == 0 if sign < 0 else after == change
        np.add.at(self._sessions.array, (found >> 32)[turned], np.int32(sign))

    # --- reading ------------------------------------------------------------------------------------------------------

    @property
    def every_holder(self) -> tuple[Rows, Rows]:
        """By term in how many visible rows, and in how many sessions of such, it is."""
        return self._holders.array, self._sessions.array

    def all_holders(self, terms: npt.NDArray[np.integer[Any]]) -> tuple[Rows, Rows]:
        """`holders` and `sessions` of many terms."""
        return self._holders.array[terms], self._sessions.array[terms]

    def terms_of(
        self, rows: npt.NDArray[np.integer[Any]]
    ) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.int32], Counts]:
        """What some rows say: (which of `rows`, term, how often), row by row."""
        base = self._base
        if len(base) and (not len(rows) or int(rows.max()) < len(base)):
            owner, places = slices(base.row_starts, rows)
            return owner, base.terms.take(places), base.row_counts.take(places)
        if not len(base) and len(self._tails) == 1:
            forward = self._tails[0].forward
            owner, places = slices(forward.starts, rows)
            return owner, forward.terms.array.take(places), forward.counts.array.take(places)
        found = []
        parts = [(0, len(base), base.row_starts, base.terms, base.row_counts)]
        for tail in self._tails:
            held = tail.forward
            parts.append((tail.first, tail.end, held.starts, held.terms.array, held.counts.array))
        for first, end, starts, terms, counts in parts:
            here = np.flatnonzero((rows >= first) & (rows < end))
            if len(here):
                owner, places = slices(starts, rows[here] - first)
                found.append((here[owner], terms.take(places), counts.take(places)))
        if not found:
            return np.zeros(0, np.intp), np.zeros(0, np.int32), np.zeros(0, np.uint8)
        owner, numbers, said = (np.concatenate([one[i] for one in found]) for i in range(3))
        return owner, numbers, said

    def meet(self, rows: npt.NDArray[np.integer[Any]], terms: Rows, rooms: Rooms, lists: Lists | None = None) -> Met:
        """Where some rows, each given once, say some terms. lists: what `add_up` gave for the first of them."""
        return meet(self._base, self._tails, rows, terms, rooms, lists)

    def add_up(self, terms: Rows, weights: npt.NDArray[np.float32], most: int, sums: npt.NDArray[np.float32]) -> Added:
        """Write to `sums`, by row, the weight of each term times about how much the row says it: 0 to 1.

        Of the first terms so many as have about `most` rows together.
        """
        return add_up(self._base, self._tails, terms, weights, most, self._length.array, self._mean, sums)

    def rows(self, term: int) -> Rows:
        """All rows that say a term, ascending, hidden ones too."""
        parts = [self._base.rows_of(term)]
        parts += [held[0] for tail in self._tails if (held := tail.postings(term)) is not None]
        return np.concatenate(parts)

    def totals(self, terms: Sequence[int], runs: Rows) -> Ints:
        """By term and session how often visible rows of it say it; the sessions by their runs, ascending.

        A row without a session is not asked about: what it says is in `terms_of`.
        """
        found = self._base.totals_of(terms, runs, self._base_totals)
        shown = self._shown.array if self._hidden else None
        for tail in self._tails:
            tail.add_totals(found, terms, runs, self._run.array, shown)
        return found

    # --- folding ------------------------------------------------------------------------------------------------------

    @property
    def tail(self) -> int:
        """How many rows no segment holds."""
        return len(self) - len(self._base)

    @property
    def due(self) -> bool:
        """Whether the tail has grown so long that folding pays."""
        tail = self.tail
        return not self._folding and tail >= max(LEAST_TAIL, len(self._base) // _SHARE)

    def fold(self) -> Fold:
        """Begin to make one segment of all present rows; new rows go to another tail. O(rows / 1000); see `Fold`."""
        self._folding = True
        size = len(self)
        shown = self._shown.array[:size].copy()
        fold = Fold(self._base, self._tails, self.terms, self._columns(size), shown, self._mean)
        self._tails.append(Tail(size))
        return fold

    def _columns(self, size: int) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], npt.NDArray[np.float32]]:
        """Session, run and length of the first rows."""
        return self._session.array[:size], self._run.array[:size], self._length.array[:size]

    def publish(self, fold: Fold) -> None:
        """Put what a finished fold made in the place of what it was made of."""
        segment, terms, totals = fold.result()
        terms.follow(self.terms)
        self.terms = terms
        size = len(segment)
        assert self._tails[-1].first == size
        self._base, self._tails = segment, self._tails[-1:]
        self._base_runs = int(self._run.array[:size].max(initial=-1)) + 1
        self._totals = totals
        self._folding = False
        changed = np.flatnonzero(fold.shown != self._shown.array[:size])
        if len(changed):
            self._recount(changed)

    def abandon(self) -> None:
        """The fold in progress will not be finished."""
        self._folding = False

    def _recount(self, rows: npt.NDArray[np.integer[Any]]) -> None:
        """Tell the base's totals of rows that were hidden or shown while it was made."""
        if self._totals is None:
            self._totals = np.array(self._base.totals)
        shown = self._shown.array[rows]
        subtract(self._base, self._totals, rows[~shown], self._session.array, self._run.array)
        subtract(self._base, self._totals, rows[shown], self._session.array, self._run.array, sign=1)

    # --- the whole ----------------------------------------------------------------------------------------------------

    @property
    def nbytes(self) -> int:
        """About how many bytes are held."""
        totals = self._totals.nbytes if self._totals is not None else 0
        grown = self._holders.nbytes + self._sessions.nbytes + self._shown.nbytes
        return self._base.nbytes + self.terms.nbytes + totals + grown + sum(tail.nbytes for tail in self._tails)

    def arrays(self) -> dict[str, Any]:
        """What `restore` needs, by reference or as a function that makes it; later changes leave it as it is."""
        made: dict[str, Any] = {f"base.{name}": one for name, one in self._base.arrays().items()}
        made |= {f"terms.{name}": one for name, one in self.terms.arrays().items()}
        for place, tail in enumerate(self._tails):
            ends, terms, counts = tail.forward.arrays
            made |= {f"tail{place}.ends": ends, f"tail{place}.terms": terms, f"tail{place}.counts": counts}
        return made | {"shown": self._shown.array.copy()}

    @classmethod
    def restore(
        cls,
        arrays: Mapping[str, npt.NDArray[Any]],
        session: Growable[np.int32],
        run: Growable[np.int32],
        length: Growable[np.float32],
    ) -> Self:
        """From `arrays`, which may be read-only. O(terms of the tail)."""
        index = cls(session, run, length)
        parts: dict[str, dict[str, npt.NDArray[Any]]] = {}
        for name, one in arrays.items():
            prefix, _, rest = name.partition(".")
            if rest:
                parts.setdefault(prefix, {})[rest] = one
        index.terms = Terms.restore(parts.pop("terms"))
        base = Segment.restore(parts.pop("base"))
        forwards = [(one["ends"], one["terms"], one["counts"]) for one in parts.values()]
        size = len(base) + sum(len(ends) for ends, _, _ in forwards)
        index._spoken = float(length.array[:size].sum())
        if size - len(base) > TAKEN_UP or size - len(base) >= max(_SORTED_FROM, len(base) // _SHARE):
            base = built(base, forwards, index._columns(size), len(index.terms), index._mean)
            forwards = []
        index._base = base
        index._base_runs = int(run.array[: len(base)].max(initial=-1)) + 1
        index._tails = [Tail(len(base))]
        index._shown = Growable.of(np.ones(len(base), dtype=np.bool_))
        new = len(index.terms) - base.vocabulary
        index._holders = Growable.of(np.append(base.holders, np.zeros(new, dtype=np.int32)))
        index._sessions = Growable.of(np.append(base.sessions, np.zeros(new, dtype=np.int32)))
        for ends, terms, counts in forwards:
            index._take_up(ends, terms, counts)
        index.hide(np.flatnonzero(~arrays["shown"]))
        return index

    def check_invariants(self, documents: Sequence[Mapping[str, int]], visible: npt.NDArray[np.bool_]) -> None:
        """Assert that it says what `documents` say, by row, and counts the visible ones. For tests."""
        assert np.array_equal(self._shown.array, visible)
        assert len(self) == len(documents) == self._hidden + int(visible.sum())
        self.terms.check_invariants()
        owner, numbers, counts = self.terms_of(np.arange(len(self)))
        held: list[dict[str, int]] = [{} for _ in documents]
        for row, number, count in zip(owner.tolist(), numbers.tolist(), counts.tolist(), strict=True):
            held[row][self.terms.term(number)] = count
        assert held == [{term: min(count, 255) for term, count in one.items()} for one in documents]
        session, run = self._session.array, self._run.array
        runs = np.unique(run[: len(self)][session[: len(self)] != 0])
        for number in range(len(self.terms)):
            term = self.terms.term(number)
            rows = [row for row, one in enumerate(held) if term in one]
            assert self.rows(number).tolist() == rows
            seen = [row for row in rows if visible[row]]
            told = [int(count) for count in self.all_holders(np.array(number))]
            assert told == [len(seen), len({int(run[row]) for row in seen})]
            expected = [sum(held[row][term] for row in seen if run[row] == one) for one in runs.tolist()]
            assert self.totals([number], runs).tolist() == [expected]
