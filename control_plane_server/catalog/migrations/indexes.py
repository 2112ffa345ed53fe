"""Indexes made while others read and write: outside a transaction, so that an interruption may leave one invalid."""

import sqlalchemy as sa
from alembic import context, op


def create_index_beside(name: str, place: str) -> None:
    """Unless it is there already. `place`: table, method, columns and condition, as in SQL. Within an autocommit
    block."""
    context.config.attributes["report"](f"index {name}")
    is_valid: bool | None = (
        op.get_bind()
        .execute(sa.text("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(:name)"), {"name": name})
        .scalar_one_or_none()
    )
    if is_valid:
        return
    if is_valid is not None:  # of an attempt that was interrupted
        op.execute(f"DROP INDEX CONCURRENTLY {name}")
    op.execute(f"CREATE INDEX CONCURRENTLY {name} ON {place}")
