"""A project's invocations can be listed by whatever is known of them, those of earlier releases included.

Nothing is locked for longer than a batch of rows takes, which is a fraction of a second: the release before goes on. It
may be interrupted anywhere, and then begins again with what is left.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.exc import DBAPIError

from control_plane_server.catalog.incomplete_invocations import completion_of_blocks
from control_plane_server.catalog.migrations.indexes import create_index_beside
from control_plane_server.catalog.migrations.locks import LET_EARLIER_RELEASES_GO_ON

revision: str = "0010"
down_revision: str | None = "0009"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_COLUMNS = ("project_name", "function_name")
_BACKWARDS = "(- floor(EXTRACT(epoch FROM timezone('UTC', creation_time))))"
_NEWEST_FIRST = f"(coalesce(outcome, status)), {_BACKWARDS}, invocation_id"
_INDEXES = {
    "invocations_of_project": f"(project_name, {_NEWEST_FIRST})",
    "invocations_of_name": f"(project_name, function_name, {_NEWEST_FIRST})",
    "invocations_of_function": f"(function_id, {_NEWEST_FIRST})",
    "invocations_of_parent": f"(parent_invocation_id, {_NEWEST_FIRST}) WHERE parent_invocation_id IS NOT NULL",
    "invocations_incomplete": (
        "(invocation_id) WHERE project_name IS NULL OR (status = 'TERMINATED' AND attempts IS NULL)"
    ),
}
# Half a megabyte: some thousands of rows at most.
_BLOCKS = 64


def upgrade() -> None:
    if not _has_columns():  # as after an interruption: they are committed before all is done
        for column in _COLUMNS:
            op.add_column("invocations", sa.Column(column, sa.Text(), nullable=True))
    blocks = _blocks()
    if blocks == 0:  # a new catalog: whole or not at all
        for name, columns in _INDEXES.items():
            op.execute(f"CREATE INDEX {name} ON invocations {columns}")
        op.drop_index("invocations_by_parent", table_name="invocations")
        return
    lock_limit = op.get_bind().execute(sa.text("SHOW lock_timeout")).scalar_one()
    with op.get_context().autocommit_block():
        op.execute(LET_EARLIER_RELEASES_GO_ON)
        op.execute("SET lock_timeout = 0")  # nothing is kept waiting by what waits from here on
        _complete(blocks)
        for name, columns in _INDEXES.items():
            create_index_beside(name, f"invocations {columns}")
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS invocations_by_parent")
        _vacuum()
        op.execute(f"SET lock_timeout = '{lock_limit}'")  # for the migrations that follow


def downgrade() -> None:
    for name in reversed(_INDEXES):
        op.drop_index(name, table_name="invocations")
    op.create_index(
        "invocations_by_parent",
        "invocations",
        ["parent_invocation_id"],
        postgresql_where=sa.text("parent_invocation_id IS NOT NULL"),
    )
    for column in reversed(_COLUMNS):
        op.drop_column("invocations", column)


def _has_columns() -> bool:
    """Looked up, as ADD COLUMN takes the lock of the table also where there is nothing to add."""
    found = sa.text("SELECT 1 FROM pg_attribute WHERE attrelid = 'invocations'::regclass AND attname = :name")
    return op.get_bind().execute(found, {"name": _COLUMNS[0]}).first() is not None


def _blocks() -> int:
    size: int = (
        op.get_bind()
        .execute(sa.text("SELECT pg_relation_size('invocations') / current_setting('block_size')::int"))
        .scalar_one()
    )
    return size


def _complete(blocks: int) -> None:
    """Block by block, as many as there were: what comes later, and what is being written, is left to the
    reconciliation."""
    told = 0
    for first in range(0, blocks, _BLOCKS):
        op.get_bind().execute(completion_of_blocks(first, first + _BLOCKS))
        percent = 100 * min(first + _BLOCKS, blocks) // blocks
        if percent >= told + 5:
            told = percent
            _report(f"invocations of earlier releases: {percent} %")


def _vacuum() -> None:
    """Or lists are planned, and counted, by what was there before."""
    try:
        op.execute("VACUUM (ANALYZE) invocations")
    except DBAPIError as error:
        if error.connection_invalidated:
            raise
        _report(f"the table invocations is left to autovacuum ({error.orig})")


def _report(step: str) -> None:
    context.config.attributes["report"](step)
