"""Retries by kind, checkpoints, and how long containers ran that infrastructure took away.

All columns are added without rewriting a row.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0013"
down_revision: str | None = "0012"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("functions", sa.Column("retry_jitter", sa.Double(), nullable=True))
    op.add_column("functions", sa.Column("no_retry_on", postgresql.ARRAY(sa.Text()), nullable=True))
    op.add_column("functions", sa.Column("resume_children", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("executions", sa.Column("earlier_launches_ms", sa.BigInteger(), nullable=True))
    op.create_table(
        "checkpoints",
        sa.Column("invocation_id", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("save_time", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["invocation_id"], ["invocations.invocation_id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("invocation_id"),
    )


def downgrade() -> None:
    op.drop_table("checkpoints")
    op.drop_column("executions", "earlier_launches_ms")
    op.drop_column("functions", "resume_children")
    op.drop_column("functions", "no_retry_on")
    op.drop_column("functions", "retry_jitter")
