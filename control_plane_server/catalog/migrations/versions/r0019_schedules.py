"""Schedules of projects, what functions declare of them, and which invocations they have made."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from control_plane_server.catalog.migrations.locks import LET_EARLIER_RELEASES_GO_ON

revision: str = "0019"
down_revision: str | None = "0018"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_TIME = sa.TIMESTAMP(timezone=True)
_INDEX = "invocations_running_by_schedule"
_INDEXED = "ON invocations (schedule_id) WHERE schedule_id IS NOT NULL AND status = 'RUNNING'"


def upgrade() -> None:
    """Columns, table and functions' declarations in one transaction; then the index, beside others' work. It may be
    interrupted before that, and then begins there."""
    if not _is_there("schedules"):
        _create()
    if _is_empty():  # a new catalog: whole or not at all
        op.execute(f"CREATE INDEX {_INDEX} {_INDEXED}")
        return
    with op.get_context().autocommit_block():
        op.execute(LET_EARLIER_RELEASES_GO_ON)
        op.execute("SET lock_timeout = 0")  # nothing is kept waiting by what waits from here on
        op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {_INDEX}")  # of an attempt that was interrupted
        op.execute(f"CREATE INDEX CONCURRENTLY {_INDEX} {_INDEXED}")


def downgrade() -> None:
    op.drop_index(_INDEX, table_name="invocations")
    for column in ("scheduled_time", "schedule_name", "schedule_id"):
        op.drop_column("invocations", column)
    op.drop_index("functions_scheduled", table_name="functions")
    op.drop_column("functions", "schedules")
    op.drop_table("schedules")


def _create() -> None:
    op.add_column("functions", sa.Column("schedules", JSONB(), nullable=True))
    op.create_index(
        "functions_scheduled", "functions", ["version_id"], postgresql_where=sa.text("schedules IS NOT NULL")
    )
    op.add_column("invocations", sa.Column("schedule_id", sa.Text(), nullable=True))
    op.add_column("invocations", sa.Column("schedule_name", sa.Text(), nullable=True))
    op.add_column("invocations", sa.Column("scheduled_time", _TIME, nullable=True))
    op.create_table(
        "schedules",
        sa.Column("schedule_id", sa.Text(), primary_key=True),
        sa.Column(
            "project_name", sa.Text(), sa.ForeignKey("projects.project_name", ondelete="CASCADE"), nullable=False
        ),
        sa.Column("schedule_name", sa.Text(), nullable=False),
        sa.Column("function_name", sa.Text(), nullable=False),
        sa.Column("is_declared", sa.Boolean(), nullable=False),
        sa.Column("cron", sa.Text(), nullable=True),
        sa.Column("every_seconds", sa.Integer(), nullable=True),
        sa.Column("timezone", sa.Text(), nullable=False),
        sa.Column("input", sa.Text(), nullable=False),
        sa.Column("overlap", sa.Text(), nullable=False),
        sa.Column("jitter_seconds", sa.Integer(), nullable=False),
        sa.Column("pause_time", _TIME, nullable=True),
        sa.Column("pause_reason", sa.Text(), nullable=True),
        sa.Column("is_without_function", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("waiting_time", _TIME, nullable=True),
        sa.Column("waiting_look_time", _TIME, nullable=True),
        sa.Column("last_skipped_time", _TIME, nullable=True),
        sa.Column("last_skip_reason", sa.Text(), nullable=True),
        sa.Column("creation_time", _TIME, server_default=sa.func.clock_timestamp(), nullable=False),
        sa.Column("last_update_time", _TIME, server_default=sa.func.clock_timestamp(), nullable=False),
        sa.UniqueConstraint("project_name", "schedule_name", name="schedules_by_name"),
    )


def _is_there(table: str) -> bool:
    found: object = op.get_bind().execute(sa.text("SELECT to_regclass(:name)"), {"name": table}).scalar_one()
    return found is not None


def _is_empty() -> bool:
    size: int = op.get_bind().execute(sa.text("SELECT pg_relation_size('invocations')")).scalar_one()
    return size == 0
