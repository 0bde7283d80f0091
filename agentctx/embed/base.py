"""What an embedder is, and the two rules that all share: which texts they take, and how vectors are normalised.

Implementations: `static`, `sentence_transformers`, `openai`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from agentctx.errors import InvalidArgument

Vectors = npt.NDArray[np.float32]
TextKind = Literal["document", "query"]


@dataclass(frozen=True, slots=True)
class EmbedderIdentity:
    """Tells vectors of different embedders apart; a store records it and refuses another one.

    `spec` is the text that opens the embedder (`static`, `sentence-transformers:NAME`, `openai:MODEL@URL`);
    `fingerprint` is derived from the weights where they are at hand, else from the spec.
    """

    spec: str
    dimensions: int
    fingerprint: str

    @property
    def key(self) -> str:
        """One line that identifies the producer of a vector."""
        return f"{self.spec}#{self.dimensions}#{self.fingerprint}"


class Embedder(Protocol):
    """Turns texts into vectors. Thread-safe; deterministic for the same weights."""

    @property
    def identity(self) -> EmbedderIdentity:
        """Who makes these vectors."""
        ...

    def embed(self, texts: Sequence[str], kind: TextKind = "document", timeout: float | None = None) -> Vectors:
        """L2-normalised float32 rows, one a text. A blank text, or one without any known token, gets zeros: no signal.

        A text longer than the embedder reads is described by its beginning. Raises InvalidArgument for anything that
        is not a sequence of str, or that a remote endpoint refuses; Unavailable when that endpoint fails, and
        DeadlineExceeded when it does not answer within `timeout` seconds (a local embedder does not look at it).
        """
        ...

    def close(self) -> None:
        """Release connections and memory; embedding afterwards is an error."""
        ...


def check_texts(texts: Sequence[str], kind: TextKind) -> list[str]:
    """`texts` as a list of valid Unicode; InvalidArgument, naming the place, for anything but texts."""
    if type(texts) is not list and (isinstance(texts, str | bytes) or not isinstance(texts, Sequence)):
        raise InvalidArgument(f"texts must be a list of texts, not {type(texts).__name__}", field="texts")
    if kind not in ("document", "query"):
        raise InvalidArgument(f"kind is 'document' or 'query', not {kind!r}", field="kind")
    for i, text in enumerate(texts):
        if not isinstance(text, str):
            raise InvalidArgument(f"texts[{i}] must be a str, not {type(text).__name__}", field=f"texts[{i}]")
    # A lone surrogate is a str that no tokenizer and no JSON body can carry.
    return [text if text.isascii() else text.encode("utf-8", "replace").decode() for text in texts]


def normalise(rows: Vectors) -> Vectors:
    """Scale each row to length 1, in place; a row of zeros stays as it is."""
    lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows))
    lengths[lengths == 0] = 1
    rows /= lengths[:, None]
    return rows
