"""An index of functions that are not READY: `latest` looks for a version that has none. They are few."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0009"
down_revision: str | None = "0008"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_index(
        "functions_unready", "functions", ["version_id"], unique=False, postgresql_where=sa.text("status <> 'READY'")
    )


def downgrade() -> None:
    op.drop_index("functions_unready", table_name="functions")
