"""The fixed baseline: faiss's flat index over all vectors, BM25 over all rows, both to the end, fused.

Texts, vectors and postings are in memory; it knows no filters, times, deletions or durability. It shares no code with
the engine but the embedder.
"""

from __future__ import annotations

import re
from array import array
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import Stemmer

from agentctx.errors import MissingDependency
from agentctx_bench.bm25 import K1, B

_WORD: Final = re.compile(r"[^\W_]+")
_FUSED: Final = 100  # of each list
Floats = npt.NDArray[np.floating[Any]]


class FlatBM25:
    """Lucene's BM25 over flat arrays, so that a million texts fit. Every row with a word of the query is scored."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._stemmer = Stemmer.Stemmer("english")
        self._stemmer.maxCacheSize = 100_000
        self._terms: dict[str, int] = {}
        terms, rows, counts = array("i"), array("i"), array("H")
        lengths = np.zeros(len(texts), dtype=np.float32)
        for row, text in enumerate(texts):
            found = Counter(self._stemmer.stemWords(_WORD.findall(text.lower())))
            lengths[row] = found.total()
            for word, count in found.items():
                terms.append(self._terms.setdefault(word, len(self._terms)))
                rows.append(row)
                counts.append(min(count, 65_535))
        numbers = np.frombuffer(terms, dtype=np.int32)
        order = np.argsort(numbers, kind="stable")
        self._rows = np.frombuffer(rows, dtype=np.int32)[order]
        self._starts = np.searchsorted(numbers[order], np.arange(len(self._terms) + 1))
        tf = np.frombuffer(counts, dtype=np.uint16)[order].astype(np.float32)
        norm = K1 * (1 - B + B * lengths / max(float(lengths.mean()), 1e-9))
        holding = np.diff(self._starts)
        idf = np.log(1 + (len(texts) - holding + 0.5) / (holding + 0.5)).astype(np.float32)
        self._weights = np.repeat(idf, holding) * tf / (tf + norm[self._rows])
        self._scores = np.zeros(len(texts), dtype=np.float32)

    def scores(self, query: str) -> Floats:
        """The score of every row; valid until the next call."""
        self._scores[:] = 0
        for word in self._stemmer.stemWords(_WORD.findall(query.lower())):
            number = self._terms.get(word)
            if number is not None:
                within = slice(self._starts[number], self._starts[number + 1])
                self._scores[self._rows[within]] += self._weights[within]
        return self._scores


class Baseline:
    """Text in, texts out: the best of both lists by the sum of both scores on one scale."""

    def __init__(self, texts: Sequence[str], vectors: npt.NDArray[Any], embed: Any) -> None:
        faiss = require("faiss", "faiss-cpu", "bench")
        faiss.omp_set_num_threads(1)
        self._texts, self._embed = texts, embed
        self._vectors = np.ascontiguousarray(vectors, dtype=np.float32)
        self._flat = faiss.IndexFlatIP(self._vectors.shape[1])
        self._flat.add(self._vectors)
        self._bm25 = FlatBM25(texts)

    def search(self, query: str, k: int) -> list[str]:
        """The best `k` texts."""
        vector = np.asarray(self._embed(query), dtype=np.float32)
        _, dense = self._flat.search(vector[None], min(_FUSED, len(self._texts)))
        lexical = self._bm25.scores(query)
        words = top(lexical, _FUSED)
        rows = np.union1d(dense[0], words)
        scores = lexical[rows] / (float(lexical.max()) or 1.0) + self._vectors[rows] @ vector
        return [self._texts[row] for row in rows[np.argsort(-scores)][:k]]


def top(scores: Floats, k: int) -> npt.NDArray[np.intp]:
    """The places of the `k` largest, best first."""
    k = min(k, len(scores))
    found = np.argpartition(-scores, k - 1)[:k]
    return found[np.argsort(-scores[found], kind="stable")]


def require(module: str, package: str, extra: str) -> Any:
    """An optional package. Raises MissingDependency with the command that installs it."""
    import importlib  # noqa: PLC0415

    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingDependency(
            f"{package} is not installed; it takes part in this benchmark: pip install 'agentctx[{extra}]'",
            package=package,
        ) from error
