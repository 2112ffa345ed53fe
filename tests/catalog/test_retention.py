"""What is forgotten, what is kept, and what goes with it."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import func, insert, select, text, update

from control_plane_server.catalog.database import Database
from control_plane_server.catalog.invocations import InvocationRepository, NewInvocation
from control_plane_server.catalog.paths import FunctionPath
from control_plane_server.catalog.retention import RetentionRepository
from control_plane_server.catalog.tables import ExecutionRow, IdempotencyKeyRow, InvocationRow
from control_plane_server.domain.entities import ParentRef
from control_plane_server.domain.errors import ParentInvocationDoesNotExist
from control_plane_server.domain.identifiers import FunctionRef, InvocationId
from tests.catalog.locks import somebody_waits_for_a_lock
from tests.factories import insert_function, insert_invocation

MONTH = timedelta(days=30)


@pytest.fixture
async def function(database: Database) -> FunctionRef:
    return await insert_function(database)


async def insert_ended(
    database: Database, function: FunctionRef, *, age: timedelta, parent: InvocationId | None = None
) -> InvocationId:
    invocation_id = await insert_invocation(database, function)
    async with database.statement() as connection:
        await connection.execute(
            update(InvocationRow)
            .where(InvocationRow.invocation_id == invocation_id)
            .values(status="TERMINATED", last_update_time=func.clock_timestamp() - age, parent_invocation_id=parent)
        )
    return invocation_id


async def forget(database: Database, *, at_most: int = 100) -> int:
    async with database.transaction() as connection:
        return await RetentionRepository(connection).forget_ended(older_than=MONTH, at_most=at_most)


async def kept(database: Database) -> set[str]:
    async with database.statement() as connection:
        return set(await connection.scalars(select(InvocationRow.invocation_id)))


async def test_only_what_ended_long_ago_is_forgotten(database: Database, function: FunctionRef) -> None:
    running = await insert_invocation(database, function)
    async with database.statement() as connection:
        await connection.execute(update(InvocationRow).values(last_update_time=func.clock_timestamp() - 2 * MONTH))
    young = await insert_ended(database, function, age=MONTH - timedelta(minutes=1))
    await insert_ended(database, function, age=MONTH + timedelta(minutes=1))
    assert await forget(database) == 1
    assert await kept(database) == {running, young}
    assert await forget(database) == 0


async def test_the_oldest_go_first_batch_by_batch(database: Database, function: FunctionRef) -> None:
    invocations = [await insert_ended(database, function, age=months * MONTH) for months in (5, 4, 3, 2)]
    assert await forget(database, at_most=3) == 3
    assert await kept(database) == set(invocations[3:])


async def test_executions_and_idempotency_keys_go_with_it(database: Database, function: FunctionRef) -> None:
    invocation_id = await insert_ended(database, function, age=2 * MONTH)
    async with database.transaction() as connection:
        await connection.execute(
            insert(ExecutionRow).values(execution_id="exe-1", invocation_id=invocation_id, function_id=0, attempt=1)
        )
        await connection.execute(
            insert(IdempotencyKeyRow).values(
                project_name=function.project_name,
                function_name=function.function_name,
                idempotency_key="key",
                request_fingerprint="",
                invocation_id=invocation_id,
            )
        )
    await forget(database)
    async with database.statement() as connection:
        for row in (ExecutionRow, IdempotencyKeyRow):
            assert await connection.scalar(select(func.count()).select_from(row)) == 0


async def test_a_parent_is_kept_as_long_as_its_children(database: Database, function: FunctionRef) -> None:
    parent = await insert_ended(database, function, age=3 * MONTH)
    child = await insert_ended(database, function, age=2 * MONTH, parent=parent)
    grandchild = await insert_ended(database, function, age=timedelta(), parent=child)
    assert await forget(database) == 0
    async with database.statement() as connection:
        await connection.execute(
            update(InvocationRow)
            .where(InvocationRow.invocation_id == grandchild)
            .values(last_update_time=func.clock_timestamp() - 2 * MONTH)
        )
    assert [await forget(database) for _ in range(4)] == [1, 1, 1, 0]


async def test_what_somebody_holds_is_left_alone(database: Database, function: FunctionRef) -> None:
    held = await insert_ended(database, function, age=2 * MONTH)
    async with database.transaction() as connection:
        await connection.execute(text("SELECT FROM invocations FOR KEY SHARE"))  # as a child that is being created does
        assert await forget(database) == 0
    assert await kept(database) == {held}


async def test_two_at_once_forget_everything_once(database: Database, function: FunctionRef) -> None:
    for _ in range(10):
        await insert_ended(database, function, age=2 * MONTH)
    async with database.transaction() as first, database.transaction() as second:
        counts = [
            await RetentionRepository(connection).forget_ended(older_than=MONTH, at_most=6)
            for connection in (first, second)
        ]
    assert counts == [6, 4]


async def test_a_child_of_a_parent_that_is_forgotten_at_this_moment_is_refused(
    database: Database, function: FunctionRef
) -> None:
    """As it is a moment later, when the parent is not found."""
    parent = ParentRef(
        function_name=function.function_name, invocation_id=await insert_ended(database, function, age=2 * MONTH)
    )
    path = FunctionPath(
        project_name=function.project_name, version_ref=function.version_id, function_name=function.function_name
    )

    async def create() -> None:
        async with database.transaction() as connection:
            await InvocationRepository(connection).create(path, NewInvocation(input="1", parent=parent))

    async with database.transaction() as forgetting:
        assert await RetentionRepository(forgetting).forget_ended(older_than=MONTH, at_most=1) == 1
        creating = asyncio.create_task(create())
        await somebody_waits_for_a_lock(database)
    with pytest.raises(ParentInvocationDoesNotExist):
        await creating
