"""PostgreSQL of the embedded stack, killed."""

import asyncio
import os
import signal
from pathlib import Path

import asyncpg

from control_plane_server.cli.stack.errors import StackError
from control_plane_server.cli.stack.postgres import EmbeddedPostgres
from environment.settings import PostgresSettings


async def test_a_killed_server_is_not_waited_for(tmp_path: Path) -> None:
    folder = tmp_path / "postgres"
    server = EmbeddedPostgres(folder)
    settings = await server.start()
    session = await asyncpg.connect(host=settings.host, port=settings.port, user=settings.user, database=settings.db)
    try:
        os.kill(int((folder / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)
        async with asyncio.timeout(20):
            assert await _started_again(server) == settings
    finally:
        session.terminate()
        await server.stop()


async def _started_again(server: EmbeddedPostgres) -> PostgresSettings:
    """Until the last process of the dead server is gone, a new one refuses to start."""
    while True:
        try:
            return await server.start()
        except StackError:
            await asyncio.sleep(0.1)
