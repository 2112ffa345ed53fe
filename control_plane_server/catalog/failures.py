"""What has failed in a project, read for `domain.failures`: the newest of them, as many as can be read at once."""

from functools import cache
from typing import Any

from sqlalchemy import Select, any_, func, select, true
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncConnection

from control_plane_server.catalog.ends import KNOWN_END, MEASURED_NOW
from control_plane_server.catalog.invocation_filters import MOST, ProjectInvocationFilter, Shape
from control_plane_server.catalog.outcomes import known_outcome
from control_plane_server.catalog.project_invocations import require_project
from control_plane_server.catalog.tables import FunctionRow, InvocationRow
from control_plane_server.domain.entities import InvocationOutcome
from control_plane_server.domain.failures import Failures
from control_plane_server.domain.identifiers import FunctionName, InvocationId

MOST_FAILURES = 10_000
_FAILURES = (InvocationOutcome.FAILED, InvocationOutcome.TIMED_OUT, InvocationOutcome.ABORTED)


class FailureRepository:
    """Reads only."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def newest(
        self, project_name: str, *, function_name: str | None, since: int | None, until: int | None
    ) -> list[Failures]:
        """Of the newest MOST_FAILURES invocations of the project that failed, timed out or were aborted. `since` and
        `until`: of their creation, in seconds since 1970, both inclusive. Raises ProjectDoesNotExist."""
        project = await require_project(self._connection, project_name)
        matching = ProjectInvocationFilter(outcomes=_FAILURES, function_name=function_name, since=since, until=until)
        found = await self._connection.execute(
            _failures(Shape.of(matching)), matching.parameters(project) | {MOST.key: MOST_FAILURES}
        )
        return [
            Failures(
                function_name=FunctionName(row.function_name),
                outcome=InvocationOutcome(row.outcome),
                error_message=row.error_message,
                count=row.number,
                first_time=row.first_time,
                last_time=row.last_time,
                newest_invocation_id=InvocationId(row.newest_invocation_id),
            )
            for row in found
        ]


@cache
def _failures(shape: Shape) -> Select[*tuple[Any, ...]]:
    ids = func.array(select(shape.newest().subquery("newest").c.invocation_id).scalar_subquery())
    failed = (
        select(
            InvocationRow.invocation_id,
            InvocationRow.creation_time,
            FunctionRow.function_name,
            known_outcome().label("outcome"),
            func.coalesce(KNOWN_END[0], "").label("error_message"),
        )
        .select_from(InvocationRow)
        .join(FunctionRow, FunctionRow.function_id == InvocationRow.function_id)
        .outerjoin(MEASURED_NOW, true())
        .where(InvocationRow.invocation_id == any_(ids))
        .subquery("failed")
    ).c
    newest_first = func.array_agg(aggregate_order_by(failed.invocation_id, failed.creation_time.desc()))
    return select(
        failed.function_name,
        failed.outcome,
        failed.error_message,
        func.count().label("number"),
        func.min(failed.creation_time).label("first_time"),
        func.max(failed.creation_time).label("last_time"),
        newest_first[1].label("newest_invocation_id"),
    ).group_by(failed.function_name, failed.outcome, failed.error_message)
