"""Brings the catalog to the newest schema, or removes it. Safe when several processes start together."""

from collections.abc import Callable
from importlib.resources import files

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from control_plane_server.catalog.database import Database

# Any number will do, if nobody else who uses this database takes the same one.
_MIGRATION_LOCK = 7_203_314_151


async def upgrade_to_head(database: Database) -> None:
    """Run every migration that is missing. A schema of a later version is left as it is: migrations only add.

    Raises CatalogIsAway.
    """
    await _locked(database, _upgrade)


async def schema_revisions(database: Database) -> tuple[str | None, str | None]:
    """The schema that the catalog has, None if it has none, and the newest. Changes nothing. Raises CatalogIsAway."""

    def read(connection: Connection) -> tuple[str | None, str | None]:
        newest = ScriptDirectory.from_config(alembic_config(connection)).get_current_head()
        return MigrationContext.configure(connection).get_current_revision(), newest

    async with database.transaction() as connection:
        return await connection.run_sync(read)


async def drop_everything(database: Database) -> None:
    """Drop every table of ours, data included. Raises CatalogIsAway."""
    await _locked(database, lambda config, _: command.downgrade(config, "base"))
    async with database.statement() as connection:
        await connection.execute(text("DROP TABLE IF EXISTS alembic_version"))


def alembic_config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(files("control_plane_server.catalog.migrations")))
    config.attributes["connection"] = connection
    return config


def _upgrade(config: Config, connection: Connection) -> None:
    current = MigrationContext.configure(connection).get_current_revision()
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if current is None or current in known:
        command.upgrade(config, "head")


async def _locked(database: Database, run: Callable[[Config, Connection], None]) -> None:
    def migrate(connection: Connection) -> None:
        # Held until the commit: a second process finds the newest schema and does nothing.
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MIGRATION_LOCK})
        run(alembic_config(connection), connection)

    async with database.long_transaction() as connection:
        await connection.run_sync(migrate)
