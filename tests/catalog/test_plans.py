"""How many rows Postgres reads for each statement of the hot path, and for a page, where very many have ended: no more
than where none has."""

import json
import re
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event, text

from control_plane_server.catalog.batches import BatchRepository, NewBatch
from control_plane_server.catalog.database import Database
from control_plane_server.catalog.execution_lifecycle.batch_ends import BatchEndRepository
from control_plane_server.catalog.execution_lifecycle.batch_looks import BatchLookRepository
from control_plane_server.catalog.execution_lifecycle.launches import LaunchRepository
from control_plane_server.catalog.execution_lifecycle.reports import ExecutionRepository
from control_plane_server.catalog.execution_lifecycle.slots import SlotQueue
from control_plane_server.catalog.execution_lifecycle.terminations import TerminationRepository
from control_plane_server.catalog.failures import FailureRepository
from control_plane_server.catalog.incomplete_invocations import IncompleteInvocationRepository
from control_plane_server.catalog.invocation_counts import InvocationCountRepository
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
    InvocationOutcome,
    InvocationStatus,
    ParentRef,
)
from control_plane_server.domain.identifiers import BatchId, FunctionName, FunctionRef, InvocationId, execution_id_for
from control_plane_server.domain.messages import StopReason
from tests.factories import FUNCTION_NAME, insert_function, insert_invocation

ENDED = 20_000
PAGE = 100
# A page, its one more, and the rows around them that an index brings along.
MOST_ROWS = 4 * PAGE
_IS_FRESH = "length(invocation_id) = 36"  # not as those that have ended are called

Plan = dict[str, Any]
Statement = tuple[str, tuple[object, ...]]


@pytest.fixture
async def function(database: Database) -> AsyncIterator[FunctionRef]:
    """Of which very many invocations have ended, one a second, the oldest the parent of a fifth of them; none runs."""
    function = await insert_function(database, max_concurrency=10)
    async with database.statement() as connection:
        for statement in (
            "INSERT INTO invocations (invocation_id, function_id, project_name, function_name, parent_invocation_id,"
            " input, status, outcome, attempts, queued_ms, starting_ms, running_ms, creation_time)"
            " SELECT 'inv-' || n, function_id, project_name, function_name,"
            f" CASE WHEN n = 1 OR n % 5 = 0 THEN 'inv-{ENDED}' END, '', 'TERMINATED',"
            # Failures are few, and long ago.
            f" CASE WHEN n > {ENDED - 50} THEN 'FAILED' ELSE 'SUCCEEDED' END, 1, 0, 0, 0,"
            f" clock_timestamp() - n * interval '1 second'"
            f" FROM functions JOIN versions USING (version_id), generate_series(1, {ENDED}) n",
            "ANALYZE",  # or foreign keys are checked as planned by the tests before this one, for next to no rows
            "INSERT INTO executions (execution_id, invocation_id, function_id, attempt, worker_status)"
            " SELECT 'exe-' || invocation_id, invocation_id, function_id, 1, 'TERMINATED' FROM invocations",
            "ANALYZE",
        ):
            await connection.execute(text(statement))
    yield function
    async with database.statement() as connection:
        await connection.execute(text("TRUNCATE projects CASCADE"))
        await connection.execute(text("ANALYZE"))  # or the tests after this one are planned for what is gone


@pytest.fixture
def statements() -> Iterator[list[Statement]]:
    """Every statement from now on, with its parameters."""
    seen: list[Statement] = []

    def note(_connection: object, _cursor: object, statement: str, parameters: tuple[object, ...], *_: object) -> None:
        seen.append((statement, parameters))

    event.listen(Engine, "before_cursor_execute", note)
    yield seen
    event.remove(Engine, "before_cursor_execute", note)


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
            execution, outcome=ExecutionOutcome.SUCCEEDED, final_output="1", error_message=None
        )
        await LaunchRepository(connection).state(execution_id, invocation_id=invocation_id)
    async with database.transaction() as connection:
        await TerminationRepository(connection).terminate_execution(
            invocation_id=invocation_id, execution_id=execution_id, reason=None, allows_retry=False
        )
    await _check(database, statements, most_rows=100)


async def test_a_turn_in_the_queue(database: Database, function: FunctionRef, statements: list[Statement]) -> None:
    async with database.statement() as connection:
        await connection.execute(text("UPDATE functions SET max_concurrency = 1"))
    first, second = [await insert_invocation(database, function) for _ in range(2)]
    statements.clear()
    for invocation_id in (first, second):
        async with database.transaction() as connection:
            await SlotQueue(connection).take(
                invocation_id=invocation_id, execution_id=execution_id_for(invocation_id, 1), attempt=1
            )
    async with database.transaction() as connection:
        await TerminationRepository(connection).terminate_invocation(first, reason=None)
    await _check(database, statements, most_rows=100)


async def test_reads(database: Database, function: FunctionRef, statements: list[Statement]) -> None:
    ended = _invocation(function, InvocationId(f"inv-{ENDED // 2}"))
    async with database.statement() as connection:
        await InvocationRepository(connection).get(ended)
        await InvocationSnapshotRepository(connection).read(
            await InvocationSnapshotRepository(connection).find(ended), attempt=0
        )
    await _check(database, statements, most_rows=100)


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
    await _check(database, statements, most_rows=2 * MOST_ROWS)


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
    await _check(database, statements, most_rows=MOST_ROWS)
    statements.clear()
    async with database.statement() as connection:
        await BatchLookRepository(connection).to_cancel(batch, after=None, at_most=PAGE)
    await _check(database, statements, most_rows=BATCH)


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
    await _check(database, statements, most_rows=200)


@pytest.mark.parametrize("after", [0, BATCH // 4])
async def test_results_of_a_batch(database: Database, batch: BatchId, statements: list[Statement], after: int) -> None:
    statements.clear()
    async with database.statement() as connection:
        found = await ResultRepository(connection).of_batch(batch, after=after)
    assert found[0].position == after + 1
    await _check(database, statements, most_rows=4 * MOST_RESULTS)


async def test_awaited_results(database: Database, function: FunctionRef, statements: list[Statement]) -> None:
    awaited = [InvocationId(f"inv-{number}") for number in range(1, PAGE)]
    async with database.statement() as connection:
        await ResultRepository(connection).existing(awaited, parent=None)
        assert len(await ResultRepository(connection).settled(awaited)) == PAGE - 1
    await _check(database, statements, most_rows=6 * PAGE)


MIDDLE = int(time.time()) - ENDED // 2
FAILED = (InvocationOutcome.FAILED,)
NOBODY = (InvocationOutcome.CANCELLED, InvocationOutcome.ABORTED)
PROJECT_FILTERS = (
    ProjectInvocationFilter(),
    ProjectInvocationFilter(status=InvocationStatus.RUNNING),
    ProjectInvocationFilter(status=InvocationStatus.TERMINATED),
    ProjectInvocationFilter(outcomes=(InvocationOutcome.SUCCEEDED,)),
    ProjectInvocationFilter(outcomes=FAILED),
    ProjectInvocationFilter(outcomes=NOBODY),
    ProjectInvocationFilter(outcomes=FAILED, since=MIDDLE),
    ProjectInvocationFilter(function_name=FUNCTION_NAME),
    ProjectInvocationFilter(function_name=FUNCTION_NAME, outcomes=FAILED),
    ProjectInvocationFilter(function_name="nobody"),
    ProjectInvocationFilter(since=MIDDLE - 20, until=MIDDLE + 20),
    ProjectInvocationFilter(until=MIDDLE),
    ProjectInvocationFilter(parent_invocation_id=f"inv-{ENDED}"),
    ProjectInvocationFilter(parent_invocation_id=f"inv-{ENDED}", outcomes=NOBODY),
    ProjectInvocationFilter(parent_invocation_id="inv-nobody"),
    ProjectInvocationFilter(batch_id="bat-nobody"),
    ProjectInvocationFilter(id_prefix="inv-777"),
)


@pytest.mark.parametrize("offset", [None, f"{MIDDLE},"], ids=["newest", "middle"])
async def test_pages_of_a_project(
    database: Database, function: FunctionRef, statements: list[Statement], offset: str | None
) -> None:
    of_version = tuple(
        replace(matching, version_id=function.version_id)
        for matching in PROJECT_FILTERS
        if matching.parent_invocation_id is None
    )
    for matching in PROJECT_FILTERS + of_version:
        statements.clear()
        async with database.statement() as connection:
            await ProjectInvocationRepository(connection).read(
                function.project_name, matching=matching, offset=offset, max_results=PAGE
            )
        await _check(database, statements, most_rows=MOST_ROWS)


async def test_pages_of_a_project_of_many_versions(
    database: Database, many_versions: FunctionRef, statements: list[Statement]
) -> None:
    for matching in (*PROJECT_FILTERS, ProjectInvocationFilter(version_id="ver-7")):
        statements.clear()
        async with database.statement() as connection:
            await ProjectInvocationRepository(connection).read(
                many_versions.project_name, matching=matching, offset=f"{MIDDLE},inv-{ENDED // 2}", max_results=PAGE
            )
        await _check(database, statements, most_rows=MOST_ROWS)


async def test_failures(database: Database, function: FunctionRef, statements: list[Statement]) -> None:
    async with database.statement() as connection:
        (failures,) = await FailureRepository(connection).newest(
            function.project_name, function_name=None, since=None, until=None
        )
    assert failures.count == 50
    await _check(database, statements, most_rows=MOST_ROWS)


async def test_counts(database: Database, function: FunctionRef, statements: list[Statement]) -> None:
    """Which read what they count, and no more."""
    for matching in (
        ProjectInvocationFilter(outcomes=FAILED),
        ProjectInvocationFilter(status=InvocationStatus.RUNNING),
        ProjectInvocationFilter(since=int(time.time()) - PAGE),
        ProjectInvocationFilter(function_name=FUNCTION_NAME, outcomes=NOBODY),
        ProjectInvocationFilter(version_id=function.version_id, outcomes=FAILED),
    ):
        statements.clear()
        async with database.statement() as connection:
            await InvocationCountRepository(connection).of_project(function.project_name, matching)
        await _check(database, statements, most_rows=MOST_ROWS)


async def test_what_is_incomplete_is_found(
    database: Database, function: FunctionRef, statements: list[Statement]
) -> None:
    async with database.statement() as connection:
        assert await IncompleteInvocationRepository(connection).complete(at_most=PAGE) == 0
    await _check(database, statements, most_rows=10)


def _path(function: FunctionRef) -> FunctionPath:
    return FunctionPath(project_name=function.project_name, version_ref="latest", function_name=function.function_name)


def _invocation(function: FunctionRef, invocation_id: InvocationId) -> InvocationPath:
    return InvocationPath(function=_path(function), invocation_id=invocation_id)


@pytest.fixture
async def many_versions(database: Database, function: FunctionRef) -> FunctionRef:
    """The function's project has very many versions of many functions since, the last ones refused for good."""
    async with database.statement() as connection:
        for statement in (
            "INSERT INTO versions (version_id, project_name)"
            " SELECT 'ver-' || n, project_name FROM versions, generate_series(1, 1000) n",
            "INSERT INTO functions (version_id, function_name, docker_image, virtual_cpus, memory_gbs,"
            " max_concurrency, max_retries, timeout_seconds, retry_initial_interval_seconds,"
            " retry_backoff_coefficient, retry_max_interval_seconds, preparation_error)"
            " SELECT 'ver-' || n, 'f-' || m, '', 1, 1, 1, 0, 60, 1, 2, 60, CASE WHEN n > 990 THEN 'refused' END"
            " FROM generate_series(1, 1000) n, generate_series(1, 30) m",
            "ANALYZE",
        ):
            await connection.execute(text(statement))
    return function


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
    await _check(database, statements, most_rows=100)


async def _check(database: Database, statements: Sequence[Statement], *, most_rows: int) -> None:
    """Each as it was asked, once more, and taken back."""
    assert statements
    for statement, parameters in tuple(statements):
        plan = await _plan(database, statement, parameters)
        looked_at = sum(map(_rows, _nodes(plan)))
        assert looked_at <= most_rows, f"{looked_at} rows: {statement}\n{json.dumps(plan, indent=1)}"


async def _plan(database: Database, statement: str, parameters: Sequence[object]) -> Plan:
    async with database.statement() as connection:
        driver = (await connection.get_raw_connection()).driver_connection
        assert driver is not None
        transaction = driver.transaction()
        await transaction.start()
        try:
            for table in re.findall(r"INSERT INTO (\w+)", statement):
                await driver.execute(f"DELETE FROM {table} WHERE {_IS_FRESH}")  # it is there already
            explained = await driver.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", *parameters)
        finally:
            await transaction.rollback()
    plan: Plan = explained[0]["Plan"]
    return plan


def _nodes(plan: Plan) -> Iterator[Plan]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from _nodes(child)


def _rows(node: Plan) -> float:
    """That a node has read from a table, those included that it did not pass on."""
    if "Relation Name" not in node or node["Node Type"] == "ModifyTable":
        return 0.0
    read = node["Actual Rows"] + node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
    return float(read * node["Actual Loops"])
