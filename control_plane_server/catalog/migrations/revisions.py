"""Which schema the catalog has and which is the newest, found without Alembic: importing it is a fifth of the time that
a process takes to start, and most starts find nothing to migrate."""

from functools import cache
from importlib.resources import files

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection


@cache
def all_revisions() -> tuple[str, ...]:
    """In their order. The modules of migrations are named after them: `r0010_lists_of_invocations` makes 0010."""
    modules = (module.name for module in (files(__package__) / "versions").iterdir())
    return tuple(sorted(name.partition("_")[0].removeprefix("r") for name in modules if name.startswith("r")))


def newest_revision() -> str:
    return all_revisions()[-1]


async def current_revision(connection: AsyncConnection) -> str | None:
    """None if the catalog has no schema."""
    if await connection.scalar(text("SELECT to_regclass('alembic_version')")) is None:
        return None
    revision: str | None = await connection.scalar(text("SELECT version_num FROM alembic_version"))
    return revision
