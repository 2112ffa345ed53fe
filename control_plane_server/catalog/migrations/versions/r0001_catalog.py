"""The five entities, the slot queue and idempotency keys."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0001"
down_revision: str | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "projects",
        sa.Column("project_name", sa.Text(), nullable=False),
        sa.Column(
            "creation_time",
            postgresql.TIMESTAMP(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("deletion_request_time", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("project_name"),
    )
    op.create_table(
        "versions",
        sa.Column("version_id", sa.Text(), nullable=False),
        sa.Column("project_name", sa.Text(), nullable=False),
        sa.Column(
            "creation_time",
            postgresql.TIMESTAMP(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(["project_name"], ["projects.project_name"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("version_id"),
    )
    op.create_index("versions_newest_first", "versions", ["project_name", "creation_time", "version_id"], unique=False)
    op.create_table(
        "functions",
        sa.Column("function_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("version_id", sa.Text(), nullable=False),
        sa.Column("function_name", sa.Text(), nullable=False),
        sa.Column("docker_image", sa.Text(), nullable=False),
        sa.Column("virtual_cpus", sa.Double(), nullable=False),
        sa.Column("memory_gbs", sa.Double(), nullable=False),
        sa.Column("max_concurrency", sa.Integer(), nullable=False),
        sa.Column("max_retries", sa.Integer(), nullable=False),
        sa.Column("timeout_seconds", sa.Integer(), nullable=False),
        sa.Column("retry_initial_interval_seconds", sa.Double(), nullable=False),
        sa.Column("retry_backoff_coefficient", sa.Double(), nullable=False),
        sa.Column("retry_max_interval_seconds", sa.Double(), nullable=False),
        sa.Column("command", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("status", sa.Text(), server_default="PENDING", nullable=False),
        sa.Column("prepared_type", sa.Text(), nullable=True),
        sa.Column("prepared_identifier", sa.Text(), nullable=True),
        sa.Column("preparation_error", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["version_id"], ["versions.version_id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("function_id"),
        sa.UniqueConstraint("version_id", "function_name", name="functions_by_name"),
    )
    op.create_table(
        "invocations",
        sa.Column("invocation_id", sa.Text(), nullable=False),
        sa.Column("function_id", sa.BigInteger(), nullable=False),
        sa.Column("parent_invocation_id", sa.Text(), nullable=True),
        sa.Column("input", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default="RUNNING", nullable=False),
        sa.Column(
            "creation_time",
            postgresql.TIMESTAMP(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column(
            "last_update_time",
            postgresql.TIMESTAMP(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("cancellation_request_time", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("stop_time", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["function_id"], ["functions.function_id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["parent_invocation_id"], ["invocations.invocation_id"], ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("invocation_id"),
    )
    op.create_index(
        "invocations_by_parent",
        "invocations",
        ["parent_invocation_id"],
        unique=False,
        postgresql_where=sa.text("parent_invocation_id IS NOT NULL"),
    )
    op.create_index(
        "invocations_newest_first",
        "invocations",
        [
            "function_id",
            sa.literal_column("floor(EXTRACT(epoch FROM timezone('UTC', creation_time))) DESC"),
            "invocation_id",
        ],
        unique=False,
    )
    op.create_index(
        "invocations_running",
        "invocations",
        ["function_id"],
        unique=False,
        postgresql_where=sa.text("status = 'RUNNING'"),
    )
    op.create_table(
        "executions",
        sa.Column("execution_id", sa.Text(), nullable=False),
        sa.Column("invocation_id", sa.Text(), nullable=False),
        sa.Column("function_id", sa.BigInteger(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("worker_status", sa.Text(), server_default="PENDING", nullable=False),
        sa.Column("claim_time", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("launches", sa.Integer(), server_default="0", nullable=False),
        sa.Column("launch_time", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("worker_type", sa.Text(), nullable=True),
        sa.Column("worker_identifier", sa.Text(), nullable=True),
        sa.Column("logs_identifier", sa.Text(), nullable=True),
        sa.Column("termination_signal_time", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("output", sa.Text(), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column(
            "creation_time",
            postgresql.TIMESTAMP(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column(
            "last_update_time",
            postgresql.TIMESTAMP(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("execution_start_time", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("execution_finish_time", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["invocation_id"], ["invocations.invocation_id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("execution_id"),
        sa.UniqueConstraint("invocation_id", "attempt", name="executions_by_attempt"),
    )
    op.create_index(
        "executions_holding_slots",
        "executions",
        ["function_id"],
        unique=False,
        postgresql_where=sa.text("worker_status <> 'TERMINATED'"),
    )
    op.create_table(
        "idempotency_keys",
        sa.Column("project_name", sa.Text(), nullable=False),
        sa.Column("function_name", sa.Text(), nullable=False),
        sa.Column("idempotency_key", sa.Text(), nullable=False),
        sa.Column("request_fingerprint", sa.Text(), nullable=False),
        sa.Column("invocation_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["invocation_id"], ["invocations.invocation_id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["project_name"], ["projects.project_name"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("project_name", "function_name", "idempotency_key"),
    )
    op.create_index(op.f("ix_idempotency_keys_invocation_id"), "idempotency_keys", ["invocation_id"], unique=False)
    op.create_table(
        "waiting_executions",
        sa.Column("invocation_id", sa.Text(), nullable=False),
        sa.Column("function_id", sa.BigInteger(), nullable=False),
        sa.Column("execution_id", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("invocation_creation_time", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["invocation_id"], ["invocations.invocation_id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("invocation_id"),
    )
    op.create_index(
        "waiting_executions_oldest_first",
        "waiting_executions",
        ["function_id", "invocation_creation_time", "invocation_id"],
        unique=False,
    )


def downgrade() -> None:
    for table in (
        "waiting_executions",
        "idempotency_keys",
        "executions",
        "invocations",
        "functions",
        "versions",
        "projects",
    ):
        op.drop_table(table)
