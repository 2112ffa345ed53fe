"""What waited for the end of a pause gets its slots soon, a few at a time."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select
from temporalio.client import Client, Interceptor, OutboundInterceptor, SignalWorkflowInput

from activities.messenger import Messenger
from activities.pause_ends import PauseEnds
from activities.reconciliation.idle_slots import IdleSlots
from activities.reconciliation.repair_run import RepairRun
from control_plane_server.catalog.database import Database
from control_plane_server.catalog.execution_lifecycle.slots import PORTION
from control_plane_server.catalog.notifications import PAUSES_CHANNEL, NotificationListener
from control_plane_server.catalog.paths import FunctionPath
from control_plane_server.catalog.pauses import PauseRepository
from control_plane_server.catalog.tables import ExecutionRow
from control_plane_server.domain.identifiers import FunctionRef
from control_plane_server.liveness.background import in_background
from tests.factories import insert_function, insert_invocation, take_slot


class GrantWatch(Interceptor, OutboundInterceptor):
    """Says of each signal that it is delivered, and notes how many grants there are that were told to nobody yet."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.told = self.most_untold = 0

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:
        OutboundInterceptor.__init__(self, next)
        return self

    async def signal_workflow(self, input: SignalWorkflowInput) -> None:
        told = self.told
        self.most_untold = max(self.most_untold, await grants(self._database) - told)
        self.told += 1


@pytest.fixture
async def idle_slots(temporal: Client, database: Database) -> IdleSlots:
    return IdleSlots(database=database, messenger=Messenger(temporal, database))


@pytest.fixture
async def listener(database: Database) -> AsyncIterator[NotificationListener]:
    async with NotificationListener(database.url, (PAUSES_CHANNEL,)) as listener:
        yield listener


async def grants(database: Database) -> int:
    async with database.statement() as connection:
        return await connection.scalar(select(func.count()).select_from(ExecutionRow)) or 0


async def until_granted(database: Database, number: int) -> None:
    async with asyncio.timeout(30):
        while await grants(database) < number:
            await asyncio.sleep(0.02)


def path_of(function: FunctionRef) -> FunctionPath:
    return FunctionPath(
        project_name=function.project_name, version_ref=function.version_id, function_name=function.function_name
    )


async def paused(database: Database, *, until: datetime | None = None, waiting: int = 1) -> FunctionRef:
    """A function of that many slots, for which as many wait."""
    function = await insert_function(database, max_concurrency=waiting)
    async with database.transaction() as connection:
        await PauseRepository(connection).pause_function(path_of(function), until=until)
    for _ in range(waiting):
        await take_slot(database, await insert_invocation(database, function))
    return function


async def resume(database: Database, function: FunctionRef) -> None:
    async with database.transaction() as connection:
        await PauseRepository(connection).resume_function(path_of(function))


async def test_what_is_resumed_has_its_slots_at_once(
    database: Database, listener: NotificationListener, idle_slots: IdleSlots
) -> None:
    function = await paused(database)
    ends = PauseEnds(database=database, listener=listener, idle_slots=idle_slots)
    async with in_background("ends of pauses", ends.watch):
        await resume(database, function)
        await until_granted(database, 1)


async def test_a_pause_with_an_end_is_over_soon_after_it(
    database: Database, listener: NotificationListener, idle_slots: IdleSlots
) -> None:
    """The next one is known of those that were there before the process, and of those that come later."""
    await paused(database, until=datetime.now(UTC) + timedelta(hours=1))
    ends = PauseEnds(database=database, listener=listener, idle_slots=idle_slots)
    async with in_background("ends of pauses", ends.watch):
        end = datetime.now(UTC) + timedelta(seconds=1)
        await paused(database, until=end)
        await until_granted(database, 1)
    async with database.statement() as connection:
        granted = await connection.scalar(select(ExecutionRow.creation_time))
    assert granted is not None
    assert timedelta() <= granted - end < timedelta(seconds=10)  # on a machine that is busy


async def test_slots_of_a_wide_function_are_given_as_fast_as_their_workflows_are_told(
    temporal: Client, database: Database
) -> None:
    """So what a run that ends early leaves is free, and given by whoever comes next."""
    function = await paused(database, waiting=2 * PORTION + 1)
    await resume(database, function)
    watch = GrantWatch(database)
    config = temporal.config()
    config["interceptors"] = [watch]
    run = RepairRun("queues given free slots")
    await run.run(IdleSlots(database=database, messenger=Messenger(Client(**config), database)).give)
    assert (watch.told, watch.most_untold, run.made) == (2 * PORTION + 1, PORTION, 3)
