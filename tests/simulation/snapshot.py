"""The whole catalog at one instant, as the invariants are checked on it."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Row, Select, or_, select

from control_plane_server.catalog.database import Database
from control_plane_server.catalog.pauses import is_paused
from control_plane_server.catalog.tables import (
    ExecutionRow,
    FunctionRow,
    InvocationRow,
    ProjectRow,
    VersionRow,
    WaitingExecutionRow,
)
from control_plane_server.domain.entities import (
    ContainerStatus,
    ExecutionOutcome,
    FunctionStatus,
    InvocationOutcome,
    InvocationStatus,
)
from control_plane_server.domain.identifiers import ExecutionId, FunctionName, InvocationId

_Row = Row[*tuple[Any, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionState:
    """`is_ready`: until then what is called waits, whatever is free."""

    name: FunctionName
    max_concurrency: int
    max_retries: int
    timeout_seconds: int
    is_ready: bool = True
    is_paused: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionState:
    """`launches`: without those that were refused; `newest_launch`: its number. `end_time` is None while it holds its
    slot."""

    execution_id: ExecutionId
    attempt: int
    launches: int
    newest_launch: int
    outcome: ExecutionOutcome | None
    is_signalled: bool
    creation_time: datetime
    end_time: datetime | None
    error_message: str | None

    @property
    def is_live(self) -> bool:
        return self.end_time is None

    @property
    def is_final(self) -> bool:
        return self.outcome in (ExecutionOutcome.SUCCEEDED, ExecutionOutcome.ABORTED)


@dataclass(frozen=True, slots=True, kw_only=True)
class InvocationState:
    """`waits_with`: the execution, and its attempt, that waits in the queue. `executions`: by attempt."""

    invocation_id: InvocationId
    function_id: int
    parent_id: InvocationId | None
    status: InvocationStatus
    creation_time: datetime
    last_update_time: datetime
    is_cancelled: bool
    is_stopped: bool
    outcome: InvocationOutcome | None
    waits_with: tuple[ExecutionId, int] | None
    executions: tuple[ExecutionState, ...]
    not_before: datetime | None = None
    priority: int = 5
    concurrency_key: str | None = None
    concurrency_limit: int | None = None

    @property
    def waits_from(self) -> datetime:
        return self.not_before or self.creation_time

    @property
    def is_delayed(self) -> bool:
        return self.waits_from > datetime.now(UTC)

    @property
    def place(self) -> tuple[datetime, InvocationId]:
        """The smaller one comes first in the queue: a step of the priority is an hour."""
        return self.waits_from - timedelta(hours=self.priority - 5), self.invocation_id

    @property
    def is_running(self) -> bool:
        return self.status is InvocationStatus.RUNNING


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    functions: Mapping[int, FunctionState]
    invocations: Mapping[InvocationId, InvocationState]

    def invocations_of(self, function_id: int) -> list[InvocationState]:
        return [one for one in self.invocations.values() if one.function_id == function_id]


async def read_snapshot(database: Database) -> Snapshot:
    """One statement, and so one instant."""
    async with database.statement() as connection:
        found = (await connection.execute(_EVERYTHING)).all()
    functions: dict[int, FunctionState] = {}
    rows_of: defaultdict[InvocationId, list[_Row]] = defaultdict(list)
    for row in found:
        functions.setdefault(row.function_id, _function(row))
        if row.invocation_id is not None:
            rows_of[InvocationId(row.invocation_id)].append(row)
    return Snapshot(
        functions=functions,
        invocations={invocation_id: _invocation(rows) for invocation_id, rows in rows_of.items()},
    )


# Functions with their invocations, and these with their attempts: one row for each attempt, or for what has none.
_EVERYTHING: Select[*tuple[Any, ...]] = (
    select(
        FunctionRow.function_id,
        FunctionRow.function_name,
        FunctionRow.max_concurrency,
        FunctionRow.max_retries,
        FunctionRow.timeout_seconds,
        FunctionRow.status.label("function_status"),
        or_(is_paused(FunctionRow), is_paused(ProjectRow)).label("function_is_paused"),
        InvocationRow.invocation_id,
        InvocationRow.parent_invocation_id,
        InvocationRow.status,
        InvocationRow.creation_time,
        InvocationRow.not_before,
        InvocationRow.priority,
        InvocationRow.concurrency_key,
        InvocationRow.concurrency_limit,
        InvocationRow.last_update_time,
        InvocationRow.cancellation_request_time,
        InvocationRow.stop_time,
        InvocationRow.outcome.label("invocation_outcome"),
        WaitingExecutionRow.execution_id.label("waiting_execution_id"),
        WaitingExecutionRow.attempt.label("waiting_attempt"),
        ExecutionRow.execution_id,
        ExecutionRow.attempt,
        (ExecutionRow.launches - ExecutionRow.refused_launches).label("launches"),
        ExecutionRow.launches.label("newest_launch"),
        ExecutionRow.error_message,
        ExecutionRow.container_status.label("container_status"),
        ExecutionRow.outcome,
        ExecutionRow.termination_signal_time,
        ExecutionRow.creation_time.label("execution_creation_time"),
        ExecutionRow.last_update_time.label("execution_last_update_time"),
    )
    .select_from(FunctionRow)
    .join(VersionRow, VersionRow.version_id == FunctionRow.version_id)
    .join(ProjectRow, ProjectRow.project_name == VersionRow.project_name)
    .outerjoin(InvocationRow, InvocationRow.function_id == FunctionRow.function_id)
    .outerjoin(WaitingExecutionRow, WaitingExecutionRow.invocation_id == InvocationRow.invocation_id)
    .outerjoin(ExecutionRow, ExecutionRow.invocation_id == InvocationRow.invocation_id)
    .order_by(ExecutionRow.attempt)
)


def _function(row: _Row) -> FunctionState:
    return FunctionState(
        name=FunctionName(row.function_name),
        max_concurrency=row.max_concurrency,
        max_retries=row.max_retries,
        timeout_seconds=row.timeout_seconds,
        is_ready=row.function_status == FunctionStatus.READY,
        is_paused=row.function_is_paused,
    )


def _invocation(rows: list[_Row]) -> InvocationState:
    row = rows[0]
    waits_with = None
    if row.waiting_execution_id is not None:
        waits_with = (ExecutionId(row.waiting_execution_id), row.waiting_attempt)
    return InvocationState(
        invocation_id=InvocationId(row.invocation_id),
        function_id=row.function_id,
        parent_id=None if row.parent_invocation_id is None else InvocationId(row.parent_invocation_id),
        status=InvocationStatus(row.status),
        creation_time=row.creation_time,
        last_update_time=row.last_update_time,
        is_cancelled=row.cancellation_request_time is not None,
        is_stopped=row.stop_time is not None,
        outcome=None if row.invocation_outcome is None else InvocationOutcome(row.invocation_outcome),
        waits_with=waits_with,
        executions=tuple(_execution(attempt) for attempt in rows if attempt.execution_id is not None),
        not_before=row.not_before,
        priority=row.priority,
        concurrency_key=row.concurrency_key,
        concurrency_limit=row.concurrency_limit,
    )


def _execution(row: _Row) -> ExecutionState:
    return ExecutionState(
        execution_id=ExecutionId(row.execution_id),
        attempt=row.attempt,
        launches=row.launches,
        newest_launch=row.newest_launch,
        error_message=row.error_message,
        outcome=None if row.outcome is None else ExecutionOutcome(row.outcome),
        is_signalled=row.termination_signal_time is not None,
        creation_time=row.execution_creation_time,
        # Nothing is written to an execution after its end.
        end_time=row.execution_last_update_time if row.container_status == ContainerStatus.TERMINATED else None,
    )
