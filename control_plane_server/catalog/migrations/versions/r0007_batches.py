"""Batches; outcomes of invocations; signatures of functions; tracebacks of executions.

Columns are added without a default and indexes hold only rows that there are none of yet, so nothing is rewritten and
no lock is held for long. The outcomes of invocations that have ended before are worked out when they are read.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0007"
down_revision: str | None = "0006"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_TIME = postgresql.TIMESTAMP(timezone=True)
_COLUMNS = (
    ("functions", "signature", sa.Text()),
    ("executions", "error_traceback", sa.Text()),
    ("invocations", "outcome", sa.Text()),
    ("invocations", "batch_id", sa.Text()),
    ("invocations", "batch_index", sa.Integer()),
    ("invocations", "batch_position", sa.Integer()),
)
_COUNTS = ("ended", "succeeded", "failed", "cancelled", "timed_out", "aborted")
_IN_A_BATCH = "batch_id IS NOT NULL"


def upgrade() -> None:
    for table, column, kind in _COLUMNS:
        op.add_column(table, sa.Column(column, kind, nullable=True))
    op.create_table(
        "batches",
        sa.Column("batch_id", sa.Text(), nullable=False),
        sa.Column("function_id", sa.BigInteger(), nullable=False),
        sa.Column("parent_invocation_id", sa.Text(), nullable=True),
        sa.Column("size", sa.Integer(), nullable=False),
        *(sa.Column(count, sa.Integer(), server_default="0", nullable=False) for count in _COUNTS),
        sa.Column("creation_time", _TIME, server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("last_update_time", _TIME, server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("cancellation_request_time", _TIME, nullable=True),
        sa.Column("completion_time", _TIME, nullable=True),
        sa.ForeignKeyConstraint(["function_id"], ["functions.function_id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("batch_id"),
    )
    op.create_table(
        "batch_idempotency_keys",
        sa.Column("project_name", sa.Text(), nullable=False),
        sa.Column("function_name", sa.Text(), nullable=False),
        sa.Column("idempotency_key", sa.Text(), nullable=False),
        sa.Column("request_fingerprint", sa.Text(), nullable=False),
        sa.Column("batch_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["project_name"], ["projects.project_name"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["batch_id"], ["batches.batch_id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("project_name", "function_name", "idempotency_key"),
    )
    op.create_index("ix_batch_idempotency_keys_batch_id", "batch_idempotency_keys", ["batch_id"])
    second = sa.text("floor(EXTRACT(epoch FROM timezone('UTC', creation_time))) DESC")
    op.create_index("batches_newest_first", "batches", ["function_id", second, "batch_id"])
    _create_index("batches_by_parent", "batches", ["parent_invocation_id"], "parent_invocation_id IS NOT NULL")
    _create_index("batches_ended", "batches", ["completion_time"], "completion_time IS NOT NULL")
    _create_index("batches_running", "batches", ["function_id"], "completion_time IS NULL")
    _create_index("invocations_by_batch", "invocations", ["batch_id", "batch_index"], _IN_A_BATCH, unique=True)
    _create_index(
        "invocations_by_batch_position",
        "invocations",
        ["batch_id", "batch_position"],
        "batch_position IS NOT NULL",
        unique=True,
    )
    _create_index(
        "invocations_without_position",
        "invocations",
        ["batch_id"],
        f"{_IN_A_BATCH} AND batch_position IS NULL AND status = 'TERMINATED'",
    )


def downgrade() -> None:
    for index in ("invocations_without_position", "invocations_by_batch_position", "invocations_by_batch"):
        op.drop_index(index, table_name="invocations")
    op.drop_table("batch_idempotency_keys")
    op.drop_table("batches")
    for table, column, _ in reversed(_COLUMNS):
        op.drop_column(table, column)


def _create_index(name: str, table: str, columns: list[str], where: str, *, unique: bool = False) -> None:
    op.create_index(name, table, columns, unique=unique, postgresql_where=sa.text(where))
