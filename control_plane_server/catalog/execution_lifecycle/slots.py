"""The slots of a function, and the queue for them.

A slot is an execution row whose container is not TERMINATED. Whatever gives or takes one holds the lock of the
function's row, and of its group's if versions share their slots (`slot_owners.py`): a limit is never exceeded, not even
for an instant. Locks are taken in the order group, function, invocation, execution. Lock and count are two statements,
as one statement would count by a snapshot older than its lock.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Row,
    Text,
    and_,
    any_,
    bindparam,
    func,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from control_plane_server.catalog.converters import to_container_details, to_function, to_unfinished
from control_plane_server.catalog.execution_lifecycle.launches import Launch, to_launch
from control_plane_server.catalog.execution_lifecycle.slot_grants import GRANT_FREE_SLOTS, GRANT_FREE_SLOTS_OF_GROUP
from control_plane_server.catalog.execution_lifecycle.slot_owners import (
    LOCK_FUNCTION,
    LOCK_FUNCTION_OF_BATCH,
    LOCKED_FUNCTION,
    SLOT_BATCH,
    SLOT_INVOCATION,
    SlotOwner,
    to_owner,
)
from control_plane_server.catalog.execution_lifecycle.slot_takes import (
    CAN_RUN,
    CLAIM,
    SLOT_EXECUTION,
    SLOT_OWNER,
    TAKE,
    TAKE_AMONG_KEYS,
    take_parameters,
)
from control_plane_server.catalog.tables import (
    HOLDS_SLOT,
    ExecutionRow,
    InvocationRow,
    WaitingExecutionRow,
)
from control_plane_server.domain.entities import (
    ContainerDetails,
    ContainerStatus,
    Function,
    FunctionStatus,
)
from control_plane_server.domain.identifiers import BatchId, ExecutionId, InvocationId
from control_plane_server.domain.unfinished import UnfinishedInvocation

# By one transaction of whoever hands slots on, who has to tell each workflow before his own work is done. More are free
# only after a pause, or when a limit was raised: each of these grants hands on as many again.
PORTION = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A slot given to an execution that waited: its workflow has to be signalled. `may_be_unstarted`: it is the first
    one of an invocation of a batch, whose workflow is started by whoever gives it its slot. `unstarted`: what that is
    started with, as far as it is known."""

    invocation_id: InvocationId
    execution_id: ExecutionId
    may_be_unstarted: bool = False
    unstarted: UnfinishedInvocation | None = field(default=None, compare=False)


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


FIRST_LAUNCH = Launch(number=1, age=timedelta(), is_new=True)
# What `to_grants` reads.
GRANTS = select(
    ExecutionRow.invocation_id,
    ExecutionRow.execution_id,
    and_(InvocationRow.batch_id.is_not(None), ExecutionRow.attempt == 1).label("may_be_unstarted"),
).join_from(ExecutionRow, InvocationRow, InvocationRow.invocation_id == ExecutionRow.invocation_id)
_SIGNALLED = bindparam("slots_signalled", type_=ARRAY(Text))
_IS_UNCLAIMED = (HOLDS_SLOT, ExecutionRow.claim_time.is_(None))
_UNSIGNALLED = GRANTS.where(
    ExecutionRow.function_id == SLOT_OWNER, *_IS_UNCLAIMED, ExecutionRow.grant_signal_time.is_(None)
).order_by(ExecutionRow.creation_time)
# One that is taken up by now needs no note.
_NOTE_SIGNALLED = (
    update(ExecutionRow)
    .where(ExecutionRow.execution_id == any_(_SIGNALLED), *_IS_UNCLAIMED)
    .values(grant_signal_time=func.clock_timestamp())
)


# What came with a batch while the function became READY, or what a release put there that knows no groups.
_FUNCTION = bindparam("slot_function", type_=BigInteger)
_MOVE_TO_GROUP = (
    update(WaitingExecutionRow).where(WaitingExecutionRow.function_id == _FUNCTION).values(function_id=SLOT_OWNER)
)


class SlotQueue:
    """Changes of slots and of the queue, inside the caller's transaction. Each may be repeated."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def take(
        self, *, invocation_id: InvocationId, execution_id: ExecutionId, attempt: int
    ) -> Assignment | Refused:
        """A slot for the execution if one is free and nobody comes before it, nor keeps its concurrency key; else a
        place in the queue."""
        found = (await self._connection.execute(LOCKED_FUNCTION, {SLOT_INVOCATION.key: invocation_id})).one_or_none()
        if found is None:
            return Refused(refusal=Refusal.STOPPED)
        owner, function = to_owner(found), to_function(found, environment=found.environment)
        can_run = function.preparation_error is None
        parameters = take_parameters(owner, function, invocation_id, execution_id, attempt)
        state = await self._take(parameters, has_key=found.concurrency_key is not None)
        if state.is_inserted:
            return _assignment(function, state)
        if state.container_status == ContainerStatus.TERMINATED:
            return Refused(refusal=Refusal.TERMINATED)
        if state.is_over and state.claim_time is None:
            return Refused(refusal=Refusal.STOPPED)
        if state.container_status is not None:
            if state.claim_time is None:
                await self._connection.execute(CLAIM, {SLOT_EXECUTION.key: execution_id, CAN_RUN.key: can_run})
            return _assignment(function, state)
        await self._enqueue(owner, state, execution_id, attempt)
        return Refused(refusal=Refusal.QUEUED, grants=await self.grant_free_slots(owner))

    async def take_free(self, *, invocation_id: InvocationId, execution_id: ExecutionId) -> bool:
        """Whether the invocation's first execution has a slot by this call: one was free, and no older invocation
        waits. Else nothing is changed."""
        found = (await self._connection.execute(LOCKED_FUNCTION, {SLOT_INVOCATION.key: invocation_id})).one_or_none()
        if found is None:
            return False
        function = to_function(found)
        if function.status is not FunctionStatus.READY:
            return False
        parameters = take_parameters(to_owner(found), function, invocation_id, execution_id, 1)
        state = await self._take(parameters, has_key=found.concurrency_key is not None)
        return bool(state.is_inserted)

    async def _take(self, parameters: dict[str, object], *, has_key: bool) -> Row[Any]:
        if not has_key:
            state = (await self._connection.execute(TAKE, parameters)).one()
            if not (state.older_waits and state.first_has_key) or state.is_inserted:
                return state
        return (await self._connection.execute(TAKE_AMONG_KEYS, parameters)).one()

    async def grant_free_slots(self, owner: SlotOwner, *, at_most: int | None = PORTION) -> tuple[Grant, ...]:
        """Give free slots to waiting executions, in the order of the queue. The function, and its group if it has one,
        must be locked. `at_most`: so many; None: all. Where each gets its turn to end with the reason, as its function
        cannot be prepared, it does not count."""
        if owner.is_group:
            await self._connection.execute(
                _MOVE_TO_GROUP, {_FUNCTION.key: owner.function_id, SLOT_OWNER.key: owner.owner_id}
            )
        statement = GRANT_FREE_SLOTS_OF_GROUP if owner.is_group else GRANT_FREE_SLOTS
        given = await self._connection.execute(statement, {"owner_id": owner.owner_id, "at_most": at_most})
        return tuple(
            replace(_to_grant(row), unstarted=to_unfinished(row) if row.may_be_unstarted else None) for row in given
        )

    async def unsignalled_grants(self, owner: SlotOwner, *, at_most: int | None = PORTION) -> tuple[Grant, ...]:
        """Grants that are neither taken up nor recorded as signalled, the oldest first: the process that made them may
        have died. For who repeats what he may have died in: others may just be telling them. `at_most`: so many, as
        many may repeat theirs at once; None: all."""
        found = await self._connection.execute(_UNSIGNALLED.limit(at_most), {SLOT_OWNER.key: owner.owner_id})
        return to_grants(found)

    async def note_signalled(self, execution_ids: Sequence[ExecutionId]) -> None:
        """Record that these grants were signalled just now, so that they are not signalled again soon."""
        await self._connection.execute(_NOTE_SIGNALLED, {_SIGNALLED.key: list(execution_ids)})

    async def lock_owner_of(self, invocation_id: InvocationId) -> SlotOwner | None:
        """Lock the invocation's function, and its group if it has one, without which no slot is given or taken. None if
        the invocation is gone."""
        found = (await self._connection.execute(LOCK_FUNCTION, {SLOT_INVOCATION.key: invocation_id})).one_or_none()
        return None if found is None else to_owner(found)

    async def lock_owner_of_batch(self, batch_id: BatchId) -> SlotOwner | None:
        """As `lock_owner_of`, of a batch; of a replay that of its first invocation alone."""
        found = (await self._connection.execute(LOCK_FUNCTION_OF_BATCH, {SLOT_BATCH.key: batch_id})).one_or_none()
        return None if found is None else to_owner(found)

    async def _enqueue(self, owner: SlotOwner, state: Row[Any], execution_id: ExecutionId, attempt: int) -> None:
        place = {"execution_id": execution_id, "attempt": attempt, "function_id": owner.owner_id}
        await self._connection.execute(
            upsert(WaitingExecutionRow)
            .values(
                invocation_id=state.invocation_id,
                rank=state.rank,
                concurrency_key=state.concurrency_key or "",
                concurrency_limit=state.concurrency_limit,
                **place,
            )
            .on_conflict_do_update(index_elements=[WaitingExecutionRow.invocation_id], set_=place)
        )


def _assignment(function: Function, state: Row[Any]) -> Assignment:
    return Assignment(
        function=function,
        launch=FIRST_LAUNCH if state.launch_age is None else to_launch(state, is_new=False),
        waits_for=state.error_message,
        container=to_container_details(state.container_type, state.container_identifier, state.logs_identifier),
        is_stopped=state.termination_signal_time is not None,
    )


def to_grants(rows: Iterable[Row[*tuple[Any, ...]]]) -> tuple[Grant, ...]:
    return tuple(_to_grant(row) for row in rows)


def _to_grant(row: Row[*tuple[Any, ...]]) -> Grant:
    return Grant(
        invocation_id=InvocationId(row.invocation_id),
        execution_id=ExecutionId(row.execution_id),
        may_be_unstarted=row.may_be_unstarted,
    )
