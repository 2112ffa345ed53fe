"""How executions and invocations end.

Always under the function's lock, the slot handed on in the same transaction.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Row, Text, bindparam, delete, exists, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from catalog.execution_lifecycle.slots import Grant, SlotQueue
from catalog.execution_lifecycle.stops import (
    IS_CANCELLATION,
    STOPPED_INVOCATION,
    StopRepository,
    is_stopped,
    signal_live_executions,
    stop_values,
)
from catalog.notifications import EXECUTIONS_CHANNEL, INVOCATIONS_CHANNEL
from catalog.tables import ExecutionRow, FunctionRow, InvocationRow, WaitingExecutionRow
from domain.entities import ContainerStatus, ExecutionOutcome, InvocationStatus
from domain.errors import ExecutionIsForgotten, LaunchIsSuperseded
from domain.identifiers import ExecutionId, InvocationId
from domain.messages import StopReason


@dataclass(frozen=True, slots=True, kw_only=True)
class TerminatedInvocation:
    """Whom to tell: who got the slot, and the children that must be cancelled."""

    grants: tuple[Grant, ...]
    children: tuple[InvocationId, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TerminatedExecution:
    """What an execution left, whether its invocation ended with it, by a stop or by itself, and whom to tell.

    `is_new`: it ended just now; else it had ended before, and this is what was recorded. `creation_time`: when it got
    its slot; None if it was deleted with its project.
    """

    is_new: bool
    creation_time: datetime | None
    outcome: ExecutionOutcome | None
    error_message: str | None
    invocation_ended: bool
    was_stopped: bool
    grants: tuple[Grant, ...]
    children: tuple[InvocationId, ...]


_INVOCATION = bindparam("terminated_invocation", type_=Text)
_EXECUTION = bindparam("terminated_execution", type_=Text)
_FUNCTION = bindparam("terminated_function", type_=BigInteger)
_OUTCOME = bindparam("terminated_outcome", type_=Text)
_ERROR_MESSAGE = bindparam("terminated_error", type_=Text)

# An execution with its invocation's state, under the locks of its function, its invocation and itself: they are taken
# in the order in which they are named, and what is read is as it is under the lock. A report or a cancellation that
# comes at this moment is either seen here or refused.
_LOCKED = (
    select(
        FunctionRow.function_id,
        ExecutionRow.creation_time,
        ExecutionRow.container_status.label("container_status"),
        ExecutionRow.launches,
        ExecutionRow.outcome,
        ExecutionRow.error_message,
        ExecutionRow.execution_finish_time,
        ExecutionRow.termination_signal_time,
        InvocationRow.status,
        InvocationRow.stop_time,
        is_stopped(InvocationRow).label("is_stopped"),
    )
    .select_from(FunctionRow)
    .join(InvocationRow, InvocationRow.function_id == FunctionRow.function_id)
    .join(ExecutionRow, ExecutionRow.invocation_id == InvocationRow.invocation_id)
    .where(ExecutionRow.execution_id == _EXECUTION)
    .with_for_update(key_share=True, of=(FunctionRow, InvocationRow, ExecutionRow))
)
_TERMINATED = (
    update(InvocationRow)
    .where(InvocationRow.invocation_id == _INVOCATION, InvocationRow.status == InvocationStatus.RUNNING)
    .values(status=InvocationStatus.TERMINATED, last_update_time=func.clock_timestamp())
    .returning(InvocationRow.invocation_id)
    .cte("terminated")
)
_TERMINATE = select(func.pg_notify(INVOCATIONS_CHANNEL, _TERMINATED.c.invocation_id))

# Out of the queue, without live executions, TERMINATED. It may not have been stopped before: a child that is yet to
# come must see it. Signalled and never started is how clients tell a stopped execution from a failed one.
_LEFT = (
    delete(WaitingExecutionRow)
    .where(WaitingExecutionRow.invocation_id == STOPPED_INVOCATION)
    .returning(WaitingExecutionRow.invocation_id)
    .cte("left_queue")
)
_GIVEN_UP = (
    signal_live_executions(container_status=ContainerStatus.TERMINATED, last_update_time=func.clock_timestamp())
    .returning(func.pg_notify(EXECUTIONS_CHANNEL, ExecutionRow.execution_id))
    .cte("given_up")
)
_END = (
    update(InvocationRow)
    .where(InvocationRow.invocation_id == STOPPED_INVOCATION, InvocationRow.status == InvocationStatus.RUNNING)
    .values(**stop_values(), status=InvocationStatus.TERMINATED, last_update_time=func.clock_timestamp())
    .returning(InvocationRow.invocation_id, func.pg_notify(INVOCATIONS_CHANNEL, InvocationRow.invocation_id))
    .add_cte(_LEFT, _GIVEN_UP)
)
_REVOKE = (
    update(ExecutionRow)
    .where(
        ExecutionRow.execution_id == _EXECUTION,
        ExecutionRow.claim_time.is_(None),
        ExecutionRow.container_status != ContainerStatus.TERMINATED,
    )
    .values(
        container_status=ContainerStatus.TERMINATED,
        termination_signal_time=func.clock_timestamp(),
        last_update_time=func.clock_timestamp(),
    )
    .returning(ExecutionRow.execution_id)
)
_CLOSED = (
    update(ExecutionRow)
    .where(ExecutionRow.execution_id == _EXECUTION)
    .values(
        container_status=ContainerStatus.TERMINATED,
        outcome=_OUTCOME,
        error_message=_ERROR_MESSAGE,
        last_update_time=func.clock_timestamp(),
    )
    .returning(ExecutionRow.execution_id)
    .cte("closed")
)
# The execution ends, the invocation with it if one is named, and who waits for the function is looked for.
_CLOSE = select(
    exists().where(WaitingExecutionRow.function_id == _FUNCTION),
    _TERMINATE.scalar_subquery(),
).add_cte(_CLOSED)


class TerminationRepository:
    """The endings, inside the caller's transaction. Each may be repeated: what has ended stays as it ended."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._slots = SlotQueue(connection)
        self._stops = StopRepository(connection)

    async def terminate_execution(
        self,
        *,
        invocation_id: InvocationId,
        execution_id: ExecutionId,
        reason: str | None,
        allows_retry: bool,
        launch: int | None = None,
    ) -> TerminatedExecution:
        """The container of this launch is gone, or never came: TERMINATED, its slot to the next in the queue.

        `reason` becomes the error message unless the container reported an outcome or we stopped it. The invocation
        ends too, unless the attempt failed, nothing stopped the invocation and `allows_retry`.

        Raises LaunchIsSuperseded if the execution has gone on to a later launch, ExecutionIsForgotten if the catalog
        was restored from a backup that does not know it.
        """
        state = (await self._connection.execute(_LOCKED, {_EXECUTION.key: execution_id})).one_or_none()
        if state is None and await self._runs(invocation_id):
            raise ExecutionIsForgotten
        if state is None:  # deleted with its project
            return TerminatedExecution(
                is_new=False,
                creation_time=None,
                outcome=None,
                error_message=reason,
                invocation_ended=True,
                was_stopped=True,
                grants=(),
                children=(),
            )
        is_live = state.container_status != ContainerStatus.TERMINATED
        if is_live and launch is not None and state.launches > launch:
            raise LaunchIsSuperseded
        outcome = _outcome(state)
        error_message: str | None = state.error_message
        if not is_live:
            ended = state.status == InvocationStatus.TERMINATED
            grants = await self._slots.unsignalled_grants(state.function_id)
        else:
            if outcome is None and state.termination_signal_time is None:
                error_message = reason
            has_failed = outcome is None or outcome is ExecutionOutcome.FAILED
            ended = not has_failed or state.is_stopped or not allows_retry
            somebody_waits = await self._connection.scalar(
                _CLOSE,
                {
                    _EXECUTION.key: execution_id,
                    _INVOCATION.key: invocation_id if ended else None,
                    _FUNCTION.key: state.function_id,
                    _OUTCOME.key: outcome,
                    _ERROR_MESSAGE.key: error_message,
                },
            )
            grants = await self._slots.grant_free_slots(state.function_id) if somebody_waits else ()
        return TerminatedExecution(
            is_new=is_live,
            creation_time=state.creation_time,
            outcome=outcome,
            error_message=error_message,
            invocation_ended=ended,
            was_stopped=state.is_stopped,
            grants=grants,
            children=await self._children_to_tell(invocation_id, state, is_new=is_live),
        )

    async def _runs(self, invocation_id: InvocationId) -> bool:
        found = await self._connection.scalar(
            select(InvocationRow.invocation_id).where(
                InvocationRow.invocation_id == invocation_id, InvocationRow.status == InvocationStatus.RUNNING
            )
        )
        return found is not None

    async def _children_to_tell(
        self, invocation_id: InvocationId, state: Row[*tuple[Any, ...]], *, is_new: bool
    ) -> tuple[InvocationId, ...]:
        """Whoever made the invocation stop has noted its children, and tells them. Of one that somebody asked to stop
        and that has ended before, they are noted here."""
        if not state.is_stopped or (is_new and state.stop_time is not None):
            return ()
        return await self._stops.cancel_children(invocation_id, includes_noted=not is_new)

    async def revoke_grant(self, grant: Grant) -> tuple[Grant, ...]:
        """The slot of an execution whose workflow is closed, so that it cannot take it up, goes to the next. Not if it
        has been taken up. The execution is as one that was stopped before it had a container."""
        function_id = await self._slots.lock_function_of(grant.invocation_id)
        revoked = await self._connection.scalar(_REVOKE, {_EXECUTION.key: grant.execution_id})
        if function_id is None or revoked is None:
            return ()
        return await self._slots.grant_free_slots(function_id)

    async def terminate_invocation(
        self, invocation_id: InvocationId, *, reason: StopReason | None
    ) -> TerminatedInvocation:
        """The end of a stopped invocation that has no container: out of the queue, a granted slot handed on."""
        function_id = await self._slots.lock_function_of(invocation_id)
        if function_id is None:
            return TerminatedInvocation(grants=(), children=())
        ended = await self._connection.scalar(
            _END,
            {STOPPED_INVOCATION.key: invocation_id, IS_CANCELLATION.key: reason is StopReason.CANCELLED},
        )
        granted = await self._slots.grant_free_slots(function_id)
        return TerminatedInvocation(
            grants=granted if ended is not None else await self._slots.unsignalled_grants(function_id),
            children=await self._stops.cancel_children(invocation_id, includes_noted=True),
        )


def _outcome(state: Row[*tuple[Any, ...]]) -> ExecutionOutcome | None:
    """What the container reported. An abort that we did not ask for was kept back until now."""
    if state.outcome is None and state.execution_finish_time is not None:
        return ExecutionOutcome.ABORTED
    return None if state.outcome is None else ExecutionOutcome(state.outcome)
