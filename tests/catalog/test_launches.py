"""What is noted of an execution's containers, and when no further one may be launched."""

import asyncio

import pytest
from sqlalchemy import update

from catalog.database import Database
from catalog.endings import EndingRepository
from catalog.launches import LaunchRepository
from catalog.slots import Assignment, SlotQueue
from catalog.stops import StopRepository
from catalog.tables import ExecutionRow
from domain.entities import ExecutionOutcome, WorkerDetails, WorkerType
from domain.identifiers import InvocationId, execution_id_for
from domain.messages import StopReason
from domain.workers import Worker, WorkerName
from tests.factories import insert_function, insert_invocation

DETAILS = WorkerDetails(type=WorkerType.TEST, identifier="worker", logs_identifier="log")


@pytest.fixture
async def invocation(database: Database) -> InvocationId:
    """With an execution that has its slot and its first launch noted."""
    invocation_id = await insert_invocation(database, await insert_function(database))
    await assignment(database, invocation_id)
    return invocation_id


async def assignment(database: Database, invocation_id: InvocationId) -> Assignment:
    async with database.transaction() as session:
        taken = await SlotQueue(session).take(
            invocation_id=invocation_id, execution_id=execution_id_for(invocation_id, 1), attempt=1
        )
    assert isinstance(taken, Assignment)
    return taken


def worker_of(invocation_id: InvocationId, *, launch: int = 1) -> Worker:
    name = WorkerName(execution_id=execution_id_for(invocation_id, 1), launch=launch)
    return Worker(name=name, details=DETAILS)


async def record(database: Database, worker: Worker) -> bool:
    async with database.statement() as session:
        return await LaunchRepository(session).record_worker(worker)


async def begin_another(database: Database, lost: Worker) -> int | None:
    async with database.statement() as session:
        return await LaunchRepository(session).begin_another(lost.name, reason="Spot")


async def test_a_recorded_worker_is_found_by_the_next_try(database: Database, invocation: InvocationId) -> None:
    assert await record(database, worker_of(invocation))
    assert (await assignment(database, invocation)).worker == DETAILS


async def test_a_worker_of_a_stopped_execution_is_recorded_and_must_not_run(
    database: Database, invocation: InvocationId
) -> None:
    async with database.transaction() as session:
        await StopRepository(session).stop_invocation(invocation, reason=StopReason.CANCELLED)
    assert not await record(database, worker_of(invocation))
    taken = await assignment(database, invocation)
    assert (taken.worker, taken.is_stopped) == (DETAILS, True)


async def test_a_worker_that_comes_after_the_end_must_not_run(database: Database, invocation: InvocationId) -> None:
    async with database.transaction() as session:
        await EndingRepository(session).end_invocation(invocation, reason=StopReason.CANCELLED)
    assert not await record(database, worker_of(invocation))


async def test_a_lost_worker_is_replaced_once_whoever_asks(database: Database, invocation: InvocationId) -> None:
    lost = worker_of(invocation)
    await record(database, lost)
    launches = await asyncio.gather(*(begin_another(database, lost) for _ in range(5)))
    assert launches == [2] * 5
    taken = await assignment(database, invocation)
    assert (taken.launch, taken.worker) == (2, None)
    assert not await record(database, lost), "the launch was given up"
    assert await record(database, worker_of(invocation, launch=2))


async def test_nothing_is_launched_again_after_an_outcome(database: Database, invocation: InvocationId) -> None:
    async with database.statement() as session:
        await session.execute(update(ExecutionRow).values(outcome=ExecutionOutcome.SUCCEEDED))
    assert await begin_another(database, worker_of(invocation)) is None


async def test_nothing_is_launched_again_after_a_stop(database: Database, invocation: InvocationId) -> None:
    async with database.transaction() as session:
        await StopRepository(session).stop_invocation(invocation, reason=StopReason.CANCELLED)
    assert await begin_another(database, worker_of(invocation)) is None
