"""The terms of a namespace in the space of word vectors, to find those of like meaning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from agentctx.index.growable import Growable
from agentctx.index.postings import Postings
from agentctx.text.terms import Document

Vectors = npt.NDArray[np.float32]
Near = tuple[npt.NDArray[np.int32], Vectors]
_BATCH: Final = 4096
_KEPT: Final = 4096  # words asked for whose neighbours are remembered
_NONE: Final[Near] = (np.zeros(0, dtype=np.int32), np.zeros(0, dtype=np.float32))


class Words(Protocol):
    """The space of word vectors."""

    def embed(self, words: Sequence[str]) -> Vectors:
        """One row a word; zero for an unknown one."""
        ...

    def knows(self, word: str) -> bool:
        """Whether the word is one as a whole."""
        ...


class Vocabulary:
    """By term number its first spelling, and lazily its vector if it has one. The owner locks."""

    def __init__(self) -> None:
        self.terms: list[str] = []
        self.spellings: list[str] = []
        self._embedded = 0  # spellings that were embedded
        self._numbers = Growable(np.int32)  # of the terms that have a vector, and below their vectors
        self._vectors: Growable[np.float32] | None = None
        self._near: dict[str, tuple[int, Near]] = {}

    def add(self, postings: Postings, spelling: Mapping[str, str]) -> None:
        """Take up the spellings of a document whose terms are in `postings` already."""
        if len(self.spellings) < len(postings):
            new = postings.terms[len(self.spellings) :]
            self.terms.extend(new)
            self.spellings.extend(spelling[term] for term in new)

    def near(self, asked: Sequence[str], words: Words, least: float) -> list[Near]:
        """For each word asked for, as written, the terms whose cosine with it is above `least`, the nearest first.

        (numbers, cosines); a word that is itself a term is its own neighbour. O(vocabulary) for words not asked for
        before, all in one pass; O(what is new) for others.
        """
        vectors = self._bring_up_to_date(words)
        if len(self._near) > _KEPT:
            self._near.clear()
        behind: dict[int, list[str]] = {}
        for word in dict.fromkeys(asked):
            seen = self._near.setdefault(word, (0, _NONE))[0]
            if seen < len(vectors):
                behind.setdefault(seen, []).append(word)
        for seen, some in behind.items():
            cosines = vectors[seen:] @ words.embed(some).T
            for column, word in enumerate(some):
                self._near[word] = (len(vectors), self._merged(word, cosines[:, column], seen, least))
        return [self._near[word][1] for word in asked]

    def _merged(self, word: str, cosines: Vectors, first: int, least: float) -> Near:
        """What was known of a word's neighbours, with those among the vectors from `first` on."""
        places = np.flatnonzero(cosines > least)
        numbers, values = self._numbers.array[places + first], cosines[places]
        if first:
            known = self._near[word][1]
            numbers, values = np.concatenate((known[0], numbers)), np.concatenate((known[1], values))
        order = np.lexsort((numbers, -values))
        return numbers[order], values[order]

    def _bring_up_to_date(self, words: Words) -> Vectors:
        while self._vectors is None or self._embedded < len(self.spellings):
            some = slice(self._embedded, self._embedded + _BATCH)
            # A stem that is a word says it better than whichever form came first.
            forms = [
                term if words.knows(term) else spelling
                for term, spelling in zip(self.terms[some], self.spellings[some], strict=True)
            ]
            vectors = words.embed(forms)
            known = np.flatnonzero(vectors.any(axis=1))
            if self._vectors is None:
                self._vectors = Growable(np.float32, vectors.shape[1])
            self._numbers.extend(known + self._embedded)
            self._vectors.extend(vectors[known])
            self._embedded += len(vectors)
        return self._vectors.array

    def check_invariants(self, postings: Postings, documents: Sequence[Document]) -> None:
        """Assert that every term is spelt as in the first of `documents` that holds it. For tests."""
        first: dict[str, str] = {}
        for document in documents:
            first = document.spelling | first
        assert self.terms == postings.terms
        assert [first[term] for term in postings.terms] == self.spellings
        assert self._embedded <= len(self.spellings)
        assert self._vectors is None or len(self._vectors) == len(self._numbers)
