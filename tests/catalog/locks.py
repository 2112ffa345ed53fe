"""Two transactions that meet: the one that comes second waits."""

import asyncio

from sqlalchemy import text

from control_plane_server.catalog.database import Database


async def somebody_waits_for_a_lock(database: Database) -> None:
    blocked = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    async with database.statement() as connection:
        while not await connection.scalar(blocked):
            await asyncio.sleep(0.01)
