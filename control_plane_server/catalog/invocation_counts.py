"""How many invocations there are of a project, or of those that match a filter, by how they are or came out."""

from collections.abc import Iterable
from functools import cache
from typing import Any

from sqlalchemy import Row, Select, Text, bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from control_plane_server.catalog.invocation_filters import ProjectInvocationFilter, Shape
from control_plane_server.catalog.outcomes import known_outcome
from control_plane_server.catalog.project_invocations import require_project
from control_plane_server.catalog.tables import ExecutionRow, InvocationRow
from control_plane_server.domain.entities import ContainerStatus, InvocationCounts, InvocationOutcome, InvocationStatus
from control_plane_server.domain.identifiers import InvocationId

_PARENT = bindparam("counted_parent", type_=Text)
_RUNNING = InvocationStatus.RUNNING.value


class InvocationCountRepository:
    """Reads only. All that match are counted: a million take a fraction of a second."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def of_project(self, project_name: str, matching: ProjectInvocationFilter) -> InvocationCounts:
        """Raises ProjectDoesNotExist."""
        project = await require_project(self._connection, project_name)
        found = await self._connection.execute(_of_shape(Shape.of(matching)), matching.parameters(project))
        return _to_counts(found)

    async def of_children(self, invocation_id: InvocationId) -> InvocationCounts | None:
        """None if it has none."""
        counts = _to_counts(await self._connection.execute(_OF_CHILDREN, {_PARENT.key: invocation_id}))
        return counts if counts.total else None


def _counted(*conditions: Any) -> Select[*tuple[Any, ...]]:
    """By outcome, null of those that run; and how many have a slot."""
    holds_slot = (
        select(func.count(ExecutionRow.invocation_id.distinct()))
        .join(InvocationRow, InvocationRow.invocation_id == ExecutionRow.invocation_id)
        .where(
            ExecutionRow.container_status != ContainerStatus.TERMINATED.value,
            InvocationRow.status == _RUNNING,
            *conditions,
        )
        .correlate(None)
        .scalar_subquery()
    )
    outcome = known_outcome().label("outcome")
    return (
        select(outcome, func.count().label("number"), holds_slot.label("running")).where(*conditions).group_by(outcome)
    )


@cache
def _of_shape(shape: Shape) -> Select[*tuple[Any, ...]]:
    return _counted(*shape.all())


_OF_CHILDREN = _counted(InvocationRow.parent_invocation_id == _PARENT)


def _to_counts(rows: Iterable[Row[*tuple[Any, ...]]]) -> InvocationCounts:
    by_outcome: dict[str | None, int] = {}
    running = 0
    for row in rows:
        by_outcome[row.outcome] = row.number
        running = row.running
    unfinished = by_outcome.pop(None, 0)
    running = min(running, unfinished)
    return InvocationCounts(
        queued=unfinished - running,
        running=running,
        by_outcome={outcome: by_outcome.get(outcome.value, 0) for outcome in InvocationOutcome},
    )
