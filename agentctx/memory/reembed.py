"""Replacing the vectors of a whole store by those of another embedder, resumable at any point."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext

import numpy as np

from agentctx.embed import open_embedder
from agentctx.embed.base import Embedder
from agentctx.memory.units import embedded_text
from agentctx.store import Store
from agentctx.types import Progress

_BATCH = 256
_NOTHING = nullcontext()


def reembed(
    store: Store,
    spec: str,
    switched: Callable[[Embedder], None],
    switching: AbstractContextManager[object] = _NOTHING,
) -> Iterator[Progress]:
    """Embed what lacks a vector of `spec`, batch by batch, then switch the store over in one transaction.

    Each batch is kept, so that an interrupted run goes on where it stopped. Episodes that other processes add
    meanwhile are embedded before the switch. `switching` is held while the store is switched and `switched` called.
    Yields progress in episodes.
    """
    embedder = open_embedder(spec)
    kept = False
    try:
        key = embedder.identity.key
        done = 0
        missing = store.count_missing(key)
        yield Progress(0, missing, f"embedding with {spec}")
        while not kept:
            for _ in range(missing // _BATCH + 2):
                batch = store.vectors_missing(key, _BATCH)
                if not batch:
                    break
                vectors = embedder.embed([embedded_text(episode.content) for _, episode in batch])
                packed = vectors.astype(np.dtype("<f2"))
                store.put_vectors(
                    key, [(row, vector.tobytes()) for (row, _), vector in zip(batch, packed, strict=True)]
                )
                done += len(batch)
                yield Progress(done, max(done, missing))
            with switching:
                if store.embedder() == key or store.switch_embedder(key):
                    switched(embedder)
                    kept = True
        yield Progress(done, done, f"the store now uses {spec}")
    finally:
        if not kept:
            embedder.close()
