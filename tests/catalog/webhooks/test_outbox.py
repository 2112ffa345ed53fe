"""However an invocation ends: the statement that ends it notes whom to tell, and nothing where nobody is to be told."""

from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy import select, text, update

from control_plane_server.catalog.batches import BatchRepository, NewBatch
from control_plane_server.catalog.database import Database
from control_plane_server.catalog.execution_lifecycle.batch_ends import BatchEndRepository
from control_plane_server.catalog.execution_lifecycle.slots import Assignment, SlotQueue
from control_plane_server.catalog.execution_lifecycle.terminations import TerminationRepository
from control_plane_server.catalog.paths import FunctionPath
from control_plane_server.catalog.reconciliation.recorded_terminations import RecordedTerminationRepository
from control_plane_server.catalog.tables import ExecutionRow, InvocationRow
from control_plane_server.domain.identifiers import FunctionRef, InvocationId, execution_id_for
from control_plane_server.domain.messages import StopReason
from control_plane_server.domain.webhooks import WebhookEvent
from tests.catalog.webhooks.declared import cancelled, declare, noted
from tests.factories import insert_function, insert_invocation
from tests.statements import Statement

End = Callable[[Database, FunctionRef], Awaitable[InvocationId]]


async def _runs(database: Database, function: FunctionRef, *, outcome: str | None) -> InvocationId:
    invocation = await insert_invocation(database, function)
    execution = execution_id_for(invocation, 1)
    async with database.transaction() as connection:
        taken = await SlotQueue(connection).take(invocation_id=invocation, execution_id=execution, attempt=1)
        assert isinstance(taken, Assignment)
        await connection.execute(
            update(ExecutionRow).where(ExecutionRow.execution_id == execution).values(outcome=outcome)
        )
    async with database.transaction() as connection:
        for _ in range(2):
            await TerminationRepository(connection).terminate_execution(
                invocation_id=invocation, execution_id=execution, reason=None, allows_retry=False
            )
    return invocation


async def succeeds(database: Database, function: FunctionRef) -> InvocationId:
    return await _runs(database, function, outcome="SUCCEEDED")


async def fails(database: Database, function: FunctionRef) -> InvocationId:
    return await _runs(database, function, outcome=None)


async def aborts(database: Database, function: FunctionRef) -> InvocationId:
    return await _runs(database, function, outcome="ABORTED")


async def times_out(database: Database, function: FunctionRef) -> InvocationId:
    invocation = await insert_invocation(database, function)
    async with database.transaction() as connection:
        for _ in range(2):
            await TerminationRepository(connection).terminate_invocation(invocation, reason=StopReason.TIMED_OUT)
    return invocation


async def is_refused(database: Database, function: FunctionRef) -> InvocationId:
    invocation = await insert_invocation(database, function)
    async with database.transaction() as connection:
        for _ in range(2):
            await RecordedTerminationRepository(connection).terminate_unstartable(invocation, reason="too large")
    return invocation


async def ends_in_a_batch(database: Database, function: FunctionRef) -> InvocationId:
    path = FunctionPath(project_name=function.project_name, version_ref="latest", function_name=function.function_name)
    async with database.transaction() as connection:
        batch = await BatchRepository(connection).create(path, NewBatch(inputs=["1"]))
    async with database.transaction() as connection:
        for _ in range(2):
            await BatchEndRepository(connection).end_unstarted(batch.batch_id, reason=StopReason.CANCELLED, at_most=9)
        found = await connection.execute(
            select(InvocationRow.invocation_id).where(InvocationRow.batch_id == batch.batch_id)
        )
        return InvocationId(found.scalar_one())


@pytest.mark.parametrize(
    ("end", "event"),
    [
        (succeeds, WebhookEvent.SUCCEEDED),
        (fails, WebhookEvent.FAILED),
        (aborts, WebhookEvent.FAILED),
        (times_out, WebhookEvent.TIMED_OUT),
        (is_refused, WebhookEvent.FAILED),
        (cancelled, WebhookEvent.CANCELLED),
        (ends_in_a_batch, WebhookEvent.CANCELLED),
    ],
)
async def test_each_end_is_noted_once_for_who_wants_to_know(database: Database, end: End, event: WebhookEvent) -> None:
    function = await insert_function(database)
    other = await insert_function(database)
    await declare(database, function.project_name, "all")
    await declare(database, function.project_name, "this", events=[event])
    await declare(database, function.project_name, "others", events=[one for one in WebhookEvent if one is not event])
    await declare(database, other.project_name, "of-another-project")
    invocation = await end(database, function)
    assert await noted(database) == [(name, name, invocation, event) for name in ("all", "this")]


async def test_an_invocations_own_webhook_is_told_beside_the_projects(database: Database) -> None:
    """Its target is the server, whatever the path."""
    function = await insert_function(database)
    await declare(database, function.project_name)
    invocation = await cancelled(database, function, url="https://ci.example.com:8443/jobs?id=7")
    assert await noted(database) == [
        ("hook", "hook", invocation, "invocation.cancelled"),
        ("invocations", "https://ci.example.com:8443", invocation, "invocation.cancelled"),
    ]


async def test_events_that_an_invocation_does_not_name_are_not_told(database: Database) -> None:
    function = await insert_function(database)
    invocation = await insert_invocation(database, function)
    async with database.transaction() as connection:
        await connection.execute(
            update(InvocationRow).values(webhook_url="https://a.example", webhook_events=["invocation.failed"])
        )
        await TerminationRepository(connection).terminate_invocation(invocation, reason=StopReason.CANCELLED)
    assert await noted(database) == []


async def test_where_nobody_is_told_an_end_costs_no_statement_more(
    database: Database, statements: list[Statement]
) -> None:
    function = await insert_function(database)

    async def count() -> int:
        statements.clear()
        await cancelled(database, function)
        return len(statements)

    without = await count()
    await declare(database, function.project_name)
    assert await count() == without
    async with database.statement() as connection:
        assert await connection.scalar(text("SELECT count(*) FROM webhook_deliveries")) == 1


async def test_deliveries_go_with_their_invocations(database: Database) -> None:
    function = await insert_function(database)
    await declare(database, function.project_name)
    await cancelled(database, function)
    async with database.statement() as connection:
        await connection.execute(text("DELETE FROM invocations"))
    assert await noted(database) == []
