"""How executions and invocations end.

Always under the function's lock, the slot handed on in the same transaction.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    CTE,
    BigInteger,
    Boolean,
    Select,
    Text,
    bindparam,
    case,
    delete,
    exists,
    false,
    func,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from control_plane_server.catalog.database import one_or_none
from control_plane_server.catalog.driver_statements import DriverStatement
from control_plane_server.catalog.ends import ENDING, MEASURED_COLUMNS, end_values, executions_after, measured_at_end
from control_plane_server.catalog.execution_lifecycle.batch_ends import (
    BatchEndRepository,
    counted_in_batch,
    locked_batch,
)
from control_plane_server.catalog.execution_lifecycle.ending_states import EndingState, lock_states
from control_plane_server.catalog.execution_lifecycle.outcomes_at_end import (
    awaits_reason,
    is_final,
    is_timed_out_attempt,
    outcome_of,
)
from control_plane_server.catalog.execution_lifecycle.slot_owners import SlotOwner, to_owner
from control_plane_server.catalog.execution_lifecycle.slots import Grant, SlotQueue
from control_plane_server.catalog.execution_lifecycle.stops import (
    IS_CANCELLATION,
    STOPPED_INVOCATION,
    CancelledChildren,
    StopRepository,
    is_stopped,
    signal_live_executions,
    stop_values,
)
from control_plane_server.catalog.notifications import EXECUTIONS_CHANNEL, INVOCATIONS_CHANNEL
from control_plane_server.catalog.outcomes import outcome_after, outcome_of_stop
from control_plane_server.catalog.tables import ExecutionRow, InvocationRow, WaitingExecutionRow
from control_plane_server.catalog.webhooks.outbox import ENDED_COLUMNS, noted_deliveries
from control_plane_server.domain.entities import ContainerStatus, ExecutionOutcome, InvocationOutcome, InvocationStatus
from control_plane_server.domain.errors import ExecutionIsForgotten, LaunchIsSuperseded
from control_plane_server.domain.identifiers import BatchId, ExecutionId, InvocationId
from control_plane_server.domain.messages import StopReason
from control_plane_server.domain.reasons import storable


@dataclass(frozen=True, slots=True, kw_only=True)
class TerminatedInvocation:
    """What to send next: `grants` to signal, `children` to cancel, and `batches` to look at: those of children, and the
    invocation's own if it was the last of it. `error_message`: why it ended; None if it had ended before."""

    grants: tuple[Grant, ...]
    children: tuple[InvocationId, ...]
    batches: tuple[BatchId, ...]
    error_message: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TerminatedExecution:
    """What an execution left, whether its invocation ended with it, by a stop or by itself, and what to send next.

    `invocation_error`: why the invocation that ended with it did, as far as it is known; what a time-out waited for.
    `is_new`: it ended just now; else it had ended before, and this is what was recorded. `creation_time`: when it got
    its slot; None if it was deleted with its project.
    """

    is_new: bool
    creation_time: datetime | None
    outcome: ExecutionOutcome | None
    error_message: str | None
    invocation_ended: bool
    was_stopped: bool
    grants: tuple[Grant, ...] = ()
    children: tuple[InvocationId, ...] = ()
    batches: tuple[BatchId, ...] = ()
    invocation_error: str | None = None


_INVOCATION = bindparam("terminated_invocation", type_=Text)
_EXECUTION = bindparam("terminated_execution", type_=Text)
_OWNER = bindparam("terminated_slot_owner", type_=BigInteger)
_FUNCTION = bindparam("terminated_function", type_=BigInteger)
_BATCH = bindparam("terminated_batch", type_=Text)
_OUTCOME = bindparam("terminated_outcome", type_=Text, literal_execute=True)  # of a success nothing more is worked out
_ERROR_MESSAGE = bindparam("terminated_error", type_=Text)
_IS_TIMEOUT = bindparam("stop_is_timeout", type_=Boolean)

_TERMINATED_EXECUTION = (
    update(ExecutionRow)
    .where(ExecutionRow.execution_id == _EXECUTION)
    .values(
        container_status=ContainerStatus.TERMINATED,
        outcome=_OUTCOME,
        error_message=_ERROR_MESSAGE,
        last_update_time=func.clock_timestamp(),
    )
    .returning(*MEASURED_COLUMNS)
    .cte("terminated_execution")
)
_AT_END = measured_at_end(executions_after(_TERMINATED_EXECUTION, _INVOCATION), ENDING.invocation_id == _INVOCATION)


def _terminate_execution(batch: CTE | None) -> Select[Any]:
    """The execution ends, and the invocation with it if one is named. `batch`: the invocation's, locked."""
    position = {} if batch is None else {"batch_position": select(batch.c.ended + 1).scalar_subquery()}
    invocation = (
        update(InvocationRow)
        .where(
            InvocationRow.invocation_id == _AT_END.c.invocation_id,
            # Not what the index of those that run says: PostgreSQL would read all of that where it is short.
            InvocationRow.status != InvocationStatus.TERMINATED,
        )
        .values(
            status=InvocationStatus.TERMINATED,
            last_update_time=func.clock_timestamp(),
            **end_values(_AT_END, outcome=outcome_after(_OUTCOME, InvocationRow)),
            **position,
        )
        .returning(*ENDED_COLUMNS, InvocationRow.batch_id, InvocationRow.error_message)
        .cte("terminated_invocation")
    )
    counted = None if batch is None else counted_in_batch(batch, invocation)
    return select(
        # In the function's own queue too, if its slots are a group's: until the next grant moves it, see `slots.py`.
        exists().where(WaitingExecutionRow.function_id.in_((_OWNER, _FUNCTION))).label("somebody_waits"),
        select(invocation.c.error_message).scalar_subquery().label("invocation_error"),
        select(func.pg_notify(INVOCATIONS_CHANNEL, invocation.c.invocation_id)).scalar_subquery(),
        (false() if counted is None else select(counted.c.is_complete).scalar_subquery()).label("completes_batch"),
    ).add_cte(_TERMINATED_EXECUTION, noted_deliveries(invocation))


_TERMINATE_EXECUTION = DriverStatement(_terminate_execution(batch=None))
_TERMINATE_EXECUTION_IN_BATCH = DriverStatement(_terminate_execution(locked_batch(_BATCH)))

# Out of the queue, without live executions, TERMINATED. It may not have been stopped before: a child that is yet to
# come must see it. Signalled and never started is how clients tell a stopped execution from a failed one.
_DEQUEUED = (
    delete(WaitingExecutionRow)
    .where(WaitingExecutionRow.invocation_id == STOPPED_INVOCATION)
    .returning(WaitingExecutionRow.invocation_id)
    .cte("dequeued")
)
_TERMINATED_EXECUTIONS = (
    signal_live_executions(container_status=ContainerStatus.TERMINATED, last_update_time=func.clock_timestamp())
    .returning(*MEASURED_COLUMNS, func.pg_notify(EXECUTIONS_CHANNEL, ExecutionRow.execution_id))
    .cte("terminated_executions")
)
_AT_STOP = measured_at_end(
    executions_after(_TERMINATED_EXECUTIONS, STOPPED_INVOCATION), ENDING.invocation_id == STOPPED_INVOCATION
)
_STOPPED = (
    update(InvocationRow)
    .where(InvocationRow.invocation_id == _AT_STOP.c.invocation_id, InvocationRow.status == InvocationStatus.RUNNING)
    .values(
        **stop_values(),
        status=InvocationStatus.TERMINATED,
        last_update_time=func.clock_timestamp(),
        **end_values(
            _AT_STOP,
            outcome=case(
                (_IS_TIMEOUT & ~is_stopped(InvocationRow), InvocationOutcome.TIMED_OUT.value),
                else_=outcome_of_stop(InvocationRow),
            ),
        ),
    )
    .returning(*ENDED_COLUMNS, InvocationRow.batch_id, InvocationRow.error_message)
    .cte("stopped")
)
_TERMINATE_INVOCATION = select(
    _STOPPED.c.batch_id, _STOPPED.c.error_message, func.pg_notify(INVOCATIONS_CHANNEL, _STOPPED.c.invocation_id)
).add_cte(_DEQUEUED, noted_deliveries(_STOPPED))
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


class TerminationRepository:
    """The terminations, inside the caller's transaction. Each may be repeated: what has ended stays as it ended."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._slots = SlotQueue(connection)
        self._stops = StopRepository(connection)
        self._batches = BatchEndRepository(connection)
        self._locked: dict[ExecutionId, EndingState | None] = {}  # that have not been terminated since
        self._awaited: SlotOwner | None = None  # whose slots have been left and not been handed on

    async def lock(self, executions: Mapping[InvocationId, ExecutionId]) -> None:
        """Several of one function, each of another invocation, that are terminated next: what is read of them is read
        at once."""
        self._locked |= dict.fromkeys(executions.values()) | dict(await lock_states(self._connection, executions))

    async def terminate_execution(
        self,
        *,
        invocation_id: InvocationId,
        execution_id: ExecutionId,
        reason: str | None,
        allows_retry: bool,
        launch: int | None = None,
        hands_on: bool = True,
    ) -> TerminatedExecution:
        """The container of this launch is gone, or never came: TERMINATED, its slot to the next in the queue.

        `reason` becomes the error message unless the container reported, or we stopped it before it started. What we
        stopped later without a report was aborted, or timed out as an attempt, which is a failure. The invocation ends
        too, unless the attempt failed, not for good, nothing stopped the invocation and `allows_retry`. A failure is
        for good if the report said so, or the function's `no_retry_on`. `hands_on`: False for several of one function,
        after which `hand_on` is called.

        Raises LaunchIsSuperseded if the execution has gone on to a later launch, ExecutionIsForgotten if the catalog
        was restored from a backup that does not know it.
        """
        reason = storable(reason)
        if execution_id not in self._locked:
            await self.lock({invocation_id: execution_id})
        state = self._locked.pop(execution_id)
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
            )
        owner = to_owner(state)
        is_live = state.container_status != ContainerStatus.TERMINATED
        if is_live and launch is not None and state.launches > launch:
            raise LaunchIsSuperseded
        outcome = outcome_of(state)
        error_message: str | None = state.error_message
        invocation_error: str | None = state.invocation_error
        batches: tuple[BatchId, ...] = ()
        if not is_live:
            ended = state.status == InvocationStatus.TERMINATED
            grants = await self._slots.unsignalled_grants(owner)
        else:
            if awaits_reason(state):
                error_message = state.attempt_timeout_text if is_timed_out_attempt(state) else reason
            has_failed = outcome is None or outcome is ExecutionOutcome.FAILED
            may_retry = allows_retry and state.is_retryable is not False and not is_final(error_message, state)
            ended = not has_failed or state.is_stopped or not may_retry
            batch_id = state.batch_id if ended else None
            found = await one_or_none(
                self._connection,
                _TERMINATE_EXECUTION if batch_id is None else _TERMINATE_EXECUTION_IN_BATCH,
                {
                    **({} if batch_id is None else {_BATCH.key: batch_id}),
                    _EXECUTION.key: execution_id,
                    _INVOCATION.key: invocation_id if ended else None,
                    _OWNER.key: owner.owner_id,
                    _FUNCTION.key: owner.function_id,
                    _OUTCOME.key: outcome,
                    _ERROR_MESSAGE.key: error_message,
                },
            )
            if found.completes_batch:
                batches = (BatchId(state.batch_id),)
            invocation_error = found.invocation_error
            if found.somebody_waits:
                self._awaited = owner
            grants = await self.hand_on() if hands_on else ()
        children = await self._children_to_tell(invocation_id, state, is_new=is_live)
        return TerminatedExecution(
            is_new=is_live,
            creation_time=state.creation_time,
            outcome=outcome,
            error_message=error_message,
            invocation_ended=ended,
            invocation_error=invocation_error,
            was_stopped=state.is_stopped,
            grants=grants,
            children=children.invocations,
            batches=(*children.batches, *batches),
        )

    async def hand_on(self) -> tuple[Grant, ...]:
        """The slots that were left in this transaction to those who wait for them."""
        owner, self._awaited = self._awaited, None
        return () if owner is None else await self._slots.grant_free_slots(owner)

    async def _number(self, batch_id: str, invocation_id: InvocationId) -> tuple[BatchId, ...]:
        """Give an invocation that ended just now its position. Returns its batch if that is complete by it."""
        is_complete = await self._batches.number(BatchId(batch_id), [invocation_id])
        return (BatchId(batch_id),) if is_complete else ()

    async def _runs(self, invocation_id: InvocationId) -> bool:
        found = await self._connection.scalar(
            select(InvocationRow.invocation_id).where(
                InvocationRow.invocation_id == invocation_id, InvocationRow.status == InvocationStatus.RUNNING
            )
        )
        return found is not None

    async def _children_to_tell(
        self, invocation_id: InvocationId, state: EndingState, *, is_new: bool
    ) -> CancelledChildren:
        """A stop has recorded the cancellation of the children, and sends it. For an invocation that ended before its
        requested stop, that is done here."""
        if not state.is_stopped or (is_new and state.stop_time is not None):
            return CancelledChildren(invocations=(), batches=())
        children = await self._stops.cancel_children(invocation_id, includes_noted=not is_new)
        self._locked.clear()  # one of them may be a child, which is read again as it is now
        return children

    async def revoke_grant(self, grant: Grant) -> tuple[Grant, ...]:
        """The slot of an execution whose workflow is closed, so that it cannot take it up, goes to the next. Not if it
        has been taken up. The execution is as one that was stopped before it had a container."""
        owner = await self._slots.lock_owner_of(grant.invocation_id)
        revoked = await self._connection.scalar(_REVOKE, {_EXECUTION.key: grant.execution_id})
        if owner is None or revoked is None:
            return ()
        return await self._slots.grant_free_slots(owner)

    async def terminate_invocation(
        self, invocation_id: InvocationId, *, reason: StopReason | None
    ) -> TerminatedInvocation:
        """The end of a stopped invocation that has no container: out of the queue, a granted slot handed on."""
        owner = await self._slots.lock_owner_of(invocation_id)
        if owner is None:
            return TerminatedInvocation(grants=(), children=(), batches=())
        terminated = await self._connection.execute(
            _TERMINATE_INVOCATION,
            {
                STOPPED_INVOCATION.key: invocation_id,
                IS_CANCELLATION.key: reason is StopReason.CANCELLED,
                _IS_TIMEOUT.key: reason is StopReason.TIMED_OUT,
            },
        )
        ended = terminated.one_or_none()
        batches: tuple[BatchId, ...] = ()
        if ended is not None and ended.batch_id is not None:
            batches = await self._number(ended.batch_id, invocation_id)
        granted = await self._slots.grant_free_slots(owner)
        children = await self._stops.cancel_children(invocation_id, includes_noted=True)
        return TerminatedInvocation(
            grants=granted if ended is not None else await self._slots.unsignalled_grants(owner),
            children=children.invocations,
            batches=(*children.batches, *batches),
            error_message=None if ended is None else ended.error_message,
        )
