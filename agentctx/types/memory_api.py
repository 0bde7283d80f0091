"""The memory service as a Protocol: the engine, and each client, provides it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Protocol, Unpack

from agentctx.types.common import Progress
from agentctx.types.episodes import Episode, NewEpisode, Revision
from agentctx.types.memory import (
    AddResult,
    Change,
    EpisodePage,
    ImportResult,
    ItemResult,
    ListOptions,
    NamespacePage,
    SearchOptions,
    SearchResult,
    UpdateOptions,
)
from agentctx.types.tags import TagEdit, TagPage


class MemoryAPI(Protocol):
    """The memory service as every face of agentctx offers it: the embedded engine and the sync client.

    Thread-safe. Every method may raise InvalidArgument (naming the field), Unavailable, and over the wire also
    Unauthenticated, ResourceExhausted and DeadlineExceeded; methods that name a namespace or an id raise NotFound.
    """

    def add(
        self,
        namespace: str,
        episodes: str | NewEpisode | Sequence[str | NewEpisode],
        *,
        request_id: str = "",
    ) -> AddResult:
        """Store one or many episodes in one transaction: all of them, durable and searchable, or none."""
        ...

    def bulk_add(self, namespace: str, episodes: Iterable[NewEpisode]) -> Iterator[ItemResult]:
        """Store a stream of episodes in batches; yields a result per item, in order. A bad item costs only itself."""
        ...

    def get(self, namespace: str, id: str, *, as_of: datetime | None = None) -> Episode:
        """One episode as it is now, or as the store knew it at `as_of`."""
        ...

    def list(self, namespace: str, **options: Unpack[ListOptions]) -> EpisodePage:
        """One page of episodes in the order they were recorded, unranked."""
        ...

    def search(self, namespace: str, query: str, **options: Unpack[SearchOptions]) -> SearchResult:
        """The `k` episodes that bear most on `query`, best first."""
        ...

    def update(self, namespace: str, id: str, **changes: Unpack[UpdateOptions]) -> Episode:
        """Change metadata, tags, validity or expiry; content never changes. Returns the episode afterwards."""
        ...

    def delete(self, namespace: str, ids: str | Sequence[str]) -> Revision:
        """Hide episodes from now on; they are still there `as_of` an earlier time. All of `ids`, or none."""
        ...

    def purge(self, namespace: str, ids: str | Sequence[str]) -> Revision:
        """Remove episodes for good, deleted ones too: rows, history, vectors, indexes, log. Starts a new epoch."""
        ...

    def history(self, namespace: str, id: str) -> tuple[Change, ...]:
        """Every change of an episode, oldest first."""
        ...

    def list_namespaces(self, *, prefix: str = "", page_size: int = 100, page_token: str = "") -> NamespacePage:
        """One page of the namespaces at or below the path `prefix` (whole segments)."""
        ...

    def delete_namespace(self, namespace: str) -> None:
        """Remove a namespace and all that is in it, for good."""
        ...

    def export(self, namespace: str, *, live_only: bool = False) -> Iterator[str]:
        """The namespace's log as JSON lines, a header first. `live_only` leaves out deleted episodes and history."""
        ...

    def import_(self, namespace: str, lines: Iterable[str]) -> ImportResult:
        """Apply exported JSON lines. Records already there are skipped, so that a broken import can be run again."""
        ...

    def reembed(self, embedder: str) -> Iterator[Progress]:
        """Give every episode of the store a vector of another embedder, then switch to it. Resumes where it stopped."""
        ...

    def consolidate(self, namespace: str) -> Iterator[Progress]:
        """Put a namespace in order: merge tags that say the same, lay vectors of one topic side by side."""
        ...

    def list_tags(
        self, namespace: str, *, under: str = "", prefix: str = "", page_size: int = 100, page_token: str = ""
    ) -> TagPage:
        """One page of the namespace's tags, or of a tag `under` and those below it: most episodes first."""
        ...

    def edit_tags(self, namespace: str, edits: TagEdit | Sequence[TagEdit]) -> Revision:
        """Rename, merge, link, add, delete and restore tags, in order: all of the edits or none."""
        ...

    def retag(self, namespace: str, tagger: str = "") -> Iterator[Progress]:
        """Tag every episode of a namespace anew, by `rules` or by `llm`. Resumes where it stopped."""
        ...


class AsyncMemoryAPI(Protocol):
    """The asyncio twin of MemoryAPI: the same methods, results and errors."""

    async def add(
        self,
        namespace: str,
        episodes: str | NewEpisode | Sequence[str | NewEpisode],
        *,
        request_id: str = "",
    ) -> AddResult: ...

    def bulk_add(
        self, namespace: str, episodes: Iterable[NewEpisode] | AsyncIterator[NewEpisode]
    ) -> AsyncIterator[ItemResult]: ...

    async def get(self, namespace: str, id: str, *, as_of: datetime | None = None) -> Episode: ...

    async def list(self, namespace: str, **options: Unpack[ListOptions]) -> EpisodePage: ...

    async def search(self, namespace: str, query: str, **options: Unpack[SearchOptions]) -> SearchResult: ...

    async def update(self, namespace: str, id: str, **changes: Unpack[UpdateOptions]) -> Episode: ...

    async def delete(self, namespace: str, ids: str | Sequence[str]) -> Revision: ...

    async def purge(self, namespace: str, ids: str | Sequence[str]) -> Revision: ...

    async def history(self, namespace: str, id: str) -> tuple[Change, ...]: ...

    async def list_namespaces(
        self, *, prefix: str = "", page_size: int = 100, page_token: str = ""
    ) -> NamespacePage: ...

    async def delete_namespace(self, namespace: str) -> None: ...

    def export(self, namespace: str, *, live_only: bool = False) -> AsyncIterator[str]: ...

    async def import_(self, namespace: str, lines: Iterable[str]) -> ImportResult: ...

    def reembed(self, embedder: str) -> AsyncIterator[Progress]: ...

    def consolidate(self, namespace: str) -> AsyncIterator[Progress]: ...

    async def list_tags(
        self, namespace: str, *, under: str = "", prefix: str = "", page_size: int = 100, page_token: str = ""
    ) -> TagPage: ...

    async def edit_tags(self, namespace: str, edits: TagEdit | Sequence[TagEdit]) -> Revision: ...

    def retag(self, namespace: str, tagger: str = "") -> AsyncIterator[Progress]: ...
