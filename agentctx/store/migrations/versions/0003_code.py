"""Indexed code: repositories, their generations, files and edges; facts by content."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

Key = sa.BigInteger().with_variant(sa.Integer, "sqlite")
Name = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def _repository_id() -> sa.Column[int]:
    return sa.Column("repository_id", Key, sa.ForeignKey("code_repositories.id", ondelete="CASCADE"), nullable=False)


def upgrade() -> None:
    op.create_table(
        "code_repositories",
        sa.Column("id", Key, primary_key=True),
        sa.Column("name", Name, nullable=False, unique=True),
        sa.Column("root", Name, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("generation", sa.BigInteger, nullable=False),
        sa.Column("lease_owner", sa.Text, nullable=False),
        sa.Column("lease_since", sa.BigInteger, nullable=False),
        sa.Column("lease_until", sa.BigInteger, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("code_repositories_by_root", "code_repositories", ["root"])
    op.create_table(
        "code_generations",
        _repository_id(),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("commit_id", sa.Text, nullable=False),
        sa.Column("branch", sa.Text, nullable=False),
        sa.Column("indexed_at", sa.BigInteger, nullable=False),
        sa.Column("files", sa.BigInteger, nullable=False),
        sa.Column("symbols", sa.BigInteger, nullable=False),
        sa.Column("edges", sa.BigInteger, nullable=False),
        sa.Column("summary", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("repository_id", "number"),
    )
    op.create_table(
        "code_files",
        _repository_id(),
        sa.Column("path", Name, nullable=False),
        sa.Column("since", sa.BigInteger, nullable=False),
        sa.Column("until", sa.BigInteger, nullable=False),
        sa.Column("facts_key", sa.Text, nullable=False),
        sa.Column("content_hash", sa.Text, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("signature", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("repository_id", "path", "since"),
    )
    op.create_index("code_files_by_facts", "code_files", ["facts_key"])
    op.create_table(
        "code_edges",
        _repository_id(),
        sa.Column("path", Name, nullable=False),
        sa.Column("since", sa.BigInteger, nullable=False),
        sa.Column("until", sa.BigInteger, nullable=False),
        sa.Column("footprint", sa.LargeBinary, nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("repository_id", "path", "since"),
    )
    op.create_table(
        "code_facts",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("added_at", sa.BigInteger, nullable=False),
        sa.Column("outline", sa.LargeBinary, nullable=False),
        sa.Column("uses", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "code_derived",
        sa.Column("key", sa.Text, sa.ForeignKey("code_facts.key", ondelete="CASCADE"), nullable=False),
        sa.Column("producer", sa.Text, nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("key", "producer"),
    )
    op.create_table(
        "code_states",
        _repository_id(),
        sa.Column("producer", sa.Text, nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("repository_id", "producer"),
    )
