"""What a container does with its own execution: read it, start, report progress, finish. Plain conditional updates."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from sqlalchemy import Boolean, Integer, Text, and_, any_, bindparam, case, false, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.dml import ReturningUpdate
from sqlalchemy.sql.elements import ColumnElement

from control_plane_server.catalog.base import columns_of
from control_plane_server.catalog.blobs import BlobRepository
from control_plane_server.catalog.converters import to_execution_detail
from control_plane_server.catalog.database import one_or_none
from control_plane_server.catalog.driver_statements import DriverStatement
from control_plane_server.catalog.execution_lifecycle.attempt_timeouts import ATTEMPT_TIMEOUT_TEXT, IS_TIMED_OUT_ATTEMPT
from control_plane_server.catalog.notifications import EXECUTIONS_CHANNEL, INVOCATIONS_CHANNEL
from control_plane_server.catalog.paths import (
    EXECUTION_MATCHES,
    INVOCATION_MATCHES,
    ExecutionPath,
    along_execution,
    require,
    searchable,
)
from control_plane_server.catalog.tables import ExecutionRow, FunctionRow, InvocationRow, VersionRow
from control_plane_server.domain.blobs import Blob
from control_plane_server.domain.entities import ContainerStatus, Execution, ExecutionDetail, ExecutionOutcome
from control_plane_server.domain.errors import (
    Conflict,
    ExecutionHasAlreadyFinished,
    ExecutionHasAlreadyStarted,
    ExecutionHasNotStarted,
    ExecutionIsAlreadyTerminated,
)
from control_plane_server.domain.identifiers import ExecutionId, InvocationId, ProjectName

_OUTCOME = bindparam("reported_outcome", type_=Text)
_OUTPUT = bindparam("reported_output", type_=Text)
_ERROR_MESSAGE = bindparam("reported_error", type_=Text)
_ERROR_TRACEBACK = bindparam("reported_traceback", type_=Text)
_IS_RETRYABLE = bindparam("reported_retry", type_=Boolean)
_OUTPUT_BLOB = bindparam("reported_blob", type_=Text)
_EXECUTION = bindparam("wanted_execution", type_=Text)
_LAUNCH = bindparam("reporting_launch", type_=Integer)

# One clock reading per statement: times written together are equal.
_NOW = func.statement_timestamp()
# Not as the index of held slots has it: PostgreSQL would read all of that where it was short once.
IS_LIVE = ExecutionRow.container_status.is_distinct_from(ContainerStatus.TERMINATED.value)
IN_PROGRESS: tuple[ColumnElement[bool], ...] = (
    ExecutionRow.execution_start_time.is_not(None),
    ExecutionRow.execution_finish_time.is_(None),
)
# The name before the colon, whatever image reports it.
_IS_FINAL_ERROR = func.coalesce(func.split_part(_ERROR_MESSAGE, ":", 1) == any_(FunctionRow.no_retry_on), false())
# Without a success in spite of that.
_IS_TIMED_OUT_ATTEMPT = and_(IS_TIMED_OUT_ATTEMPT, _OUTCOME.is_distinct_from(ExecutionOutcome.SUCCEEDED.value))

# All of `ExecutionDetail`.
_DETAIL = columns_of(VersionRow, FunctionRow, InvocationRow, ExecutionRow)
# Of a launch that has been overtaken nothing is taken any more. Who names none may be of any.
_IS_NEWEST_LAUNCH = or_(_LAUNCH.is_(None), ExecutionRow.launches == _LAUNCH)


def _change(*notifications: ColumnElement[None]) -> ReturningUpdate[*tuple[Any, ...]]:
    """An update of the live execution at a path that returns its detail."""
    return (
        update(ExecutionRow)
        .where(*EXECUTION_MATCHES, *INVOCATION_MATCHES, IS_LIVE, _IS_NEWEST_LAUNCH)
        .returning(*_DETAIL, *notifications)
    )


_GET = along_execution(select(*_DETAIL))
_START = DriverStatement(
    _change()
    .where(ExecutionRow.execution_start_time.is_(None))
    .values(execution_start_time=_NOW, last_update_time=_NOW)
)
_UPDATE = DriverStatement(_change().where(*IN_PROGRESS).values(output=_OUTPUT, last_update_time=_NOW))
_TELL_FINISH = (
    func.pg_notify(EXECUTIONS_CHANNEL, ExecutionRow.execution_id),
    func.pg_notify(INVOCATIONS_CHANNEL, ExecutionRow.invocation_id),
)
_FINISHED = {
    "outcome": case(
        (_IS_TIMED_OUT_ATTEMPT, ExecutionOutcome.FAILED.value),
        (
            and_(
                ExecutionRow.termination_signal_time.is_not(None),
                _OUTCOME.is_distinct_from(ExecutionOutcome.SUCCEEDED.value),
            ),
            ExecutionOutcome.ABORTED.value,
        ),
        (or_(_OUTCOME.is_distinct_from(ExecutionOutcome.ABORTED.value)), _OUTCOME),
    ),
    # With a blob none, not even that of progress: who does not know blobs must not take it for the result.
    "output": case((_OUTPUT_BLOB.is_(None), func.coalesce(_OUTPUT, ExecutionRow.output))),
    "output_blob_id": _OUTPUT_BLOB,
    "error_message": case((_IS_TIMED_OUT_ATTEMPT, ATTEMPT_TIMEOUT_TEXT), else_=_ERROR_MESSAGE),
    "error_traceback": _ERROR_TRACEBACK,
    # What the code makes of its stop is no word about another attempt.
    "is_retryable": case(
        ((_IS_RETRYABLE & ~_IS_FINAL_ERROR) | _IS_TIMED_OUT_ATTEMPT, ExecutionRow.is_retryable), else_=False
    ),
    "execution_finish_time": _NOW,
    "last_update_time": _NOW,
}
_FINISH = DriverStatement(_change(*_TELL_FINISH).where(*IN_PROGRESS).values(**_FINISHED))
_FINISH_LAUNCH = DriverStatement(
    update(ExecutionRow)
    .where(
        ExecutionRow.execution_id == _EXECUTION,
        ExecutionRow.launches == _LAUNCH,
        InvocationRow.invocation_id == ExecutionRow.invocation_id,
        FunctionRow.function_id == InvocationRow.function_id,
        IS_LIVE,
        *IN_PROGRESS,
    )
    .values(**_FINISHED)
    .returning(*_TELL_FINISH)
)
_CALLER = (
    select(VersionRow.project_name, InvocationRow.invocation_id)
    .join(FunctionRow, FunctionRow.version_id == VersionRow.version_id)
    .join(InvocationRow, InvocationRow.function_id == FunctionRow.function_id)
    .join(ExecutionRow, ExecutionRow.invocation_id == InvocationRow.invocation_id)
    .where(ExecutionRow.execution_id == _EXECUTION, IS_LIVE, _IS_NEWEST_LAUNCH)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """The project and the invocation of an execution that calls the API."""

    project_name: ProjectName
    invocation_id: InvocationId


@dataclass(frozen=True, slots=True, kw_only=True)
class FinalReport:
    """What a container says at the end of its work. An `output` of None keeps the last update's. If not `is_retryable`,
    no attempt follows a failure."""

    outcome: ExecutionOutcome
    output: str | None = None
    error_message: str | None = None
    error_traceback: str | None = None
    is_retryable: bool = True


class ExecutionRepository:
    """Every change is one conditional statement; only one that changed nothing is followed by a second, to say why.

    Every method that takes a path raises the NotFound of the outermost part that is missing. For a launch that has been
    overtaken the execution is as one that has terminated.
    """

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def get(self, path: ExecutionPath) -> ExecutionDetail:
        """One execution with its function, its invocation's input and times."""
        found = await self._connection.execute(_GET, path.parameters)
        return to_execution_detail(require(found.one_or_none(), parts=4))

    async def start(self, path: ExecutionPath) -> ExecutionDetail:
        """Raises ExecutionHasAlreadyStarted, ExecutionIsAlreadyTerminated."""
        return await self._apply(_START, path, _refusal_to_start)

    async def update(self, path: ExecutionPath, *, latest_output: str) -> ExecutionDetail:
        """Raises ExecutionHasNotStarted, ExecutionHasAlreadyFinished, ExecutionIsAlreadyTerminated."""
        return await self._apply(_UPDATE, path, refusal_to_report, {_OUTPUT.key: latest_output})

    async def finish(
        self,
        path: ExecutionPath,
        report: FinalReport,
        *,
        output_blob: Blob | None = None,
    ) -> ExecutionDetail:
        """Record the outcome and notify it. With an `output_blob` by two statements, in a transaction.

        A container that we stopped has the outcome ABORTED, whatever it reports but a success; one whose attempt timed
        out has FAILED. An abort that we did not cause may be the infrastructure's doing: that is known when the
        container is gone, and only then the abort becomes the outcome.

        Raises ExecutionHasNotStarted, ExecutionHasAlreadyFinished, ExecutionIsAlreadyTerminated.
        """
        finished = await self._apply(_FINISH, path, refusal_to_report, _finish_parameters(report, output_blob))
        if output_blob is not None:
            await BlobRepository(self._connection).complete(output_blob)
        return finished

    async def finish_launch(self, execution_id: ExecutionId, launch: int, report: FinalReport) -> None:
        """As `finish`. Where this launch is not under way any more nothing changes: whoever says it may repeat it."""
        of_launch = {_EXECUTION.key: execution_id, _LAUNCH.key: launch}
        await one_or_none(self._connection, _FINISH_LAUNCH, of_launch | _finish_parameters(report, None))

    async def project_of_live(self, execution_id: ExecutionId, launch: int | None = None) -> ProjectName | None:
        """The project of an execution whose container is not TERMINATED, and not that of a later launch."""
        caller = await self.caller(execution_id, launch)
        return None if caller is None else caller.project_name

    async def caller(self, execution_id: ExecutionId, launch: int | None = None) -> Caller | None:
        """Of whom a token is, as long as the execution's container is not TERMINATED, nor that of a later launch."""
        of_execution = {_EXECUTION.key: searchable(execution_id), _LAUNCH.key: launch}
        row = (await self._connection.execute(_CALLER, of_execution)).one_or_none()
        if row is None:
            return None
        return Caller(project_name=ProjectName(row.project_name), invocation_id=InvocationId(row.invocation_id))

    async def _apply(
        self,
        change: DriverStatement,
        path: ExecutionPath,
        refusal: Callable[[Execution], Conflict],
        report: Mapping[str, object] = MappingProxyType({}),
    ) -> ExecutionDetail:
        parameters = path.parameters | {_LAUNCH.key: path.launch} | dict(report)
        row = await one_or_none(self._connection, change, parameters)
        if row is None:
            execution = (await self.get(path)).execution
            raise ExecutionIsAlreadyTerminated if is_overtaken(path, execution) else refusal(execution)
        return to_execution_detail(row)


def _finish_parameters(report: FinalReport, output_blob: Blob | None) -> dict[str, object]:
    return {
        _OUTCOME.key: report.outcome.value,
        _OUTPUT.key: report.output,
        _OUTPUT_BLOB.key: None if output_blob is None else output_blob.blob_id,
        _ERROR_MESSAGE.key: report.error_message,
        _ERROR_TRACEBACK.key: report.error_traceback,
        _IS_RETRYABLE.key: report.is_retryable,
    }


def is_overtaken(path: ExecutionPath, execution: Execution) -> bool:
    return path.launch is not None and path.launch != execution.newest_launch


def _refusal_to_start(execution: Execution) -> Conflict:
    if execution.execution_start_time is not None:
        return ExecutionHasAlreadyStarted()
    return ExecutionIsAlreadyTerminated()


def refusal_to_report(execution: Execution) -> Conflict:
    if execution.execution_start_time is None:
        return ExecutionHasNotStarted()
    if execution.execution_finish_time is not None:
        return ExecutionHasAlreadyFinished()
    return ExecutionIsAlreadyTerminated()
