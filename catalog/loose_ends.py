"""What a process that died may have left undone. Every age is told by the database's clock."""

from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, case, exists, func, select
from sqlalchemy.orm import InstrumentedAttribute

from catalog.converters import to_function
from catalog.database import StatementConnection
from catalog.slots import Grant
from catalog.tables import (
    ExecutionRow,
    FunctionRow,
    InvocationRow,
    ProjectRow,
    VersionRow,
    WaitingExecutionRow,
    columns_of,
)
from domain.entities import FunctionStatus, InvocationStatus, WorkerStatus
from domain.identifiers import ExecutionId, FunctionName, InvocationId, ProjectName
from domain.messages import DeletionRequest, InvocationRequest, PreparationRequest

# Of each kind per look: what is left is found by the next one.
_MOST = 1_000


class LooseEndRepository:
    """Reads only. What is found may just have been mended by somebody else: every repair must be conditional."""

    def __init__(self, connection: StatementConnection) -> None:
        self._connection = connection

    async def unstarted_invocations(self, *, older_than: timedelta) -> list[InvocationRequest]:
        """Running, and nothing ever happened to them."""
        found = await self._connection.execute(
            select(*columns_of(InvocationRow, FunctionRow, VersionRow))
            .join(FunctionRow, FunctionRow.function_id == InvocationRow.function_id)
            .join(VersionRow, VersionRow.version_id == FunctionRow.version_id)
            .where(
                InvocationRow.status == InvocationStatus.RUNNING,
                _is_older(InvocationRow.creation_time, older_than),
                ~exists().where(ExecutionRow.invocation_id == InvocationRow.invocation_id),
                ~exists().where(WaitingExecutionRow.invocation_id == InvocationRow.invocation_id),
            )
            .order_by(InvocationRow.creation_time)
            .limit(_MOST)
        )
        return [_invocation_request(row) for row in found]

    async def unprepared_versions(self, *, older_than: timedelta) -> list[PreparationRequest]:
        found = await self._connection.execute(
            select(VersionRow.project_name, VersionRow.version_id, func.array_agg(FunctionRow.function_name))
            .join(FunctionRow, FunctionRow.version_id == VersionRow.version_id)
            .where(
                FunctionRow.status == FunctionStatus.PENDING,
                FunctionRow.preparation_error.is_(None),
                _is_older(VersionRow.creation_time, older_than),
            )
            .group_by(VersionRow.version_id)
            .limit(_MOST)
        )
        return [
            PreparationRequest(
                project_name=project_name,
                version_id=version_id,
                function_names=tuple(FunctionName(name) for name in function_names),
            )
            for project_name, version_id, function_names in found
        ]

    async def undeleted_projects(self, *, older_than: timedelta) -> list[DeletionRequest]:
        found = await self._connection.execute(
            select(ProjectRow.project_name, ProjectRow.creation_time)
            .where(_is_older(ProjectRow.deletion_request_time, older_than))
            .limit(_MOST)
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
                ExecutionRow.worker_status != WorkerStatus.TERMINATED,
                ExecutionRow.claim_time.is_(None),
                case(
                    (ExecutionRow.grant_signal_time.is_(None), _is_older(ExecutionRow.creation_time, older_than)),
                    else_=_is_older(ExecutionRow.grant_signal_time, again_after),
                ),
            )
            .order_by(func.coalesce(ExecutionRow.grant_signal_time, ExecutionRow.creation_time))
            .limit(_MOST)
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
            .limit(_MOST)
        )
        return [InvocationId(invocation_id) for invocation_id in found]


def _is_older(time: InstrumentedAttribute[Any], age: timedelta) -> ColumnElement[bool]:
    return time < func.clock_timestamp() - age


def _invocation_request(row: Row[*tuple[Any, ...]]) -> InvocationRequest:
    parent = row.invocations_parent_invocation_id
    function = to_function(row)
    return InvocationRequest(
        invocation_id=InvocationId(row.invocations_invocation_id),
        function=function.ref,
        execution_spec=function.execution_spec,
        creation_time=row.invocations_creation_time,
        parent_invocation_id=None if parent is None else InvocationId(parent),
    )
