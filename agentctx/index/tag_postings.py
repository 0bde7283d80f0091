"""Which rows bear a tag: a frozen base in one array, and a tail beside it that grows and is merged in now and then."""

from __future__ import annotations

from array import array
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

from agentctx.index.growable import Growable

Rows = npt.NDArray[np.int32]
Keys = npt.NDArray[np.int64]
_MERGE_FROM: Final = 65_536  # pairs: below, a tail is cheap to read and a merge is not worth its copy
_SORTED_FROM: Final = 32  # pairs of a tail, beside a base not much longer, that are sorted sooner than read back
_STEP: Final = 32_768  # pairs folded between two yields
_NO_ROWS: Final = np.zeros(0, dtype=np.int32)


class TagPostings:
    """Pairs (tag, row), tags by number. A pair is held once; what is removed is as if it never was.

    4 bytes a pair in the base, some 14 in the tail, which is at most half as long as the base (or 131,072 pairs).
    """

    def __init__(self) -> None:
        self._offsets: npt.NDArray[np.int64] = np.zeros(1, dtype=np.int64)
        self._base: Rows = _NO_ROWS
        # The tail in the order it came, which is what a snapshot keeps: (tag, row), or (tag, ~row) for a removal.
        self._pairs: Growable[np.int32] = Growable(np.int32, 2)
        self._tail: dict[int, array[int]] = {}
        self._gone: dict[int, set[int]] = {}

    def __len__(self) -> int:
        """Pairs held; an upper bound where some were removed since the last merge."""
        return len(self._base) + len(self._pairs)

    @property
    def tags(self) -> int:
        """One more than the greatest number of a tag that was ever added."""
        return max(len(self._offsets) - 1, max(self._tail, default=-1) + 1)

    def add(self, tag: int, row: int) -> None:
        """Add a pair that is not held, rows of one tag in any order."""
        self._put(tag, row)
        self._pairs.extend(((tag, row),))

    def _put(self, tag: int, row: int) -> None:
        gone = self._gone.get(tag)
        if gone and row in gone:
            gone.discard(row)
        else:
            tail = self._tail.get(tag)
            if tail is None:
                tail = self._tail[tag] = array("i")
            tail.append(row)

    def add_pairs(self, pairs: Sequence[tuple[int, int]]) -> None:
        """Add many (tag, row) pairs of tags and rows that were never removed."""
        get = self._tail.get
        for tag, row in pairs:
            tail = get(tag)
            if tail is None:
                tail = self._tail[tag] = array("i")
            tail.append(row)
        self._pairs.extend(pairs)

    def remove(self, tag: int, row: int) -> None:
        """Remove a pair that is held."""
        self._gone.setdefault(tag, set()).add(row)
        self._pairs.extend(((tag, ~row),))

    def rows(self, tag: int) -> Rows:
        """The rows of a tag, ascending; may be a view of what is kept, so it is not to be written."""
        base = self._base[self._offsets[tag] : self._offsets[tag + 1]] if tag < len(self._offsets) - 1 else _NO_ROWS
        tail, gone = self._tail.get(tag), self._gone.get(tag)
        if tail:
            grown = np.array(tail, dtype=np.int32)
            base = np.concatenate([base, grown]) if len(base) else grown
            if (base[1:] <= base[:-1]).any():
                base = np.unique(base)
        if gone:
            base = base[~np.isin(base, np.fromiter(gone, dtype=np.int32, count=len(gone)))]
        return base

    def held(self, tag: int, row: int) -> bool:
        """Whether a pair is held."""
        rows = self.rows(tag)
        place = int(np.searchsorted(rows, row))
        return place < len(rows) and int(rows[place]) == row

    def counts(self, tags: int) -> npt.NDArray[np.int64]:
        """How many rows each of the tags 0..tags-1 has."""
        counts = np.zeros(tags, dtype=np.int64)
        known = min(tags, len(self._offsets) - 1)
        counts[:known] = np.diff(self._offsets)[:known]
        for tag, tail in self._tail.items():
            if tag < tags:
                counts[tag] += len(tail)
        for tag, gone in self._gone.items():
            if tag < tags:
                counts[tag] -= len(gone)
        return counts

    def pairs(self) -> tuple[Rows, Rows]:
        """All pairs as two arrays, tags and rows, by tag and then row."""
        return split_keys(keys_of(self.arrays()))

    @property
    def due(self) -> bool:
        """Whether the tail has become so long that folding it into the base pays."""
        return len(self._pairs) >= max(_MERGE_FROM, len(self._base) // 8)

    @property
    def wants_merge(self) -> bool:
        """Whether the tail has become so long that it cannot wait for somebody who folds it in."""
        return len(self._pairs) >= max(2 * _MERGE_FROM, len(self._base) // 2)

    def take(self, fold: Fold) -> None:
        """Put what `folding` made of an earlier state in the place of base and tail; later pairs stay in the tail."""
        if fold.old is not self._base:
            return  # it was merged meanwhile
        later = self._pairs.array[fold.pairs :]
        again = self.restore({"offsets": fold.offsets, "base": fold.base, "pairs": later})
        self._offsets, self._base, self._pairs = again._offsets, again._base, again._pairs
        self._tail, self._gone = again._tail, again._gone

    def merge(self, numbers: npt.NDArray[np.int32] | None = None) -> None:
        """Make one base of base and tail. `numbers`: the new number of each tag, -1 drops it. O(n log n)."""
        tags, rows = self.pairs()
        if numbers is not None:
            renumbered = numbers[tags]
            kept = renumbered >= 0
            tags, rows = renumbered[kept], rows[kept]
            order = np.argsort(tags, kind="stable")
            tags, rows = tags[order], rows[order]
        size = int(tags.max()) + 1 if len(tags) else 0
        self._offsets = np.searchsorted(tags, np.arange(size + 1)).astype(np.int64)
        self._base = np.ascontiguousarray(rows)
        self._pairs = Growable(np.int32, 2)
        self._tail, self._gone = {}, {}

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """All that `restore` needs, by reference; later changes leave these arrays as they are."""
        return {"offsets": self._offsets, "base": self._base, "pairs": self._pairs.array}

    @classmethod
    def restore(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> Self:
        """The postings that `arrays` came from. The arrays may be read-only; they are kept and never written."""
        self = cls()
        self._offsets, self._base = arrays["offsets"], arrays["base"]
        pairs = arrays["pairs"]
        self._pairs = Growable.of(pairs)
        if not len(pairs):
            return self
        if len(pairs) >= max(_SORTED_FROM, len(self._base) // 8):
            self.merge()
            return self
        order = np.argsort(pairs[:, 0], kind="stable")
        tags, rows = pairs[order, 0], pairs[order, 1]
        starts = [0, *(np.flatnonzero(np.diff(tags)) + 1).tolist(), len(tags)]
        removing = np.unique(tags[rows < 0])
        for start, end in pairwise(starts):
            tag = int(tags[start])
            if not len(removing) or tag not in removing:
                self._tail[tag] = array("i", rows[start:end].tobytes())
                continue
            for row in rows[start:end].tolist():
                if row < 0:
                    self._gone.setdefault(tag, set()).add(~row)
                else:
                    self._put(tag, row)
        return self

    @property
    def nbytes(self) -> int:
        """Bytes held, near enough."""
        tail = 6 * len(self._pairs) + 150 * len(self._tail)
        return self._base.nbytes + self._offsets.nbytes + 8 * len(self._pairs) + tail

    def check_invariants(self) -> None:
        """Assert that the parts agree. For tests."""
        assert self._offsets[0] == 0
        assert self._offsets[-1] == len(self._base)
        assert (np.diff(self._offsets) >= 0).all()
        tags, rows = self.pairs()
        counts = self.counts(self.tags)
        assert counts.sum() == len(rows)
        for tag in range(self.tags):
            assert np.array_equal(self.rows(tag), rows[tags == tag])
            assert len(self.rows(tag)) == counts[tag]


@dataclass(frozen=True, slots=True)
class Fold:
    """A new base, made of an old one and the first `pairs` of its tail."""

    old: Rows
    offsets: Keys
    base: Rows
    pairs: int


def folding(arrays: Mapping[str, npt.NDArray[Any]]) -> Generator[None, None, Fold]:
    """Make one base of what `arrays()` gave, in steps of a millisecond or two, beside what is in use."""
    offsets, base, since = arrays["offsets"], arrays["base"], arrays["pairs"]
    empty = np.zeros(1, dtype=np.int64), np.zeros(0, dtype=np.int32)
    grown = keys_of({"offsets": empty[0], "base": empty[1], "pairs": since})
    yield
    if (since[:, 1] < 0).any():  # rare: what was removed may be anywhere
        tags, rows = split_keys(keys_of(arrays))
        return Fold(
            base, np.searchsorted(tags, np.arange(int(tags.max(initial=-1)) + 2)).astype(np.int64), rows, len(since)
        )
    size = max(len(offsets) - 1, int(grown[-1] >> 32) + 1 if len(grown) else 0)
    ends = np.concatenate([offsets, np.full(size + 1 - len(offsets), offsets[-1])])
    parts: list[Rows] = []
    counts = np.zeros(size + 1, dtype=np.int64)
    for first, upto in _steps(ends, size):
        here = grown[np.searchsorted(grown, first << 32) : np.searchsorted(grown, upto << 32)]
        held = np.repeat(np.arange(first, upto), np.diff(ends[first : upto + 1])) << 32 | base[ends[first] : ends[upto]]
        keys = np.sort(np.concatenate([held, here]), kind="stable")
        parts.append((keys & 0xFFFFFFFF).astype(np.int32))
        counts[first + 1 : upto + 1] = np.bincount((keys >> 32) - first, minlength=upto - first)
        yield
    return Fold(base, np.cumsum(counts), np.concatenate(parts) if parts else empty[1], len(since))


def _steps(offsets: Keys, size: int) -> Iterator[tuple[int, int]]:
    """Cut the tags 0 to `size` into pieces of about `_STEP` pairs, and of no more tags."""
    first = 0
    while first < size:
        upto = max(first + 1, int(np.searchsorted(offsets, offsets[first] + _STEP, side="right")) - 1)
        upto = min(upto, size, first + _STEP)
        yield first, upto
        first = upto


def keys_of(arrays: Mapping[str, npt.NDArray[Any]]) -> Keys:
    """Every pair of some postings as one number, tag << 32 | row, ascending. `arrays`: what `arrays()` gave."""
    offsets, base, since = arrays["offsets"], arrays["base"], arrays["pairs"]
    keys = np.empty(len(base), dtype=np.int64)
    for first, upto in _steps(offsets, len(offsets) - 1):  # `repeat` lets no other thread come between
        here = slice(int(offsets[first]), int(offsets[upto]))
        tags = np.repeat(np.arange(first, upto), np.diff(offsets[first : upto + 1]))
        keys[here] = tags << 32 | base[here]
    if not len(since):
        return keys
    rows = since[:, 1]
    gone = rows < 0
    grown = since[:, 0].astype(np.int64) << 32 | np.where(gone, ~rows, rows)
    if gone.any():
        grown, last = np.unique(grown[::-1], return_index=True)  # the last word on each pair
        keys = keys[~np.isin(keys, grown)]
        grown = grown[~gone[::-1][last]]
    else:
        grown = np.sort(grown)
    # Two runs in order: what a stable sort merges in one pass.
    return np.sort(np.concatenate([keys, grown]), kind="stable")


def split_keys(keys: Keys) -> tuple[Rows, Rows]:
    """Tags and rows of such numbers."""
    return (keys >> 32).astype(np.int32), (keys & 0xFFFFFFFF).astype(np.int32)
