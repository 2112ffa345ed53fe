"""What a submit may ask for: tags, a delay, a priority, a concurrency key. Pauses of functions and projects."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision: str = "0018"
down_revision: str | None = "0017"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_TIME = sa.TIMESTAMP(timezone=True)


def upgrade() -> None:
    op.add_column("invocations", sa.Column("tags", JSONB(), nullable=True))
    op.add_column("invocations", sa.Column("not_before", _TIME, nullable=True))
    op.add_column("invocations", sa.Column("priority", sa.Integer(), server_default="5", nullable=False))
    op.add_column("invocations", sa.Column("concurrency_key", sa.Text(), nullable=True))
    op.add_column("invocations", sa.Column("concurrency_limit", sa.Integer(), nullable=True))
    op.add_column("batches", sa.Column("not_before", _TIME, nullable=True))
    op.add_column("executions", sa.Column("concurrency_key", sa.Text(), nullable=True))
    op.add_column("waiting_executions", sa.Column("concurrency_key", sa.Text(), server_default="", nullable=False))
    op.add_column("waiting_executions", sa.Column("concurrency_limit", sa.Integer(), nullable=True))
    op.alter_column("waiting_executions", "function_id", nullable=True)
    op.create_index(
        "waiting_executions_by_key",
        "waiting_executions",
        ["function_id", "concurrency_key", "invocation_creation_time", "invocation_id"],
    )
    for table in ("functions", "projects"):
        op.add_column(table, sa.Column("pause_time", _TIME, nullable=True))
        op.add_column(table, sa.Column("paused_until", _TIME, nullable=True))


def downgrade() -> None:
    for table in ("projects", "functions"):
        op.drop_column(table, "paused_until")
        op.drop_column(table, "pause_time")
    op.drop_index("waiting_executions_by_key", table_name="waiting_executions")
    op.execute("""
        UPDATE waiting_executions SET function_id = (
            SELECT function_id FROM invocations WHERE invocations.invocation_id = waiting_executions.invocation_id
        ) WHERE function_id IS NULL
        """)
    op.alter_column("waiting_executions", "function_id", nullable=False)
    op.drop_column("waiting_executions", "concurrency_limit")
    op.drop_column("waiting_executions", "concurrency_key")
    op.drop_column("executions", "concurrency_key")
    op.drop_column("batches", "not_before")
    for column in ("concurrency_limit", "concurrency_key", "priority", "not_before", "tags"):
        op.drop_column("invocations", column)
