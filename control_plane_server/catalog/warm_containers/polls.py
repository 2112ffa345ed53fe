"""What a warm container says and is told when it asks for its next execution: one statement."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import text

from control_plane_server.catalog.database import StatementConnection, one_or_none
from control_plane_server.catalog.driver_statements import DriverStatement
from control_plane_server.catalog.notifications import EXECUTIONS_CHANNEL
from control_plane_server.catalog.warm_containers.containers import EndedLease, Lease, Next
from control_plane_server.catalog.warm_containers.newest import IS_NEEDED
from control_plane_server.catalog.warm_containers.states import State
from control_plane_server.domain.errors import WarmContainerDoesNotExist
from control_plane_server.domain.identifiers import (
    ExecutionId,
    FunctionName,
    FunctionRef,
    InvocationId,
    ProjectName,
    VersionId,
    WarmContainerId,
)
from control_plane_server.domain.reuse import import_limit

# Its row is locked first, then that of the execution that it lets go. What is decided is decided under the lock.
_NEXT = DriverStatement(text(f"""
    WITH own AS MATERIALIZED (
        SELECT warm.container_id, warm.function_id, warm.state, warm.execution_id, warm.launch, warm.traceparent,
            warm.is_delivered, warm.executions, warm.idle_since, warm.stop_requested_time
        FROM warm_containers AS warm WHERE warm.container_id = :container_id
        FOR NO KEY UPDATE
    ), polled AS MATERIALIZED (
        SELECT own.*, versions.project_name, versions.version_id, functions.function_name,
            clock_timestamp() AS now,
            coalesce(
                own.state = 'LEASED' AND own.execution_id = :ended_execution AND own.launch = :ended_launch, false
            ) AS is_released,
            projects.closing_time IS NOT NULL OR projects.deletion_request_time IS NOT NULL AS is_closing,
            CAST(functions.reuse->>'min_idle' AS integer) AS min_idle,
            CAST(functions.reuse->>'max_executions' AS integer) AS max_executions,
            own.executions + CAST(own.state = 'LEASED' AND NOT own.is_delivered AS integer) AS has_run,
            coalesce(own.idle_since, clock_timestamp())
                + make_interval(secs => CAST(functions.reuse->>'idle_seconds' AS integer)) AS idle_until
        FROM own
        JOIN functions ON functions.function_id = own.function_id
        JOIN versions ON versions.version_id = functions.version_id
        JOIN projects ON projects.project_name = versions.project_name
    ), decided AS MATERIALIZED (
        SELECT polled.*,
            CASE
                WHEN state = 'CLOSED' THEN 'CLOSED'
                WHEN state = 'LEASED' AND NOT is_released THEN 'LEASED'
                WHEN is_closing OR has_run >= max_executions THEN 'CLOSED'
                WHEN state = 'IDLE' AND idle_until <= now AND NOT ({IS_NEEDED}) THEN 'CLOSED'
                ELSE 'IDLE'
            END AS next_state
        FROM polled
    ), released AS (
        UPDATE executions SET
            released_time = decided.now,
            exit_code = CASE WHEN executions.execution_finish_time IS NULL THEN CAST(:exit_code AS integer) END
        FROM decided
        WHERE decided.is_released AND executions.execution_id = decided.execution_id
            AND executions.launches = decided.launch AND executions.released_time IS NULL
        RETURNING pg_notify(:channel, concat(executions.execution_id, ' ', json_build_object(
            'launch', executions.launches,
            'exit_code', executions.exit_code,
            'must_stop', executions.termination_signal_time IS NOT NULL
        )))
    ), moved AS (
        UPDATE warm_containers AS warm SET
            state = decided.next_state,
            heard_time = decided.now,
            execution_id = CASE WHEN decided.next_state = 'LEASED' THEN decided.execution_id END,
            launch = CASE WHEN decided.next_state = 'LEASED' THEN decided.launch END,
            traceparent = CASE WHEN decided.next_state = 'LEASED' THEN decided.traceparent END,
            lease_time = CASE WHEN decided.next_state = 'LEASED' THEN warm.lease_time END,
            stop_requested_time = CASE WHEN decided.next_state = 'LEASED' THEN decided.stop_requested_time END,
            is_delivered = decided.next_state = 'LEASED',
            executions = decided.has_run,
            idle_since = CASE WHEN decided.next_state = 'IDLE' THEN coalesce(decided.idle_since, decided.now) END,
            idle_ms = warm.idle_ms + CASE
                WHEN decided.next_state = 'CLOSED' AND decided.idle_since IS NOT NULL
                    THEN greatest(round(extract(epoch FROM decided.now - decided.idle_since) * 1000), 0)
                ELSE 0
            END,
            close_time = CASE WHEN decided.next_state = 'CLOSED' THEN decided.now END,
            close_reason = CASE
                WHEN decided.next_state <> 'CLOSED' THEN NULL
                WHEN decided.is_closing THEN 'the project is being deleted'
                WHEN decided.has_run >= decided.max_executions THEN 'it has run max_executions'
                ELSE 'it was idle for idle_seconds'
            END
        FROM decided
        WHERE warm.container_id = decided.container_id AND decided.state <> 'CLOSED'
    )
    SELECT decided.next_state, decided.project_name, decided.version_id, decided.function_name,
        decided.execution_id, decided.launch, decided.traceparent,
        decided.stop_requested_time IS NOT NULL AS must_stop,
        decided.idle_until - decided.now AS expires_in,
        executions.invocation_id
    FROM decided
    LEFT JOIN executions ON decided.next_state = 'LEASED' AND executions.execution_id = decided.execution_id
    """))

_FUNCTION_OF = text("""
    SELECT versions.project_name, functions.secrets, functions.attempt_timeout_seconds
    FROM warm_containers AS warm
    JOIN functions ON functions.function_id = warm.function_id
    JOIN versions ON versions.version_id = functions.version_id
    WHERE warm.container_id = :container_id AND warm.state <> 'CLOSED'
    """)


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionOfContainer:
    """`secrets`: as of `Function`. `import_limit`: how long it may import the user's module; None: no limit."""

    project_name: ProjectName
    secrets: Mapping[str, str]
    import_limit: timedelta | None


class PollRepository:
    """The container's words. May be repeated: a lease that was answered is answered again."""

    def __init__(self, connection: StatementConnection) -> None:
        self._connection = connection

    async def next(self, container_id: WarmContainerId, *, ended: EndedLease | None = None) -> Next:
        """The container asks what to do, and says which execution is over in it: if that is the one that it is leased
        to, the execution is released and its watchers are woken. What it said before, and what it says of another one,
        changes nothing.

        A container of which the catalog knows nothing must end: it was deleted with its project.
        """
        row = await one_or_none(
            self._connection,
            _NEXT,
            {
                "container_id": container_id,
                "ended_execution": None if ended is None else ended.execution_id,
                "ended_launch": None if ended is None else ended.launch,
                "exit_code": None if ended is None else ended.exit_code,
                "channel": EXECUTIONS_CHANNEL,
            },
        )
        if row is None or row.next_state == State.CLOSED:
            return Next(must_end=True)
        if row.next_state == State.IDLE:
            expires_in: timedelta | None = row.expires_in
            return Next(expires_in=expires_in)
        if row.invocation_id is None:  # the execution was deleted with its invocation
            return Next(must_end=True)
        return Next(
            lease=Lease(
                function=FunctionRef(
                    project_name=ProjectName(row.project_name),
                    version_id=VersionId(row.version_id),
                    function_name=FunctionName(row.function_name),
                ),
                invocation_id=InvocationId(row.invocation_id),
                execution_id=ExecutionId(row.execution_id),
                launch=row.launch,
                traceparent=row.traceparent,
            ),
            must_stop=row.must_stop,
        )

    async def function_of(self, container_id: WarmContainerId) -> FunctionOfContainer:
        """What a container must know of its function. Raises WarmContainerDoesNotExist, also of one that is closed."""
        found = await self._connection.execute(_FUNCTION_OF, {"container_id": container_id})
        row = found.one_or_none()
        if row is None:
            raise WarmContainerDoesNotExist
        seconds = row.attempt_timeout_seconds
        return FunctionOfContainer(
            project_name=ProjectName(row.project_name),
            secrets=row.secrets or {},
            import_limit=import_limit(None if seconds is None else timedelta(seconds=seconds)),
        )
