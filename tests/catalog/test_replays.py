"""What has ended, once more: what a replay keeps of its original, and a batch of several functions."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update

from control_plane_server.catalog.batches import BatchRepository
from control_plane_server.catalog.database import Database
from control_plane_server.catalog.execution_lifecycle.batch_ends import BatchEndRepository
from control_plane_server.catalog.execution_lifecycle.batch_looks import BatchLookRepository
from control_plane_server.catalog.execution_lifecycle.slots import Grant
from control_plane_server.catalog.execution_lifecycle.terminations import TerminationRepository
from control_plane_server.catalog.invocation_filters import ProjectInvocationFilter
from control_plane_server.catalog.tables import (
    BatchRow,
    ExecutionRow,
    InvocationRow,
    ProjectRow,
    WaitingExecutionRow,
)
from control_plane_server.domain.entities import InvocationOutcome
from control_plane_server.domain.errors import (
    FunctionDoesNotExist,
    NothingToReplay,
    ProjectDoesNotExist,
    ProjectIsBeingDeleted,
    TooManyToReplay,
    VersionDoesNotExist,
)
from control_plane_server.domain.identifiers import InvocationId, execution_id_for
from control_plane_server.domain.messages import StopReason
from tests.catalog.replayed import another_function, ended, function_id_of, replayed, rows
from tests.factories import declare_again, insert_function

FAILED = ProjectInvocationFilter(outcomes=(InvocationOutcome.FAILED,))
KEPT: Mapping[str, Any] = {
    "input": '{"n": 1}',
    "queue_timeout_seconds": 60,
    "tags": {"team": "a"},
    "priority": 7,
    "concurrency_key": "k",
    "concurrency_limit": 2,
    "webhook_url": "https://there/",
    "webhook_events": ["invocation.failed"],
}
# Of the new one's own, as of any invocation of a batch.
OWN = {
    "invocation_id",
    "function_id",
    "project_name",
    "function_name",
    "creation_time",
    "last_update_time",
    "batch_id",
    "batch_index",
    "replayed_from",
    "input_blob_id",
}
# What has not happened yet, and what it was that the original waited for.
NOT_OF_NEW_ONES = {
    "status",
    "parent_invocation_id",
    "cancellation_request_time",
    "stop_time",
    "outcome",
    "error_message",
    "attempts",
    "queued_ms",
    "starting_ms",
    "running_ms",
    "batch_position",
    "not_before",
    "schedule_id",
    "schedule_name",
    "scheduled_time",
}


async def test_a_replay_keeps_its_input_and_options_and_nothing_else(database: Database) -> None:
    function = await insert_function(database)
    parent, original = (
        *await ended(database, function, outcome="SUCCEEDED"),
        *await ended(database, function, error_message="no", not_before=func.clock_timestamp(), **KEPT),
    )
    async with database.statement() as connection:
        await connection.execute(
            update(InvocationRow)
            .where(InvocationRow.invocation_id == original)
            .values(parent_invocation_id=parent, cancellation_request_time=func.clock_timestamp(), batch_position=1)
        )
    batch = await replayed(database, function.project_name, FAILED)
    (row,) = await rows(database, batch)
    assert {name: getattr(row, name) for name in KEPT} == KEPT
    assert (row.replayed_from, row.function_id) == (original, await function_id_of(database, function))
    assert (row.batch_id, row.batch_index, row.status, row.priority) == (batch.batch_id, 0, "RUNNING", 7)
    assert {name for name in NOT_OF_NEW_ONES if getattr(row, name) is not None} == {"status"}
    # Whoever adds a column says here whether a replay has it.
    assert {*KEPT, *OWN, *NOT_OF_NEW_ONES} == {column.name for column in InvocationRow.__table__.columns}
    async with database.statement() as connection:
        place = (await connection.execute(select(WaitingExecutionRow.__table__))).one()
    assert (place.invocation_id, place.execution_id) == (row.invocation_id, execution_id_for(row.invocation_id, 1))
    assert (place.concurrency_key, place.concurrency_limit) == ("k", 2)
    assert place.invocation_creation_time == row.creation_time - timedelta(hours=2)  # by its priority


async def test_those_of_several_functions_are_one_batch_in_the_order_of_their_originals(database: Database) -> None:
    first = await insert_function(database, max_concurrency=1)
    second = await another_function(database, first, "triple", max_concurrency=2)
    originals = [*await ended(database, first, count=3), *await ended(database, second, count=3)]
    await ended(database, first, outcome="SUCCEEDED")
    by_age = [originals[n] for n in (0, 3, 1, 4, 2, 5)]
    batch = await replayed(database, first.project_name, FAILED)
    assert (batch.size, batch.is_replay, batch.counts.queued) == (6, True, 6)
    found = await rows(database, batch)
    assert {row.replayed_from for row in found} == set(by_age)
    assert [row.replayed_from for row in found] == by_age

    async with database.statement() as connection:
        parts = await BatchLookRepository(connection).parts_of_replay(batch.batch_id)
        assert (await BatchRepository(connection).get_by_id(batch.batch_id)).is_replay
    assert len(parts) == 2
    grants: list[Grant] = []
    for part in parts:
        async with database.transaction() as transaction:
            grants += await BatchLookRepository(transaction).give_slots(batch.batch_id, of_replay=part)
    assert len(grants) == 3
    assert all(grant.may_be_unstarted for grant in grants)
    async with database.statement() as connection:
        assert (await BatchRepository(connection).get_by_id(batch.batch_id)).counts.running == 3

    async def run(invocation_id: str) -> None:
        async with database.transaction() as connection:
            execution_id = execution_id_for(InvocationId(invocation_id), 1)
            await connection.execute(
                update(ExecutionRow).where(ExecutionRow.execution_id == execution_id).values(outcome="SUCCEEDED")
            )
            await TerminationRepository(connection).terminate_execution(
                invocation_id=InvocationId(invocation_id),
                execution_id=execution_id,
                reason=None,
                allows_retry=False,
            )

    # Each end gives the slot on, whichever function's it is.
    while True:
        async with database.statement() as connection:
            running = (
                await connection.scalars(
                    select(ExecutionRow.invocation_id).where(ExecutionRow.container_status != "TERMINATED")
                )
            ).all()
        if not running:
            break
        await asyncio.gather(*map(run, running))
    async with database.statement() as connection:
        done = await BatchRepository(connection).get_by_id(batch.batch_id)
    assert (done.counts.by_outcome[InvocationOutcome.SUCCEEDED], done.completion_time is not None) == (6, True)
    assert sorted(row.batch_position for row in await rows(database, batch)) == [1, 2, 3, 4, 5, 6]


async def test_each_has_the_limits_of_its_own_function(database: Database) -> None:
    patient = await insert_function(database, is_ready=False)
    hasty = await another_function(database, patient, "hasty", queue_timeout_seconds=30)
    await ended(database, patient)
    await ended(database, hasty, count=2)
    await ended(database, patient, queue_timeout_seconds=10)  # its own
    batch = await replayed(database, patient.project_name)
    async with database.statement() as connection:
        await connection.execute(
            update(InvocationRow)
            .where(InvocationRow.batch_id == batch.batch_id)
            .values(creation_time=InvocationRow.creation_time - timedelta(seconds=20))
        )
        deadline = await BatchLookRepository(connection).next_deadline(batch.batch_id)
        now = (await connection.execute(select(func.clock_timestamp()))).scalar_one()
    assert deadline is not None
    assert timedelta() < deadline - now <= timedelta(seconds=1)  # that of its own is over, and is told a bit later

    async def end_those_that_are_over() -> int:
        async with database.statement() as connection:
            parts = await BatchLookRepository(connection).parts_of_replay(batch.batch_id)
        count = 0
        for part in parts:
            async with database.transaction() as connection:
                count += (
                    await BatchEndRepository(connection).end_unstarted(
                        batch.batch_id, reason=StopReason.TIMED_OUT, at_most=9, of_replay=part
                    )
                ).ended
        return count

    assert await end_those_that_are_over() == 1
    async with database.statement() as connection:
        await connection.execute(
            update(InvocationRow)
            .where(InvocationRow.batch_id == batch.batch_id)
            .values(creation_time=InvocationRow.creation_time - timedelta(seconds=20))
        )
    assert await end_those_that_are_over() == 2
    async with database.statement() as connection:
        counts = (await BatchRepository(connection).get_by_id(batch.batch_id)).counts
    assert (counts.queued, counts.by_outcome[InvocationOutcome.TIMED_OUT]) == (1, 3)


async def test_a_stop_of_one_function_leaves_the_others_alone(database: Database) -> None:
    """Whose lock is not held."""
    first = await insert_function(database)
    second = await another_function(database, first, "triple")
    await ended(database, first)
    await ended(database, second)
    batch = await replayed(database, first.project_name)
    async with database.transaction() as connection:
        await BatchRepository(connection).request_cancellation(batch.batch_id)
    for left in (1, 0):
        async with database.transaction() as connection:
            part = (await BatchLookRepository(connection).parts_of_replay(batch.batch_id))[0]
            stopped = await BatchEndRepository(connection).end_unstarted(
                batch.batch_id, reason=None, at_most=9, of_replay=part
            )
            assert (stopped.ended, stopped.is_complete) == (1, left == 0)


async def test_another_version_must_have_all_functions_that_were_called(database: Database) -> None:
    old = await insert_function(database)
    gone = await another_function(database, old, "gone")
    elsewhere = await insert_function(database)
    new = await declare_again(database, old)
    (original,) = await ended(database, old)
    for version_ref in ("ver-nowhere", elsewhere.version_id):
        with pytest.raises(VersionDoesNotExist):
            await replayed(database, old.project_name, version_ref=version_ref)
    batch = await replayed(database, old.project_name, version_ref="latest")
    (row,) = await rows(database, batch)
    assert (row.replayed_from, row.function_id) == (original, await function_id_of(database, new))
    await ended(database, gone)
    with pytest.raises(FunctionDoesNotExist, match=f"Version {new.version_id} has no function 'gone', which some"):
        await replayed(database, old.project_name, version_ref=new.version_id)


async def test_what_cannot_be_replayed_makes_nothing(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    function = await insert_function(database)
    await ended(database, function, count=3, outcome="SUCCEEDED")
    with pytest.raises(NothingToReplay):
        await replayed(database, function.project_name, FAILED)
    monkeypatch.setattr("control_plane_server.catalog.replays.MAX_BATCH_INPUTS", 2)
    with pytest.raises(TooManyToReplay):
        await replayed(database, function.project_name)
    with pytest.raises(ProjectDoesNotExist):
        await replayed(database, "nobody's")
    async with database.statement() as connection:
        await connection.execute(update(ProjectRow).values(deletion_request_time=func.clock_timestamp()))
    with pytest.raises(ProjectIsBeingDeleted):
        await replayed(database, function.project_name)
    async with database.statement() as connection:
        assert (await connection.execute(select(func.count()).select_from(BatchRow))).scalar_one() == 0
