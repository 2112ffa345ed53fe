"""What is too large for the catalog is in an object store; here is what of it there is, and whose."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0012"
down_revision: str | None = "0011"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_COLUMNS = (("invocations", "input_blob_id"), ("executions", "output_blob_id"))


def upgrade() -> None:
    for table, column in _COLUMNS:
        op.add_column(table, sa.Column(column, sa.Text(), nullable=True))
    op.create_table(
        "blobs",
        sa.Column("blob_id", sa.Text(), nullable=False),
        sa.Column("project_name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("invocation_id", sa.Text(), nullable=True),
        sa.Column("execution_id", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column(
            "creation_time",
            sa.TIMESTAMP(timezone=True),
            server_default=sa.func.clock_timestamp(),
            nullable=False,
        ),
        sa.Column("completed_time", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["project_name"], ["projects.project_name"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["invocation_id"], ["invocations.invocation_id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("blob_id"),
    )
    op.create_index("ix_blobs_project_name", "blobs", ["project_name"])
    op.create_index(
        "blobs_of_invocation",
        "blobs",
        ["invocation_id", "execution_id"],
        postgresql_where=sa.text("invocation_id IS NOT NULL"),
    )
    op.create_index("blobs_incomplete", "blobs", ["creation_time"], postgresql_where=sa.text("completed_time IS NULL"))


def downgrade() -> None:
    op.drop_table("blobs")
    for table, column in reversed(_COLUMNS):
        op.drop_column(table, column)
