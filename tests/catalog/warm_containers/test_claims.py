"""Claims: a slot that was granted is taken up once, with a container that is idle, unless something stands against
it."""

import asyncio
from datetime import timedelta

import asyncpg
import pytest
from sqlalchemy import func, select, update

from control_plane_server.catalog.connecting import connect
from control_plane_server.catalog.database import Database
from control_plane_server.catalog.execution_lifecycle.slots import Assignment, SlotQueue
from control_plane_server.catalog.execution_lifecycle.stops import StopRepository
from control_plane_server.catalog.notifications import WARM_CONTAINERS_CHANNEL
from control_plane_server.catalog.tables import ExecutionRow, FunctionRow, InvocationRow
from control_plane_server.catalog.warm_containers.containers import Lease
from control_plane_server.catalog.warm_containers.states import State
from control_plane_server.domain.entities import ContainerStatus
from control_plane_server.domain.identifiers import ExecutionId
from control_plane_server.domain.messages import StopReason
from tests.catalog.warm_containers.warm import Warm, details_of


@pytest.fixture
async def warm(database: Database) -> Warm:
    return await Warm.begin(database)


async def status(warm: Warm, execution_id: ExecutionId) -> str:
    async with warm.database.statement() as connection:
        found = await connection.scalar(
            select(ExecutionRow.container_status).where(ExecutionRow.execution_id == execution_id)
        )
    return str(found)


async def take(warm: Warm, execution_id: ExecutionId) -> Assignment:
    async with warm.database.transaction() as connection:
        taken = await SlotQueue(connection).take(
            invocation_id=warm.invocations[execution_id], execution_id=execution_id, attempt=1
        )
    assert isinstance(taken, Assignment)
    return taken


async def test_what_is_claimed_has_the_container_that_is_idle(warm: Warm) -> None:
    container_id = await warm.idle()
    execution_id = await warm.granted()
    claim = await warm.claim(execution_id)
    assert claim is not None
    assert claim.leased is not None
    assert (claim.leased.container_id, claim.leased.state, claim.leased.was_idle) == (container_id, State.LEASED, True)
    assert (claim.leased.execution_id, claim.leased.launch) == (execution_id, 1)
    execution = await warm.execution_row(execution_id)
    assert (execution.is_warm_start, execution.container_status) == (True, ContainerStatus.RUNNING)
    assert execution.container_identifier == details_of(container_id).identifier
    told = (await warm.next(container_id)).lease
    assert told is not None
    assert (told.execution_id, told.launch, told.traceparent) == (execution_id, 1, f"of {execution_id}")


async def test_the_container_is_notified_of_the_lease_as_it_is_told_of_it(warm: Warm) -> None:
    container_id = await warm.idle()
    words: asyncio.Queue[str] = asyncio.Queue()
    connection: asyncpg.Connection = await connect(warm.database.url, name="test", statement_limit=None)
    try:
        await connection.add_listener(WARM_CONTAINERS_CHANNEL, lambda *said: words.put_nowait(str(said[-1])))
        await warm.claim(await warm.granted())
        topic, _, notified = (await asyncio.wait_for(words.get(), timeout=20)).partition(" ")
    finally:
        await connection.close()
    assert topic == container_id
    assert Lease.of_words(notified) == (await warm.next(container_id)).lease


async def test_a_claim_without_an_idle_container_is_as_a_slot_taken(warm: Warm) -> None:
    execution_id, other = await warm.granted(), await warm.granted()
    claim, taken = await warm.claim(execution_id), await take(warm, other)
    assert claim is not None
    assert claim.leased is None
    assert claim.assignment == Assignment(
        function=taken.function, launch=claim.assignment.launch, waits_for=None, container=None, is_stopped=False
    )
    assert (claim.assignment.launch.number, claim.assignment.launch.is_new) == (1, True)
    assert await status(warm, execution_id) == await status(warm, other) == ContainerStatus.PROVISIONING


async def test_however_many_claim_one_of_them_does(warm: Warm) -> None:
    for _ in range(3):
        await warm.idle()
    execution_id = await warm.granted()
    claims = await asyncio.gather(*(warm.claim(execution_id) for _ in range(5)))
    assert len([claim for claim in claims if claim is not None]) == 1
    assert (await take(warm, execution_id)).launch.is_new is False


async def test_a_function_that_keeps_no_containers_leases_none(warm: Warm) -> None:
    container_id = await warm.idle()
    async with warm.database.statement() as connection:
        await connection.execute(
            update(FunctionRow).where(FunctionRow.version_id == warm.function.version_id).values(reuse=None)
        )
    claim = await warm.claim(await warm.granted())
    assert claim is not None
    assert claim.leased is None
    assert await warm.state(container_id) is State.IDLE


@pytest.mark.parametrize("why", ["stopped", "cancelled", "ended", "taken up", "cannot run"])
async def test_what_is_not_to_run_is_not_claimed(warm: Warm, why: str) -> None:
    container_id = await warm.idle()
    execution_id = await warm.granted()
    invocation_id = warm.invocations[execution_id]
    async with warm.database.transaction() as connection:
        match why:
            case "stopped":
                await StopRepository(connection).stop_invocation(invocation_id, reason=StopReason.TIMED_OUT)
            case "cancelled":
                await connection.execute(
                    update(InvocationRow)
                    .where(InvocationRow.invocation_id == invocation_id)
                    .values(cancellation_request_time=func.clock_timestamp())
                )
            case "cannot run":
                await connection.execute(
                    update(FunctionRow)
                    .where(FunctionRow.version_id == warm.function.version_id)
                    .values(preparation_error="no such image")
                )
    if why == "ended":
        await warm.change_execution(execution_id, container_status=ContainerStatus.TERMINATED)
    if why == "taken up":
        await take(warm, execution_id)
    assert await warm.claim(execution_id) is None
    assert await warm.state(container_id) is State.IDLE


async def test_a_stop_that_comes_first_is_waited_for_and_heard(warm: Warm) -> None:
    container_id = await warm.idle()
    execution_id = await warm.granted()
    async with warm.database.transaction() as connection:
        stopped = await StopRepository(connection).stop_invocation(
            warm.invocations[execution_id], reason=StopReason.CANCELLED
        )
        claiming = asyncio.create_task(warm.claim(execution_id))
        done, _ = await asyncio.wait([claiming], timeout=timedelta(milliseconds=200).total_seconds())
    assert not stopped.is_claimed
    assert not done
    assert await claiming is None
    assert await warm.state(container_id) is State.IDLE
