"""Notifications reach who waits for them, also after the connection was lost."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import func, select, text

from control_plane_server.catalog.database import Database
from control_plane_server.catalog.notifications import NotificationListener
from environment.settings import PostgresSettings

CHANNEL = "tests"


@pytest.fixture
async def listener(postgres_settings: PostgresSettings) -> AsyncIterator[NotificationListener]:
    async with NotificationListener(postgres_settings.url, [CHANNEL]) as listener:
        yield listener


async def notify(database: Database, payload: str, *, channel: str = CHANNEL) -> None:
    async with database.statement() as connection:
        await connection.execute(select(func.pg_notify(channel, payload)))


async def wake(event: asyncio.Event) -> None:
    async with asyncio.timeout(10):
        await event.wait()
    event.clear()


async def test_only_its_own_payload_wakes_a_waiter(database: Database, listener: NotificationListener) -> None:
    async with listener.subscribe((CHANNEL, "a")) as first, listener.subscribe((CHANNEL, "b")) as second:
        await wake(first)  # listening has begun
        second.clear()
        await notify(database, "a", channel="elsewhere")
        await notify(database, "b")
        await wake(second)
        assert not first.is_set()


async def test_words_after_a_payload_are_passed_on_until_they_are_cleared(
    database: Database, listener: NotificationListener
) -> None:
    async with listener.subscribe((CHANNEL, "a")) as event:
        await wake(event)
        await notify(database, "a so it is")
        async with asyncio.timeout(10):
            await event.wait()
        assert event.words == "so it is"
        event.clear()
        assert event.words is None
        await notify(database, "a")
        async with asyncio.timeout(10):
            await event.wait()
        assert event.words is None


async def test_everyone_who_waits_for_a_payload_is_woken(database: Database, listener: NotificationListener) -> None:
    async with listener.subscribe((CHANNEL, "a")) as first, listener.subscribe((CHANNEL, "a")) as second:
        await wake(first)
        await wake(second)
        await notify(database, "a")
        await wake(first)
        await wake(second)


async def test_a_lost_connection_is_replaced_and_everyone_woken(
    database: Database, listener: NotificationListener
) -> None:
    async with listener.subscribe((CHANNEL, "a")) as event:
        await wake(event)
        async with database.statement() as connection:
            await connection.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE application_name = 'control-plane notifications'"
                )
            )
        await wake(event)  # what was sent in between is lost: look for yourself
        await notify(database, "a")
        await wake(event)


async def test_it_waits_for_a_database_that_is_not_there_yet(postgres_settings: PostgresSettings) -> None:
    name = f"{postgres_settings.db}_late"
    admin = Database(postgres_settings.url)
    late = Database(postgres_settings.model_copy(update={"db": name}).url)
    async with NotificationListener(late.url, [CHANNEL]) as listener, listener.subscribe((CHANNEL, "a")) as event:
        async with admin.statement() as connection:
            await connection.execute(text(f'CREATE DATABASE "{name}"'))
        await wake(event)
        await notify(late, "a")
        await wake(event)
    await late.close()
    async with admin.statement() as connection:
        await connection.execute(text(f'DROP DATABASE "{name}" WITH (FORCE)'))
    await admin.close()
