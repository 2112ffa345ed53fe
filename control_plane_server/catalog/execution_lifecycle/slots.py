"""The slots of a function, and the queue for them.

A slot is an execution row whose container is not TERMINATED. Whatever gives or takes one holds the lock of the
function's row: a limit is never exceeded, not even for an instant. Locks are taken in the order function, invocation,
execution. Lock and count are two statements, as one statement would count by a snapshot older than its lock.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    ColumnElement,
    Integer,
    Row,
    Text,
    and_,
    any_,
    bindparam,
    case,
    exists,
    false,
    func,
    insert,
    literal_column,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import InstrumentedAttribute

from control_plane_server.catalog.converters import to_container_details, to_function
from control_plane_server.catalog.ends import PREVIOUS, as_text, is_previous, milliseconds, waiting_since
from control_plane_server.catalog.execution_lifecycle.launches import Launch
from control_plane_server.catalog.tables import (
    ExecutionRow,
    FunctionRow,
    InvocationRow,
    VersionRow,
    WaitingExecutionRow,
    columns_of,
)
from control_plane_server.domain.entities import (
    ContainerDetails,
    ContainerStatus,
    Function,
    FunctionStatus,
    InvocationStatus,
)
from control_plane_server.domain.identifiers import ExecutionId, InvocationId


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A slot given to an execution that waited: its workflow has to be signalled. `may_be_unstarted`: it is the first
    one of an invocation of a batch, whose workflow is started by whoever gives it its slot."""

    invocation_id: InvocationId
    execution_id: ExecutionId
    may_be_unstarted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """A slot that is taken up: what is needed to launch the execution, and how far an earlier try came.

    `launch`: the one to go on with. `waits_for`: the recorded reason why it has no container yet. `container`: None
    until it is recorded.
    """

    function: Function
    launch: Launch
    waits_for: str | None
    container: ContainerDetails | None
    is_stopped: bool


class Refusal(StrEnum):
    """Why an execution gets no slot now."""

    QUEUED = "QUEUED"  # no slot is free: the execution waits for a grant
    STOPPED = "STOPPED"  # the invocation is stopped, cancelled, has ended, or its project is gone
    TERMINATED = "TERMINATED"  # this very execution has run and ended


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """`grants`: slots that other executions got in the same transaction, to be signalled."""

    refusal: Refusal
    grants: tuple[Grant, ...] = ()


_INVOCATION = bindparam("slot_invocation", type_=Text)
_EXECUTION = bindparam("slot_execution", type_=Text)
_FUNCTION = bindparam("slot_function", type_=BigInteger)
_ATTEMPT = bindparam("slot_attempt", type_=Integer)
_CAN_RUN = bindparam("slot_can_run", type_=Boolean)
_IS_READY = bindparam("slot_is_ready", type_=Boolean)
_MAX_CONCURRENCY = bindparam("slot_max_concurrency", type_=Integer)

# NO KEY: inserts of invocations, which hold a key lock on their function, must not wait.
_LOCKED_FUNCTION = (
    select(*columns_of(FunctionRow, VersionRow))
    .join(VersionRow, VersionRow.version_id == FunctionRow.version_id)
    .join(InvocationRow, InvocationRow.function_id == FunctionRow.function_id)
    .where(InvocationRow.invocation_id == _INVOCATION)
    .with_for_update(key_share=True, of=FunctionRow)
)
_LOCK_FUNCTION = (
    select(FunctionRow.function_id)
    .join(InvocationRow, InvocationRow.function_id == FunctionRow.function_id)
    .where(InvocationRow.invocation_id == _INVOCATION)
    .with_for_update(key_share=True, of=FunctionRow)
)
_HELD = select(func.count()).where(
    ExecutionRow.function_id == _FUNCTION, ExecutionRow.container_status != ContainerStatus.TERMINATED
)
_WAITING_SINCE = waiting_since(
    attempt=_ATTEMPT, previous_end=PREVIOUS.last_update_time, invocation=InvocationRow, function=FunctionRow
)
# Of the first in the queue: an `exists` is planned as if it soon found one, and reads all of a long queue.
_OLDER_WAITS = func.coalesce(
    select(
        tuple_(WaitingExecutionRow.invocation_creation_time, WaitingExecutionRow.invocation_id)
        < tuple_(InvocationRow.creation_time, InvocationRow.invocation_id)
    )
    .where(WaitingExecutionRow.function_id == _FUNCTION)
    .order_by(WaitingExecutionRow.invocation_creation_time, WaitingExecutionRow.invocation_id)
    .limit(1)
    .correlate(InvocationRow)
    .scalar_subquery(),
    false(),
)
_STATE = (
    select(
        InvocationRow.invocation_id,
        InvocationRow.creation_time,
        (
            (InvocationRow.status == InvocationStatus.TERMINATED)
            | InvocationRow.stop_time.is_not(None)
            | InvocationRow.cancellation_request_time.is_not(None)
        ).label("is_over"),
        _HELD.scalar_subquery().label("held"),
        _OLDER_WAITS.label("older_waits"),
        ExecutionRow.container_status.label("container_status"),
        ExecutionRow.claim_time,
        ExecutionRow.launches,
        (func.clock_timestamp() - ExecutionRow.launch_time).label("launch_age"),
        ExecutionRow.error_message,
        ExecutionRow.container_type.label("container_type"),
        ExecutionRow.container_identifier.label("container_identifier"),
        ExecutionRow.logs_identifier,
        ExecutionRow.termination_signal_time,
        milliseconds(_WAITING_SINCE, func.clock_timestamp()).label("queued_ms"),
    )
    .join_from(InvocationRow, FunctionRow, FunctionRow.function_id == InvocationRow.function_id)
    .join(ExecutionRow, ExecutionRow.execution_id == _EXECUTION, isouter=True)
    .join(PREVIOUS, is_previous(InvocationRow.invocation_id, _ATTEMPT), isouter=True)
    .where(InvocationRow.invocation_id == _INVOCATION)
    .cte("state")
)
# The first launch is noted with the claim, one statement less; a function that can never run has no launch.
_CLAIMED: dict[InstrumentedAttribute[Any], ColumnElement[Any]] = {
    ExecutionRow.claim_time: func.clock_timestamp(),
    ExecutionRow.container_status: case(
        (_CAN_RUN, ContainerStatus.PROVISIONING.value), else_=ContainerStatus.PENDING.value
    ),
    ExecutionRow.launches: case((_CAN_RUN, 1), else_=0),
    ExecutionRow.launch_time: case((_CAN_RUN, func.clock_timestamp())),
}
_CLAIM = (
    update(ExecutionRow)
    .where(ExecutionRow.execution_id == _EXECUTION)
    .values({**_CLAIMED, ExecutionRow.last_update_time: func.clock_timestamp()})
)
# An execution of a function that never will be READY needs no free slot: it ends with the reason.
_IS_FREE = ~_CAN_RUN | (_IS_READY & (_STATE.c.held < _MAX_CONCURRENCY) & ~_STATE.c.older_waits)
_INSERTED = (
    insert(ExecutionRow)
    .from_select(
        [
            ExecutionRow.execution_id,
            ExecutionRow.invocation_id,
            ExecutionRow.function_id,
            ExecutionRow.attempt,
            ExecutionRow.queued_ms,
            *_CLAIMED,
        ],
        select(_EXECUTION, _STATE.c.invocation_id, _FUNCTION, _ATTEMPT, _STATE.c.queued_ms, *_CLAIMED.values()).where(
            _STATE.c.container_status.is_(None), ~_STATE.c.is_over, _IS_FREE
        ),
    )
    .returning(ExecutionRow.invocation_id, ExecutionRow.creation_time)
    .cte("inserted")
)
_TOUCHED = (
    update(InvocationRow)
    .where(InvocationRow.invocation_id == _INSERTED.c.invocation_id)
    .values(last_update_time=_INSERTED.c.creation_time)
    .cte("touched")
)
# What was found, and whether a slot was taken by it: one that is free, for an execution that is not there yet.
_TAKE = select(_STATE, exists().select_from(_INSERTED).label("is_inserted")).add_cte(_TOUCHED)
# What `to_grants` reads.
GRANTS = select(
    ExecutionRow.invocation_id,
    ExecutionRow.execution_id,
    and_(InvocationRow.batch_id.is_not(None), ExecutionRow.attempt == 1).label("may_be_unstarted"),
).join_from(ExecutionRow, InvocationRow, InvocationRow.invocation_id == ExecutionRow.invocation_id)
_SIGNALLED = bindparam("slots_signalled", type_=ARRAY(Text))
_IS_UNCLAIMED = (ExecutionRow.container_status != ContainerStatus.TERMINATED, ExecutionRow.claim_time.is_(None))
_UNSIGNALLED = GRANTS.where(
    ExecutionRow.function_id == _FUNCTION, *_IS_UNCLAIMED, ExecutionRow.grant_signal_time.is_(None)
)
# One that is taken up by now needs no note.
_NOTE_SIGNALLED = (
    update(ExecutionRow)
    .where(ExecutionRow.execution_id == any_(_SIGNALLED), *_IS_UNCLAIMED)
    .values(grant_signal_time=func.clock_timestamp())
)


class SlotQueue:
    """Changes of slots and of the queue, inside the caller's transaction. Each may be repeated."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def take(
        self, *, invocation_id: InvocationId, execution_id: ExecutionId, attempt: int
    ) -> Assignment | Refused:
        """A slot for the execution if one is free and no older invocation waits; else a place in the queue."""
        found = (await self._connection.execute(_LOCKED_FUNCTION, {_INVOCATION.key: invocation_id})).one_or_none()
        if found is None:
            return Refused(refusal=Refusal.STOPPED)
        function_id, function = found.functions_function_id, to_function(found)
        can_run = function.preparation_error is None
        state = (
            await self._connection.execute(
                _TAKE,
                {
                    _INVOCATION.key: invocation_id,
                    _EXECUTION.key: execution_id,
                    _FUNCTION.key: function_id,
                    _ATTEMPT.key: attempt,
                    _CAN_RUN.key: can_run,
                    _IS_READY.key: function.status is FunctionStatus.READY,
                    _MAX_CONCURRENCY.key: function.resource_spec.max_concurrency,
                },
            )
        ).one()
        if state.is_inserted:
            return _assignment(function, state)
        if state.container_status == ContainerStatus.TERMINATED:
            return Refused(refusal=Refusal.TERMINATED)
        if state.is_over and state.claim_time is None:
            return Refused(refusal=Refusal.STOPPED)
        if state.container_status is not None:
            if state.claim_time is None:
                await self._connection.execute(_CLAIM, {_EXECUTION.key: execution_id, _CAN_RUN.key: can_run})
            return _assignment(function, state)
        await self._enqueue(function_id, state, execution_id, attempt)
        return Refused(refusal=Refusal.QUEUED, grants=await self.grant_free_slots(function_id))

    async def grant_free_slots(self, function_id: int) -> tuple[Grant, ...]:
        """Give free slots to waiting executions, oldest invocation first. The function must be locked."""
        return to_grants(await self._connection.execute(_GRANT_FREE_SLOTS, {"function_id": function_id}))

    async def unsignalled_grants(self, function_id: int) -> tuple[Grant, ...]:
        """Grants that are neither taken up nor recorded as signalled: the process that made them may have died."""
        return to_grants(await self._connection.execute(_UNSIGNALLED, {_FUNCTION.key: function_id}))

    async def note_signalled(self, execution_ids: Sequence[ExecutionId]) -> None:
        """Record that these grants were signalled just now, so that they are not signalled again soon."""
        await self._connection.execute(_NOTE_SIGNALLED, {_SIGNALLED.key: list(execution_ids)})

    async def lock_function_of(self, invocation_id: InvocationId) -> int | None:
        """Lock the invocation's function, without which no slot is given or taken, and return its id. None if the
        invocation is gone."""
        function_id: int | None = await self._connection.scalar(_LOCK_FUNCTION, {_INVOCATION.key: invocation_id})
        return function_id

    async def _enqueue(self, function_id: int, state: Row[Any], execution_id: ExecutionId, attempt: int) -> None:
        place = {"execution_id": execution_id, "attempt": attempt}
        await self._connection.execute(
            upsert(WaitingExecutionRow)
            .values(
                invocation_id=state.invocation_id,
                function_id=function_id,
                invocation_creation_time=state.creation_time,
                **place,
            )
            .on_conflict_do_update(index_elements=[WaitingExecutionRow.invocation_id], set_=place)
        )


_QUEUED_MS = as_text(
    milliseconds(
        waiting_since(
            attempt=literal_column("next.attempt", Integer),
            previous_end=PREVIOUS.last_update_time,
            invocation=InvocationRow,
            function=FunctionRow,
        ),
        func.clock_timestamp(),
    )
)
_GRANT_FREE_SLOTS = text(f"""
    WITH free AS (
        SELECT CASE
            WHEN preparation_error IS NOT NULL THEN NULL  -- no limit: each ends with the reason
            WHEN status = 'READY' THEN greatest(0, max_concurrency - (
                SELECT count(*) FROM executions
                WHERE function_id = :function_id AND worker_status <> 'TERMINATED'
            ))
            ELSE 0
        END AS slots
        FROM functions WHERE function_id = :function_id
    ), next AS (
        DELETE FROM waiting_executions WHERE invocation_id = ANY(ARRAY(  -- of a join, a tenth of the queue is expected
            SELECT invocation_id FROM waiting_executions WHERE function_id = :function_id
            ORDER BY invocation_creation_time, invocation_id LIMIT (SELECT slots FROM free)
        ))
        RETURNING execution_id, invocation_id, function_id, attempt
    ), granted AS (
        INSERT INTO executions (execution_id, invocation_id, function_id, attempt, queued_ms)
        SELECT next.execution_id, next.invocation_id, next.function_id, next.attempt, {_QUEUED_MS}
        FROM next
            JOIN invocations ON invocations.invocation_id = next.invocation_id
            JOIN functions ON functions.function_id = invocations.function_id
            LEFT JOIN executions AS previous
                ON previous.invocation_id = next.invocation_id AND previous.attempt = next.attempt - 1
        RETURNING execution_id, invocation_id, attempt, creation_time
    ), touched AS (
        UPDATE invocations SET last_update_time = granted.creation_time
        FROM granted WHERE invocations.invocation_id = granted.invocation_id
        RETURNING granted.invocation_id, execution_id, batch_id IS NOT NULL AND attempt = 1 AS may_be_unstarted,
            invocations.creation_time
    )
    SELECT invocation_id, execution_id, may_be_unstarted FROM touched ORDER BY creation_time, invocation_id
    """)


def _assignment(function: Function, state: Row[Any]) -> Assignment:
    return Assignment(
        function=function,
        launch=Launch(number=state.launches or 1, age=state.launch_age or timedelta(), is_new=state.launch_age is None),
        waits_for=state.error_message,
        container=to_container_details(state.container_type, state.container_identifier, state.logs_identifier),
        is_stopped=state.termination_signal_time is not None,
    )


def to_grants(rows: Iterable[Row[*tuple[Any, ...]]]) -> tuple[Grant, ...]:
    return tuple(
        Grant(
            invocation_id=InvocationId(row.invocation_id),
            execution_id=ExecutionId(row.execution_id),
            may_be_unstarted=row.may_be_unstarted,
        )
        for row in rows
    )
