"""Invocations that have ended elsewhere, or never could begin: each ends once, and nobody else's end is changed."""

from datetime import timedelta

from sqlalchemy import select

from control_plane_server.catalog.database import Database
from control_plane_server.catalog.execution_lifecycle.slots import Assignment, Grant
from control_plane_server.catalog.reconciliation.recorded_terminations import RecordedTerminationRepository
from control_plane_server.catalog.reconciliation.unstarted_workflows import UnstartedWorkflowRepository
from control_plane_server.catalog.tables import ExecutionRow, InvocationRow
from control_plane_server.domain.entities import ExecutionOutcome
from control_plane_server.domain.identifiers import InvocationId
from control_plane_server.domain.unfinished import UnfinishedInvocation
from tests.factories import insert_function, insert_invocation, take_slot

AT_ONCE = timedelta()


async def terminate_unstartable(database: Database, invocation_id: InvocationId) -> bool:
    async with database.transaction() as connection:
        return await RecordedTerminationRepository(connection).terminate_unstartable(invocation_id, reason="too large")


async def record_success(database: Database, invocation_id: InvocationId, *, attempt: int) -> tuple[Grant, ...]:
    async with database.transaction() as connection:
        return await RecordedTerminationRepository(connection).record_termination(
            invocation_id, attempt=attempt, outcome=ExecutionOutcome.SUCCEEDED, error_message="not known"
        )


async def executions(database: Database, invocation_id: InvocationId) -> list[tuple[int, str, str | None]]:
    async with database.statement() as connection:
        rows = await connection.execute(
            select(ExecutionRow.attempt, ExecutionRow.container_status.label("container_status"), ExecutionRow.outcome)
            .where(ExecutionRow.invocation_id == invocation_id)
            .order_by(ExecutionRow.attempt)
        )
        return [(row.attempt, row.container_status, row.outcome) for row in rows]


async def status(database: Database, invocation_id: InvocationId) -> str | None:
    async with database.statement() as connection:
        found: str | None = await connection.scalar(
            select(InvocationRow.status).where(InvocationRow.invocation_id == invocation_id)
        )
        return found


async def test_what_cannot_be_started_ends_once_with_its_reason(database: Database) -> None:
    invocation_id = await insert_invocation(database, await insert_function(database))
    assert [await terminate_unstartable(database, invocation_id) for _ in range(2)] == [True, False]
    assert await status(database, invocation_id) == "TERMINATED"
    assert await executions(database, invocation_id) == [(1, "TERMINATED", None)]


async def test_what_has_begun_meanwhile_goes_on(database: Database) -> None:
    invocation_id = await insert_invocation(database, await insert_function(database))
    assert isinstance(await take_slot(database, invocation_id), Assignment)
    assert not await terminate_unstartable(database, invocation_id)
    assert await status(database, invocation_id) == "RUNNING"


async def test_an_ending_that_the_backup_does_not_know_hands_the_slot_on_once(database: Database) -> None:
    function = await insert_function(database, max_concurrency=1)
    ended, waiting = [await insert_invocation(database, function) for _ in range(2)]
    await take_slot(database, ended)
    await take_slot(database, waiting)
    granted = await record_success(database, ended, attempt=2)
    assert [grant.invocation_id for grant in granted] == [waiting]
    assert await record_success(database, ended, attempt=2) == ()
    assert await executions(database, ended) == [(1, "TERMINATED", None), (2, "TERMINATED", "SUCCEEDED")]
    assert await status(database, ended) == "TERMINATED"


async def test_a_workflow_goes_on_with_the_newest_attempt_whether_it_runs_or_waits(database: Database) -> None:
    function = await insert_function(database, max_concurrency=1, max_retries=5)
    fresh, running, waiting = [await insert_invocation(database, function) for _ in range(3)]
    await take_slot(database, running, attempt=2)
    await take_slot(database, waiting, attempt=4)
    async with database.statement() as connection:
        repository = UnstartedWorkflowRepository(connection)
        unfinished = await repository.unfinished([fresh, running, waiting])
        unstarted = await repository.unstarted_invocations(older_than=AT_ONCE)
        assert await repository.unstarted_invocations(older_than=AT_ONCE, after=unstarted[0]) == []
    assert {one.invocation_id: one.newest_attempt for one in unfinished} == {fresh: 1, running: 2, waiting: 4}
    assert [_identity(one) for one in unstarted] == [(fresh, function)]


def _identity(invocation: UnfinishedInvocation) -> tuple[object, object]:
    return invocation.invocation_id, invocation.function
