"""Containers that may have lost their execution."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import func, select

from control_plane_server.catalog.database import StatementConnection
from control_plane_server.catalog.reconciliation.pages import is_among
from control_plane_server.catalog.tables import ExecutionRow
from control_plane_server.domain.containers import ContainerName
from control_plane_server.domain.entities import ContainerStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerFindings:
    """`unneeded`: containers whose execution has ended or has another one. `unknown`: those whose execution is not in
    this catalog. Other containers are in neither."""

    unneeded: tuple[ContainerName, ...]
    unknown: tuple[ContainerName, ...]


class OrphanedContainerRepository:
    """Reads only, as `UnstartedWorkflowRepository` does."""

    def __init__(self, connection: StatementConnection) -> None:
        self._connection = connection

    async def classify(self, containers: Iterable[ContainerName], *, older_than: timedelta) -> ContainerFindings:
        """A container is not needed if its execution was TERMINATED, or another launch took its place, longer than
        `older_than` ago: until then its launch or its end may be under way."""
        names = tuple(containers)
        then = func.clock_timestamp() - older_than
        found = await self._connection.execute(
            select(
                ExecutionRow.execution_id,
                ExecutionRow.launches,
                (
                    (ExecutionRow.container_status == ContainerStatus.TERMINATED)
                    & (ExecutionRow.last_update_time < then)
                ).label("has_ended"),
                (ExecutionRow.launch_time < then).label("is_relaunched"),
            ).where(is_among(ExecutionRow.execution_id, (name.execution_id for name in names)))
        )
        executions = {row.execution_id: row for row in found}
        unneeded, unknown = [], []
        for name in names:
            execution = executions.get(name.execution_id)
            if execution is None:
                unknown.append(name)
            elif execution.has_ended or (name.launch < execution.launches and execution.is_relaunched):
                unneeded.append(name)
        return ContainerFindings(unneeded=tuple(unneeded), unknown=tuple(unknown))
