"""Which execution may save a checkpoint, and what becomes of the one before."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from control_plane_server.catalog.checkpoints import CheckpointRepository
from control_plane_server.catalog.database import Database
from control_plane_server.catalog.execution_lifecycle.reports import ExecutionRepository
from control_plane_server.catalog.execution_lifecycle.states import Event, ReportEvent, State
from control_plane_server.catalog.kept_data_tables import CheckpointRow
from control_plane_server.catalog.retention import RetentionRepository
from control_plane_server.catalog.tables import ExecutionRow, InvocationRow
from control_plane_server.domain.entities import Checkpoint
from control_plane_server.domain.errors import CheckpointDoesNotExist
from tests.catalog.test_execution_states import Life


async def save(
    database: Database, life: Life, value: str, *, launch: int | None = None, sequence: int | None = None
) -> Checkpoint | None:
    async with database.statement() as connection:
        repository = CheckpointRepository(connection)
        return await repository.save(life.path, value=value, launch=launch, sequence=sequence)


async def load(database: Database, life: Life) -> str:
    async with database.statement() as connection:
        return (await CheckpointRepository(connection).load(life.path.invocation.invocation_id)).value


async def test_only_an_execution_that_is_under_way_saves(database: Database) -> None:
    life = await Life.begin(database)
    await life.go_to(State.RUNNING)
    assert await save(database, life, "too early") is None
    with pytest.raises(CheckpointDoesNotExist):
        await load(database, life)
    await life.report(ReportEvent.START)
    for value in ("1", "2"):
        saved = await save(database, life, value)
        assert saved is not None
        assert (saved.value, saved.attempt) == (value, 1)
        assert await load(database, life) == value
    await life.events[Event.STOP]()
    assert await save(database, life, "told to stop") is not None
    await life.report(ReportEvent.FINISH)
    assert await save(database, life, "too late") is None
    await life.events[Event.TERMINATE_EXECUTION]()
    assert await save(database, life, "still too late") is None
    assert await load(database, life) == "told to stop"


async def test_a_container_that_was_replaced_saves_nothing_more(database: Database) -> None:
    life = await Life.begin(database)
    await life.go_to(State.RUNNING)
    await life.report(ReportEvent.START)
    assert await save(database, life, "of the first", launch=1) is not None
    await life.events[Event.BEGIN_NEXT_LAUNCH]()
    assert await save(database, life, "of the first, before the second starts", launch=1) is None
    await life.report(ReportEvent.START)
    async with database.statement() as connection:
        detail = await ExecutionRepository(connection).get(life.path)
    assert detail.execution.newest_launch == 2
    assert await save(database, life, "of the first, too late", launch=1) is None
    assert await load(database, life) == "of the first"
    assert await save(database, life, "of the second", launch=2) is not None
    assert await load(database, life) == "of the second"


async def test_what_comes_late_does_not_undo_what_was_saved_after_it(database: Database) -> None:
    """A request that was given up and sent again, while a slow process still has the first one."""
    life = await Life.begin(database)
    await life.go_to(State.RUNNING)
    await life.report(ReportEvent.START)
    for value, sequence, stays in (("1", 10, "1"), ("2", 20, "2"), ("1 again", 10, "2"), ("2 again", 20, "2 again")):
        saved = await save(database, life, value, launch=1, sequence=sequence)
        assert saved is not None
        assert saved.value == stays == await load(database, life)
    await life.events[Event.BEGIN_NEXT_LAUNCH]()
    await life.report(ReportEvent.START)
    assert await save(database, life, "of the next container", launch=2, sequence=1) is not None
    assert await load(database, life) == "of the next container"
    assert await save(database, life, "of one that does not count", launch=2) is not None
    assert await load(database, life) == "of one that does not count"


async def test_a_checkpoint_goes_with_its_invocation(database: Database) -> None:
    life = await Life.begin(database)
    await life.go_to(State.RUNNING)
    await life.report(ReportEvent.START)
    await save(database, life, "1")
    await life.report(ReportEvent.FINISH)
    await life.events[Event.TERMINATE_EXECUTION]()
    long_ago = func.clock_timestamp() - timedelta(days=3_000)
    async with database.transaction() as connection:
        await connection.execute(
            update(InvocationRow)
            .where(InvocationRow.invocation_id == life.path.invocation.invocation_id)
            .values(last_update_time=long_ago, batch_id=None, batch_index=None, batch_position=None)
        )
        await RetentionRepository(connection).forget_ended(older_than=timedelta(days=2_000), at_most=10)
        for table in (ExecutionRow, CheckpointRow):
            left = select(func.count()).where(table.invocation_id == life.path.invocation.invocation_id)
            assert await connection.scalar(left) == 0
