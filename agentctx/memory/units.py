"""What an episode says to each kind of evidence."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from agentctx.embed import Embedder
from agentctx.index.blas import one_thread
from agentctx.types import NewEpisode


def embedded_text(content: str) -> str:
    """The text that is embedded: the content alone. The speaker in front was no gain to the whole score."""
    return content


def vectors_of(embedder: Embedder, episodes: Sequence[NewEpisode]) -> list[bytes]:
    """The vectors of episodes as they are stored: 16 bit floats, little-endian."""
    with one_thread():
        vectors = embedder.embed([embedded_text(one.content) for one in episodes])
    return [row.tobytes() for row in vectors.astype(np.dtype("<f2"))]
