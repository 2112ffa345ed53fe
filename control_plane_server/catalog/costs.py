"""How long the containers of a project's functions ran on a day.

An execution's container counts from its launch until its end, and until now while it runs; containers that
infrastructure took away before count on the day on which the next one was launched. A container that is kept counts
beside for the time in which it was idle, spread over its life.
"""

from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from control_plane_server.catalog.ends import as_text
from control_plane_server.catalog.paths import searchable
from control_plane_server.catalog.tables import InvocationRow, ProjectRow, epoch_second
from control_plane_server.domain.costs import Consumption
from control_plane_server.domain.errors import ProjectDoesNotExist
from control_plane_server.domain.identifiers import FunctionName

# An invocation is over so long after its timeout at the latest: its grace period, and a stop that is repeated.
_SLACK = timedelta(hours=1)

# Of each function of each version those invocations are read that may have had a container on that day, as far back as
# its own timeout: one range of the index `invocations_newest_first`.
_CONSUMPTION = text(f"""
    WITH called AS MATERIALIZED (
        SELECT function_id, function_name, timeout_seconds, virtual_cpus, memory_gbs,
            coalesce((platform->>'gpus')::int, 0) AS gpus
        FROM versions JOIN functions USING (version_id) WHERE project_name = :project
    ), launched AS (
        SELECT called.function_name, called.virtual_cpus, called.memory_gbs, called.gpus, executions.launch_time,
            executions.earlier_launches_ms,
            executions.launches - executions.refused_launches > 1 AND executions.earlier_launches_ms IS NULL
                AS is_unmeasured,
            executions.launches - executions.refused_launches - 1 AS earlier_launches,
            has_container OR executions.launches - executions.refused_launches > 1 AS has_had_one,
            CASE WHEN has_container THEN greatest(0, extract(
                epoch FROM least(
                    CASE worker_status WHEN 'TERMINATED' THEN executions.last_update_time ELSE clock_timestamp() END,
                    :until
                ) - greatest(executions.launch_time, :since)
            )) ELSE 0 END AS seconds
        FROM called
            CROSS JOIN LATERAL (
                SELECT invocation_id FROM invocations
                WHERE invocations.function_id = called.function_id
                    AND {as_text(epoch_second(InvocationRow.creation_time))}
                        BETWEEN extract(epoch FROM CAST(:since AS timestamptz)) - called.timeout_seconds - :slack
                        AND extract(epoch FROM CAST(:until AS timestamptz))
                OFFSET 0  -- so that it is this range that is read, whatever the planner expects of the rest
            ) AS invoked
            CROSS JOIN LATERAL (
                SELECT *, worker_identifier IS NOT NULL OR execution_start_time IS NOT NULL AS has_container
                FROM executions WHERE executions.invocation_id = invoked.invocation_id OFFSET 0
            ) AS executions
        WHERE executions.launch_time < :until
    ), measured AS (
        SELECT *, has_had_one AND launch_time >= :since AS is_of_day,
            seconds + CASE WHEN launch_time >= :since THEN coalesce(earlier_launches_ms, 0) / 1000.0 ELSE 0 END AS total
        FROM launched
    ), ran AS (
        SELECT function_name, count(*) FILTER (WHERE is_of_day) AS executions,
            sum(total) AS seconds, sum(total * virtual_cpus) AS vcpu, sum(total * memory_gbs) AS gb,
            sum(total * gpus) AS gpu,
            coalesce(sum(earlier_launches) FILTER (WHERE is_of_day AND is_unmeasured), 0)::int AS unmeasured_launches
        FROM measured WHERE total > 0 OR is_of_day GROUP BY function_name
    ), kept AS (
        SELECT called.*, warm.creation_time, coalesce(warm.close_time, clock_timestamp()) AS close_time,
            warm.idle_ms / 1000.0 + CASE WHEN warm.state IN ('STARTING', 'IDLE') THEN greatest(0, extract(
                epoch FROM clock_timestamp() - coalesce(warm.idle_since, warm.creation_time)
            )) ELSE 0 END AS idle
        FROM called JOIN warm_containers AS warm USING (function_id)
        WHERE warm.creation_time < :until AND (warm.close_time IS NULL OR warm.close_time > :since)
    ), idled AS (
        SELECT function_name, sum(part) AS seconds, sum(part * virtual_cpus) AS vcpu, sum(part * memory_gbs) AS gb,
            sum(part * gpus) AS gpu
        FROM (
            SELECT *, idle * greatest(0, extract(
                epoch FROM least(close_time, CAST(:until AS timestamptz))
                    - greatest(creation_time, CAST(:since AS timestamptz))
            )) / greatest(0.001, extract(epoch FROM close_time - creation_time)) AS part
            FROM kept
        ) AS parts
        WHERE part > 0 GROUP BY function_name
    )
    SELECT function_name, coalesce(executions, 0) AS executions,
        coalesce(unmeasured_launches, 0) AS unmeasured_launches,
        coalesce(idled.seconds, 0)::float8 AS idle_seconds,
        (coalesce(ran.seconds, 0) + coalesce(idled.seconds, 0))::float8 AS container_seconds,
        (coalesce(ran.vcpu, 0) + coalesce(idled.vcpu, 0))::float8 AS vcpu_seconds,
        (coalesce(ran.gb, 0) + coalesce(idled.gb, 0))::float8 AS gb_seconds,
        (coalesce(ran.gpu, 0) + coalesce(idled.gpu, 0))::float8 AS gpu_seconds
    FROM ran FULL JOIN idled USING (function_name) ORDER BY function_name
    """)


class ConsumptionRepository:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def require_project(self, project_name: str) -> None:
        """Raises ProjectDoesNotExist."""
        found = select(ProjectRow.project_name).where(ProjectRow.project_name == searchable(project_name))
        if await self._connection.scalar(found) is None:
            raise ProjectDoesNotExist

    async def of_day(
        self, project_name: str, day: date, *, since: datetime | None = None, until: datetime | None = None
    ) -> list[Consumption]:
        """Of each function that had a container, by name. `since`, `until`: only the part of the day between them."""
        begin = datetime.combine(day, time(), UTC)
        end = begin + timedelta(days=1)
        found = await self._connection.execute(
            _CONSUMPTION,
            {
                "project": searchable(project_name),
                "since": begin if since is None else max(begin, since),
                "until": end if until is None else min(end, until),
                "slack": _SLACK.total_seconds(),
            },
        )
        return [
            Consumption(
                function_name=FunctionName(row.function_name),
                day=day,
                executions=row.executions,
                container_seconds=row.container_seconds,
                idle_seconds=row.idle_seconds,
                vcpu_seconds=row.vcpu_seconds,
                gb_seconds=row.gb_seconds,
                gpu_seconds=row.gpu_seconds,
                unmeasured_launches=row.unmeasured_launches,
            )
            for row in found
        ]
