"""The end of an invocation and its children: whatever comes at the same moment, nobody is forgotten."""

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy import func, select, update

from control_plane_server.catalog.database import Database
from control_plane_server.catalog.execution_lifecycle.slots import Assignment, SlotQueue
from control_plane_server.catalog.execution_lifecycle.stops import StoppedInvocation, StopRepository
from control_plane_server.catalog.execution_lifecycle.terminations import TerminatedExecution, TerminationRepository
from control_plane_server.catalog.tables import ExecutionRow, FunctionRow, InvocationRow
from control_plane_server.domain.entities import ExecutionOutcome
from control_plane_server.domain.identifiers import InvocationId, execution_id_for
from control_plane_server.domain.messages import StopReason
from tests.catalog.locks import somebody_waits_for_a_lock
from tests.factories import insert_function, insert_invocation


async def adopt(database: Database, child: InvocationId, parent: InvocationId) -> None:
    async with database.statement() as connection:
        await connection.execute(
            update(InvocationRow).where(InvocationRow.invocation_id == child).values(parent_invocation_id=parent)
        )


async def run_and_succeed(database: Database, invocation_id: InvocationId) -> None:
    """Up to the moment when the container has reported and is gone."""
    execution_id = execution_id_for(invocation_id, 1)
    async with database.transaction() as connection:
        taken = await SlotQueue(connection).take(invocation_id=invocation_id, execution_id=execution_id, attempt=1)
        assert isinstance(taken, Assignment)
        await connection.execute(
            update(ExecutionRow)
            .where(ExecutionRow.execution_id == execution_id)
            .values(outcome=ExecutionOutcome.SUCCEEDED)
        )


async def close(database: Database, invocation_id: InvocationId) -> TerminatedExecution:
    async with database.transaction() as connection:
        return await TerminationRepository(connection).terminate_execution(
            invocation_id=invocation_id,
            execution_id=execution_id_for(invocation_id, 1),
            reason=None,
            allows_retry=False,
        )


async def stop(database: Database, invocation_id: InvocationId) -> StoppedInvocation:
    async with database.transaction() as connection:
        return await StopRepository(connection).stop_invocation(invocation_id, reason=StopReason.CANCELLED)


async def test_a_cancellation_at_the_moment_of_the_end_reaches_the_children(database: Database) -> None:
    function = await insert_function(database)
    parent, child = [await insert_invocation(database, function) for _ in range(2)]
    await adopt(database, child, parent)
    await run_and_succeed(database, parent)
    async with database.transaction() as cancelling:
        await cancelling.execute(
            update(InvocationRow)
            .where(InvocationRow.invocation_id == parent)
            .values(cancellation_request_time=func.clock_timestamp())
        )
        closing = asyncio.create_task(close(database, parent))
        await somebody_waits_for_a_lock(database)
    assert (await closing).children == (child,)


async def test_children_are_told_until_they_have_stopped(database: Database) -> None:
    """By whoever repeats the stop: the one who should have told them may have died."""
    function = await insert_function(database)
    parent, *children = [await insert_invocation(database, function) for _ in range(3)]
    for child in children:
        await adopt(database, child, parent)
    first, again = await stop(database, parent), await stop(database, parent)
    assert set(first.children) == set(again.children) == set(children)
    await stop(database, children[0])
    assert (await stop(database, parent)).children == (children[1],)


async def test_a_child_that_stops_by_itself_is_noted_as_cancelled_and_not_told(database: Database) -> None:
    function = await insert_function(database)
    parent, child = [await insert_invocation(database, function) for _ in range(2)]
    await adopt(database, child, parent)
    async with database.transaction() as connection:
        await StopRepository(connection).stop_invocation(child, reason=StopReason.TIMED_OUT)
    assert (await stop(database, parent)).children == ()
    async with database.statement() as connection:
        request_time = await connection.scalar(
            select(InvocationRow.cancellation_request_time).where(InvocationRow.invocation_id == child)
        )
    assert request_time is not None


async def test_children_that_a_stop_has_noted_are_not_told_again_by_the_end(database: Database) -> None:
    function = await insert_function(database, max_concurrency=2)
    parent, child = [await insert_invocation(database, function) for _ in range(2)]
    await adopt(database, child, parent)
    await run_and_succeed(database, parent)
    assert (await stop(database, parent)).children == (child,)
    assert (await close(database, parent)).children == ()
    assert (await close(database, parent)).children == (child,), "whoever should have told it may have died"


async def test_a_stop_tells_whether_anything_has_taken_up_the_slot(database: Database) -> None:
    function = await insert_function(database)
    holder, waiting = [await insert_invocation(database, function) for _ in range(2)]
    await run_and_succeed(database, holder)
    for invocation, is_claimed in ((holder, True), (waiting, False)):
        async with database.transaction() as connection:
            stops = StopRepository(connection)
            await stops.stop_invocation(invocation, reason=StopReason.TIMED_OUT)
            assert await stops.is_claimed(execution_id_for(invocation, 1)) is is_claimed
    await close(database, holder)
    async with database.transaction() as connection:
        assert await StopRepository(connection).is_claimed(execution_id_for(holder, 1))


async def test_a_stop_repeated_changes_nothing(database: Database) -> None:
    invocation = await insert_invocation(database, await insert_function(database))
    await run_and_succeed(database, invocation)
    seen = []
    for reason in (StopReason.TIMED_OUT, StopReason.CANCELLED):
        async with database.transaction() as connection:
            await StopRepository(connection).stop_invocation(invocation, reason=reason)
        async with database.statement() as connection:
            found = await connection.execute(
                select(
                    InvocationRow.stop_time,
                    InvocationRow.cancellation_request_time,
                    InvocationRow.last_update_time,
                    ExecutionRow.termination_signal_time,
                    ExecutionRow.last_update_time.label("execution_update_time"),
                ).join(ExecutionRow, ExecutionRow.invocation_id == InvocationRow.invocation_id)
            )
            seen.append(found.one())
    assert seen[0] == seen[1]
    assert (seen[0].stop_time is None, seen[0].cancellation_request_time) == (False, None)


async def test_an_invocation_that_was_ended_without_a_container_has_stopped_durably(database: Database) -> None:
    invocation = await insert_invocation(database, await insert_function(database))
    async with database.transaction() as connection:
        await TerminationRepository(connection).terminate_invocation(invocation, reason=StopReason.CANCELLED)
    async with database.statement() as connection:
        stop_time = await connection.scalar(
            select(InvocationRow.stop_time).where(InvocationRow.invocation_id == invocation)
        )
    assert stop_time is not None


async def test_what_ended_by_itself_is_not_stopped_afterwards(database: Database) -> None:
    function = await insert_function(database)
    parent, child = [await insert_invocation(database, function) for _ in range(2)]
    await adopt(database, child, parent)
    await run_and_succeed(database, parent)
    closed = await close(database, parent)
    async with database.transaction() as connection:
        stopped = await StopRepository(connection).stop_invocation(parent, reason=StopReason.CANCELLED)
    assert (closed.was_stopped, closed.children) == (False, ())
    assert stopped.children == ()
    assert await close(database, parent) == replace(closed, is_new=False)


STARTED = {"execution_start_time": func.clock_timestamp()}
FINISHED = STARTED | {"execution_finish_time": func.clock_timestamp()}
STOPPED = {"termination_signal_time": func.clock_timestamp()}


@pytest.mark.parametrize(
    ("row", "outcome", "error_message"),
    [
        (STARTED, None, "why it is gone"),
        (STOPPED, None, None),
        (STARTED | STOPPED, "ABORTED", "why it is gone"),
        (FINISHED, "ABORTED", None),
        (FINISHED | STOPPED | {"outcome": "ABORTED"}, "ABORTED", None),
        (FINISHED | STOPPED | {"outcome": "SUCCEEDED"}, "SUCCEEDED", None),
        (FINISHED | STOPPED | {"outcome": "ABORTED", "error_message": "E: late"}, "ABORTED", "E: late"),
    ],
)
async def test_what_we_stopped_was_aborted_whatever_it_made_of_it(
    database: Database, row: dict[str, object], outcome: str | None, error_message: str | None
) -> None:
    invocation_id = await insert_invocation(database, await insert_function(database))
    terminated = await run_and_lose(database, invocation_id, row, reason="why it is gone", allows_retry=True)
    assert (terminated.outcome, terminated.error_message) == (outcome, error_message)
    assert terminated.invocation_ended is (outcome is not None)


@pytest.mark.parametrize("reason", ["half a \ud800 pair", "a \0 in it", "x" * 100_000, "caf\udce9"])
async def test_no_reason_prevents_an_end(database: Database, reason: str) -> None:
    invocation_id = await insert_invocation(database, await insert_function(database))
    terminated = await run_and_lose(database, invocation_id, {}, reason=reason, allows_retry=False)
    assert terminated.invocation_ended
    assert terminated.error_message is not None
    assert len(terminated.error_message) <= 16_383
    assert terminated.error_message.startswith(reason[:2])


async def run_and_lose(
    database: Database, invocation_id: InvocationId, row: dict[str, object], *, reason: str, allows_retry: bool
) -> TerminatedExecution:
    """Up to the moment when the container is gone and has left this row."""
    execution_id = execution_id_for(invocation_id, 1)
    async with database.transaction() as connection:
        await SlotQueue(connection).take(invocation_id=invocation_id, execution_id=execution_id, attempt=1)
        if row:
            await connection.execute(
                update(ExecutionRow).where(ExecutionRow.execution_id == execution_id).values(**row)
            )
        return await TerminationRepository(connection).terminate_execution(
            invocation_id=invocation_id, execution_id=execution_id, reason=reason, allows_retry=allows_retry
        )


async def started(database: Database, **values: object) -> InvocationId:
    """An invocation whose container has started its execution, which has these values."""
    invocation_id = await insert_invocation(database, await insert_function(database, attempt_timeout=60))
    execution_id = execution_id_for(invocation_id, 1)
    async with database.transaction() as connection:
        await SlotQueue(connection).take(invocation_id=invocation_id, execution_id=execution_id, attempt=1)
        await connection.execute(
            update(ExecutionRow)
            .where(ExecutionRow.execution_id == execution_id)
            .values(execution_start_time=func.clock_timestamp(), **values)
        )
    return invocation_id


async def close_with_retries(database: Database, invocation_id: InvocationId) -> TerminatedExecution:
    async with database.transaction() as connection:
        return await TerminationRepository(connection).terminate_execution(
            invocation_id=invocation_id,
            execution_id=execution_id_for(invocation_id, 1),
            reason="killed after the grace period",
            allows_retry=True,
        )


async def test_an_attempt_that_timed_out_has_failed_though_its_container_said_nothing(database: Database) -> None:
    invocation_id = await started(database, termination_signal_time=func.clock_timestamp())
    closed = await close_with_retries(database, invocation_id)
    assert (closed.outcome, closed.invocation_ended) == (ExecutionOutcome.FAILED, False)
    assert closed.error_message == "AttemptTimedOut: it ran for longer than 60 s: attempt_timeout"


async def test_so_it_has_where_the_release_before_has_taken_its_report(database: Database) -> None:
    now = func.clock_timestamp()
    reported = {"outcome": ExecutionOutcome.ABORTED, "execution_finish_time": now, "error_message": "KeyboardInterrupt"}
    invocation_id = await started(database, termination_signal_time=now, **reported)
    for _ in range(2):
        closed = await close_with_retries(database, invocation_id)
        assert (closed.outcome, closed.invocation_ended) == (ExecutionOutcome.FAILED, False)
        assert closed.error_message == "AttemptTimedOut: it ran for longer than 60 s: attempt_timeout"


async def test_an_invocation_that_is_stopped_after_its_attempt_timed_out_is_stopped(database: Database) -> None:
    invocation_id = await started(database, termination_signal_time=func.clock_timestamp())
    await stop(database, invocation_id)
    closed = await close_with_retries(database, invocation_id)
    assert (closed.outcome, closed.invocation_ended) == (ExecutionOutcome.ABORTED, True)


async def test_no_attempt_follows_a_failure_that_is_final(database: Database) -> None:
    invocation_id = await started(database, outcome=ExecutionOutcome.FAILED, is_retryable=False)
    closed = await close_with_retries(database, invocation_id)
    assert (closed.outcome, closed.invocation_ended) == (ExecutionOutcome.FAILED, True)


@pytest.mark.parametrize(
    ("reason", "ended"),
    [("exit code 3", True), ("exit code 3: more", True), ("exit code 34", False), ("killed by SIGKILL", False)],
)
async def test_no_attempt_follows_a_failure_that_the_function_names(
    database: Database, reason: str, ended: bool
) -> None:
    invocation_id = await started(database)
    async with database.statement() as connection:
        await connection.execute(update(FunctionRow).values(no_retry_on=["ValueError", "exit code 3"]))
    async with database.transaction() as connection:
        closed = await TerminationRepository(connection).terminate_execution(
            invocation_id=invocation_id,
            execution_id=execution_id_for(invocation_id, 1),
            reason=reason,
            allows_retry=True,
        )
    assert (closed.error_message, closed.invocation_ended) == (reason, ended)
