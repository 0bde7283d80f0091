"""The store: the source of truth, behind one class."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from sqlalchemy import Connection

from agentctx.errors import InvalidArgument
from agentctx.ids import Clock, IdFactory
from agentctx.store import changing, fetching, heads, importing, log, reading, stats, tags, vectors
from agentctx.store.append import AppendCommand, Appended, append
from agentctx.store.code import CodeStore
from agentctx.store.database import Database
from agentctx.store.importing import ImportRecord
from agentctx.store.ledger import Ledger
from agentctx.types import (
    Change,
    EditOrigin,
    Episode,
    LogRecord,
    NamespaceInfo,
    NewEpisode,
    Revision,
    TagEdit,
    TagRecord,
)

T = TypeVar("T")


class Store:
    """Episodes and their log, by namespace, in one database. Made by `open_store`; close it after use.

    Thread-safe, and safe beside other processes on the same database. A method that writes returns when its
    transaction is durable; it has written all or nothing. Arguments are taken as valid: times aware, JSON plain.
    Every method may raise Unavailable (locked, unreachable), StoreCorrupt and ResourceExhausted (disk full).
    """

    def __init__(self, database: Database, clock: Clock, ids: IdFactory) -> None:
        self._database = database
        self._clock = clock
        self._ids = ids
        self.code = CodeStore(database, clock)
        self.ledger = Ledger(database, clock)

    @property
    def url(self) -> str:
        """Where the store is: a path, or a URL without its password."""
        return self._database.url

    @property
    def path(self) -> Path | None:
        """The file of a store that is one."""
        return Path(self._database.url) if self._database.dialect == "sqlite" else None

    def identity(self) -> str:
        """What tells this store from every other one, also from one that is made later in its place."""
        found = self._database.read(heads.identity)
        return found or self._database.write(heads.name_store)

    def recorded_at(self, namespace: str, sequence: int) -> int | None:
        """When the record of this sequence number was recorded, in microseconds; None: there is no such record."""
        return self._database.read(lambda c: log.recorded_at(c, namespace, sequence))

    def head(self, namespace: str) -> Revision | None:
        """Where the namespace's log stands, other processes' commits included; None: there is no such namespace."""
        found = self._database.head(namespace)
        return None if found is None else Revision(*found)

    # --- writing ------------------------------------------------------------------------------------------------------

    def append(
        self,
        namespace: str,
        episodes: Sequence[NewEpisode],
        vectors: Sequence[bytes | None],
        *,
        embedder_key: str,
        request: tuple[str, str] | None = None,
        partial: bool = False,
    ) -> Appended:
        """Add episodes, one vector (or None) each, in one transaction; makes the namespace if there is none.

        `request` is (request_id, hash of the body): a replay gets the first result. With `partial`, an item that
        fails costs only itself and is told in `failures`.

        Raises AlreadyExists (`episodes[i].id`), NotFound (`episodes[i].supersedes`), RequestConflict, EmbedderMismatch.
        """
        if partial and request is not None:
            raise InvalidArgument(
                "a request_id is for all of a call's items or none, not with partial", field="request_id"
            )
        if not episodes:
            raise InvalidArgument("give at least one episode", field="episodes")
        command = AppendCommand(namespace, episodes, vectors, embedder_key, request, partial)
        return self._write(lambda c: append(c, command, self._clock, self._ids))

    def update(
        self, namespace: str, id: str, changes: Mapping[str, object], if_revision: Revision | None = None
    ) -> LogRecord:
        """Set metadata, tags, valid_from, valid_to or expires_at. Raises NotFound, RevisionMismatch."""
        return self._write(
            lambda c: changing.update_episode(c, namespace, id, changes, if_revision=if_revision, clock=self._clock)
        )

    def delete(self, namespace: str, ids: Sequence[str]) -> tuple[Revision, tuple[LogRecord, ...]]:
        """Hide episodes from now on, all of `ids` or none. Raises NotFound (`ids[i]`), for deleted ones too."""
        _some(ids)
        return self._write(lambda c: changing.delete_episodes(c, namespace, ids, self._clock))

    def purge(self, namespace: str, ids: Sequence[str]) -> Revision:
        """Remove episodes and all traces of them, all of `ids` or none; starts a new epoch. Raises NotFound.

        On SQLite also ResourceExhausted or Unavailable with `details["purged"]`: the episodes are gone, but their bytes
        are still in the file, as it could not be rewritten (a full disk). The next write or opening tries again.
        """
        _some(ids)
        return self._write(lambda c: changing.purge_episodes(c, namespace, ids, self._clock), scrub=True)

    def delete_namespace(self, namespace: str) -> None:
        """Remove a namespace and everything in it, for good. Raises NotFound, and what `purge` raises."""
        self._write(lambda c: changing.delete_namespace(c, namespace, self._clock), scrub=True)

    def apply_import(
        self,
        namespace: str,
        records: Sequence[ImportRecord],
        vectors: Sequence[bytes | None],
        *,
        embedder_key: str,
    ) -> tuple[int, int, Revision]:
        """Apply records of an exported log, a vector (or None) beside each, in one transaction.

        Returns how many were applied, how many skipped, and the head. Records that the store knows, or knows newer
        ones of the same episode, are skipped: running an import again, whole or in part, changes nothing. Recorded
        times are kept where the namespace's log is not past them and they are not in the future.

        Raises InvalidArgument (`records[i]...`), among others for a change of an episode that is unknown.
        """
        return self._write(
            lambda c: importing.apply_import(
                c, namespace, records, vectors, embedder_key=embedder_key, clock=self._clock
            )
        )

    # --- reading ------------------------------------------------------------------------------------------------------

    def get(self, namespace: str, id: str, as_of: datetime | None = None) -> Episode:
        """One episode as it is, or as the store knew it at `as_of`. Raises NotFound, for one deleted by then too."""
        return self._database.read(lambda c: reading.get(c, namespace, id, as_of))

    def episodes_at(
        self, namespace: str, rows: Sequence[int], revision: Revision, as_of: datetime | None = None
    ) -> list[Episode] | None:
        """The episodes of these rows, in their order: as they were at `revision`, or known at `as_of` by then.

        None: one is gone, or the namespace has begun another epoch than the revision's. Deleted ones are there.
        """
        return fetching.fetch(self._database, namespace, rows, revision, as_of)

    def history(self, namespace: str, id: str) -> tuple[Change, ...]:
        """Every change of an episode, oldest first, deleted or not. Raises NotFound."""
        return self._database.read(lambda c: reading.history(c, namespace, id))

    def scan(
        self,
        namespace: str,
        *,
        after_sequence: int = 0,
        upto_sequence: int | None = None,
        limit: int = 100,
        session: str = "",
        speaker: str = "",
        role: str = "",
        occurred_from: datetime | None = None,
        occurred_to: datetime | None = None,
        include_deleted: bool = False,
        as_of: datetime | None = None,
    ) -> list[tuple[int, Episode]]:
        """Episodes in the order they were added, each with the sequence number of its add, to go on after.

        Those whose add is in (after_sequence, upto_sequence], at most `limit`; "" and None do not narrow.
        With `as_of`, the episodes that were there then, as they were. Raises NotFound.
        """
        narrow = reading.ScanOptions(session, speaker, role, occurred_from, occurred_to, include_deleted, as_of)
        return self._database.read(
            lambda c: reading.scan(c, namespace, narrow, after=after_sequence, upto=upto_sequence, limit=limit)
        )

    def list_namespaces(self, prefix: str = "", after: str = "", limit: int = 100) -> list[NamespaceInfo]:
        """Namespaces by name, those behind `after`, at or below the path `prefix` (whole segments)."""
        return self._database.read(lambda c: reading.namespace_infos(c, prefix, after, limit))

    def read_log(
        self, namespace: str, after: Revision | None = None, limit: int | None = None
    ) -> tuple[Revision, list[LogRecord]]:
        """The complete records behind `after`, from one snapshot, and the head. Raises NotFound.

        If `after` is None or of another epoch, that is the whole log, and what was built from an earlier one is void.
        With a `limit`, the records of so many sequence numbers, and the revision up to which they go.
        """
        return self._database.read(lambda c: log.read_log(c, namespace, after, limit))

    # --- tags ---------------------------------------------------------------------------------------------------------

    def edit_tags(
        self,
        namespace: str,
        edits: Sequence[TagEdit],
        known: int,
        *,
        epoch: int | None = None,
        origin: EditOrigin = "user",
    ) -> Revision | None:
        """Append edits of tags, all of them in one transaction, if the log holds `known` edits so far, in that `epoch`.

        None: it holds others, which the caller has to look at first. Raises NotFound.
        """
        origins = [origin] * len(edits)
        return self._write(
            lambda c: tags.add_edits(c, namespace, edits, known=known, epoch=epoch, origins=origins, clock=self._clock)
        )

    def import_tag_edits(
        self,
        namespace: str,
        edits: Sequence[TagEdit],
        recorded: Sequence[datetime],
        origins: Sequence[EditOrigin] | None = None,
    ) -> tuple[int, Revision]:
        """Append the edits of another log, each first recorded then, that this one has not; how many, and the head."""
        made: Sequence[EditOrigin] = ["user"] * len(edits) if origins is None else origins
        return self._write(lambda c: tags.import_edits(c, namespace, edits, made, recorded, self._clock))

    def put_tags(self, namespace: str, producer: str, items: Sequence[tags.Written]) -> None:
        """Store what `producer` said of episodes: (row, tags, (broader, narrower) pairs), in place of what was there.

        An episode that was purged meanwhile is passed over. Raises NotFound.
        """
        self._write(lambda c: tags.put_written(c, namespace, producer, items, self._clock))

    def read_tags(self, namespace: str, after: int, upto: Revision) -> list[TagRecord]:
        """The log's records about tags in (after, upto], in order; none if the namespace is in another epoch."""
        return self._database.read(lambda c: tags.read_records(c, namespace, after, upto))

    def untagged(self, namespace: str, producer: str, limit: int = 64, after_row: int = 0) -> list[tuple[int, Episode]]:
        """Episodes that `producer` has said nothing of, with their rows, behind `after_row`. Raises NotFound."""
        return self._database.read(lambda c: tags.untagged(c, namespace, producer, limit, after_row))

    def count_untagged(self, namespace: str, producer: str) -> int:
        """How many episodes `producer` has said nothing of. Raises NotFound."""
        return self._database.read(lambda c: tags.count_untagged(c, namespace, producer))

    def rows_tagged(self, namespace: str, limit: int = 500) -> list[int]:
        """Rows of episodes that a language model's tags are stored of. Raises NotFound."""
        return self._database.read(lambda c: tags.rows_written(c, namespace, limit))

    # --- embedders ----------------------------------------------------------------------------------------------------

    def embedder(self) -> str | None:
        """The key of the embedder whose vectors the store is on; None before the first append."""
        active = self._database.read(heads.active_embedder)
        return None if active is None else active[1]

    def vectors_missing(self, key: str, limit: int = 256, after_row: int = 0) -> list[tuple[int, Episode]]:
        """Episodes (deleted ones too) of all namespaces without a vector of `key`, by row, behind `after_row`."""
        return self._database.read(lambda c: vectors.missing(c, key, limit, after_row))

    def count_missing(self, key: str) -> int:
        """How many episodes of the store have no vector of embedder `key`."""
        return self._database.read(lambda c: vectors.count_missing(c, key))

    def put_vectors(self, key: str, items: Sequence[tuple[int, bytes]]) -> None:
        """Store vectors of embedder `key` by row. They are used once `switch_embedder` has switched to it."""
        self._write(lambda c: vectors.put(c, key, items))

    def switch_embedder(self, key: str) -> bool:
        """Make `key` the store's embedder and drop other vectors, unless an episode lacks its vector: then False.

        Every namespace starts a new epoch, so that every process loads the new vectors.
        """
        return self._database.write(lambda c: vectors.switch(c, key, self._clock))

    # --- housekeeping -------------------------------------------------------------------------------------------------

    def stats(self, *, check: bool = True) -> stats.StoreStats:
        """Counts and versions; with `check`, also what is wrong with the files and the log (reads everything)."""
        numbers = self._database.read(stats.counts)
        problems: list[str] = []
        if check:
            problems = self._database.check()
            problems += self._database.read(stats.broken_invariants)
            problems += self._database.read(stats.damaged_rows)
        return stats.StoreStats(
            location=self.url,
            engine=self._database.engine_version(),
            size_bytes=self._database.size(),
            problems=tuple(problems),
            **numbers,
        )

    def _write(self, operation: Callable[[Connection], T], *, scrub: bool = False) -> T:
        def shared(connection: Connection) -> T:
            heads.share_store(connection)
            return operation(connection)

        return self._database.write(shared, scrub=scrub)

    def close(self) -> None:
        """Finish the writes under way and let go of the database. Closing twice is fine."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _some(ids: Sequence[str]) -> None:
    if not ids:
        raise InvalidArgument("name at least one id", field="ids")
