"""The terms of a namespace in the space of word vectors, to find those of like meaning."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from agentctx.index.growable import Growable
from agentctx.index.postings import Postings
from agentctx.text.terms import Document

Vectors = npt.NDArray[np.float32]
Near = tuple[npt.NDArray[np.int64], Vectors]

_BATCH: Final = 4096
_KEPT: Final = 4096  # words asked for whose neighbours are remembered


class Vocabulary:
    """By term number its spelling, and lazily its vector. A term is spelt as its shortest form. The owner locks."""

    def __init__(self) -> None:
        self.spellings: list[str] = []
        self._vectors: Growable[np.float32] | None = None
        self._outdated: set[int] = set()
        self._near: dict[str, tuple[int, Near]] = {}

    def add(self, postings: Postings, spelling: Mapping[str, str]) -> None:
        """Take up the spellings of a document whose terms are in `postings` already."""
        for term, form in spelling.items():
            number = postings.number(term)
            assert number is not None
            if number == len(self.spellings):
                self.spellings.append(form)
            elif (len(form), form) < (len(known := self.spellings[number]), known):
                self.spellings[number] = form
                self._outdated.add(number)

    def near(self, spelling: str, embed: Callable[[Sequence[str]], Vectors], least: float) -> Near:
        """Terms by falling cosine with `spelling`, those above `least`: (numbers, cosines). The word itself included.

        `embed` makes word vectors. O(vocabulary) for a word not asked before, O(what is new) for others.
        """
        vectors = self._bring_up_to_date(embed)
        seen, found = self._near.get(spelling, (0, None))
        if found is None or seen < len(vectors):
            word = embed([spelling])[0]
            cosines = vectors[seen:] @ word
            new = np.flatnonzero(cosines > least)
            numbers, values = new + seen, cosines[new]
            if found is not None:
                numbers, values = np.concatenate((found[0], numbers)), np.concatenate((found[1], values))
            order = np.lexsort((numbers, -values))
            found = (numbers[order], values[order])
            if len(self._near) >= _KEPT:
                self._near.clear()
            self._near[spelling] = (len(vectors), found)
        return found

    def _bring_up_to_date(self, embed: Callable[[Sequence[str]], Vectors]) -> Vectors:
        if self._vectors is None:
            self._vectors = Growable(np.float32, embed(["a"]).shape[1])
        if self._outdated:
            changed = sorted(number for number in self._outdated if number < len(self._vectors))
            if changed:
                self._vectors.array[changed] = embed([self.spellings[number] for number in changed])
                self._near.clear()
            self._outdated.clear()
        for first in range(len(self._vectors), len(self.spellings), _BATCH):
            self._vectors.extend(embed(self.spellings[first : first + _BATCH]))
        return self._vectors.array

    def check_invariants(self, postings: Postings, documents: Sequence[Document]) -> None:
        """Assert that every term is spelt as its shortest form in `documents`. For tests."""
        best: dict[str, str] = {}
        for document in documents:
            for term, form in document.spelling.items():
                best[term] = min((best.get(term, form), form), key=lambda one: (len(one), one))
        assert [best[term] for term in postings.terms] == self.spellings
