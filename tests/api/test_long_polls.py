"""get_invocation with `wait_seconds`: answers as soon as the outcome is known, and holds nothing while it waits."""

import asyncio
import time

import httpx2
import pytest
from sqlalchemy import func, select, update

from api.services import Services
from control_plane_server.catalog.database import Database
from control_plane_server.catalog.invocation_snapshots import InvocationSnapshotRepository
from control_plane_server.catalog.invocations import InvocationRepository
from control_plane_server.catalog.notifications import INVOCATIONS_CHANNEL
from control_plane_server.catalog.paths import FunctionPath, InvocationPath
from control_plane_server.catalog.tables import InvocationRow
from tests.api.builders import DEAD, FINISHED, PENDING, STARTED, Columns, add_execution, deploy, function_spec, invoke

# Far more than a wake-up takes, far less than the re-read that would hide a lost one.
PROMPTLY = 3.0


@pytest.fixture
async def invocation(client: httpx2.AsyncClient) -> str:
    deployed = await deploy(client, function_spec(execution_spec={"max_retries": 1}))
    return await invoke(client, deployed.invocations())


async def wait_for(client: httpx2.AsyncClient, invocation: str, seconds: int = 30) -> tuple[dict[str, object], float]:
    """The answer and how long it took."""
    began = time.monotonic()
    answer = await client.get(invocation, params={"wait_seconds": seconds}, timeout=60)
    assert answer.status_code == 200
    body: dict[str, object] = answer.json()
    return body, time.monotonic() - began


async def test_a_result_ends_the_wait(client: httpx2.AsyncClient, database: Database, invocation: str) -> None:
    execution = await add_execution(database, invocation, STARTED)
    by_id = f"/invocations/{invocation.rpartition('/')[2]}"
    waits = [asyncio.create_task(wait_for(client, path)) for path in (invocation, invocation, by_id)]
    # One second of patience is over before the result comes: by then the others wait.
    unchanged, _ = await wait_for(client, invocation, 1)
    assert unchanged["executions"]
    finished_at = time.monotonic()
    await client.put(f"{execution}/finish", json={"outcome": "SUCCEEDED", "final_output": "42"})
    answers = await asyncio.gather(*waits)
    assert time.monotonic() - finished_at < PROMPTLY
    for body, _ in answers:
        assert isinstance(body["executions"], list)
        assert body["executions"][0]["output"] == "42"


async def test_the_end_of_the_invocation_ends_the_wait(
    client: httpx2.AsyncClient, database: Database, invocation: str
) -> None:
    wait = asyncio.create_task(wait_for(client, invocation))
    await wait_for(client, invocation, 1)
    invocation_id = invocation.rsplit("/", 1)[1]
    async with database.transaction() as connection:
        await connection.execute(
            update(InvocationRow).where(InvocationRow.invocation_id == invocation_id).values(status="TERMINATED")
        )
        await connection.execute(select(func.pg_notify(INVOCATIONS_CHANNEL, invocation_id)))
    body, took = await wait
    assert body["invocation_status"] == "TERMINATED"
    assert took < PROMPTLY + 1


async def test_a_failure_that_is_retried_is_no_outcome(
    client: httpx2.AsyncClient, database: Database, invocation: str
) -> None:
    await add_execution(database, invocation, {**FINISHED, **DEAD, "outcome": "FAILED"})
    _, took = await wait_for(client, invocation, 1)
    assert took >= 1
    await add_execution(database, invocation, {**FINISHED, "outcome": "FAILED"}, attempt=2)
    _, took = await wait_for(client, invocation)
    assert took < PROMPTLY


async def test_waiting_needs_no_database_connection(
    client: httpx2.AsyncClient, database: Database, invocation: str
) -> None:
    """Four times as many waits as the pool has connections, and the API still answers."""
    waits = [asyncio.create_task(wait_for(client, invocation, 3)) for _ in range(40)]
    _, took = await wait_for(client, invocation, 0)
    assert took < PROMPTLY
    assert all(took >= 3 for _, took in await asyncio.gather(*waits))


async def test_a_wait_for_latest_stays_with_its_version(
    client: httpx2.AsyncClient, database: Database, invocation: str
) -> None:
    execution = await add_execution(database, invocation, STARTED)
    of_latest = f"/projects/p/versions/latest/functions/f/invocations/{invocation.rsplit('/', 1)[1]}"
    wait = asyncio.create_task(wait_for(client, of_latest))
    await wait_for(client, invocation, 1)
    await deploy(client)
    await client.put(f"{execution}/finish", json={"outcome": "SUCCEEDED"})
    body, _ = await wait
    assert isinstance(body["executions"], list)
    assert body["executions"][0]["outcome"] == "SUCCEEDED"


async def test_the_end_of_the_process_ends_every_wait(
    client: httpx2.AsyncClient, services: Services, invocation: str
) -> None:
    wait = asyncio.create_task(wait_for(client, invocation))
    await wait_for(client, invocation, 1)
    services.long_polls.stop()
    _, took = await wait
    assert took < PROMPTLY + 1


@pytest.mark.parametrize("seconds", ["-1", "61", "x"])
async def test_the_patience_is_bounded(client: httpx2.AsyncClient, invocation: str, seconds: str) -> None:
    answer = await client.get(invocation, params={"wait_seconds": seconds})
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["query", "wait_seconds"]


async def test_what_does_not_exist_is_not_waited_for(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/projects/x/versions/x/functions/x/invocations/x", params={"wait_seconds": 30})
    assert answer.status_code == 404


@pytest.mark.parametrize(
    "states",
    [
        (),
        (PENDING,),
        (STARTED,),
        (FINISHED,),
        ({**FINISHED, "outcome": "ABORTED"},),
        ({**FINISHED, "outcome": "FAILED"},),
        ({**FINISHED, **DEAD, "outcome": "FAILED"}, STARTED),
        ({**FINISHED, **DEAD, "outcome": "FAILED"}, {**FINISHED, "outcome": "FAILED"}),
        (DEAD, DEAD),
    ],
)
@pytest.mark.parametrize("status", ["RUNNING", "TERMINATED"])
async def test_whether_it_is_settled_is_told_without_reading_all_of_it(
    database: Database, invocation: str, states: tuple[Columns, ...], status: str
) -> None:
    for attempt, state in enumerate(states, start=1):
        await add_execution(database, invocation, state, attempt=attempt)
    _, _, project, _, version, _, function, _, invocation_id = invocation.split("/")
    path = InvocationPath(
        function=FunctionPath(project_name=project, version_ref=version, function_name=function),
        invocation_id=invocation_id,
    )
    async with database.statement() as connection:
        await connection.execute(update(InvocationRow).values(status=status))
        whole = await InvocationRepository(connection).get(path)
        assert await InvocationSnapshotRepository(connection).is_settled(path) is whole.is_settled
