"""What a schedule asks of a million invocations is found by indexes."""

from sqlalchemy import text

from control_plane_server.catalog.database import Database
from control_plane_server.catalog.schedules.firings import FiringRepository
from control_plane_server.catalog.schedules.schedules import ScheduleRepository
from control_plane_server.domain.identifiers import FunctionRef
from tests.catalog.plans import check_plans
from tests.catalog.schedules.builders import NOW, hourly
from tests.statements import Statement


async def test_what_runs_of_a_schedule_is_found_among_all_that_it_has_made(
    database: Database, function: FunctionRef, statements: list[Statement]
) -> None:
    async with database.transaction() as connection:
        schedule = await ScheduleRepository(connection).put(function.project_name, function.function_name, hourly())
    async with database.statement() as connection:
        await connection.execute(text("UPDATE invocations SET schedule_id = :id"), {"id": schedule.schedule_id})
        await connection.execute(text("ANALYZE invocations"))
    async with database.transaction() as connection:
        await FiringRepository(connection).fire(schedule.schedule_id, NOW)
    del statements[:]
    async with database.transaction() as connection:
        await FiringRepository(connection).fire(schedule.schedule_id, NOW.replace(year=NOW.year + 1))
    await check_plans(database, [one for one in statements if one[0].startswith("SELECT")], most_rows=10)
