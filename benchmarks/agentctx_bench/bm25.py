"""The yardstick: plain BM25 over turns, written here from the textbook and sharing nothing with the engine."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import Stemmer

K1, B = 1.2, 0.75
_WORD = re.compile(r"[^\W_]+")


class BM25:
    """Lucene's BM25 (k1 1.2, b 0.75) over Snowball-stemmed words, no stop list. Build once, then ask.

    Not thread-safe: a stemmer keeps a cache. Ties rank by the order in which texts were given.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        self._stemmer = Stemmer.Stemmer("english")
        postings: defaultdict[str, tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
        lengths: list[int] = []
        for row, text in enumerate(texts):
            terms = self.terms(text)
            lengths.append(len(terms))
            for term, frequency in Counter(terms).items():
                rows, frequencies = postings[term]
                rows.append(row)
                frequencies.append(frequency)
        self._size = len(lengths)
        self._weights: dict[str, tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]] = {}
        length = np.asarray(lengths, dtype=np.float64)
        norm = K1 * (1 - B + B * length / max(length.mean(), 1e-9)) if lengths else length
        for term, (rows, frequencies) in postings.items():
            index, tf = np.asarray(rows), np.asarray(frequencies, dtype=np.float64)
            idf = np.log(1 + (self._size - len(rows) + 0.5) / (len(rows) + 0.5))
            self._weights[term] = (index, idf * tf / (tf + norm[index]))

    def terms(self, text: str) -> list[str]:
        """The stemmed words of a text, lower-cased."""
        stemmed: list[str] = self._stemmer.stemWords(_WORD.findall(text.lower()))
        return stemmed

    def scores(self, query: str) -> npt.NDArray[np.float64]:
        """The score of every text for `query`; a word that comes twice counts twice."""
        scores = np.zeros(self._size)
        for term in self.terms(query):
            if term in self._weights:
                rows, weights = self._weights[term]
                scores[rows] += weights
        return scores

    def search(self, query: str, k: int) -> list[int]:
        """The places of the best `k` texts that share a word with `query`, best first."""
        scores = self.scores(query)
        found = np.flatnonzero(scores)
        best = found[np.argsort(-scores[found], kind="stable")][:k]
        return [int(row) for row in best]
