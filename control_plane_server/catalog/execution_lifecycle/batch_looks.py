"""What the workflow of a batch does when it looks at it: slots for those who wait, cancellations to be told."""

from datetime import datetime

from sqlalchemy import func, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from control_plane_server.catalog.execution_lifecycle.batch_ends import DEADLINE_OF_UNSTARTED, BatchEndRepository
from control_plane_server.catalog.execution_lifecycle.slots import Grant, SlotQueue
from control_plane_server.catalog.outcomes import known_outcome
from control_plane_server.catalog.tables import ExecutionRow, InvocationRow
from control_plane_server.domain.entities import InvocationStatus
from control_plane_server.domain.identifiers import BatchId, InvocationId

_NEXT_DEADLINE = text(f"""
    SELECT greatest(min({DEADLINE_OF_UNSTARTED}), clock_timestamp() + interval '1 second')
    FROM invocations
    WHERE batch_id = :batch_id AND status = 'RUNNING'
        AND NOT EXISTS (SELECT FROM executions WHERE executions.invocation_id = invocations.invocation_id)
    HAVING count(*) > 0
    """)
_END_DELAY = text("""
    UPDATE waiting_executions SET function_id = :owner_id
    FROM invocations
    WHERE invocations.batch_id = :batch_id AND invocations.status = 'RUNNING'
        AND waiting_executions.invocation_id = invocations.invocation_id AND waiting_executions.function_id IS NULL
    """)


class BatchLookRepository:
    """The connection's owner commits. Each method may be repeated."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._slots = SlotQueue(connection)

    async def parts_of_replay(self, batch_id: BatchId) -> tuple[InvocationId, ...]:
        """Of each function of a replay an invocation that has not ended."""
        of_each = (
            select(InvocationRow.function_id, func.min(InvocationRow.invocation_id).label("invocation_id"))
            .where(InvocationRow.batch_id == batch_id, InvocationRow.status == InvocationStatus.RUNNING.value)
            .group_by(InvocationRow.function_id)
            .order_by(InvocationRow.function_id)
            .subquery()
        )
        return tuple(map(InvocationId, await self._connection.scalars(select(of_each.c.invocation_id))))

    async def next_deadline(self, batch_id: BatchId) -> datetime | None:
        """Of those of a replay that have not begun, when the time of the first is over: in a second at the earliest,
        however the clocks differ. None: all have begun."""
        found: datetime | None = await self._connection.scalar(_NEXT_DEADLINE, {"batch_id": batch_id})
        return found

    async def give_slots(
        self,
        batch_id: BatchId,
        *,
        of_replay: InvocationId | None = None,
        ends_delay: bool = False,
        repeats: bool = False,
    ) -> tuple[Grant, ...]:
        """Give the free slots of the batch's function to those who wait for it, in their order: needs a transaction.
        Returns the grants that are to be signalled. Gives positions to what a release ended that knew no batches.
        `of_replay`: of the function of this invocation, as a replay may be of several. `ends_delay`: those of the
        batch, whose delay is over, wait from now on. `repeats`: an earlier try may have died before it had signalled
        its grants; a first try leaves to others what they are about to signal, as there may be hundreds of batches."""
        if of_replay is None:
            owner = await self._slots.lock_owner_of_batch(batch_id)
        else:
            owner = await self._slots.lock_owner_of(of_replay)
        if owner is None:
            return ()
        if ends_delay:
            await self._connection.execute(_END_DELAY, {"batch_id": batch_id, "owner_id": owner.owner_id})
        await self._number_unnumbered(batch_id)
        earlier = await self._slots.unsignalled_grants(owner) if repeats else ()
        return (*earlier, *await self._slots.grant_free_slots(owner, at_most=None))

    async def to_cancel(
        self, batch_id: BatchId, *, after: InvocationId | None, at_most: int
    ) -> tuple[InvocationId, ...]:
        """Invocations of the batch that have begun, whose cancellation is requested and that have not stopped, by their
        ids, behind `after`."""
        found = await self._connection.scalars(
            select(InvocationRow.invocation_id)
            .where(
                InvocationRow.batch_id == batch_id,
                InvocationRow.status == InvocationStatus.RUNNING.value,
                InvocationRow.cancellation_request_time.is_not(None),
                InvocationRow.stop_time.is_(None),
                InvocationRow.invocation_id > (after or ""),
                select(ExecutionRow.execution_id)
                .where(ExecutionRow.invocation_id == InvocationRow.invocation_id)
                .exists(),
            )
            .order_by(InvocationRow.invocation_id)
            .limit(at_most)
        )
        return tuple(map(InvocationId, found))

    async def _number_unnumbered(self, batch_id: BatchId) -> None:
        is_unnumbered = (
            InvocationRow.batch_id == batch_id,
            InvocationRow.status == InvocationStatus.TERMINATED.value,
            InvocationRow.batch_position.is_(None),
        )
        found = await self._connection.scalars(select(InvocationRow.invocation_id).where(*is_unnumbered))
        unnumbered = list(map(InvocationId, found))
        if not unnumbered:
            return
        await self._connection.execute(
            update(InvocationRow).where(*is_unnumbered, InvocationRow.outcome.is_(None)).values(outcome=known_outcome())
        )
        await BatchEndRepository(self._connection).number(batch_id, unnumbered)
