"""Ends of invocations that never can begin, or that ended after the backup from which the catalog was restored."""

from sqlalchemy import Text, delete, func, insert, literal, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from control_plane_server.catalog.ends import ENDING, end_values, measured_at_end
from control_plane_server.catalog.execution_lifecycle.batch_ends import BatchEndRepository
from control_plane_server.catalog.execution_lifecycle.slots import Grant, SlotQueue
from control_plane_server.catalog.notifications import EXECUTIONS_CHANNEL, INVOCATIONS_CHANNEL
from control_plane_server.catalog.tables import ExecutionRow, InvocationRow, WaitingExecutionRow
from control_plane_server.catalog.webhooks.outbox import ENDED_COLUMNS, noted_deliveries
from control_plane_server.domain.entities import ContainerStatus, ExecutionOutcome, InvocationStatus
from control_plane_server.domain.identifiers import BatchId, InvocationId, execution_id_for


class RecordedTerminationRepository:
    """Inside the caller's transaction. Each may be repeated: what has ended stays as it ended."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._slots = SlotQueue(connection)

    async def terminate_unstartable(self, invocation_id: InvocationId, *, reason: str) -> bool:
        """Make an invocation that never can begin TERMINATED, with one execution whose error message is `reason`.
        Returns False if it has begun or has ended."""
        owner = await self._slots.lock_owner_of(invocation_id)
        if owner is None or not await self._lock_running(invocation_id):
            return False
        has_begun = await self._connection.scalar(
            select(ExecutionRow.execution_id).where(ExecutionRow.invocation_id == invocation_id).limit(1)
        )
        if has_begun is not None:
            return False
        await self._connection.execute(
            insert(ExecutionRow).values(
                execution_id=execution_id_for(invocation_id, 1),
                invocation_id=invocation_id,
                function_id=owner.owner_id,
                attempt=1,
                container_status=ContainerStatus.TERMINATED,
                error_message=reason,
            )
        )
        await self._leave_queue(invocation_id)
        await self._terminate(invocation_id, ExecutionOutcome.FAILED)
        return True

    async def record_termination(
        self, invocation_id: InvocationId, *, attempt: int, outcome: ExecutionOutcome | None, error_message: str
    ) -> tuple[Grant, ...]:
        """Record an end that Temporal knows and this catalog, restored from a backup, does not. Returns the grants of
        its slot.

        `attempt`: the last one, whose outcome this is. Its output stays what the catalog has of it.
        """
        owner = await self._slots.lock_owner_of(invocation_id)
        if owner is None or not await self._lock_running(invocation_id):
            return ()
        execution_id = execution_id_for(invocation_id, attempt)
        end = {
            "container_status": ContainerStatus.TERMINATED,
            "last_update_time": func.clock_timestamp(),
        }
        # Wakes activities that still wait for a container of the invocation: they find that it has ended.
        await self._connection.execute(
            update(ExecutionRow)
            .where(
                ExecutionRow.invocation_id == invocation_id, ExecutionRow.container_status != ContainerStatus.TERMINATED
            )
            .values(**end)
            .returning(func.pg_notify(EXECUTIONS_CHANNEL, ExecutionRow.execution_id))
        )
        found = {"outcome": outcome, "error_message": error_message}
        await self._connection.execute(
            upsert(ExecutionRow)
            .values(
                execution_id=execution_id,
                invocation_id=invocation_id,
                function_id=owner.owner_id,
                attempt=attempt,
                execution_start_time=func.clock_timestamp(),
                execution_finish_time=func.clock_timestamp(),
                **end,
                **found,
            )
            .on_conflict_do_update(
                index_elements=[ExecutionRow.execution_id],
                set_={
                    "execution_start_time": func.coalesce(ExecutionRow.execution_start_time, func.clock_timestamp()),
                    "execution_finish_time": func.coalesce(ExecutionRow.execution_finish_time, func.clock_timestamp()),
                    **end,
                    **found,
                },
            )
        )
        await self._leave_queue(invocation_id)
        await self._terminate(invocation_id, outcome)
        return await self._slots.grant_free_slots(owner)

    async def _leave_queue(self, invocation_id: InvocationId) -> None:
        await self._connection.execute(
            delete(WaitingExecutionRow).where(WaitingExecutionRow.invocation_id == invocation_id)
        )

    async def _lock_running(self, invocation_id: InvocationId) -> bool:
        found = await self._connection.scalar(
            select(InvocationRow.invocation_id)
            .where(InvocationRow.invocation_id == invocation_id, InvocationRow.status == InvocationStatus.RUNNING)
            .with_for_update(key_share=True)
        )
        return found is not None

    async def _terminate(self, invocation_id: InvocationId, outcome: ExecutionOutcome | None) -> None:
        measured = measured_at_end(ExecutionRow.__table__, ENDING.invocation_id == invocation_id)
        ended = (
            update(InvocationRow)
            .where(InvocationRow.invocation_id == measured.c.invocation_id)
            .values(
                status=InvocationStatus.TERMINATED,
                last_update_time=func.clock_timestamp(),
                **end_values(measured, outcome=literal((outcome or ExecutionOutcome.FAILED).value, Text)),
            )
            .returning(*ENDED_COLUMNS, InvocationRow.batch_id)
            .cte("ended")
        )
        terminated = await self._connection.execute(
            select(ended.c.batch_id, func.pg_notify(INVOCATIONS_CHANNEL, ended.c.invocation_id)).add_cte(
                noted_deliveries(ended)
            )
        )
        batch_id = terminated.one().batch_id
        if batch_id is not None:
            await BatchEndRepository(self._connection).number(BatchId(batch_id), [invocation_id])
