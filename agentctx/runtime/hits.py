"""The episodes behind the rows that a search found: from a small cache, or from the store."""

from __future__ import annotations

import sys
import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from agentctx.index.episodes import Place
from agentctx.store import Store
from agentctx.types import Episode, Revision

_EPISODE: Final = 1500  # bytes of an episode's values besides its texts

_Key = tuple[int, int, int]  # epoch, row, the last change's number


class HitCache:
    """The episodes shown last, of all namespaces, at most `budget` bytes of them. Thread-safe.

    An entry serves whoever knows the row in the very state that was kept: the last change's number is part of the key.
    """

    def __init__(self, store: Store, budget: int) -> None:
        self._store = store
        self._budget = budget
        self._held = 0
        self._forgotten = 0  # how often something was
        self._lock = threading.Lock()
        self._kept: OrderedDict[_Key, tuple[Episode, int]] = OrderedDict()

    @property
    def nbytes(self) -> int:
        """Bytes held, roughly."""
        return self._held

    def episodes(
        self, namespace: str, places: Sequence[Place], revision: Revision, as_of: datetime | None = None
    ) -> list[Episode] | None:
        """The episodes of `places`, in their order, as they were at `revision`, or known at `as_of` by then.

        None: they are not all there any more, as something was purged meanwhile.
        """
        known: dict[int, Episode] = {}
        missing: dict[int, _Key] = {}
        before: list[int] = []
        epoch = revision.epoch
        with self._lock:
            forgotten, kept = self._forgotten, self._kept
            for row, changed, earlier in places:
                if earlier:
                    before.append(row)
                    continue
                key = epoch, row, changed
                entry = kept.get(key)
                if entry is None:
                    missing[row] = key
                else:
                    kept.move_to_end(key)
                    known[row] = entry[0]
        if missing:
            rows = list(missing)
            found = self._store.episodes_at(namespace, rows, revision)
            if found is None:
                return None
            known.update(zip(rows, found, strict=True))
            self._keep(missing.values(), found, forgotten)
        if before:
            found = self._store.episodes_at(namespace, before, revision, as_of)
            if found is None:
                return None
            known.update(zip(before, found, strict=True))
        return [known[place.row] for place in places]

    def forget(self, namespace: str) -> None:
        """Let go of a namespace's episodes, as something was purged. O(entries)."""
        with self._lock:
            self._forgotten += 1
            for key in [key for key, (episode, _) in self._kept.items() if episode.namespace == namespace]:
                self._held -= self._kept.pop(key)[1]

    def clear(self) -> None:
        """Let go of everything."""
        with self._lock:
            self._forgotten += 1
            self._kept.clear()
            self._held = 0

    def _keep(self, keys: Iterable[_Key], episodes: Sequence[Episode], forgotten: int) -> None:
        with self._lock:
            if forgotten != self._forgotten:
                return  # it was read before a purge, perhaps
            kept, most = self._kept, self._budget // 4
            for key, episode in zip(keys, episodes, strict=True):
                if episode.revision.sequence != key[2] or key in kept:
                    continue
                size = _size(episode)
                if size <= most:
                    kept[key] = episode, size
                    self._held += size
            while self._held > self._budget:
                self._held -= kept.popitem(last=False)[1][1]


def _size(episode: Episode) -> int:
    size = _EPISODE + sys.getsizeof(episode.content)
    if episode.metadata:
        size += 8 * len(str(episode.metadata))
    if episode.tags:
        size += sum(60 + 2 * len(tag) for tag in episode.tags)
    return size
