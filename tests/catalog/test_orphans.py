"""What the reconciliation may take for orphaned: nothing that is young, healthy or somebody else's."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from sqlalchemy import update

from control_plane_server.catalog.database import Database
from control_plane_server.catalog.execution_lifecycle.slots import Assignment
from control_plane_server.catalog.reconciliation.orphaned_containers import (
    ContainerFindings,
    OrphanedContainerRepository,
)
from control_plane_server.catalog.reconciliation.orphaned_invocations import OrphanedInvocationRepository
from control_plane_server.catalog.tables import ExecutionRow, InvocationRow
from control_plane_server.domain.containers import ContainerName
from control_plane_server.domain.entities import ContainerStatus
from control_plane_server.domain.identifiers import BatchId, ExecutionId, execution_id_for
from tests.factories import insert_function, insert_invocation, take_slot

AT_ONCE = timedelta()
PATIENCE = timedelta(minutes=1)
NOTHING = ContainerFindings(unneeded=(), unknown=())


@pytest.fixture
async def execution_id(database: Database) -> ExecutionId:
    """Of an execution whose first launch has been noted."""
    invocation_id = await insert_invocation(database, await insert_function(database))
    assert isinstance(await take_slot(database, invocation_id), Assignment)
    return execution_id_for(invocation_id, 1)


async def change(database: Database, **columns: object) -> None:
    async with database.statement() as connection:
        await connection.execute(update(ExecutionRow).values(**columns))


async def classify(
    database: Database, containers: Sequence[ContainerName], *, older_than: timedelta
) -> ContainerFindings:
    async with database.statement() as connection:
        return await OrphanedContainerRepository(connection).classify(containers, older_than=older_than)


async def test_the_container_of_a_live_execution_is_needed(database: Database, execution_id: ExecutionId) -> None:
    container = ContainerName(execution_id=execution_id, launch=1)
    assert await classify(database, [container], older_than=AT_ONCE) == NOTHING


async def test_a_launch_that_is_not_noted_yet_is_needed(database: Database, execution_id: ExecutionId) -> None:
    container = ContainerName(execution_id=execution_id, launch=2)
    assert await classify(database, [container], older_than=AT_ONCE) == NOTHING


async def test_the_container_of_an_execution_that_has_ended_is_not(
    database: Database, execution_id: ExecutionId
) -> None:
    container = ContainerName(execution_id=execution_id, launch=1)
    await change(database, container_status=ContainerStatus.TERMINATED)
    assert await classify(database, [container], older_than=PATIENCE) == NOTHING
    assert (await classify(database, [container], older_than=AT_ONCE)).unneeded == (container,)


async def test_a_container_that_was_replaced_is_not(database: Database, execution_id: ExecutionId) -> None:
    old, new = (ContainerName(execution_id=execution_id, launch=launch) for launch in (1, 2))
    await change(database, launches=2)
    assert await classify(database, [old, new], older_than=PATIENCE) == NOTHING
    assert (await classify(database, [old, new], older_than=AT_ONCE)).unneeded == (old,)


async def test_a_container_of_another_control_plane_is_only_told_of(database: Database) -> None:
    stranger = ContainerName(execution_id=ExecutionId("exe-of-somebody-else"), launch=1)
    assert await classify(database, [stranger], older_than=AT_ONCE) == ContainerFindings(
        unneeded=(), unknown=(stranger,)
    )


async def test_running_invocations_are_told_with_how_far_they_came(database: Database) -> None:
    function = await insert_function(database, max_concurrency=1)
    fresh, holding, waiting, ended = [await insert_invocation(database, function) for _ in range(4)]
    await take_slot(database, holding)
    await take_slot(database, waiting)
    async with database.statement() as connection:
        await connection.execute(
            update(InvocationRow).where(InvocationRow.invocation_id == ended).values(status="TERMINATED")
        )
        repository = OrphanedInvocationRepository(connection)
        running = await repository.running_invocations(older_than=AT_ONCE)
        assert {one.invocation_id: one.has_begun for one in running} == {fresh: False, holding: True, waiting: True}
        assert await repository.running_invocations(older_than=PATIENCE) == []
        abandoned = {one.invocation_id: one for one in await repository.running_among([holding, waiting, ended])}
    assert abandoned.keys() == {holding, waiting}
    assert (abandoned[holding].execution_id, abandoned[holding].attempt) == (execution_id_for(holding, 1), 1)
    assert abandoned[waiting].execution_id is None


async def test_one_of_a_batch_is_told_once_its_slot_is_as_old(database: Database) -> None:
    """Whoever gave it the slot may be about to start its workflow, however long it has waited."""
    function = await insert_function(database)
    invocation = await insert_invocation(database, function, batch_id=BatchId("bat-1"))
    await take_slot(database, invocation)
    async with database.statement() as connection:
        await connection.execute(update(InvocationRow).values(creation_time=InvocationRow.creation_time - 2 * PATIENCE))
        repository = OrphanedInvocationRepository(connection)
        assert await repository.running_invocations(older_than=PATIENCE) == []
        await connection.execute(update(ExecutionRow).values(creation_time=ExecutionRow.creation_time - 2 * PATIENCE))
        (found,) = await repository.running_invocations(older_than=PATIENCE)
    assert found.invocation_id == invocation
