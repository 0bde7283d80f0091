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
    Double,
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

# --- code: a tree's facts by content, and generations of repositories -----------------------------------------------

code_repositories: Final = Table(
    "code_repositories",
    metadata,
    Column("id", _Key, primary_key=True),
    Column("name", _Name, nullable=False, unique=True),
    Column("root", _Name, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    # The published generation: 0 before the first. Numbers are never given twice.
    Column("generation", BigInteger, nullable=False),
    # Who indexes it at the moment, and until when that holds without a sign of life.
    Column("lease_owner", Text, nullable=False),
    Column("lease_since", BigInteger, nullable=False),
    Column("lease_until", BigInteger, nullable=False),
    Index("code_repositories_by_root", "root"),
    sqlite_autoincrement=True,
)

code_generations: Final = Table(
    "code_generations",
    metadata,
    Column("repository_id", _Key, ForeignKey("code_repositories.id", ondelete="CASCADE"), nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("commit_id", Text, nullable=False),
    Column("branch", Text, nullable=False),
    Column("indexed_at", BigInteger, nullable=False),
    Column("files", BigInteger, nullable=False),
    Column("symbols", BigInteger, nullable=False),
    Column("edges", BigInteger, nullable=False),
    Column("summary", Text, nullable=False),
    PrimaryKeyConstraint("repository_id", "number"),
)

# A file of the generations from `since` up to, but not including, `until`.
code_files: Final = Table(
    "code_files",
    metadata,
    Column("repository_id", _Key, ForeignKey("code_repositories.id", ondelete="CASCADE"), nullable=False),
    Column("path", _Name, nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False),
    Column("facts_key", Text, nullable=False),
    Column("content_hash", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    # What tells cheaply that the file is still the same: of the newest walk, not of a generation. "": look inside.
    Column("signature", Text, nullable=False),
    PrimaryKeyConstraint("repository_id", "path", "since"),
    Index("code_files_by_facts", "facts_key"),
)

code_edges: Final = Table(
    "code_edges",
    metadata,
    Column("repository_id", _Key, ForeignKey("code_repositories.id", ondelete="CASCADE"), nullable=False),
    Column("path", _Name, nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False),
    # What resolving the file looked at elsewhere: before the edges, as it is read without them.
    Column("footprint", LargeBinary, nullable=False),
    Column("data", LargeBinary, nullable=False),
    PrimaryKeyConstraint("repository_id", "path", "since"),
)

# What a content says, whoever holds it: shared by branches, commits, worktrees and repositories.
code_facts: Final = Table(
    "code_facts",
    metadata,
    Column("key", Text, primary_key=True),
    Column("added_at", BigInteger, nullable=False),
    Column("outline", LargeBinary, nullable=False),
    # "references" is a word of SQL
    Column("uses", LargeBinary, nullable=False),
)

code_derived: Final = Table(
    "code_derived",
    metadata,
    Column("key", Text, ForeignKey("code_facts.key", ondelete="CASCADE"), nullable=False),
    Column("producer", Text, nullable=False),
    Column("data", LargeBinary, nullable=False),
    PrimaryKeyConstraint("key", "producer"),
)

# What is derived from a whole generation, the published one; it can be made again.
code_states: Final = Table(
    "code_states",
    metadata,
    Column("repository_id", _Key, ForeignKey("code_repositories.id", ondelete="CASCADE"), nullable=False),
    Column("producer", Text, nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("data", LargeBinary, nullable=False),
    PrimaryKeyConstraint("repository_id", "producer"),
)

# --- ledger: what language models were asked, and what it cost ------------------------------------------------------

llm_requests: Final = Table(
    "llm_requests",
    metadata,
    Column("id", Text, primary_key=True),
    Column("namespace", _Name, nullable=False),
    Column("session", _Name, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    # 0 while it runs, or where the process died over it.
    Column("finished_at", BigInteger, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("task_type", _Name, nullable=False),
    Column("backend", _Name, nullable=False),
    Column("precision", Text, nullable=False),
    Column("attempts", BigInteger, nullable=False),
    Column("input_tokens", BigInteger, nullable=False),
    Column("cached_tokens", BigInteger, nullable=False),
    Column("output_tokens", BigInteger, nullable=False),
    Column("estimated", Boolean, nullable=False),
    # US dollars; null where a price is not known.
    Column("cost", Double),
    Column("cost_highest", Double),
    Column("cost_lowest", Double),
    Column("cost_random", Double),
    Column("latency_ms", Double, nullable=False),
    Column("first_token_ms", Double, nullable=False),
    Column("prompt_hash", Text, nullable=False),
    # Only where the settings ask for it.
    Column("prompt", Text),
    Column("route", Text, nullable=False),
    Index("llm_requests_by_time", "started_at"),
    Index("llm_requests_by_session", "namespace", "session", "started_at", "cost"),
)

llm_attempts: Final = Table(
    "llm_attempts",
    metadata,
    Column("request_id", Text, ForeignKey("llm_requests.id", ondelete="CASCADE"), nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("backend", _Name, nullable=False),
    Column("precision", Text, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("ms", Double, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("input_tokens", BigInteger, nullable=False),
    Column("cached_tokens", BigInteger, nullable=False),
    Column("output_tokens", BigInteger, nullable=False),
    Column("estimated", Boolean, nullable=False),
    Column("cost", Double),
    Column("detail", Text, nullable=False),
    PrimaryKeyConstraint("request_id", "number"),
)

llm_feedback: Final = Table(
    "llm_feedback",
    metadata,
    Column("request_id", Text, ForeignKey("llm_requests.id", ondelete="CASCADE"), primary_key=True),
    Column("quality", Double, nullable=False),
    Column("recorded_at", BigInteger, nullable=False),
)
