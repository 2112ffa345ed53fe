"""Takes a slot for an execution, in one statement, where one is free and nobody comes before it."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    Integer,
    Select,
    Text,
    and_,
    bindparam,
    case,
    exists,
    false,
    func,
    insert,
    literal_column,
    or_,
    select,
    text,
    true,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.orm import InstrumentedAttribute

from control_plane_server.catalog.ends import PREVIOUS, is_previous, milliseconds, waiting_since
from control_plane_server.catalog.execution_lifecycle.launches import LAUNCH
from control_plane_server.catalog.execution_lifecycle.slot_order import next_in_queue
from control_plane_server.catalog.execution_lifecycle.slot_owners import (
    SLOT_INVOCATION,
    SlotOwner,
    limit_of_group,
)
from control_plane_server.catalog.pauses import is_paused
from control_plane_server.catalog.ranks import rank_of
from control_plane_server.catalog.tables import (
    HOLDS_SLOT,
    ExecutionRow,
    FunctionRow,
    InvocationRow,
    ProjectRow,
    VersionRow,
    WaitingExecutionRow,
)
from control_plane_server.domain.entities import (
    ContainerStatus,
    Function,
    FunctionStatus,
    InvocationStatus,
)
from control_plane_server.domain.identifiers import ExecutionId, InvocationId

SLOT_EXECUTION = bindparam("slot_execution", type_=Text)
SLOT_OWNER = bindparam("slot_owner", type_=BigInteger)
_ATTEMPT = bindparam("slot_attempt", type_=Integer)
CAN_RUN = bindparam("slot_can_run", type_=Boolean)
_IS_READY = bindparam("slot_is_ready", type_=Boolean)
_MAX_CONCURRENCY = bindparam("slot_max_concurrency", type_=Integer)
# Written into the statement, so that functions without a group have a plan without one.
_IS_GROUP = bindparam("slot_is_group", type_=Boolean, literal_execute=True)

_HELD = select(func.count()).where(ExecutionRow.function_id == SLOT_OWNER, HOLDS_SLOT)
_WAITING_SINCE = waiting_since(
    attempt=_ATTEMPT,
    previous_end=PREVIOUS.last_update_time,
    previous_id=PREVIOUS.execution_id,
    invocation=InvocationRow,
    function=FunctionRow,
)
# Of the first in the queue: an `exists` is planned as if it soon found one, and reads all of a long queue. With a
# parameter as the limit a tenth of the queue is expected, and each call planned anew, which takes longer than the call.
_FIRST = (
    select(
        WaitingExecutionRow.rank,
        WaitingExecutionRow.invocation_id,
        (WaitingExecutionRow.concurrency_key > "").label("has_key"),
    )
    .where(WaitingExecutionRow.function_id == SLOT_OWNER)
    .order_by(WaitingExecutionRow.rank, WaitingExecutionRow.invocation_id)
    .limit(literal_column("1"))
    .subquery("first_in_queue")
)
_NEXT = text(f"""
        WITH RECURSIVE {next_in_queue("SELECT 1 AS slots", owner=":slot_owner")}
        SELECT rank, invocation_id FROM next_in_queue
        """).bindparams(SLOT_OWNER).columns(rank=TIMESTAMP(timezone=True), invocation_id=Text).subquery("next_to_go")
_OLDER_IS_NEXT = func.coalesce(
    select(tuple_(_NEXT.c.rank, _NEXT.c.invocation_id) < tuple_(rank_of(InvocationRow), InvocationRow.invocation_id))
    .select_from(_NEXT)
    .correlate(InvocationRow)
    .scalar_subquery(),
    false(),
)
_IS_PAUSED = or_(
    is_paused(FunctionRow),
    select(is_paused(ProjectRow))
    .join(VersionRow, VersionRow.project_name == ProjectRow.project_name)
    .where(VersionRow.version_id == FunctionRow.version_id)
    .correlate(FunctionRow)
    .scalar_subquery(),
)
# Those with the same key are in its order, whatever limits they name.
_KEY_IS_FREE = or_(
    InvocationRow.concurrency_key.is_(None),
    and_(
        select(func.count())
        .where(
            ExecutionRow.function_id == SLOT_OWNER,
            HOLDS_SLOT,
            ExecutionRow.concurrency_key == InvocationRow.concurrency_key,
        )
        .correlate(InvocationRow)
        .scalar_subquery()
        < InvocationRow.concurrency_limit,
        func.coalesce(
            select(
                tuple_(WaitingExecutionRow.rank, WaitingExecutionRow.invocation_id)
                > tuple_(rank_of(InvocationRow), InvocationRow.invocation_id)
            )
            .where(
                WaitingExecutionRow.function_id == SLOT_OWNER,
                WaitingExecutionRow.concurrency_key == InvocationRow.concurrency_key,
            )
            .order_by(WaitingExecutionRow.rank, WaitingExecutionRow.invocation_id)
            .limit(1)
            .correlate(InvocationRow)
            .scalar_subquery(),
            true(),
        ),
    ),
)
# The first launch is noted with the claim, one statement less; a function that can never run has no launch.
_CLAIMED: dict[InstrumentedAttribute[Any], ColumnElement[Any]] = {
    ExecutionRow.claim_time: func.clock_timestamp(),
    ExecutionRow.container_status: case(
        (CAN_RUN, ContainerStatus.PROVISIONING.value), else_=ContainerStatus.PENDING.value
    ),
    ExecutionRow.launches: case((CAN_RUN, 1), else_=0),
    ExecutionRow.launch_time: case((CAN_RUN, func.clock_timestamp())),
}
CLAIM = (
    update(ExecutionRow)
    .where(ExecutionRow.execution_id == SLOT_EXECUTION)
    .values({**_CLAIMED, ExecutionRow.last_update_time: func.clock_timestamp()})
)
# An execution of a function that never will be READY needs no free slot: it ends with the reason.
_LIMIT = case((_IS_GROUP, limit_of_group(SLOT_OWNER)), else_=_MAX_CONCURRENCY)


def _take(older_waits: ColumnElement[bool], key_is_free: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
    """What was found, and whether a slot was taken by it: one that is free, for an execution that is not there yet."""
    state = (
        select(
            InvocationRow.invocation_id,
            rank_of(InvocationRow).label("rank"),
            InvocationRow.concurrency_key,
            InvocationRow.concurrency_limit,
            (
                (InvocationRow.status == InvocationStatus.TERMINATED)
                | InvocationRow.stop_time.is_not(None)
                | InvocationRow.cancellation_request_time.is_not(None)
            ).label("is_over"),
            _HELD.scalar_subquery().label("held"),
            older_waits.label("older_waits"),
            func.coalesce(_FIRST.c.has_key, false()).label("first_has_key"),
            key_is_free.label("key_is_free"),
            _IS_PAUSED.label("is_paused"),
            ExecutionRow.container_status.label("container_status"),
            ExecutionRow.claim_time,
            *LAUNCH,
            ExecutionRow.error_message,
            ExecutionRow.container_type.label("container_type"),
            ExecutionRow.container_identifier.label("container_identifier"),
            ExecutionRow.logs_identifier,
            ExecutionRow.termination_signal_time,
            milliseconds(_WAITING_SINCE, func.clock_timestamp()).label("queued_ms"),
        )
        .join_from(InvocationRow, FunctionRow, FunctionRow.function_id == InvocationRow.function_id)
        .join(ExecutionRow, ExecutionRow.execution_id == SLOT_EXECUTION, isouter=True)
        .join(PREVIOUS, is_previous(InvocationRow.invocation_id, _ATTEMPT), isouter=True)
        .join(_FIRST, true(), isouter=True)
        .where(InvocationRow.invocation_id == SLOT_INVOCATION)
        .cte("state")
    )
    is_free = ~CAN_RUN | (
        _IS_READY & (state.c.held < _LIMIT) & ~state.c.older_waits & state.c.key_is_free & ~state.c.is_paused
    )
    inserted = (
        insert(ExecutionRow)
        .from_select(
            [
                ExecutionRow.execution_id,
                ExecutionRow.invocation_id,
                ExecutionRow.function_id,
                ExecutionRow.attempt,
                ExecutionRow.queued_ms,
                ExecutionRow.concurrency_key,
                *_CLAIMED,
            ],
            select(
                SLOT_EXECUTION,
                state.c.invocation_id,
                SLOT_OWNER,
                _ATTEMPT,
                state.c.queued_ms,
                state.c.concurrency_key,
                *_CLAIMED.values(),
            ).where(state.c.container_status.is_(None), ~state.c.is_over, is_free),
        )
        .returning(ExecutionRow.invocation_id, ExecutionRow.creation_time)
        .cte("inserted")
    )
    touched = (
        update(InvocationRow)
        .where(InvocationRow.invocation_id == inserted.c.invocation_id)
        .values(last_update_time=inserted.c.creation_time)
        .cte("touched")
    )
    return select(state, exists().select_from(inserted).label("is_inserted")).add_cte(touched)


# For one without a key. Where it finds that `older_waits` and `first_has_key`, that one may have to wait for its key:
# TAKE_AMONG_KEYS decides.
TAKE = _take(
    func.coalesce(
        tuple_(_FIRST.c.rank, _FIRST.c.invocation_id) < tuple_(rank_of(InvocationRow), InvocationRow.invocation_id),
        false(),
    ),
    true(),
)
TAKE_AMONG_KEYS = _take(_OLDER_IS_NEXT, _KEY_IS_FREE)


def take_parameters(
    owner: SlotOwner, function: Function, invocation_id: InvocationId, execution_id: ExecutionId, attempt: int
) -> dict[str, object]:
    """Of both statements. `function`: as its row, which is locked, has it."""
    return {
        SLOT_INVOCATION.key: invocation_id,
        SLOT_EXECUTION.key: execution_id,
        SLOT_OWNER.key: owner.owner_id,
        _IS_GROUP.key: owner.is_group,
        _ATTEMPT.key: attempt,
        CAN_RUN.key: function.preparation_error is None,
        _IS_READY.key: function.status is FunctionStatus.READY,
        _MAX_CONCURRENCY.key: function.resource_spec.max_concurrency,
    }
