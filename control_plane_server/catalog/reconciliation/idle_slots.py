"""Queues whose owner has a free slot. Whoever frees one gives it away in the same transaction; but who gives many at
once, as after a pause, may have died, and the release before knows no groups, and gives a slot of a group to nobody."""

from datetime import timedelta

from sqlalchemy import Interval, bindparam, text

from control_plane_server.catalog.database import StatementConnection
from control_plane_server.catalog.reconciliation.pages import PAGE
from control_plane_server.domain.identifiers import InvocationId

# From queue to queue by the index, as `DISTINCT` would read every place. What waits in the queue of a function whose
# slots are a group's is in the wrong one, wherever slots are free. Whether it is paused, or all wait for their keys, is
# found when slots are given.
_FIRST_IN_QUEUES = text("""
    WITH RECURSIVE queues AS (
        (
            SELECT function_id, invocation_creation_time, invocation_id FROM waiting_executions
            WHERE function_id IS NOT NULL
            ORDER BY function_id, invocation_creation_time, invocation_id LIMIT 1
        )
        UNION ALL
        SELECT next.* FROM queues, LATERAL (
            SELECT function_id, invocation_creation_time, invocation_id FROM waiting_executions
            WHERE function_id > queues.function_id
            ORDER BY function_id, invocation_creation_time, invocation_id LIMIT 1
        ) AS next
    ), owners AS (
        SELECT queues.*, slot_groups.*, function.*
        FROM queues
            LEFT JOIN LATERAL (SELECT * FROM slot_groups WHERE group_id = queues.function_id LIMIT 1) AS slot_groups
                ON true
            LEFT JOIN LATERAL (  -- limited, or all functions are read
                SELECT status, preparation_error, slot_group_id, max_concurrency FROM functions
                WHERE functions.function_id = queues.function_id LIMIT 1
            ) AS function ON true
        WHERE (
            SELECT creation_time FROM invocations WHERE invocations.invocation_id = queues.invocation_id
        ) < clock_timestamp() - :older_than
    )
    SELECT invocation_id FROM owners WHERE CASE
        WHEN preparation_error IS NOT NULL THEN true
        WHEN group_id IS NULL AND status <> 'READY' THEN false
        WHEN slot_group_id IS NOT NULL THEN true
        ELSE (
            SELECT count(*) FROM executions
            WHERE executions.function_id = owners.function_id AND worker_status <> 'TERMINATED'
        ) < coalesce(max_concurrency, (
            SELECT member.max_concurrency
            FROM versions JOIN functions AS member USING (version_id)
            WHERE versions.project_name = owners.project_name AND member.function_name = owners.function_name
                AND member.slot_group_id = owners.group_id AND member.status = 'READY'
            ORDER BY declaration_number DESC LIMIT 1
        ))
    END
    ORDER BY random() LIMIT :page
    """).bindparams(bindparam("older_than", type_=Interval))


class IdleSlotRepository:
    """Reads only. Another process may give the same slots away at the same time."""

    def __init__(self, connection: StatementConnection) -> None:
        self._connection = connection

    async def first_in_queues(self, *, older_than: timedelta) -> list[InvocationId]:
        """The first invocation of each queue that could go on at once, if it was created longer than `older_than` ago;
        at most PAGE."""
        found = await self._connection.scalars(_FIRST_IN_QUEUES, {"older_than": older_than, "page": PAGE})
        return [InvocationId(invocation_id) for invocation_id in found]
