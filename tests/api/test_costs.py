"""What a project's containers took, by function and day."""

import time
from dataclasses import replace

import httpx2
import pytest
from sqlalchemy import text

from api.app import create_app
from api.services import Services
from control_plane_server.catalog.database import Database
from control_plane_server.domain.costs import Prices
from tests.api.builders import ROOT_KEYS, add_execution, bearer, deploy, invoke

DAY = 86_400
MIDNIGHT = int(time.time()) // DAY * DAY - 3 * DAY  # of a day of UTC that is over
COSTS = "/projects/p/costs"


async def ran(
    client: httpx2.AsyncClient, database: Database, *, since: float, until: float | None, **columns: object
) -> None:
    """An execution whose container was launched and ended so many hours after MIDNIGHT. 1 vCPU, 2 GB."""
    invocation = await invoke(client, "/projects/p/versions/latest/functions/f/invocations")
    execution = await add_execution(database, invocation)
    end = "clock_timestamp()" if until is None else f"to_timestamp({MIDNIGHT + until * 3_600})"
    values = {
        "launch_time": f"to_timestamp({MIDNIGHT + since * 3_600})",
        "last_update_time": end,
        "worker_status": "'RUNNING'" if until is None else "'TERMINATED'",
        "worker_identifier": "'container'",
        "launches": "1",
        **columns,
    }
    assignments = ", ".join(f"{name} = {value}" for name, value in values.items())
    async with database.statement() as connection:
        await connection.execute(
            text(f"UPDATE executions SET {assignments} WHERE execution_id = :id"), {"id": execution.rsplit("/", 1)[1]}
        )
        await connection.execute(
            text(
                f"UPDATE invocations SET creation_time = to_timestamp({MIDNIGHT + since * 3_600 - 60})"
                " WHERE invocation_id = :id"
            ),
            {"id": invocation.rsplit("/", 1)[1]},
        )


async def read(client: httpx2.AsyncClient, since: int, until: int | None) -> list[tuple[object, ...]]:
    query = {"since": since} if until is None else {"since": since, "until": until}
    answer = await client.get(COSTS, params=query)
    assert answer.status_code == 200, answer.text
    return [
        (row["executions"], row["container_seconds"], row["vcpu_hours"], row["gb_hours"], row["unmeasured_launches"])
        for row in answer.json()["costs"]
    ]


async def test_containers_count_on_the_days_on_which_they_ran(client: httpx2.AsyncClient, database: Database) -> None:
    await deploy(client)
    await ran(client, database, since=1, until=2)
    await ran(client, database, since=23.5, until=25)
    await ran(client, database, since=26, until=27, worker_identifier="NULL")  # never had a container
    await ran(client, database, since=30, until=31, launches="2", earlier_launches_ms="1800000")
    await ran(client, database, since=32, until=33, launches="3", refused_launches="1")
    first, second = MIDNIGHT, MIDNIGHT + DAY
    assert await read(client, first, second) == [(2, 5_400.0, 1.5, 3.0, 0)]
    assert await read(client, second, second + DAY) == [(2, 12_600.0, 3.5, 7.0, 1)]
    assert await read(client, first, second + DAY) == [(2, 5_400.0, 1.5, 3.0, 0), (2, 12_600.0, 3.5, 7.0, 1)]
    assert await read(client, first + 5_400, first + 7_200) == [(0, 1_800.0, 0.5, 1.0, 0)]
    assert await read(client, second + DAY, None) == []


async def test_what_runs_counts_until_now(client: httpx2.AsyncClient, database: Database) -> None:
    await deploy(client)
    since = (time.time() - MIDNIGHT) / 3_600 - 0.25
    await ran(client, database, since=since, until=None)
    rows = await read(client, MIDNIGHT, None)
    assert sum(float(str(row[1])) for row in rows) == pytest.approx(900, abs=60)


async def kept(database: Database, *, since: float, until: float | None, idle_ms: int, state: str) -> None:
    """A container that was begun and closed so many hours after MIDNIGHT."""
    async with database.statement() as connection:
        await connection.execute(
            text(
                "INSERT INTO warm_containers"
                " (container_id, function_id, state, idle_ms, idle_since, creation_time, close_time)"
                " SELECT 'con-' || md5(random()::text), max(function_id), :state, :idle_ms,"
                " CASE WHEN :state = 'IDLE' THEN clock_timestamp() - interval '10 minutes' END,"
                " to_timestamp(:since), to_timestamp(:until) FROM functions"
            ),
            {
                "state": state,
                "idle_ms": idle_ms,
                "since": float(MIDNIGHT + since * 3_600),
                "until": None if until is None else float(MIDNIGHT + until * 3_600),
            },
        )


async def test_what_is_kept_costs_while_it_is_idle(client: httpx2.AsyncClient, database: Database) -> None:
    await deploy(client)
    await ran(client, database, since=1, until=2)
    await kept(database, since=23, until=27, idle_ms=2 * 3_600_000, state="CLOSED")
    first, second = MIDNIGHT, MIDNIGHT + DAY
    assert await read(client, first, second) == [(1, 5_400.0, 1.5, 3.0, 0)]
    assert await read(client, second, second + DAY) == [(0, 5_400.0, 1.5, 3.0, 0)]
    await kept(database, since=(time.time() - MIDNIGHT) / 3_600 - 0.5, until=None, idle_ms=60_000, state="IDLE")
    answer = await client.get(COSTS, params={"since": MIDNIGHT + 2 * DAY})
    rows = answer.json()["costs"]
    assert sum(row["idle_seconds"] for row in rows) == pytest.approx(660, abs=60)


async def test_prices_are_the_operators(services: Services, client: httpx2.AsyncClient, database: Database) -> None:
    await deploy(client)
    await ran(client, database, since=1, until=3)
    plain = (await client.get(COSTS, params={"since": MIDNIGHT, "until": MIDNIGHT + DAY})).json()
    assert (plain["currency"], [row["cost"] for row in plain["costs"]]) == (None, [None])
    priced = replace(services, prices=Prices(currency="EUR", vcpu_hour=0.5, gb_hour=0.25))
    transport = httpx2.ASGITransport(app=create_app(priced))
    async with httpx2.AsyncClient(transport=transport, base_url="http://api", headers=bearer(ROOT_KEYS[0])) as other:
        found = (await other.get(COSTS, params={"since": MIDNIGHT, "until": MIDNIGHT + DAY})).json()
    assert (found["currency"], [row["cost"] for row in found["costs"]]) == ("EUR", [2 * 0.5 + 4 * 0.25])


async def test_a_long_time_comes_in_pages(client: httpx2.AsyncClient) -> None:
    await deploy(client)
    first = (await client.get(COSTS, params={"since": MIDNIGHT - 40 * DAY, "until": MIDNIGHT})).json()
    assert MIDNIGHT - 40 * DAY < first["next_since"] <= MIDNIGHT - 9 * DAY
    rest = (await client.get(COSTS, params={"since": MIDNIGHT - DAY, "until": MIDNIGHT})).json()
    assert rest["next_since"] is None
    too_long = await client.get(COSTS, params={"since": MIDNIGHT - 401 * DAY, "until": MIDNIGHT})
    assert (too_long.status_code, too_long.json()["detail"]) == (
        400,
        "There are more than 400 days between since and until",
    )
    assert (await client.get("/projects/none/costs", params={"since": MIDNIGHT})).status_code == 404
