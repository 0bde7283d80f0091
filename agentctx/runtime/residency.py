"""The indexes in memory: one a namespace, loaded on first use, in step with the log, the coldest evicted.

An index is a function of the log, so nothing here is precious: an evicted or outdated index is made again from its
snapshot and the log. Every read compares the index with the store's head first, so that a write of another process is
seen by the very next search of this one.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from typing import Final, Protocol

from agentctx.errors import DeadlineExceeded, NotFound, RevisionNotReached
from agentctx.index.analyzed import Analyzed, analyze_records
from agentctx.index.episodes import EpisodeIndex
from agentctx.runtime.courtesy import Courtesy
from agentctx.runtime.slots import Reading, Slot
from agentctx.runtime.taking_up import Steps, taking_up
from agentctx.store import Store
from agentctx.types import LogRecord, Revision

IndexFactory = Callable[[Revision], EpisodeIndex]

_CHUNK: Final = 1024  # records of the log that are read and in memory at once while an index is made
_PATIENCE: Final = 0.02  # seconds that a reader leaves to a writer of this process to take up what it has just written


def no_such_namespace(namespace: str) -> NotFound:
    """The one answer for a namespace that does not exist or may not be seen."""
    return NotFound(f"no namespace {namespace!r}", field="namespace", namespace=namespace)


def _too_late() -> DeadlineExceeded:
    return DeadlineExceeded("the namespace's index was not ready in the time allowed; it goes on with the next search")


class Keeper(Protocol):
    """Keeps indexes beyond their time in memory. Every method may do nothing; none of them fails."""

    def restoring(self, namespace: str, head: Revision) -> Generator[None, None, EpisodeIndex | None]:
        """Make an index of the namespace at `head` or before, in the same epoch, in small steps."""
        ...

    def renewed(self, namespace: str) -> None:
        """The namespace has begun another epoch: what is kept of an earlier one is void, and may have been purged."""
        ...

    def grown(self, namespace: str, index: EpisodeIndex) -> None:
        """The index, whose lock is held, has taken up records. It may not take long."""
        ...

    def evicted(self, namespace: str, index: EpisodeIndex) -> None:
        """Nobody uses the index any more. It may not take long."""
        ...


class Residency:
    """Hands out indexes that are in step with the store's head. Thread-safe.

    `budget` bounds the bytes held by all indexes together; past it the least recently used ones are dropped. The one
    that is being used stays, however large it is.
    """

    def __init__(
        self,
        store: Store,
        make_index: IndexFactory,
        *,
        budget: int,
        keeper: Keeper | None = None,
        courtesy: Courtesy | None = None,
    ) -> None:
        self._store = store
        self._courtesy = courtesy or Courtesy()
        self._make_index = make_index
        self._budget = budget
        self._keeper = keeper
        self._slots: OrderedDict[str, Slot] = OrderedDict()
        self._held = 0
        self._lock = threading.Lock()

    @property
    def nbytes(self) -> int:
        """Bytes held by all indexes, as last counted."""
        return self._held

    def reading(
        self,
        namespace: str,
        min_revision: Revision | None = None,
        acquired: Callable[[], object] = lambda: None,
        timeout: float | None = None,
    ) -> AbstractContextManager[EpisodeIndex]:
        """The namespace's index at the store's head, locked for the caller.

        acquired: called once the lock is there, and again if it had to be left once more to a writer.
        Raises NotFound for an unknown namespace, RevisionNotReached when the head is behind `min_revision`, and
        DeadlineExceeded when `timeout` seconds were not enough; what was loaded by then is kept for the next one.
        """
        return Reading(lambda: self._take(namespace, min_revision, acquired, timeout))

    def _take(
        self,
        namespace: str,
        min_revision: Revision | None,
        acquired: Callable[[], object],
        timeout: float | None,
    ) -> tuple[Slot, EpisodeIndex]:
        """A namespace's slot, locked, with an index at the store's head."""
        deadline = None if timeout is None else time.monotonic() + timeout
        patient_until = time.monotonic() + _PATIENCE
        wanted: Revision | None = None
        while True:
            slot = self._slot(namespace)
            if not self._acquire(slot, deadline):
                raise _too_late()
            taken = False
            try:
                if slot.retired:
                    continue
                acquired()
                head = self.head(namespace, min_revision)
                index = slot.index
                if index is not None and index.revision == head:
                    taken = True
                    return slot, index
                wanted = wanted or head  # what comes while it waits need not be seen
                behind = index is None or index.revision.epoch != head.epoch or index.revision < wanted
                patience = (patient_until if deadline is None else min(patient_until, deadline)) - time.monotonic()
                writers, told = slot.writers, slot.writers.told
                if not (behind and index is not None and writers.count and patience > 0):
                    found = self._catch_up(namespace, slot, head, deadline) if behind or index is None else index
                    taken = True
                    return slot, found
            finally:
                if not taken:
                    slot.lock.release()
            # Who wrote has analysed it already, and takes it up faster than it is read from the store.
            writers.wait(told, patience)

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

    @contextmanager
    def writing(
        self, namespace: str, analyzed: Iterable[tuple[str, Analyzed]] = ()
    ) -> Iterator[Callable[[Sequence[LogRecord]], object]]:
        """Around a write of this process to the store; what it gives is to be called with the records, once durable.

        analyzed: texts of episodes that are to be added, and what they say; gone through at once, while there is
        nothing yet to wait for, if the namespace's index is loaded.
        """
        with self._lock:
            slot = self._slots.get(namespace)
        if slot is None or slot.index is None:
            yield lambda records: None  # the first read takes it from the store
            return
        known = dict(analyzed)
        with slot.writers:
            yield lambda records: self._applied(namespace, slot, records, known)

    def _applied(self, namespace: str, slot: Slot, records: Sequence[LogRecord], known: Mapping[str, Analyzed]) -> None:
        """Take up records just written by this process, if they come next."""
        if not records:
            return
        analyzed = analyze_records(records, known)
        first = records[0].episode.revision
        with slot.lock:
            index = slot.index
            if index is None or index.revision.epoch != first.epoch or index.revision.sequence != first.sequence - 1:
                return  # the next read catches up from the store
            with self._whole(slot):
                index.apply(records, analyzed)
            self._count(namespace, slot)

    def publish(self, namespace: str, index: EpisodeIndex, swap: Callable[[], object]) -> bool:
        """Run `swap` on an index that was looked up before, locked, if it is still the one in use."""
        with self._lock:
            slot = self._slots.get(namespace)
        if slot is None:
            return False
        with slot.lock:
            if slot.index is not index:
                return False
            with self._whole(slot):
                swap()
            self._count(namespace, slot)
            return True

    def peek(self, namespace: str) -> EpisodeIndex | None:
        """The index of a namespace if it is in memory; not locked, perhaps behind: for a look at what it has done."""
        slot = self._slots.get(namespace)
        return None if slot is None else slot.index

    def drop(self, namespace: str) -> None:
        """Forget one namespace's index."""
        with self._lock:
            slot = self._slots.pop(namespace, None)
            if slot is not None:
                self._retire(slot)

    def clear(self, last: Callable[[str, EpisodeIndex], None] | None = None) -> None:
        """Forget every index; `last` is called with each one before, locked."""
        with self._lock:
            slots = list(self._slots.items())
            self._slots.clear()
            for _, slot in slots:
                self._retire(slot)
        if last is None:
            return
        for namespace, slot in slots:
            with slot.lock:
                if slot.index is not None:
                    last(namespace, slot.index)

    # --- slots --------------------------------------------------------------------------------------------------------

    def _slot(self, namespace: str) -> Slot:
        with self._lock:
            slot = self._slots.get(namespace)
            if slot is None:
                slot = self._slots[namespace] = Slot()
            else:
                self._slots.move_to_end(namespace)
            return slot

    def _acquire(self, slot: Slot, deadline: float | None) -> bool:
        """Lock a slot; False: there is no time left to wait for it."""
        if slot.lock.acquire(blocking=False):
            return True
        with self._courtesy.standing_back():  # who loads it must not wait for those who wait for it
            return slot.lock.acquire(timeout=-1 if deadline is None else max(deadline - time.monotonic(), 0))

    def _retire(self, slot: Slot) -> None:
        slot.retired = True
        self._held -= slot.nbytes
        slot.nbytes = 0

    def _catch_up(self, namespace: str, slot: Slot, head: Revision, deadline: float | None) -> EpisodeIndex:
        with closing(self._loading(namespace, slot, head, deadline)) as steps:
            self._courtesy.loading(steps, deadline)
        index = slot.index
        assert index is not None
        self._count(namespace, slot)
        return index

    def _loading(self, namespace: str, slot: Slot, head: Revision, deadline: float | None) -> Steps:
        """Bring a slot's index up to the head, in small steps."""
        index = slot.index
        if index is None and self._keeper is not None:
            index = yield from self._keeper.restoring(namespace, head)
        while index is None or index.revision.epoch != head.epoch or index.revision.sequence < head.sequence:
            revision, records = self._store.read_log(namespace, index.revision if index else None, limit=_CHUNK)
            yield
            if index is None or index.revision.epoch != revision.epoch:
                if index is not None and self._keeper is not None:
                    self._keeper.renewed(namespace)
                index = self._make_index(Revision(revision.epoch, 0))
            if revision.epoch != head.epoch:
                head = self.head(namespace)
            tags = self._store.read_tags(namespace, index.revision.sequence, revision)
            with self._whole(slot):
                yield from taking_up(index, records, tags)
                index.advance(revision)
                if len(records) == _CHUNK:
                    index.tidy()  # long logs are worked off whole, not left to housekeeping
            slot.index = index
            if deadline is not None and time.monotonic() > deadline:
                self._count(namespace, slot)
                raise _too_late()
        slot.index = index

    @staticmethod
    @contextmanager
    def _whole(slot: Slot) -> Iterator[None]:
        try:
            yield
        except BaseException:
            slot.index = None  # it may hold half of the records, and no record may be applied twice
            raise

    def _count(self, namespace: str, slot: Slot) -> None:
        """An index has grown: count it, and make room."""
        index = slot.index
        assert index is not None
        nbytes = index.nbytes
        with self._lock:
            if slot.retired:
                return
            self._held += nbytes - slot.nbytes
            slot.nbytes = nbytes
            gone = self._evict(slot) if self._held > self._budget else []
        if self._keeper is not None:
            self._keeper.grown(namespace, index)
            for name, one in gone:
                self._keeper.evicted(name, one)

    def _evict(self, keep: Slot) -> list[tuple[str, EpisodeIndex]]:
        gone: list[tuple[str, EpisodeIndex]] = []
        for name, slot in list(self._slots.items()):
            if self._held <= self._budget:
                break
            if slot is keep or not slot.lock.acquire(blocking=False):
                continue  # in use: it is not the coldest after all
            try:
                del self._slots[name]
                self._retire(slot)
                if slot.index is not None:
                    gone.append((name, slot.index))
                    slot.index = None
            finally:
                slot.lock.release()
        return gone
