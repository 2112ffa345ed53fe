"""Time that passed: the reconciliation leaves alone what is young, as it may be under way."""

import json
from typing import Any

from sqlalchemy import text

from control_plane_server.catalog.database import Database
from control_plane_server.domain.identifiers import InvocationId, new_invocation_id

_TIMES = (
    ("invocations", "creation_time"),
    ("executions", "creation_time"),
    ("executions", "launch_time"),
    ("invocations", "cancellation_request_time"),
)


async def grow_old(catalog: Database, *invocation_ids: str) -> None:
    async with catalog.statement() as connection:
        for table, column in _TIMES:
            await connection.execute(
                text(f"UPDATE {table} SET {column} = {column} - interval '1 minute' WHERE invocation_id = ANY(:ids)"),
                {"ids": list(invocation_ids)},
            )


async def insert_old_invocation(
    catalog: Database, version_id: str, *, invocation_id: InvocationId | None = None, **arguments: Any
) -> InvocationId:
    """As the API leaves one, of the version's only function, if it dies between the row and the workflow."""
    invocation_id = invocation_id or new_invocation_id()
    async with catalog.statement() as connection:
        await connection.execute(
            text(
                "INSERT INTO invocations "
                "(invocation_id, function_id, project_name, function_name, input, creation_time) "
                "SELECT :invocation_id, function_id, project_name, function_name, :input, "
                "clock_timestamp() - interval '1 minute' "
                "FROM functions JOIN versions USING (version_id) WHERE version_id = :version_id"
            ),
            {"invocation_id": invocation_id, "input": json.dumps(arguments), "version_id": version_id},
        )
    return invocation_id


async def grow_old_batch(catalog: Database, batch_id: str) -> None:
    """With its invocations."""
    async with catalog.statement() as connection:
        for table in ("batches", "invocations"):
            await connection.execute(
                text(
                    f"UPDATE {table} SET creation_time = creation_time - interval '1 minute' WHERE batch_id = :batch_id"
                ),
                {"batch_id": batch_id},
            )
