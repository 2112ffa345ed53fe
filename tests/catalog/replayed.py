"""Invocations that have ended, and their replays."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy import func, insert, select

from control_plane_server.catalog.database import Database
from control_plane_server.catalog.invocation_filters import ProjectInvocationFilter
from control_plane_server.catalog.replays import ReplayRepository
from control_plane_server.catalog.tables import FunctionRow, InvocationRow
from control_plane_server.domain.batches import Batch
from control_plane_server.domain.identifiers import FunctionName, FunctionRef, InvocationId, new_invocation_id
from tests.factories import make_ready

EVERYTHING = ProjectInvocationFilter()


async def ended(
    database: Database, function: FunctionRef, *, count: int = 1, outcome: str = "FAILED", **columns: object
) -> list[InvocationId]:
    """Invocations of the function, the oldest first."""
    ids = [new_invocation_id() for _ in range(count)]
    async with database.statement() as connection:
        function_id = await function_id_of(database, function)
        for age, invocation_id in zip(range(count, 0, -1), ids, strict=True):
            await connection.execute(
                insert(InvocationRow).values(
                    **{
                        "invocation_id": invocation_id,
                        "function_id": function_id,
                        "project_name": function.project_name,
                        "function_name": function.function_name,
                        "input": "1",
                        "status": "TERMINATED",
                        "outcome": outcome,
                        "attempts": 1,
                        "creation_time": func.clock_timestamp() - timedelta(hours=age),
                        **columns,
                    }
                )
            )
    return ids


async def function_id_of(database: Database, function: FunctionRef) -> int:
    async with database.statement() as connection:
        found = await connection.execute(
            select(FunctionRow.function_id).where(
                FunctionRow.version_id == function.version_id, FunctionRow.function_name == function.function_name
            )
        )
        return int(found.scalar_one())


async def another_function(database: Database, function: FunctionRef, name: str, **columns: object) -> FunctionRef:
    """In the version of this one."""
    async with database.statement() as connection:
        copied = [column.name for column in FunctionRow.__table__.columns if column.name != "function_id"]
        changed = {"function_name": name, **columns}
        row = (
            await connection.execute(
                select(*(FunctionRow.__table__.c[name] for name in copied)).where(
                    FunctionRow.version_id == function.version_id, FunctionRow.function_name == function.function_name
                )
            )
        ).one()
        await connection.execute(insert(FunctionRow).values({**row._mapping, **changed}))
    await make_ready(database, function.version_id)
    return replace(function, function_name=FunctionName(name))


async def replayed(
    database: Database,
    project_name: str,
    matching: ProjectInvocationFilter = EVERYTHING,
    *,
    version_ref: str | None = None,
) -> Batch:
    async with database.transaction() as connection:
        return await ReplayRepository(connection).create(project_name, matching, version_ref=version_ref)


async def rows(database: Database, batch: Batch) -> Sequence[Any]:
    """In their order."""
    async with database.statement() as connection:
        found = await connection.execute(
            select(InvocationRow.__table__)
            .where(InvocationRow.batch_id == batch.batch_id)
            .order_by(InvocationRow.batch_index)
        )
        return found.all()
