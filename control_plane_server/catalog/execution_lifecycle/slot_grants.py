"""Gives an owner's free slots to those who come next in the queue, in one statement."""

from sqlalchemy import Integer, func, literal_column, text

from control_plane_server.catalog.ends import PREVIOUS, as_text, milliseconds, waiting_since
from control_plane_server.catalog.execution_lifecycle.slot_order import next_in_queue
from control_plane_server.catalog.pauses import is_paused
from control_plane_server.catalog.tables import FunctionRow, InvocationRow, ProjectRow

_QUEUED_MS = as_text(
    milliseconds(
        waiting_since(
            attempt=literal_column("next.attempt", Integer),
            previous_end=PREVIOUS.last_update_time,
            previous_id=PREVIOUS.execution_id,
            invocation=InvocationRow,
            function=FunctionRow,
        ),
        func.clock_timestamp(),
    )
)
_IS_PAUSED = f"({as_text(is_paused(FunctionRow))} OR {as_text(is_paused(ProjectRow))})"
_FREE = f"""
        SELECT CASE
            WHEN preparation_error IS NOT NULL THEN NULL  -- no limit: each ends with the reason
            WHEN {_IS_PAUSED} THEN 0
            WHEN status = 'READY' THEN greatest(0, least(CAST(:at_most AS bigint), max_concurrency - (
                SELECT count(*) FROM executions
                WHERE function_id = :owner_id AND worker_status <> 'TERMINATED'
            )))
            ELSE 0
        END AS slots
        FROM functions JOIN versions USING (version_id) JOIN projects USING (project_name)
        WHERE function_id = :owner_id
    """
# As `limit_of_group`. None while no function of it is ready. A pause is one of all versions.
_FREE_OF_GROUP = f"""
        SELECT coalesce((
            SELECT CASE WHEN {_IS_PAUSED} THEN 0 ELSE greatest(0, least(CAST(:at_most AS bigint), max_concurrency - (
                SELECT count(*) FROM executions WHERE function_id = :owner_id AND worker_status <> 'TERMINATED'
            ))) END
            FROM versions JOIN functions USING (version_id) JOIN projects USING (project_name)
            WHERE project_name = (SELECT project_name FROM slot_groups WHERE group_id = :owner_id)
                AND function_name = (SELECT function_name FROM slot_groups WHERE group_id = :owner_id)
                AND slot_group_id = :owner_id AND status = 'READY'
            ORDER BY declaration_number DESC LIMIT 1
        ), 0) AS slots
    """
# What a workflow is started with, besides what is the invocation's.
_CALLED = """project_name, versions.version_id, function_name, max_retries, timeout_seconds,
            retry_initial_interval_seconds, retry_backoff_coefficient, retry_max_interval_seconds,
            attempt_timeout_seconds, retry_jitter, functions.queue_timeout_seconds AS its_queue_timeout"""


def _grant(free: str) -> str:
    """`free`: selects how many slots are, as `slots`."""
    return f"""
    WITH RECURSIVE {next_in_queue(free, owner=":owner_id")}, next AS (
        DELETE FROM waiting_executions WHERE invocation_id = ANY(ARRAY(  -- of a join, a tenth of the queue is expected
            SELECT invocation_id FROM next_in_queue
        ))
        RETURNING execution_id, invocation_id, function_id, attempt, concurrency_key, invocation_creation_time AS rank
    ), granted AS (
        INSERT INTO executions (execution_id, invocation_id, function_id, attempt, concurrency_key, queued_ms)
        SELECT next.execution_id, next.invocation_id, next.function_id, next.attempt,
            nullif(next.concurrency_key, ''), {_QUEUED_MS}
        FROM next
            JOIN LATERAL (  -- by its key, whatever the catalog was when this was planned
                SELECT * FROM invocations WHERE invocations.invocation_id = next.invocation_id LIMIT 1
            ) AS invocations ON true
            JOIN functions ON functions.function_id = invocations.function_id
            LEFT JOIN executions AS previous
                ON previous.invocation_id = next.invocation_id AND previous.attempt = next.attempt - 1
        RETURNING execution_id, invocation_id, attempt, creation_time
    ), touched AS (
        UPDATE invocations SET last_update_time = granted.creation_time
        FROM granted WHERE invocations.invocation_id = granted.invocation_id
        RETURNING granted.invocation_id, granted.execution_id, granted.attempt AS newest_attempt,
            batch_id IS NOT NULL AND attempt = 1 AS may_be_unstarted,
            invocations.function_id AS called_id, parent_invocation_id, invocations.creation_time, not_before,
            invocations.queue_timeout_seconds AS own_queue_timeout
    )
    SELECT touched.*, called.*, coalesce(touched.own_queue_timeout, called.its_queue_timeout) AS queue_timeout_seconds
    FROM touched JOIN next USING (invocation_id) LEFT JOIN LATERAL (
        SELECT {_CALLED} FROM functions JOIN versions USING (version_id)
        WHERE touched.may_be_unstarted AND function_id = touched.called_id
        LIMIT 1  -- else all functions are read
    ) AS called ON true
    ORDER BY rank, invocation_id
    """


GRANT_FREE_SLOTS = text(_grant(_FREE))
GRANT_FREE_SLOTS_OF_GROUP = text(_grant(_FREE_OF_GROUP))
