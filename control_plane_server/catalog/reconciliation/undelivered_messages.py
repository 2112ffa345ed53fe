"""Messages that may not have reached their workflows."""

from datetime import timedelta

from sqlalchemy import case, func, select

from control_plane_server.catalog.database import StatementConnection
from control_plane_server.catalog.execution_lifecycle.slots import GRANTS, Grant, to_grants
from control_plane_server.catalog.reconciliation.pages import DRAWN, PAGE, has_execution, is_older
from control_plane_server.catalog.tables import HOLDS_SLOT, ExecutionRow, InvocationRow
from control_plane_server.domain.entities import InvocationStatus
from control_plane_server.domain.identifiers import InvocationId


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
            GRANTS.where(
                HOLDS_SLOT,
                ExecutionRow.claim_time.is_(None),
                case(
                    (ExecutionRow.grant_signal_time.is_(None), is_older(ExecutionRow.creation_time, older_than)),
                    else_=is_older(ExecutionRow.grant_signal_time, again_after),
                ),
            )
            .order_by(func.coalesce(ExecutionRow.grant_signal_time, ExecutionRow.creation_time))
            .limit(PAGE)
        )
        return list(to_grants(found))

    async def undelivered_cancellations(self, *, older_than: timedelta) -> list[InvocationId]:
        """Invocations whose cancellation was requested longer than `older_than` ago and which have not stopped; at most
        PAGE. One of a batch that has had no execution has no workflow: that of its batch ends it."""
        found = await self._connection.scalars(
            select(InvocationRow.invocation_id)
            .where(
                InvocationRow.status == InvocationStatus.RUNNING,
                InvocationRow.stop_time.is_(None),
                is_older(InvocationRow.cancellation_request_time, older_than),
                InvocationRow.batch_id.is_(None) | has_execution(),
            )
            .order_by(DRAWN)
            .limit(PAGE)
        )
        return [InvocationId(invocation_id) for invocation_id in found]
