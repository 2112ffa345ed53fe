"""What a connection is when it comes back to the pool."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from control_plane_server.catalog.database import Database

_IN_TRANSACTION = text("SELECT pg_current_xact_id_if_assigned() IS NOT NULL")
_WRITE = text("SELECT pg_current_xact_id()")


@pytest.fixture
async def database(database: Database) -> AsyncIterator[Database]:
    """With a pool of one."""
    single = Database(database.url, pool_size=1)
    yield single
    await single.close()


async def test_statements_commit_one_by_one_and_transactions_do_not(database: Database) -> None:
    for _ in range(2):
        async with database.statement() as connection:
            await connection.execute(_WRITE)
            assert not await connection.scalar(_IN_TRANSACTION)
        async with database.transaction() as transaction:
            await transaction.execute(_WRITE)
            assert await transaction.scalar(_IN_TRANSACTION)


async def test_what_is_cancelled_or_fails_gives_its_connection_back(database: Database) -> None:
    async def sleep(opened: AbstractAsyncContextManager[AsyncConnection]) -> None:
        async with opened as connection:
            await connection.execute(_WRITE)
            await connection.execute(text("SELECT pg_sleep(60)"))

    async def fail(opened: AbstractAsyncContextManager[AsyncConnection]) -> None:
        async with opened as connection:
            await connection.execute(_WRITE)
            raise LookupError

    for open_connection in (database.statement, database.transaction):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await sleep(open_connection())
        with pytest.raises(LookupError):
            await fail(open_connection())
        async with database.statement() as connection:
            assert not await connection.scalar(_IN_TRANSACTION)


async def test_long_transactions_wait_for_each_other(database: Database) -> None:
    """However many projects are deleted at once: PostgreSQL takes so many connections and no more."""
    most_at_once = running = 0

    async def run() -> None:
        nonlocal most_at_once, running
        async with database.long_transaction() as connection:
            running += 1
            most_at_once = max(most_at_once, running)
            await connection.execute(text("SELECT pg_sleep(0.01)"))
            running -= 1

    await asyncio.gather(*(run() for _ in range(110)))
    assert most_at_once <= 3
