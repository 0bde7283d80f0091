"""Which words mean much the same: for each common word the terms nearest to it, found once and shipped as a table."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

from agentctx.embed.static import DATA, damaged
from agentctx.text.hashes import hash_of

FILE: Final = "near_words.safetensors"
LEAST: Final = 0.3
"""The cosine below which two words have nothing in common."""
WIDTH: Final = 32
"""How many terms are kept for a word."""
_PARTS: Final = 255.0

Ids = npt.NDArray[np.uint16]
Strengths = npt.NDArray[np.float32]


class NearWords:
    """For each word of a fixed list, terms of a fixed list by how near they are to it. Immutable.

    Both lists and the nearness come from an embedder's table of whole words, so they depend on no namespace. Nearness
    is 0 at a cosine of 0.3 and 1 at one of 1.
    """

    def __init__(self, tensors: Mapping[str, npt.NDArray[Any]]) -> None:
        words = tensors["words"].tobytes().decode().split("\n")
        self.terms: tuple[str, ...] = tuple(tensors["terms"].tobytes().decode().split("\n"))
        self.hashes: npt.NDArray[np.uint64] = tensors["hashes"]
        """`hash_of` each term."""
        self.numbers: Mapping[str, int] = {term: number for number, term in enumerate(self.terms)}
        self._rows: Mapping[str, int] = {word: row for row, word in enumerate(words)}
        self._row_of_term: list[int] = tensors["rows"].tolist()
        self.ids: Ids = tensors["ids"]
        """By row the places in `terms` of what is near a word, the nearest first."""
        self.nearness: npt.NDArray[np.uint8] = tensors["near"]
        """How near each is, in parts of 255; 0 pads the rows."""

    def row_of(self, word: str, term: str = "") -> int:
        """The row of a word; of one that is not listed, that of the commonest word with its term; else -1."""
        row = self._rows.get(word)
        if row is None:
            number = self.numbers.get(term)
            return -1 if number is None else self._row_of_term[number]
        return row

    def near(self, words: Sequence[str], terms: Sequence[str] = ()) -> tuple[Ids, Strengths]:
        """A row a word: the places in `terms` of those near it, the nearest first, and how near; 0 pads the rows.

        terms: those of the words, if words that are not listed are to have what the commonest word with their term
        has. Otherwise they have none.
        """
        rows = list(map(self.row_of, words, terms)) if terms else [self._rows.get(word, -1) for word in words]
        return self.ids[rows], self.nearness[rows] * np.float32(1 / _PARTS)

    @classmethod
    def compare(
        cls,
        words: Sequence[str],
        vectors: npt.NDArray[np.float32],
        terms: Mapping[str, Sequence[str]],
        width: int = WIDTH,
    ) -> dict[str, npt.NDArray[Any]]:
        """Make the table of some words and their unit vectors. terms: by term the words that have it, commonest first.

        A word is as near to a term as to the nearest of the term's words. `near` counts the last row, which is empty,
        as that of every unknown word.
        """
        place = {word: number for number, word in enumerate(words)}
        forms = np.array([place[form] for some in terms.values() for form in some], dtype=np.intp)
        first = np.cumsum([0, *(len(some) for some in terms.values())])[:-1]
        width = min(width, len(terms))
        ids = np.zeros((len(words) + 1, width), dtype=np.uint16)
        near = np.zeros((len(words) + 1, width), dtype=np.uint8)
        for start in range(0, len(words), 1024):
            cosines = np.maximum.reduceat(vectors[start : start + 1024] @ vectors[forms].T, first, axis=1)
            nearness = np.clip(np.rint(_PARTS * (cosines - LEAST) / (1 - LEAST)), 0, _PARTS).astype(np.uint8)
            order = np.argsort(-nearness.astype(np.int16), axis=1, kind="stable")[:, :width]
            ids[start : start + len(cosines)] = order
            near[start : start + len(cosines)] = np.take_along_axis(nearness, order, axis=1)
        return {
            "words": np.frombuffer("\n".join(words).encode(), dtype=np.uint8),
            "terms": np.frombuffer("\n".join(terms).encode(), dtype=np.uint8),
            "hashes": np.array([hash_of(term) for term in terms], dtype=np.uint64),
            "rows": np.array([place[some[0]] for some in terms.values()], dtype=np.uint16),
            "ids": ids,
            "near": near,
        }

    @classmethod
    def load(cls, folder: Path = DATA) -> Self:
        """The table that ships with the package. Raises FailedPrecondition when it is damaged. Some 20 ms."""
        import safetensors.numpy  # noqa: PLC0415 - as in `embed.static`

        try:
            content = (folder / FILE).read_bytes()
            digest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["near_words"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise damaged(folder / FILE) from error
        if hashlib.sha256(content).hexdigest() != digest:
            raise damaged(folder / FILE)
        return cls(safetensors.numpy.load(content))


class LazyNearWords:
    """`NearWords` that are read at the first use. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._table: NearWords | None = None

    def __call__(self) -> NearWords:
        """The table that ships with the package."""
        table = self._table
        if table is None:
            with self._lock:
                table = self._table
                if table is None:
                    table = self._table = NearWords.load()
        return table
