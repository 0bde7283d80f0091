"""The indexes of one engine, with everything that keeps them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from agentctx.config import IndexSettings
from agentctx.errors import NotFound
from agentctx.runtime.courtesy import Courtesy
from agentctx.runtime.hits import HitCache
from agentctx.runtime.housekeeping import Housekeeping
from agentctx.runtime.residency import IndexFactory, Residency
from agentctx.runtime.snapshots import Snapshots
from agentctx.runtime.upkeep import Upkeep
from agentctx.store import Store

_HITS: Final = 32 << 20  # bytes of episodes that were shown lately


class Indexes:
    """Residency, the cache of hits, snapshots and the thread in the background, put together. Thread-safe."""

    def __init__(self, store: Store, make_index: IndexFactory, settings: IndexSettings) -> None:
        self.courtesy = Courtesy()
        self.housekeeping = Housekeeping(self.courtesy, enabled=settings.housekeeping)
        self.snapshots = Snapshots(store, make_index, self.housekeeping) if settings.snapshots else None
        self.hits = HitCache(store, min(_HITS, settings.memory_bytes // 16))
        upkeep = Upkeep(self.housekeeping, self.snapshots, self.hits)
        self.residency = Residency(store, make_index, budget=settings.memory_bytes, keeper=upkeep)
        upkeep.serve(self.residency.publish)

    @property
    def problems(self) -> tuple[str, ...]:
        """What works less well than it should."""
        return (self.snapshots.problem,) if self.snapshots is not None and self.snapshots.problem else ()

    @contextmanager
    def purging(self, namespace: str) -> Iterator[None]:
        """Within it something is removed for good: afterwards nothing here holds any of it, however it ended."""
        try:
            yield
        except NotFound:
            raise  # nothing was there to remove
        except BaseException:
            self._forget(namespace)
            raise
        self._forget(namespace)

    def _forget(self, namespace: str) -> None:
        self.residency.drop(namespace)
        self.hits.forget(namespace)
        if self.snapshots is not None:
            self.snapshots.forget(namespace)

    def start_anew(self) -> None:
        """Everything that is held is void."""
        self.residency.clear()
        self.hits.clear()
        if self.snapshots is not None:
            self.snapshots.clear()

    def close(self) -> None:
        """End the work in the background, and write what is worth it."""
        self.housekeeping.close()
        self.residency.clear(None if self.snapshots is None else self.snapshots.save)
        self.hits.clear()
