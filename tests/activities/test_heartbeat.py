"""Every use of the catalog is a step, after which an activity goes on beating."""

import asyncio
import time
from collections.abc import Callable, Coroutine

from sqlalchemy import text

from control_plane_server.catalog.database import Database
from control_plane_server.liveness.progress import note_progress
from tests.activities.beats import INTERVAL, WITHIN, Beats, run


async def test_whoever_gets_on_beats_however_long_it_takes(database: Database) -> None:
    beats = Beats()

    async def note() -> None:
        note_progress()

    async def ask() -> None:
        async with database.statement() as connection:
            await connection.execute(text("SELECT 1"))

    for step in (note, ask):

        async def get_on(step: Callable[[], Coroutine[None, None, None]] = step) -> None:
            ends = time.monotonic() + 2 * WITHIN.total_seconds()
            while time.monotonic() < ends:
                await asyncio.create_task(step())  # in whichever task
                await asyncio.sleep(INTERVAL)

        await run(beats, get_on)
    assert beats.count > 4
