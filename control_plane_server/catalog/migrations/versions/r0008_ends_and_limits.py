"""How invocations ended and how long what took; limits of an attempt and of the queue; slots shared by versions.

All columns are added without rewriting a row: those that are not null have a default that PostgreSQL keeps apart.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0008"
down_revision: str | None = "0007"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_COLUMNS = (
    ("functions", "attempt_timeout_seconds", sa.Integer()),
    ("functions", "queue_timeout_seconds", sa.Integer()),
    ("invocations", "queue_timeout_seconds", sa.Integer()),
    ("invocations", "error_message", sa.Text()),
    ("invocations", "attempts", sa.Integer()),
    ("invocations", "queued_ms", sa.BigInteger()),
    ("invocations", "starting_ms", sa.BigInteger()),
    ("invocations", "running_ms", sa.BigInteger()),
    ("executions", "queued_ms", sa.BigInteger()),
    ("executions", "is_retryable", sa.Boolean()),
)


def upgrade() -> None:
    for table, column, kind in _COLUMNS:
        op.add_column(table, sa.Column(column, kind, nullable=True))
    op.add_column("functions", sa.Column("concurrency", sa.Text(), server_default="version", nullable=False))


def downgrade() -> None:
    op.drop_column("functions", "concurrency")
    for table, column, _ in reversed(_COLUMNS):
        op.drop_column(table, column)
