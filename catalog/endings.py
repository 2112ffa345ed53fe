"""How executions and invocations end, and how they are made to.

Always under the function's lock, the slot handed on in the same transaction.
"""

from dataclasses import dataclass

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.notifications import INVOCATIONS_CHANNEL
from catalog.slots import Grant, SlotQueue
from catalog.tables import ExecutionRow, InvocationRow
from domain.entities import ExecutionOutcome, InvocationStatus, WorkerDetails, WorkerStatus, WorkerType
from domain.identifiers import ExecutionId, InvocationId
from domain.workers import Worker, WorkerName


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedExecution:
    """What an execution left, whether its invocation ended with it, and who got its slot."""

    outcome: ExecutionOutcome | None
    error_message: str | None
    invocation_ended: bool
    grants: tuple[Grant, ...]


class EndingRepository:
    """The endings, inside the caller's transaction. Each may be repeated: what has ended stays as it ended."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session
        self._slots = SlotQueue(session)

    async def close_execution(
        self, execution_id: ExecutionId, *, reason: str | None, allows_retry: bool
    ) -> ClosedExecution:
        """The container is gone, or never came: TERMINATED, its slot to the next in the queue.

        `reason` becomes the error message unless the container reported an outcome or we stopped it. The invocation
        ends too, unless the attempt failed, nothing stopped the invocation and `allows_retry`.
        """
        function_id = await self._session.scalar(
            select(ExecutionRow.function_id).where(ExecutionRow.execution_id == execution_id)
        )
        if function_id is None:  # deleted with its project
            return ClosedExecution(outcome=None, error_message=reason, invocation_ended=True, grants=())
        await self._slots.lock_function(function_id)
        state = (
            await self._session.execute(
                select(
                    ExecutionRow.invocation_id,
                    ExecutionRow.worker_status,
                    ExecutionRow.outcome,
                    ExecutionRow.error_message,
                    ExecutionRow.termination_signal_time,
                    InvocationRow.status,
                    (InvocationRow.stop_time.is_not(None) | InvocationRow.cancellation_request_time.is_not(None)).label(
                        "is_stopped"
                    ),
                )
                .join(InvocationRow, InvocationRow.invocation_id == ExecutionRow.invocation_id)
                .where(ExecutionRow.execution_id == execution_id)
                # A report that comes at this moment is either seen here or refused.
                .with_for_update(key_share=True, of=ExecutionRow)
            )
        ).one()
        outcome = None if state.outcome is None else ExecutionOutcome(state.outcome)
        if state.worker_status == WorkerStatus.TERMINATED:
            return ClosedExecution(
                outcome=outcome,
                error_message=state.error_message,
                invocation_ended=state.status == InvocationStatus.TERMINATED,
                grants=await self._slots.unclaimed_grants(function_id),
            )
        error_message = state.error_message
        if outcome is None and state.termination_signal_time is None:
            error_message = reason
        await self._session.execute(
            update(ExecutionRow)
            .where(ExecutionRow.execution_id == execution_id)
            .values(
                worker_status=WorkerStatus.TERMINATED,
                error_message=error_message,
                last_update_time=func.clock_timestamp(),
            )
        )
        has_failed = outcome is None or outcome is ExecutionOutcome.FAILED
        ends = not has_failed or state.is_stopped or not allows_retry
        if ends:
            await self._terminate(InvocationId(state.invocation_id))
        return ClosedExecution(
            outcome=outcome,
            error_message=error_message,
            invocation_ended=ends,
            grants=await self._slots.settle(function_id),
        )

    async def stop_invocation(self, invocation_id: InvocationId) -> Worker | None:
        """Nothing of the invocation is launched from now on. Returns its live worker, if one is known."""
        function_id = await self._lock_function_of(invocation_id)
        if function_id is None:
            return None
        await self._session.execute(
            update(InvocationRow)
            .where(InvocationRow.invocation_id == invocation_id, InvocationRow.stop_time.is_(None))
            .values(stop_time=func.clock_timestamp())
        )
        await self._signal_live_executions(invocation_id)
        live = (
            await self._session.execute(
                select(
                    ExecutionRow.execution_id,
                    ExecutionRow.launches,
                    ExecutionRow.worker_type,
                    ExecutionRow.worker_identifier,
                    ExecutionRow.logs_identifier,
                ).where(
                    ExecutionRow.invocation_id == invocation_id,
                    ExecutionRow.worker_status != WorkerStatus.TERMINATED,
                    ExecutionRow.worker_identifier.is_not(None),
                )
            )
        ).one_or_none()
        if live is None:
            return None
        return Worker(
            name=WorkerName(execution_id=ExecutionId(live.execution_id), launch=live.launches),
            details=WorkerDetails(
                type=WorkerType(live.worker_type),
                identifier=live.worker_identifier,
                logs_identifier=live.logs_identifier,
            ),
        )

    async def end_invocation(self, invocation_id: InvocationId) -> tuple[Grant, ...]:
        """The end of an invocation that has no container: TERMINATED, out of the queue, a granted slot handed on."""
        function_id = await self._lock_function_of(invocation_id)
        if function_id is None:
            return ()
        await self._slots.leave_queue(invocation_id)
        # Signalled and never started is how clients tell a stopped execution from a failed one.
        await self._signal_live_executions(invocation_id)
        await self._session.execute(
            update(ExecutionRow)
            .where(ExecutionRow.invocation_id == invocation_id, ExecutionRow.worker_status != WorkerStatus.TERMINATED)
            .values(worker_status=WorkerStatus.TERMINATED, last_update_time=func.clock_timestamp())
        )
        await self._terminate(invocation_id)
        await self._slots.settle(function_id)
        return await self._slots.unclaimed_grants(function_id)

    async def _terminate(self, invocation_id: InvocationId) -> None:
        now = func.clock_timestamp()
        ended = (
            update(InvocationRow)
            .where(InvocationRow.invocation_id == invocation_id, InvocationRow.status == InvocationStatus.RUNNING)
            .values(
                status=InvocationStatus.TERMINATED,
                stop_time=func.coalesce(InvocationRow.stop_time, now),
                last_update_time=now,
            )
            .returning(InvocationRow.invocation_id)
            .cte("ended")
        )
        await self._session.execute(select(func.pg_notify(INVOCATIONS_CHANNEL, ended.c.invocation_id)))

    async def _signal_live_executions(self, invocation_id: InvocationId) -> None:
        await self._session.execute(
            update(ExecutionRow)
            .where(
                ExecutionRow.invocation_id == invocation_id,
                ExecutionRow.worker_status != WorkerStatus.TERMINATED,
                ExecutionRow.termination_signal_time.is_(None),
            )
            .values(termination_signal_time=func.clock_timestamp(), last_update_time=func.clock_timestamp())
        )

    async def _lock_function_of(self, invocation_id: InvocationId) -> int | None:
        function_id: int | None = await self._session.scalar(
            select(InvocationRow.function_id).where(InvocationRow.invocation_id == invocation_id)
        )
        if function_id is not None:
            await self._slots.lock_function(function_id)
        return function_id
