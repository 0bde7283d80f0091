"""What indexes need from time to time while they live: their growing ends folded in, and snapshots."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from functools import partial
from typing import Final

from agentctx.index.captured import Capture, capture
from agentctx.index.episodes import EpisodeIndex
from agentctx.index.lexical_fold import Fold
from agentctx.index.tag_postings import Fold as TagFold
from agentctx.index.tag_postings import TagPostings
from agentctx.runtime.hits import HitCache
from agentctx.runtime.housekeeping import Housekeeping
from agentctx.runtime.snapshots import Snapshots
from agentctx.types import Revision

Publish = Callable[[str, EpisodeIndex, Callable[[], None]], bool]
"""`Residency.publish`."""
Steps = Generator[None, None, None]

_WAITING: Final = 4  # evicted indexes that may wait to be written; more are let go, unless all are small:
_WAITING_BYTES: Final = 16 << 20  # up to so many bytes together


class Upkeep:
    """Looks after the indexes of an engine. Implements Keeper; thread-safe."""

    def __init__(self, housekeeping: Housekeeping, snapshots: Snapshots | None, hits: HitCache) -> None:
        self._housekeeping = housekeeping
        self._snapshots = snapshots
        self._hits = hits
        self._publish: Publish | None = None
        self._lock = threading.Lock()
        self._waiting = self._waiting_bytes = 0  # of evicted indexes; under the lock

    def serve(self, publish: Publish) -> None:
        """Where to publish what is made; said once, before the first index."""
        self._publish = publish

    def restoring(self, namespace: str, head: Revision) -> Generator[None, None, EpisodeIndex | None]:
        """Make the index as its snapshot has it, if there is a good one."""
        return None if self._snapshots is None else (yield from self._snapshots.restoring(namespace, head))

    def renewed(self, namespace: str) -> None:
        """Let go of what was kept of an earlier epoch."""
        self._hits.forget(namespace)
        if self._snapshots is not None:
            self._snapshots.forget(namespace)

    def grown(self, namespace: str, index: EpisodeIndex) -> None:
        """Have done in the background what has become due; without a background, what cannot wait is done now."""
        if not self._housekeeping.enabled:
            index.tidy()
            return
        if index.lexical.due:
            self._housekeeping.submit(("fold", namespace), lambda: self._folding(namespace, index))
        if index.late_timelines():
            self._housekeeping.submit(("timelines", namespace), lambda: self._folding_timelines(namespace, index))
        if index.tags.due:
            self._housekeeping.submit(("tags", namespace), lambda: self._folding_tags(namespace, index))
        if self._snapshots is not None and self._snapshots.due(index):
            self._housekeeping.submit(("snapshot", namespace), lambda: self._keeping(namespace, index))

    def evicted(self, namespace: str, index: EpisodeIndex) -> None:
        """Write an index that leaves memory, in the background, if that pays."""
        snapshots = self._snapshots
        if snapshots is None or not self._housekeeping.enabled or not snapshots.pays(index):
            return
        nbytes = index.nbytes
        if not self._wait(nbytes):
            return
        if not self._housekeeping.submit(("snapshot", namespace), lambda: self._keeping_last(namespace, index, nbytes)):
            self._waited(nbytes)

    def _wait(self, nbytes: int) -> bool:
        """Let one more evicted index wait, if there is room for it."""
        with self._lock:
            if self._waiting >= _WAITING and self._waiting_bytes + nbytes > _WAITING_BYTES:
                return False
            self._waiting += 1
            self._waiting_bytes += nbytes
            return True

    def _waited(self, nbytes: int) -> None:
        with self._lock:
            self._waiting -= 1
            self._waiting_bytes -= nbytes

    def _keeping(self, namespace: str, index: EpisodeIndex) -> Steps:
        """Write an index that is in use."""
        assert self._snapshots is not None
        if not self._snapshots.due(index):
            return
        if index.loose:  # what is tidy opens faster
            yield from self._folding(namespace, index, whole=True)
        captured: list[Capture] = []
        if self._under_lock(namespace, index, lambda: captured.append(capture(index))):
            yield from self._snapshots.writing(namespace, index, captured[0])

    def _keeping_last(self, namespace: str, index: EpisodeIndex, nbytes: int) -> Steps:
        """Write an index that nobody uses any more."""
        assert self._snapshots is not None
        try:
            if index.loose:
                fold = index.lexical.fold()
                yield from fold.steps()
                index.lexical.publish(fold)
            yield from self._snapshots.writing(namespace, index, capture(index))
        finally:
            self._waited(nbytes)

    def _folding(self, namespace: str, index: EpisodeIndex, *, whole: bool = False) -> Steps:
        """Make one segment of the lexical index and its tail beside both, and put it in their place."""
        begun: list[Fold] = []

        def begin() -> None:
            if index.lexical.due or (whole and index.loose):
                begun.append(index.lexical.fold())

        if not self._under_lock(namespace, index, begin) or not begun:
            return
        (fold,) = begun
        done: list[bool] = []

        def swap() -> None:
            index.lexical.publish(fold)
            done.append(True)

        try:
            yield from fold.steps()
            self._under_lock(namespace, index, swap)
        finally:
            if not done:
                index.lexical.abandon()

    def _folding_tags(self, namespace: str, index: EpisodeIndex) -> Steps:
        """Fold what tags were found since into the rest: the first and the last step under the lock."""
        tags, words = index.tags, index.tags.words
        begun: list[tuple[TagPostings, Generator[None, None, TagFold]]] = []
        if not self._under_lock(namespace, index, lambda: begun.extend(tags.folds())):
            return
        done: list[tuple[TagPostings, TagFold]] = []
        for postings, fold in begun:
            done.append((postings, (yield from fold)))
        self._under_lock(namespace, index, lambda: tags.take(words, done))

    def _folding_timelines(self, namespace: str, index: EpisodeIndex) -> Steps:
        """Sort what came late into the rest: the first and the last step of each under the lock."""
        for times in index.late_timelines():
            steps = times.fold()
            if not self._under_lock(namespace, index, partial(next, steps, None)):
                return
            next(steps, None)
            yield
            self._under_lock(namespace, index, partial(next, steps, None))
            yield

    def _under_lock(self, namespace: str, index: EpisodeIndex, work: Callable[[], None]) -> bool:
        """Do something to an index that is in use; False: it is not any more."""
        assert self._publish is not None
        return self._publish(namespace, index, work)
