"""`engine.memory`: what agents remember. Validates, embeds, writes to the log, keeps the indexes in step."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from itertools import islice
from typing import Any, TypeVar, Unpack

from agentctx.config import Settings
from agentctx.embed import Embedder
from agentctx.embed.near_words import LazyNearWords
from agentctx.embed.static import StaticEmbedder
from agentctx.errors import AgentctxError, EmbedderMismatch, FailedPrecondition, InvalidArgument
from agentctx.ids import Clock
from agentctx.index.episodes import EpisodeIndex
from agentctx.memory import listing, validate
from agentctx.memory.around import around
from agentctx.memory.consolidator import Consolidator
from agentctx.memory.items import body_hash, failed
from agentctx.memory.reembed import reembed
from agentctx.memory.scoring import Scorer
from agentctx.memory.search import Searcher
from agentctx.memory.tagging.retagging import Tagging
from agentctx.memory.tags import Tags
from agentctx.memory.transfer import export_lines, import_lines
from agentctx.memory.units import vectors_of
from agentctx.runtime.indexes import Indexes
from agentctx.runtime.residency import no_such_namespace
from agentctx.store import Appended, Store
from agentctx.types import (
    AddResult,
    Change,
    Episode,
    EpisodePage,
    ImportResult,
    ItemResult,
    ListOptions,
    NamespacePage,
    NewEpisode,
    Progress,
    Revision,
    SearchOptions,
    SearchResult,
    TagEdit,
    TagPage,
    UpdateOptions,
)

T = TypeVar("T")

_BULK_BATCH = 100


class Memory:
    """Episodes by namespace: add, get, list, search, update, delete, purge. Implements `MemoryAPI`; thread-safe.

    An acknowledged write is durable and is found by the very next search. Design: SwiftMem (arXiv 2601.08160) for
    the memory, bi-temporal records for `as_of` and `valid_at`.
    """

    def __init__(self, store: Store, embedder: Embedder, settings: Settings, clock: Clock) -> None:
        self._store = store
        self._embedder = embedder
        self._closed = False
        self._switching = threading.Lock()  # held while `reembed` replaces the embedder
        self._settings = settings
        self._clock = clock
        self._indexes = indexes = Indexes(store, self._new_index, settings.index)
        self._residency, self._housekeeping = indexes.residency, indexes.housekeeping
        self._words = StaticEmbedder()
        self._tags = Tags(store, self._residency, self._housekeeping, settings.limits, clock)
        self._consolidator = Consolidator(
            self._residency, self._tags, self._words.embed, indexes.courtesy, self._housekeeping, settings.limits.batch
        )
        self._tagging = Tagging(store, settings)
        scorer = Scorer(settings.search, LazyNearWords())
        self._searcher = Searcher(
            self._residency, indexes.hits, lambda: self._embedder, self._words.embed, scorer, settings, clock
        )

    @property
    def embedder(self) -> Embedder:
        """The embedder in use; `reembed` replaces it."""
        return self._embedder

    def add(
        self, namespace: str, episodes: str | NewEpisode | Sequence[str | NewEpisode], *, request_id: str = ""
    ) -> AddResult:
        """Store one or many episodes in one transaction: all of them, durable and searchable, or none.

        With a `request_id` the call may be repeated: a replay returns the first result and stores nothing, another
        body under the same id raises RequestConflict. A taken episode id raises AlreadyExists. Creates the
        namespace. Cost: about 0.1 ms for a chat turn in batches of 100, plus one fsync a call.
        """
        namespace = validate.namespace(namespace)
        request_id = validate.identifier(request_id, "request_id", empty=True)
        if isinstance(episodes, str | NewEpisode):
            episodes = [episodes]
        if not isinstance(episodes, Sequence):
            raise InvalidArgument("episodes must be an episode, a text or a list of them", field="episodes")
        if not 1 <= len(episodes) <= self._settings.limits.batch:
            raise InvalidArgument(
                f"episodes must be 1 to {self._settings.limits.batch} in one call, not {len(episodes)}; "
                "use bulk_add for more",
                field="episodes",
            )
        now = self._clock.now()
        checked = [
            validate.new_episode(one, f"episodes[{i}]", self._settings.limits, now) for i, one in enumerate(episodes)
        ]
        request = (request_id, body_hash(episodes, checked)) if request_id else None
        done = self._append(namespace, checked, request=request)
        return AddResult(done.ids, done.revision, done.replayed)

    def bulk_add(self, namespace: str, episodes: Iterable[NewEpisode]) -> Iterator[ItemResult]:
        """Store a stream of episodes in batches of 100; yields a result per item, in order.

        A bad item costs only itself. What was yielded as stored is durable, also when the stream breaks off.
        """
        namespace = validate.namespace(namespace)
        if isinstance(episodes, str | bytes | Mapping) or not isinstance(episodes, Iterable):
            raise InvalidArgument("episodes must be an iterable of NewEpisode", field="episodes")
        return self._bulk_add(namespace, iter(episodes))

    def _bulk_add(self, namespace: str, stream: Iterator[NewEpisode]) -> Iterator[ItemResult]:
        first = 0
        while batch := list(islice(stream, _BULK_BATCH)):
            results: dict[int, ItemResult] = {}
            good: list[tuple[int, NewEpisode]] = []
            now = self._clock.now()
            for index, one in enumerate(batch, first):
                try:
                    good.append((index, validate.new_episode(one, f"episodes[{index}]", self._settings.limits, now)))
                except AgentctxError as error:
                    results[index] = failed(index, error)
            if good:
                done = self._append(namespace, [one for _, one in good], partial=True)
                stored = (record for record in done.records if record.kind == "add")
                for place, (index, _) in enumerate(good):
                    failure = done.failures.get(place)
                    if failure is not None:
                        results[index] = failed(index, failure, place)
                    else:
                        episode = next(stored).episode
                        results[index] = ItemResult(index, episode.id, episode.revision)
            yield from (results[index] for index in range(first, first + len(batch)))
            first += len(batch)

    def get(self, namespace: str, id: str, *, as_of: datetime | None = None) -> Episode:
        """One episode as it is now, or as the store knew it at `as_of`.

        Raises NotFound for one that is absent, expired or deleted (then).
        """
        namespace, id = validate.namespace(namespace), validate.identifier(id, "id")
        at = validate.moment(as_of, "as_of")
        episode = self._store.get(namespace, id, at)
        if episode.expires_at is not None and episode.expires_at <= (at or self._clock.now()):
            raise listing.no_such_episode(id)
        return episode

    def list(self, namespace: str, **options: Unpack[ListOptions]) -> EpisodePage:
        """One page of episodes in the order they were recorded, unranked.

        Filters come before the page is cut. Tokens are stable under concurrent writes: a listing shows what was
        there when it began, less what has been deleted since.
        """
        request = listing.ListRequest.read(validate.namespace(namespace), options, self._settings.limits)
        revision = self._residency.head(request.namespace, request.min_revision)
        now = self._clock.now()
        return listing.page(self._store, request, revision, now, self._tags.test(request, now))

    def search(self, namespace: str, query: str, **options: Unpack[SearchOptions]) -> SearchResult:
        """The `k` episodes that bear most on `query`, best first. See SearchOptions for what narrows it.

        Scores do not depend on filters or on k; `parts` of a hit sum up to its score. An empty query finds nothing
        and says so in `degraded`. What it costs: docs/search.md.
        """
        namespace = validate.namespace(namespace)
        if options.get("narrower") is True and options.get("tags"):
            self._tags.refresh(namespace, stale=True)
        with self._indexes.courtesy:
            found = self._with_embedder(lambda _: self._searcher.search(namespace, query, options))
        if (index := self._residency.peek(namespace)) is not None:
            self._consolidator.consider(namespace, index)
            self._tags.consider(namespace, index)
        return found

    def around(
        self, namespace: str, episodes: Sequence[Episode], *, reach: int = 1, as_of: datetime | None = None
    ) -> Mapping[str, tuple[tuple[int, Episode], ...]]:
        """By id what was said up to `reach` places before and after each episode in its session, with the distance.

        Nearest first. Only what a search of now (or `as_of` then) could find; an episode without a session has no
        neighbours.
        """
        namespace, at = validate.namespace(namespace), validate.moment(as_of, "as_of")
        reach = validate.integer(reach, "reach", 0, self._settings.limits.k)
        return around(self._residency, self._indexes.hits, self._clock, namespace, episodes, reach, at)

    def update(self, namespace: str, id: str, **changes: Unpack[UpdateOptions]) -> Episode:
        """Change metadata, tags, validity or expiry; content never changes: add an episode that supersedes it.

        With `if_revision`, raises RevisionMismatch if the episode changed since. Raises NotFound.
        """
        namespace, id = validate.namespace(namespace), validate.identifier(id, "id")
        validate.unknown_options(changes, tuple(UpdateOptions.__annotations__))
        given: dict[str, Any] = dict(changes)
        if_revision = validate.revision(given.pop("if_revision", None), "if_revision")
        if not given:
            raise InvalidArgument("update changes nothing; give metadata, tags or a time", field="changes")
        for name, value in given.items():
            if name == "metadata":
                given[name] = validate.metadata(value, name, self._settings.limits.metadata_bytes)
            elif name == "tags":
                given[name] = validate.tags(value, name, self._settings.limits.tags)
            else:
                given[name] = validate.moment(value, name)
        with self._indexes.writing(namespace) as take_up:
            record = self._store.update(namespace, id, given, if_revision)
            take_up([record])
        return record.episode

    def delete(self, namespace: str, ids: str | Sequence[str]) -> Revision:
        """Hide episodes from now on; they are still there `as_of` an earlier time. All of `ids`, or none."""
        namespace, chosen = validate.namespace(namespace), self._ids(ids)
        with self._indexes.writing(namespace) as take_up:
            revision, records = self._store.delete(namespace, chosen)
            take_up(records)
        return revision

    def purge(self, namespace: str, ids: str | Sequence[str]) -> Revision:
        """Remove episodes for good, deleted ones too: rows, history, vectors, indexes, log. Starts a new epoch.

        An error with `details["purged"]` says that the rows are gone, but bytes of them are still in some file.
        """
        namespace, chosen = validate.namespace(namespace), self._ids(ids)
        with self._indexes.purging(namespace):
            return self._store.purge(namespace, chosen)

    def history(self, namespace: str, id: str) -> tuple[Change, ...]:
        """Every change of an episode, oldest first; that of a deleted one ends with its deletion."""
        return self._store.history(validate.namespace(namespace), validate.identifier(id, "id"))

    def list_namespaces(self, *, prefix: str = "", page_size: int = 100, page_token: str = "") -> NamespacePage:
        """One page of the namespaces at or below the path `prefix` (whole segments), by name."""
        prefix = "" if prefix == "" else validate.namespace(prefix, "prefix")
        size = validate.integer(page_size, "page_size", 1, self._settings.limits.page_size)
        return listing.namespaces(self._store, prefix, size, validate.text(page_token, "page_token", 4096))

    def delete_namespace(self, namespace: str) -> None:
        """Remove a namespace and all that is in it, for good. Raises NotFound."""
        namespace = validate.namespace(namespace)
        with self._indexes.purging(namespace):
            self._store.delete_namespace(namespace)

    def export(self, namespace: str, *, live_only: bool = False) -> Iterator[str]:
        """The namespace's log as JSON lines, a header first. `live_only` leaves out deleted episodes and history."""
        namespace = validate.namespace(namespace)
        live_only = validate.boolean(live_only, "live_only")
        if self._store.head(namespace) is None:
            raise no_such_namespace(namespace)
        return export_lines(self._store, namespace, live_only=live_only)

    def import_(self, namespace: str, lines: Iterable[str]) -> ImportResult:
        """Apply exported JSON lines. Records already there are skipped, so that a broken import can be run again.

        Raises InvalidArgument with the line's number for a line that is no record; the batches of 200 before it stay.
        """
        namespace = validate.namespace(namespace)
        if isinstance(lines, str | bytes) or not isinstance(lines, Iterable):
            raise InvalidArgument("lines must be an iterable of JSON lines", field="lines")
        try:
            embedder, limits = self._embedder, self._settings.limits
            embed = partial(vectors_of, embedder)
            return import_lines(self._store, namespace, lines, limits, self._clock, embed, embedder.identity.key)
        finally:
            self._residency.drop(namespace)

    def reembed(self, embedder: str) -> Iterator[Progress]:
        """Give every episode of the store a vector of another embedder, then switch to it. Resumes where it stopped.

        Searches go on with the old vectors until the switch. Closing the iterator stops it; nothing is lost.
        """
        return reembed(
            self._store, validate.text(embedder, "embedder", 4096, empty=False), self._switched, self._switching
        )

    def consolidate(self, namespace: str) -> Iterator[Progress]:
        """Put a namespace in order: merge tags that say the same, lay vectors of one topic side by side.

        It happens by itself once it pays; this does it now, and yields progress in episodes. Searches go on meanwhile.
        Closing the iterator stops it and leaves everything as it was. Every merge is a record of the log and can be
        undone (`edit_tags`, op `restore`). Raises NotFound; FailedPrecondition while it is under way already;
        Unavailable when the namespace is purged or re-embedded meanwhile. Cost: some 30 s for a million episodes.
        """
        return self._consolidator.run(validate.namespace(namespace))

    def list_tags(
        self, namespace: str, *, under: str = "", prefix: str = "", page_size: int = 100, page_token: str = ""
    ) -> TagPage:
        """One page of the namespace's tags, or of a tag `under` and those below it: most episodes first, then by name.

        A tag that nobody gave or made shows once two visible episodes bear it. Raises NotFound for an unknown `under`.
        Cost: the tags' graph is made anew where something was written since, some 5 us an episode.
        """
        return self._tags.page(namespace, under=under, prefix=prefix, page_size=page_size, page_token=page_token)

    def edit_tags(self, namespace: str, edits: TagEdit | Sequence[TagEdit]) -> Revision:
        """Rename, merge, link, add, delete and restore tags, in order: all of the edits or none. See TagEdit.

        No episode changes; each edit is a record of the log and can be undone by another. Raises NotFound for an
        unknown tag, AlreadyExists for a name that is taken, FailedPrecondition where a tag would come above itself.
        """
        return self._tags.edit(namespace, edits)

    def retag(self, namespace: str, tagger: str = "") -> Iterator[Progress]:
        """Tag every episode of a namespace anew: by `rules`, or by `llm`; "" is the one that settings name.

        By `llm`, episodes that the model has tagged already are passed over, so that a run that was stopped goes on;
        raises as the endpoint fails. By `rules`, what a model said is taken back. Users' edits stay.
        """
        return self._tagging.retag(validate.namespace(namespace), tagger)

    @property
    def problems(self) -> tuple[str, ...]:
        """What works less well than it should: as snapshots that cannot be written, or not removed."""
        return self._indexes.problems

    def close(self) -> None:
        """Keep the indexes that are worth it, and release everything."""
        self._closed = True
        self._tagging.close()
        self._indexes.close()
        self._embedder.close()
        self._words.close()

    def _switched(self, embedder: Embedder) -> None:
        previous, self._embedder = self._embedder, embedder
        self._indexes.start_anew()
        previous.close()

    def _new_index(self, revision: Revision) -> EpisodeIndex:
        stored, given = self._store.embedder(), self._embedder.identity
        if stored is not None and stored != given.key:
            raise EmbedderMismatch(
                f"the store was re-embedded with {stored}, not {given.key}; open it anew",
                field="embedder",
                stored=stored,
                given=given.key,
            )
        return EpisodeIndex(revision, given.dimensions, given.key)

    def _ids(self, ids: object) -> tuple[str, ...]:
        if chosen := validate.names([ids] if isinstance(ids, str) else ids, "ids", self._settings.limits.batch):
            return chosen
        raise InvalidArgument("ids must name at least one episode", field="ids")

    def _append(
        self,
        namespace: str,
        episodes: Sequence[NewEpisode],
        *,
        request: tuple[str, str] | None = None,
        partial: bool = False,
    ) -> Appended:
        with self._indexes.writing(namespace, [one.content for one in episodes]) as take_up:
            done = self._with_embedder(
                lambda embedder: self._store.append(
                    namespace,
                    episodes,
                    vectors_of(embedder, episodes),
                    embedder_key=embedder.identity.key,
                    request=request,
                    partial=partial,
                )
            )
            take_up(done.records)
        self._tagging.added(namespace, done.records)
        return done

    def _with_embedder(self, operation: Callable[[Embedder], T]) -> T:
        """Run with the present embedder, and again if a `reembed` of this process replaced it meanwhile."""
        while True:
            if self._closed:
                raise FailedPrecondition("the engine is closed: open it anew", field="engine")
            with self._switching:
                embedder = self._embedder
            try:
                return operation(embedder)
            except FailedPrecondition:  # it is not the store's any more, or closed already
                with self._switching:
                    if self._embedder is embedder and not self._closed:
                        raise
