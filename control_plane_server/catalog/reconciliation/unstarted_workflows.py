"""Invocations, versions and projects whose workflow may never have been started, or was closed before it was done."""

from collections.abc import Iterable
from datetime import timedelta

from sqlalchemy import Text, any_, bindparam, exists, func, select, true, tuple_
from sqlalchemy.dialects.postgresql import ARRAY

from control_plane_server.catalog.converters import to_unfinished
from control_plane_server.catalog.database import StatementConnection
from control_plane_server.catalog.ranks import waits_from
from control_plane_server.catalog.reconciliation.pages import DRAWN, PAGE, is_older
from control_plane_server.catalog.tables import (
    ExecutionRow,
    FunctionRow,
    InvocationRow,
    ProjectRow,
    VersionRow,
    WaitingExecutionRow,
)
from control_plane_server.domain.entities import FunctionStatus, InvocationStatus
from control_plane_server.domain.identifiers import FunctionName, InvocationId, ProjectName, VersionId
from control_plane_server.domain.unfinished import ProjectBeingDeleted, UnfinishedInvocation, UnpreparedVersion

_IS_UNPREPARED = (FunctionRow.status == FunctionStatus.PENDING, FunctionRow.preparation_error.is_(None))
_PLACE = tuple_(InvocationRow.creation_time, InvocationRow.invocation_id)
_NEWEST_ATTEMPT = func.greatest(
    select(func.max(ExecutionRow.attempt))
    .where(ExecutionRow.invocation_id == InvocationRow.invocation_id)
    .scalar_subquery(),
    select(WaitingExecutionRow.attempt)
    .where(WaitingExecutionRow.invocation_id == InvocationRow.invocation_id)
    .scalar_subquery(),
    1,
)
# Only what a workflow is started with: inputs are not read.
_UNFINISHED = (
    select(
        InvocationRow.invocation_id,
        InvocationRow.parent_invocation_id,
        InvocationRow.creation_time,
        InvocationRow.not_before,
        _NEWEST_ATTEMPT.label("newest_attempt"),
        VersionRow.project_name,
        VersionRow.version_id,
        FunctionRow.function_name,
        FunctionRow.max_retries,
        FunctionRow.timeout_seconds,
        FunctionRow.retry_initial_interval_seconds,
        FunctionRow.retry_backoff_coefficient,
        FunctionRow.retry_max_interval_seconds,
        FunctionRow.attempt_timeout_seconds,
        FunctionRow.retry_jitter,
        func.coalesce(InvocationRow.queue_timeout_seconds, FunctionRow.queue_timeout_seconds).label(
            "queue_timeout_seconds"
        ),
    )
    .join(FunctionRow, FunctionRow.function_id == InvocationRow.function_id)
    .join(VersionRow, VersionRow.version_id == FunctionRow.version_id)
)
_AMONG = bindparam("unfinished_invocations", type_=ARRAY(Text))
# Built once: it is run for every invocation of a batch.
_UNFINISHED_AMONG = _UNFINISHED.where(
    InvocationRow.status == InvocationStatus.RUNNING.value, InvocationRow.invocation_id == any_(_AMONG)
)


class UnstartedWorkflowRepository:
    """Reads only. Another process may repair what is found at the same time: every repair must be conditional."""

    def __init__(self, connection: StatementConnection) -> None:
        self._connection = connection

    async def unstarted_invocations(
        self, *, older_than: timedelta, after: UnfinishedInvocation | None = None
    ) -> list[UnfinishedInvocation]:
        """Invocations that are RUNNING and have neither an execution nor a place in the queue: at most PAGE, oldest
        first, behind `after`. Those of a batch have a place from the beginning."""
        found = await self._connection.execute(
            _UNFINISHED.where(
                InvocationRow.status == InvocationStatus.RUNNING,
                is_older(waits_from(InvocationRow), older_than),  # a delay may take weeks
                ~exists().where(ExecutionRow.invocation_id == InvocationRow.invocation_id),
                ~exists().where(WaitingExecutionRow.invocation_id == InvocationRow.invocation_id),
                true() if after is None else tuple_(after.creation_time, after.invocation_id) < _PLACE,
            )
            .order_by(InvocationRow.creation_time, InvocationRow.invocation_id)
            .limit(PAGE)
        )
        return [to_unfinished(row) for row in found]

    async def unfinished(self, invocation_ids: Iterable[InvocationId]) -> list[UnfinishedInvocation]:
        """Those of the invocations that are RUNNING."""
        found = await self._connection.execute(_UNFINISHED_AMONG, {_AMONG.key: list(invocation_ids)})
        return [to_unfinished(row) for row in found]

    async def unprepared_versions(self, *, older_than: timedelta) -> list[VersionId]:
        """Versions with functions that are neither READY nor refused for good; at most PAGE."""
        found = await self._connection.scalars(
            select(VersionRow.version_id)
            .join(FunctionRow, FunctionRow.version_id == VersionRow.version_id)
            .where(*_IS_UNPREPARED, is_older(VersionRow.creation_time, older_than))
            .group_by(VersionRow.version_id)
            .order_by(DRAWN)
            .limit(PAGE)
        )
        return [VersionId(version_id) for version_id in found]

    async def unprepared_version(self, version_id: VersionId) -> UnpreparedVersion | None:
        """The version with those of its functions that are neither READY nor refused. None if there are none."""
        found = await self._connection.execute(
            select(VersionRow.project_name, func.array_agg(FunctionRow.function_name).label("function_names"))
            .join(FunctionRow, FunctionRow.version_id == VersionRow.version_id)
            .where(VersionRow.version_id == version_id, *_IS_UNPREPARED)
            .group_by(VersionRow.version_id)
        )
        row = found.one_or_none()
        if row is None:
            return None
        return UnpreparedVersion(
            project_name=ProjectName(row.project_name),
            version_id=version_id,
            function_names=tuple(FunctionName(name) for name in row.function_names),
        )

    async def undeleted_projects(self, *, older_than: timedelta) -> list[ProjectBeingDeleted]:
        """Projects whose deletion was requested longer than `older_than` ago; at most PAGE."""
        found = await self._connection.execute(
            select(ProjectRow.project_name, ProjectRow.creation_time)
            .where(is_older(ProjectRow.deletion_request_time, older_than))
            .order_by(DRAWN)
            .limit(PAGE)
        )
        return [
            ProjectBeingDeleted(project_name=ProjectName(project_name), creation_time=creation_time)
            for project_name, creation_time in found
        ]
