"""Deletes a project's rows, in transactions that are short however many there are."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, exists, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import InstrumentedAttribute, aliased

from control_plane_server.catalog.schedules.table import ScheduleRow
from control_plane_server.catalog.tables import (
    BatchRow,
    ExecutionRow,
    FunctionRow,
    InvocationRow,
    ProjectRow,
    VersionRow,
)
from control_plane_server.domain.containers import ContainerName
from control_plane_server.domain.entities import ContainerType, FunctionStatus, InvocationStatus, PreparedFunction
from control_plane_server.domain.identifiers import BatchId, ExecutionId, InvocationId, ProjectName, ScheduleId

_FUNCTION = aliased(FunctionRow, name="function_of_the_project")


@dataclass(frozen=True, slots=True, kw_only=True)
class UnfinishedWork:
    """What a deletion waits for. `running`: invocations that have not ended. `preparing`: functions whose preparation
    was begun and has no result yet."""

    running: int
    preparing: int


class DeletionRepository:
    """Of one project whose deletion was requested; a later project of the same name is left alone.

    Inside the caller's transaction. Each method may be repeated.
    """

    def __init__(self, connection: AsyncConnection, *, project_name: ProjectName, creation_time: datetime) -> None:
        self._connection = connection
        self._is_the_project = (
            (ProjectRow.project_name == project_name)
            & (ProjectRow.creation_time == creation_time)
            & ProjectRow.deletion_request_time.is_not(None)
        )

    async def close(self) -> None:
        """From now on, nothing is submitted to the project or prepared for it."""
        await self._connection.execute(
            update(ProjectRow)
            .where(self._is_the_project, ProjectRow.closing_time.is_(None))
            .values(closing_time=func.clock_timestamp())
        )

    async def cancel_invocations(
        self, *, after: InvocationId | None, at_most: int, again_after: timedelta
    ) -> tuple[InvocationId, ...]:
        """Record a cancellation for running invocations that have none, at most `at_most`, by their ids, behind
        `after`.

        Returns these, and those whose cancellation was recorded longer than `again_after` ago and that have not
        stopped: their workflows may not have been reached.
        """
        now = func.clock_timestamp()
        page = (
            select(InvocationRow.invocation_id)
            .where(
                self._is_of_the_project(InvocationRow.function_id),
                InvocationRow.status == InvocationStatus.RUNNING,
                or_(
                    InvocationRow.cancellation_request_time.is_(None),
                    InvocationRow.stop_time.is_(None) & (InvocationRow.cancellation_request_time < now - again_after),
                ),
                InvocationRow.invocation_id > (after or ""),
            )
            .order_by(InvocationRow.invocation_id)
            .limit(at_most)
            .with_for_update()
        )
        found = tuple(InvocationId(invocation_id) for invocation_id in await self._connection.scalars(page))
        await self._connection.execute(
            update(InvocationRow)
            .where(InvocationRow.invocation_id.in_(found), InvocationRow.cancellation_request_time.is_(None))
            .values(cancellation_request_time=now, last_update_time=now)
        )
        return found

    async def cancel_batches(self) -> tuple[BatchId, ...]:
        """Record a cancellation for batches that have none. Returns all that are not complete: their workflows end what
        has no workflow yet."""
        now = func.clock_timestamp()
        cancelled = await self._connection.scalars(
            update(BatchRow)
            .where(self._is_of_the_project(BatchRow.function_id), BatchRow.completion_time.is_(None))
            .values(cancellation_request_time=func.coalesce(BatchRow.cancellation_request_time, now))
            .returning(BatchRow.batch_id)
        )
        return tuple(map(BatchId, cancelled))

    async def count_unfinished(self) -> UnfinishedWork:
        """Count what the deletion still has to wait for."""
        unsettled = select(func.count()).where(
            self._is_of_the_project(FunctionRow.function_id),
            FunctionRow.status == FunctionStatus.PENDING,
            FunctionRow.preparation_error.is_(None),
            FunctionRow.preparation_start_time.is_not(None),
        )
        return UnfinishedWork(running=await self.running(), preparing=await self._connection.scalar(unsettled) or 0)

    async def prepared_functions(self) -> tuple[PreparedFunction, ...]:
        """What the provisioner made for the project's functions and has not been retired."""
        found = await self._connection.execute(
            select(FunctionRow.prepared_type, FunctionRow.prepared_identifier).where(
                self._is_of_the_project(FunctionRow.function_id)
            )
        )
        return tuple(
            PreparedFunction(type=ContainerType(kind), identifier=identifier)
            for kind, identifier in found
            if kind is not None and identifier is not None
        )

    async def note_retired(self, retired: PreparedFunction) -> None:
        """Record that a prepared function is retired, so that a resumed deletion goes on with the next one."""
        await self._connection.execute(
            update(FunctionRow)
            .where(
                FunctionRow.prepared_identifier == retired.identifier, self._is_of_the_project(FunctionRow.function_id)
            )
            .values(prepared_type=None, prepared_identifier=None)
        )

    async def schedules(self) -> tuple[ScheduleId, ...]:
        """Which Temporal is to forget."""
        found = await self._connection.scalars(
            select(ScheduleRow.schedule_id)
            .join(ProjectRow, ProjectRow.project_name == ScheduleRow.project_name)
            .where(self._is_the_project)
        )
        return tuple(map(ScheduleId, found))

    async def ended(self, *, at_most: int) -> tuple[InvocationId, ...]:
        """At most `at_most` invocations that have ended and nobody holds."""
        ended = (
            select(InvocationRow.invocation_id)
            .where(
                self._is_of_the_project(InvocationRow.function_id),
                InvocationRow.status == InvocationStatus.TERMINATED,
            )
            .limit(at_most)
            .with_for_update(skip_locked=True)
        )
        return tuple(map(InvocationId, await self._connection.scalars(ended)))

    async def containers(self, invocations: Collection[InvocationId]) -> tuple[ContainerName, ...]:
        """All containers that were launched for these invocations."""
        launched = await self._connection.execute(
            select(ExecutionRow.execution_id, ExecutionRow.launches).where(ExecutionRow.invocation_id.in_(invocations))
        )
        return tuple(
            ContainerName(execution_id=ExecutionId(execution_id), launch=launch)
            for execution_id, launches in launched
            for launch in range(1, launches + 1)
        )

    async def delete_invocations(self, invocations: Collection[InvocationId]) -> None:
        """With their executions and keys."""
        await self._connection.execute(delete(InvocationRow).where(InvocationRow.invocation_id.in_(invocations)))

    async def delete_version(self) -> bool:
        """Delete one version with all that is left of it, unless an invocation of it runs. Returns whether one was
        deleted."""
        version_id = await self._connection.scalar(
            select(VersionRow.version_id)
            .join(ProjectRow, ProjectRow.project_name == VersionRow.project_name)
            .where(self._is_the_project)
            .order_by(VersionRow.version_id)
            .limit(1)
        )
        if version_id is None:
            return False
        # An insert of an invocation holds a key lock on its function: either it is counted below, or it fails.
        functions = await self._connection.scalars(
            select(FunctionRow.function_id)
            .where(FunctionRow.version_id == version_id)
            .order_by(FunctionRow.function_id)
            .with_for_update()
        )
        running = await self._connection.scalar(
            select(func.count()).where(
                InvocationRow.function_id.in_(functions.all()), InvocationRow.status == InvocationStatus.RUNNING
            )
        )
        if running:
            return False
        await self._connection.execute(delete(VersionRow).where(VersionRow.version_id == version_id))
        return True

    async def delete(self) -> bool:
        """Delete the project itself, unless it has versions. Returns whether it is gone."""
        await self._connection.execute(
            delete(ProjectRow).where(
                self._is_the_project, ~exists().where(VersionRow.project_name == ProjectRow.project_name)
            )
        )
        return not await self._connection.scalar(select(exists().where(self._is_the_project)))

    async def running(self) -> int:
        """How many invocations of the project have not ended."""
        running = select(func.count()).where(
            self._is_of_the_project(InvocationRow.function_id), InvocationRow.status == InvocationStatus.RUNNING
        )
        return await self._connection.scalar(running) or 0

    def _is_of_the_project(self, function_id: InstrumentedAttribute[int]) -> ColumnElement[bool]:
        functions = (
            select(_FUNCTION.function_id)
            .join(VersionRow, VersionRow.version_id == _FUNCTION.version_id)
            .join(ProjectRow, ProjectRow.project_name == VersionRow.project_name)
            .where(self._is_the_project)
        )
        return function_id.in_(functions)
