"""`control-plane allow-terminations`: the go-on of an operator for what the reconciliation does not do unasked."""

import asyncio
from datetime import timedelta
from typing import Annotated

import typer
from control_plane.cli.output import fail, note, print_json
from control_plane.cli.verbs.options import Json

from control_plane_server.catalog.installation import InstallationRepository
from control_plane_server.domain.errors import CatalogIsAway
from control_plane_server.processes.connections import open_database
from environment.loading import SettingsError, load_postgres


def allow_terminations(
    *,
    minutes: Annotated[int, typer.Option(min=1, max=1_440, help="For how long.")] = 60,
    as_json: Json = False,
) -> None:
    """Let the reconciliation end as many invocations as it finds with a workflow that somebody has closed.

    Unasked it ends a few at a time; an unusual number may be a mistake, and is left as it is until this.
    """
    try:
        asyncio.run(_allow(timedelta(minutes=minutes)))
    except (SettingsError, CatalogIsAway) as error:
        fail(str(error))
        raise typer.Exit(1) from error
    note(f"Invocations whose workflows were closed are ended, a hundred a minute, for {minutes} minutes from now on.")
    if as_json:
        print_json({"minutes": minutes})


async def _allow(duration: timedelta) -> None:
    database = open_database(load_postgres())
    try:
        async with database.statement() as connection:
            await InstallationRepository(connection).allow_mass_terminations(duration)
    finally:
        await database.close()
