"""Invocations that may have lost their workflow."""

from collections.abc import Iterable
from datetime import timedelta

from sqlalchemy import exists, select

from control_plane_server.catalog.database import StatementConnection
from control_plane_server.catalog.reconciliation.pages import has_execution, is_among, is_older
from control_plane_server.catalog.tables import ExecutionRow, InvocationRow, WaitingExecutionRow
from control_plane_server.domain.entities import ContainerStatus, InvocationStatus
from control_plane_server.domain.identifiers import ExecutionId, InvocationId
from control_plane_server.domain.unfinished import AbandonedInvocation, RunningInvocation


class OrphanedInvocationRepository:
    """Reads only, as `UnstartedWorkflowRepository` does."""

    def __init__(self, connection: StatementConnection) -> None:
        self._connection = connection

    async def running_invocations(self, *, older_than: timedelta) -> list[RunningInvocation]:
        """All invocations that are RUNNING and older than this: the comparison with Temporal needs the whole list. But
        those of a batch that have had no execution have no workflow yet, and one whose first is younger than this may
        be about to be started by who gave it its slot."""
        has_begun = (
            exists().where(ExecutionRow.invocation_id == InvocationRow.invocation_id)
            | exists().where(WaitingExecutionRow.invocation_id == InvocationRow.invocation_id)
        ).label("has_begun")
        found = await self._connection.execute(
            select(InvocationRow.invocation_id, has_begun).where(
                InvocationRow.status == InvocationStatus.RUNNING,
                is_older(InvocationRow.creation_time, older_than),
                InvocationRow.batch_id.is_(None) | has_execution(older_than=older_than),
            )
        )
        return [
            RunningInvocation(invocation_id=InvocationId(invocation_id), has_begun=begun)
            for invocation_id, begun in found
        ]

    async def running_among(self, invocation_ids: Iterable[InvocationId]) -> list[AbandonedInvocation]:
        """Those of the invocations that are RUNNING, each with its live execution."""
        found = await self._connection.execute(
            select(InvocationRow.invocation_id, ExecutionRow.execution_id, ExecutionRow.attempt)
            .outerjoin(
                ExecutionRow,
                (ExecutionRow.invocation_id == InvocationRow.invocation_id)
                & (ExecutionRow.container_status != ContainerStatus.TERMINATED),
            )
            .where(
                InvocationRow.status == InvocationStatus.RUNNING, is_among(InvocationRow.invocation_id, invocation_ids)
            )
        )
        return [
            AbandonedInvocation(
                invocation_id=InvocationId(invocation_id),
                execution_id=None if execution_id is None else ExecutionId(execution_id),
                attempt=attempt or 0,
            )
            for invocation_id, execution_id, attempt in found
        ]
