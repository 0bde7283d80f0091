"""The part of the store that holds indexed code: repositories, generations, files, edges, and facts by content."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from agentctx.ids import Clock, to_micros
from agentctx.store import facts, repositories
from agentctx.store.database import Database
from agentctx.store.facts import FactsRow
from agentctx.store.repositories import EdgesRow, FileRow, Publication, StoredGeneration, StoredRepository

_HEAD: Final = "SELECT id, generation FROM code_repositories WHERE name = ?"
_FACTS: Final = "SELECT outline, uses FROM code_facts WHERE key = ?"
_DERIVED: Final = (
    "SELECT f.path, d.data FROM code_files f JOIN code_derived d ON d.key = f.facts_key AND d.producer = ? "
    "WHERE f.repository_id = ? AND f.since <= ? AND f.until > ?"
)


class CodeStore:
    """`store.code`. Thread-safe, and safe beside other processes, as `Store` is; so are its errors."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        mark = "?" if database.dialect == "sqlite" else "%s"
        self._head, self._facts, self._derived = (one.replace("?", mark) for one in (_HEAD, _FACTS, _DERIVED))

    def now(self) -> int:
        """Microseconds since 1970."""
        return to_micros(self._clock.now())

    # --- repositories -------------------------------------------------------------------------------------------------

    def head(self, name: str) -> tuple[int, int] | None:
        """Id and published generation of a repository, other processes' commits included. A few microseconds."""
        found = self._database.select(self._head, (name,))
        return (found[0][0], found[0][1]) if found else None

    def find(self, name: str) -> StoredRepository | None:
        """The repository of this name."""
        return self._database.read(lambda c: repositories.find(c, name))

    def find_root(self, root: str) -> StoredRepository | None:
        """The oldest repository of this root."""
        return self._database.read(lambda c: repositories.find_root(c, root))

    def create(self, name: str, root: str) -> StoredRepository:
        """A new repository without a generation. Raises AlreadyExists."""
        return self._database.write(lambda c: repositories.create(c, name, root, self.now()))

    def page(self, after: str = "", limit: int = 100) -> list[tuple[StoredRepository, StoredGeneration | None]]:
        """Repositories by name behind `after`, each with its published generation."""
        return self._database.read(lambda c: repositories.page(c, after, limit))

    def ids(self) -> list[tuple[int, int]]:
        """Id and published generation of every repository."""
        return self._database.read(repositories.ids)

    def remove(self, name: str) -> int:
        """Forget a repository, and all facts that nobody uses. Returns its id. Raises NotFound."""
        return self._database.write(lambda c: repositories.remove(c, name))

    # --- generations --------------------------------------------------------------------------------------------------

    def generation(self, repository: int, number: int) -> StoredGeneration | None:
        """One generation, if it is still kept."""
        return self._database.read(lambda c: repositories.generation(c, repository, number))

    def files(self, repository: int, number: int) -> list[FileRow]:
        """The files of a generation by path."""
        return self._database.read(lambda c: repositories.files(c, repository, number))

    def edges(self, repository: int, number: int, paths: Sequence[str]) -> dict[str, EdgesRow]:
        """The edges that begin in those of `paths` that have any in a generation."""
        return self._database.read(
            lambda c: {row.path: row for row in repositories.edges(c, repository, number, paths)}
        )

    def footprints(self, repository: int, number: int) -> dict[str, bytes]:
        """The footprint of every file of a generation."""
        return self._database.read(lambda c: dict(repositories.footprints(c, repository, number)))

    def since(self, repository: int, number: int, earlier: int) -> tuple[list[str], list[str]]:
        """The paths of a generation whose content, and whose edges, are newer than an earlier generation."""
        return self._database.read(lambda c: repositories.since(c, repository, number, earlier))

    def state(self, repository: int, producer: str, number: int) -> bytes | None:
        """What `producer` derived from this generation."""
        return self._database.read(lambda c: repositories.state(c, repository, producer, number))

    def put_state(self, repository: int, producer: str, number: int, data: bytes) -> None:
        """Keep what `producer` derived from a generation, in place of what it derived before."""
        self._database.write(lambda c: repositories.put_state(c, repository, producer, number, data))

    def set_signatures(self, repository: int, signatures: Mapping[str, str]) -> None:
        """Note how files look now whose content is the same."""
        self._database.write(lambda c: repositories.set_signatures(c, repository, signatures))

    def publish(self, repository: int, owner: str, publication: Publication, keep: int) -> None:
        """Write a generation and point to it; drop what only generations before the last `keep` had.

        Raises FactsGone, NotFound, and FailedPrecondition if another process has taken over.
        """
        self._database.write(lambda c: repositories.publish(c, repository, owner, publication, keep))

    # --- leases -------------------------------------------------------------------------------------------------------

    def take_lease(self, repository: int, owner: str, seconds: float) -> bool:
        """Become the one who indexes for so long, unless somebody else is. Raises NotFound."""
        now = self.now()
        return self._database.write(
            lambda c: repositories.take_lease(c, repository, owner, now, now + int(seconds * 1e6))
        )

    def lease_owner(self, repository: int) -> str:
        """Who has the lease; "" for nobody."""
        return self._database.read(lambda c: repositories.lease_owner(c, repository))

    def renew_lease(self, repository: int, owner: str, seconds: float) -> bool:
        """Give a sign of life; False: the lease is another's."""
        until = self.now() + int(seconds * 1e6)
        return self._database.write(lambda c: repositories.renew_lease(c, repository, owner, until))

    def end_lease(self, repository: int, owner: str) -> None:
        """Let the next one index."""
        self._database.write(lambda c: repositories.end_lease(c, repository, owner))

    # --- facts --------------------------------------------------------------------------------------------------------

    def put_facts(
        self, rows: Sequence[FactsRow], derived: Sequence[tuple[str, str, bytes]] = (), *, anew: bool = False
    ) -> None:
        """Store facts, and what producers derived from a content: (key, producer, data).

        What is there stays, unless it is made `anew`.
        """
        now = self.now()
        self._database.write(lambda c: facts.put(c, rows, derived, now, anew=anew))

    def missing_facts(self, keys: Iterable[str], producers: Sequence[str] = ()) -> set[str]:
        """Which of `keys` are not stored, or not with what each of `producers` derives."""
        wanted = set(keys)
        return self._database.read(lambda c: facts.missing(c, wanted, producers)) if wanted else wanted

    def outlines(self, keys: Sequence[str]) -> dict[str, bytes]:
        """The outlines of those of `keys` that are stored."""
        return self._database.read(lambda c: dict(facts.outlines(c, keys)))

    def facts(self, keys: Sequence[str]) -> dict[str, FactsRow]:
        """The facts of those of `keys` that are stored."""
        return self._database.read(lambda c: {row.key: row for row in facts.read(c, keys)})

    def derived_of(self, repository: int, number: int, producer: str) -> dict[str, bytes]:
        """What `producer` derived from the contents of a generation, by path."""
        return {
            path: bytes(data)
            for path, data in self._database.select(self._derived, (producer, repository, number, number))
        }

    def one_facts(self, key: str) -> FactsRow | None:
        """The facts of one content. A few microseconds."""
        found = self._database.select(self._facts, (key,))
        return FactsRow(key, bytes(found[0][0]), bytes(found[0][1])) if found else None

    def derived(self, producer: str, keys: Sequence[str]) -> dict[str, bytes]:
        """What `producer` derived from those contents of `keys` that it has seen."""
        return self._database.read(lambda c: dict(facts.derived(c, producer, keys)))

    def count_facts(self) -> int:
        """How many contents have facts."""
        return self._database.read(facts.count)
