"""The slot queue on a real Postgres: the limit, the order, the hand-off, and being asked twice."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import accumulate
from typing import TypeVar

import pytest
from sqlalchemy import func, select, update

from control_plane_server.catalog.database import Database
from control_plane_server.catalog.execution_lifecycle.slots import Assignment, Grant, Refusal, Refused
from control_plane_server.catalog.execution_lifecycle.stops import StoppedInvocation, StopRepository
from control_plane_server.catalog.execution_lifecycle.terminations import (
    TerminatedExecution,
    TerminatedInvocation,
    TerminationRepository,
)
from control_plane_server.catalog.preparations import PreparationRepository
from control_plane_server.catalog.tables import ExecutionRow, InvocationRow, WaitingExecutionRow
from control_plane_server.domain.entities import ContainerStatus, ContainerType, InvocationStatus, PreparedFunction
from control_plane_server.domain.identifiers import InvocationId, execution_id_for
from control_plane_server.domain.messages import StopReason
from tests.catalog.locks import somebody_waits_for_a_lock
from tests.factories import declare_again, insert_function, insert_invocation, take_slot

Result = TypeVar("Result")


@pytest.fixture
async def patient_database(database: Database) -> AsyncIterator[Database]:
    """The same, of which eighty may wait for a connection or a lock for as long as a busy machine takes."""
    patient = Database(database.url, statement_limit=timedelta(seconds=60), lock_limit=timedelta(seconds=60))
    yield patient
    await patient.close()


async def close(
    database: Database, invocation_id: InvocationId, attempt: int = 1, *, allows_retry: bool = False
) -> TerminatedExecution:
    async with database.transaction() as connection:
        return await TerminationRepository(connection).terminate_execution(
            invocation_id=invocation_id,
            execution_id=execution_id_for(invocation_id, attempt),
            reason="exit code 1",
            allows_retry=allows_retry,
        )


async def end(database: Database, invocation_id: InvocationId, *, reason: StopReason | None) -> TerminatedInvocation:
    async with database.transaction() as connection:
        return await TerminationRepository(connection).terminate_invocation(invocation_id, reason=reason)


def is_queued(taken: Assignment | Refused) -> bool:
    return isinstance(taken, Refused) and taken.refusal is Refusal.QUEUED


def grant_of(invocation_id: InvocationId, attempt: int = 1) -> Grant:
    return Grant(invocation_id=invocation_id, execution_id=execution_id_for(invocation_id, attempt))


async def test_a_free_slot_is_taken_at_once_and_found_again(database: Database) -> None:
    invocation = await insert_invocation(database, await insert_function(database))
    first = await take_slot(database, invocation)
    again = await take_slot(database, invocation)
    assert isinstance(first, Assignment)
    assert isinstance(again, Assignment)
    assert (first.launch.number, first.launch.is_new) == (1, True)
    assert again == replace(first, launch=again.launch)
    assert (again.launch.number, again.launch.is_new) == (1, False)
    assert again.launch.age > first.launch.age


async def test_oldest_invocation_first(database: Database) -> None:
    function = await insert_function(database)
    holder, older, younger = [await insert_invocation(database, function) for _ in range(3)]
    assert isinstance(await take_slot(database, holder), Assignment)
    assert is_queued(await take_slot(database, younger))
    assert is_queued(await take_slot(database, older))
    assert (await close(database, holder)).grants == (grant_of(older),)
    assert isinstance(await take_slot(database, older), Assignment)
    assert (await close(database, older)).grants == (grant_of(younger),)


async def test_a_retried_invocation_keeps_its_place(database: Database) -> None:
    function = await insert_function(database)
    retried, younger = [await insert_invocation(database, function) for _ in range(2)]
    await take_slot(database, retried)
    closed = await close(database, retried, allows_retry=True)
    assert not closed.invocation_ended
    assert isinstance(await take_slot(database, younger), Assignment)
    third = await insert_invocation(database, function)
    assert is_queued(await take_slot(database, third))
    assert is_queued(await take_slot(database, retried, attempt=2))
    assert (await close(database, younger)).grants == (grant_of(retried, attempt=2),)


async def test_a_function_that_is_not_ready_has_no_slots_until_it_is(database: Database) -> None:
    function = await insert_function(database, is_ready=False, max_concurrency=2)
    invocations = [await insert_invocation(database, function) for _ in range(3)]
    for invocation in invocations:
        assert is_queued(await take_slot(database, invocation))
    async with database.transaction() as connection:
        outcome = await PreparationRepository(connection).mark_ready(
            function, PreparedFunction(type=ContainerType.TEST, identifier="prepared")
        )
    assert set(outcome.grants) == {grant_of(invocation) for invocation in invocations[:2]}


async def test_a_function_that_cannot_be_prepared_gives_everyone_a_turn_to_end(database: Database) -> None:
    function = await insert_function(database, is_ready=False)
    waiting = [await insert_invocation(database, function) for _ in range(3)]
    for invocation in waiting:
        await take_slot(database, invocation)
    async with database.transaction() as connection:
        outcome = await PreparationRepository(connection).mark_unpreparable(function, "no such image")
    assert set(outcome.grants) == {grant_of(invocation) for invocation in waiting}
    late = await insert_invocation(database, function)
    for invocation in [*waiting, late]:
        taken = await take_slot(database, invocation)
        assert isinstance(taken, Assignment)
        assert taken.function.preparation_error == "no such image"


async def test_a_stopped_invocation_gets_no_slot(database: Database) -> None:
    invocation = await insert_invocation(database, await insert_function(database))
    async with database.transaction() as connection:
        stopped = await StopRepository(connection).stop_invocation(invocation, reason=StopReason.CANCELLED)
    assert stopped == StoppedInvocation(is_claimed=False, container=None, children=(), batches=())
    assert await take_slot(database, invocation) == Refused(refusal=Refusal.STOPPED)


async def test_a_slot_is_taken_beside_a_cancellation_that_is_being_written(database: Database) -> None:
    """It was not there when the slot was looked for: the workflow will be told."""
    invocation = await insert_invocation(database, await insert_function(database))
    async with database.transaction() as connection:
        await connection.execute(update(InvocationRow).values(cancellation_request_time=func.clock_timestamp()))
        taking = asyncio.create_task(take_slot(database, invocation))
        await somebody_waits_for_a_lock(database)
    assert isinstance(await taking, Assignment)
    async with database.statement() as connection:
        found = await connection.execute(
            select(
                InvocationRow.cancellation_request_time,
                InvocationRow.last_update_time,
                ExecutionRow.creation_time,
            ).join(ExecutionRow, ExecutionRow.invocation_id == InvocationRow.invocation_id)
        )
    row = found.one()
    assert row.cancellation_request_time is not None
    assert row.last_update_time == row.creation_time


async def test_a_granted_slot_is_not_taken_up_after_a_cancellation(database: Database) -> None:
    function = await insert_function(database)
    holder, granted = [await insert_invocation(database, function) for _ in range(2)]
    await take_slot(database, holder)
    await take_slot(database, granted)
    await close(database, holder)
    async with database.transaction() as connection:
        await StopRepository(connection).stop_invocation(granted, reason=StopReason.CANCELLED)
    assert await take_slot(database, granted) == Refused(refusal=Refusal.STOPPED)


async def test_a_slot_is_taken_back_unless_it_was_taken_up(database: Database) -> None:
    function = await insert_function(database)
    holder, taken_up, younger = [await insert_invocation(database, function) for _ in range(3)]
    for invocation in (holder, taken_up, younger):
        await take_slot(database, invocation)
    await close(database, holder)
    await take_slot(database, taken_up)
    async with database.transaction() as connection:
        assert await TerminationRepository(connection).revoke_grant(grant_of(taken_up)) == ()
    await close(database, taken_up)
    async with database.transaction() as connection:
        await TerminationRepository(connection).revoke_grant(grant_of(younger))
    assert await take_slot(database, younger) == Refused(refusal=Refusal.TERMINATED)


async def test_an_invocation_that_is_gone_gets_no_slot(database: Database) -> None:
    assert await take_slot(database, InvocationId("inv-gone")) == Refused(refusal=Refusal.STOPPED)


async def test_ending_while_queued_leaves_no_place_and_no_execution(database: Database) -> None:
    function = await insert_function(database)
    holder, queued = [await insert_invocation(database, function) for _ in range(2)]
    await take_slot(database, holder)
    await take_slot(database, queued)
    async with database.transaction() as connection:
        assert (
            await TerminationRepository(connection).terminate_invocation(queued, reason=StopReason.CANCELLED)
        ).grants == ()
    assert (await close(database, holder)).grants == ()
    assert await take_slot(database, queued) == Refused(refusal=Refusal.STOPPED)
    async with database.statement() as connection:
        assert await connection.scalar(select(func.count()).select_from(WaitingExecutionRow)) == 0
        status = await connection.scalar(select(InvocationRow.status).where(InvocationRow.invocation_id == queued))
    assert status == InvocationStatus.TERMINATED


async def test_ending_with_an_unclaimed_grant_hands_it_on(database: Database) -> None:
    function = await insert_function(database)
    holder, granted, younger = [await insert_invocation(database, function) for _ in range(3)]
    for invocation in (holder, granted, younger):
        await take_slot(database, invocation)
    await close(database, holder)
    async with database.transaction() as connection:
        ended = await TerminationRepository(connection).terminate_invocation(granted, reason=StopReason.CANCELLED)
    assert ended.grants == (grant_of(younger),)


async def test_a_closed_execution_stays_as_it_was_closed(database: Database) -> None:
    invocation = await insert_invocation(database, await insert_function(database))
    await take_slot(database, invocation)
    first = await close(database, invocation)
    again = await close(database, invocation)
    assert (first.is_new, again) == (True, replace(first, is_new=False))
    assert (first.error_message, first.invocation_ended) == ("exit code 1", True)
    assert await take_slot(database, invocation) == Refused(refusal=Refusal.TERMINATED)


@pytest.mark.parametrize(("seed", "versions"), [(1, 0), (2, 0), (3, 3), (4, 3)])
async def test_the_limit_holds_under_any_interleaving(
    patient_database: Database, database: Database, seed: int, versions: int
) -> None:
    """Workflows in miniature, many at once, some ended early; a sampler counts slots all the while, and the times that
    were written under the lock tell it once more. Of one function, or of versions of it that share their slots."""
    limit, total = 3, 40
    function = await insert_function(database, max_concurrency=limit)
    sharing = [await declare_again(database, function, max_concurrency=limit) for _ in range(versions)]
    chance = random.Random(seed)
    invocations = [await insert_invocation(database, chance.choice(sharing or [function])) for _ in range(total)]
    granted = {invocation: asyncio.Event() for invocation in invocations}
    most_held = 0

    def note_grants(grants: tuple[Grant, ...]) -> None:
        for grant in grants:
            granted[grant.invocation_id].set()

    async def live(invocation: InvocationId) -> None:
        ends_early = chance.random() < 0.2
        while True:
            taken, _ = await twice(lambda: take_slot(patient_database, invocation))
            if isinstance(taken, Assignment):
                break
            if taken.refusal is not Refusal.QUEUED:
                return
            note_grants(taken.grants)
            if ends_early:
                note_grants((await end(patient_database, invocation, reason=StopReason.CANCELLED)).grants)
                return
            await granted[invocation].wait()
        for closed in await twice(lambda: close(patient_database, invocation)):
            note_grants(closed.grants)

    async def sample() -> None:
        nonlocal most_held
        while True:
            async with database.statement() as connection:
                held = await connection.scalar(
                    select(func.count()).where(
                        ExecutionRow.container_status != ContainerStatus.TERMINATED,
                        ExecutionRow.invocation_id.in_(invocations),
                    )
                )
            most_held = max(most_held, held or 0)

    # Groups: whatever fails, nothing of this test goes on beside the next one.
    async with asyncio.TaskGroup() as group:
        sampling = group.create_task(sample())
        async with asyncio.timeout(60), asyncio.TaskGroup() as workflows:
            for invocation in invocations:
                workflows.create_task(live(invocation))
        sampling.cancel()
    assert 1 < most_held <= limit
    assert 1 < await most_at_once(database, invocations) <= limit
    async with database.statement() as connection:
        running = await connection.scalar(select(func.count()).where(InvocationRow.status == InvocationStatus.RUNNING))
    assert running == 0


async def most_at_once(database: Database, invocations: Sequence[InvocationId]) -> int:
    """How many slots they had at once, of executions that have ended."""
    async with database.statement() as connection:
        times = await connection.execute(
            select(ExecutionRow.creation_time, ExecutionRow.last_update_time).where(
                ExecutionRow.invocation_id.in_(invocations)
            )
        )
    changes = sorted((at, change) for row in times for at, change in zip(row, (1, -1), strict=True))
    return max(accumulate(change for _, change in changes))


async def twice(do: Callable[[], Coroutine[None, None, Result]]) -> tuple[Result, Result]:
    """At once; if one fails, the other does not go on."""
    async with asyncio.TaskGroup() as group:
        first, second = group.create_task(do()), group.create_task(do())
    return first.result(), second.result()
