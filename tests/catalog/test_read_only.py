"""PostgreSQL that answers and only reads, as before a standby is promoted, is away; and back as soon as it writes."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from sqlalchemy import text

from control_plane_server.catalog.database import Database
from control_plane_server.catalog.migrations.migrate import upgrade_to_head
from control_plane_server.catalog.notifications import NotificationListener
from control_plane_server.catalog.projects import ProjectRepository
from control_plane_server.catalog.readiness import probe
from control_plane_server.domain.errors import CatalogIsAway
from environment.settings import PostgresSettings
from tests.conftest import CATALOG

SetReadOnly = Callable[[bool], Awaitable[None]]


@pytest.fixture
async def set_read_only(
    postgres_server: PostgresSettings, migrated_database: Database
) -> AsyncIterator[Callable[[bool], Awaitable[None]]]:
    """Of the test's database, for sessions that begin from then on."""
    admin = Database(postgres_server.url)

    async def apply(only_reads: bool) -> None:
        async with admin.statement() as connection:
            value = "on" if only_reads else "off"
            await connection.execute(text(f'ALTER DATABASE "{CATALOG}" SET default_transaction_read_only = {value}'))

    yield apply
    await apply(False)
    await admin.close()


async def write(database: Database) -> None:
    async with database.statement() as connection:
        await ProjectRepository(connection).create("a")


async def test_new_connections_are_refused_until_it_writes(database: Database, set_read_only: SetReadOnly) -> None:
    new = Database(database.url)
    await set_read_only(True)
    attempts: tuple[Callable[[Database], Awaitable[None]], ...] = (write, read, upgrade_to_head)
    for attempt in attempts:
        with pytest.raises(CatalogIsAway, match="only reads"):
            await attempt(new)
    async with NotificationListener(database.url, ["tests"]) as listener, listener.subscribe(("tests", "a")) as event:
        await set_read_only(False)
        await event.wait()
    await write(new)
    await new.close()


async def test_a_pool_of_a_server_that_was_demoted_is_thrown_away(
    database: Database, set_read_only: SetReadOnly
) -> None:
    single = Database(database.url, pool_size=1)
    async with single.statement() as connection:
        await connection.execute(text("SET default_transaction_read_only = on"))
    with pytest.raises(CatalogIsAway):
        async with single.statement() as connection:
            await probe(connection)
    with pytest.raises(CatalogIsAway, match="read-only"):
        async with single.transaction() as transaction:
            await ProjectRepository(transaction).create("a")
    await write(single)  # on a new connection
    await single.close()


async def read(database: Database) -> None:
    async with database.statement() as connection:
        await ProjectRepository(connection).list_all()
