"""Edits of tags by users and by consolidation, and the tags that language models give to episodes."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

Key = sa.BigInteger().with_variant(sa.Integer, "sqlite")
Name = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def _namespace_id() -> sa.Column[int]:
    return sa.Column("namespace_id", Key, sa.ForeignKey("namespaces.id", ondelete="CASCADE"), nullable=False)


def upgrade() -> None:
    op.create_table(
        "tag_edits",
        _namespace_id(),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        sa.Column("recorded_at", sa.BigInteger, nullable=False),
        sa.Column("changed_at", sa.BigInteger, nullable=False),
        sa.Column("op", sa.Text, nullable=False),
        sa.Column("tag", Name, nullable=False),
        sa.Column("other", Name, nullable=False),
        sa.Column("origin", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("namespace_id", "sequence"),
    )
    op.create_table(
        "episode_tags",
        sa.Column("row", Key, sa.ForeignKey("episodes.row", ondelete="CASCADE"), nullable=False),
        _namespace_id(),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("producer", sa.Text, nullable=False),
        sa.Column("tags", sa.Text, nullable=False),
        sa.Column("relations", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("row"),
        sqlite_with_rowid=False,
    )
    op.create_index("episode_tags_by_sequence", "episode_tags", ["namespace_id", "sequence"])
