"""Executions that run for longer than their function's attempts may: told to stop, and failed."""

from datetime import timedelta

from sqlalchemy import Interval, Text, bindparam, case, func, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.elements import ColumnElement

from control_plane_server.catalog.tables import ExecutionRow, FunctionRow, InvocationRow
from control_plane_server.domain.entities import ContainerStatus
from control_plane_server.domain.identifiers import ExecutionId

# Of an execution of a FunctionRow; null if its attempts have no timeout.
ATTEMPT_TIMEOUT_TEXT: ColumnElement[str | None] = case(
    (
        FunctionRow.attempt_timeout_seconds.is_not(None),
        func.concat(
            "AttemptTimedOut: it ran for longer than ", FunctionRow.attempt_timeout_seconds, " s: attempt_timeout"
        ),
    )
)
# Whether an execution was told to stop, and its invocation was not: nothing else tells an execution alone.
IS_TIMED_OUT_ATTEMPT = (
    ExecutionRow.termination_signal_time.is_not(None)
    & InvocationRow.stop_time.is_(None)
    & InvocationRow.cancellation_request_time.is_(None)
    & FunctionRow.attempt_timeout_seconds.is_not(None)
)

_EXECUTION = bindparam("timed_execution", type_=Text)
_TIMEOUT = bindparam("timed_timeout", type_=Interval)
_TIME_OUT = (
    update(ExecutionRow)
    .where(
        ExecutionRow.execution_id == _EXECUTION,
        ExecutionRow.container_status != ContainerStatus.TERMINATED,
        ExecutionRow.execution_start_time <= func.clock_timestamp() - _TIMEOUT,
        ExecutionRow.execution_finish_time.is_(None),
        ExecutionRow.termination_signal_time.is_(None),
    )
    .values(termination_signal_time=func.clock_timestamp(), last_update_time=func.clock_timestamp())
    .returning(ExecutionRow.execution_id)
)


class AttemptTimeoutRepository:
    """One conditional statement, which commits by itself."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def time_out(self, execution_id: ExecutionId, *, after: timedelta) -> bool:
        """Record that the execution must stop if its container started it so long ago and has not reported. Returns
        whether it was this call that did."""
        timed_out = await self._connection.scalar(_TIME_OUT, {_EXECUTION.key: execution_id, _TIMEOUT.key: after})
        return timed_out is not None
