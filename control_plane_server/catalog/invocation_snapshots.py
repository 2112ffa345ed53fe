"""Snapshots of an invocation for those who follow it and read it again and again: one short statement, without
inputs."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Integer, Row, Text, bindparam, case, func, or_, select, true
from sqlalchemy.dialects.postgresql import TIMESTAMP

from control_plane_server.catalog.converters import to_container_details
from control_plane_server.catalog.database import StatementConnection
from control_plane_server.catalog.outcomes import is_last_outcome
from control_plane_server.catalog.paths import InvocationPath, along_invocation, require
from control_plane_server.catalog.tables import ExecutionRow, FunctionRow, InvocationRow, VersionRow
from control_plane_server.domain.entities import ContainerDetails, ContainerStatus, ExecutionOutcome, InvocationStatus
from control_plane_server.domain.errors import InvocationDoesNotExist
from control_plane_server.domain.identifiers import ExecutionId, InvocationId


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionSnapshot:
    """`launch`: the number of its current container, counted from 1 without refused launches; 0 before the first.
    `launch_time`: when that launch was recorded."""

    execution_id: ExecutionId
    attempt: int
    launch: int
    container_status: ContainerStatus
    container_details: ContainerDetails | None
    outcome: ExecutionOutcome | None
    output: str | None
    error_message: str | None
    creation_time: datetime
    launch_time: datetime | None
    execution_start_time: datetime | None
    execution_finish_time: datetime | None
    last_update_time: datetime
    marked_launch: int | None = None  # of its container, if that is reused: what the markers in its log say
    is_warm_start: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InvocationSnapshot:
    """`executions`: at most two, oldest first. `read_time`: by the database's clock, which wrote all other times."""

    invocation_id: InvocationId
    status: InvocationStatus
    cancellation_request_time: datetime | None
    creation_time: datetime
    last_update_time: datetime
    read_time: datetime
    executions: tuple[ExecutionSnapshot, ...]


_INVOCATION = bindparam("followed_invocation", type_=Text)
_ATTEMPT = bindparam("from_attempt", type_=Integer)
_KNOWN_EXECUTION = bindparam("known_execution", type_=Text)
_KNOWN_UPDATE = bindparam("known_update", type_=TIMESTAMP(timezone=True))

_FIND = along_invocation(
    select(
        VersionRow.version_id.label("versions_version_id"),
        FunctionRow.function_id.label("functions_function_id"),
        InvocationRow.invocation_id.label("invocations_invocation_id"),
    )
)

_IS_SETTLED = along_invocation(
    select(
        VersionRow.version_id.label("versions_version_id"),
        FunctionRow.function_id.label("functions_function_id"),
        InvocationRow.invocation_id.label("invocations_invocation_id"),
        or_(
            InvocationRow.status == InvocationStatus.TERMINATED.value,
            select(ExecutionRow.execution_id)
            .where(ExecutionRow.invocation_id == InvocationRow.invocation_id, is_last_outcome(ExecutionRow))
            .exists(),
        ).label("is_settled"),
    )
)

_IS_NEW = or_(
    ExecutionRow.execution_id.is_distinct_from(_KNOWN_EXECUTION),
    ExecutionRow.last_update_time.is_distinct_from(_KNOWN_UPDATE),
)
_EXECUTIONS = (
    select(
        ExecutionRow.execution_id,
        ExecutionRow.attempt,
        (ExecutionRow.launches - ExecutionRow.refused_launches).label("launch"),
        case((ExecutionRow.is_warm_start.is_not(None), ExecutionRow.launches)).label("marked_launch"),
        ExecutionRow.is_warm_start,
        ExecutionRow.container_status.label("container_status"),
        ExecutionRow.container_type.label("container_type"),
        ExecutionRow.container_identifier.label("container_identifier"),
        ExecutionRow.logs_identifier,
        ExecutionRow.outcome,
        case((_IS_NEW, ExecutionRow.output)).label("output"),
        ExecutionRow.error_message,
        ExecutionRow.creation_time,
        ExecutionRow.launch_time,
        ExecutionRow.execution_start_time,
        ExecutionRow.execution_finish_time,
        ExecutionRow.last_update_time,
    )
    .where(ExecutionRow.invocation_id == InvocationRow.invocation_id, ExecutionRow.attempt >= _ATTEMPT)
    .order_by(ExecutionRow.attempt)
    .limit(2)
    .lateral()
)
_STATE = (
    select(
        InvocationRow.status,
        InvocationRow.cancellation_request_time,
        InvocationRow.creation_time.label("invocation_creation_time"),
        InvocationRow.last_update_time.label("invocation_update_time"),
        func.clock_timestamp().label("read_time"),
        *_EXECUTIONS.c,
    )
    .join(_EXECUTIONS, true(), isouter=True)
    .where(InvocationRow.invocation_id == _INVOCATION)
    .order_by(_EXECUTIONS.c.attempt)
)


class InvocationSnapshotRepository:
    """Reads only."""

    def __init__(self, connection: StatementConnection) -> None:
        self._connection = connection

    async def find(self, path: InvocationPath) -> InvocationId:
        """Raises the NotFound of the outermost part of the path that is missing."""
        found = await self._connection.execute(_FIND, path.parameters)
        return InvocationId(require(found.one_or_none(), parts=3).invocations_invocation_id)

    async def is_settled(self, path: InvocationPath) -> bool:
        """As `Invocation.is_settled`, without reading the whole invocation. Raises as `find` does."""
        found = await self._connection.execute(_IS_SETTLED, path.parameters)
        return bool(require(found.one_or_none(), parts=3).is_settled)

    async def read(
        self, invocation_id: InvocationId, *, attempt: int, known: ExecutionSnapshot | None = None
    ) -> InvocationSnapshot:
        """The invocation with the first two of its executions from this attempt on.

        `known`: an execution as it was read before. If it has not changed since, its output, which may be long, is not
        read again.

        Raises InvocationDoesNotExist.
        """
        parameters = {
            _INVOCATION.key: invocation_id,
            _ATTEMPT.key: attempt,
            _KNOWN_EXECUTION.key: None if known is None else known.execution_id,
            _KNOWN_UPDATE.key: None if known is None else known.last_update_time,
        }
        rows = (await self._connection.execute(_STATE, parameters)).all()
        if not rows:
            raise InvocationDoesNotExist
        first = rows[0]
        return InvocationSnapshot(
            invocation_id=invocation_id,
            status=InvocationStatus(first.status),
            cancellation_request_time=first.cancellation_request_time,
            creation_time=first.invocation_creation_time,
            last_update_time=first.invocation_update_time,
            read_time=first.read_time,
            executions=tuple(_to_executions(rows, known)),
        )


def _to_executions(
    rows: Sequence[Row[*tuple[Any, ...]]], known: ExecutionSnapshot | None
) -> Iterator[ExecutionSnapshot]:
    for row in rows:
        if row.execution_id is None:  # there is none
            return
        is_known = (
            known is not None
            and known.execution_id == row.execution_id
            and known.last_update_time == row.last_update_time
        )
        yield ExecutionSnapshot(
            execution_id=ExecutionId(row.execution_id),
            attempt=row.attempt,
            launch=row.launch,
            container_status=ContainerStatus(row.container_status),
            container_details=to_container_details(row.container_type, row.container_identifier, row.logs_identifier),
            outcome=None if row.outcome is None else ExecutionOutcome(row.outcome),
            output=known.output if known is not None and is_known else row.output,
            error_message=row.error_message,
            creation_time=row.creation_time,
            launch_time=row.launch_time,
            execution_start_time=row.execution_start_time,
            execution_finish_time=row.execution_finish_time,
            last_update_time=row.last_update_time,
            marked_launch=row.marked_launch,
            is_warm_start=row.is_warm_start,
        )
