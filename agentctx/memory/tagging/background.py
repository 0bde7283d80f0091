"""Tagging by a language model behind the writes: in a thread of its own, in nobody's way."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Sequence
from typing import Final

from agentctx.errors import AgentctxError, NotFound
from agentctx.memory.tagging.base import Tagger
from agentctx.store import Store
from agentctx.types import LogRecord

BATCH: Final = 8
_WAITING: Final = 10_000  # episodes; what comes beyond them waits for a `retag`
TIMEOUT: Final = 120.0
_log = logging.getLogger(__name__)


class TaggingQueue:
    """Tags what was added, in the order it was. What is lost with the process, or failed, a `retag` finds again."""

    def __init__(self, store: Store, tagger: Tagger) -> None:
        self._store = store
        self._tagger = tagger
        self._waiting: deque[tuple[str, int, str]] = deque()
        self._changed = threading.Condition()
        self._busy = False
        self._closed = False
        self._thread: threading.Thread | None = None

    def put(self, namespace: str, records: Sequence[LogRecord]) -> None:
        """Take up the adds among some records. Returns at once."""
        with self._changed:
            for record in records:
                if record.kind == "add" and len(self._waiting) < _WAITING:
                    self._waiting.append((namespace, record.row, record.episode.content))
            if self._thread is None and not self._closed:
                self._thread = threading.Thread(target=self._run, name="agentctx-tagging", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until everything that was put is done; False if that took longer than `timeout` seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._waiting and not self._busy, timeout)

    def close(self) -> None:
        """Stop after the batch under way, and close the tagger."""
        with self._changed:
            self._closed = True
            self._waiting.clear()
            self._changed.notify_all()
        self._tagger.close()  # ends a request that is waiting
        if self._thread is not None:
            self._thread.join(timeout=5)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._busy = False
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._waiting or self._closed)
                if self._closed:
                    return
                self._busy = True
                namespace = self._waiting[0][0]
                batch: list[tuple[int, str]] = []
                while self._waiting and len(batch) < BATCH and self._waiting[0][0] == namespace:
                    _, row, content = self._waiting.popleft()
                    batch.append((row, content))
            try:
                self._tag(namespace, batch)
            except NotFound:
                continue  # the namespace is gone
            except AgentctxError as error:
                _log.warning("the tags of %d episodes were not stored: %s", len(batch), error.message)
            except Exception:
                if not self._closed:
                    _log.exception("tagging failed")

    def _tag(self, namespace: str, batch: Sequence[tuple[int, str]]) -> None:
        taggings = self._tagger.tag([content for _, content in batch], TIMEOUT)
        items = [
            (row, tagging.tags, tagging.relations)
            for (row, _), tagging in zip(batch, taggings, strict=True)
            if tagging.producer == self._tagger.producer
        ]
        if items and not self._closed:
            self._store.put_tags(namespace, self._tagger.producer, items)
