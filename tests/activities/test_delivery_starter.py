"""The workflows that send webhooks are started when an end is noted, once, and by the reconciliation if not."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError
from temporalio.worker import Worker

from activities.deliveries import BoundDeliveryActivities
from activities.delivery_starter import DeliveryStarter
from activities.reconciliation.overdue_deliveries import OverdueDeliveries
from activities.reconciliation.repair_run import RepairRun
from control_plane_server.catalog.database import Database
from control_plane_server.catalog.notifications import WEBHOOKS_CHANNEL, NotificationListener
from control_plane_server.domain.webhooks import DeliveryTarget
from control_plane_server.liveness.background import in_background
from tests.catalog.webhooks.declared import KEYS, age, cancelled, declare, target_of
from tests.factories import insert_function
from tests.webhooks.receivers import Receiver, receiver, sender, silence, status
from workflows import naming
from workflows.registry import WORKFLOWS


@pytest.fixture
async def listener(database: Database) -> AsyncIterator[NotificationListener]:
    async with NotificationListener(database.url, (WEBHOOKS_CHANNEL,)) as listener:
        yield listener


@pytest.fixture
def starter(temporal: Client, database: Database, listener: NotificationListener) -> DeliveryStarter:
    return DeliveryStarter(client=temporal, database=database, listener=listener)


@pytest.fixture
async def workers(temporal: Client, database: Database) -> AsyncIterator[None]:
    deliveries = BoundDeliveryActivities(database=database, sender=sender(), keys=KEYS)
    async with AsyncExitStack() as running:
        for queue in (naming.INVOCATIONS_TASK_QUEUE, naming.WEBHOOKS_TASK_QUEUE):
            worker = Worker(temporal, task_queue=queue, workflows=WORKFLOWS, activities=[deliveries.deliver_due])
            await running.enter_async_context(worker)
        yield


async def until_received(it: Receiver, number: int) -> None:
    async with asyncio.timeout(60):
        while len(it.received) < number:
            await asyncio.sleep(0.02)


@pytest.mark.usefixtures("workers")
async def test_a_receiver_that_hangs_keeps_only_its_own_waiting(database: Database, starter: DeliveryStarter) -> None:
    async with receiver(silence) as slow, receiver(status(200)) as fast, in_background("webhooks", starter.watch):
        for it in (slow, fast):
            function = await insert_function(database)
            await declare(database, function.project_name, url=it.url())
            for _ in range(20):
                await cancelled(database, function)
            await until_received(it, 8)
        await until_received(fast, 20)
        assert len(slow.received) == 8


async def has_workflow(temporal: Client, target: DeliveryTarget) -> bool:
    try:
        described = await temporal.get_workflow_handle(naming.delivery_workflow_id(target)).describe()
    except RPCError:
        return False
    return described.status is WorkflowExecutionStatus.RUNNING


@pytest.mark.usefixtures("workers")
async def test_an_end_is_told_soon_and_a_later_one_too(database: Database, starter: DeliveryStarter) -> None:
    """The second one finds its workflow closed, or about to close."""
    async with receiver(status(200)) as it, in_background("webhooks", starter.watch):
        function = await insert_function(database)
        await declare(database, function.project_name, url=it.url())
        for number in (1, 2, 3):
            await cancelled(database, function)
            await until_received(it, number)
        assert len({received.headers["webhook-id"] for received in it.received}) == 3


async def test_what_was_announced_and_not_started_is_started_by_the_reconciliation(
    temporal: Client, database: Database, starter: DeliveryStarter
) -> None:
    function = await insert_function(database)
    await declare(database, function.project_name)
    await cancelled(database, function)
    run = RepairRun("deliveries started")
    overdue = OverdueDeliveries(database=database, starter=starter)
    await overdue.start(run)
    assert not await has_workflow(temporal, target_of(function))  # it is young: somebody may be about to start it
    await age(database, hours=0.1)
    await overdue.start(run)
    assert await has_workflow(temporal, target_of(function))
    await overdue.start(run)  # by now it runs
    assert run.made == 1
    await temporal.get_workflow_handle(naming.delivery_workflow_id(target_of(function))).terminate()
