"""An inverted index over documents of several fields, scored by BM25F. Pure arrays; terms are 64-bit hashes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

from agentctx.index.postings import (
    Counts,
    Hashes,
    Offsets,
    Postings,
    Rows,
    add_lengths,
    distinct,
    grouped,
    mean_lengths,
    merged,
    ragged_search,
    spliced,
    without,
)

Floats = npt.NDArray[np.float32]

_NO_IMPACTS: Final = np.zeros(0, dtype=np.float32)
_STORED: Final = ("vocabulary", "starts", "rows", "counts", "lengths", "means", "impacts")


@dataclass(frozen=True, slots=True)
class FieldScoring:
    """How fields count: a weight and a length normalisation (0: none, 1: full) for each, and BM25's saturation."""

    weights: tuple[float, ...]
    lengths: tuple[float, ...]
    saturation: float = 1.2


@dataclass(frozen=True, slots=True, eq=False)
class FieldIndex:
    """Documents 0 to n - 1. Immutable; the arrays may be read-only memory maps.

    Of the term vocabulary[t] (ascending): rows[starts[t]:starts[t+1]], ascending, each with its count in every field
    and its impact, the saturated weighted count under `scoring`. lengths: terms of each document by field.
    """

    vocabulary: Hashes
    starts: Offsets
    rows: Rows
    counts: Counts
    lengths: npt.NDArray[np.int32]
    means: npt.NDArray[np.float64]
    """About the mean length of each field: in steps, so that a small edit does not change every score."""
    impacts: npt.NDArray[np.float32]
    scoring: FieldScoring

    @classmethod
    def build(cls, documents: int, postings: Postings, scoring: FieldScoring) -> Self:
        """From occurrences in any order. O(n log n) in C: some 0.3 s a million."""
        vocabulary, rows, counts, starts = grouped(postings, documents, len(scoring.weights))
        lengths = np.zeros((documents, len(scoring.weights)), dtype=np.int32)
        add_lengths(lengths, postings)
        return cls(vocabulary, starts, rows, counts, lengths, mean_lengths(lengths), _NO_IMPACTS, scoring)._weighed()

    def replace(self, moved: Rows, documents: int, added: Postings) -> Self:
        """The index with other documents: `moved` gives the new place of each, ascending, -1 for those that go;
        `added` are the occurrences in those that come. Equal to building anew; O(occurrences), without sorting them.
        """
        width = len(self.scoring.weights)
        rows = moved[self.rows]
        lost = np.flatnonzero(rows < 0)
        held = self.starts - lost.searchsorted(self.starts)
        rows = without(rows, lost)
        new_terms, new_rows, new_counts, new_starts = grouped(added, documents, width)
        still = np.diff(held) > 0
        vocabulary = distinct(np.concatenate((self.vocabulary[still], new_terms)))
        # Where each posting goes: behind those of lower terms, and within its term in the order of the rows.
        sizes = np.zeros(len(vocabulary), dtype=np.int64)
        sizes[vocabulary.searchsorted(self.vocabulary[still])] = np.diff(held)[still]
        ends = np.cumsum(sizes)
        new_codes = np.repeat(vocabulary.searchsorted(new_terms), np.diff(new_starts))
        at = ragged_search(rows, ends[new_codes] - sizes[new_codes], ends[new_codes], new_rows)
        at += np.arange(len(at))
        sizes += np.bincount(new_codes, minlength=len(vocabulary))
        starts = np.concatenate(([0], np.cumsum(sizes)))
        lengths = np.zeros((documents, width), dtype=np.int32)
        lengths[moved[moved >= 0]] = self.lengths[moved >= 0]
        add_lengths(lengths, added)
        made = type(self)(
            vocabulary, starts, merged(at, rows, new_rows), spliced(self.counts, lost, at, new_counts),
            lengths, mean_lengths(lengths), _NO_IMPACTS, self.scoring,
        )  # fmt: skip
        if not np.array_equal(made.means, self.means):
            return made._weighed()
        impacts = made._impacts(new_rows, new_counts)
        return replace(made, impacts=spliced(self.impacts, lost, at, impacts))

    def _weighed(self) -> Self:
        return replace(self, impacts=self._impacts(self.rows, self.counts))

    def _impacts(self, rows: Rows, counts: Counts) -> Floats:
        weights = self._normalisers()
        total = np.zeros(len(rows), dtype=np.float32)
        for field in range(counts.shape[1]):  # by field: rows of five numbers are slow to work on
            if self.scoring.weights[field]:
                total += counts[:, field] * weights[:, field][rows]
        total /= total + np.float32(self.scoring.saturation)
        return total

    def _normalisers(self, rows: slice = slice(None)) -> Floats:
        """Weight by length of some documents' fields."""
        b = np.asarray(self.scoring.lengths)
        scale = 1 - b + b * self.lengths[rows] / self.means
        found: Floats = (np.asarray(self.scoring.weights) / np.maximum(scale, 1e-9)).astype(np.float32)
        return found

    def __len__(self) -> int:
        return len(self.lengths)

    def find(self, terms: Sequence[int]) -> npt.NDArray[np.int64]:
        """The place of each term in the vocabulary, -1 where no document holds it."""
        wanted = np.array(terms, dtype=np.uint64)
        if not len(self.vocabulary):
            return np.full(len(wanted), -1, dtype=np.int64)
        at = np.minimum(self.vocabulary.searchsorted(wanted), len(self.vocabulary) - 1)
        return np.where(self.vocabulary[at] == wanted, at, -1)

    def holders(self, terms: Sequence[int]) -> npt.NDArray[np.int64]:
        """In how many documents each term is."""
        at = self.find(terms)
        found: npt.NDArray[np.int64] = np.where(at >= 0, self.starts[at + 1] - self.starts[at], 0)
        return found

    def rarity(self, terms: Sequence[int]) -> npt.NDArray[np.float64]:
        """BM25's inverse document frequency of each term."""
        holders = self.holders(terms)
        found: npt.NDArray[np.float64] = np.log1p((len(self) - holders + 0.5) / (holders + 0.5))
        return found

    def score(self, terms: Mapping[int, float]) -> Floats:
        """The sum over terms of weight, rarity and impact, for every document. Some 2 us a term + 1 ns a holder."""
        scores = np.zeros(len(self), dtype=np.float32)
        names = list(terms)
        rarity = self.rarity(names)
        for at, weight, rare in zip(self.find(names).tolist(), terms.values(), rarity.tolist(), strict=True):
            if at >= 0:
                here = slice(int(self.starts[at]), int(self.starts[at + 1]))
                scores[self.rows[here]] += self.impacts[here] * np.float32(weight * rare)
        return scores

    def explain(self, terms: Mapping[int, float], row: int) -> npt.NDArray[np.float64]:
        """What each field adds to the score of one document; they sum to it."""
        parts = np.zeros(len(self.scoring.weights))
        names = list(terms)
        rarity = self.rarity(names)
        normal = self._normalisers(slice(row, row + 1))[0]
        for at, weight, rare in zip(self.find(names).tolist(), terms.values(), rarity.tolist(), strict=True):
            if at < 0:
                continue
            start, end = int(self.starts[at]), int(self.starts[at + 1])
            place = start + int(self.rows[start:end].searchsorted(row))
            if place < end and self.rows[place] == row:
                shares = self.counts[place] * normal
                parts += shares / shares.sum() * self.impacts[place] * (weight * rare)
        return parts

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """What `restore` needs."""
        return {name: getattr(self, name) for name in _STORED}

    @classmethod
    def restore(cls, arrays: Mapping[str, npt.NDArray[Any]], scoring: FieldScoring) -> Self:
        """From `arrays`."""
        return cls(**{name: arrays[name] for name in _STORED}, scoring=scoring)

    def check_invariants(self) -> None:
        """Assert that the arrays agree with each other. For tests."""
        assert len(self.starts) == len(self.vocabulary) + 1
        assert self.starts[0] == 0
        assert self.starts[-1] == len(self.rows) == len(self.counts) == len(self.impacts)
        assert (self.vocabulary[1:] > self.vocabulary[:-1]).all()
        assert (np.diff(self.starts) > 0).all()
        for start, end in zip(self.starts[:-1].tolist(), self.starts[1:].tolist(), strict=True):
            assert (np.diff(self.rows[start:end]) > 0).all()
        if len(self.rows):
            assert self.rows.min() >= 0
            assert self.rows.max() < len(self)
        assert (self.counts.sum(axis=1) > 0).all()
