"""What keeps functions from running: refused ones, pauses, and containers that are not started."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import text

from control_plane_server.catalog.database import StatementConnection
from control_plane_server.catalog.paths import searchable


class HindranceKind(StrEnum):
    REFUSED = "REFUSED"  # it never will be READY
    PAUSED = "PAUSED"
    WITHOUT_CAPACITY = "WITHOUT_CAPACITY"  # launches are refused, and repeated
    NOT_STARTING = "NOT_STARTING"  # containers end before they have begun, one after the other


@dataclass(frozen=True, slots=True, kw_only=True)
class Hindrance:
    """Of a function. `reason`: why it is refused. `since`: since when it is paused or lacks capacity. `until`: the end
    of the pause. `executions`: how many are concerned, of those that are to run."""

    kind: HindranceKind
    project_name: str
    function_name: str
    reason: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    executions: int = 0


class HindranceRepository:
    """Reads only."""

    def __init__(self, connection: StatementConnection) -> None:
        self._connection = connection

    async def of_functions(self, project_names: Sequence[str], *, at_most: int) -> tuple[Hindrance, ...]:
        """Functions of the version declared last of each project that are refused or paused."""
        found = await self._connection.execute(
            _OF_FUNCTIONS, {"names": list(map(searchable, project_names)), "at_most": at_most}
        )
        return tuple(
            Hindrance(
                kind=HindranceKind.PAUSED if row.preparation_error is None else HindranceKind.REFUSED,
                project_name=row.project_name,
                function_name=row.function_name,
                reason=row.preparation_error,
                since=None if row.preparation_error is not None else row.pause_time,
                until=None if row.preparation_error is not None else row.paused_until,
            )
            for row in found
        )

    async def of_launches(self, *, at_most: int) -> tuple[Hindrance, ...]:
        """Functions of all projects whose executions have a slot and no container, for want of capacity or because
        containers fail to start; the ones with most executions first."""
        found = await self._connection.execute(_OF_LAUNCHES, {"at_most": at_most})
        return tuple(
            Hindrance(
                kind=HindranceKind.WITHOUT_CAPACITY if row.lacks_capacity else HindranceKind.NOT_STARTING,
                project_name=row.project_name,
                function_name=row.function_name,
                since=row.since,
                executions=row.executions,
            )
            for row in found
        )


_OF_FUNCTIONS = text("""
    SELECT names.name AS project_name, functions.function_name, functions.preparation_error, functions.pause_time,
        functions.paused_until
    FROM unnest(CAST(:names AS text[])) AS names(name)
    CROSS JOIN LATERAL (
        SELECT version_id FROM versions WHERE project_name = names.name ORDER BY declaration_number DESC LIMIT 1
    ) AS newest
    JOIN functions USING (version_id)
    WHERE functions.preparation_error IS NOT NULL
        OR functions.pause_time IS NOT NULL
            AND (functions.paused_until IS NULL OR functions.paused_until > clock_timestamp())
    ORDER BY names.name, functions.function_id
    LIMIT :at_most
    """)
# Executions that have not ended are an index of their own.
_OF_LAUNCHES = text("""
    SELECT project_name, function_name, refused_since IS NOT NULL AS lacks_capacity, min(refused_since) AS since,
        count(*) AS executions
    FROM executions
    JOIN invocations USING (invocation_id)
    WHERE worker_status <> 'TERMINATED' AND (refused_since IS NOT NULL OR failed_starts > 0)
        AND executions.execution_start_time IS NULL
        AND project_name IS NOT NULL
    GROUP BY project_name, function_name, lacks_capacity
    ORDER BY executions DESC, project_name, function_name
    LIMIT :at_most
    """)
