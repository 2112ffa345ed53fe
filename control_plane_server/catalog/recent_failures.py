"""How much has failed of late: counted as far as people want to know it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from control_plane_server.catalog.database import StatementConnection
from control_plane_server.catalog.paths import searchable

MOST_COUNTED = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class FailuresByFunction:
    """`counts`: by the function's name, of those of which something failed. `is_complete`: False: there are more, as
    the project has more failures than are counted."""

    counts: Mapping[str, int]
    is_complete: bool


class RecentFailureRepository:
    """Counts invocations that failed, timed out or were aborted and were created since then: of each of these three the
    newest MOST_COUNTED of a project. `since`: an aware datetime, by whole seconds."""

    def __init__(self, connection: StatementConnection) -> None:
        self._connection = connection

    async def of_projects(self, project_names: Sequence[str], *, since: datetime) -> Mapping[str, int]:
        """By the project's name, of those of which something failed."""
        found = await self._connection.execute(
            _OF_PROJECTS, {"names": list(map(searchable, project_names)), **_parameters(since)}
        )
        return {row.name: row.failed for row in found if row.failed}

    async def of_functions(self, project_name: str, *, since: datetime) -> FailuresByFunction:
        """Of whatever version."""
        found = await self._connection.execute(
            _OF_FUNCTIONS, {"project_name": searchable(project_name), **_parameters(since)}
        )
        rows = found.all()
        return FailuresByFunction(
            counts={row.name: row.failed for row in rows},
            is_complete=all(row.most_of_a_state < MOST_COUNTED for row in rows),
        )


def _parameters(since: datetime) -> dict[str, int]:
    return {"backwards": -int(since.timestamp()), "most": MOST_COUNTED}


# Each state of a project is a part of an index, which is read from its newest entry on.
_NEWEST = """
        FROM unnest(ARRAY['FAILED', 'TIMED_OUT', 'ABORTED']) AS states(state)
        CROSS JOIN LATERAL (
            SELECT invocation_id, function_name FROM invocations
            WHERE project_name = {project_name} AND coalesce(outcome, status) = states.state
                AND (- floor(EXTRACT(epoch FROM timezone('UTC', creation_time)))) <= :backwards
            ORDER BY (- floor(EXTRACT(epoch FROM timezone('UTC', creation_time)))), invocation_id
            LIMIT :most
        ) AS found
    """
_OF_PROJECTS = text(f"""
    SELECT names.name, counted.failed
    FROM unnest(CAST(:names AS text[])) AS names(name)
    CROSS JOIN LATERAL (SELECT count(*) AS failed {_NEWEST.format(project_name="names.name")}) AS counted
    """)
# By the function's name each would be another part of another index, which PostgreSQL does not choose for names that it
# does not know while it plans.
_OF_FUNCTIONS = text(f"""
    WITH newest AS (SELECT states.state, found.function_name {_NEWEST.format(project_name=":project_name")})
    SELECT function_name AS name, count(*) AS failed,
        (SELECT max(number) FROM (SELECT count(*) AS number FROM newest GROUP BY state) AS by_state) AS most_of_a_state
    FROM newest
    GROUP BY function_name
    """)
