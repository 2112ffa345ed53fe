"""`control-plane migrate`: the catalog's newest schema, before the processes that need it start."""

import asyncio

import typer
from control_plane.cli.output import fail, note, print_json
from control_plane.cli.verbs.options import Json

from control_plane_server.catalog.migrations.migrate import schema_revisions, upgrade_to_head
from control_plane_server.domain.errors import CatalogIsAway
from control_plane_server.processes.connections import open_database
from environment.loading import SettingsError, load_postgres


def migrate(*, as_json: Json = False) -> None:
    """Bring the catalog that POSTGRES_* names to the newest schema, while the release before goes on. Does nothing if
    it has that; what was interrupted goes on."""
    try:
        schema = asyncio.run(_migrate())
    except (SettingsError, CatalogIsAway) as error:
        fail(str(error))
        raise typer.Exit(1) from error
    note("The catalog has the newest schema.")
    if as_json:
        print_json({"schema": schema})


async def _migrate() -> str | None:
    """Which one it has now."""
    database = open_database(load_postgres())
    try:
        await upgrade_to_head(database, report=note)
        return (await schema_revisions(database))[0]
    finally:
        await database.close()
