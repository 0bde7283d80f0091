"""Vectors of single words, embedded once a process."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Final

import numpy as np

from agentctx.embed.base import Vectors
from agentctx.embed.static import StaticEmbedder

_KEPT: Final = 65_536


class WordVectors:
    """Embeds words and remembers them: the vocabularies of many namespaces overlap. Thread-safe.

    Always with the static embedder, whatever fills the store: it is local, costs microseconds, and the scoring was
    measured with it. Holds at most 65,536 words (64 MB at 256 dimensions); past that it starts over.
    """

    def __init__(self, embedder: StaticEmbedder) -> None:
        self._embedder = embedder
        self._lock = threading.Lock()
        self._places: dict[str, int] = {}
        self._rows = np.zeros((1024, embedder.identity.dimensions), dtype=np.float32)

    def knows(self, word: str) -> bool:
        """Whether the embedder knows the word as a whole."""
        return self._embedder.knows(word)

    def embed(self, words: Sequence[str]) -> Vectors:
        """One L2-normalised row a word; zero for one that the embedder does not know as a whole.

        The pieces of a rare name or a misspelling say little by themselves, and leaving them out more than halves the
        vocabulary that a query is compared with (docs/search.md).
        """
        with self._lock:
            new = [word for word in dict.fromkeys(words) if word not in self._places]
            if new:
                if len(self._places) + len(new) > _KEPT:
                    self._places.clear()
                    new = list(dict.fromkeys(words))
                self._add(new)
            return self._rows[[self._places[word] for word in words]]

    def _add(self, words: list[str]) -> None:
        first = len(self._places)
        if first + len(words) > len(self._rows):
            grown = np.zeros((max(first + len(words), 2 * len(self._rows)), self._rows.shape[1]), dtype=np.float32)
            grown[:first] = self._rows[:first]
            self._rows = grown
        vectors = self._embedder.embed(words)
        vectors[[place for place, word in enumerate(words) if not self._embedder.knows(word)]] = 0
        self._rows[first : first + len(words)] = vectors
        self._places.update((word, place) for place, word in enumerate(words, first))
