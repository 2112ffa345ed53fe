"""What a container does with its own execution: read it, start, report progress, finish. Plain conditional updates."""

from collections.abc import Callable

from sqlalchemy import Update, case, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql.elements import ColumnElement

from catalog.converters import to_execution_detail
from catalog.notifications import EXECUTIONS_CHANNEL, INVOCATIONS_CHANNEL
from catalog.paths import ExecutionPath, along_execution, require, searchable, version_matches
from catalog.tables import ExecutionRow, FunctionRow, InvocationRow, VersionRow
from domain.entities import Execution, ExecutionDetail, ExecutionOutcome, WorkerStatus
from domain.errors import (
    Conflict,
    ExecutionHasAlreadyFinished,
    ExecutionHasAlreadyStarted,
    ExecutionHasNotStarted,
    ExecutionIsAlreadyTerminated,
)
from domain.identifiers import ExecutionId, ProjectName

# One clock reading per statement: times written together are equal.
_NOW = func.statement_timestamp()


class ExecutionRepository:
    """Every change is one conditional statement; only one that changed nothing is followed by a second, to say why.

    Every method that takes a path raises the NotFound of the outermost part that is missing.
    """

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, path: ExecutionPath) -> ExecutionDetail:
        found = await self._session.execute(
            along_execution(select(VersionRow, FunctionRow, InvocationRow, ExecutionRow), path)
        )
        version, function, invocation, execution = require(found.one_or_none(), parts=4)
        return to_execution_detail(version=version, function=function, invocation=invocation, execution=execution)

    async def start(self, path: ExecutionPath) -> ExecutionDetail:
        """Raises ExecutionHasAlreadyStarted, ExecutionIsAlreadyTerminated."""
        statement = (
            _change(path)
            .where(ExecutionRow.execution_start_time.is_(None))
            .values(execution_start_time=_NOW, last_update_time=_NOW)
        )
        return await self._apply(statement, path, _refusal_to_start)

    async def update(self, path: ExecutionPath, *, latest_output: str) -> ExecutionDetail:
        """Raises ExecutionHasNotStarted, ExecutionHasAlreadyFinished, ExecutionIsAlreadyTerminated."""
        statement = _change(path).where(*_IN_PROGRESS).values(output=latest_output, last_update_time=_NOW)
        return await self._apply(statement, path, _refusal_to_report)

    async def finish(
        self, path: ExecutionPath, *, outcome: ExecutionOutcome, final_output: str | None, error_message: str | None
    ) -> ExecutionDetail:
        """Record the outcome and wake who waits for it. A `final_output` of None keeps the last update's.

        A container aborts because it was told to stop. If not by us, then by infrastructure, perhaps, which takes it
        away: that is known when it is gone, and only then the abort becomes the outcome.

        Raises ExecutionHasNotStarted, ExecutionHasAlreadyFinished, ExecutionIsAlreadyTerminated.
        """
        statement = (
            _change(
                path,
                func.pg_notify(EXECUTIONS_CHANNEL, ExecutionRow.execution_id),
                func.pg_notify(INVOCATIONS_CHANNEL, ExecutionRow.invocation_id),
            )
            .where(*_IN_PROGRESS)
            .values(
                outcome=(
                    case((ExecutionRow.termination_signal_time.is_not(None), outcome.value))
                    if outcome is ExecutionOutcome.ABORTED
                    else outcome.value
                ),
                output=func.coalesce(final_output, ExecutionRow.output),
                error_message=error_message,
                execution_finish_time=_NOW,
                last_update_time=_NOW,
            )
        )
        return await self._apply(statement, path, _refusal_to_report)

    async def project_of_live(self, execution_id: ExecutionId) -> ProjectName | None:
        """The project of an execution whose worker is not TERMINATED."""
        name = await self._session.scalar(
            select(VersionRow.project_name)
            .join(FunctionRow, FunctionRow.version_id == VersionRow.version_id)
            .join(InvocationRow, InvocationRow.function_id == FunctionRow.function_id)
            .join(ExecutionRow, ExecutionRow.invocation_id == InvocationRow.invocation_id)
            .where(ExecutionRow.execution_id == searchable(execution_id), _IS_LIVE)
        )
        return None if name is None else ProjectName(name)

    async def _apply(
        self, statement: Update, path: ExecutionPath, refusal: Callable[[Execution], Conflict]
    ) -> ExecutionDetail:
        row = (await self._session.execute(statement)).one_or_none()
        if row is None:
            raise refusal((await self.get(path)).execution)
        version, function, invocation, execution = row[:4]
        return to_execution_detail(version=version, function=function, invocation=invocation, execution=execution)


_IS_LIVE = ExecutionRow.worker_status != WorkerStatus.TERMINATED.value
_IN_PROGRESS: tuple[ColumnElement[bool], ...] = (
    ExecutionRow.execution_start_time.is_not(None),
    ExecutionRow.execution_finish_time.is_(None),
)


def _change(path: ExecutionPath, *notifications: ColumnElement[None]) -> Update:
    """An update of the live execution at this path that returns all of `ExecutionDetail`."""
    function_path = path.invocation.function
    return (
        update(ExecutionRow)
        .where(
            ExecutionRow.execution_id == searchable(path.execution_id),
            ExecutionRow.invocation_id == searchable(path.invocation.invocation_id),
            InvocationRow.invocation_id == ExecutionRow.invocation_id,
            FunctionRow.function_id == InvocationRow.function_id,
            FunctionRow.function_name == searchable(function_path.function_name),
            VersionRow.version_id == FunctionRow.version_id,
            VersionRow.project_name == searchable(function_path.project_name),
            version_matches(project_name=function_path.project_name, version_ref=function_path.version_ref),
            _IS_LIVE,
        )
        .returning(VersionRow, FunctionRow, InvocationRow, ExecutionRow, *notifications)
        .execution_options(synchronize_session=False)
    )


def _refusal_to_start(execution: Execution) -> Conflict:
    if execution.execution_start_time is not None:
        return ExecutionHasAlreadyStarted()
    return ExecutionIsAlreadyTerminated()


def _refusal_to_report(execution: Execution) -> Conflict:
    if execution.execution_start_time is None:
        return ExecutionHasNotStarted()
    if execution.execution_finish_time is not None:
        return ExecutionHasAlreadyFinished()
    return ExecutionIsAlreadyTerminated()
