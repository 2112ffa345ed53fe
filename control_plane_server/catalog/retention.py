"""Deletes invocations that ended long enough ago, if a retention is set."""

from datetime import timedelta

from sqlalchemy import any_, delete, exists, func, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased

from control_plane_server.catalog.tables import BatchRow, InvocationRow
from control_plane_server.domain.entities import InvocationStatus


class RetentionRepository:
    """Inside the caller's transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def forget_ended(self, *, older_than: timedelta, at_most: int) -> int:
        """Delete at most `at_most` invocations that ended longer than `older_than` ago, oldest end first, with their
        executions and idempotency keys. Returns how many were deleted.

        A parent is kept as long as any of its children, which refer to it. A batch is deleted first, by the time of its
        last end, and its invocations are kept until then: its results are all there, or none. Locked rows are left for
        the next time.
        """
        await self._connection.execute(
            delete(BatchRow).where(BatchRow.completion_time < func.clock_timestamp() - older_than)
        )
        child = aliased(InvocationRow)
        expired = (
            select(InvocationRow.invocation_id)
            .where(
                InvocationRow.status == InvocationStatus.TERMINATED,
                InvocationRow.last_update_time < func.clock_timestamp() - older_than,
                ~exists().where(child.parent_invocation_id == InvocationRow.invocation_id),
                ~exists().where(BatchRow.batch_id == InvocationRow.batch_id),
            )
            .order_by(InvocationRow.last_update_time)
            .limit(at_most)
            .with_for_update(skip_locked=True)
        )
        # An array is read once. What is joined may be read for each row, each time with other rows locked and passed
        # over: more would be deleted than may be.
        ids = func.array(expired.scalar_subquery())
        deleted = await self._connection.scalars(
            delete(InvocationRow).where(InvocationRow.invocation_id == any_(ids)).returning(InvocationRow.invocation_id)
        )
        return len(deleted.all())
