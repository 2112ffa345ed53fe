"""An invocation is read whole, however many attempts it took."""

from control_plane_server.catalog.database import Database
from control_plane_server.catalog.execution_lifecycle.slots import SlotQueue
from control_plane_server.catalog.execution_lifecycle.terminations import TerminationRepository
from control_plane_server.catalog.invocations import InvocationRepository
from control_plane_server.domain.entities import InvocationStatus
from control_plane_server.domain.identifiers import execution_id_for
from tests.factories import insert_function, insert_invocation


async def test_an_invocation_comes_with_its_input_and_its_attempts_in_order(database: Database) -> None:
    invocation_id = await insert_invocation(database, await insert_function(database, max_retries=2), text="[1]")
    execution_ids = tuple(execution_id_for(invocation_id, attempt) for attempt in (1, 2, 3))
    for attempt, execution_id in enumerate(execution_ids, start=1):
        async with database.transaction() as connection:
            await SlotQueue(connection).take(invocation_id=invocation_id, execution_id=execution_id, attempt=attempt)
            await TerminationRepository(connection).terminate_execution(
                invocation_id=invocation_id, execution_id=execution_id, reason=f"{attempt}", allows_retry=attempt < 3
            )
    async with database.statement() as connection:
        invocation = await InvocationRepository(connection).get_by_id(invocation_id)
    assert (invocation.input, invocation.status) == ("[1]", InvocationStatus.TERMINATED)
    assert tuple(execution.execution_id for execution in invocation.executions) == execution_ids
    assert [execution.error_message for execution in invocation.executions] == ["1", "2", "3"]
