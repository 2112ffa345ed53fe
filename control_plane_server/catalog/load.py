"""How much waits and runs, function by function, for the metrics of the catalog."""

from dataclasses import dataclass

from sqlalchemy import text

from control_plane_server.catalog.database import StatementConnection


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionLoad:
    """All versions of a function together.

    `running`: invocations that have not ended. `waiting`: those of them that wait for a slot; the first in the queue,
    which is the oldest but for priorities, has waited for `oldest_waiting_seconds`, 0 if none waits. `batches`: of
    which some invocation has not ended. `starting_warm`, `idle_warm`, `leased_warm`: containers that are kept. The
    other fields count executions by their container's state.
    """

    project_name: str
    function_name: str
    running: int
    waiting: int
    oldest_waiting_seconds: float
    batches: int
    pending_containers: int
    provisioning_containers: int
    running_containers: int
    starting_warm: int
    idle_warm: int
    leased_warm: int


class LoadRepository:
    def __init__(self, connection: StatementConnection) -> None:
        self._connection = connection

    async def read(self, *, at_most: int) -> tuple[FunctionLoad, ...]:
        """At most `at_most` functions of which something runs, waits or is kept, those with most waiting first."""
        found = await self._connection.execute(_LOAD, {"at_most": at_most})
        return tuple(FunctionLoad(**row) for row in found.mappings())

    async def has_live_executions(self) -> bool:
        """Whether an execution has a slot."""
        return bool(await self._connection.scalar(_HAS_LIVE_EXECUTIONS))


_HAS_LIVE_EXECUTIONS = text("SELECT EXISTS (SELECT FROM executions WHERE worker_status <> 'TERMINATED')")
# Each part reads an index that holds only rows which have not ended.
_LOAD = text("""
    WITH alive AS (
        SELECT function_id, count(*) AS running FROM invocations WHERE status = 'RUNNING' GROUP BY function_id
    ), queue AS (
        SELECT function_id, waiting, (
            SELECT coalesce(not_before, creation_time) FROM invocations WHERE invocation_id = (
                SELECT invocation_id FROM waiting_executions WHERE waiting_executions.function_id = counted.function_id
                ORDER BY invocation_creation_time, invocation_id LIMIT 1
            )
        ) AS oldest
        FROM (
            SELECT function_id, count(*) AS waiting FROM waiting_executions
            WHERE function_id IS NOT NULL GROUP BY function_id
        ) AS counted
    ), containers AS (
        SELECT function_id,
            count(*) FILTER (WHERE worker_status = 'PENDING') AS pending,
            count(*) FILTER (WHERE worker_status = 'PROVISIONING') AS provisioning,
            count(*) FILTER (WHERE worker_status = 'RUNNING') AS running
        FROM executions WHERE worker_status <> 'TERMINATED' GROUP BY function_id
    ), incomplete AS (
        SELECT function_id, count(*) AS batches FROM batches WHERE completion_time IS NULL GROUP BY function_id
    ), kept AS (
        SELECT function_id,
            count(*) FILTER (WHERE state = 'STARTING') AS starting,
            count(*) FILTER (WHERE state = 'IDLE') AS idle,
            count(*) FILTER (WHERE state = 'LEASED') AS leased
        FROM warm_containers WHERE state <> 'CLOSED' GROUP BY function_id
    )
    SELECT project_name, function_name,
        sum(coalesce(alive.running, 0))::bigint AS running,
        sum(coalesce(queue.waiting, 0))::bigint AS waiting,
        greatest(0, coalesce(extract(epoch FROM clock_timestamp() - min(queue.oldest)), 0))::double precision
            AS oldest_waiting_seconds,
        sum(coalesce(incomplete.batches, 0))::bigint AS batches,
        sum(coalesce(containers.pending, 0))::bigint AS pending_containers,
        sum(coalesce(containers.provisioning, 0))::bigint AS provisioning_containers,
        sum(coalesce(containers.running, 0))::bigint AS running_containers,
        sum(coalesce(kept.starting, 0))::bigint AS starting_warm,
        sum(coalesce(kept.idle, 0))::bigint AS idle_warm,
        sum(coalesce(kept.leased, 0))::bigint AS leased_warm
    FROM alive
    FULL JOIN queue USING (function_id)
    FULL JOIN containers USING (function_id)
    FULL JOIN incomplete USING (function_id)
    FULL JOIN kept USING (function_id)
    JOIN (
        SELECT function_id, project_name, function_name FROM functions JOIN versions USING (version_id)
        UNION ALL SELECT group_id, project_name, function_name FROM slot_groups
    ) AS owners USING (function_id)
    GROUP BY project_name, function_name
    ORDER BY waiting DESC, running DESC, project_name, function_name
    LIMIT :at_most
    """)
