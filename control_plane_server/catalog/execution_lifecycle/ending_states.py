"""Executions that are about to end, as they are under the locks of an end."""

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import ARRAY, Row, Text, any_, bindparam, func, select, true
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased

from control_plane_server.catalog.execution_lifecycle.attempt_timeouts import ATTEMPT_TIMEOUT_TEXT
from control_plane_server.catalog.execution_lifecycle.slot_owners import OWNER_ID, group_is_locked
from control_plane_server.catalog.execution_lifecycle.stops import is_stopped
from control_plane_server.catalog.tables import ExecutionRow, FunctionRow, InvocationRow
from control_plane_server.domain.identifiers import ExecutionId

_EXECUTIONS = bindparam("ending_executions", type_=ARRAY(Text))
_ENDING = aliased(ExecutionRow, name="ending")
_CALL = aliased(InvocationRow, name="call")
_CALLED = aliased(FunctionRow, name="called")
_GROUP_IS_LOCKED = group_is_locked(
    select(_CALLED.slot_group_id)
    .join(_CALL, _CALL.function_id == _CALLED.function_id)
    .join(_ENDING, _ENDING.invocation_id == _CALL.invocation_id)
    .where(_ENDING.execution_id == any_(_EXECUTIONS))
    .limit(1)
)
# Executions of one function with their invocations' states, under the locks of the function, the invocation and the
# execution: they are taken in the order in which they are named, one execution after the other, and what is read is as
# it is under the lock. A report or a cancellation that comes at this moment is either seen here or refused. What
# follows in the transaction is planned once by a connection: left to itself PostgreSQL plans each grant anew, for 2 ms,
# where its first ones were for a queue that was short.
_LOCKED = (
    select(
        func.set_config("plan_cache_mode", "force_generic_plan", true()),
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
    .join(InvocationRow, InvocationRow.function_id == FunctionRow.function_id)
    .join(ExecutionRow, ExecutionRow.invocation_id == InvocationRow.invocation_id)
    .where(ExecutionRow.execution_id == any_(_EXECUTIONS), _GROUP_IS_LOCKED)
    .order_by(InvocationRow.invocation_id)
    .with_for_update(key_share=True, of=(FunctionRow, InvocationRow, ExecutionRow))
)

EndingState = Row[*tuple[Any, ...]]


async def lock_states(
    connection: AsyncConnection, execution_ids: Collection[ExecutionId]
) -> Mapping[ExecutionId, EndingState]:
    """Of executions of one function, until the transaction ends. What the catalog does not know is left out."""
    found = await connection.execute(_LOCKED, {_EXECUTIONS.key: list(execution_ids)})
    return {ExecutionId(row.execution_id): row for row in found}
