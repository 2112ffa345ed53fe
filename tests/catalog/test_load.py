"""What is measured of the catalog: right, and without reading what has ended."""

from sqlalchemy import insert, select, text

from control_plane_server.catalog.database import Database
from control_plane_server.catalog.load import _LOAD, FunctionLoad, LoadRepository
from control_plane_server.catalog.tables import BatchRow, FunctionRow
from tests.catalog.warm_containers.warm import Warm
from tests.factories import insert_function, insert_invocation, take_slot


async def load(database: Database, *, at_most: int = 10) -> tuple[FunctionLoad, ...]:
    async with database.statement() as connection:
        return await LoadRepository(connection).read(at_most=at_most)


async def test_what_waits_and_runs_is_counted_by_function(database: Database) -> None:
    await insert_function(database)  # of which nothing runs
    busy, calm = await insert_function(database, max_concurrency=1), await insert_function(database)
    invocations = [await insert_invocation(database, busy) for _ in range(4)]
    for invocation_id in invocations[:3]:
        await take_slot(database, invocation_id)
    await insert_invocation(database, calm)  # its workflow has not begun
    first, second = await load(database)
    assert (first.project_name, second.project_name) == (busy.project_name, calm.project_name)
    assert (first.running, first.waiting, first.provisioning_containers) == (4, 2, 1)
    assert (second.running, second.waiting, second.oldest_waiting_seconds) == (1, 0, 0)
    assert (first.batches, second.batches) == (0, 0)
    async with database.statement() as connection:
        function_id = select(FunctionRow.function_id).where(FunctionRow.version_id == calm.version_id)
        await connection.execute(
            insert(BatchRow).values(batch_id="bat-1", function_id=function_id.scalar_subquery(), size=1)
        )
    assert [one.batches for one in await load(database)] == [0, 1]
    async with database.statement() as connection:
        created = await connection.scalar(
            text(
                "SELECT extract(epoch FROM clock_timestamp() - creation_time) FROM invocations WHERE invocation_id = :i"
            ),
            {"i": invocations[1]},
        )
    assert 0 < first.oldest_waiting_seconds <= float(created)
    assert [one.project_name for one in await load(database, at_most=1)] == [busy.project_name]


async def test_what_is_kept_is_counted_though_nothing_runs(database: Database) -> None:
    warm = await Warm.begin(database)
    await warm.idle()
    await warm.close(await warm.idle())
    async with database.statement() as connection:  # what ran in them has ended
        await connection.execute(text("UPDATE executions SET worker_status = 'TERMINATED'"))
        await connection.execute(text("UPDATE invocations SET status = 'TERMINATED'"))
    (kept,) = await load(database)
    assert kept.project_name == warm.function.project_name
    assert (kept.starting_warm, kept.idle_warm, kept.leased_warm, kept.running) == (0, 1, 0, 0)


async def test_what_has_ended_is_not_read(database: Database) -> None:
    await insert_function(database)
    async with database.transaction() as connection:
        for statement in (
            "INSERT INTO invocations (invocation_id, function_id, input, status)"
            " SELECT 'inv-' || n, function_id, '', 'TERMINATED' FROM functions, generate_series(1, 20000) n",
            "ANALYZE invocations",  # or foreign keys are checked as planned by the tests before this one
            "INSERT INTO executions (execution_id, invocation_id, function_id, attempt, worker_status)"
            " SELECT 'exe-' || invocation_id, invocation_id, function_id, 1, 'TERMINATED' FROM invocations",
            "ANALYZE invocations, executions",
        ):
            await connection.execute(text(statement))
        plan = "\n".join(await connection.scalars(text(f"EXPLAIN {_LOAD.text}"), {"at_most": 1_000}))
    assert "invocations_running" in plan
    assert "executions_holding_slots" in plan
    assert "Seq Scan on invocations" not in plan
    assert "Seq Scan on executions" not in plan
