"""Tagging by a language model, as settings have it: behind the writes, and of a whole namespace at once."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from agentctx.config import Settings
from agentctx.errors import InvalidArgument
from agentctx.memory import validate
from agentctx.memory.tagging.background import BATCH, TIMEOUT, TaggingQueue
from agentctx.runtime.residency import no_such_namespace
from agentctx.store import Store
from agentctx.types import LogRecord, Progress

if TYPE_CHECKING:
    from agentctx.memory.tagging.llm import LlmTagger


class Tagging:
    """What `Memory` has to do with taggers. Thread-safe."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._settings = settings
        self._queue = TaggingQueue(store, self._model()) if settings.tags.tagger == "llm" else None

    def added(self, namespace: str, records: Sequence[LogRecord]) -> None:
        """Have what was written tagged by the model, if settings name one. Returns at once."""
        if self._queue is not None:
            self._queue.put(namespace, records)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until all that was added is tagged; False if that took longer than `timeout` seconds."""
        return self._queue is None or self._queue.wait(timeout)

    def retag(self, namespace: str, tagger: object) -> Iterator[Progress]:
        """See `Memory.retag`."""
        chosen = validate.text(tagger, "tagger", 64) or self._settings.tags.tagger
        if chosen not in ("rules", "llm"):
            raise InvalidArgument("tagger is rules or llm", field="tagger")
        if self._store.head(namespace) is None:
            raise no_such_namespace(namespace)
        if chosen == "rules":
            return retag_by_rules(self._store, namespace)
        return self._retag_by_model(namespace)

    def close(self) -> None:
        """Stop after the batch under way."""
        if self._queue is not None:
            self._queue.close()

    def _retag_by_model(self, namespace: str) -> Iterator[Progress]:
        model = self._model()
        try:
            yield from retag_by_model(self._store, namespace, model)
        finally:
            model.close()

    def _model(self) -> LlmTagger:
        from agentctx.llm import open_chat  # noqa: PLC0415 - few need a model, and its HTTP client takes 60 ms to load
        from agentctx.memory.tagging.llm import LlmTagger  # noqa: PLC0415

        return LlmTagger(open_chat(self._settings.llm, os.environ))


def retag_by_rules(store: Store, namespace: str) -> Iterator[Progress]:
    """Take back what language models said of a namespace: the index tags by rules anyway."""
    done = 0
    yield Progress(0, None, "back to the rules")
    while rows := store.rows_tagged(namespace):
        store.put_tags(namespace, "rules", [(row, (), ()) for row in rows])
        done += len(rows)
        yield Progress(done, None)
    yield Progress(done, done, "tags come from the rules")


def retag_by_model(store: Store, namespace: str, tagger: LlmTagger) -> Iterator[Progress]:
    """Ask a language model about every episode that it has said nothing of."""
    missing = store.count_untagged(namespace, tagger.producer)
    yield Progress(0, missing, f"tagging with {tagger.producer}")
    done = after = 0
    while batch := store.untagged(namespace, tagger.producer, BATCH, after):
        found = tagger.ask([episode.content for _, episode in batch], TIMEOUT)
        items = [(batch[place][0], tagging.tags, tagging.relations) for place, tagging in sorted(found.items())]
        if items:
            store.put_tags(namespace, tagger.producer, items)
        done, after = done + len(batch), batch[-1][0]
        yield Progress(done, max(done, missing))
    yield Progress(done, done, f"tagged with {tagger.producer}")
