"""`control-plane migrate`: the catalog's newest schema, before the processes that need it start."""

import asyncio

import typer

from catalog.migrations.migrate import upgrade_to_head
from cli.output import fail, note
from domain.errors import CatalogIsAway
from environment.composition import open_database
from environment.loading import SettingsError, load_postgres


def migrate() -> None:
    """Bring the catalog that POSTGRES_* names to the newest schema. Does nothing if it has that."""
    try:
        asyncio.run(_migrate())
    except (SettingsError, CatalogIsAway) as error:
        fail(str(error))
        raise typer.Exit(1) from error
    note("The catalog has the newest schema.")


async def _migrate() -> None:
    database = open_database(load_postgres())
    try:
        await upgrade_to_head(database)
    finally:
        await database.close()
