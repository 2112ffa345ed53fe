"""A function's invocations along the time, for charts: how they ended, how long they waited and ran."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from control_plane_server.catalog.database import StatementConnection
from control_plane_server.catalog.paths import searchable

MOST_READ = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesPoint:
    """Of the invocations that were created from `start` on, for one step, and have ended; `failed` are those that
    failed or were aborted. `waited`: until their containers had started, 95% of them no longer than this; `ran_median`
    and `ran_most`: their code, half of them and 95%. All attempts of each together."""

    start: datetime
    succeeded: int
    failed: int
    timed_out: int
    cancelled: int
    waited_most: timedelta
    ran_median: timedelta
    ran_most: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """`points`: oldest first, without steps in which there is nothing. `begin`: from when on everything is in it: later
    than was asked for, if there are more of an outcome than MOST_READ. `step`: then shorter than was asked for."""

    points: tuple[SeriesPoint, ...]
    begin: datetime
    step: timedelta


class InvocationSeriesRepository:
    """Reads only."""

    def __init__(self, connection: StatementConnection) -> None:
        self._connection = connection

    async def read(self, project_name: str, function_name: str, *, since: datetime, step: timedelta) -> Series:
        """Of all versions, up to now. `since` and `step`: by whole seconds."""
        now = datetime.now(UTC)
        found = await self._connection.execute(
            _SERIES,
            {
                "project_name": searchable(project_name),
                "function_name": searchable(function_name),
                "backwards": -int(since.timestamp()),
                "until": int(now.timestamp()),
                "step": int(step.total_seconds()),
                "steps": max(1, int((now - since) / step)),
                "most": MOST_READ,
            },
        )
        rows = found.all()
        points = tuple(
            SeriesPoint(
                start=datetime.fromtimestamp(row.start, UTC),
                succeeded=row.succeeded,
                failed=row.failed,
                timed_out=row.timed_out,
                cancelled=row.cancelled,
                waited_most=timedelta(milliseconds=row.waited_most),
                ran_median=timedelta(milliseconds=row.ran_median),
                ran_most=timedelta(milliseconds=row.ran_most),
            )
            for row in rows
        )
        if not rows or rows[0].begin is None:
            return Series(points=points, begin=since, step=step)
        begin = datetime.fromtimestamp(rows[0].begin, UTC)
        return Series(points=points, begin=begin, step=timedelta(seconds=rows[0].step))


# Each state is a part of an index, which is read from its newest entry on.
_SERIES = text("""
    WITH ended AS (
        SELECT states.state, found.*
        FROM unnest(ARRAY['SUCCEEDED', 'FAILED', 'ABORTED', 'TIMED_OUT', 'CANCELLED']) AS states(state)
        CROSS JOIN LATERAL (
            SELECT (- floor(EXTRACT(epoch FROM timezone('UTC', creation_time)))) AS backwards,
                coalesce(queued_ms, 0) + coalesce(starting_ms, 0) AS waited_ms, coalesce(running_ms, 0) AS ran_ms
            FROM invocations
            WHERE project_name = :project_name AND function_name = :function_name
                AND coalesce(outcome, status) = states.state
                AND (- floor(EXTRACT(epoch FROM timezone('UTC', creation_time)))) <= :backwards
            ORDER BY (- floor(EXTRACT(epoch FROM timezone('UTC', creation_time)))), invocation_id
            LIMIT :most
        ) AS found
    ), cut AS (
        SELECT max(oldest) AS begin
        FROM (SELECT min(- backwards) AS oldest FROM ended GROUP BY state HAVING count(*) >= :most) AS by_state
    ), grid AS (
        SELECT CAST(begin AS bigint) AS begin, CASE WHEN begin IS NULL THEN CAST(:step AS bigint)
            ELSE CAST(least(:step, greatest(1, ceil((:until - begin) / CAST(:steps AS integer)))) AS bigint)
        END AS step
        FROM cut
    )
    SELECT CAST(floor(- backwards / grid.step) * grid.step AS bigint) AS start,
        count(*) FILTER (WHERE state = 'SUCCEEDED') AS succeeded,
        count(*) FILTER (WHERE state IN ('FAILED', 'ABORTED')) AS failed,
        count(*) FILTER (WHERE state = 'TIMED_OUT') AS timed_out,
        count(*) FILTER (WHERE state = 'CANCELLED') AS cancelled,
        percentile_disc(0.95) WITHIN GROUP (ORDER BY waited_ms) AS waited_most,
        percentile_disc(0.5) WITHIN GROUP (ORDER BY ran_ms) AS ran_median,
        percentile_disc(0.95) WITHIN GROUP (ORDER BY ran_ms) AS ran_most,
        grid.begin, grid.step
    FROM ended CROSS JOIN grid
    WHERE grid.begin IS NULL OR - backwards >= grid.begin
    GROUP BY start, grid.begin, grid.step
    ORDER BY start
    """)
