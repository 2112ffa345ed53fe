"""Brings the catalog to the newest schema, or removes it. Safe when several processes start together.

Alembic is imported only where there is something to migrate.
"""

from __future__ import annotations  # Alembic's names are here for type checkers alone

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from importlib.resources import files
from typing import TYPE_CHECKING

import structlog
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from control_plane_server.catalog.database import Database
from control_plane_server.catalog.migrations.locks import LOCK_OF_EARLIER_RELEASES, MIGRATION_LOCK
from control_plane_server.catalog.migrations.revisions import current_revision, newest_revision
from control_plane_server.domain.errors import CatalogIsAway

if TYPE_CHECKING:
    from alembic.config import Config

logger = structlog.get_logger(__name__)

# Whoever waits for the lock of a table keeps all others waiting, so it is tried again instead. A migration waits for
# some tables, one after the other, and keeps those that it has: for less than deadlock_timeout in all. So it has given
# way before PostgreSQL looks who waits for whom, and would end whoever began to wait first.
_LIMIT_LOCKS = text(
    "SELECT set_config('lock_timeout', greatest(setting::int / 10, 1) || 'ms', false)"
    " FROM pg_settings WHERE name = 'deadlock_timeout'"
)
_PAUSE = timedelta(seconds=1)
_MOST_TRIES = 900
# Tables are dropped when nobody works with them any more.
_DROP_LIMIT = timedelta(seconds=2)
# A lock was not granted in time; or two waited for each other, and this one was chosen to give way.
_MAY_BE_TRIED_AGAIN = ("55P03", "40P01")
# Another process migrates, which takes minutes for millions of invocations.
_PATIENCE = timedelta(hours=2)

Report = Callable[[str], None]


def _log(step: str) -> None:
    logger.info("catalog_is_migrated", step=step)


async def upgrade_to_head(database: Database, *, report: Report = _log) -> None:
    """Run every migration that is missing. A schema of a later version is left as it is: migrations only add.

    One that was interrupted goes on. `report` is told what is done now, if it may take long. Raises CatalogIsAway.
    """
    if (await schema_revisions(database))[0] == newest_revision():
        return
    async with _alone(database) as connection:
        for _ in range(_MOST_TRIES):
            try:
                await connection.run_sync(lambda sync: _upgrade(alembic_config(sync, report=report), sync))
                return
            except DBAPIError as error:
                await connection.rollback()
                if getattr(error.orig, "sqlstate", None) not in _MAY_BE_TRIED_AGAIN:
                    raise
            report("a table is in use, and is waited for")
            await asyncio.sleep(_PAUSE.total_seconds())
        raise CatalogIsAway(f"{CatalogIsAway.default_message()} (a table that has to be changed is in use)")


async def schema_revisions(database: Database) -> tuple[str | None, str | None]:
    """The schema that the catalog has, None if it has none, and the newest. Changes nothing. Raises CatalogIsAway."""
    async with database.transaction() as connection:
        return await current_revision(connection), newest_revision()


async def drop_everything(database: Database) -> None:
    """Drop every table of ours, data included. Raises CatalogIsAway."""
    from alembic import command  # noqa: PLC0415

    async with _alone(database) as connection:
        await connection.execute(text(f"SET lock_timeout = '{round(_DROP_LIMIT.total_seconds())}s'"))
        await connection.commit()
        await connection.run_sync(lambda sync: command.downgrade(alembic_config(sync), "base"))
    async with database.statement() as connection:
        await connection.execute(text("DROP TABLE IF EXISTS alembic_version"))


def alembic_config(connection: Connection, *, report: Report = _log) -> Config:
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(files("control_plane_server.catalog.migrations")))
    config.attributes["connection"] = connection
    config.attributes["report"] = report
    return config


def _upgrade(config: Config, connection: Connection) -> None:
    from alembic import command  # noqa: PLC0415
    from alembic.runtime.migration import MigrationContext  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    connection.execute(_LIMIT_LOCKS)
    current = MigrationContext.configure(connection).get_current_revision()
    connection.commit()  # Alembic begins its own
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if current is None or current in known:
        command.upgrade(config, "head")


@asynccontextmanager
async def _alone(database: Database) -> AsyncIterator[AsyncConnection]:
    """A connection of the one process that migrates: a second one waits, then finds the newest schema and does
    nothing."""
    async with database.long_connection() as connection:
        for lock in (MIGRATION_LOCK, LOCK_OF_EARLIER_RELEASES):
            await _take_lock(connection, lock)
        try:
            yield connection
        finally:
            # Whatever happened to it: with its session the lock goes, and what was set.
            await connection.invalidate()


async def _take_lock(connection: AsyncConnection, lock: int) -> None:
    """By asking again and again: an index that is made beside others' work waits for every statement that has begun,
    which would wait for the lock."""
    deadline = asyncio.get_running_loop().time() + _PATIENCE.total_seconds()
    while not await connection.scalar(text("SELECT pg_try_advisory_lock(:lock)"), {"lock": lock}):
        await connection.commit()
        if asyncio.get_running_loop().time() > deadline:
            raise CatalogIsAway(f"{CatalogIsAway.default_message()} (another process migrates it)")
        await asyncio.sleep(_PAUSE.total_seconds() / 5)
    await connection.commit()
