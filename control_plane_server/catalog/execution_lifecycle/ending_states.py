"""Executions that are about to end, as they are under the locks of an end."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ARRAY, Row, ScalarSelect, TableValuedAlias, Text, bindparam, column, func, select, true
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased

from control_plane_server.catalog.execution_lifecycle.attempt_timeouts import ATTEMPT_TIMEOUT_TEXT
from control_plane_server.catalog.execution_lifecycle.slot_owners import OWNER_ID, group_is_locked
from control_plane_server.catalog.execution_lifecycle.stops import is_stopped
from control_plane_server.catalog.tables import ExecutionRow, FunctionRow, InvocationRow
from control_plane_server.domain.identifiers import ExecutionId, InvocationId

_INVOCATIONS = bindparam("ending_invocations", type_=ARRAY(Text))
_EXECUTIONS = bindparam("ending_executions", type_=ARRAY(Text))
_CALL = aliased(InvocationRow, name="call")
_CALLED = aliased(FunctionRow, name="called")


def _wanted(name: str) -> TableValuedAlias:
    """The pairs that are named. As they are selected once more, no plan depends on how many there are: PostgreSQL finds
    that a plan for any number is as good as one for this, and keeps it."""
    lists = (func.array(select(func.unnest(ids)).scalar_subquery()) for ids in (_INVOCATIONS, _EXECUTIONS))
    pairs = func.unnest(*lists).table_valued(column("invocation_id", Text), column("execution_id", Text))
    return pairs.render_derived(name=name)


def _function_of(wanted: TableValuedAlias) -> ScalarSelect[int]:
    """The id of the function of a named invocation."""
    of_invocation = select(_CALL.function_id).where(_CALL.invocation_id == wanted.c.invocation_id)
    return of_invocation.correlate(wanted).scalar_subquery()


# Each row is sought by its own key, and joined with no other one by which PostgreSQL could find it: where the catalog
# was small when it planned, to go through all invocations of a function looks as good as a key, and it keeps to that
# while they become many.
_WANTED = _wanted("wanted")
_ANY_WANTED = _wanted("any_wanted")
_GROUP_IS_LOCKED = group_is_locked(
    select(
        func.min(
            select(_CALLED.slot_group_id)
            .where(_CALLED.function_id == _function_of(_ANY_WANTED))
            .correlate(_ANY_WANTED)
            .scalar_subquery()
        )
    ).select_from(_ANY_WANTED)
)
_STATE = (
    select(
        FunctionRow.function_id,
        OWNER_ID,
        ExecutionRow.execution_id,
        ExecutionRow.creation_time,
        ExecutionRow.container_status.label("container_status"),
        ExecutionRow.launches,
        ExecutionRow.outcome,
        ExecutionRow.error_message,
        ExecutionRow.execution_start_time,
        ExecutionRow.execution_finish_time,
        ExecutionRow.termination_signal_time,
        ExecutionRow.is_retryable,
        FunctionRow.no_retry_on,
        InvocationRow.status,
        InvocationRow.batch_id,
        InvocationRow.stop_time,
        InvocationRow.error_message.label("invocation_error"),
        is_stopped(InvocationRow).label("is_stopped"),
        ATTEMPT_TIMEOUT_TEXT.label("attempt_timeout_text"),
    )
    .select_from(FunctionRow)
    .join(InvocationRow, InvocationRow.invocation_id == _WANTED.c.invocation_id)
    .join(ExecutionRow, ExecutionRow.execution_id == _WANTED.c.execution_id)
    .where(FunctionRow.function_id == _function_of(_WANTED))
    .with_for_update(key_share=True, of=(FunctionRow, InvocationRow, ExecutionRow))
    .lateral("state")
)
# Executions of one function with their invocations' states, under the locks of the function, the invocation and the
# execution: they are taken in the order in which they are named, one execution after the other, and what is read is as
# it is under the lock. A report or a cancellation that comes at this moment is either seen here or refused. What
# follows in the transaction is planned once by a connection: left to itself PostgreSQL plans each grant anew, for 2 ms,
# where its first ones were for a queue that was short.
_LOCKED = (
    select(func.set_config("plan_cache_mode", "force_generic_plan", true()), *_STATE.c)
    .select_from(_WANTED)
    .join(_STATE, true())
    .where(_GROUP_IS_LOCKED)
)

EndingState = Row[*tuple[Any, ...]]


async def lock_states(
    connection: AsyncConnection, executions: Mapping[InvocationId, ExecutionId]
) -> Mapping[ExecutionId, EndingState]:
    """Of executions of one function, each of the invocation that is named with it, until the transaction ends. What the
    catalog does not know is left out."""
    # Whoever locks several invocations of a function does so in their order.
    in_order = sorted(executions.items())
    found = await connection.execute(
        _LOCKED,
        {
            _INVOCATIONS.key: [invocation_id for invocation_id, _ in in_order],
            _EXECUTIONS.key: [execution_id for _, execution_id in in_order],
        },
    )
    return {ExecutionId(row.execution_id): row for row in found}
