"""How an invocation is made to stop: durably, before anybody is told."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, exists, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased

from catalog.converters import to_worker_details
from catalog.notifications import EXECUTIONS_CHANNEL
from catalog.slots import SlotQueue
from catalog.tables import ExecutionRow, InvocationRow
from domain.entities import InvocationStatus, WorkerStatus
from domain.identifiers import ExecutionId, InvocationId
from domain.messages import StopReason
from domain.workers import Worker, WorkerName


@dataclass(frozen=True, slots=True, kw_only=True)
class StoppedInvocation:
    """Whom to tell: the live worker, if one is known, and the children that must be cancelled."""

    worker: Worker | None
    children: tuple[InvocationId, ...]


class StopRepository:
    """The stops, inside the caller's transaction. Each may be repeated."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._slots = SlotQueue(connection)

    async def stop_invocation(self, invocation_id: InvocationId, *, reason: StopReason) -> StoppedInvocation:
        """Nothing of the invocation is launched from now on. One that has ended by itself is left as it is."""
        if await self._slots.lock_function_of(invocation_id) is None:
            return StoppedInvocation(worker=None, children=())
        await self.mark_stopped(invocation_id, reason=reason)
        await self.signal_live_executions(invocation_id)
        return StoppedInvocation(
            worker=await self._live_worker(invocation_id), children=await self.cancel_children(invocation_id)
        )

    async def mark_stopped(self, invocation_id: InvocationId, *, reason: StopReason | None) -> None:
        """From now on nothing of it is launched, and its children are cancelled at birth. Not if it has ended.

        A cancellation that did not come by REST is noted as one that did.
        """
        now = func.clock_timestamp()
        cancellation: dict[str, ColumnElement[datetime]] = {}
        if reason is StopReason.CANCELLED:
            cancellation["cancellation_request_time"] = func.coalesce(InvocationRow.cancellation_request_time, now)
            cancellation["last_update_time"] = now
        await self._connection.execute(
            update(InvocationRow)
            .where(
                InvocationRow.invocation_id == invocation_id,
                InvocationRow.status == InvocationStatus.RUNNING,
                InvocationRow.stop_time.is_(None),
            )
            .values(stop_time=now, **cancellation)
        )

    async def signal_live_executions(self, invocation_id: InvocationId) -> None:
        """Note that they must stop, and wake who launches or watches their workers."""
        await self._connection.execute(
            update(ExecutionRow)
            .where(
                ExecutionRow.invocation_id == invocation_id,
                ExecutionRow.worker_status != WorkerStatus.TERMINATED,
                ExecutionRow.termination_signal_time.is_(None),
            )
            .values(termination_signal_time=func.clock_timestamp(), last_update_time=func.clock_timestamp())
            .returning(func.pg_notify(EXECUTIONS_CHANNEL, ExecutionRow.execution_id))
        )

    async def cancel_children(self, invocation_id: InvocationId) -> tuple[InvocationId, ...]:
        """Note that the running children of a stopped invocation are to be cancelled. Returns all of them, those noted
        earlier included; none if the invocation ended by itself.

        A child that is being created holds a lock on its parent's row, which whoever stops the parent writes first:
        it is seen here, or it sees the stop.
        """
        parent = aliased(InvocationRow)
        running = (
            InvocationRow.parent_invocation_id == invocation_id,
            InvocationRow.status == InvocationStatus.RUNNING,
            exists().where(parent.invocation_id == invocation_id, is_stopped(parent)),
        )
        await self._connection.execute(
            update(InvocationRow)
            .where(*running, InvocationRow.cancellation_request_time.is_(None))
            .values(cancellation_request_time=func.clock_timestamp(), last_update_time=func.clock_timestamp())
        )
        children = await self._connection.scalars(select(InvocationRow.invocation_id).where(*running))
        return tuple(InvocationId(child) for child in children)

    async def _live_worker(self, invocation_id: InvocationId) -> Worker | None:
        live = (
            await self._connection.execute(
                select(
                    ExecutionRow.execution_id,
                    ExecutionRow.launches,
                    ExecutionRow.worker_type,
                    ExecutionRow.worker_identifier,
                    ExecutionRow.logs_identifier,
                ).where(
                    ExecutionRow.invocation_id == invocation_id,
                    ExecutionRow.worker_status != WorkerStatus.TERMINATED,
                )
            )
        ).one_or_none()
        if live is None:
            return None
        details = to_worker_details(live.worker_type, live.worker_identifier, live.logs_identifier)
        if details is None:
            return None
        return Worker(
            name=WorkerName(execution_id=ExecutionId(live.execution_id), launch=live.launches), details=details
        )


def is_stopped(invocation: type[InvocationRow]) -> ColumnElement[bool]:
    """Whether it was made to stop, or somebody asked for it: what has ended so stays so, and no other becomes so."""
    return invocation.stop_time.is_not(None) | invocation.cancellation_request_time.is_not(None)
