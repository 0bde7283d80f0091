"""The default embedder: the mean of one vector per token, from a table that ships with the package."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from agentctx import kernels
from agentctx.embed.base import EmbedderIdentity, TextKind, Vectors, check_texts, normalise
from agentctx.errors import FailedPrecondition

if TYPE_CHECKING:
    from agentctx.embed.wordpieces import WordPieces

DATA = Path(__file__).parent / "static_data"
FORMAT = 1
MAX_TOKENS = 512


class StaticEmbedder:
    """256 dimensions, distilled from all-MiniLM-L6-v2; no torch, no network, some 10 µs a text.

    Reads the first 512 known tokens within the first 16,384 characters of a text. Knows words, not word order: as good
    as its teacher at finding conversational turns, weaker at paraphrase (docs/embedders.md has the figures). A single
    word is a text like any other, so `embed(words)` gives word vectors.

    Thread-safe. The table (8 MB, checked against its sha256) is read by the first call of `embed`, some 50 ms.

    >>> StaticEmbedder().embed(["a cat", "a kitten"]).shape
    (2, 256)
    """

    def __init__(self, folder: Path = DATA) -> None:
        """folder: where model.safetensors, tokenizer.json and manifest.json are; the package's own by default."""
        self._folder = folder
        self._lock = threading.Lock()
        self._table: _Table | None = None
        self._closed = False
        try:
            self._manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
            self._digests: dict[str, str] = self._manifest["files"]
            known = self._manifest["format"] == FORMAT
            # The tokenizer decides which rows a text gets, so it is part of what makes these vectors.
            both = "".join(self._digests[name] for name in ("model.safetensors", "tokenizer.json"))
            self._identity = EmbedderIdentity(
                "static", int(self._manifest["dimensions"]), hashlib.sha256(both.encode()).hexdigest()[:16]
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise damaged(folder / "manifest.json") from error
        if not known:
            raise damaged(folder / "manifest.json")

    @property
    def identity(self) -> EmbedderIdentity:
        """Who makes these vectors. Known without loading the table."""
        return self._identity

    def embed(self, texts: Sequence[str], kind: TextKind = "document", timeout: float | None = None) -> Vectors:
        """L2-normalised float32 rows, one a text; documents and queries are treated alike.

        A text's vector does not depend on the other texts of the call. Raises InvalidArgument for anything but a
        sequence of str; FailedPrecondition after `close`, or when the package's data is damaged.
        """
        texts = check_texts(texts, kind)
        if self._closed:
            raise FailedPrecondition("this embedder is closed: open another one", field="embedder")
        table = self._table or self._load()
        native = kernels.compiled
        vectors = np.zeros((len(texts), self._identity.dimensions), dtype=np.float32)
        for vector, text in zip(vectors, texts, strict=True):
            ids = table.pieces.ids(text, MAX_TOKENS)
            if ids and native is not None:
                native.sum_of_rows(table.rows, table.scale, ids, vector)
            elif ids:
                # A sum a text: np.add.reduceat over the whole batch was measured three times slower.
                np.dot(table.scale.take(ids), table.rows.take(ids, axis=0).astype(np.float32), out=vector)
        return vectors if native is not None else normalise(vectors)

    def knows(self, word: str) -> bool:
        """Whether the table has one row for the whole word, so that its vector is more than a mean of pieces."""
        table = self._table or self._load()
        return len(table.pieces.ids(word, 2)) == 1 and not any(map(str.isdigit, word))

    def close(self) -> None:
        """Give the table's memory back; embedding afterwards is an error."""
        self._closed = True
        self._table = None

    def _load(self) -> _Table:
        with self._lock:
            if self._table is None:
                self._table = _Table(self._folder, self._digests, self._manifest)
            return self._table


class _Table:
    """The rows as stored (a fourth of the memory of f32, and as fast) with their scales, and the tokenizer."""

    def __init__(self, folder: Path, digests: dict[str, str], manifest: dict[str, Any]) -> None:
        # Loaded here, so that a process which only names the embedder does not pay for them.
        import safetensors.numpy  # noqa: PLC0415

        from agentctx.embed.wordpieces import WordPieces  # noqa: PLC0415

        content: dict[str, bytes] = {}
        for name, digest in digests.items():
            try:
                content[name] = (folder / name).read_bytes()
            except OSError as error:
                raise damaged(folder / name) from error
            if hashlib.sha256(content[name]).hexdigest() != digest:
                raise damaged(folder / name)
        tensors = safetensors.numpy.load(content["model.safetensors"])
        self.rows: npt.NDArray[np.int8] = tensors["rows"]
        self.scale: npt.NDArray[np.float32] = tensors["scale"]
        self.pieces: WordPieces = WordPieces(content["tokenizer.json"].decode(), manifest["unknown_token"])


def damaged(path: Path) -> FailedPrecondition:
    """The error for a file of the package's data that is not what it should be."""
    return FailedPrecondition(
        f"{path} is missing, damaged or of another version: pip install --force-reinstall agentctx",
        field="embedder",
        path=str(path),
    )
