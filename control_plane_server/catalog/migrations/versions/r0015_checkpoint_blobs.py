"""Checkpoints that are too large for the catalog, and which of two of one container is the later one."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0015"
down_revision: str | None = "0014"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("checkpoints", sa.Column("blob_id", sa.Text(), nullable=True))
    op.add_column("checkpoints", sa.Column("launch", sa.Integer(), nullable=True))
    op.add_column("checkpoints", sa.Column("sequence", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    op.drop_column("checkpoints", "sequence")
    op.drop_column("checkpoints", "launch")
    op.drop_column("checkpoints", "blob_id")
