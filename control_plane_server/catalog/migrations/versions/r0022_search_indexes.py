"""Invocations are found by their tags and their concurrency key, and blobs by the object that they share.

Nothing is locked while the indexes are made. It may be interrupted anywhere, and then goes on with those that are
missing.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from control_plane_server.catalog.migrations.indexes import create_index_beside
from control_plane_server.catalog.migrations.locks import LET_EARLIER_RELEASES_GO_ON

revision: str = "0022"
down_revision: str | None = "0021"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_NEWEST_FIRST = (
    "(coalesce(outcome, status)), (- floor(EXTRACT(epoch FROM timezone('UTC', creation_time)))), invocation_id"
)
_INDEXES = {
    "invocations_by_tags": "invocations USING gin (tags jsonb_path_ops) WHERE tags IS NOT NULL",
    "invocations_of_concurrency_key": (
        f"invocations (project_name, concurrency_key, {_NEWEST_FIRST}) WHERE concurrency_key IS NOT NULL"
    ),
    "blobs_sharing_objects": "blobs (object_id) WHERE object_id IS NOT NULL",
}


def upgrade() -> None:
    if op.get_bind().execute(sa.text("SELECT NOT EXISTS (SELECT FROM projects)")).scalar_one():  # a new catalog
        for name, place in _INDEXES.items():
            op.execute(f"CREATE INDEX {name} ON {place}")
        return
    with op.get_context().autocommit_block():
        op.execute(LET_EARLIER_RELEASES_GO_ON)
        op.execute("SET lock_timeout = 0")  # nothing is kept waiting by what waits from here on
        for name, place in _INDEXES.items():
            create_index_beside(name, place)


def downgrade() -> None:
    for name in reversed(_INDEXES):
        op.execute(f"DROP INDEX {name}")
