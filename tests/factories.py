"""Rows for tests that start below the API."""

from sqlalchemy import insert, update

from control_plane_server.catalog.database import Database
from control_plane_server.catalog.execution_lifecycle.slots import Assignment, Refused, SlotQueue
from control_plane_server.catalog.tables import BatchRow, FunctionRow, InvocationRow, ProjectRow, VersionRow
from control_plane_server.catalog.versions import VersionRepository
from control_plane_server.domain.entities import ContainerType, FunctionStatus
from control_plane_server.domain.identifiers import (
    BatchId,
    FunctionName,
    FunctionRef,
    InvocationId,
    ProjectName,
    VersionId,
    execution_id_for,
    new_invocation_id,
    new_version_id,
)
from control_plane_server.domain.specs import Concurrency, ExecutionSpec, FunctionSpec, ResourceSpec

FUNCTION_NAME = FunctionName("double")


async def declare_again(
    database: Database, function: FunctionRef, *, max_concurrency: int = 1, is_ready: bool = True
) -> FunctionRef:
    """The function in a new version of its project, with slots that such versions share."""
    spec = FunctionSpec(
        function_name=function.function_name,
        docker_image="file:///nowhere",
        resource_spec=ResourceSpec(
            virtual_cpus=1.0, memory_gbs=2.0, max_concurrency=max_concurrency, concurrency=Concurrency.FUNCTION
        ),
        execution_spec=ExecutionSpec(max_retries=0, timeout_seconds=3_600),
    )
    async with database.transaction() as connection:
        version = await VersionRepository(connection).create(function.project_name, [spec])
    if is_ready:
        await make_ready(database, version.version_id)
    return version.functions[0].ref


async def insert_function(
    database: Database,
    *,
    max_concurrency: int = 1,
    is_ready: bool = True,
    max_retries: int = 0,
    attempt_timeout: int | None = None,
) -> FunctionRef:
    """A project with one version with one function, all of their own."""
    version_id = new_version_id()
    ref = FunctionRef(
        project_name=ProjectName(f"project-{version_id[-8:]}"), version_id=version_id, function_name=FUNCTION_NAME
    )
    async with database.transaction() as connection:
        await connection.execute(insert(ProjectRow).values(project_name=ref.project_name))
        await connection.execute(insert(VersionRow).values(version_id=version_id, project_name=ref.project_name))
        await connection.execute(
            insert(FunctionRow).values(
                version_id=version_id,
                function_name=ref.function_name,
                docker_image="file:///nowhere",
                virtual_cpus=1.0,
                memory_gbs=2.0,
                max_concurrency=max_concurrency,
                max_retries=max_retries,
                timeout_seconds=3_600,
                attempt_timeout_seconds=attempt_timeout,
                retry_initial_interval_seconds=1.0,
                retry_backoff_coefficient=2.0,
                retry_max_interval_seconds=60.0,
            )
        )
    if is_ready:
        await make_ready(database, version_id)
    return ref


async def make_ready(database: Database, version_id: VersionId) -> None:
    async with database.statement() as connection:
        await connection.execute(
            update(FunctionRow)
            .where(FunctionRow.version_id == version_id)
            .values(status=FunctionStatus.READY, prepared_type=ContainerType.TEST, prepared_identifier="prepared")
        )


async def insert_invocation(
    database: Database, function: FunctionRef, *, text: str = "1", batch_id: BatchId | None = None
) -> InvocationId:
    """`batch_id`: of a batch that is made for it."""
    invocation_id = new_invocation_id()
    function_id = (
        FunctionRow.__table__.select()
        .with_only_columns(FunctionRow.function_id)
        .where(FunctionRow.version_id == function.version_id, FunctionRow.function_name == function.function_name)
        .scalar_subquery()
    )
    async with database.statement() as connection:
        if batch_id is not None:
            await connection.execute(insert(BatchRow).values(batch_id=batch_id, function_id=function_id, size=1))
        await connection.execute(
            insert(InvocationRow).values(
                invocation_id=invocation_id,
                function_id=function_id,
                project_name=function.project_name,
                function_name=function.function_name,
                input=text,
                batch_id=batch_id,
                batch_index=None if batch_id is None else 0,
            )
        )
    return invocation_id


async def take_slot(database: Database, invocation_id: InvocationId, attempt: int = 1) -> Assignment | Refused:
    """As the activity of this attempt does."""
    async with database.transaction() as connection:
        return await SlotQueue(connection).take(
            invocation_id=invocation_id, execution_id=execution_id_for(invocation_id, attempt), attempt=attempt
        )
