"""A new invocation of a function that keeps its containers begins in one that is idle, or is left to its workflow."""

import asyncio
from datetime import timedelta

import httpx2
import pytest
from sqlalchemy import func, select, text

from api.app import create_app
from api.services import Services
from api.warm_starts import lease_idle
from control_plane_server.catalog.database import Database
from control_plane_server.catalog.execution_lifecycle.slots import Assignment, SlotQueue
from control_plane_server.catalog.invocations import InvocationRepository
from control_plane_server.catalog.tables import ExecutionRow, WaitingExecutionRow
from control_plane_server.domain.entities import Invocation
from control_plane_server.domain.identifiers import InvocationId, execution_id_for
from tests.api.builders import ROOT_KEYS, bearer
from tests.catalog.warm_containers.warm import Warm
from tests.factories import insert_invocation


@pytest.fixture
async def warm(database: Database) -> Warm:
    return await Warm.begin(database)


async def submitted(warm: Warm) -> Invocation:
    invocation_id = await insert_invocation(warm.database, warm.function)
    async with warm.database.statement() as connection:
        return await InvocationRepository(connection).get_by_id(invocation_id)


async def executions_of(warm: Warm, invocation_id: InvocationId) -> list[tuple[object, ...]]:
    async with warm.database.statement() as connection:
        found = await connection.execute(
            select(
                ExecutionRow.execution_id,
                ExecutionRow.container_status,
                ExecutionRow.launches,
                ExecutionRow.is_warm_start,
            ).where(ExecutionRow.invocation_id == invocation_id)
        )
        return [tuple(row) for row in found]


async def test_one_that_is_idle_is_told_of_it_and_the_workflows_activity_finds_it(warm: Warm) -> None:
    container_id = await warm.idle()
    invocation = await submitted(warm)
    traceparent = f"00-{'1' * 32}-{'2' * 16}-01"
    await lease_idle(warm.database, invocation, traceparent=traceparent)
    execution_id = execution_id_for(invocation.invocation_id, 1)
    assert await executions_of(warm, invocation.invocation_id) == [(execution_id, "RUNNING", 1, True)]
    told = (await warm.next(container_id)).lease
    assert told is not None
    assert (told.execution_id, told.launch) == (execution_id, 1)
    assert told.traceparent is not None
    assert told.traceparent.startswith(traceparent[:36])
    async with warm.database.transaction() as connection:
        taken = await SlotQueue(connection).take(
            invocation_id=invocation.invocation_id, execution_id=execution_id, attempt=1
        )
    assert isinstance(taken, Assignment)
    assert taken.container is not None
    assert not taken.launch.is_new


async def test_where_none_is_idle_all_is_left_to_the_workflow(warm: Warm) -> None:
    await warm.started()
    invocation = await submitted(warm)
    await lease_idle(warm.database, invocation, traceparent=None)
    assert await executions_of(warm, invocation.invocation_id) == []


async def test_a_slot_is_not_kept_for_a_container_that_is_not_heard_of(warm: Warm) -> None:
    container_id = await warm.idle()
    await warm.change(container_id, heard_time=func.clock_timestamp() - timedelta(minutes=1))
    invocation = await submitted(warm)
    await lease_idle(warm.database, invocation, traceparent=None)
    assert await executions_of(warm, invocation.invocation_id) == []


@pytest.mark.parametrize("reason", ["limit", "queue", "cancelled", "preparation"])
async def test_who_may_not_run_yet_gets_no_place_by_it(warm: Warm, reason: str) -> None:
    await warm.idle()
    older, invocation = await submitted(warm), await submitted(warm)
    async with warm.database.statement() as connection:
        if reason == "limit":
            await connection.execute(text("UPDATE functions SET max_concurrency = 1"))
        elif reason == "preparation":
            await connection.execute(text("UPDATE functions SET status = 'PENDING'"))
        elif reason == "cancelled":
            await connection.execute(text("UPDATE invocations SET cancellation_request_time = now()"))
        else:
            await connection.execute(
                text(
                    "INSERT INTO waiting_executions"
                    " (invocation_id, invocation_creation_time, execution_id, attempt, function_id)"
                    " SELECT invocation_id, creation_time, 'exe-x', 1, function_id FROM invocations"
                    " WHERE invocation_id = :older"
                ),
                {"older": older.invocation_id},
            )
    await lease_idle(warm.database, invocation, traceparent=None)
    assert await executions_of(warm, invocation.invocation_id) == []
    async with warm.database.statement() as connection:
        waiting = list(await connection.scalars(select(WaitingExecutionRow.invocation_id)))
    assert waiting == ([older.invocation_id] if reason == "queue" else [])


async def test_it_and_the_workflows_activity_together_give_one_container(warm: Warm) -> None:
    await warm.idle()
    await warm.idle()
    for _ in range(5):
        invocation = await submitted(warm)
        execution_id = execution_id_for(invocation.invocation_id, 1)

        async def take(invocation: Invocation = invocation) -> None:
            async with warm.database.transaction() as connection:
                await SlotQueue(connection).take(
                    invocation_id=invocation.invocation_id,
                    execution_id=execution_id_for(invocation.invocation_id, 1),
                    attempt=1,
                )

        await asyncio.gather(take(), lease_idle(warm.database, invocation, traceparent=None))
        assert len(await executions_of(warm, invocation.invocation_id)) == 1
        warm.invocations[execution_id] = invocation.invocation_id
        leased = await warm.lease(execution_id)
        assert leased is not None
        await warm.let_go(leased.container_id)


async def test_without_a_workflow_nothing_begins(services: Services, warm: Warm) -> None:
    """Temporal is away here: nobody would see the execution to its end."""
    await warm.idle()
    function = warm.function
    path = f"/projects/{function.project_name}/versions/{function.version_id}/functions/{function.function_name}"
    transport = httpx2.ASGITransport(app=create_app(services))
    async with httpx2.AsyncClient(transport=transport, base_url="http://api", headers=bearer(ROOT_KEYS[0])) as client:
        answer = await client.post(f"{path}/invocations", json={"input": "1"})
    assert answer.status_code == 200, answer.text
    assert await executions_of(warm, InvocationId(answer.json()["invocation_id"])) == []
