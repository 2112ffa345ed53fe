"""The end of a project's rows."""

from datetime import datetime

from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from catalog.tables import FunctionRow, InvocationRow, ProjectRow, VersionRow
from domain.entities import InvocationStatus, PreparedFunction, WorkerType
from domain.identifiers import InvocationId, ProjectName


class DeletionRepository:
    """Of one project that somebody asked to delete; a later project of the same name is left alone.

    Inside the caller's transaction. Each method may be repeated.
    """

    def __init__(self, connection: AsyncConnection, *, project_name: ProjectName, creation_time: datetime) -> None:
        self._connection = connection
        self._is_the_project = (
            (ProjectRow.project_name == project_name)
            & (ProjectRow.creation_time == creation_time)
            & ProjectRow.deletion_request_time.is_not(None)
        )

    async def cancel_invocations(self) -> tuple[InvocationId, ...]:
        """Note a request to cancel for whatever runs. Returns all of them, those noted earlier included."""
        running = self._of_the_project(InvocationRow.status == InvocationStatus.RUNNING)
        await self._connection.execute(
            update(InvocationRow)
            .where(running, InvocationRow.cancellation_request_time.is_(None))
            .values(cancellation_request_time=func.clock_timestamp(), last_update_time=func.clock_timestamp())
        )
        found = await self._connection.scalars(select(InvocationRow.invocation_id).where(running))
        return tuple(InvocationId(invocation_id) for invocation_id in found)

    async def prepared_functions(self) -> tuple[PreparedFunction, ...]:
        found = await self._connection.execute(
            select(FunctionRow.prepared_type, FunctionRow.prepared_identifier)
            .join(VersionRow, VersionRow.version_id == FunctionRow.version_id)
            .join(ProjectRow, ProjectRow.project_name == VersionRow.project_name)
            .where(self._is_the_project)
        )
        return tuple(
            PreparedFunction(type=WorkerType(kind), identifier=identifier)
            for kind, identifier in found
            if kind is not None and identifier is not None
        )

    async def note_retired(self, retired: PreparedFunction) -> None:
        """What was prepared is undone: a deletion that is resumed begins with the next."""
        await self._connection.execute(
            update(FunctionRow)
            .where(
                FunctionRow.prepared_identifier == retired.identifier,
                FunctionRow.version_id == VersionRow.version_id,
                VersionRow.project_name == ProjectRow.project_name,
                self._is_the_project,
            )
            .values(prepared_type=None, prepared_identifier=None)
        )

    async def delete(self) -> int:
        """Delete every row of the project, unless invocations run. Returns how many do."""
        # Whoever inserts an invocation holds a key lock on its function: it is counted below, or it comes too late.
        await self._connection.execute(
            select(FunctionRow.function_id)
            .join(VersionRow, VersionRow.version_id == FunctionRow.version_id)
            .join(ProjectRow, ProjectRow.project_name == VersionRow.project_name)
            .where(self._is_the_project)
            .order_by(FunctionRow.function_id)
            .with_for_update(of=FunctionRow)
        )
        running = await self._connection.scalar(
            select(func.count()).where(self._of_the_project(InvocationRow.status == InvocationStatus.RUNNING))
        )
        if not running:
            await self._connection.execute(delete(ProjectRow).where(self._is_the_project))
        return running or 0

    def _of_the_project(self, condition: ColumnElement[bool]) -> ColumnElement[bool]:
        functions = (
            select(FunctionRow.function_id)
            .join(VersionRow, VersionRow.version_id == FunctionRow.version_id)
            .join(ProjectRow, ProjectRow.project_name == VersionRow.project_name)
            .where(self._is_the_project)
        )
        return condition & InvocationRow.function_id.in_(functions)
