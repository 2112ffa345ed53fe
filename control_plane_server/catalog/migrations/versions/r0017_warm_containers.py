"""Containers that outlive an execution, and what executions know of theirs."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision: str = "0017"
down_revision: str | None = "0016"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_TIME = sa.TIMESTAMP(timezone=True)


def upgrade() -> None:
    op.add_column("functions", sa.Column("reuse", JSONB(), nullable=True))
    op.create_index("functions_reusing", "functions", ["function_id"], postgresql_where=sa.text("reuse IS NOT NULL"))
    op.add_column("executions", sa.Column("is_warm_start", sa.Boolean(), nullable=True))
    op.add_column("executions", sa.Column("released_time", _TIME, nullable=True))
    op.add_column("executions", sa.Column("exit_code", sa.Integer(), nullable=True))
    op.create_table(
        "warm_containers",
        sa.Column("container_id", sa.Text(), primary_key=True),
        sa.Column(
            "function_id",
            sa.BigInteger(),
            sa.ForeignKey("functions.function_id", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("execution_id", sa.Text(), nullable=True),
        sa.Column("launch", sa.Integer(), nullable=True),
        sa.Column("traceparent", sa.Text(), nullable=True),
        sa.Column("lease_time", _TIME, nullable=True),
        sa.Column("is_delivered", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("stop_requested_time", _TIME, nullable=True),
        sa.Column("executions", sa.Integer(), server_default="0", nullable=False),
        sa.Column("idle_since", _TIME, nullable=True),
        sa.Column("idle_ms", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("heard_time", _TIME, nullable=True),
        sa.Column("container_type", sa.Text(), nullable=True),
        sa.Column("container_identifier", sa.Text(), nullable=True),
        sa.Column("logs_identifier", sa.Text(), nullable=True),
        sa.Column("creation_time", _TIME, server_default=sa.func.clock_timestamp(), nullable=False),
        sa.Column("close_time", _TIME, nullable=True),
        sa.Column("close_reason", sa.Text(), nullable=True),
    )
    op.create_index(
        "warm_containers_idle",
        "warm_containers",
        ["function_id", sa.text("idle_since DESC")],
        postgresql_where=sa.text("state = 'IDLE'"),
    )
    op.create_index(
        "warm_containers_open",
        "warm_containers",
        ["function_id", "state"],
        postgresql_where=sa.text("state <> 'CLOSED'"),
    )
    op.create_index(
        "warm_containers_by_lease",
        "warm_containers",
        ["execution_id", "launch"],
        unique=True,
        postgresql_where=sa.text("state = 'LEASED'"),
    )
    op.create_index(
        "warm_containers_closed",
        "warm_containers",
        ["close_time"],
        postgresql_where=sa.text("state = 'CLOSED'"),
    )
    op.create_index("warm_containers_of_function", "warm_containers", ["function_id", "creation_time"])


def downgrade() -> None:
    op.drop_table("warm_containers")
    for column in ("exit_code", "released_time", "is_warm_start"):
        op.drop_column("executions", column)
    op.drop_index("functions_reusing", "functions")
    op.drop_column("functions", "reuse")
