"""Webhooks: of projects and of invocations, what signs them, and the outbox of what they are told.

The columns are added without rewriting a row.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision: str = "0020"
down_revision: str | None = "0019"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_TIME = sa.TIMESTAMP(timezone=True)
_NOW = sa.text("clock_timestamp()")
_SECOND = "floor(EXTRACT(epoch FROM timezone('UTC', creation_time))) DESC"
_LISTED = ("project_name", "webhook_name", sa.text(_SECOND), "delivery_id")


def upgrade() -> None:
    op.add_column("invocations", sa.Column("webhook_url", sa.Text(), nullable=True))
    op.add_column("invocations", sa.Column("webhook_events", ARRAY(sa.Text()), nullable=True))
    op.create_table(
        "webhooks",
        sa.Column("project_name", sa.Text(), nullable=False),
        sa.Column("webhook_name", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("events", ARRAY(sa.Text()), nullable=False),
        sa.Column("creation_time", _TIME, server_default=_NOW, nullable=False),
        sa.Column("last_update_time", _TIME, server_default=_NOW, nullable=False),
        sa.Column("failing_since", _TIME, nullable=True),
        sa.ForeignKeyConstraint(["project_name"], ["projects.project_name"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("project_name", "webhook_name"),
    )
    op.create_table(
        "webhook_secrets",
        sa.Column("secret_id", sa.BigInteger(), sa.Identity(), primary_key=True),
        sa.Column(
            "project_name", sa.Text(), sa.ForeignKey("projects.project_name", ondelete="CASCADE"), nullable=False
        ),
        sa.Column("webhook_name", sa.Text(), nullable=False),
        sa.Column("encrypted_value", sa.Text(), nullable=False),
        sa.Column("encryption_key", sa.Text(), nullable=False),
        sa.Column("creation_time", _TIME, server_default=_NOW, nullable=False),
        sa.Column("expiry_time", _TIME, nullable=True),
    )
    op.create_index("webhook_secrets_of_webhook", "webhook_secrets", ["project_name", "webhook_name", "expiry_time"])
    op.create_index(
        "webhook_secrets_newest",
        "webhook_secrets",
        ["project_name", "webhook_name"],
        unique=True,
        postgresql_where=sa.text("expiry_time IS NULL"),
    )
    op.create_table(
        "webhook_deliveries",
        sa.Column("delivery_id", sa.Text(), primary_key=True),
        sa.Column("project_name", sa.Text(), nullable=False),
        sa.Column("webhook_name", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column(
            "invocation_id",
            sa.Text(),
            sa.ForeignKey("invocations.invocation_id", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default="PENDING", nullable=False),
        sa.Column("creation_time", _TIME, server_default=_NOW, nullable=False),
        sa.Column("pending_since", _TIME, server_default=_NOW, nullable=False),
        sa.Column("announced_time", _TIME, nullable=True),
        sa.Column("next_attempt_time", _TIME, server_default=_NOW, nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("last_attempt_time", _TIME, nullable=True),
        sa.Column("last_status", sa.Integer(), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
    )
    op.create_index("ix_webhook_deliveries_invocation_id", "webhook_deliveries", ["invocation_id"])
    op.create_index("webhook_deliveries_newest_first", "webhook_deliveries", _LISTED)
    op.create_index(
        "webhook_deliveries_given_up",
        "webhook_deliveries",
        _LISTED,
        postgresql_where=sa.text("status = 'GIVEN_UP'"),
    )
    for name, columns, condition in (
        ("webhook_deliveries_due", ["project_name", "target", "next_attempt_time"], "status = 'PENDING'"),
        (
            "webhook_deliveries_unannounced",
            ["project_name", "target"],
            "status = 'PENDING' AND announced_time IS NULL",
        ),
    ):
        op.create_index(name, "webhook_deliveries", columns, postgresql_where=sa.text(condition))


def downgrade() -> None:
    op.drop_table("webhook_deliveries")
    op.drop_table("webhook_secrets")
    op.drop_table("webhooks")
    op.drop_column("invocations", "webhook_events")
    op.drop_column("invocations", "webhook_url")
