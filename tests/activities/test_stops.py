"""Stops that take long: behind thousands of others at a platform, or with thousands of children to tell."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, insert, select, update
from temporalio.client import Client
from temporalio.service import RPCError
from temporalio.testing import ActivityEnvironment

from activities.execution_spans import ExecutionSpans
from activities.executions import ExecutionRunner
from activities.invocations import BoundInvocationActivities
from activities.messenger import Messenger
from control_plane_server.catalog.database import Database
from control_plane_server.catalog.execution_lifecycle.slots import SlotQueue
from control_plane_server.catalog.tables import ExecutionRow, InvocationRow
from control_plane_server.domain.containers import Container
from control_plane_server.domain.entities import ContainerType
from control_plane_server.domain.identifiers import InvocationId, execution_id_for, new_invocation_id
from control_plane_server.domain.messages import EndInvocationRequest, StopInvocationRequest, StopReason
from tests.activities.cancellations import Cancellations
from tests.factories import insert_function, insert_invocation
from tests.simulation.containers import Fleet


class SlowPlatform(Fleet):
    """Stops nothing before it may."""

    def __init__(self) -> None:
        super().__init__(stop_grace=timedelta())
        self.may_stop = asyncio.Event()

    async def stop(self, container: Container) -> None:
        await self.may_stop.wait()


@pytest.fixture
def cancellations() -> Cancellations:
    return Cancellations()


@pytest.fixture
def platform() -> SlowPlatform:
    return SlowPlatform()


@pytest.fixture
def activities(
    temporal: Client, database: Database, cancellations: Cancellations, platform: SlowPlatform
) -> BoundInvocationActivities:
    config = temporal.config()
    config["interceptors"] = [cancellations]
    return BoundInvocationActivities(
        runner=ExecutionRunner.__new__(ExecutionRunner),  # nothing runs here
        database=database,
        provisioner=platform,
        messenger=Messenger(Client(**config), database),
        spans=ExecutionSpans(None),
    )


def environment(on_heartbeat: Callable[..., None] = lambda: None, *, timeout: float = 20.0) -> ActivityEnvironment:
    made = ActivityEnvironment()
    made.on_heartbeat = on_heartbeat
    made.info = replace(made.info, heartbeat_timeout=timedelta(seconds=timeout))
    return made


async def insert_running(database: Database) -> InvocationId:
    """With a container."""
    invocation_id = await insert_invocation(database, await insert_function(database))
    async with database.transaction() as connection:
        await SlotQueue(connection).take(
            invocation_id=invocation_id, execution_id=execution_id_for(invocation_id, 1), attempt=1
        )
        await connection.execute(
            update(ExecutionRow).values(
                container_type=ContainerType.TEST, container_identifier="1", logs_identifier="1", launches=1
            )
        )
    return invocation_id


async def insert_children(database: Database, parent: InvocationId, count: int) -> Sequence[InvocationId]:
    children = [new_invocation_id() for _ in range(count)]
    async with database.statement() as connection:
        function_id = await connection.scalar(
            select(InvocationRow.function_id).where(InvocationRow.invocation_id == parent)
        )
        await connection.execute(
            insert(InvocationRow),
            [
                {"invocation_id": child, "function_id": function_id, "input": "1", "parent_invocation_id": parent}
                for child in children
            ],
        )
    return children


async def test_a_stop_that_waits_for_its_turn_at_the_platform_beats(
    activities: BoundInvocationActivities, database: Database, platform: SlowPlatform
) -> None:
    beats = asyncio.Semaphore(0)
    request = StopInvocationRequest(invocation_id=await insert_running(database), reason=StopReason.CANCELLED)
    stopping = asyncio.create_task(
        environment(lambda *_: beats.release(), timeout=0.08).run(activities.stop_invocation, request)
    )
    async with asyncio.timeout(5):
        for _ in range(3):
            await beats.acquire()
    platform.may_stop.set()
    await stopping


async def test_a_child_that_cannot_be_told_keeps_none_of_the_others_from_being_told(
    activities: BoundInvocationActivities, database: Database, platform: SlowPlatform, cancellations: Cancellations
) -> None:
    parent = await insert_running(database)
    children = await insert_children(database, parent, 250)
    cancellations.fails = children[0]
    platform.may_stop.set()
    request = StopInvocationRequest(invocation_id=parent, reason=StopReason.CANCELLED)
    with pytest.raises(RPCError):
        await environment().run(activities.stop_invocation, request)
    assert set(cancellations.tried) == set(children)


async def test_a_workflow_that_is_to_close_as_cancelled_is_kept_open_by_nobody_else(
    activities: BoundInvocationActivities, database: Database, cancellations: Cancellations
) -> None:
    """Its invocation has ended before, and handed on what it had."""
    parent = await insert_invocation(database, await insert_function(database))
    (cancellations.fails,) = await insert_children(database, parent, 1)
    request = EndInvocationRequest(invocation_id=parent, reason=StopReason.CANCELLED, cancels_workflow=True)
    await environment().run(activities.end_invocation, request)
    assert cancellations.tried == [parent]


async def test_an_end_leaves_most_of_a_thousand_children_to_the_reconciliation(
    activities: BoundInvocationActivities, database: Database, cancellations: Cancellations
) -> None:
    """It is part of a workflow task."""
    parent = await insert_invocation(database, await insert_function(database))
    children = await insert_children(database, parent, 1_000)
    request = EndInvocationRequest(invocation_id=parent, reason=StopReason.CANCELLED)
    await environment().run(activities.end_invocation, request)
    assert set(cancellations.tried) < set(children)
    assert 100 <= len(cancellations.tried) <= 500
    async with database.statement() as connection:
        cancelled_children = await connection.scalar(
            select(func.count(InvocationRow.cancellation_request_time)).where(
                InvocationRow.parent_invocation_id == parent
            )
        )
    assert cancelled_children == 1_000
