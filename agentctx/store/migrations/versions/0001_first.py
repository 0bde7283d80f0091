"""The first schema."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

Key = sa.BigInteger().with_variant(sa.Integer, "sqlite")
Name = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def _namespace_id() -> sa.Column[int]:
    return sa.Column("namespace_id", Key, sa.ForeignKey("namespaces.id", ondelete="CASCADE"), nullable=False)


def upgrade() -> None:
    meta = op.create_table(
        "meta", sa.Column("key", sa.Text, primary_key=True), sa.Column("value", sa.Text, nullable=False)
    )
    op.bulk_insert(meta, [{"key": "epoch_counter", "value": "0"}])
    op.create_table(
        "embedders",
        sa.Column("id", Key, primary_key=True),
        sa.Column("key", Name, nullable=False, unique=True),
        sa.Column("active", sa.Boolean, nullable=False),
    )
    op.create_table(
        "namespaces",
        sa.Column("id", Key, primary_key=True),
        sa.Column("name", Name, nullable=False, unique=True),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        sa.Column("head_sequence", sa.BigInteger, nullable=False),
        sa.Column("last_recorded_at", sa.BigInteger, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("live", sa.BigInteger, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "episodes",
        sa.Column("row", Key, primary_key=True),
        _namespace_id(),
        sa.Column("id", Name, nullable=False),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("changed_epoch", sa.BigInteger, nullable=False),
        sa.Column("changed_sequence", sa.BigInteger, nullable=False),
        sa.Column("changed_at", sa.BigInteger, nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("session", Name, nullable=False),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("speaker", Name, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("occurred_at", sa.BigInteger, nullable=False),
        sa.Column("recorded_at", sa.BigInteger, nullable=False),
        sa.Column("valid_from", sa.BigInteger),
        sa.Column("valid_to", sa.BigInteger),
        sa.Column("expires_at", sa.BigInteger),
        sa.Column("tags", sa.Text, nullable=False),
        sa.Column("metadata", sa.Text, nullable=False),
        sa.Column("supersedes", Name, nullable=False),
        sa.Column("superseded_by", Name, nullable=False),
        sa.Column("deleted_at", sa.BigInteger),
        sa.Column("request_id", Name, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("episodes_by_id", "episodes", ["namespace_id", "id"], unique=True)
    op.create_index("episodes_by_sequence", "episodes", ["namespace_id", "sequence"], unique=True)
    op.create_index("episodes_by_session", "episodes", ["namespace_id", "session", "position"])
    op.create_index(
        "episodes_by_superseded",
        "episodes",
        ["namespace_id", "supersedes"],
        sqlite_where=sa.text("supersedes <> ''"),
        postgresql_where=sa.text("supersedes <> ''"),
    )
    op.create_table(
        "changes",
        _namespace_id(),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        sa.Column("row", Key, sa.ForeignKey("episodes.row", ondelete="CASCADE"), nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("recorded_at", sa.BigInteger, nullable=False),
        sa.Column("after", sa.Text, nullable=False),
        sa.Column("before", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("namespace_id", "sequence"),
    )
    op.create_index("changes_by_row", "changes", ["row", "sequence"])
    op.create_table(
        "vectors",
        sa.Column("row", Key, sa.ForeignKey("episodes.row", ondelete="CASCADE"), nullable=False),
        sa.Column("embedder_id", Key, sa.ForeignKey("embedders.id"), nullable=False),
        sa.Column("vector", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("row", "embedder_id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "requests",
        _namespace_id(),
        sa.Column("request_id", Name, nullable=False),
        sa.Column("body_hash", sa.Text, nullable=False),
        sa.Column("result", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("namespace_id", "request_id"),
    )
