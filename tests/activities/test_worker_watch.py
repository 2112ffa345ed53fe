"""Whoever watches a container sees to it that one which must go does go."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import func, update

from activities.worker_watch import WorkerWatch
from catalog.database import Database
from catalog.launches import LaunchRepository
from catalog.notifications import EXECUTIONS_CHANNEL, WORKERS_CHANNEL, NotificationListener, notify_workers
from catalog.slots import Assignment, SlotQueue
from catalog.stops import StopRepository
from catalog.tables import ExecutionRow
from domain.entities import WorkerDetails, WorkerType
from domain.errors import Misconfigured, Unavailable
from domain.identifiers import InvocationId, execution_id_for
from domain.messages import StopReason
from domain.workers import ExitCause, Worker, WorkerExit, WorkerName
from tests.factories import insert_function, insert_invocation
from tests.simulation.containers import Fleet

GRACE = timedelta(seconds=0.2)
DETAILS = WorkerDetails(type=WorkerType.TEST, identifier="worker", logs_identifier="log")
FAILURES = ("control_plane_background_failures_total", {"task": "seeing_off_a_worker"})
GONE = WorkerExit(cause=ExitCause.STOPPED, reason="stopped", exit_code=143)


class Stubborn(Fleet):
    """A container that goes only when it has been told often enough. `refusals`: what telling it comes to before; None:
    nothing, ever."""

    def __init__(self, *, stops_needed: int, refusals: list[Exception | None] | None = None) -> None:
        super().__init__(stop_grace=GRACE)
        self.gone: asyncio.Future[WorkerExit] = asyncio.get_running_loop().create_future()
        self.looked = asyncio.Event()
        self.stops = 0
        self._stops_needed = stops_needed
        self._refusals = refusals or []

    async def stopped(self, worker: Worker) -> WorkerExit:
        return await asyncio.shield(self.gone)

    def look_soon(self, worker: Worker) -> None:
        self.looked.set()

    async def stop(self, worker: Worker) -> None:
        if self._refusals:
            refusal = self._refusals.pop()
            if refusal is None:
                await asyncio.Event().wait()
            else:
                raise refusal
        self.stops += 1
        if self.stops == self._stops_needed:
            self.gone.set_result(GONE)


@pytest.fixture
async def listener(database: Database) -> AsyncIterator[NotificationListener]:
    async with NotificationListener(database.url, [EXECUTIONS_CHANNEL, WORKERS_CHANNEL]) as it:
        yield it


@pytest.fixture
async def invocation(database: Database) -> InvocationId:
    """With a container that runs."""
    invocation_id = await insert_invocation(database, await insert_function(database))
    async with database.transaction() as connection:
        taken = await SlotQueue(connection).take(
            invocation_id=invocation_id, execution_id=execution_id_for(invocation_id, 1), attempt=1
        )
    assert isinstance(taken, Assignment)
    async with database.statement() as connection:
        assert await LaunchRepository(connection).record_worker(worker_of(invocation_id))
    return invocation_id


def worker_of(invocation_id: InvocationId) -> Worker:
    return Worker(name=WorkerName(execution_id=execution_id_for(invocation_id, 1), launch=1), details=DETAILS)


def watch(database: Database, listener: NotificationListener, fleet: Fleet) -> WorkerWatch:
    return WorkerWatch(
        database=database,
        provisioner=fleet,
        listener=listener,
        grace=GRACE,
        usual_stop=timedelta(seconds=0.3),
        longest_unasked=timedelta(seconds=0.3),
        call_limit=timedelta(seconds=0.2),
    )


async def stop(database: Database, invocation_id: InvocationId) -> None:
    async with database.transaction() as connection:
        await StopRepository(connection).stop_invocation(invocation_id, reason=StopReason.CANCELLED)


async def report(database: Database) -> None:
    async with database.statement() as connection:
        await connection.execute(update(ExecutionRow).values(execution_finish_time=func.clock_timestamp()))


async def test_what_does_not_go_is_told_again(
    database: Database, listener: NotificationListener, invocation: InvocationId
) -> None:
    fleet = Stubborn(stops_needed=2)
    watching = asyncio.create_task(watch(database, listener, fleet).ended(worker_of(invocation)))
    await fleet.looked.wait()
    await stop(database, invocation)
    assert await watching == GONE
    assert fleet.stops == 2


async def test_what_has_reported_and_lingers_is_stopped_whatever_is_in_the_way(
    database: Database, listener: NotificationListener, invocation: InvocationId
) -> None:
    """Also what nobody expected, and a call that hangs."""
    told = REGISTRY.get_sample_value(*FAILURES) or 0.0
    fleet = Stubborn(
        stops_needed=1, refusals=[Unavailable(), Misconfigured("no permission"), ZeroDivisionError(), None]
    )
    await report(database)
    async with asyncio.timeout(30):
        assert await watch(database, listener, fleet).ended(worker_of(invocation)) == GONE
    assert REGISTRY.get_sample_value(*FAILURES) == told + 1


async def test_a_stop_is_seen_though_its_notification_was_lost(database: Database, invocation: InvocationId) -> None:
    deaf = NotificationListener(database.url, [])  # never entered: nothing is heard
    fleet = Stubborn(stops_needed=1)
    watching = asyncio.create_task(watch(database, deaf, fleet).ended(worker_of(invocation)))
    async with asyncio.timeout(30):
        for _ in range(2):  # looks, the first of which may still be under way
            await fleet.looked.wait()
            fleet.looked.clear()
        await stop(database, invocation)
        assert await watching == GONE


async def test_what_just_runs_is_left_alone_and_looked_at_when_there_is_news(
    database: Database, listener: NotificationListener, invocation: InvocationId
) -> None:
    fleet = Stubborn(stops_needed=1)
    watching = asyncio.create_task(watch(database, listener, fleet).ended(worker_of(invocation)))
    await fleet.looked.wait()
    fleet.looked.clear()
    async with database.statement() as connection:
        await notify_workers(connection, [DETAILS.identifier])
    await fleet.looked.wait()
    fleet.gone.set_result(GONE)
    assert await watching == GONE
    assert fleet.stops == 0
