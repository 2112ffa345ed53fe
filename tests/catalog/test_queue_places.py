"""Where an invocation stands in the queue, and how little is read for it."""

from sqlalchemy import text

from control_plane_server.catalog.database import Database
from control_plane_server.catalog.queue_places import MOST_AHEAD, QueuePlace, QueuePlaceRepository
from control_plane_server.domain.identifiers import FunctionRef, InvocationId
from tests.catalog.plans import check_plans
from tests.factories import insert_function, insert_invocation, take_slot
from tests.statements import Statement

WAITING = 5_000


async def place(database: Database, invocation_id: str) -> QueuePlace | None:
    async with database.statement() as connection:
        return await QueuePlaceRepository(connection).find(invocation_id)


async def take(database: Database, function: FunctionRef) -> InvocationId:
    """A new invocation, which has asked for a slot."""
    invocation_id = await insert_invocation(database, function)
    await take_slot(database, invocation_id)
    return invocation_id


async def test_a_place(database: Database) -> None:
    function = await insert_function(database, max_concurrency=2)
    running, _, first, second = [await take(database, function) for _ in range(4)]
    await take(database, await insert_function(database))
    assert await place(database, running) is None
    assert await place(database, "inv-nobody") is None
    assert await place(database, first) == QueuePlace(
        attempt=1, ahead=0, running=2, running_of_key=0, function_pause=None, project_pause=None
    )
    last = await place(database, second)
    assert last is not None
    assert last.ahead == 1


async def test_pauses_and_keys(database: Database) -> None:
    function = await insert_function(database)
    running, waiting = [await take(database, function) for _ in range(2)]
    async with database.statement() as connection:
        for statement in (
            "UPDATE functions SET pause_time = clock_timestamp()",
            "UPDATE projects SET pause_time = clock_timestamp(), paused_until = clock_timestamp() - interval '1 s'",
            "UPDATE waiting_executions SET concurrency_key = 'k', concurrency_limit = 1",
            "UPDATE executions SET concurrency_key = 'k'",
        ):
            await connection.execute(text(statement))
    found = await place(database, waiting)
    assert found is not None
    assert found.function_pause is not None
    assert found.function_pause.until is None
    assert found.project_pause is None, "it is over"
    assert (found.running, found.running_of_key) == (1, 1)
    assert await place(database, running) is None


async def test_a_long_queue_is_read_no_further_than_it_is_counted(
    database: Database, statements: list[Statement]
) -> None:
    function = await insert_function(database)
    await take(database, function)
    async with database.statement() as connection:
        for statement in (
            "INSERT INTO invocations (invocation_id, function_id, input, project_name, function_name)"
            " SELECT 'planted-' || n, function_id, '', project_name, function_name"
            f" FROM functions JOIN versions USING (version_id), generate_series(1, {WAITING}) AS n",
            "INSERT INTO waiting_executions (invocation_id, function_id, execution_id, attempt,"
            " invocation_creation_time) SELECT invocation_id, function_id, 'exe-' || invocation_id, 1,"
            " creation_time - interval '1 hour' FROM invocations WHERE invocation_id LIKE 'planted-%'",
            "ANALYZE",
        ):
            await connection.execute(text(statement))
    last = await take(database, function)
    statements.clear()
    found = await place(database, last)
    assert found is not None
    assert found.ahead == MOST_AHEAD + 1
    await check_plans(database, statements, most_rows=MOST_AHEAD + 20)
