"""Ends of a batch's invocations get positions without gaps, which become visible in their order, whoever ends them."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import func, select, text, update

from control_plane_server.catalog.batches import BatchRepository, NewBatch
from control_plane_server.catalog.database import Database
from control_plane_server.catalog.execution_lifecycle.batch_ends import BatchEndRepository
from control_plane_server.catalog.execution_lifecycle.batch_looks import BatchLookRepository
from control_plane_server.catalog.execution_lifecycle.slots import PORTION, SlotQueue
from control_plane_server.catalog.execution_lifecycle.terminations import TerminationRepository
from control_plane_server.catalog.paths import FunctionPath
from control_plane_server.catalog.reconciliation.orphaned_invocations import OrphanedInvocationRepository
from control_plane_server.catalog.reconciliation.recorded_terminations import RecordedTerminationRepository
from control_plane_server.catalog.reconciliation.undelivered_messages import UndeliveredMessageRepository
from control_plane_server.catalog.reconciliation.unfinished_batches import UnfinishedBatchRepository
from control_plane_server.catalog.reconciliation.unstarted_workflows import UnstartedWorkflowRepository
from control_plane_server.catalog.results import ResultRepository
from control_plane_server.catalog.retention import RetentionRepository
from control_plane_server.catalog.tables import BatchRow, ExecutionRow, InvocationRow
from control_plane_server.domain.batches import Batch
from control_plane_server.domain.entities import ExecutionOutcome, InvocationOutcome
from control_plane_server.domain.identifiers import BatchId, FunctionRef, InvocationId, execution_id_for
from control_plane_server.domain.messages import StopReason
from tests.catalog.locks import somebody_waits_for_a_lock
from tests.factories import insert_function

HOUR = timedelta(hours=1)
AT_ONCE = timedelta()


async def create(database: Database, function: FunctionRef, *, size: int) -> tuple[Batch, list[InvocationId]]:
    """With its invocations in the order of their inputs."""
    path = FunctionPath(
        project_name=function.project_name, version_ref=function.version_id, function_name=function.function_name
    )
    async with database.transaction() as connection:
        batch = await BatchRepository(connection).create(path, NewBatch(inputs=[str(n) for n in range(size)]))
    async with database.statement() as connection:
        found = await connection.scalars(
            select(InvocationRow.invocation_id)
            .where(InvocationRow.batch_id == batch.batch_id)
            .order_by(InvocationRow.batch_index)
        )
        return batch, list(map(InvocationId, found))


async def read(database: Database, batch_id: BatchId) -> Batch:
    async with database.statement() as connection:
        return await BatchRepository(connection).get_by_id(batch_id)


async def results(database: Database, batch_id: BatchId) -> Sequence[tuple[int, int, str]]:
    """Position, index and outcome of all there are."""
    async with database.statement() as connection:
        found = await ResultRepository(connection).of_batch(batch_id, after=0)
    return [(one.position, one.index, one.report.outcome) for one in found]


async def run(database: Database, invocation_id: InvocationId, *, outcome: ExecutionOutcome) -> None:
    """An execution from its slot to its end, as its container leaves it."""
    execution_id = execution_id_for(invocation_id, 1)
    async with database.transaction() as connection:
        await connection.execute(
            update(ExecutionRow).where(ExecutionRow.execution_id == execution_id).values(outcome=outcome.value)
        )
        await TerminationRepository(connection).terminate_execution(
            invocation_id=invocation_id, execution_id=execution_id, reason=None, allows_retry=False
        )


async def test_positions_have_no_gaps_though_many_end_at_once(database: Database) -> None:
    function = await insert_function(database, max_concurrency=100)
    batch, invocation_ids = await create(database, function, size=60)
    async with database.transaction() as connection:
        grants = await BatchLookRepository(connection).give_slots(batch.batch_id)
    assert [grant.invocation_id for grant in grants] == invocation_ids
    assert all(grant.may_be_unstarted for grant in grants)
    outcomes = [(ExecutionOutcome.SUCCEEDED, ExecutionOutcome.FAILED)[n % 2] for n in range(60)]
    seen: list[int] = []

    async def follow() -> None:
        """Whoever reads behind a position misses none."""
        while len(seen) < 60:
            async with database.statement() as connection:
                found = await ResultRepository(connection).of_batch(batch.batch_id, after=len(seen))
            assert [one.position for one in found] == list(range(len(seen) + 1, len(seen) + len(found) + 1))
            seen.extend(one.index for one in found)

    await asyncio.gather(
        follow(),
        *(run(database, one, outcome=outcome) for one, outcome in zip(invocation_ids, outcomes, strict=True)),
    )
    assert sorted(seen) == list(range(60))
    counts = (ended := await read(database, batch.batch_id)).counts
    assert (
        counts.by_outcome[InvocationOutcome.SUCCEEDED],
        counts.by_outcome[InvocationOutcome.FAILED],
        counts.queued,
        counts.running,
    ) == (30, 30, 0, 0)
    assert ended.completion_time is not None


async def test_a_first_look_leaves_to_others_what_they_are_about_to_signal(database: Database) -> None:
    """Of hundreds of batches each would send the messages of all."""
    function = await insert_function(database, max_concurrency=2 * PORTION)
    first, _ = await create(database, function, size=PORTION + 1)
    second, _ = await create(database, function, size=1)
    async with database.transaction() as connection:
        await BatchLookRepository(connection).give_slots(first.batch_id)
        assert await BatchLookRepository(connection).give_slots(second.batch_id) == ()
        repeated = await BatchLookRepository(connection).give_slots(second.batch_id, repeats=True)
    assert len(repeated) == PORTION


async def test_an_end_waits_for_one_that_is_counted_at_the_same_time(database: Database) -> None:
    """Of a replay, whose invocations are of functions with locks of their own."""
    batch, (first, second) = await create(database, await insert_function(database, max_concurrency=2), size=2)
    async with database.transaction() as connection:
        await BatchLookRepository(connection).give_slots(batch.batch_id)
    async with database.transaction() as connection:
        await connection.execute(
            update(InvocationRow)
            .where(InvocationRow.invocation_id == first)
            .values(status="TERMINATED", outcome="FAILED", batch_position=1)
        )
        await connection.execute(update(BatchRow).where(BatchRow.batch_id == batch.batch_id).values(ended=1, failed=1))
        ending = asyncio.create_task(run(database, second, outcome=ExecutionOutcome.SUCCEEDED))
        await somebody_waits_for_a_lock(database)
    await ending
    async with database.statement() as connection:
        counted = await connection.execute(
            select(BatchRow.ended, BatchRow.failed, BatchRow.succeeded, BatchRow.completion_time.is_not(None)).where(
                BatchRow.batch_id == batch.batch_id
            )
        )
        assert tuple(counted.one()) == (2, 1, 1, True)
    assert await results(database, batch.batch_id) == [(1, 0, "FAILED"), (2, 1, "SUCCEEDED")]


async def test_a_grant_has_what_its_workflow_is_started_with(database: Database) -> None:
    batch, invocation_ids = await create(database, await insert_function(database, max_concurrency=2), size=2)
    async with database.transaction() as connection:
        grants = await BatchLookRepository(connection).give_slots(batch.batch_id)
    async with database.statement() as connection:
        unfinished = await UnstartedWorkflowRepository(connection).unfinished(invocation_ids)
    assert {grant.invocation_id: grant.unstarted for grant in grants} == {one.invocation_id: one for one in unfinished}


async def test_who_ends_the_last_one_is_told_so(database: Database) -> None:
    function = await insert_function(database, max_concurrency=1)
    batch, (first, second) = await create(database, function, size=2)
    async with database.transaction() as connection:
        await BatchLookRepository(connection).give_slots(batch.batch_id)
    async with database.transaction() as connection:
        ended = await TerminationRepository(connection).terminate_execution(
            invocation_id=first, execution_id=execution_id_for(first, 1), reason="gone", allows_retry=False
        )
    assert (ended.batches, [grant.invocation_id for grant in ended.grants]) == ((), [second])
    async with database.transaction() as connection:
        terminated = await TerminationRepository(connection).terminate_invocation(second, reason=StopReason.TIMED_OUT)
    assert terminated.batches == (batch.batch_id,)
    assert await results(database, batch.batch_id) == [(1, 0, "FAILED"), (2, 1, "TIMED_OUT")]


async def test_recorded_ends_have_a_position_too(database: Database) -> None:
    batch, (first, second) = await create(database, await insert_function(database), size=2)
    async with database.transaction() as connection:
        recorded = RecordedTerminationRepository(connection)
        assert await recorded.terminate_unstartable(second, reason="no")
        await recorded.record_termination(first, attempt=1, outcome=ExecutionOutcome.ABORTED, error_message="restored")
    assert await results(database, batch.batch_id) == [(1, 1, "FAILED"), (2, 0, "ABORTED")]


async def test_what_a_release_ended_that_knew_no_batches_is_numbered_at_the_next_look(database: Database) -> None:
    function = await insert_function(database, max_concurrency=1)
    batch, (first, second, third) = await create(database, function, size=3)
    async with database.statement() as connection:
        await connection.execute(
            update(InvocationRow).where(InvocationRow.invocation_id == second).values(status="TERMINATED")
        )
    assert await results(database, batch.batch_id) == []
    async with database.transaction() as connection:
        await BatchLookRepository(connection).give_slots(batch.batch_id)
    assert await results(database, batch.batch_id) == [(1, 1, "FAILED")]
    await run(database, first, outcome=ExecutionOutcome.SUCCEEDED)
    assert await results(database, batch.batch_id) == [(1, 1, "FAILED"), (2, 0, "SUCCEEDED")]
    assert (await read(database, batch.batch_id)).counts.by_outcome[InvocationOutcome.FAILED] == 1
    assert third


async def test_pieces_of_a_stop_leave_what_has_begun(database: Database) -> None:
    function = await insert_function(database, max_concurrency=2)
    batch, invocation_ids = await create(database, function, size=10)
    async with database.transaction() as connection:
        await BatchLookRepository(connection).give_slots(batch.batch_id)
    async with database.transaction() as connection:
        await BatchRepository(connection).request_cancellation(batch.batch_id)
    sizes = []
    for _ in range(4):
        async with database.transaction() as connection:
            ended = await BatchEndRepository(connection).end_unstarted(batch.batch_id, reason=None, at_most=3)
        sizes.append(ended.ended)
    assert sizes == [3, 3, 2, 0]
    assert [index for _, index, _ in await results(database, batch.batch_id)] == list(range(2, 10))
    async with database.statement() as connection:
        looks = BatchLookRepository(connection)
        begun = await looks.to_cancel(batch.batch_id, after=None, at_most=1)
        assert begun == tuple(invocation_ids[:1])
        assert await looks.to_cancel(batch.batch_id, after=begun[0], at_most=5) == (invocation_ids[1],)
    counts = (await read(database, batch.batch_id)).counts
    assert (counts.running, counts.queued, counts.by_outcome[InvocationOutcome.CANCELLED]) == (2, 0, 8)


async def test_the_reconciliation_leaves_alone_what_waits_for_its_slot(database: Database) -> None:
    function = await insert_function(database, max_concurrency=1)
    batch, invocation_ids = await create(database, function, size=3)
    async with database.transaction() as connection:
        await BatchRepository(connection).request_cancellation(batch.batch_id)
    async with database.statement() as connection:
        unfinished = await UnfinishedBatchRepository(connection).unfinished(older_than=AT_ONCE)
        assert [one.batch_id for one in unfinished] == [batch.batch_id]
        assert await UnstartedWorkflowRepository(connection).unstarted_invocations(older_than=AT_ONCE) == []
        assert await OrphanedInvocationRepository(connection).running_invocations(older_than=AT_ONCE) == []
        undelivered = UndeliveredMessageRepository(connection)
        assert await undelivered.undelivered_cancellations(older_than=AT_ONCE) == []
    async with database.transaction() as connection:  # as if it had been given before the cancellation
        owner = await SlotQueue(connection).lock_owner_of(invocation_ids[0])
        assert owner is not None
        await SlotQueue(connection).grant_free_slots(owner)
    async with database.statement() as connection:
        running = await OrphanedInvocationRepository(connection).running_invocations(older_than=AT_ONCE)
        assert [one.invocation_id for one in running] == invocation_ids[:1]
        undelivered = UndeliveredMessageRepository(connection)
        assert await undelivered.undelivered_cancellations(older_than=AT_ONCE) == invocation_ids[:1]
        (grant,) = await undelivered.unclaimed_grants(older_than=AT_ONCE, again_after=HOUR)
        assert grant.may_be_unstarted


async def test_retention_keeps_results_as_long_as_their_batch(database: Database) -> None:
    """All of them or none, whenever each of them ended."""
    function = await insert_function(database, max_concurrency=1)
    batch, (first, second) = await create(database, function, size=2)

    async def end(invocation_id: InvocationId) -> None:
        async with database.transaction() as connection:
            await TerminationRepository(connection).terminate_invocation(invocation_id, reason=StopReason.CANCELLED)

    async def forget(older_than: timedelta) -> int:
        async with database.transaction() as connection:
            return await RetentionRepository(connection).forget_ended(older_than=older_than, at_most=1)

    await end(first)
    assert await forget(AT_ONCE) == 0
    await end(second)
    async with database.statement() as connection:
        await connection.execute(
            update(InvocationRow).values(last_update_time=InvocationRow.last_update_time - 2 * HOUR)
        )
    assert await forget(HOUR) == 0
    async with database.statement() as connection:
        await connection.execute(update(BatchRow).values(completion_time=BatchRow.completion_time - 2 * HOUR))
    assert await forget(HOUR) == 1
    async with database.statement() as connection:
        assert await connection.scalar(select(func.count()).select_from(BatchRow)) == 0
    assert await forget(HOUR) == 1
    assert await forget(HOUR) == 0
    async with database.statement() as connection:
        assert await connection.scalar(text("SELECT count(*) FROM invocations")) == 0
    assert batch.size == 2
