"""Repositories and their generations: who may index, what is published, and what is still needed.

A file or its edges are rows that hold from one generation up to another, so that a generation costs what changed. The
published generation is a number in the repository's row: publishing moves it, in the transaction that writes the rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    and_,
    bindparam,
    delete,
    func,
    insert,
    or_,
    select,
    text,
    update,
)

from agentctx.errors import AlreadyExists, FailedPrecondition, NotFound
from agentctx.store import facts
from agentctx.store.batch import chunks
from agentctx.store.schema import code_edges, code_files, code_generations, code_repositories, code_states

FOREVER: Final = (1 << 63) - 1
_EVERY: Final = 16
_CODE_LOCK: Final = 0x61676379  # as heads._STORE_LOCK: publishing and collecting facts, one at a time

_r, _g, _f, _e, _s = code_repositories.c, code_generations.c, code_files.c, code_edges.c, code_states.c


class FileRow(NamedTuple):
    """A file of a generation. signature: what tells cheaply that it is still the same; "": nothing does."""

    path: str
    facts_key: str
    content_hash: str
    size: int
    signature: str


class EdgesRow(NamedTuple):
    """The edges that begin in a file, as bytes, and what resolving it looked at elsewhere."""

    path: str
    footprint: bytes
    data: bytes


@dataclass(frozen=True, slots=True)
class StoredRepository:
    """A repository's row. generation: the published one, 0 before the first."""

    id: int
    name: str
    root: str
    generation: int


@dataclass(frozen=True, slots=True)
class StoredGeneration:
    """A generation's row. indexed_at: microseconds since 1970. summary: JSON of whoever indexed it."""

    number: int
    commit: str
    branch: str
    indexed_at: int
    files: int
    symbols: int
    edges: int
    summary: str


@dataclass(slots=True)
class Publication:
    """What a new generation has that the one before has not.

    files: new or changed ones. removed: paths that are gone, edges and all. signatures: of files that only look
    different. edges: of the files whose edges or footprint differ. edgeless: of files that have none by now, not even
    an empty row. states: derived data by producer.
    """

    generation: StoredGeneration
    files: Sequence[FileRow] = ()
    removed: Sequence[str] = ()
    signatures: Mapping[str, str] = field(default_factory=dict)
    edges: Sequence[EdgesRow] = ()
    edgeless: Sequence[str] = ()
    states: Mapping[str, bytes] = field(default_factory=dict)


class FactsGone(Exception):
    """Facts that a publication builds on were collected meanwhile: make them again."""


def lock_code(connection: Connection) -> None:
    """Nobody else publishes or collects until this transaction ends."""
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SELECT pg_advisory_xact_lock({_CODE_LOCK})"))


_COLUMNS: Final = (_r.id, _r.name, _r.root, _r.generation)


def find(connection: Connection, name: str) -> StoredRepository | None:
    """The repository of this name."""
    row = connection.execute(select(*_COLUMNS).where(_r.name == name)).first()
    return None if row is None else StoredRepository(*row)


def find_root(connection: Connection, root: str) -> StoredRepository | None:
    """The oldest repository of this root."""
    row = connection.execute(select(*_COLUMNS).where(_r.root == root).order_by(_r.id).limit(1)).first()
    return None if row is None else StoredRepository(*row)


def create(connection: Connection, name: str, root: str, now: int) -> StoredRepository:
    """A new repository without a generation. Raises AlreadyExists."""
    if find(connection, name) is not None:
        raise AlreadyExists(f"there is a repository {name!r} already", field="name", id=name)
    row = {"name": name, "root": root, "created_at": now, "generation": 0}
    lease = {"lease_owner": "", "lease_since": 0, "lease_until": 0}
    key = connection.execute(insert(code_repositories).returning(_r.id), {**row, **lease}).scalar_one()
    return StoredRepository(int(key), name, root, 0)


def page(connection: Connection, after: str, limit: int) -> list[tuple[StoredRepository, StoredGeneration | None]]:
    """Repositories by name behind `after`, each with its published generation."""
    on = and_(_g.repository_id == _r.id, _g.number == _r.generation)
    query = select(*_COLUMNS, *_GENERATION).outerjoin(code_generations, on).where(_r.name > after)
    rows = connection.execute(query.order_by(_r.name).limit(limit))
    found: list[tuple[StoredRepository, StoredGeneration | None]] = []
    for key, one, root, published, *generation in rows:
        stored = None if generation[0] is None else StoredGeneration(*generation)
        found.append((StoredRepository(key, one, root, published), stored))
    return found


_GENERATION: Final = (
    _g.number, _g.commit_id, _g.branch, _g.indexed_at, _g.files, _g.symbols, _g.edges, _g.summary,
)  # fmt: skip


def generation(connection: Connection, repository: int, number: int) -> StoredGeneration | None:
    """One generation, if it is still kept."""
    query = select(*_GENERATION).where(_g.repository_id == repository, _g.number == number)
    row = connection.execute(query).first()
    return None if row is None else StoredGeneration(*row)


def files(connection: Connection, repository: int, number: int) -> list[FileRow]:
    """The files of a generation by path."""
    query = select(_f.path, _f.facts_key, _f.content_hash, _f.size, _f.signature).where(
        _f.repository_id == repository, _f.since <= number, _f.until > number
    )
    return sorted(FileRow(*row) for row in connection.execute(query))


def edges(connection: Connection, repository: int, number: int, paths: Sequence[str]) -> list[EdgesRow]:
    """The edges that begin in those of `paths` that have any in a generation, in no order."""
    query = select(_e.path, _e.footprint, _e.data).where(_in_edges(repository, number))
    return [EdgesRow(*row) for part in chunks(paths) for row in connection.execute(query.where(_e.path.in_(part)))]


def footprints(connection: Connection, repository: int, number: int) -> list[tuple[str, bytes]]:
    """The footprint of every file of a generation, by path."""
    query = select(_e.path, _e.footprint).where(_in_edges(repository, number))
    return sorted((path, footprint) for path, footprint in connection.execute(query))


def _in_edges(repository: int, number: int) -> ColumnElement[bool]:
    return and_(_e.repository_id == repository, _e.since <= number, _e.until > number)


def since(connection: Connection, repository: int, number: int, earlier: int) -> tuple[list[str], list[str]]:
    """The paths of a generation whose content, and whose edges, are newer than an earlier generation."""
    found = [
        connection.execute(select(table.c.path).where(where, table.c.since > earlier)).scalars()
        for table, where in (
            (code_files, and_(_f.repository_id == repository, _f.since <= number, _f.until > number)),
            (code_edges, _in_edges(repository, number)),
        )
    ]
    return sorted(found[0]), sorted(found[1])


def state(connection: Connection, repository: int, producer: str, number: int) -> bytes | None:
    """What `producer` derived from this generation; None if that is another one's or nothing."""
    query = select(_s.data).where(_s.repository_id == repository, _s.producer == producer, _s.number == number)
    return connection.execute(query).scalar()


def put_state(connection: Connection, repository: int, producer: str, number: int, data: bytes) -> None:
    """Keep what `producer` derived from a generation, in place of what it derived before."""
    connection.execute(delete(code_states).where(_s.repository_id == repository, _s.producer == producer))
    row = {"repository_id": repository, "producer": producer, "number": number, "data": data}
    connection.execute(insert(code_states), row)


# --- leases -----------------------------------------------------------------------------------------------------------


def take_lease(connection: Connection, repository: int, owner: str, now: int, until: int) -> bool:
    """Become the one who indexes, unless somebody else is and has given a sign of life. Raises NotFound."""
    free = or_(_r.lease_owner == "", _r.lease_until < now, _r.lease_owner == owner)
    statement = update(code_repositories).where(_r.id == repository, free)
    done = connection.execute(statement.values(lease_owner=owner, lease_since=now, lease_until=until))
    if done.rowcount:
        return True
    if connection.execute(select(_r.id).where(_r.id == repository)).first() is None:
        raise NotFound("the repository was removed", field="repository")
    return False


def lease_owner(connection: Connection, repository: int) -> str:
    """Who has the lease; "" for nobody."""
    return connection.execute(select(_r.lease_owner).where(_r.id == repository)).scalar() or ""


def renew_lease(connection: Connection, repository: int, owner: str, until: int) -> bool:
    """Give a sign of life; False: the lease is another's."""
    statement = update(code_repositories).where(_r.id == repository, _r.lease_owner == owner)
    return bool(connection.execute(statement.values(lease_until=until)).rowcount)


def end_lease(connection: Connection, repository: int, owner: str) -> None:
    """Let the next one index."""
    statement = update(code_repositories).where(_r.id == repository, _r.lease_owner == owner)
    connection.execute(statement.values(lease_owner="", lease_until=0))


# --- publishing -------------------------------------------------------------------------------------------------------


def publish(connection: Connection, repository: int, owner: str, publication: Publication, keep: int) -> None:
    """Write a generation and point to it; drop what only generations before the last `keep` had.

    Raises FactsGone, and FailedPrecondition if the lease is another's by now or the generation is not the next one.
    """
    lock_code(connection)
    number = publication.generation.number
    query = select(_r.lease_owner, _r.generation).where(_r.id == repository).with_for_update()
    found = connection.execute(query).first()
    if found is None:
        raise NotFound("the repository was removed while it was indexed", field="repository")
    if found[0] != owner or found[1] != number - 1:
        raise FailedPrecondition("another process has taken over indexing this repository", field="repository")
    if facts.missing(connection, {row.facts_key for row in publication.files}):
        raise FactsGone
    _write_rows(connection, repository, publication)
    one = publication.generation
    values = {
        "repository_id": repository, "number": number, "commit_id": one.commit, "branch": one.branch,
        "indexed_at": one.indexed_at, "files": one.files, "symbols": one.symbols, "edges": one.edges,
        "summary": one.summary,
    }  # fmt: skip
    connection.execute(insert(code_generations), values)
    for producer, data in publication.states.items():
        put_state(connection, repository, producer, number, data)
    connection.execute(update(code_repositories).where(_r.id == repository).values(generation=number))
    _drop_before(connection, repository, number - keep + 1)


def _write_rows(connection: Connection, repository: int, publication: Publication) -> None:
    number = publication.generation.number
    ended = [*publication.removed, *(row.path for row in publication.files)]
    _end(connection, code_files, repository, number, ended)
    if publication.files:
        span = {"repository_id": repository, "since": number, "until": FOREVER}
        connection.execute(insert(code_files), [{**row._asdict(), **span} for row in publication.files])
    set_signatures(connection, repository, publication.signatures)
    without = [*publication.removed, *publication.edgeless, *(row.path for row in publication.edges)]
    _end(connection, code_edges, repository, number, without)
    if publication.edges:
        span = {"repository_id": repository, "since": number, "until": FOREVER}
        connection.execute(insert(code_edges), [{**row._asdict(), **span} for row in publication.edges])


def _end(connection: Connection, table: Table, repository: int, number: int, paths: Iterable[str]) -> None:
    columns = table.c
    statement = (
        update(table)
        .where(columns.repository_id == repository, columns.path == bindparam("b_path"), columns.until == FOREVER)
        .values(until=number)
    )
    rows = [{"b_path": path} for path in dict.fromkeys(paths)]
    if rows and number > 1:
        connection.execute(statement, rows)


def set_signatures(connection: Connection, repository: int, signatures: Mapping[str, str]) -> None:
    """Note how files look now whose content is the same."""
    if signatures:
        statement = (
            update(code_files)
            .where(_f.repository_id == repository, _f.path == bindparam("b_path"), _f.until == FOREVER)
            .values(signature=bindparam("b_signature"))
        )
        connection.execute(statement, [{"b_path": path, "b_signature": one} for path, one in signatures.items()])


def _drop_before(connection: Connection, repository: int, oldest: int) -> None:
    query = select(func.min(_g.number)).where(_g.repository_id == repository)
    first = connection.execute(query).scalar()
    if first is None or first >= oldest:
        return
    connection.execute(delete(code_generations).where(_g.repository_id == repository, _g.number < oldest))
    connection.execute(delete(code_edges).where(_e.repository_id == repository, _e.until <= oldest))
    gone = and_(_f.repository_id == repository, _f.until <= oldest)
    keys = set(connection.execute(select(_f.facts_key).where(gone)).scalars())
    connection.execute(delete(code_files).where(gone))
    # Facts that a run of long ago held back are looked for now and then: that reads every key.
    facts.collect(connection, None if oldest % _EVERY == 0 else keys)


def remove(connection: Connection, name: str) -> int:
    """Forget a repository, and all facts that nobody uses. Returns its id. Raises NotFound."""
    lock_code(connection)
    found = find(connection, name)
    if found is None:
        raise NotFound(f"no repository {name!r}", field="repository", repository=name)
    connection.execute(delete(code_repositories).where(_r.id == found.id))
    facts.collect(connection, None)
    return found.id


def ids(connection: Connection) -> list[tuple[int, int]]:
    """Every repository with its published generation."""
    return [(row[0], row[1]) for row in connection.execute(select(_r.id, _r.generation))]
