"""How many rows PostgreSQL reads for a page of a project's invocations, and for their counts: a page, and what is
counted, however many have ended, and whatever is found among them."""

import time
from dataclasses import replace

import pytest
from sqlalchemy import text

from control_plane_server.catalog.database import Database
from control_plane_server.catalog.failures import FailureRepository
from control_plane_server.catalog.incomplete_invocations import IncompleteInvocationRepository
from control_plane_server.catalog.invocation_counts import InvocationCountRepository
from control_plane_server.catalog.invocation_filters import ProjectInvocationFilter
from control_plane_server.catalog.project_invocations import ProjectInvocationRepository
from control_plane_server.domain.entities import InvocationOutcome, InvocationStatus
from control_plane_server.domain.identifiers import FunctionRef
from tests.catalog.plans import ENDED, MOST_ROWS, PAGE, check_plans
from tests.factories import FUNCTION_NAME
from tests.statements import Statement

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
        await check_plans(database, statements, most_rows=MOST_ROWS)


async def test_pages_of_a_project_of_many_versions(
    database: Database, many_versions: FunctionRef, statements: list[Statement]
) -> None:
    for matching in (*PROJECT_FILTERS, ProjectInvocationFilter(version_id="ver-7")):
        statements.clear()
        async with database.statement() as connection:
            await ProjectInvocationRepository(connection).read(
                many_versions.project_name, matching=matching, offset=f"{MIDDLE},inv-{ENDED // 2}", max_results=PAGE
            )
        await check_plans(database, statements, most_rows=MOST_ROWS)


async def test_pages_by_tags_and_concurrency_keys(
    database: Database, function: FunctionRef, statements: list[Statement]
) -> None:
    """By the tags where few have them, by the order where many do."""
    async with database.statement() as connection:
        for statement in (
            "UPDATE invocations SET concurrency_key = 'k-' || n % 400, concurrency_limit = 1,"
            " tags = jsonb_build_object('env', CASE n % 2 WHEN 0 THEN 'test' ELSE 'live' END, 'run', (n % 2000)::text)"
            " FROM (SELECT invocation_id, substr(invocation_id, 5)::int AS n FROM invocations) AS numbered"
            " WHERE numbered.invocation_id = invocations.invocation_id",
            "VACUUM ANALYZE invocations",
        ):
            await connection.execute(text(statement))
    few, many = (("run", "7"),), (("env", "live"),)
    for matching, found in (
        (ProjectInvocationFilter(tags=few), 10),
        (ProjectInvocationFilter(tags=few, outcomes=FAILED), 0),
        (ProjectInvocationFilter(tags=few + many), 10),
        (ProjectInvocationFilter(tags=(("run", "2001"),)), 0),
        (ProjectInvocationFilter(tags=many), PAGE),
        (ProjectInvocationFilter(tags=many, function_name=FUNCTION_NAME), PAGE),
        (ProjectInvocationFilter(tags=many, version_id=function.version_id, until=MIDDLE), PAGE),
        (ProjectInvocationFilter(concurrency_key="k-7"), ENDED // 400),
        (ProjectInvocationFilter(concurrency_key="k-7", function_name=FUNCTION_NAME, outcomes=NOBODY), 0),
        (ProjectInvocationFilter(concurrency_key="nobody's"), 0),
    ):
        statements.clear()
        async with database.statement() as connection:
            page = await ProjectInvocationRepository(connection).read(
                function.project_name, matching=matching, offset=None, max_results=PAGE
            )
        assert len(page.invocations) == found, matching
        await check_plans(database, statements, most_rows=MOST_ROWS)


async def test_failures(database: Database, function: FunctionRef, statements: list[Statement]) -> None:
    async with database.statement() as connection:
        (failures,) = await FailureRepository(connection).newest(
            function.project_name, function_name=None, since=None, until=None
        )
    assert failures.count == 50
    await check_plans(database, statements, most_rows=MOST_ROWS)


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
        await check_plans(database, statements, most_rows=MOST_ROWS)


async def test_what_is_incomplete_is_found(
    database: Database, function: FunctionRef, statements: list[Statement]
) -> None:
    async with database.statement() as connection:
        assert await IncompleteInvocationRepository(connection).complete(at_most=PAGE) == 0
    await check_plans(database, statements, most_rows=10)
