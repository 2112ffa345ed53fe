"""How many rows Postgres reads for each statement of the hot path, and for a page, where very many have ended: no more
than where none has."""

import time
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from control_plane_server.catalog.batches import BatchRepository, NewBatch
from control_plane_server.catalog.costs import ConsumptionRepository
from control_plane_server.catalog.database import Database
from control_plane_server.catalog.execution_lifecycle.batch_ends import BatchEndRepository
from control_plane_server.catalog.execution_lifecycle.batch_looks import BatchLookRepository
from control_plane_server.catalog.execution_lifecycle.launches import LaunchRepository
from control_plane_server.catalog.execution_lifecycle.reports import ExecutionRepository, FinalReport
from control_plane_server.catalog.execution_lifecycle.slots import SlotQueue
from control_plane_server.catalog.execution_lifecycle.terminations import TerminationRepository
from control_plane_server.catalog.invocation_filters import ProjectInvocationFilter
from control_plane_server.catalog.invocation_pages import InvocationFilter, InvocationPageRepository
from control_plane_server.catalog.invocation_snapshots import InvocationSnapshotRepository
from control_plane_server.catalog.invocations import InvocationRepository, NewInvocation
from control_plane_server.catalog.paths import BatchPath, ExecutionPath, FunctionPath, InvocationPath
from control_plane_server.catalog.project_invocations import ProjectInvocationRepository
from control_plane_server.catalog.reconciliation.unfinished_batches import UnfinishedBatchRepository
from control_plane_server.catalog.results import MOST_RESULTS, ResultRepository
from control_plane_server.domain.containers import Container, ContainerName
from control_plane_server.domain.entities import (
    ContainerDetails,
    ContainerType,
    ExecutionOutcome,
    InvocationStatus,
    ParentRef,
)
from control_plane_server.domain.identifiers import BatchId, FunctionName, FunctionRef, InvocationId, execution_id_for
from control_plane_server.domain.messages import StopReason
from tests.catalog.plans import ENDED, MOST_ROWS, PAGE, check_plans
from tests.factories import FUNCTION_NAME, insert_invocation, take_slot
from tests.statements import Statement


async def test_a_life(database: Database, function: FunctionRef, statements: list[Statement]) -> None:
    async with database.statement() as connection:
        created = await InvocationRepository(connection).create(_path(function), NewInvocation(input="1"))
    invocation_id, execution_id = created.invocation_id, execution_id_for(created.invocation_id, 1)
    execution = ExecutionPath(invocation=_invocation(function, invocation_id), execution_id=execution_id)
    async with database.transaction() as connection:
        await SlotQueue(connection).take(invocation_id=invocation_id, execution_id=execution_id, attempt=1)
    async with database.statement() as connection:
        name = ContainerName(execution_id=execution_id, launch=1)
        details = ContainerDetails(type=ContainerType.TEST, identifier="container", logs_identifier="log")
        await LaunchRepository(connection).record_container(Container(name=name, details=details))
        await ExecutionRepository(connection).get(execution)
        await ExecutionRepository(connection).start(execution)
        await ExecutionRepository(connection).finish(
            execution, FinalReport(outcome=ExecutionOutcome.SUCCEEDED, output="1")
        )
        await LaunchRepository(connection).state(execution_id, invocation_id=invocation_id)
    async with database.transaction() as connection:
        await TerminationRepository(connection).terminate_execution(
            invocation_id=invocation_id, execution_id=execution_id, reason=None, allows_retry=False
        )
    await check_plans(database, statements, most_rows=100)


async def test_a_turn_in_the_queue(database: Database, function: FunctionRef, statements: list[Statement]) -> None:
    async with database.statement() as connection:
        await connection.execute(text("UPDATE functions SET max_concurrency = 1"))
    first, second = [await insert_invocation(database, function) for _ in range(2)]
    statements.clear()
    for invocation_id in (first, second):
        await take_slot(database, invocation_id)
    async with database.transaction() as connection:
        await TerminationRepository(connection).terminate_invocation(first, reason=None)
    await check_plans(database, statements, most_rows=100)


async def test_reads(database: Database, function: FunctionRef, statements: list[Statement]) -> None:
    ended = _invocation(function, InvocationId(f"inv-{ENDED // 2}"))
    async with database.statement() as connection:
        await InvocationRepository(connection).get(ended)
        await InvocationSnapshotRepository(connection).read(
            await InvocationSnapshotRepository(connection).find(ended), attempt=0
        )
    await check_plans(database, statements, most_rows=100)


@pytest.mark.parametrize("offset", [None, f"{int(time.time()) - ENDED // 2},"], ids=["newest", "middle"])
@pytest.mark.parametrize(
    "matching",
    [
        InvocationFilter(),
        InvocationFilter(status=InvocationStatus.TERMINATED),
        InvocationFilter(status=InvocationStatus.RUNNING),
        InvocationFilter(parent=ParentRef(function_name=FUNCTION_NAME, invocation_id=InvocationId(f"inv-{ENDED}"))),
    ],
    ids=["all", "ended", "running", "children"],
)
async def test_pages(
    database: Database,
    function: FunctionRef,
    statements: list[Statement],
    matching: InvocationFilter,
    offset: str | None,
) -> None:
    async with database.statement() as connection:
        await InvocationPageRepository(connection).read(
            _path(function), matching=matching, offset=offset, max_results=PAGE
        )
    # Children are looked for among the function's invocations if they are many.
    await check_plans(database, statements, most_rows=2 * MOST_ROWS)


BATCH = 2_000


@pytest.fixture
async def batch(database: Database, function: FunctionRef) -> BatchId:
    """A large one, of which the first 1,000 have ended and the others wait."""
    inputs = ["1"] * BATCH
    async with database.transaction() as connection:
        made = await BatchRepository(connection).create(_path(function), NewBatch(inputs=inputs))
    async with database.transaction() as connection:
        await BatchEndRepository(connection).end_unstarted(
            made.batch_id, reason=StopReason.TIMED_OUT, at_most=BATCH // 2
        )
    async with database.statement() as connection:
        await connection.execute(text("ANALYZE"))
    return made.batch_id


async def test_a_batch(database: Database, function: FunctionRef, batch: BatchId, statements: list[Statement]) -> None:
    statements.clear()
    path = BatchPath(function=_path(function), batch_id=batch)
    async with database.statement() as connection:
        await BatchRepository(connection).get(path)
        await BatchRepository(connection).list_of_function(_path(function), offset=None, max_results=PAGE)
        await UnfinishedBatchRepository(connection).unfinished(older_than=timedelta())
    await check_plans(database, statements, most_rows=MOST_ROWS)
    statements.clear()
    async with database.statement() as connection:
        await BatchLookRepository(connection).to_cancel(batch, after=None, at_most=PAGE)
    await check_plans(database, statements, most_rows=BATCH)
    statements.clear()
    matching = ProjectInvocationFilter(batch_id=batch)
    async with database.statement() as connection:
        page = await ProjectInvocationRepository(connection).read(
            function.project_name, matching=matching, offset=None, max_results=PAGE
        )
        assert page.next_offset is not None
        await ProjectInvocationRepository(connection).read(
            function.project_name, matching=matching, offset=page.next_offset, max_results=PAGE
        )
    await check_plans(database, statements, most_rows=BATCH + MOST_ROWS)


async def test_slots_and_ends_in_a_batch(
    database: Database, function: FunctionRef, batch: BatchId, statements: list[Statement]
) -> None:
    statements.clear()
    async with database.transaction() as connection:
        grants = await BatchLookRepository(connection).give_slots(batch)
    first = grants[0]
    async with database.transaction() as connection:
        await SlotQueue(connection).take(invocation_id=first.invocation_id, execution_id=first.execution_id, attempt=1)
    async with database.transaction() as connection:
        await TerminationRepository(connection).terminate_execution(
            invocation_id=first.invocation_id, execution_id=first.execution_id, reason=None, allows_retry=False
        )
    await check_plans(database, statements, most_rows=200)


@pytest.mark.parametrize("after", [0, BATCH // 4])
async def test_results_of_a_batch(database: Database, batch: BatchId, statements: list[Statement], after: int) -> None:
    statements.clear()
    async with database.statement() as connection:
        found = await ResultRepository(connection).of_batch(batch, after=after)
    assert found[0].position == after + 1
    await check_plans(database, statements, most_rows=4 * MOST_RESULTS)


async def test_awaited_results(database: Database, function: FunctionRef, statements: list[Statement]) -> None:
    awaited = [InvocationId(f"inv-{number}") for number in range(1, PAGE)]
    async with database.statement() as connection:
        await ResultRepository(connection).existing(awaited, parent=None)
        assert len(await ResultRepository(connection).settled(awaited)) == PAGE - 1
    await check_plans(database, statements, most_rows=6 * PAGE)


def _path(function: FunctionRef) -> FunctionPath:
    return FunctionPath(project_name=function.project_name, version_ref="latest", function_name=function.function_name)


def _invocation(function: FunctionRef, invocation_id: InvocationId) -> InvocationPath:
    return InvocationPath(function=_path(function), invocation_id=invocation_id)


async def test_latest(database: Database, many_versions: FunctionRef, statements: list[Statement]) -> None:
    newest = FunctionPath(
        project_name=many_versions.project_name, version_ref="latest", function_name=FunctionName("f-1")
    )
    old = FunctionPath(project_name=newest.project_name, version_ref="latest", function_name=FUNCTION_NAME)
    invocation = InvocationPath(function=old, invocation_id=f"inv-{ENDED // 2}")
    async with database.statement() as connection:
        created = await InvocationRepository(connection).create(newest, NewInvocation(input="1"))
        assert created.function.ref.version_id == "ver-990"
        assert (await InvocationRepository(connection).get(invocation)).function.ref == many_versions
        await InvocationSnapshotRepository(connection).find(invocation)
        assert await InvocationSnapshotRepository(connection).is_settled(invocation)
    async with database.transaction() as connection:
        await InvocationRepository(connection).request_cancellation(
            InvocationPath(function=newest, invocation_id=created.invocation_id)
        )
    await check_plans(database, statements, most_rows=100)


@pytest.mark.parametrize(("seconds_ago", "most_rows"), [(ENDED, 4 * 600), (30 * 86_400, MOST_ROWS)])
async def test_costs_read_what_may_have_run_then(
    database: Database, function: FunctionRef, statements: list[Statement], seconds_ago: int, most_rows: int
) -> None:
    """Ten minutes, before which there was nothing; and a day on which there was nothing."""
    since = datetime.now(UTC) - timedelta(seconds=seconds_ago)
    async with database.statement() as connection:
        await ConsumptionRepository(connection).of_day(
            function.project_name, since.date(), since=since, until=since + timedelta(minutes=10)
        )
    await check_plans(database, statements, most_rows=most_rows)


async def test_costs_read_no_further_back_than_each_versions_own_timeout(
    database: Database, function: FunctionRef, statements: list[Statement]
) -> None:
    """What runs may be two hours old: an hour of its timeout, and one more; another version's has 30 days."""
    async with database.statement() as connection:
        for statement in (
            "INSERT INTO versions (version_id, project_name) SELECT 'ver-long', project_name FROM versions",
            "INSERT INTO functions (version_id, function_name, docker_image, virtual_cpus, memory_gbs,"
            " max_concurrency, max_retries, timeout_seconds, retry_initial_interval_seconds,"
            " retry_backoff_coefficient, retry_max_interval_seconds)"
            " SELECT 'ver-long', function_name, '', 1, 1, 1, 0, 30 * 86400, 1, 2, 60 FROM functions",
        ):
            await connection.execute(text(statement))
        statements.clear()
        until = datetime.now(UTC)
        since = until - timedelta(minutes=10)
        await ConsumptionRepository(connection).of_day(function.project_name, since.date(), since=since, until=until)
    await check_plans(database, statements, most_rows=ENDED)
