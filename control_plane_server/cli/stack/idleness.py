"""Waits until nothing runs, for a stack that is to stop without interrupting anybody."""

import asyncio
from contextlib import suppress
from datetime import timedelta

from control_plane_server.catalog.load import LoadRepository
from control_plane_server.domain.errors import CatalogIsAway
from control_plane_server.processes.connections import open_database
from environment.settings import PostgresSettings

_LOOK_EVERY = timedelta(seconds=0.5)


async def wait_until_idle(catalog: PostgresSettings, enough: asyncio.Event) -> None:
    """Return once no execution has a slot, or it is `enough`. A catalog that is away for a moment is asked again."""
    database = open_database(catalog)
    try:
        while not enough.is_set():
            with suppress(CatalogIsAway):
                async with database.statement() as connection:
                    if not await LoadRepository(connection).has_live_executions():
                        return
            with suppress(TimeoutError):
                await asyncio.wait_for(enough.wait(), _LOOK_EVERY.total_seconds())
    finally:
        await database.close()
