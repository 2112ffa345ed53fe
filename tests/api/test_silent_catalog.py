"""The catalog falls silent, or only reads: clients hear 503 soon, and are served as soon as it is back."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import httpx2
import pytest
from sqlalchemy import text

from api.app import create_app
from api.events.streams import EventStreams
from api.long_polls import LongPolls
from api.results.service import Results
from api.services import Services
from api.warm_polls import WarmPolls
from control_plane_server.catalog.database import Database
from control_plane_server.catalog.notifications import (
    INVOCATIONS_CHANNEL,
    WARM_CONTAINERS_CHANNEL,
    NotificationListener,
)
from environment.settings import PostgresSettings
from tests.api.builders import PROJECT, ROOT_KEYS, bearer, deploy, invoke
from tests.figures import Show
from tests.proxy import Proxy, proxy_of_postgres

LIMIT = timedelta(seconds=0.4)
BOUND = 5.0  # one wait for a connection and one statement on it; the rest is a busy machine's


@pytest.fixture
async def proxied(postgres_settings: PostgresSettings) -> AsyncIterator[tuple[Proxy, Database]]:
    async with proxy_of_postgres(postgres_settings) as (proxy, settings):
        database = Database(settings.url, pool_size=4, statement_limit=LIMIT)
        yield proxy, database
        await database.close()


@pytest.fixture
async def client(services: Services, proxied: tuple[Proxy, Database]) -> AsyncIterator[httpx2.AsyncClient]:
    _, database = proxied
    listener = NotificationListener(
        database.url, [INVOCATIONS_CHANNEL, WARM_CONTAINERS_CHANNEL], check_interval=LIMIT, patience=LIMIT
    )
    async with listener:
        app = create_app(
            replace(
                services,
                database=database,
                long_polls=LongPolls(database, listener),
                event_streams=EventStreams(database, listener, services.provisioner),
                results=Results(database, listener),
                warm_polls=WarmPolls(database, listener),
            )
        )
        transport = httpx2.ASGITransport(app=app)
        async with httpx2.AsyncClient(
            transport=transport, base_url="http://api", headers=bearer(ROOT_KEYS[0])
        ) as client:
            yield client


async def refused(client: httpx2.AsyncClient, path: str) -> float:
    """How many seconds a client was kept waiting."""
    began = time.monotonic()
    answer = await client.get(path, timeout=60)
    assert (answer.status_code, answer.json()) == (503, {"detail": "The service is temporarily unavailable"})
    return time.monotonic() - began


@pytest.mark.parametrize("lose", [True, False])
async def test_a_silence_is_503_soon_and_over_soon(
    client: httpx2.AsyncClient, proxied: tuple[Proxy, Database], lose: bool, show: Show
) -> None:
    proxy, _ = proxied
    await client.put(PROJECT)
    await asyncio.gather(*(client.get(PROJECT) for _ in range(8)))  # all connections are made
    if lose:
        proxy.lose_connections()
        took = await refused(client, PROJECT)
    else:
        proxy.fall_silent()
        took = max(await asyncio.gather(*(refused(client, PROJECT) for _ in range(12))))
        assert (await client.get("/health/ready")).json()["postgres"] == "away"
        proxy.speak()
    began = time.monotonic()
    async with asyncio.timeout(BOUND):
        while {answer.status_code for answer in await asyncio.gather(*(client.get(PROJECT) for _ in range(8)))} != {
            200
        }:
            pass
    show(f"silent catalog: 503 after {took:.1f} s, all served {time.monotonic() - began:.1f} s after its end")
    assert took < BOUND


async def test_who_waits_for_a_result_is_refused_too_and_waits_again(
    client: httpx2.AsyncClient, proxied: tuple[Proxy, Database]
) -> None:
    proxy, _ = proxied
    deployed = await deploy(client)
    invocation = await invoke(client, deployed.invocations())
    proxy.fall_silent()
    began = time.monotonic()
    await refused(client, f"{invocation}?wait_seconds=60")
    assert time.monotonic() - began < BOUND
    proxy.speak()
    answer = await client.get(f"{invocation}?wait_seconds=1", timeout=60)
    assert answer.status_code == 200


async def test_a_server_that_only_reads_is_as_good_as_away(
    client: httpx2.AsyncClient, proxied: tuple[Proxy, Database]
) -> None:
    """For whoever writes, from the first on; and in readiness."""
    _, database = proxied
    for _ in range(4):  # sessions that were demoted
        async with database.statement() as connection:
            await connection.execute(text("SET default_transaction_read_only = on"))
    assert (await client.get("/health/ready")).json()["postgres"] == "away"
    answer = await client.put(PROJECT)
    assert (answer.status_code, int(answer.headers["retry-after"]) > 0) == (503, True)
    assert (await client.put(PROJECT)).status_code == 200  # on a new connection, to a server that writes
