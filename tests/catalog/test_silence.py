"""PostgreSQL falls silent, with every connection kept open: nobody waits for long, and all goes on when it is back."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from control_plane_server.catalog.connecting import connect
from control_plane_server.catalog.database import Database, one_or_none
from control_plane_server.catalog.driver_statements import DriverStatement
from control_plane_server.catalog.notifications import NotificationListener
from control_plane_server.domain.errors import CatalogIsAway
from environment.settings import PostgresSettings
from tests.figures import Show
from tests.proxy import Proxy, proxy_of_postgres

CHANNEL = "tests"
POOL_SIZE = 3
LIMIT = timedelta(seconds=0.3)
# The limit for the statement and a second for the server's last word; the rest is a busy machine's.
BOUND = 4.0

_SELECT = text("SELECT 1")


@pytest.fixture
async def proxied(postgres_settings: PostgresSettings) -> AsyncIterator[tuple[Proxy, PostgresSettings]]:
    async with proxy_of_postgres(postgres_settings) as it:
        yield it


@pytest.fixture
async def proxy(proxied: tuple[Proxy, PostgresSettings]) -> Proxy:
    return proxied[0]


@pytest.fixture
async def settings(proxied: tuple[Proxy, PostgresSettings]) -> PostgresSettings:
    return proxied[1]


@pytest.fixture
async def database(settings: PostgresSettings) -> AsyncIterator[Database]:
    """With a full pool."""
    database = Database(settings.url, pool_size=POOL_SIZE, statement_limit=LIMIT)
    await asyncio.gather(*(hold(database) for _ in range(POOL_SIZE)))
    yield database
    await database.close()


async def hold(database: Database) -> None:
    async with database.statement() as connection:
        await connection.execute(text("SELECT pg_sleep(0.1)"))


async def by_sqlalchemy(connection: AsyncConnection) -> None:
    await connection.execute(_SELECT)


async def by_the_driver(connection: AsyncConnection) -> None:
    await one_or_none(connection, DriverStatement(_SELECT), {})


Select = Callable[[AsyncConnection], Awaitable[None]]
each_way = pytest.mark.parametrize("select_one", [by_sqlalchemy, by_the_driver])


async def ask(opened: AbstractAsyncContextManager[AsyncConnection], select_one: Select = by_sqlalchemy) -> None:
    async with opened as connection:
        await select_one(connection)


async def is_answered(database: Database, select_one: Select = by_sqlalchemy) -> bool:
    try:
        await ask(database.statement(), select_one)
    except CatalogIsAway:
        return False
    return True


async def recovery(database: Database) -> float:
    """Seconds until everyone is answered who asks."""
    began = time.monotonic()
    async with asyncio.timeout(60):
        while not all(await asyncio.gather(*(is_answered(database) for _ in range(2 * POOL_SIZE)))):
            pass
    return time.monotonic() - began


@each_way
async def test_connections_that_died_without_a_word_are_all_thrown_away_when_one_is_found_dead(
    database: Database, proxy: Proxy, show: Show, select_one: Select
) -> None:
    proxy.lose_connections()
    before = proxy.connections
    began = time.monotonic()
    assert not await is_answered(database, select_one)
    noticed = time.monotonic() - began
    answers = [await is_answered(database, select_one) for _ in range(2 * POOL_SIZE)]
    show(f"silently cut: noticed after {noticed:.1f} s, {answers.count(False)} more of {len(answers)} refused")
    assert noticed < BOUND
    assert all(answers)
    assert proxy.connections > before


async def test_what_is_under_way_when_it_falls_silent_is_given_up(database: Database, proxy: Proxy) -> None:
    """A body that fails has its transaction rolled back, on a connection that does not answer."""

    async def fail_in_the_silence() -> None:
        async with database.transaction() as connection:
            await connection.execute(_SELECT)
            proxy.fall_silent()
            raise LookupError

    began = time.monotonic()
    with pytest.raises((LookupError, CatalogIsAway)):
        await fail_in_the_silence()
    assert time.monotonic() - began < BOUND
    proxy.speak()
    await recovery(database)


@each_way
async def test_nobody_waits_long_for_one_who_is_silent(
    database: Database, proxy: Proxy, show: Show, select_one: Select
) -> None:
    """However many more there are than the pool can serve."""
    proxy.fall_silent()
    began = time.monotonic()
    assert not any(await asyncio.gather(*(is_answered(database, select_one) for _ in range(4 * POOL_SIZE))))
    took = time.monotonic() - began
    proxy.speak()
    show(f"silent: refused after {took:.1f} s, everybody served {await recovery(database):.1f} s after its end")
    assert took < 2 * BOUND


async def test_a_statement_that_takes_too_long_is_ended_by_the_server_and_costs_no_connection(
    database: Database, proxy: Proxy
) -> None:
    before = proxy.connections
    with pytest.raises(CatalogIsAway, match="statement timeout"):
        async with database.statement() as connection:
            await connection.execute(text("SELECT pg_sleep(60)"))
    assert await is_answered(database)
    assert proxy.connections == before
    async with database.long_transaction() as connection:  # has more time
        await connection.execute(text("SELECT pg_sleep(0.6)"))


async def hold_long(database: Database) -> int:
    """For a while. The number of the server's process."""
    async with database.long_transaction() as connection:
        await connection.execute(text("SELECT pg_sleep(0.1)"))
        found: int = await connection.scalar(text("SELECT pg_backend_pid()"))
    return found


async def end_sessions(database: Database, processes: list[int]) -> None:
    async with database.statement() as connection:
        await connection.execute(
            text("SELECT pg_terminate_backend(unnest(CAST(:processes AS integer[])))"), {"processes": processes}
        )


@pytest.mark.parametrize("has_word", [False, True])
async def test_a_long_transaction_does_not_begin_on_a_connection_that_has_died(
    database: Database, proxy: Proxy, has_word: bool
) -> None:
    processes = await asyncio.gather(*(hold_long(database) for _ in range(3)))
    if has_word:
        await end_sessions(database, processes)
    else:
        proxy.lose_connections()
    refused = 0
    for _ in range(6):
        began = time.monotonic()
        try:
            await ask(database.long_transaction())
        except CatalogIsAway:
            refused += 1
        assert time.monotonic() - began < BOUND
    assert 1 <= refused <= len(processes), "each is replaced when it is found dead"
    await ask(database.long_transaction())


async def test_both_sides_look_after_a_connection(settings: PostgresSettings) -> None:
    connection = await connect(settings.url, name="tests", statement_limit=LIMIT)
    try:
        opened: socket.socket = connection._transport.get_extra_info("socket")  # type: ignore[attr-defined]
        assert opened.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            assert opened.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 10_000
        assert await connection.fetchval("SHOW statement_timeout") == "300ms"
        assert await connection.fetchval("SHOW idle_in_transaction_session_timeout") == "10s"
    finally:
        await connection.close()


@pytest.mark.parametrize("lose", [True, False])
async def test_the_listener_notices_that_it_no_longer_hears(
    settings: PostgresSettings, proxy: Proxy, migrated_database: Database, lose: bool
) -> None:
    listener = NotificationListener(settings.url, [CHANNEL], check_interval=LIMIT, patience=LIMIT)
    async with asyncio.timeout(30), listener, listener.subscribe((CHANNEL, "a")) as event:
        await event.wait()  # listening has begun
        event.clear()
        if lose:
            proxy.lose_connections()
        else:
            proxy.fall_silent()
            while proxy.connections < 2:  # it has given up the first
                await asyncio.sleep(0.02)
            proxy.speak()
        await event.wait()  # connected again: look for yourself
        event.clear()
        async with migrated_database.statement() as connection:
            await connection.execute(select(func.pg_notify(CHANNEL, "a")))
        await event.wait()


async def test_a_listener_that_hears_stays_connected(settings: PostgresSettings, proxy: Proxy) -> None:
    listener = NotificationListener(settings.url, [CHANNEL], check_interval=LIMIT / 10, patience=LIMIT)
    async with listener, listener.subscribe((CHANNEL, "a")) as event:
        await event.wait()
        await asyncio.sleep(2 * LIMIT.total_seconds())  # six checks
    assert proxy.connections == 1
