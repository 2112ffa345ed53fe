"""How many launches of an execution started no container."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("executions", sa.Column("refused_launches", sa.Integer(), server_default="0", nullable=False))


def downgrade() -> None:
    op.drop_column("executions", "refused_launches")
