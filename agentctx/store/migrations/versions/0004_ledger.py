"""The ledger: requests to language models, their attempts, and feedback."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

Name = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "llm_requests",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("namespace", Name, nullable=False),
        sa.Column("session", Name, nullable=False),
        sa.Column("started_at", sa.BigInteger, nullable=False),
        sa.Column("finished_at", sa.BigInteger, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("task_type", Name, nullable=False),
        sa.Column("backend", Name, nullable=False),
        sa.Column("precision", sa.Text, nullable=False),
        sa.Column("attempts", sa.BigInteger, nullable=False),
        sa.Column("input_tokens", sa.BigInteger, nullable=False),
        sa.Column("cached_tokens", sa.BigInteger, nullable=False),
        sa.Column("output_tokens", sa.BigInteger, nullable=False),
        sa.Column("estimated", sa.Boolean, nullable=False),
        sa.Column("cost", sa.Double),
        sa.Column("cost_highest", sa.Double),
        sa.Column("cost_lowest", sa.Double),
        sa.Column("cost_random", sa.Double),
        sa.Column("latency_ms", sa.Double, nullable=False),
        sa.Column("first_token_ms", sa.Double, nullable=False),
        sa.Column("prompt_hash", sa.Text, nullable=False),
        sa.Column("prompt", sa.Text),
        sa.Column("route", sa.Text, nullable=False),
    )
    op.create_index("llm_requests_by_time", "llm_requests", ["started_at"])
    op.create_index("llm_requests_by_session", "llm_requests", ["namespace", "session", "started_at", "cost"])
    op.create_table(
        "llm_attempts",
        sa.Column("request_id", sa.Text, sa.ForeignKey("llm_requests.id", ondelete="CASCADE"), nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("backend", Name, nullable=False),
        sa.Column("precision", sa.Text, nullable=False),
        sa.Column("started_at", sa.BigInteger, nullable=False),
        sa.Column("ms", sa.Double, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("input_tokens", sa.BigInteger, nullable=False),
        sa.Column("cached_tokens", sa.BigInteger, nullable=False),
        sa.Column("output_tokens", sa.BigInteger, nullable=False),
        sa.Column("estimated", sa.Boolean, nullable=False),
        sa.Column("cost", sa.Double),
        sa.Column("detail", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("request_id", "number"),
    )
    op.create_table(
        "llm_feedback",
        sa.Column("request_id", sa.Text, sa.ForeignKey("llm_requests.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("quality", sa.Double, nullable=False),
        sa.Column("recorded_at", sa.BigInteger, nullable=False),
    )
