"""Takes up a slot that was granted, with a container of the function that is idle, in one statement without the
function's lock: nobody is given anything by it, and whoever takes the slot back writes the execution's row.

The container's row is locked before the execution's, as by a lease.
"""

from dataclasses import dataclass

from sqlalchemy import text

from control_plane_server.catalog.base import columns_of
from control_plane_server.catalog.converters import to_function
from control_plane_server.catalog.database import StatementConnection, one_or_none
from control_plane_server.catalog.driver_statements import DriverStatement
from control_plane_server.catalog.execution_lifecycle.slots import FIRST_LAUNCH, Assignment
from control_plane_server.catalog.notifications import WARM_CONTAINERS_CHANNEL
from control_plane_server.catalog.tables import FunctionRow, VersionRow
from control_plane_server.catalog.warm_containers.containers import COLUMNS, WarmContainer, to_warm_container
from control_plane_server.catalog.warm_containers.leases import HEARD_WITHIN, IS_IDLE, LEASED
from control_plane_server.domain.identifiers import ExecutionId

_FUNCTION = ", ".join(f"{column.element} AS {column.name}" for column in columns_of(FunctionRow, VersionRow))
# Each row is found by its key, not by a join: a plan that was made while there were few invocations reads all of a
# function's for each claim, until statistics are taken. Nor by the index of what runs: this says so in other words.
_INVOCATION = "(SELECT wanted.invocation_id FROM executions AS wanted WHERE wanted.execution_id = :execution_id)"
_CALLED = f"(SELECT calling.function_id FROM invocations AS calling WHERE calling.invocation_id = {_INVOCATION})"
_MAY_CLAIM = f"""
    executions.execution_id = :execution_id
    AND executions.claim_time IS NULL AND executions.worker_status IS DISTINCT FROM 'TERMINATED'
    AND executions.termination_signal_time IS NULL
    AND invocations.invocation_id = {_INVOCATION} AND invocations.status <> 'TERMINATED'
    AND invocations.stop_time IS NULL AND invocations.cancellation_request_time IS NULL
    AND functions.function_id = {_CALLED} AND functions.preparation_error IS NULL
    """
# As `Lease.of_words` reads them.
_WORDS = """json_build_object(
            'function', json_build_object(
                'project_name', claimed.versions_project_name,
                'version_id', claimed.versions_version_id,
                'function_name', claimed.functions_function_name
            ),
            'invocation_id', claimed.invocation_id,
            'execution_id', warm.execution_id,
            'launch', warm.launch,
            'traceparent', warm.traceparent
        )"""
_CLAIM = DriverStatement(text(f"""
    WITH candidate AS MATERIALIZED (
        SELECT warm.container_id, warm.container_type, warm.container_identifier, warm.logs_identifier
        FROM warm_containers AS warm
        WHERE {IS_IDLE} AND warm.function_id = (
            SELECT functions.function_id FROM executions, invocations, functions
            WHERE {_MAY_CLAIM} AND functions.reuse IS NOT NULL
        )
        ORDER BY warm.idle_since DESC
        LIMIT 1
        FOR NO KEY UPDATE SKIP LOCKED
    ), claimed AS (
        UPDATE executions SET
            claim_time = clock_timestamp(),
            launches = :launch,
            launch_time = clock_timestamp(),
            is_warm_start = CASE WHEN candidate.container_id IS NOT NULL THEN true END,
            worker_status = CASE WHEN candidate.container_id IS NULL THEN 'PROVISIONING' ELSE 'RUNNING' END,
            worker_type = candidate.container_type,
            worker_identifier = candidate.container_identifier,
            logs_identifier = candidate.logs_identifier,
            last_update_time = clock_timestamp()
        FROM invocations, functions, versions LEFT JOIN candidate ON true
        WHERE {_MAY_CLAIM} AND versions.version_id = functions.version_id
        RETURNING {_FUNCTION}, functions.environment, executions.invocation_id,
            candidate.container_id AS idle_container
    ), leased AS (
        UPDATE warm_containers AS warm SET {LEASED}
        FROM claimed
        WHERE warm.container_id = claimed.idle_container AND warm.state = 'IDLE'
        RETURNING {COLUMNS}, pg_notify(:channel, concat(warm.container_id, ' ', {_WORDS}))
    )
    SELECT claimed.*, leased.* FROM claimed LEFT JOIN leased ON true
    """))


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A slot that is taken up, and the container that was idle and has been leased with it; None: there was none, or
    the function keeps none."""

    assignment: Assignment
    leased: WarmContainer | None


class ClaimRepository:
    def __init__(self, connection: StatementConnection) -> None:
        self._connection = connection

    async def claim(self, execution_id: ExecutionId, *, traceparent: str | None = None) -> Claim | None:
        """The slot that the execution was granted. None if there is nothing to take up, or it has been taken up, or the
        invocation is to stop, or its function can never run: `SlotQueue.take` knows what it is. `traceparent`: of the
        span of the first launch."""
        row = await one_or_none(
            self._connection,
            _CLAIM,
            {
                "execution_id": execution_id,
                "launch": FIRST_LAUNCH.number,
                "traceparent": traceparent,
                "heard_within": HEARD_WITHIN,
                "channel": WARM_CONTAINERS_CHANNEL,
            },
        )
        if row is None:
            return None
        return Claim(
            assignment=Assignment(
                function=to_function(row, environment=row.environment),
                launch=FIRST_LAUNCH,
                waits_for=None,
                container=None,
                is_stopped=False,
            ),
            leased=None if row.container_id is None else to_warm_container(row),
        )
