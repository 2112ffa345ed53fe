"""What the console shows of many invocations: right, and read from an index however many there are."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from control_plane_server.catalog.database import Database
from control_plane_server.catalog.hindrances import Hindrance, HindranceKind, HindranceRepository
from control_plane_server.catalog.invocation_series import MOST_READ, InvocationSeriesRepository
from control_plane_server.catalog.projects import ProjectRepository
from control_plane_server.catalog.recent_failures import RecentFailureRepository
from control_plane_server.catalog.version_pages import VersionPageRepository
from control_plane_server.domain.errors import ProjectDoesNotExist
from control_plane_server.domain.identifiers import FunctionRef, VersionId
from tests.catalog.plans import ENDED, check_plans
from tests.factories import FUNCTION_NAME, insert_function, insert_invocation
from tests.statements import Statement

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def ago(time: timedelta) -> datetime:
    return datetime.now(UTC) - time


async def test_failures_and_series_are_read_by_their_index(
    database: Database, function: FunctionRef, statements: list[Statement]
) -> None:
    """One has ended each second; the 50 oldest of them failed."""
    name = function.project_name
    async with database.statement() as connection:
        failures = RecentFailureRepository(connection)
        assert await failures.of_projects([name, "nobody"], since=ago(DAY)) == {name: 50}
        by_function = await failures.of_functions(name, since=ago(DAY))
        assert (by_function.counts, by_function.is_complete) == ({FUNCTION_NAME: 50}, True)
        assert await failures.of_projects([name], since=ago(HOUR)) == {}
    await check_plans(database, statements, most_rows=100)
    statements.clear()
    async with database.statement() as connection:
        series = InvocationSeriesRepository(connection)
        since = ago(timedelta(seconds=100))
        read = await series.read(name, FUNCTION_NAME, since=since, step=timedelta(seconds=60))
    assert (read.begin, read.step) == (since, timedelta(seconds=60))
    points = read.points
    assert 1 <= sum(point.succeeded for point in points) <= 101
    assert [point.start for point in points] == sorted(point.start for point in points)
    assert all(point.start.second == 0 for point in points)
    await check_plans(database, statements, most_rows=110)
    async with database.statement() as connection:
        read = await InvocationSeriesRepository(connection).read(name, FUNCTION_NAME, since=ago(DAY), step=HOUR)
    assert sum(point.succeeded for point in read.points) == MOST_READ < ENDED
    assert sum(point.failed for point in read.points) == 0, "as they are older than the newest of what succeeded"
    assert timedelta(seconds=400) < read.step < timedelta(seconds=440), "a 24th of the time that is left"
    assert abs(read.begin - ago(timedelta(seconds=MOST_READ))) < timedelta(minutes=1)


async def test_pages_of_versions_and_what_hinders_the_newest(
    database: Database, many_versions: FunctionRef, statements: list[Statement]
) -> None:
    """A thousand versions of thirty functions, the newest ten refused."""
    name = many_versions.project_name
    async with database.statement() as connection:
        versions = VersionPageRepository(connection)
        first = await versions.read(name, start=None, at_most=6)
        second = await versions.read(name, start=first[-1].version_id, at_most=6)
        hindrances = await HindranceRepository(connection).of_functions([name], at_most=100)
    assert [one.version_id for one in first + second[1:]] == [f"ver-{1000 - n}" for n in range(11)]
    assert {one.kind for one in hindrances} == {HindranceKind.REFUSED}
    assert len(hindrances) == 30
    await check_plans(database, statements, most_rows=1_000)
    async with database.statement() as connection:
        assert await VersionPageRepository(connection).read(name, start=VersionId("ver-0"), at_most=6) == []
        with pytest.raises(ProjectDoesNotExist):
            await VersionPageRepository(connection).read("nobody", start=None, at_most=6)


async def test_projects_by_name(database: Database) -> None:
    async with database.statement() as connection:
        projects = ProjectRepository(connection)
        for name in ("b", "a", "d", "c"):
            await projects.create(name)
        page = await projects.list_by_name(start=None, at_most=3)
        rest = await projects.list_by_name(start=page[-1].project_name, at_most=3)
    assert [one.project_name for one in page] == ["a", "b", "c"]
    assert [one.project_name for one in rest] == ["c", "d"]


async def test_pauses_and_launches_that_fail(database: Database) -> None:
    function = await insert_function(database, max_concurrency=9)
    for columns in (
        "refused_since = clock_timestamp() - interval '5 minutes'",
        "refused_since = clock_timestamp()",
        "failed_starts = 2",
        "refused_since = clock_timestamp(), worker_status = 'TERMINATED'",
        "worker_status = 'RUNNING'",
    ):
        invocation_id = await insert_invocation(database, function)
        async with database.statement() as connection:
            await connection.execute(
                text(
                    "INSERT INTO executions (execution_id, invocation_id, function_id, attempt)"
                    " SELECT 'exe-' || :id, invocation_id, function_id, 1 FROM invocations WHERE invocation_id = :id"
                ),
                {"id": invocation_id},
            )
            await connection.execute(
                text(f"UPDATE executions SET {columns} WHERE invocation_id = :id"), {"id": invocation_id}
            )
    async with database.statement() as connection:
        hindrances = HindranceRepository(connection)
        assert await hindrances.of_functions([function.project_name], at_most=10) == ()
        await connection.execute(text("UPDATE functions SET pause_time = clock_timestamp()"))
        (paused,) = await hindrances.of_functions([function.project_name], at_most=10)
        await connection.execute(text("UPDATE functions SET paused_until = clock_timestamp()"))
        assert await hindrances.of_functions([function.project_name], at_most=10) == ()
        without_capacity, not_starting = await hindrances.of_launches(at_most=10)
    assert (paused.kind, paused.until, paused.reason) == (HindranceKind.PAUSED, None, None)
    assert (without_capacity.kind, without_capacity.executions) == (HindranceKind.WITHOUT_CAPACITY, 2)
    assert without_capacity.since is not None
    assert timedelta(minutes=4) < datetime.now(UTC) - without_capacity.since
    assert not_starting == Hindrance(
        kind=HindranceKind.NOT_STARTING,
        project_name=function.project_name,
        function_name=function.function_name,
        executions=1,
    )
