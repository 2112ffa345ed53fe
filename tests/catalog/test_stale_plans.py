"""Plans that a connection has made for a catalog with next to nothing in it are as good when that has grown: PostgreSQL
makes them anew when it has taken statistics, after a minute or later."""

from collections.abc import AsyncIterator, Mapping

import pytest
from sqlalchemy import text, update

from activities.execution_ends import ExecutionEnd, ExecutionEnds
from control_plane_server.catalog.batches import BatchRepository, NewBatch
from control_plane_server.catalog.database import Database
from control_plane_server.catalog.execution_lifecycle.batch_looks import BatchLookRepository
from control_plane_server.catalog.execution_lifecycle.ending_states import lock_states
from control_plane_server.catalog.execution_lifecycle.reports import ExecutionRepository, FinalReport
from control_plane_server.catalog.execution_lifecycle.slots import Grant, SlotQueue
from control_plane_server.catalog.paths import ExecutionPath, FunctionPath, InvocationPath
from control_plane_server.catalog.tables import FunctionRow
from control_plane_server.domain.entities import ContainerStatus, ExecutionOutcome
from control_plane_server.domain.identifiers import (
    ExecutionId,
    FunctionRef,
    InvocationId,
    WarmContainerId,
    execution_id_for,
)
from environment.settings import PostgresSettings
from tests.catalog.warm_containers.warm import Warm
from tests.factories import insert_function, insert_invocation

_SLOTS = 3
_SMALL, _LARGE = 20, 3_000  # a connection keeps its plans from the sixth time on
_MOST_ROWS = 200  # of all tables, for one turn


@pytest.fixture
async def one_connection(database: Database, postgres_settings: PostgresSettings) -> AsyncIterator[Database]:
    """To a catalog of which there are no statistics."""
    async with database.statement() as connection:
        await connection.execute(text("DELETE FROM pg_statistic WHERE starelid > 16384"))
    ours = Database(postgres_settings.url, pool_size=1)
    yield ours
    await ours.close()


async def test_a_turn_in_a_batch_reads_as_little_in_a_catalog_that_has_grown(one_connection: Database) -> None:
    warm = await Warm.begin(one_connection)
    container_id = await _only_container(warm)
    ends = ExecutionEnds(one_connection)
    grants = await _granted(warm, _SMALL)
    while grants:
        grants = [*grants[1:], *await _turn(warm, ends, grants[0], container_id)]
    grants = await _granted(warm, _LARGE)
    before = await _rows_read(one_connection)
    handed_on = await _turn(warm, ends, grants[0], container_id)
    assert len(handed_on) == 1
    read = await _rows_read(one_connection) - before
    assert read <= _MOST_ROWS


async def test_an_end_locks_by_keys_and_its_statement_is_planned_once(one_connection: Database) -> None:
    """Where all tables were of a row when it was planned, to go through one looks as good as to look up a key."""
    warm = await Warm.begin(one_connection)
    execution_id = await warm.execution()
    ending = {warm.invocations[execution_id]: execution_id}
    async with one_connection.statement() as connection:
        await connection.execute(text("ANALYZE"))
    for _ in range(_SMALL):
        await _lock(one_connection, ending)
    async with one_connection.transaction() as connection:
        await BatchRepository(connection).create(_path(warm), NewBatch(inputs=["1"] * _LARGE))
    others = await insert_invocation(one_connection, await insert_function(one_connection))
    await _add_executions(one_connection, others, "TERMINATED", 0)
    before = await _rows_read(one_connection)
    await _lock(one_connection, ending)
    assert await _rows_read(one_connection) - before <= _MOST_ROWS
    async with one_connection.statement() as connection:
        planned = await connection.execute(
            text("SELECT custom_plans, generic_plans FROM pg_prepared_statements WHERE statement LIKE :words"),
            {"words": "%any_wanted%"},
        )
    assert tuple(planned.one()) == (5, _SMALL + 1 - 5)


async def _lock(database: Database, ending: Mapping[InvocationId, ExecutionId]) -> None:
    async with database.transaction() as connection:
        assert len(await lock_states(connection, ending)) == len(ending)


async def test_a_slot_is_sought_among_those_that_are_held_and_not_among_all_executions(
    one_connection: Database,
) -> None:
    function = await insert_function(one_connection)  # with one slot, which the first one has
    for _ in range(_SMALL):
        await _seek_slot(one_connection, function)
    async with one_connection.long_transaction() as connection:
        await connection.execute(
            text(
                "INSERT INTO executions (execution_id, invocation_id, function_id, attempt, worker_status)"
                f" SELECT 'exe-' || n, invocation_id, function_id, n + 1, 'TERMINATED'"
                f" FROM executions, generate_series(1, {_LARGE}) n"
            )
        )
    before = await _rows_read(one_connection)
    await _seek_slot(one_connection, function)
    assert await _rows_read(one_connection) - before <= _MOST_ROWS


async def test_reports_do_not_look_through_all_that_run(one_connection: Database) -> None:
    """Where few ran when statistics were taken, the index of those that run looks as good as the primary key."""
    other = await insert_function(one_connection)
    others = await insert_invocation(one_connection, other)
    await _add_executions(one_connection, others, "TERMINATED", 0)
    async with one_connection.statement() as connection:
        await connection.execute(text("ANALYZE executions"))
    warm = await Warm.begin(one_connection)
    container_id = await warm.idle()
    for _ in range(_SMALL):
        await _report(warm, container_id)
    await _add_executions(one_connection, others, "RUNNING", _LARGE)
    before = await _rows_read(one_connection)
    await _report(warm, container_id)
    assert await _rows_read(one_connection) - before <= _MOST_ROWS


async def _only_container(warm: Warm) -> WarmContainerId:
    """Idle; the execution that was its first keeps its slot, so that _SLOTS are free."""
    async with warm.database.statement() as connection:
        await connection.execute(
            update(FunctionRow)
            .where(FunctionRow.version_id == warm.function.version_id)
            .values(max_concurrency=_SLOTS + 1)
        )
    return await warm.idle()


async def _add_executions(database: Database, invocation_id: InvocationId, status: str, after: int) -> None:
    async with database.long_transaction() as connection:
        await connection.execute(
            text(
                "INSERT INTO executions (execution_id, invocation_id, function_id, attempt, worker_status)"
                " SELECT 'exe-' || n, invocation_id, function_id, n, :status"
                " FROM invocations, generate_series(:after + 1, :after + :large) n WHERE invocation_id = :invocation_id"
            ),
            {"status": status, "after": after, "large": _LARGE, "invocation_id": invocation_id},
        )


async def _report(warm: Warm, container_id: WarmContainerId) -> None:
    """All that the container of a new execution says; then that is over."""
    execution_id = await warm.granted()
    claim = await warm.claim(execution_id)
    assert claim is not None
    assert claim.leased is not None
    invocation = InvocationPath(function=_path(warm), invocation_id=warm.invocations[execution_id])
    path = ExecutionPath(invocation=invocation, execution_id=execution_id, launch=1)
    said = FinalReport(outcome=ExecutionOutcome.SUCCEEDED, output="1")
    async with warm.database.statement() as connection:
        reports = ExecutionRepository(connection)
        await reports.start(path)
        await reports.update(path, latest_output="1")
        await reports.finish_launch(execution_id, 1, said)
    await warm.let_go(container_id)
    await warm.change_execution(execution_id, container_status=ContainerStatus.TERMINATED)


async def _seek_slot(database: Database, function: FunctionRef) -> None:
    """For one more, and look for grants that nobody was told of."""
    invocation_id = await insert_invocation(database, function)
    async with database.transaction() as connection:
        slots = SlotQueue(connection)
        await slots.take(invocation_id=invocation_id, execution_id=execution_id_for(invocation_id, 1), attempt=1)
        owner = await slots.lock_owner_of(invocation_id)
        assert owner is not None
        assert await slots.unsignalled_grants(owner) == ()


async def _granted(warm: Warm, size: int) -> list[Grant]:
    """The first ones of a new batch."""
    async with warm.database.transaction() as connection:
        batch = await BatchRepository(connection).create(_path(warm), NewBatch(inputs=["1"] * size))
    async with warm.database.transaction() as connection:
        grants = await BatchLookRepository(connection).give_slots(batch.batch_id)
    assert len(grants) == _SLOTS
    return list(grants)


async def _turn(warm: Warm, ends: ExecutionEnds, grant: Grant, container_id: WarmContainerId) -> tuple[Grant, ...]:
    """From a granted slot to the next one."""
    claim = await warm.claim(grant.execution_id)
    assert claim is not None
    assert claim.leased is not None
    invocation = InvocationPath(function=_path(warm), invocation_id=grant.invocation_id)
    path = ExecutionPath(invocation=invocation, execution_id=grant.execution_id)
    async with warm.database.statement() as connection:
        await ExecutionRepository(connection).start(path)
        await ExecutionRepository(connection).finish(path, FinalReport(outcome=ExecutionOutcome.SUCCEEDED, output="1"))
    await warm.let_go(container_id)
    end = ExecutionEnd(
        invocation_id=grant.invocation_id, execution_id=grant.execution_id, reason=None, allows_retry=False, launch=1
    )
    return (await ends.record(end, warm.function)).grants


def _path(warm: Warm) -> FunctionPath:
    function = warm.function
    return FunctionPath(
        project_name=function.project_name, version_ref=function.version_id, function_name=function.function_name
    )


async def _rows_read(database: Database) -> int:
    """Ever, by all statements that have ended, those of this function too."""
    async with database.statement() as connection:
        await connection.execute(text("SELECT pg_stat_force_next_flush()"))
        read = await connection.scalar(
            text("SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) FROM pg_stat_user_tables")
        )
    return int(read or 0)
