"""What functions need of their machine, and since when an execution has found no capacity."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision: str = "0014"
down_revision: str | None = "0013"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("functions", sa.Column("platform", JSONB(), nullable=True))
    op.add_column("executions", sa.Column("refused_since", sa.TIMESTAMP(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("executions", "refused_since")
    op.drop_column("functions", "platform")
