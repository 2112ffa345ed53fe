"""What a process that died may have left undone. Every age is told by the database's clock."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, Text, any_, case, exists, func, literal, select, true, tuple_
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import InstrumentedAttribute

from catalog.database import StatementConnection
from catalog.slots import Grant
from catalog.tables import (
    ExecutionRow,
    FunctionRow,
    InvocationRow,
    ProjectRow,
    VersionRow,
    WaitingExecutionRow,
)
from domain.entities import ContainerStatus, FunctionStatus, InvocationStatus
from domain.identifiers import ExecutionId, FunctionName, FunctionRef, InvocationId, ProjectName, VersionId
from domain.messages import DeletionRequest, InvocationRequest, PreparationRequest
from domain.specs import ExecutionSpec

# Of each kind at a time.
PAGE = 1_000
# Which of more than a page: those that stay must not hide others for ever.
_DRAWN = func.random()
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
# No more than a workflow is started with: inputs stay where they are.
_REQUESTS = (
    select(
        InvocationRow.invocation_id,
        InvocationRow.parent_invocation_id,
        InvocationRow.creation_time,
        _NEWEST_ATTEMPT.label("newest_attempt"),
        VersionRow.project_name,
        VersionRow.version_id,
        FunctionRow.function_name,
        FunctionRow.max_retries,
        FunctionRow.timeout_seconds,
        FunctionRow.retry_initial_interval_seconds,
        FunctionRow.retry_backoff_coefficient,
        FunctionRow.retry_max_interval_seconds,
    )
    .join(FunctionRow, FunctionRow.function_id == InvocationRow.function_id)
    .join(VersionRow, VersionRow.version_id == FunctionRow.version_id)
)


class LooseEndRepository:
    """Reads only. What is found may just have been mended by somebody else: every repair must be conditional."""

    def __init__(self, connection: StatementConnection) -> None:
        self._connection = connection

    async def unstarted_invocations(
        self, *, older_than: timedelta, after: InvocationRequest | None = None
    ) -> list[InvocationRequest]:
        """Running, and nothing ever happened to them: at most PAGE, the oldest first, from the one after `after` on."""
        found = await self._connection.execute(
            _REQUESTS.where(
                InvocationRow.status == InvocationStatus.RUNNING,
                _is_older(InvocationRow.creation_time, older_than),
                ~exists().where(ExecutionRow.invocation_id == InvocationRow.invocation_id),
                ~exists().where(WaitingExecutionRow.invocation_id == InvocationRow.invocation_id),
                true() if after is None else tuple_(after.creation_time, after.invocation_id) < _PLACE,
            )
            .order_by(InvocationRow.creation_time, InvocationRow.invocation_id)
            .limit(PAGE)
        )
        return [_invocation_request(row) for row in found]

    async def requests_of(self, invocation_ids: Iterable[InvocationId]) -> list[InvocationRequest]:
        """What a workflow needs to go on with each of those that the catalog takes for running, from its newest attempt
        on."""
        found = await self._connection.execute(
            _REQUESTS.where(
                InvocationRow.status == InvocationStatus.RUNNING,
                InvocationRow.invocation_id == any_(literal(list(invocation_ids), ARRAY(Text))),
            )
        )
        return [replace(_invocation_request(row), resumes=True) for row in found]

    async def unprepared_versions(self, *, older_than: timedelta) -> list[VersionId]:
        """Of which functions are neither READY nor refused for good."""
        found = await self._connection.scalars(
            select(VersionRow.version_id)
            .join(FunctionRow, FunctionRow.version_id == VersionRow.version_id)
            .where(*_IS_UNPREPARED, _is_older(VersionRow.creation_time, older_than))
            .group_by(VersionRow.version_id)
            .order_by(_DRAWN)
            .limit(PAGE)
        )
        return [VersionId(version_id) for version_id in found]

    async def preparation_of(self, version_id: VersionId) -> PreparationRequest | None:
        """Of those functions. None if there are none."""
        found = await self._connection.execute(
            select(VersionRow.project_name, func.array_agg(FunctionRow.function_name).label("function_names"))
            .join(FunctionRow, FunctionRow.version_id == VersionRow.version_id)
            .where(VersionRow.version_id == version_id, *_IS_UNPREPARED)
            .group_by(VersionRow.version_id)
        )
        row = found.one_or_none()
        if row is None:
            return None
        return PreparationRequest(
            project_name=row.project_name,
            version_id=version_id,
            function_names=tuple(FunctionName(name) for name in row.function_names),
        )

    async def undeleted_projects(self, *, older_than: timedelta) -> list[DeletionRequest]:
        found = await self._connection.execute(
            select(ProjectRow.project_name, ProjectRow.creation_time)
            .where(_is_older(ProjectRow.deletion_request_time, older_than))
            .order_by(_DRAWN)
            .limit(PAGE)
        )
        return [
            DeletionRequest(project_name=ProjectName(project_name), creation_time=creation_time)
            for project_name, creation_time in found
        ]

    async def unclaimed_grants(self, *, older_than: timedelta, again_after: timedelta) -> list[Grant]:
        """Slots whose owners were perhaps never told; and those who were told so long ago, the longest first.

        Most of the latter wait for their turn in a process that is full, and each signal adds to their histories.
        """
        found = await self._connection.execute(
            select(ExecutionRow.invocation_id, ExecutionRow.execution_id)
            .where(
                ExecutionRow.container_status != ContainerStatus.TERMINATED,
                ExecutionRow.claim_time.is_(None),
                case(
                    (ExecutionRow.grant_signal_time.is_(None), _is_older(ExecutionRow.creation_time, older_than)),
                    else_=_is_older(ExecutionRow.grant_signal_time, again_after),
                ),
            )
            .order_by(func.coalesce(ExecutionRow.grant_signal_time, ExecutionRow.creation_time))
            .limit(PAGE)
        )
        return [
            Grant(invocation_id=InvocationId(invocation_id), execution_id=ExecutionId(execution_id))
            for invocation_id, execution_id in found
        ]

    async def undelivered_cancellations(self, *, older_than: timedelta) -> list[InvocationId]:
        """Asked for, and not yet made durable by the invocation's workflow."""
        found = await self._connection.scalars(
            select(InvocationRow.invocation_id)
            .where(
                InvocationRow.status == InvocationStatus.RUNNING,
                InvocationRow.stop_time.is_(None),
                _is_older(InvocationRow.cancellation_request_time, older_than),
            )
            .order_by(_DRAWN)
            .limit(PAGE)
        )
        return [InvocationId(invocation_id) for invocation_id in found]


def _is_older(time: InstrumentedAttribute[Any], age: timedelta) -> ColumnElement[bool]:
    return time < func.clock_timestamp() - age


def _invocation_request(row: Row[*tuple[Any, ...]]) -> InvocationRequest:
    return InvocationRequest(
        invocation_id=InvocationId(row.invocation_id),
        function=FunctionRef(
            project_name=ProjectName(row.project_name),
            version_id=VersionId(row.version_id),
            function_name=FunctionName(row.function_name),
        ),
        execution_spec=ExecutionSpec(
            max_retries=row.max_retries,
            timeout_seconds=row.timeout_seconds,
            retry_initial_interval_seconds=row.retry_initial_interval_seconds,
            retry_backoff_coefficient=row.retry_backoff_coefficient,
            retry_max_interval_seconds=row.retry_max_interval_seconds,
        ),
        creation_time=row.creation_time,
        parent_invocation_id=None if row.parent_invocation_id is None else InvocationId(row.parent_invocation_id),
        first_attempt=row.newest_attempt,
    )
