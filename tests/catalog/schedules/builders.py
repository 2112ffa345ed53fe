"""Projects whose functions are called by the clock."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import insert, select, update

from control_plane_server.catalog.database import Database
from control_plane_server.catalog.schedules.declarations import ScheduleChanges
from control_plane_server.catalog.schedules.firings import Firing, FiringRepository
from control_plane_server.catalog.schedules.schedules import ScheduleRepository
from control_plane_server.catalog.tables import InvocationRow, ProjectRow
from control_plane_server.catalog.versions import VersionRepository
from control_plane_server.domain.entities import Invocation, Version
from control_plane_server.domain.identifiers import FunctionName, InvocationId
from control_plane_server.domain.schedules import Schedule, ScheduleSpec
from control_plane_server.domain.specs import ExecutionSpec, FunctionSpec, ResourceSpec

PROJECT = "p"
NOW = datetime.now(UTC).replace(microsecond=0)


def hourly(name: str = "s", **changes: object) -> ScheduleSpec:
    fields = {"schedule_name": name, "cron": "0 * * * *", "input": "{}", **changes}
    return ScheduleSpec(**fields)  # type: ignore[arg-type]


def function(name: str = "f", *schedules: ScheduleSpec, signature: str | None = None) -> FunctionSpec:
    return FunctionSpec(
        function_name=FunctionName(name),
        docker_image="file:///nowhere",
        resource_spec=ResourceSpec(virtual_cpus=1.0, memory_gbs=2.0, max_concurrency=1),
        execution_spec=ExecutionSpec(max_retries=0, timeout_seconds=3_600),
        signature=signature,
        schedules=schedules,
    )


async def deploy(database: Database, *functions: FunctionSpec) -> tuple[Version, ScheduleChanges]:
    async with database.transaction() as connection:
        versions = VersionRepository(connection)
        version = await versions.create(PROJECT, functions, creates_project=True)
        return version, versions.schedule_changes


async def there(database: Database) -> dict[str, Schedule]:
    async with database.statement() as connection:
        page = await ScheduleRepository(connection).list_of_project(PROJECT, offset=None, max_results=1_000)
    return {schedule.spec.schedule_name: schedule for schedule in page.schedules}


async def declared(database: Database, **changes: object) -> Schedule:
    """A schedule of the only function of a new project's latest version."""
    await deploy(database, function("f", hourly(**changes)))  # type: ignore[arg-type]
    return (await there(database))["s"]


async def put(database: Database, name: str, function_name: str, **changes: object) -> Schedule:
    async with database.transaction() as connection:
        return await ScheduleRepository(connection).put(PROJECT, function_name, hourly(name, **changes))


async def fire(database: Database, schedule: Schedule, minute: int = 0, *, has_waited: bool = False) -> Firing:
    """Of the time so many minutes from now."""
    time = NOW + timedelta(minutes=minute)
    async with database.transaction() as connection:
        return await FiringRepository(connection).fire(schedule.schedule_id, time, has_waited=has_waited)


async def made(database: Database) -> list[InvocationId]:
    async with database.statement() as connection:
        return list(await connection.scalars(select(InvocationRow.invocation_id)))


async def end(database: Database, invocation_id: InvocationId | None) -> None:
    async with database.statement() as connection:
        await connection.execute(
            update(InvocationRow).where(InvocationRow.invocation_id == invocation_id).values(status="TERMINATED")
        )


async def ensure_project(database: Database) -> None:
    async with database.statement() as connection:
        await connection.execute(insert(ProjectRow).values(project_name=PROJECT))


def is_cancelled(invocation: Invocation) -> bool:
    return invocation.cancellation_request_time is not None
