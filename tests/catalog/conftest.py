"""A catalog in which very many invocations have ended, for tests of plans."""

from collections.abc import AsyncIterator, Iterator

import pytest
from sqlalchemy import text

from control_plane_server.catalog.database import Database
from control_plane_server.domain.identifiers import FunctionRef
from tests.catalog.plans import ENDED
from tests.factories import insert_function
from tests.statements import Statement, noted_statements


@pytest.fixture
async def function(database: Database) -> AsyncIterator[FunctionRef]:
    """Of which very many invocations have ended, one a second, the oldest the parent of a fifth of them; none runs."""
    function = await insert_function(database, max_concurrency=10)
    async with database.long_transaction() as connection:  # on a busy machine they take long
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
    with noted_statements() as seen:
        yield seen


@pytest.fixture
async def many_versions(database: Database, function: FunctionRef) -> FunctionRef:
    """The function's project has very many versions of many functions since, the last ones refused for good."""
    async with database.long_transaction() as connection:
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
