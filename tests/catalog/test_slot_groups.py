"""Slots that all versions of a function share: one limit, one queue, whichever version is called."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import func, insert, select, text, update

from control_plane_server.catalog.batches import BatchRepository, NewBatch
from control_plane_server.catalog.database import Database
from control_plane_server.catalog.deletions import DeletionRepository
from control_plane_server.catalog.execution_lifecycle.batch_looks import BatchLookRepository
from control_plane_server.catalog.execution_lifecycle.slots import Assignment, Grant, SlotQueue
from control_plane_server.catalog.load import LoadRepository
from control_plane_server.catalog.paths import FunctionPath
from control_plane_server.catalog.preparations import Preparation, PreparationRepository
from control_plane_server.catalog.reconciliation.idle_slots import IdleSlotRepository
from control_plane_server.catalog.tables import (
    ExecutionRow,
    FunctionRow,
    InvocationRow,
    ProjectRow,
    WaitingExecutionRow,
)
from control_plane_server.domain.batches import Batch
from control_plane_server.domain.entities import (
    ContainerStatus,
    ContainerType,
    ExecutionOutcome,
    FunctionStatus,
    PreparedFunction,
)
from control_plane_server.domain.identifiers import FunctionRef, InvocationId, execution_id_for
from tests.catalog.locks import somebody_waits_for_a_lock
from tests.catalog.plans import check_plans
from tests.catalog.test_slots import close, grant_of, is_queued
from tests.factories import declare_again, insert_function, insert_invocation, take_slot
from tests.statements import Statement


@pytest.fixture
async def alone(database: Database) -> FunctionRef:
    """A version whose slots are its own, READY."""
    return await insert_function(database)


@pytest.fixture
async def first(database: Database, alone: FunctionRef) -> FunctionRef:
    return await declare_again(database, alone)


async def prepare(database: Database, function: FunctionRef) -> tuple[Grant, ...]:
    async with database.transaction() as connection:
        outcome = await PreparationRepository(connection).mark_ready(
            function, PreparedFunction(type=ContainerType.TEST, identifier="prepared")
        )
    return outcome.grants


async def create_batch(database: Database, function: FunctionRef, *, size: int) -> Batch:
    path = FunctionPath(
        project_name=function.project_name, version_ref=function.version_id, function_name=function.function_name
    )
    async with database.transaction() as connection:
        return await BatchRepository(connection).create(path, NewBatch(inputs=["1"] * size))


async def test_a_mutex_holds_across_a_deployment_the_oldest_first(
    database: Database, alone: FunctionRef, first: FunctionRef
) -> None:
    holder = await insert_invocation(database, first)
    assert isinstance(await take_slot(database, holder), Assignment)
    second = await declare_again(database, first)
    older, younger = await insert_invocation(database, second), await insert_invocation(database, first)
    assert is_queued(await take_slot(database, younger))
    assert is_queued(await take_slot(database, older))
    assert isinstance(
        await take_slot(database, await insert_invocation(database, alone)), Assignment
    ), "it shares nothing"
    assert (await close(database, holder)).grants == (grant_of(older),)
    assert isinstance(await take_slot(database, older), Assignment)
    retried = await close(database, older, allows_retry=True)
    assert retried.grants == (grant_of(younger),)
    assert is_queued(await take_slot(database, older, attempt=2))
    assert (await close(database, younger)).grants == (grant_of(older, attempt=2),)


async def test_the_limit_is_that_of_the_newest_version_that_is_ready(database: Database, first: FunctionRef) -> None:
    invocations = [await insert_invocation(database, first) for _ in range(5)]
    for invocation in invocations:
        await take_slot(database, invocation)
    raised = await declare_again(database, first, max_concurrency=3, is_ready=False)
    assert is_queued(await take_slot(database, invocations[1])), "it is not in force yet"
    assert await prepare(database, raised) == tuple(map(grant_of, invocations[1:3]))
    await declare_again(database, first, max_concurrency=1)
    assert [(await close(database, one)).grants for one in invocations[:2]] == [(), ()]
    assert (await close(database, invocations[2])).grants == (grant_of(invocations[3]),)


async def test_what_waits_for_a_version_that_is_not_ready_keeps_nobody_waiting(
    database: Database, first: FunctionRef
) -> None:
    holder = await insert_invocation(database, first)
    await take_slot(database, holder)
    pending = await declare_again(database, first, is_ready=False)
    refused = await declare_again(database, first, is_ready=False)
    early, hopeless = await insert_invocation(database, pending), await insert_invocation(database, refused)
    waiting = await insert_invocation(database, first)
    for invocation in (early, hopeless, waiting):
        assert is_queued(await take_slot(database, invocation))
    async with database.transaction() as connection:
        outcome = await PreparationRepository(connection).mark_unpreparable(refused, "no such image")
    assert outcome.grants == (grant_of(hopeless),)
    assert isinstance(await take_slot(database, hopeless), Assignment), "it ends with the reason"
    assert (await close(database, holder)).grants == (grant_of(waiting),)
    assert await prepare(database, pending) == ()
    assert (await close(database, waiting)).grants == (grant_of(early),)


async def test_a_preparation_waits_for_the_group_without_its_function(database: Database, first: FunctionRef) -> None:
    """The order of locks that all keep, or two of them wait for each other."""
    pending = await declare_again(database, first, is_ready=False)

    async def begin() -> Preparation | None:
        async with database.transaction() as connection:
            return await PreparationRepository(connection).begin(pending)

    async with database.transaction() as connection:
        await connection.execute(text("SELECT FROM slot_groups FOR UPDATE"))
        beginning = asyncio.create_task(begin())
        await somebody_waits_for_a_lock(database)
        await connection.execute(text("SELECT FROM functions FOR UPDATE NOWAIT"))
    assert await beginning is not None


async def test_what_another_writes_meanwhile_is_seen_behind_the_lock_of_the_group(
    database: Database, first: FunctionRef
) -> None:
    pending = await declare_again(database, first, is_ready=False)
    early, waiting = [await insert_invocation(database, pending) for _ in range(2)]
    async with database.transaction() as connection:
        await connection.execute(text("SELECT FROM slot_groups FOR UPDATE"))
        await connection.execute(update(FunctionRow).values(status=FunctionStatus.READY))
        taking = asyncio.create_task(take_slot(database, early))
        await somebody_waits_for_a_lock(database)
    assert isinstance(await taking, Assignment)
    assert is_queued(await take_slot(database, waiting))
    async with database.transaction() as connection:
        await connection.execute(update(ExecutionRow).values(outcome=ExecutionOutcome.SUCCEEDED))
        closing = asyncio.create_task(close(database, early))
        await somebody_waits_for_a_lock(database)
    closed = await closing
    assert (closed.outcome, closed.grants) == (ExecutionOutcome.SUCCEEDED, (grant_of(waiting),))


async def test_batches_wait_in_the_same_queue(database: Database, first: FunctionRef) -> None:
    second = await declare_again(database, first, is_ready=False)
    batches = [await create_batch(database, function, size=2) for function in (first, second)]
    after = await insert_invocation(database, first)
    assert is_queued(await take_slot(database, after))
    await prepare(database, second)
    order: list[InvocationId] = []
    async with database.transaction() as connection:
        for batch in batches:
            grants = await BatchLookRepository(connection).give_slots(batch.batch_id, repeats=True)
            order += [grant.invocation_id for grant in grants]
    assert len(set(order)) == 1
    order = order[:1]
    async with database.statement() as connection:
        counts = [(await BatchRepository(connection).get_by_id(batch.batch_id)).counts for batch in batches]
        (load,) = await LoadRepository(connection).read(at_most=10)
    assert [(one.running, one.queued) for one in counts] == [(1, 1), (0, 2)]
    assert (load.running, load.waiting, load.pending_containers) == (5, 4, 1)
    while grants := (await close(database, order[-1])).grants:
        (grant,) = grants
        order.append(grant.invocation_id)
    assert (len(order), order[-1]) == (5, after)


async def test_a_version_that_is_deleted_takes_no_slot_along(database: Database, first: FunctionRef) -> None:
    second = await declare_again(database, first)
    ended, holder, waiting = [await insert_invocation(database, one) for one in (first, second, second)]
    await take_slot(database, ended)
    await close(database, ended)
    await take_slot(database, holder)
    await take_slot(database, waiting)
    async with database.transaction() as connection:
        creation_time = await connection.scalar(
            update(ProjectRow)
            .where(ProjectRow.project_name == first.project_name)
            .values(deletion_request_time=func.clock_timestamp())
            .returning(ProjectRow.creation_time)
        )
        assert creation_time is not None
    for _ in range(3):
        async with database.transaction() as connection:
            deletion = DeletionRepository(connection, project_name=first.project_name, creation_time=creation_time)
            await deletion.delete_invocations(await deletion.ended(at_most=10))
            await deletion.delete_version()
    assert (await close(database, holder)).grants == (grant_of(waiting),)


async def test_a_slot_that_nobody_gave_away_is_given_by_the_reconciliation(
    database: Database, alone: FunctionRef, first: FunctionRef
) -> None:
    """As the release before leaves it, which knows no groups: freed under the group, or waited for beside it."""
    pending = await declare_again(database, first, is_ready=False)
    holder, waiting, beside = [await insert_invocation(database, first) for _ in range(3)]
    for invocation in (holder, waiting, await insert_invocation(database, pending)):
        await take_slot(database, invocation)
    for _ in range(2):
        await take_slot(database, await insert_invocation(database, alone))
    await wait_in_queue_of_function(database, beside)
    async with database.statement() as connection:
        idle = IdleSlotRepository(connection)
        assert await idle.first_in_queues(older_than=timedelta()) == [beside], "it is moved to the queue of the group"
        assert await idle.first_in_queues(older_than=timedelta(minutes=1)) == [], "it may be under way"
    assert await give_free_slots(database, beside) == ()
    async with database.statement() as connection:
        idle = IdleSlotRepository(connection)
        assert await idle.first_in_queues(older_than=timedelta()) == [], "the slot is taken"
        await connection.execute(
            update(ExecutionRow)
            .where(ExecutionRow.invocation_id == holder)
            .values(container_status=ContainerStatus.TERMINATED)
        )
        assert await idle.first_in_queues(older_than=timedelta()) == [waiting]
    assert await give_free_slots(database, waiting) == (grant_of(waiting),)
    assert (await close(database, waiting)).grants == (grant_of(beside),)
    late = await insert_invocation(database, first)
    await wait_in_queue_of_function(database, late)
    assert (await close(database, beside)).grants == (grant_of(late),), "though nobody waits in the queue of the group"


async def wait_in_queue_of_function(database: Database, invocation: InvocationId) -> None:
    async with database.statement() as connection:
        row = (
            await connection.execute(
                select(InvocationRow.function_id, InvocationRow.creation_time).where(
                    InvocationRow.invocation_id == invocation
                )
            )
        ).one()
        await connection.execute(
            insert(WaitingExecutionRow).values(
                invocation_id=invocation,
                function_id=row.function_id,
                execution_id=execution_id_for(invocation, 1),
                attempt=1,
                rank=row.creation_time,
            )
        )


async def give_free_slots(database: Database, invocation: InvocationId) -> tuple[Grant, ...]:
    async with database.transaction() as connection:
        slots = SlotQueue(connection)
        owner = await slots.lock_owner_of(invocation)
        assert owner is not None
        return await slots.grant_free_slots(owner)


async def test_neither_a_thousand_versions_nor_a_long_queue_make_a_slot_dear(
    database: Database, first: FunctionRef, statements: list[Statement]
) -> None:
    second = await declare_again(database, first)
    async with database.statement() as connection:
        for statement in (
            "INSERT INTO versions (version_id, project_name)"
            f" SELECT 'ver-' || n, '{first.project_name}' FROM generate_series(1, 1000) n",
            "INSERT INTO functions (version_id, function_name, docker_image, virtual_cpus, memory_gbs, max_concurrency,"
            " max_retries, timeout_seconds, retry_initial_interval_seconds, retry_backoff_coefficient,"
            " retry_max_interval_seconds, status, concurrency, slot_group_id)"
            " SELECT 'ver-' || n, function_name, docker_image, virtual_cpus, memory_gbs, max_concurrency, max_retries,"
            " timeout_seconds, retry_initial_interval_seconds, retry_backoff_coefficient, retry_max_interval_seconds,"
            " status, concurrency, slot_group_id FROM functions, generate_series(1, 1000) n"
            f" WHERE functions.version_id = '{second.version_id}'",
            "ANALYZE",
        ):
            await connection.execute(text(statement))
    holder, waiting = [await insert_invocation(database, one) for one in (first, second)]
    await create_batch(database, second, size=2_000)
    async with database.statement() as connection:
        await connection.execute(text("ANALYZE"))
    statements.clear()
    await take_slot(database, holder)
    await take_slot(database, waiting)
    async with database.statement() as connection:
        assert await IdleSlotRepository(connection).first_in_queues(older_than=timedelta()) == []
    assert (await close(database, holder)).grants == (grant_of(waiting),)
    await check_plans(database, statements, most_rows=100)
    async with database.statement() as connection:
        await connection.execute(text("TRUNCATE projects CASCADE"))
        await connection.execute(text("ANALYZE"))  # or the tests after this one are planned for what is gone
