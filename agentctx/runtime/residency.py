"""The indexes in memory: one a namespace, loaded on first use, in step with the log, the coldest evicted.

An index is a function of the log, so nothing here is precious: an evicted or outdated index is built again from the
store. Every read compares the index with the store's head first, so that a write of another process is seen by the
very next search of this one.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from agentctx.errors import NotFound, RevisionNotReached
from agentctx.index.episodes import EpisodeIndex
from agentctx.store import Store
from agentctx.types import LogRecord, Revision

IndexFactory = Callable[[Revision], EpisodeIndex]


def no_such_namespace(namespace: str) -> NotFound:
    """The one answer for a namespace that does not exist or may not be seen."""
    return NotFound(f"no namespace {namespace!r}", field="namespace", namespace=namespace)


class _Slot:
    """A place for one namespace's index; its lock is held while the index is read or brought up to date."""

    __slots__ = ("index", "lock")

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.index: EpisodeIndex | None = None


class Residency:
    """Hands out indexes that are in step with the store's head. Thread-safe.

    `budget` bounds the episodes held by all indexes together; past it the least recently used ones are dropped.
    """

    def __init__(self, store: Store, make_index: IndexFactory, *, budget: int) -> None:
        self._store = store
        self._make_index = make_index
        self._budget = budget
        self._slots: OrderedDict[str, _Slot] = OrderedDict()
        self._lock = threading.Lock()

    @contextmanager
    def reading(self, namespace: str, min_revision: Revision | None = None) -> Iterator[EpisodeIndex]:
        """The namespace's index at the store's head, locked for the caller.

        Raises NotFound for an unknown namespace and RevisionNotReached when the head is behind `min_revision`.
        """
        slot = self._slot(namespace)
        with slot.lock:
            head = self.head(namespace, min_revision)
            index = slot.index
            if index is None or index.revision != head:
                index = self._catch_up(namespace, slot)
            yield index

    def head(self, namespace: str, min_revision: Revision | None = None) -> Revision:
        """The store's head of a namespace, checked against `min_revision`."""
        head = self._store.head(namespace)
        if head is None:
            self.drop(namespace)
            raise no_such_namespace(namespace)
        # A later epoch holds all that an earlier one kept, so it satisfies any revision of it.
        if min_revision is not None and head < min_revision:
            raise RevisionNotReached(
                f"this process sees revision {head}, behind {min_revision}; retry, or read where it was written",
                field="min_revision",
                revision=str(head),
            )
        return head

    def applied(self, namespace: str, records: Sequence[LogRecord]) -> None:
        """Take up records just written by this process, if the index is loaded and they come next."""
        with self._lock:
            slot = self._slots.get(namespace)
        if slot is None or not records:
            return
        with slot.lock:
            index = slot.index
            first = records[0].episode.revision
            if index is None or index.revision.epoch != first.epoch or index.revision.sequence != first.sequence - 1:
                return  # the next read catches up from the store
            self._apply(slot, index, records)

    def drop(self, namespace: str) -> None:
        """Forget one namespace's index."""
        with self._lock:
            self._slots.pop(namespace, None)

    def clear(self) -> None:
        """Forget every index."""
        with self._lock:
            self._slots.clear()

    def _slot(self, namespace: str) -> _Slot:
        with self._lock:
            slot = self._slots.get(namespace)
            if slot is None:
                slot = self._slots[namespace] = _Slot()
            else:
                self._slots.move_to_end(namespace)
            return slot

    def _catch_up(self, namespace: str, slot: _Slot) -> EpisodeIndex:
        index = slot.index
        revision, records = self._store.read_log(namespace, index.revision if index else None)
        if index is None or index.revision.epoch != revision.epoch:
            index = self._make_index(Revision(revision.epoch, 0))
        self._apply(slot, index, records)
        index.advance(revision)
        slot.index = index
        self._evict(keep=namespace)
        return index

    @staticmethod
    def _apply(slot: _Slot, index: EpisodeIndex, records: Sequence[LogRecord]) -> None:
        try:
            index.apply(records)
        except BaseException:
            slot.index = None  # it may hold half of them, and no record may be applied twice
            raise

    def _evict(self, keep: str) -> None:
        with self._lock:
            held = sum(len(slot.index) for slot in self._slots.values() if slot.index is not None)
            for name in list(self._slots):
                if held <= self._budget:
                    return
                if name != keep:
                    gone = self._slots.pop(name).index
                    held -= len(gone) if gone is not None else 0
