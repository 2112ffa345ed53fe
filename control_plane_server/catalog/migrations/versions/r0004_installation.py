"""Which installation the catalog is of, and which Temporal namespace works for it."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "installation",
        sa.Column("is_the_only_row", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("installation_id", sa.Text(), nullable=False),
        sa.Column("namespace_id", sa.Text(), nullable=True),
        sa.Column("mass_endings_allowed_until", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint("is_the_only_row", name="installation_is_one_row"),
        sa.PrimaryKeyConstraint("is_the_only_row"),
    )
    # Drawn here, so that there is no instant at which a catalog has none.
    op.execute("INSERT INTO installation (installation_id) VALUES (gen_random_uuid()::text)")


def downgrade() -> None:
    op.drop_table("installation")
