"""Other ways to keep and search the same texts under the same vectors, each as its makers show it.

A system is built once into a folder and asked in another process. `search` gets the query's text and vector and returns
ids and texts, best first. Dense: by cosine alone. Hybrid: words and vectors, fused as the system does it by default.
"""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from agentctx_bench.baseline import FlatBM25, require, top

Vector = npt.NDArray[np.float32]
Found = tuple[list[str], list[str]]
DENSE, HYBRID = "dense", "hybrid"
_BATCH: Final = 5_000
_FUSED: Final = 100
_RRF: Final = 60
_WORD: Final = re.compile(r"[^\W_]+")


class Peer(Protocol):
    """A system under test. `exact` says whether it looks at everything; then its own recall is 1."""

    name: str
    task: str
    exact: bool

    def build(self, folder: Path, ids: Sequence[str], texts: Sequence[str], vectors: npt.NDArray[Any]) -> None:
        """Store and index everything in an empty folder."""
        ...

    def open(self, folder: Path) -> None:
        """Get ready to be asked."""
        ...

    def search(self, text: str, vector: Vector, k: int, *, exhaustive: bool = False) -> Found:
        """The ids and texts of the best `k`; `exhaustive`: by the same rule, but without an approximate index."""
        ...


class SqliteNumpy:
    """SQLite for texts and words (FTS5), a numpy matrix for vectors: what one writes without a database of vectors."""

    name = "SQLite FTS5 + numpy"
    exact = True

    def __init__(self, task: str) -> None:
        self.task = task

    def build(self, folder: Path, ids: Sequence[str], texts: Sequence[str], vectors: npt.NDArray[Any]) -> None:
        """One table, one FTS5 index over it, one file of vectors."""
        with closing(sqlite3.connect(folder / "texts.db")) as db, db:
            db.execute("CREATE TABLE episode (row INTEGER PRIMARY KEY, id TEXT, content TEXT)")
            db.execute(
                "CREATE VIRTUAL TABLE words USING fts5"
                "(content, content='episode', content_rowid='row', tokenize='porter')"
            )
            db.executemany(
                "INSERT INTO episode VALUES (?, ?, ?)",
                ((row, *one) for row, one in enumerate(zip(ids, texts, strict=True))),
            )
            db.execute("INSERT INTO words(words) VALUES ('rebuild')")
        np.save(folder / "vectors.npy", np.asarray(vectors, dtype=np.float32))

    def open(self, folder: Path) -> None:
        """The matrix in memory, the texts on disk."""
        self._db = sqlite3.connect(folder / "texts.db")
        self._vectors = np.load(folder / "vectors.npy")

    def search(self, text: str, vector: Vector, k: int, *, exhaustive: bool = False) -> Found:
        """Scan the matrix; hybrid: reciprocal rank fusion with the best of FTS5's bm25 for any of the words."""
        rows = top(self._vectors @ vector, k if self.task == DENSE else _FUSED).tolist()
        if self.task == HYBRID:
            words = " OR ".join(f'"{word}"' for word in dict.fromkeys(_WORD.findall(text.lower())))
            found = self._db.execute(
                "SELECT rowid FROM words WHERE words MATCH ? ORDER BY bm25(words) LIMIT ?", (words, _FUSED)
            )
            rows = fused(rows, [row for (row,) in found])[:k]
        told = [self._db.execute("SELECT id, content FROM episode WHERE row = ?", (row,)).fetchone() for row in rows]
        return [name for name, _ in told], [content for _, content in told]


class FaissFlat:
    """faiss's flat index; hybrid: with BM25 over all rows, by reciprocal rank. Everything is in memory."""

    name = "faiss Flat + BM25"
    exact = True

    def __init__(self, task: str) -> None:
        self.task = task
        self._faiss = require("faiss", "faiss-cpu", "peers")

    def build(self, folder: Path, ids: Sequence[str], texts: Sequence[str], vectors: npt.NDArray[Any]) -> None:
        """What is kept is the data; the index is made when it is opened."""
        np.save(folder / "vectors.npy", np.asarray(vectors, dtype=np.float32))
        with closing(sqlite3.connect(folder / "texts.db")) as db, db:
            db.execute("CREATE TABLE episode (row INTEGER PRIMARY KEY, id TEXT, content TEXT)")
            db.executemany(
                "INSERT INTO episode VALUES (?, ?, ?)",
                ((row, *one) for row, one in enumerate(zip(ids, texts, strict=True))),
            )

    def open(self, folder: Path) -> None:
        """Index and texts in memory."""
        self._faiss.omp_set_num_threads(1)
        vectors = np.load(folder / "vectors.npy")
        self._flat = self._faiss.IndexFlatIP(vectors.shape[1])
        self._flat.add(vectors)
        with closing(sqlite3.connect(folder / "texts.db")) as db:
            self._told = db.execute("SELECT id, content FROM episode ORDER BY row").fetchall()
        self._bm25 = FlatBM25([content for _, content in self._told]) if self.task == HYBRID else None

    def search(self, text: str, vector: Vector, k: int, *, exhaustive: bool = False) -> Found:
        """Scan everything."""
        _, dense = self._flat.search(vector[None], k if self._bm25 is None else _FUSED)
        rows: list[int] = dense[0].tolist()
        if self._bm25 is not None:
            rows = fused(rows, top(self._bm25.scores(text), _FUSED).tolist())[:k]
        return [self._told[row][0] for row in rows], [self._told[row][1] for row in rows]


class Lance:
    """LanceDB. `indexed`: with its IVF_HNSW_SQ index over the vectors; without, it looks at all of them."""

    def __init__(self, task: str, *, indexed: bool) -> None:
        self.task, self.exact = task, not indexed
        self.name = "LanceDB, IVF_HNSW_SQ" if indexed else "LanceDB, no vector index"
        os.environ.setdefault("LANCEDB_LOG", "error")  # it warns at every search
        self._lance = require("lancedb", "lancedb", "peers")

    def build(self, folder: Path, ids: Sequence[str], texts: Sequence[str], vectors: npt.NDArray[Any]) -> None:
        """One table, added in batches, then the indexes."""
        import pyarrow as pa  # noqa: PLC0415 - comes with lancedb
        from lancedb import index  # noqa: PLC0415

        db = self._lance.connect(str(folder))
        width = vectors.shape[1]
        schema = pa.schema([("id", pa.string()), ("content", pa.string()), ("vector", pa.list_(pa.float32(), width))])
        table = db.create_table("episodes", schema=schema)
        for start in range(0, len(ids), _BATCH):
            part = slice(start, start + _BATCH)
            flat = pa.array(np.asarray(vectors[part], dtype=np.float32).ravel())
            columns = [pa.array(ids[part]), pa.array(texts[part]), pa.FixedSizeListArray.from_arrays(flat, width)]
            table.add(pa.Table.from_arrays(columns, schema=schema))
        table.optimize()
        if self.task == HYBRID:
            table.create_index("content", config=index.FTS(), replace=True)
        if not self.exact:
            table.create_index("vector", config=index.HnswSq(distance_type="cosine"), replace=True)

    def open(self, folder: Path) -> None:
        """Open the table."""
        self._table = self._lance.connect(str(folder)).open_table("episodes")

    def search(self, text: str, vector: Vector, k: int, *, exhaustive: bool = False) -> Found:
        """Its query builder; hybrid with its default of reciprocal rank fusion."""
        if self.task == HYBRID:
            words = " ".join(_WORD.findall(text))
            query = self._table.search(query_type="hybrid").vector(vector).text(words)
        else:
            query = self._table.search(vector)
        query = query.distance_type("cosine")
        if exhaustive and not self.exact:
            query = query.bypass_vector_index()
        found = query.limit(k).select(["id", "content"]).to_list()
        return [row["id"] for row in found], [row["content"] for row in found]


class Chroma:
    """Chroma, persistent, with its HNSW index over cosine."""

    name = "Chroma"
    task = DENSE
    exact = False

    def __init__(self) -> None:
        self._chroma = require("chromadb", "chromadb", "peers")

    def _client(self, folder: Path) -> Any:
        settings = self._chroma.config.Settings(anonymized_telemetry=False)
        return self._chroma.PersistentClient(path=str(folder), settings=settings)

    def build(self, folder: Path, ids: Sequence[str], texts: Sequence[str], vectors: npt.NDArray[Any]) -> None:
        """One collection, added in batches."""
        client = self._client(folder)
        collection = client.create_collection(
            "episodes", configuration={"hnsw": {"space": "cosine"}}, embedding_function=None
        )
        step = min(_BATCH, client.get_max_batch_size())
        for start in range(0, len(ids), step):
            part = slice(start, start + step)
            collection.add(
                ids=list(ids[part]), documents=list(texts[part]), embeddings=np.asarray(vectors[part], dtype=np.float32)
            )

    def open(self, folder: Path) -> None:
        """Open the collection."""
        self._collection = self._client(folder).get_collection("episodes", embedding_function=None)

    def search(self, text: str, vector: Vector, k: int, *, exhaustive: bool = False) -> Found:
        """By vector."""
        found = self._collection.query(query_embeddings=[vector], n_results=k, include=["documents"])
        return found["ids"][0], found["documents"][0]


def fused(*rankings: Sequence[int]) -> list[int]:
    """Reciprocal rank fusion, best first; ties by the lower number."""
    scores: dict[int, float] = {}
    for ranking in rankings:
        for rank, row in enumerate(ranking, 1):
            scores[row] = scores.get(row, 0.0) + 1 / (_RRF + rank)
    return sorted(scores, key=lambda row: (-scores[row], row))


PEERS: Final[Mapping[str, Any]] = {
    "sqlite-dense": lambda: SqliteNumpy(DENSE),
    "sqlite-hybrid": lambda: SqliteNumpy(HYBRID),
    "faiss-dense": lambda: FaissFlat(DENSE),
    "faiss-hybrid": lambda: FaissFlat(HYBRID),
    "lancedb-dense": lambda: Lance(DENSE, indexed=False),
    "lancedb-dense-indexed": lambda: Lance(DENSE, indexed=True),
    "lancedb-hybrid": lambda: Lance(HYBRID, indexed=False),
    "lancedb-hybrid-indexed": lambda: Lance(HYBRID, indexed=True),
    "chroma-dense": Chroma,
}
"""Every system by the name that `--systems` knows; agentctx comes first by itself."""
