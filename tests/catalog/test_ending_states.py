"""What is read of executions that are about to end is what their rows say once they are locked."""

import asyncio

import pytest
from sqlalchemy import delete, func, update

from control_plane_server.catalog.database import Database
from control_plane_server.catalog.execution_lifecycle.ending_states import lock_states
from control_plane_server.catalog.tables import ExecutionRow, FunctionRow, InvocationRow
from control_plane_server.domain.entities import ExecutionOutcome
from control_plane_server.domain.identifiers import ExecutionId, InvocationId, execution_id_for
from tests.catalog.locks import somebody_waits_for_a_lock
from tests.factories import insert_function, insert_invocation, take_slot

_WITHIN = 10.0


async def three_that_run(database: Database) -> dict[InvocationId, ExecutionId]:
    """Of one function, as whoever ends them names them: in no order."""
    function = await insert_function(database, max_concurrency=3)
    invocations = sorted([await insert_invocation(database, function) for _ in range(3)], reverse=True)
    for invocation in invocations:
        await take_slot(database, invocation)
    return {invocation: execution_id_for(invocation, 1) for invocation in invocations}


@pytest.mark.parametrize("kept_plan", [False, True])
async def test_a_change_that_is_waited_for_is_seen(database: Database, kept_plan: bool) -> None:
    ending = await three_that_run(database)
    first, middle, last = sorted(ending)
    if kept_plan:  # as a connection has it from the sixth time on
        for _ in range(8):
            async with database.transaction() as connection:
                await lock_states(connection, ending)

    async def read() -> dict[ExecutionId, object]:
        async with database.transaction() as connection:
            states = await lock_states(connection, ending)
            return {one: (state.is_stopped, state.outcome, state.attempt_timeout_text) for one, state in states.items()}

    async with database.transaction() as connection:
        await connection.execute(update(FunctionRow).values(attempt_timeout_seconds=7))
        await connection.execute(
            update(InvocationRow)
            .where(InvocationRow.invocation_id == middle)
            .values(cancellation_request_time=func.clock_timestamp())
        )
        await connection.execute(
            update(ExecutionRow)
            .where(ExecutionRow.execution_id == ending[middle])
            .values(outcome=ExecutionOutcome.SUCCEEDED)
        )
        await connection.execute(delete(ExecutionRow).where(ExecutionRow.execution_id == ending[last]))
        reading = asyncio.create_task(read())
        async with asyncio.timeout(_WITHIN):
            await somebody_waits_for_a_lock(database)
    limit = "AttemptTimedOut: it ran for longer than 7 s: attempt_timeout"
    assert await reading == {
        ending[first]: (False, None, limit),
        ending[middle]: (True, ExecutionOutcome.SUCCEEDED, limit),
    }
