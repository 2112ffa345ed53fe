"""What workflows may never have been told."""

from datetime import timedelta

from sqlalchemy import case, func, select

from catalog.database import StatementConnection
from catalog.execution_lifecycle.slots import Grant
from catalog.reconciliation.pages import DRAWN, PAGE, is_older
from catalog.tables import ExecutionRow, InvocationRow
from domain.entities import ContainerStatus, InvocationStatus
from domain.identifiers import ExecutionId, InvocationId


class UndeliveredMessageRepository:
    """Reads only. What is found may just have been delivered by somebody else: every message may come twice."""

    def __init__(self, connection: StatementConnection) -> None:
        self._connection = connection

    async def unclaimed_grants(self, *, older_than: timedelta, again_after: timedelta) -> list[Grant]:
        """Slots whose owners were perhaps never told; and those who were told so long ago, the longest first.

        Most of the latter wait for their turn in a process that is full, and each signal adds to their histories.
        """
        found = await self._connection.execute(
            select(ExecutionRow.invocation_id, ExecutionRow.execution_id)
            .where(
                ExecutionRow.container_status != ContainerStatus.TERMINATED,
                ExecutionRow.claim_time.is_(None),
                case(
                    (ExecutionRow.grant_signal_time.is_(None), is_older(ExecutionRow.creation_time, older_than)),
                    else_=is_older(ExecutionRow.grant_signal_time, again_after),
                ),
            )
            .order_by(func.coalesce(ExecutionRow.grant_signal_time, ExecutionRow.creation_time))
            .limit(PAGE)
        )
        return [
            Grant(invocation_id=InvocationId(invocation_id), execution_id=ExecutionId(execution_id))
            for invocation_id, execution_id in found
        ]

    async def undelivered_cancellations(self, *, older_than: timedelta) -> list[InvocationId]:
        """Asked for, and not yet made durable by the invocation's workflow."""
        found = await self._connection.scalars(
            select(InvocationRow.invocation_id)
            .where(
                InvocationRow.status == InvocationStatus.RUNNING,
                InvocationRow.stop_time.is_(None),
                is_older(InvocationRow.cancellation_request_time, older_than),
            )
            .order_by(DRAWN)
            .limit(PAGE)
        )
        return [InvocationId(invocation_id) for invocation_id in found]
