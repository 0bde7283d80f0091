"""When namespaces are put in order, and by whom: on demand by the caller, or in the background once it pays."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from time import monotonic
from typing import Final

from agentctx.errors import AgentctxError, FailedPrecondition
from agentctx.index.episodes import EpisodeIndex
from agentctx.memory.consolidation import consolidation, pays, steps
from agentctx.memory.duplicates import Merge
from agentctx.memory.tags import Tags
from agentctx.memory.topics import Embed
from agentctx.runtime.courtesy import Courtesy
from agentctx.runtime.housekeeping import Housekeeping
from agentctx.runtime.residency import Residency
from agentctx.types import Progress, TagEdit

_OFTEN: Final = 0.1  # seconds between two reports of the same phase


class Consolidator:
    """Consolidates namespaces, each once at a time. Thread-safe."""

    def __init__(
        self, residency: Residency, tags: Tags, embed: Embed, courtesy: Courtesy, housekeeping: Housekeeping, batch: int
    ) -> None:
        self._residency = residency
        self._tags = tags
        self._embed = embed
        self._courtesy = courtesy
        self._housekeeping = housekeeping
        self._batch = batch
        self._busy: set[str] = set()
        self._lock = threading.Lock()

    def run(self, namespace: str) -> Generator[Progress, None, None]:
        """Do it now; see `Memory.consolidate`."""
        with self._alone(namespace), closing(self._job(namespace)) as job:
            last, reported = None, 0.0
            for progress in self._courtesy.paced(job):
                now = monotonic()
                if last is None or progress.message != last.message or now - reported > _OFTEN:
                    reported = now
                    yield progress
                last = progress

    def consider(self, namespace: str, index: EpisodeIndex) -> None:
        """Have it done in the background if it pays by now. A fraction of a microsecond if not."""
        if pays(index) and namespace not in self._busy:
            self._housekeeping.submit(("consolidate", namespace), lambda: self._background(namespace))

    def _background(self, namespace: str) -> Generator[None, None, None]:
        with self._alone(namespace), closing(self._job(namespace)) as job:
            yield from steps(job)

    def _job(self, namespace: str) -> Generator[Progress, None, None]:
        return consolidation(self._residency, namespace, self._embed, self._tags.refreshing, self._merge)

    def _merge(self, namespace: str, merges: Sequence[Merge]) -> int:
        edits = [TagEdit("merge", one.tag, one.other) for one in merges]
        done = 0
        for first in range(0, len(edits), self._batch):
            some = edits[first : first + self._batch]
            done += len(some) if self._edited(namespace, some) else sum(self._edited(namespace, [e]) for e in some)
        return done

    def _edited(self, namespace: str, edits: Sequence[TagEdit]) -> bool:
        try:
            self._tags.edit(namespace, edits, "consolidation")
        except AgentctxError:
            return False  # a user was quicker and made something else of one of these tags
        return True

    @contextmanager
    def _alone(self, namespace: str) -> Iterator[None]:
        with self._lock:
            if namespace in self._busy:
                raise FailedPrecondition(f"{namespace!r} is being consolidated already", field="namespace")
            self._busy.add(namespace)
        try:
            yield
        finally:
            with self._lock:
                self._busy.discard(namespace)
