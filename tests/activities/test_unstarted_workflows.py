"""What Temporal refuses to start: ended if the row is at fault, and only then, and only so many unasked."""

from collections.abc import AsyncIterator, Sequence
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update
from temporalio.client import Client

from activities.messenger import Messenger
from activities.reconciliation.repair_run import RepairRun
from activities.reconciliation.termination_guard import USUAL_TERMINATIONS, TerminationGuard
from activities.reconciliation.unstarted_workflows import UnstartedWorkflows
from activities.search_attributes import register_search_attributes
from control_plane_server.catalog.database import Database
from control_plane_server.catalog.installation import InstallationRepository
from control_plane_server.catalog.tables import FunctionRow, InvocationRow, VersionRow
from control_plane_server.domain.identifiers import FunctionRef
from tests.factories import insert_function, insert_invocation
from tests.temporal import open_temporal

HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
async def temporal() -> AsyncIterator[Client]:
    """At first it knows none of our search attributes."""
    async with open_temporal() as client:
        yield client


@pytest.fixture
async def function(database: Database) -> FunctionRef:
    return await insert_function(database)


async def insert_old(database: Database, function: FunctionRef, *, count: int) -> None:
    for _ in range(count):
        await insert_invocation(database, function)
    async with database.statement() as connection:
        for table in (InvocationRow, VersionRow):
            await connection.execute(update(table).values(creation_time=func.clock_timestamp() - HOUR))


async def look(database: Database, temporal: Client) -> Sequence[RepairRun]:
    unstarted = UnstartedWorkflows(
        client=temporal,
        database=database,
        messenger=Messenger(temporal, database),
        guard=TerminationGuard(database),
        spans=None,
    )
    runs = RepairRun("invocations started"), RepairRun("versions prepared")
    await runs[0].run(unstarted.start_invocations)
    await runs[1].run(unstarted.start_preparations)
    return runs


async def ended(database: Database) -> int:
    async with database.statement() as connection:
        return await connection.scalar(select(func.count()).where(InvocationRow.status == "TERMINATED")) or 0


async def test_a_namespace_without_our_search_attributes_ends_nothing(
    database: Database, temporal: Client, function: FunctionRef
) -> None:
    await insert_old(database, function, count=3)
    async with database.statement() as connection:
        await connection.execute(update(FunctionRow).values(status="PENDING", prepared_type=None))
    assert [run.made for run in await look(database, temporal)] == [0, 0]
    assert await ended(database) == 0
    async with database.statement() as connection:
        assert await connection.scalar(select(FunctionRow.preparation_error)) is None
    await register_search_attributes(temporal)
    assert [run.made for run in await look(database, temporal)] == [3, 1]
    assert [run.made for run in await look(database, temporal)] == [0, 0]


async def test_more_rows_that_never_can_be_started_than_usual_wait_for_somebodys_word(
    database: Database, temporal: Client, function: FunctionRef
) -> None:
    await register_search_attributes(temporal)
    await insert_old(database, function, count=USUAL_TERMINATIONS + 1)
    async with database.statement() as connection:  # a workflow's id may have 1,000 characters
        await connection.execute(
            update(InvocationRow).values(invocation_id=InvocationRow.invocation_id + func.repeat("f", 1_000))
        )
    await look(database, temporal)
    assert await ended(database) == 0
    async with database.statement() as connection:
        await InstallationRepository(connection).allow_mass_terminations(HOUR)
    await look(database, temporal)
    assert await ended(database) == USUAL_TERMINATIONS + 1
