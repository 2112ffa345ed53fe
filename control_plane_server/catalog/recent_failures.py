"""How much has failed of late: counted as far as people want to know it."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import text

from control_plane_server.catalog.database import StatementConnection
from control_plane_server.catalog.paths import searchable

MOST_COUNTED = 1_000


class RecentFailureRepository:
    """Counts invocations that failed, timed out or were aborted and were created since then; what is more than
    MOST_COUNTED of a kind is not counted. `since`: an aware datetime, by whole seconds."""

    def __init__(self, connection: StatementConnection) -> None:
        self._connection = connection

    async def of_projects(self, project_names: Sequence[str], *, since: datetime) -> Mapping[str, int]:
        """By the project's name, of those of which something failed."""
        found = await self._connection.execute(
            _OF_PROJECTS, {"names": list(map(searchable, project_names)), **_parameters(since)}
        )
        return {row.name: row.failed for row in found if row.failed}

    async def of_functions(
        self, project_name: str, function_names: Sequence[str], *, since: datetime
    ) -> Mapping[str, int]:
        """By the function's name, of those of which something failed, in whatever version."""
        found = await self._connection.execute(
            _OF_FUNCTIONS,
            {
                "project_name": searchable(project_name),
                "names": list(map(searchable, function_names)),
                **_parameters(since),
            },
        )
        return {row.name: row.failed for row in found if row.failed}


def _parameters(since: datetime) -> dict[str, int]:
    return {"backwards": -int(since.timestamp()), "most": MOST_COUNTED}


# Each state of each name is a part of an index, which is read from its newest entry on.
_COUNT = """
    SELECT names.name, counted.failed
    FROM unnest(CAST(:names AS text[])) AS names(name)
    CROSS JOIN LATERAL (
        SELECT count(*) AS failed
        FROM unnest(ARRAY['FAILED', 'TIMED_OUT', 'ABORTED']) AS states(state)
        CROSS JOIN LATERAL (
            SELECT invocation_id FROM invocations
            WHERE {is_of_name} AND coalesce(outcome, status) = states.state
                AND (- floor(EXTRACT(epoch FROM timezone('UTC', creation_time)))) <= :backwards
            ORDER BY (- floor(EXTRACT(epoch FROM timezone('UTC', creation_time)))), invocation_id
            LIMIT :most
        ) AS found
    ) AS counted
    """
_OF_PROJECTS = text(_COUNT.format(is_of_name="project_name = names.name"))
_OF_FUNCTIONS = text(_COUNT.format(is_of_name="project_name = :project_name AND function_name = names.name"))
