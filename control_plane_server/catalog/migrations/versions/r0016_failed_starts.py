"""How many containers of an execution in a row have failed to start."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0016"
down_revision: str | None = "0015"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("executions", sa.Column("failed_starts", sa.Integer(), server_default="0", nullable=False))


def downgrade() -> None:
    op.drop_column("executions", "failed_starts")
