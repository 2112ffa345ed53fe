"""Time that passed: the reconciliation leaves alone what is young, as it may be under way."""

from sqlalchemy import text

from catalog.database import Database

_TIMES = (
    ("invocations", "creation_time"),
    ("executions", "creation_time"),
    ("executions", "launch_time"),
    ("invocations", "cancellation_request_time"),
)


async def grow_old(catalog: Database, *invocation_ids: str) -> None:
    async with catalog.statement() as session:
        for table, column in _TIMES:
            await session.execute(
                text(f"UPDATE {table} SET {column} = {column} - interval '1 minute' WHERE invocation_id = ANY(:ids)"),
                {"ids": list(invocation_ids)},
            )
