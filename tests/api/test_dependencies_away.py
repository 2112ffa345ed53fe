"""Health, and what is answered while Postgres or Temporal is away or not prepared."""

from collections.abc import AsyncIterator
from dataclasses import replace

import httpx2
import pytest
from sqlalchemy import text

from api.app import create_app
from api.services import Services
from control_plane_server.catalog.database import Database
from environment.settings import PostgresSettings
from tests.api.builders import PROJECT, ROOT_KEYS, VERSIONS, bearer, definition

EXECUTION = f"{VERSIONS}/latest/functions/f/invocations/i/executions/e"


@pytest.fixture(params=["no server", "no database", "no tables"])
async def orphan(
    request: pytest.FixtureRequest, services: Services, postgres_settings: PostgresSettings
) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of an API whose catalog is not there."""
    match request.param:
        case "no server":
            settings = postgres_settings.model_copy(update={"host": "127.0.0.1", "port": 1})
        case "no database":
            settings = postgres_settings.model_copy(update={"db": "nowhere"})
        case _:
            settings = postgres_settings.model_copy(update={"db": "postgres"})
    database = Database(settings.url)
    app = create_app(replace(services, database=database))
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://api", headers=bearer(ROOT_KEYS[0])) as client:
        yield client
    await database.close()


async def test_without_a_catalog_everything_but_health_is_503(orphan: httpx2.AsyncClient) -> None:
    assert (await orphan.get("/")).json() == {"status": "healthy"}
    for method, path, body in (
        ("GET", "/projects", None),
        ("PUT", PROJECT, None),
        ("POST", VERSIONS, definition()),
        ("POST", f"{VERSIONS}/latest/functions/f/invocations", {"input": ""}),
        ("PUT", f"{VERSIONS}/latest/functions/f/invocations/i/cancel", None),
        ("PUT", f"{EXECUTION}/start", None),
    ):
        answer = await orphan.request(method, path, json=body)
        assert (answer.status_code, answer.json()) == (503, {"detail": "The service is temporarily unavailable"})
        assert int(answer.headers["retry-after"]) > 0


async def test_health_needs_no_key_and_readiness_names_what_is_away(
    orphan: httpx2.AsyncClient, anonymous: httpx2.AsyncClient
) -> None:
    assert (await anonymous.get("/")).json() == {"status": "healthy"}
    without_temporal = await anonymous.get("/health/ready")
    assert (without_temporal.status_code, without_temporal.json()) == (503, {"postgres": "ok", "temporal": "away"})
    without_both = await orphan.get("/health/ready", headers={"Authorization": ""})
    assert (without_both.status_code, without_both.json()) == (503, {"postgres": "away", "temporal": "away"})


async def test_the_pool_recovers_from_lost_connections(client: httpx2.AsyncClient, database: Database) -> None:
    await client.put(PROJECT)
    async with database.statement() as connection:
        await connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = 'control-plane' AND pid <> pg_backend_pid()"
            )
        )
    answers = [await client.get(PROJECT) for _ in range(12)]
    assert {answer.status_code for answer in answers} <= {200, 503}
    assert answers[-1].status_code == 200


async def test_no_container_registry_is_configured(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/container_repository_credentials")
    assert answer.status_code == 501
    assert answer.json() == {"detail": "No container registry is configured on this control plane"}
