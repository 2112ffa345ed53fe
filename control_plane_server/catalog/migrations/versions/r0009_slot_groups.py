"""Slots that all versions of a function share."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0009"
down_revision: str | None = "0008"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "slot_groups",
        sa.Column("group_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("project_name", sa.Text(), nullable=False),
        sa.Column("function_name", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["project_name"], ["projects.project_name"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("group_id"),
        sa.UniqueConstraint("project_name", "function_name", name="slot_groups_by_name"),
    )
    op.add_column("functions", sa.Column("slot_group_id", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    op.drop_column("functions", "slot_group_id")
    op.drop_table("slot_groups")
