"""How many rows PostgreSQL reads for what warm containers ask and are given, where very many have been closed and there
are very many versions."""

from datetime import timedelta

import pytest
from sqlalchemy import func, text, update

from control_plane_server.catalog.database import Database
from control_plane_server.catalog.reuse import to_reuse_column
from control_plane_server.catalog.tables import FunctionRow
from control_plane_server.catalog.warm_containers.leases import LeaseRepository
from control_plane_server.catalog.warm_containers.upkeep import UpkeepRepository
from control_plane_server.domain.identifiers import FunctionRef
from control_plane_server.domain.reuse import ReuseSpec
from tests.catalog.plans import check_plans
from tests.catalog.warm_containers.warm import Warm
from tests.statements import Statement

CLOSED = 5_000


@pytest.fixture
async def warm(database: Database, many_versions: FunctionRef) -> Warm:
    async with database.statement() as connection:
        await connection.execute(
            update(FunctionRow)
            .where(FunctionRow.version_id == many_versions.version_id)
            .values(reuse=to_reuse_column(ReuseSpec(idle_seconds=600, min_idle=2)), max_concurrency=100)
        )
        await connection.execute(
            text(
                "INSERT INTO warm_containers (container_id, function_id, state, heard_time, close_time)"
                " SELECT 'con-' || n, function_id, 'CLOSED', clock_timestamp(),"
                f" clock_timestamp() - n * interval '1 hour' FROM functions, generate_series(1, {CLOSED}) n"
                " WHERE version_id = :version_id"
            ),
            {"version_id": many_versions.version_id},
        )
        await connection.execute(text("ANALYZE"))
    return Warm(database=database, function=many_versions)


async def test_an_execution(database: Database, warm: Warm, statements: list[Statement]) -> None:
    container_id = await warm.idle()
    execution_id = await warm.execution()
    statements.clear()
    await warm.lease(execution_id)
    await warm.next(container_id)
    async with database.statement() as connection:
        await LeaseRepository(connection).request_stop(execution_id, 1)
    await warm.let_go(container_id)
    await warm.change(container_id, idle_since=func.clock_timestamp() - timedelta(hours=1))
    await warm.next(container_id)
    await warm.close(container_id)
    await check_plans(database, statements, most_rows=100)


async def test_the_upkeep(database: Database, warm: Warm, statements: list[Statement]) -> None:
    await warm.idle()
    statements.clear()
    assert not await warm.refill(), "it is not the latest version"
    async with database.statement() as connection:
        upkeep = UpkeepRepository(connection)
        await upkeep.silent(older_than=timedelta(minutes=1), at_most=100)
        await upkeep.overtaken(older_than=timedelta(minutes=1), at_most=100)
        await upkeep.opened(after=None, at_most=100)
        await upkeep.unlaunched(at_most=100)
        await upkeep.closed_before(older_than=timedelta(days=1), at_most=10)
    await check_plans(database, statements, most_rows=100)
