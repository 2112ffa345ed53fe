"""A row that somebody keeps locked spoils what needs that row, and nothing else."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import text

from control_plane_server.catalog.database import Database
from control_plane_server.catalog.execution_lifecycle.slots import Assignment
from control_plane_server.domain.errors import CatalogIsAway
from environment.settings import PostgresSettings
from tests.factories import insert_function, insert_invocation, take_slot

_POOL_SIZE = 2


async def test_a_locked_function_keeps_no_other_from_its_slots(
    database: Database, postgres_settings: PostgresSettings
) -> None:
    locked, free = [await insert_function(database, max_concurrency=10) for _ in range(2)]
    of_locked = [await insert_invocation(database, locked) for _ in range(2 * _POOL_SIZE)]
    of_free = await insert_invocation(database, free)
    ours = Database(postgres_settings.url, pool_size=_POOL_SIZE, lock_limit=timedelta(seconds=0.2))
    async with database.transaction() as somebody:
        await somebody.execute(
            text("SELECT FROM functions WHERE version_id = :version FOR UPDATE"), {"version": locked.version_id}
        )
        waiting = [asyncio.create_task(take_slot(ours, invocation_id)) for invocation_id in of_locked]
        async with asyncio.timeout(5):
            assert isinstance(await take_slot(ours, of_free), Assignment)
        for task in waiting:
            with pytest.raises(CatalogIsAway, match="lock timeout"):
                await task
    assert isinstance(await take_slot(ours, of_locked[0]), Assignment)
    await ours.close()
