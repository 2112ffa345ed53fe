"""Where an invocation stands in the queue, and what keeps it there."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from control_plane_server.catalog.database import StatementConnection
from control_plane_server.catalog.paths import searchable
from control_plane_server.domain.entities import Pause

MOST_AHEAD = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuePlace:
    """`attempt`: which waits. `ahead`: how many come before it, at most one more than MOST_AHEAD. `running`: how many
    have a slot of those that it waits for, `running_of_key` with its concurrency key. `function_pause`,
    `project_pause`: None: it is not paused."""

    attempt: int
    ahead: int
    running: int
    running_of_key: int
    function_pause: Pause | None
    project_pause: Pause | None


class QueuePlaceRepository:
    """Reads only."""

    def __init__(self, connection: StatementConnection) -> None:
        self._connection = connection

    async def find(self, invocation_id: str) -> QueuePlace | None:
        """None if it is not in a queue: it has a slot, has ended, or waits for something else."""
        found = await self._connection.execute(
            _PLACE, {"invocation_id": searchable(invocation_id), "most": MOST_AHEAD + 1}
        )
        row = found.one_or_none()
        if row is None:
            return None
        return QueuePlace(
            attempt=row.attempt,
            ahead=row.ahead,
            running=row.running,
            running_of_key=row.running_of_key,
            function_pause=_pause(row.function_pause_time, row.function_paused_until),
            project_pause=_pause(row.project_pause_time, row.project_paused_until),
        )


def _pause(since: datetime | None, until: datetime | None) -> Pause | None:
    return None if since is None else Pause(since=since, until=until)


# The queue is read in its order up to the place, and no further than to what is counted.
_PLACE = text("""
    WITH place AS MATERIALIZED (
        SELECT * FROM waiting_executions WHERE invocation_id = :invocation_id
    ), holding AS MATERIALIZED (
        SELECT executions.concurrency_key = place.concurrency_key AND place.concurrency_key <> '' AS has_key
        FROM place JOIN executions ON executions.function_id = place.function_id AND worker_status <> 'TERMINATED'
    )
    SELECT place.attempt,
        (SELECT count(*) FROM (
            SELECT FROM waiting_executions AS other
            WHERE other.function_id = place.function_id AND (other.invocation_creation_time, other.invocation_id)
                < (place.invocation_creation_time, place.invocation_id)
            LIMIT :most
        ) AS before) AS ahead,
        (SELECT count(*) FROM holding) AS running,
        (SELECT count(*) FROM holding WHERE has_key) AS running_of_key,
        CASE WHEN functions.paused_until IS NULL OR functions.paused_until > clock_timestamp()
            THEN functions.pause_time END AS function_pause_time,
        functions.paused_until AS function_paused_until,
        CASE WHEN projects.paused_until IS NULL OR projects.paused_until > clock_timestamp()
            THEN projects.pause_time END AS project_pause_time,
        projects.paused_until AS project_paused_until
    FROM place
    JOIN invocations ON invocations.invocation_id = place.invocation_id
    JOIN functions ON functions.function_id = invocations.function_id
    JOIN versions ON versions.version_id = functions.version_id
    JOIN projects ON projects.project_name = versions.project_name
    """)
