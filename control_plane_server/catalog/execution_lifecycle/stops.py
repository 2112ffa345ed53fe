"""Makes an invocation stop: recorded before anything is sent."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ARRAY, Boolean, Text, Update, any_, bindparam, case, exists, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased
from sqlalchemy.sql.elements import ColumnElement

from control_plane_server.catalog.converters import to_container_details
from control_plane_server.catalog.execution_lifecycle.slots import SlotQueue
from control_plane_server.catalog.notifications import EXECUTIONS_CHANNEL
from control_plane_server.catalog.reuse import to_reuse
from control_plane_server.catalog.tables import BatchRow, ExecutionRow, FunctionRow, InvocationRow
from control_plane_server.domain.containers import Container, ContainerName
from control_plane_server.domain.entities import ContainerStatus, InvocationStatus
from control_plane_server.domain.identifiers import BatchId, ExecutionId, InvocationId
from control_plane_server.domain.messages import StopReason
from control_plane_server.domain.reuse import ReuseSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class StoppedInvocation:
    """What has to be stopped next: the live container, if one is recorded, and the children's workflows.

    `is_claimed`: there is a live execution that has taken up its slot. `reuse`: of a container that outlives the
    execution. `batches`: of children.
    """

    is_claimed: bool
    container: Container | None
    children: tuple[InvocationId, ...]
    batches: tuple[BatchId, ...]
    reuse: ReuseSpec | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelledChildren:
    """`invocations`: whose workflows have to be cancelled. `batches`: whose workflows have to look at theirs."""

    invocations: tuple[InvocationId, ...]
    batches: tuple[BatchId, ...]


def is_stopped(invocation: type[InvocationRow]) -> ColumnElement[bool]:
    """Whether the invocation was made to stop, or its cancellation was requested. Neither changes after its end."""
    return invocation.stop_time.is_not(None) | invocation.cancellation_request_time.is_not(None)


STOPPED_INVOCATION = bindparam("stopped_invocation", type_=Text)
IS_CANCELLATION = bindparam("stop_is_cancellation", type_=Boolean)
_NOW = func.clock_timestamp()


def stop_values() -> dict[str, ColumnElement[Any]]:
    """Columns of a stopped invocation's row. The first stop stays. A cancellation that came by Temporal is recorded
    like one that came by REST."""
    is_first = InvocationRow.stop_time.is_(None)
    return {
        "stop_time": func.coalesce(InvocationRow.stop_time, _NOW),
        "cancellation_request_time": case(
            (is_first & IS_CANCELLATION, func.coalesce(InvocationRow.cancellation_request_time, _NOW)),
            else_=InvocationRow.cancellation_request_time,
        ),
    }


def signal_live_executions(**values: object) -> Update:
    """Record that the live executions must stop, and wake those who launch or watch their containers. `values`: further
    columns to set."""
    is_first = ExecutionRow.termination_signal_time.is_(None)
    return (
        update(ExecutionRow)
        .where(
            ExecutionRow.invocation_id == STOPPED_INVOCATION,
            ExecutionRow.container_status != ContainerStatus.TERMINATED,
        )
        .values(
            {
                "termination_signal_time": func.coalesce(ExecutionRow.termination_signal_time, _NOW),
                "last_update_time": case((is_first, _NOW), else_=ExecutionRow.last_update_time),
            }
            | values
        )
    )


_MARKED = (
    update(InvocationRow)
    .where(
        InvocationRow.invocation_id == STOPPED_INVOCATION,
        InvocationRow.status == InvocationStatus.RUNNING,
        InvocationRow.stop_time.is_(None),
    )
    .values(
        **stop_values(),
        last_update_time=case((IS_CANCELLATION, _NOW), else_=InvocationRow.last_update_time),
    )
    .returning(InvocationRow.invocation_id)
    .cte("marked")
)
_REUSE = (
    select(FunctionRow.reuse)
    .join(InvocationRow, InvocationRow.function_id == FunctionRow.function_id)
    .where(InvocationRow.invocation_id == STOPPED_INVOCATION)
    .scalar_subquery()
)
# Returned by the update itself: a container that is recorded at the same time is returned here, or its recorder sees
# the signal. The condition always holds; it makes the invocation's row be locked before the execution's, as everywhere.
_STOP = (
    signal_live_executions()
    .where(select(func.count()).select_from(_MARKED).scalar_subquery() >= 0)
    .returning(
        ExecutionRow.execution_id,
        ExecutionRow.claim_time,
        ExecutionRow.launches,
        ExecutionRow.container_type.label("container_type"),
        ExecutionRow.container_identifier.label("container_identifier"),
        ExecutionRow.logs_identifier,
        case((ExecutionRow.is_warm_start.is_not(None), _REUSE)).label("reuse"),
        func.pg_notify(EXECUTIONS_CHANNEL, ExecutionRow.execution_id),
    )
)
_EXECUTION = bindparam("stopped_execution", type_=Text)
_IS_CLAIMED = select(ExecutionRow.claim_time.is_not(None)).where(ExecutionRow.execution_id == _EXECUTION)
_PARENT = aliased(InvocationRow, name="stopped_parent")
_INCLUDES_NOTED = bindparam("stop_includes_noted", type_=Boolean)
_CANCEL_CHILDREN = (
    update(InvocationRow)
    .where(
        InvocationRow.parent_invocation_id == STOPPED_INVOCATION,
        InvocationRow.status == InvocationStatus.RUNNING,
        InvocationRow.cancellation_request_time.is_(None) | (_INCLUDES_NOTED & InvocationRow.stop_time.is_(None)),
        exists(select(_PARENT).where(_PARENT.invocation_id == STOPPED_INVOCATION, is_stopped(_PARENT))),
    )
    .values(
        cancellation_request_time=func.coalesce(InvocationRow.cancellation_request_time, _NOW),
        last_update_time=case(
            (InvocationRow.cancellation_request_time.is_(None), _NOW), else_=InvocationRow.last_update_time
        ),
    )
    .returning(InvocationRow.invocation_id, InvocationRow.stop_time, InvocationRow.batch_id)
)
_BATCHES = bindparam("stopped_batches", type_=ARRAY(Text))
_CANCEL_BATCHES = (
    update(BatchRow)
    .where(
        BatchRow.batch_id == any_(_BATCHES),
        BatchRow.completion_time.is_(None),
        BatchRow.cancellation_request_time.is_(None),
    )
    .values(cancellation_request_time=_NOW, last_update_time=_NOW)
)


class StopRepository:
    """The stops, inside the caller's transaction. Each may be repeated."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._slots = SlotQueue(connection)

    async def stop_invocation(self, invocation_id: InvocationId, *, reason: StopReason) -> StoppedInvocation:
        """From now on nothing of the invocation is launched, and new children are created as cancelled. An invocation
        that has ended is left as it is."""
        if await self._slots.lock_owner_of(invocation_id) is None:
            return StoppedInvocation(is_claimed=False, container=None, children=(), batches=())
        live = await self._connection.execute(
            _STOP,
            {
                STOPPED_INVOCATION.key: invocation_id,
                IS_CANCELLATION.key: reason is StopReason.CANCELLED,
            },
        )
        row = live.one_or_none()
        children = await self.cancel_children(invocation_id, includes_noted=True)
        details = (
            None
            if row is None
            else to_container_details(row.container_type, row.container_identifier, row.logs_identifier)
        )
        return StoppedInvocation(
            is_claimed=row is not None and row.claim_time is not None,
            container=(
                None
                if row is None or details is None
                else Container(
                    name=ContainerName(execution_id=ExecutionId(row.execution_id), launch=row.launches), details=details
                )
            ),
            children=children.invocations,
            batches=children.batches,
            reuse=None if row is None else to_reuse(row.reuse),
        )

    async def is_claimed(self, execution_id: ExecutionId) -> bool:
        """Whether the execution has ever taken up its slot. If its invocation is stopped and it has not, it never
        will."""
        return bool(await self._connection.scalar(_IS_CLAIMED, {_EXECUTION.key: execution_id}))

    async def cancel_children(self, invocation_id: InvocationId, *, includes_noted: bool) -> CancelledChildren:
        """Note that the running children of a stopped invocation are to be cancelled; none if it ended by itself.

        Returns those noted now that do not stop already; with `includes_noted` those too that were noted before and
        have not stopped since: the process that recorded them may have died before it cancelled
        their workflows. A child that is being created
        holds a lock on its parent's row, which whoever stops the parent writes first: it is seen here, or it sees the
        stop. Children of a batch are told by its workflow, as most of them may have none.
        """
        found = await self._connection.execute(
            _CANCEL_CHILDREN, {STOPPED_INVOCATION.key: invocation_id, _INCLUDES_NOTED.key: includes_noted}
        )
        children = [child for child in found if child.stop_time is None]
        batches = sorted({child.batch_id for child in children if child.batch_id is not None})
        if batches:
            await self._connection.execute(_CANCEL_BATCHES, {_BATCHES.key: batches})
        return CancelledChildren(
            invocations=tuple(InvocationId(child.invocation_id) for child in children if child.batch_id is None),
            batches=tuple(map(BatchId, batches)),
        )
