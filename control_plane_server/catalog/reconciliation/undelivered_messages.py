"""Messages that may not have reached their workflows."""

from datetime import timedelta

from sqlalchemy import case, func, select

from control_plane_server.catalog.database import StatementConnection
from control_plane_server.catalog.execution_lifecycle.slots import Grant
from control_plane_server.catalog.reconciliation.pages import DRAWN, PAGE, is_older
from control_plane_server.catalog.tables import ExecutionRow, InvocationRow
from control_plane_server.domain.entities import ContainerStatus, InvocationStatus
from control_plane_server.domain.identifiers import ExecutionId, InvocationId


class UndeliveredMessageRepository:
    """Reads only. Another process may deliver what is found at the same time: every message may come twice."""

    def __init__(self, connection: StatementConnection) -> None:
        self._connection = connection

    async def unclaimed_grants(self, *, older_than: timedelta, again_after: timedelta) -> list[Grant]:
        """Slots that nobody has taken up: those not recorded as signalled and older than `older_than`, and those
        signalled longer than `again_after` ago. Oldest first, at most PAGE.

        Most of the latter wait for a slot of a process, and each signal adds to their histories.
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
        """Invocations whose cancellation was requested longer than `older_than` ago and which have not stopped; at most
        PAGE."""
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
