"""Secrets of projects; environment and secrets of functions.

The columns are added without rewriting a row.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0011"
down_revision: str | None = "0010"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_COLUMNS = ("environment", "secrets")


def upgrade() -> None:
    op.create_table(
        "secrets",
        sa.Column("project_name", sa.Text(), nullable=False),
        sa.Column("secret_name", sa.Text(), nullable=False),
        sa.Column("encrypted_value", sa.Text(), nullable=False),
        sa.Column("encryption_key", sa.Text(), nullable=False),
        sa.Column(
            "creation_time",
            sa.TIMESTAMP(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column(
            "last_update_time",
            sa.TIMESTAMP(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(["project_name"], ["projects.project_name"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("project_name", "secret_name"),
    )
    for column in _COLUMNS:
        op.add_column("functions", sa.Column(column, postgresql.JSONB(), nullable=True))


def downgrade() -> None:
    for column in reversed(_COLUMNS):
        op.drop_column("functions", column)
    op.drop_table("secrets")
