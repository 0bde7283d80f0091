"""Occurrences of terms in documents: put in order, and put together with others that are in order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Hashes = npt.NDArray[np.uint64]
Rows = npt.NDArray[np.int32]
Counts = npt.NDArray[np.uint8]
Offsets = npt.NDArray[np.int64]

_STEPS: Final = 8  # to the power of two, in which mean lengths are told apart
_STRETCH: Final = 400  # elements; from there on copying stretches is quicker than choosing each element


@dataclass(frozen=True, slots=True, eq=False)
class Postings:
    """Occurrences: a term (a place in `vocabulary`, which is ascending), a document, a field, how often (up to 255).

    The first three are there only once together. Terms without an occurrence are left out of an index.
    """

    vocabulary: Hashes
    terms: npt.NDArray[np.integer[Any]]
    rows: Rows
    fields: npt.NDArray[np.uint8]
    counts: npt.NDArray[np.uint8]


def distinct(hashes: Hashes) -> Hashes:
    """Each once, ascending. As np.unique, which is slower for what is partly sorted."""
    found = np.sort(hashes)
    first = np.ones(len(found), dtype=bool)
    np.not_equal(found[1:], found[:-1], out=first[1:])
    return found[first]


def grouped(postings: Postings, documents: int, width: int) -> tuple[Hashes, Rows, Counts, Offsets]:
    """Postings by term and row: the terms that occur, the rows, their counts in each field, where each term begins."""
    documents, size = max(documents, 1), max(len(postings.terms), 1)
    keys = postings.terms.astype(np.int64)
    keys *= documents
    keys += postings.rows
    if len(postings.vocabulary) * documents * size < 1 << 63:  # numbers that carry their place sort five times as fast
        keys *= size
        keys += np.arange(len(keys))
        keys.sort()
        order = (keys % size).astype(np.int32)
        keys //= size
    else:
        order = np.argsort(keys, kind="stable").astype(np.int32)
        keys = keys[order]
    first = np.ones(len(keys), dtype=bool)
    np.not_equal(keys[1:], keys[:-1], out=first[1:])
    heads = keys[first]
    counts = np.zeros((len(heads), width), dtype=np.uint8)
    flat = np.cumsum(first)
    flat -= 1
    flat *= width
    flat += postings.fields[order]
    counts.reshape(-1)[flat] = postings.counts[order]
    del flat, order, keys, first
    found = heads // documents
    rows = (heads - found * documents).astype(np.int32)
    sizes = np.bincount(found, minlength=len(postings.vocabulary))
    occurs = sizes > 0
    starts = np.concatenate(([0], np.cumsum(sizes[occurs])))
    return postings.vocabulary[occurs], rows, counts, starts


def add_lengths(lengths: npt.NDArray[np.int32], postings: Postings) -> None:
    """Add how many terms there are to `lengths`, by document and field."""
    documents, width = lengths.shape
    flat = postings.rows.astype(np.int64) * width + postings.fields
    found = np.bincount(flat, weights=postings.counts, minlength=documents * width)
    lengths += found.astype(np.int32).reshape(documents, width)


def mean_lengths(lengths: npt.NDArray[np.int32]) -> npt.NDArray[np.float64]:
    """About the mean of each field, in steps, so that a small change leaves it as it is."""
    means = np.maximum(lengths.sum(axis=0) / max(len(lengths), 1), 1e-9)
    found: npt.NDArray[np.float64] = np.exp2(np.rint(np.log2(means) * _STEPS) / _STEPS)
    return found


def ragged_search(
    rows: Rows, low: npt.NDArray[np.int64], high: npt.NDArray[np.int64], wanted: Rows
) -> npt.NDArray[np.int64]:
    """Where each of `wanted` belongs in its own ascending stretch of `rows`, from `low` to `high`."""
    low, high = low.copy(), high.copy()
    last = len(rows) - 1
    while (low < high).any():
        middle = (low + high) >> 1
        below = (low < high) & (rows[np.minimum(middle, last)] < wanted)
        high = np.where(below, high, np.minimum(middle, high))
        low = np.where(below, middle + 1, low)
    return low


def without(array: npt.NDArray[Any], lost: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
    """Without the places `lost`, ascending."""
    return spliced(array, lost, np.zeros(0, dtype=np.int64), array[:0]) if len(lost) else array


def merged(places: npt.NDArray[np.int64], old: npt.NDArray[Any], new: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Old and new ones put together; `places`, ascending, are those of the new ones in the result."""
    return spliced(old, np.zeros(0, dtype=np.int64), places, new)


def spliced(
    old: npt.NDArray[Any], lost: npt.NDArray[np.int64], places: npt.NDArray[np.int64], new: npt.NDArray[Any]
) -> npt.NDArray[Any]:
    """Without the places `lost` of the old ones, and with the new ones at `places` of the result; both ascend.

    Copies stretches where there are few of both: half the time that choosing every element takes, or less.
    """
    if old.ndim > 1:  # rows of bytes move faster as one thing
        kind = np.dtype((np.void, old.shape[1]))
        found = spliced(old.view(kind)[:, 0], lost, places, np.ascontiguousarray(new).view(kind)[:, 0])
        return found.view(old.dtype).reshape(-1, old.shape[1])
    size = len(old) - len(lost) + len(places)
    found = np.empty(size, dtype=old.dtype)
    if (len(lost) + len(places)) * _STRETCH > size:
        is_new = np.zeros(size, dtype=bool)
        is_new[places] = True
        found[~is_new] = np.delete(old, lost)
    else:
        begin = at = 0
        for end, comes in _cuts(lost, places):
            found[at : at + end - begin] = old[begin:end]
            at += end - begin + comes
            begin = end + (not comes)
        found[at:] = old[begin:]
    found[places] = new
    return found


def _cuts(lost: npt.NDArray[np.int64], places: npt.NDArray[np.int64]) -> list[tuple[int, bool]]:
    """The places of old ones before which a new one comes, and of those that go, in order."""
    kept_before = places - np.arange(len(places))
    before = kept_before + (lost - np.arange(len(lost))).searchsorted(kept_before, side="right")
    return sorted([*((place, True) for place in before.tolist()), *((place, False) for place in lost.tolist())])
