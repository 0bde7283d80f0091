"""The indexes of one engine, with everything that keeps them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from agentctx.config import IndexSettings
from agentctx.errors import AgentctxError, NotFound, Unavailable
from agentctx.index.analyzed import analyze_text
from agentctx.runtime.courtesy import Courtesy
from agentctx.runtime.hits import HitCache
from agentctx.runtime.housekeeping import Housekeeping
from agentctx.runtime.residency import IndexFactory, Residency
from agentctx.runtime.snapshots import Snapshots
from agentctx.runtime.upkeep import Upkeep
from agentctx.store import Store
from agentctx.types import LogRecord

_HITS: Final = 32 << 20  # bytes of episodes that were shown lately


class Indexes:
    """Residency, the cache of hits, snapshots and the thread in the background, put together. Thread-safe."""

    def __init__(self, store: Store, make_index: IndexFactory, settings: IndexSettings) -> None:
        self.courtesy = Courtesy()
        self.housekeeping = Housekeeping(self.courtesy, enabled=settings.housekeeping)
        self._kept = Snapshots(store, make_index, self.housekeeping)  # those of earlier settings have to go, too
        self.snapshots = self._kept if settings.snapshots else None
        self.hits = HitCache(store, min(_HITS, settings.memory_bytes // 16))
        upkeep = Upkeep(self.housekeeping, self.snapshots, self.hits)
        self.residency = Residency(
            store, make_index, budget=settings.memory_bytes, keeper=upkeep, courtesy=self.courtesy
        )
        upkeep.serve(self.residency.publish)

    @property
    def problems(self) -> tuple[str, ...]:
        """What works less well than it should."""
        return tuple(problem for problem in (self._kept.problem, self._kept.left) if problem)

    @contextmanager
    def purging(self, namespace: str) -> Iterator[None]:
        """Within it something is removed for good: afterwards nothing here holds any of it, however it ended.

        Raises Unavailable with `details["purged"]` where it is removed but for a snapshot that cannot be.
        """
        try:
            yield
        except NotFound:
            raise  # nothing was there to remove
        except AgentctxError as error:
            self._forget(namespace)
            if "purged" in error.details and (left := self._kept.left_of(namespace)):
                raise type(error)(f"{error.message}; and {left}", **error.details) from error
            raise
        except BaseException:
            self._forget(namespace)
            raise
        self._forget(namespace)
        if left := self._kept.left_of(namespace):
            message = f"purged from the store, but {left}; mend that, and any write or opening removes them"
            raise Unavailable(message, purged="true")

    def _forget(self, namespace: str) -> None:
        self.residency.drop(namespace)
        self.hits.forget(namespace)
        self._kept.forget(namespace)

    @contextmanager
    def writing(self, namespace: str, texts: Sequence[str] = ()) -> Iterator[Callable[[Sequence[LogRecord]], object]]:
        """Around a write to the store; call what it gives with what was written, to bring what is held up to it.

        texts: of the episodes that are to be added. To analyse many of them gives way to searches, for a while.
        """
        analyzed = self.courtesy.paced((text, analyze_text(text)) for text in texts)
        with self.residency.writing(namespace, analyzed) as take_up:
            yield take_up
        self._kept.written()

    def start_anew(self) -> None:
        """Everything that is held is void."""
        self.residency.clear()
        self.hits.clear()
        self._kept.clear()

    def close(self) -> None:
        """End the work in the background, and write what is worth it."""
        self.housekeeping.close()
        self.residency.clear(None if self.snapshots is None else self.snapshots.save)
        self.hits.clear()
        self._kept.finish()
