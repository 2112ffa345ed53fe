"""A catalog with many invocations that have long ended."""

import hashlib

from sqlalchemy import URL, text
from sqlalchemy.ext.asyncio import create_async_engine

# One a second, the newest a day ago.
_STATEMENTS = (
    """
    INSERT INTO invocations (invocation_id, function_id, project_name, function_name, input, status, outcome, attempts,
        queued_ms, starting_ms, running_ms, creation_time, last_update_time)
    SELECT 'inv-' || md5(n::text), function_id, project_name, function_name, '{"number": 1}', 'TERMINATED', 'SUCCEEDED',
        1, 0, 0, 600000, time, time + interval '10 minutes'
    FROM functions JOIN versions USING (version_id), generate_series(1, :count) AS n,
        LATERAL (SELECT clock_timestamp() - interval '1 day' - n * interval '1 second' AS time) AS times
    WHERE function_name = :function
    """,
    """
    INSERT INTO executions (execution_id, invocation_id, function_id, attempt, worker_status, claim_time, launches,
        launch_time, worker_type, worker_identifier, logs_identifier, outcome, output, creation_time, last_update_time,
        execution_start_time, execution_finish_time)
    SELECT 'exe-' || substr(invocation_id, 5), invocation_id, function_id, 1, 'TERMINATED', creation_time, 1,
        creation_time, 'TEST', invocation_id, invocation_id, 'SUCCEEDED', '42', creation_time, last_update_time,
        creation_time, last_update_time
    FROM invocations WHERE status = 'TERMINATED' AND input = '{"number": 1}'
    """,
    "VACUUM ANALYZE",
    "CHECKPOINT",
)


async def add_ended(catalog: URL, *, function: str, count: int) -> None:
    """To a function that has none."""
    engine = create_async_engine(catalog, isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        for statement in _STATEMENTS:
            await connection.execute(text(statement), {"count": count, "function": function})
    await engine.dispose()


def ended_invocation(number: int) -> str:
    """Its id, from 1."""
    return "inv-" + hashlib.md5(str(number).encode(), usedforsecurity=False).hexdigest()
