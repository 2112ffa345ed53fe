"""Messages to workflows of a real Temporal: how many at once, and what one of them does to the others."""

from collections.abc import Sequence

import pytest
from sqlalchemy import select
from temporalio.client import CancelWorkflowInput, Client, Interceptor, OutboundInterceptor

from activities.messenger import Messenger
from control_plane_server.catalog.database import Database
from control_plane_server.catalog.execution_lifecycle.slots import Grant
from control_plane_server.catalog.execution_lifecycle.terminations import TerminationRepository
from control_plane_server.catalog.tables import ExecutionRow, InvocationRow
from control_plane_server.domain.entities import InvocationStatus
from control_plane_server.domain.identifiers import (
    FunctionName,
    FunctionRef,
    InvocationId,
    ProjectName,
    VersionId,
    execution_id_for,
)
from control_plane_server.domain.messages import InvocationRequest
from control_plane_server.domain.specs import ExecutionSpec
from tests.factories import insert_function, insert_invocation, take_slot
from workflows import starting
from workflows.naming import invocation_workflow_id


class CancellationCounter(Interceptor, OutboundInterceptor):
    """Lets every request through, and counts those on their way."""

    def __init__(self) -> None:
        self.total = self.most_at_once = self._on_their_way = 0

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:
        OutboundInterceptor.__init__(self, next)
        return self

    async def cancel_workflow(self, input: CancelWorkflowInput) -> None:
        self.total += 1
        self._on_their_way += 1
        self.most_at_once = max(self.most_at_once, self._on_their_way)
        try:
            await super().cancel_workflow(input)
        finally:
            self._on_their_way -= 1


@pytest.fixture
async def invocations(database: Database) -> list[InvocationId]:
    """The first one's execution has ended, the second one was granted its slot, the third one waits."""
    function = await insert_function(database)
    made = [await insert_invocation(database, function) for _ in range(3)]
    for invocation_id in made:
        await take_slot(database, invocation_id)
    assert await close(database, made[0]) == (grant_of(made[1]),)
    return made


async def close(database: Database, invocation_id: InvocationId) -> tuple[Grant, ...]:
    async with database.transaction() as connection:
        closed = await TerminationRepository(connection).terminate_execution(
            invocation_id=invocation_id,
            execution_id=execution_id_for(invocation_id, 1),
            reason="exit code 1",
            allows_retry=False,
        )
    return closed.grants


def grant_of(invocation_id: InvocationId) -> Grant:
    return Grant(invocation_id=invocation_id, execution_id=execution_id_for(invocation_id, 1))


async def start_workflow(temporal: Client, database: Database, invocation_id: InvocationId) -> None:
    """Nobody works on it: it stays as it was started."""
    async with database.statement() as connection:
        created = await connection.scalar(
            select(InvocationRow.creation_time).where(InvocationRow.invocation_id == invocation_id)
        )
    assert created is not None
    function = FunctionRef(
        project_name=ProjectName("p"), version_id=VersionId("ver-1"), function_name=FunctionName("double")
    )
    request = InvocationRequest(
        invocation_id=invocation_id,
        function=function,
        execution_spec=ExecutionSpec(max_retries=0, timeout_seconds=60),
        creation_time=created,
    )
    assert await starting.start_invocation(temporal, request)


async def signals_of(temporal: Client, invocation_id: InvocationId) -> int:
    history = await temporal.get_workflow_handle(invocation_workflow_id(invocation_id)).fetch_history()
    return sum(event.HasField("workflow_execution_signaled_event_attributes") for event in history.events)


async def running(database: Database, invocation_ids: Sequence[InvocationId]) -> set[InvocationId]:
    async with database.statement() as connection:
        found = await connection.scalars(
            select(InvocationRow.invocation_id).where(
                InvocationRow.invocation_id.in_(invocation_ids), InvocationRow.status == InvocationStatus.RUNNING
            )
        )
        return {InvocationId(invocation_id) for invocation_id in found}


async def test_a_thousand_messages_are_not_a_thousand_calls_at_once(temporal: Client, database: Database) -> None:
    counter = CancellationCounter()
    config = temporal.config()
    config["interceptors"] = [counter]
    await Messenger(Client(**config), database).deliver(
        cancelled=[InvocationId(f"inv-{number}") for number in range(1_000)]
    )
    assert counter.total == 1_000
    assert 1 < counter.most_at_once <= 50


async def test_a_grant_is_signalled_by_who_made_it_and_by_nobody_else(
    temporal: Client, database: Database, invocations: list[InvocationId]
) -> None:
    holder, granted, _ = invocations
    await start_workflow(temporal, database, granted)
    assert await close(database, holder) == (grant_of(granted),), "whoever should have told it may have died"
    await Messenger(temporal, database).deliver(grants=[grant_of(granted)])
    assert await close(database, holder) == ()
    assert await signals_of(temporal, granted) == 1


async def test_a_message_that_temporal_refuses_keeps_no_other_from_being_sent(
    temporal: Client, database: Database, invocations: list[InvocationId]
) -> None:
    _, granted, _ = invocations
    await start_workflow(temporal, database, granted)
    poison = InvocationId("")  # no id of a workflow
    await Messenger(temporal, database).deliver(
        grants=[grant_of(poison), grant_of(granted)], cancelled=[poison, granted]
    )
    assert await signals_of(temporal, granted) == 1
    description = await temporal.get_workflow_handle(invocation_workflow_id(granted)).describe()
    assert description.raw_description.workflow_extended_info.cancel_requested


async def test_that_temporal_does_not_know_a_workflow_ends_nothing(
    temporal: Client, database: Database, invocations: list[InvocationId]
) -> None:
    _, granted, waiting = invocations
    await Messenger(temporal, database).deliver(grants=[grant_of(granted)])
    assert await running(database, [granted, waiting]) == {granted, waiting}
    async with database.statement() as connection:
        times = await connection.execute(
            select(ExecutionRow.grant_signal_time).where(ExecutionRow.invocation_id == granted)
        )
        assert times.scalars().all() == [None], "it is still to be told"


async def test_a_slot_whose_workflow_is_closed_goes_to_the_next(
    temporal: Client, database: Database, invocations: list[InvocationId]
) -> None:
    _, granted, waiting = invocations
    for invocation_id in (granted, waiting):
        await start_workflow(temporal, database, invocation_id)
    await temporal.get_workflow_handle(invocation_workflow_id(granted)).terminate()
    await Messenger(temporal, database).deliver(grants=[grant_of(granted)])
    assert await running(database, [granted, waiting]) == {granted, waiting}  # the reconciliation ends the first one
    assert await signals_of(temporal, waiting) == 1
