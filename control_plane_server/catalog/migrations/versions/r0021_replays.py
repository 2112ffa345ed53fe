"""Replays: what an invocation is once more, and their batches and blobs."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0021"
down_revision: str | None = "0020"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("invocations", sa.Column("replayed_from", sa.Text(), nullable=True))
    op.add_column("batches", sa.Column("is_replay", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("blobs", sa.Column("object_id", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("blobs", "object_id")
    op.drop_column("batches", "is_replay")
    op.drop_column("invocations", "replayed_from")
