"""Leases: the right of one launch of one execution to one warm container.

Which container a launch has is decided once, by `executions.is_warm_start` under the lock of the execution's row: true
by a lease of one that is there, false by the begin of a new one. The lock of a container's row is taken before that of
an execution's.
"""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from control_plane_server.catalog.notifications import WARM_CONTAINERS_CHANNEL
from control_plane_server.catalog.warm_containers.containers import COLUMNS, Lease, WarmContainer, to_warm_container
from control_plane_server.domain.entities import ContainerDetails
from control_plane_server.domain.identifiers import ExecutionId, InvocationId, WarmContainerId, warm_container_id_for
from control_plane_server.domain.reasons import storable
from control_plane_server.domain.reuse import LONGEST_POLL

# Whoever asks and is answered asks again at once: one that was not heard of for this long is away.
HEARD_WITHIN = 2 * LONGEST_POLL

_DECIDES = """
    executions.execution_id = :execution_id AND executions.launches = :launch
    AND executions.worker_status <> 'TERMINATED' AND executions.is_warm_start IS NULL
    """
# Of a row that is named `warm`: it can be told of an execution.
IS_IDLE = """warm.state = 'IDLE'
            AND warm.heard_time > clock_timestamp() - CAST(:heard_within AS interval)
            AND warm.container_identifier IS NOT NULL"""
# What is set in such a row by a lease.
LEASED = """
        state = 'LEASED',
        execution_id = :execution_id,
        launch = :launch,
        traceparent = :traceparent,
        lease_time = clock_timestamp(),
        is_delivered = false,
        idle_ms = warm.idle_ms + greatest(round(extract(epoch FROM clock_timestamp() - warm.idle_since) * 1000), 0),
        idle_since = NULL
    """
_MAY_LEASE = f"{_DECIDES} AND executions.termination_signal_time IS NULL AND executions.worker_identifier IS NULL"
_LEASE = text(f"""
    WITH candidate AS MATERIALIZED (
        SELECT warm.container_id, warm.container_type, warm.container_identifier, warm.logs_identifier
        FROM warm_containers AS warm
        WHERE {IS_IDLE}
            AND warm.function_id = (
                SELECT invocations.function_id
                FROM executions JOIN invocations ON invocations.invocation_id = executions.invocation_id
                WHERE {_MAY_LEASE}
            )
        ORDER BY warm.idle_since DESC
        LIMIT 1
        FOR NO KEY UPDATE SKIP LOCKED
    ), recorded AS (
        UPDATE executions SET
            is_warm_start = true,
            worker_status = 'RUNNING',
            worker_type = candidate.container_type,
            worker_identifier = candidate.container_identifier,
            logs_identifier = candidate.logs_identifier,
            error_message = CASE WHEN outcome IS NOT NULL THEN error_message END,
            last_update_time = clock_timestamp()
        FROM candidate
        WHERE {_MAY_LEASE}
        RETURNING candidate.container_id
    )
    UPDATE warm_containers AS warm SET {LEASED}
    FROM recorded
    WHERE warm.container_id = recorded.container_id AND warm.state = 'IDLE'
    RETURNING {COLUMNS}, pg_notify(:channel, concat(warm.container_id, ' ', CAST(:words AS text)))
    """)
_HAS_IDLE = text("""
    SELECT EXISTS (
        SELECT FROM warm_containers AS warm
        WHERE warm.state = 'IDLE'
            AND warm.function_id = (SELECT function_id FROM invocations WHERE invocation_id = :invocation_id)
    )
    """)
_OF_LAUNCH = text(f"""
    SELECT {COLUMNS} FROM warm_containers AS warm
    WHERE warm.execution_id = :execution_id AND warm.launch = :launch AND warm.state = 'LEASED'
    """)
_BEGIN = text(f"""
    WITH decided AS (
        UPDATE executions SET is_warm_start = false WHERE {_DECIDES} RETURNING executions.invocation_id
    )
    INSERT INTO warm_containers AS warm
        (container_id, function_id, state, execution_id, launch, traceparent, creation_time, lease_time)
    SELECT :container_id, invocations.function_id, 'LEASED', :execution_id, :launch, :traceparent,
        statement_timestamp(), statement_timestamp()
    FROM decided JOIN invocations ON invocations.invocation_id = decided.invocation_id
    ON CONFLICT DO NOTHING
    RETURNING {COLUMNS}
    """)
_RECORD = text("""
    UPDATE warm_containers SET
        container_type = :container_type, container_identifier = :identifier, logs_identifier = :logs_identifier
    WHERE container_id = :container_id
    RETURNING state <> 'CLOSED'
    """)
_REQUEST_STOP = text("""
    UPDATE warm_containers SET stop_requested_time = coalesce(stop_requested_time, clock_timestamp())
    WHERE execution_id = :execution_id AND launch = :launch AND state = 'LEASED'
    RETURNING pg_notify(:channel, container_id)
    """)
_CLOSED = """
        state = 'CLOSED',
        execution_id = NULL,
        launch = NULL,
        traceparent = NULL,
        lease_time = NULL,
        is_delivered = false,
        stop_requested_time = NULL,
        idle_ms = warm.idle_ms
            + coalesce(greatest(round(extract(epoch FROM clock_timestamp() - warm.idle_since) * 1000), 0), 0),
        idle_since = NULL,
        close_time = clock_timestamp(),
        close_reason = :reason
    """
_REVOKE = text(f"""
    WITH leased AS MATERIALIZED (
        SELECT warm.container_id, warm.execution_id, warm.launch FROM warm_containers AS warm
        WHERE warm.execution_id = :execution_id AND warm.launch = :launch AND warm.state = 'LEASED'
        FOR NO KEY UPDATE
    ), started AS MATERIALIZED (
        SELECT executions.launches, executions.execution_start_time
        FROM leased JOIN executions ON executions.execution_id = leased.execution_id
        FOR NO KEY UPDATE OF executions
    )
    UPDATE warm_containers AS warm SET {_CLOSED}
    FROM leased
    WHERE warm.container_id = leased.container_id
        AND NOT EXISTS (
            SELECT FROM started WHERE started.launches = leased.launch AND started.execution_start_time IS NOT NULL
        )
    RETURNING {COLUMNS}, pg_notify(:channel, warm.container_id)
    """)
_IS_OF_ANOTHER = text("""
    SELECT EXISTS (
        SELECT FROM warm_containers AS warm
        WHERE warm.container_id = :container_id AND warm.state <> 'CLOSED'
            AND (warm.execution_id IS DISTINCT FROM :execution_id OR warm.launch IS DISTINCT FROM :launch)
    )
    """)
_CLOSE = text(f"""
    UPDATE warm_containers AS warm SET {_CLOSED}
    WHERE warm.container_id = :container_id AND warm.state <> 'CLOSED' AND (:is_gone OR warm.state <> 'LEASED')
        AND (
            CAST(:execution_id AS text) IS NULL
            OR (warm.execution_id = :execution_id AND warm.launch = CAST(:launch AS integer))
        )
    RETURNING pg_notify(:channel, warm.container_id)
    """)


class LeaseRepository:
    """Each statement is conditional and may be repeated."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def lease(self, lease: Lease) -> WarmContainer | None:
        """One that is idle, the most recently used first. That is told of the lease, and recorded as the execution's.
        None if there is none, or the launch is to have none: it has one already, it was overtaken, or the execution has
        ended or is to stop. Waits for no container's lock."""
        leased = await self._connection.execute(
            _LEASE,
            {
                "execution_id": lease.execution_id,
                "launch": lease.launch,
                "traceparent": lease.traceparent,
                "heard_within": HEARD_WITHIN,
                "channel": WARM_CONTAINERS_CHANNEL,
                "words": lease.to_words(),
            },
        )
        row = leased.one_or_none()
        return None if row is None else to_warm_container(row)

    async def has_idle(self, invocation_id: InvocationId) -> bool:
        """Whether a container of the invocation's function is idle."""
        found: bool = await self._connection.scalar(_HAS_IDLE, {"invocation_id": invocation_id})
        return found

    async def of_launch(self, execution_id: ExecutionId, launch: int) -> WarmContainer | None:
        """The container that is leased to this launch."""
        found = await self._connection.execute(_OF_LAUNCH, {"execution_id": execution_id, "launch": launch})
        row = found.one_or_none()
        return None if row is None else to_warm_container(row)

    async def begin(
        self, execution_id: ExecutionId, launch: int, *, traceparent: str | None = None
    ) -> WarmContainer | None:
        """Note a container that is about to be launched for this launch, and is leased to it from the beginning.

        Returns the one that the launch has, perhaps another that it has leased meanwhile: `was_idle`. None if it is to
        have none: it was overtaken, or the execution has ended.
        """
        begun = await self._connection.execute(
            _BEGIN,
            {
                "container_id": warm_container_id_for(execution_id, launch),
                "execution_id": execution_id,
                "launch": launch,
                "traceparent": traceparent,
            },
        )
        row = begun.one_or_none()
        return await self.of_launch(execution_id, launch) if row is None else to_warm_container(row)

    async def record(self, container_id: WarmContainerId, details: ContainerDetails) -> bool:
        """Note where the provisioner finds it. False if it is to be stopped: it was closed meanwhile."""
        is_open: bool | None = await self._connection.scalar(
            _RECORD,
            {
                "container_id": container_id,
                "container_type": details.type,
                "identifier": details.identifier,
                "logs_identifier": details.logs_identifier,
            },
        )
        return bool(is_open)

    async def request_stop(self, execution_id: ExecutionId, launch: int) -> bool:
        """Have the container that is leased to this launch told to stop the execution. False if none is."""
        told = await self._connection.execute(
            _REQUEST_STOP, {"execution_id": execution_id, "launch": launch, "channel": WARM_CONTAINERS_CHANNEL}
        )
        return told.one_or_none() is not None

    async def revoke(self, execution_id: ExecutionId, launch: int, *, reason: str) -> WarmContainer | None:
        """Close the container that is leased to this launch, unless the launch has started the execution: the one that
        is to be stopped. Whoever revokes has begun another launch before, so that this one cannot start any more."""
        revoked = await self._connection.execute(
            _REVOKE,
            {
                "execution_id": execution_id,
                "launch": launch,
                "reason": storable(reason),
                "channel": WARM_CONTAINERS_CHANNEL,
            },
        )
        row = revoked.one_or_none()
        return None if row is None else to_warm_container(row)

    async def close(
        self,
        container_id: WarmContainerId,
        *,
        reason: str,
        is_gone: bool = False,
        leased_to: tuple[ExecutionId, int] | None = None,
    ) -> bool:
        """No execution is given to it any more. One that is leased is closed only if it `is_gone`, or as good as gone.
        `leased_to`: only while it is leased to this launch. Returns whether it was this call that closed it."""
        closed = await self._connection.execute(
            _CLOSE,
            {
                "container_id": container_id,
                "reason": storable(reason),
                "is_gone": is_gone,
                "execution_id": None if leased_to is None else leased_to[0],
                "launch": None if leased_to is None else leased_to[1],
                "channel": WARM_CONTAINERS_CHANNEL,
            },
        )
        return closed.one_or_none() is not None

    async def give_up(self, container_id: WarmContainerId, *, leased_to: tuple[ExecutionId, int], reason: str) -> bool:
        """Close a container that is about to be stopped with the execution of this launch. False, and it is left alone,
        if it has let go of that: it may run another one by now. True also of one that is closed or not known."""
        if await self.close(container_id, reason=reason, is_gone=True, leased_to=leased_to):
            return True
        # A statement of its own: the one before may have waited for the release, and then this one sees it.
        execution_id, launch = leased_to
        is_of_another: bool = await self._connection.scalar(
            _IS_OF_ANOTHER, {"container_id": container_id, "execution_id": execution_id, "launch": launch}
        )
        return not is_of_another
