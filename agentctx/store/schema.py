"""The tables, as statements see them. How they came to be is in `migrations/`; a test compares the two.

Times are microseconds since 1970, JSON is text: both engines then hold the same values. An add needs no log row of its
own: the episode row is its record, and `changes` holds the later ones with what they replaced, so that any earlier
state is found by undoing from the newest.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
)

metadata: Final = MetaData()

# SQLite makes a row id of INTEGER PRIMARY KEY only; all its integers have 64 bits anyway.
_Key = BigInteger().with_variant(Integer, "sqlite")
# Names are compared byte by byte on both engines, whatever the locale of the database.
_Name = Text().with_variant(Text(collation="C"), "postgresql")

meta: Final = Table(
    "meta",
    metadata,
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

embedders: Final = Table(
    "embedders",
    metadata,
    Column("id", _Key, primary_key=True),
    Column("key", _Name, nullable=False, unique=True),
    Column("active", Boolean, nullable=False),
)

namespaces: Final = Table(
    "namespaces",
    metadata,
    Column("id", _Key, primary_key=True),
    Column("name", _Name, nullable=False, unique=True),
    Column("epoch", BigInteger, nullable=False),
    Column("head_sequence", BigInteger, nullable=False),
    Column("last_recorded_at", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("live", BigInteger, nullable=False),
    sqlite_autoincrement=True,
)

episodes: Final = Table(
    "episodes",
    metadata,
    Column("row", _Key, primary_key=True),
    Column("namespace_id", _Key, ForeignKey("namespaces.id", ondelete="CASCADE"), nullable=False),
    Column("id", _Name, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("changed_epoch", BigInteger, nullable=False),
    Column("changed_sequence", BigInteger, nullable=False),
    # When the store that first wrote the newest record of this episode did so: what an import compares.
    Column("changed_at", BigInteger, nullable=False),
    Column("content", Text, nullable=False),
    Column("session", _Name, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("speaker", _Name, nullable=False),
    Column("role", Text, nullable=False),
    Column("occurred_at", BigInteger, nullable=False),
    Column("recorded_at", BigInteger, nullable=False),
    Column("valid_from", BigInteger),
    Column("valid_to", BigInteger),
    Column("expires_at", BigInteger),
    Column("tags", Text, nullable=False),
    Column("metadata", Text, nullable=False),
    Column("supersedes", _Name, nullable=False),
    Column("superseded_by", _Name, nullable=False),
    Column("deleted_at", BigInteger),
    Column("request_id", _Name, nullable=False),
    Index("episodes_by_id", "namespace_id", "id", unique=True),
    Index("episodes_by_sequence", "namespace_id", "sequence", unique=True),
    Index("episodes_by_session", "namespace_id", "session", "position"),
    Index(
        "episodes_by_superseded",
        "namespace_id",
        "supersedes",
        sqlite_where=text("supersedes <> ''"),
        postgresql_where=text("supersedes <> ''"),
    ),
    # A row number is never given twice: a slow re-embedding must not put its vector on another episode.
    sqlite_autoincrement=True,
)

changes: Final = Table(
    "changes",
    metadata,
    Column("namespace_id", _Key, ForeignKey("namespaces.id", ondelete="CASCADE"), nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("row", _Key, ForeignKey("episodes.row", ondelete="CASCADE"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("recorded_at", BigInteger, nullable=False),
    Column("after", Text, nullable=False),
    Column("before", Text, nullable=False),
    PrimaryKeyConstraint("namespace_id", "sequence"),
    Index("changes_by_row", "row", "sequence"),
)

vectors: Final = Table(
    "vectors",
    metadata,
    Column("row", _Key, ForeignKey("episodes.row", ondelete="CASCADE"), nullable=False),
    Column("embedder_id", _Key, ForeignKey("embedders.id"), nullable=False),
    Column("vector", LargeBinary, nullable=False),
    PrimaryKeyConstraint("row", "embedder_id"),
    sqlite_with_rowid=False,
)

requests: Final = Table(
    "requests",
    metadata,
    Column("namespace_id", _Key, ForeignKey("namespaces.id", ondelete="CASCADE"), nullable=False),
    Column("request_id", _Name, nullable=False),
    Column("body_hash", Text, nullable=False),
    Column("result", Text, nullable=False),
    PrimaryKeyConstraint("namespace_id", "request_id"),
)

tag_edits: Final = Table(
    "tag_edits",
    metadata,
    Column("namespace_id", _Key, ForeignKey("namespaces.id", ondelete="CASCADE"), nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("recorded_at", BigInteger, nullable=False),
    # When the store that first wrote the edit did so: what an import compares.
    Column("changed_at", BigInteger, nullable=False),
    Column("op", Text, nullable=False),
    Column("tag", _Name, nullable=False),
    Column("other", _Name, nullable=False),
    # "user" or "consolidation": merges that were made of what is in episodes do not outlive a purge.
    Column("origin", Text, nullable=False),
    PrimaryKeyConstraint("namespace_id", "sequence"),
)

# What a language model said of an episode: derived data, the newest of any producer.
episode_tags: Final = Table(
    "episode_tags",
    metadata,
    Column("row", _Key, ForeignKey("episodes.row", ondelete="CASCADE"), nullable=False),
    Column("namespace_id", _Key, ForeignKey("namespaces.id", ondelete="CASCADE"), nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("producer", Text, nullable=False),
    Column("tags", Text, nullable=False),
    Column("relations", Text, nullable=False),
    PrimaryKeyConstraint("row"),
    Index("episode_tags_by_sequence", "namespace_id", "sequence"),
    sqlite_with_rowid=False,
)
