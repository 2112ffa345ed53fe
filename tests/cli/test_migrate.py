"""`control-plane migrate`, as a process."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from environment.settings import PostgresSettings


@pytest.fixture
async def empty(postgres_settings: PostgresSettings) -> AsyncIterator[PostgresSettings]:
    """A database without tables."""
    name = f"{postgres_settings.db}_to_migrate"
    admin = create_async_engine(postgres_settings.url, isolation_level="AUTOCOMMIT")
    async with admin.connect() as connection:
        await connection.execute(text(f'CREATE DATABASE "{name}"'))
        yield postgres_settings.model_copy(update={"db": name})
        await connection.execute(text(f'DROP DATABASE "{name}" WITH (FORCE)'))
    await admin.dispose()


async def test_twice(empty: PostgresSettings) -> None:
    for _ in range(2):
        assert await _migrate(empty) == (0, ["The catalog has the newest schema."])


async def test_a_login_that_is_refused_is_one_line(empty: PostgresSettings) -> None:
    status, lines = await _migrate(empty.model_copy(update={"user": "nobody"}))
    assert status == 1
    assert lines == ['control-plane: The catalog does not answer (role "nobody" does not exist)']


async def _migrate(settings: PostgresSettings) -> tuple[int | None, list[str]]:
    """Its exit status, and what it said."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "control_plane.cli.main", "migrate"),
        env={
            "PATH": os.environ["PATH"],
            "POSTGRES_HOST": settings.host,
            "POSTGRES_PORT": str(settings.port),
            "POSTGRES_DB": settings.db,
            "POSTGRES_USER": settings.user,
            "POSTGRES_PASSWORD": settings.password.get_secret_value(),
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    return process.returncode, said.decode().splitlines()
