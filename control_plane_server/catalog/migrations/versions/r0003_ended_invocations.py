"""An index that finds what has ended long ago, for retention."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_index(
        "invocations_ended",
        "invocations",
        ["last_update_time"],
        unique=False,
        postgresql_where=sa.text("status = 'TERMINATED'"),
    )


def downgrade() -> None:
    op.drop_index("invocations_ended", table_name="invocations")
