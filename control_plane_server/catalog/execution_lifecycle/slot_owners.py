"""Whose slots an execution takes: its function's, or those of a group, which all READY versions of a function share.

Under the owner's id executions and places in the queue are kept, in their column `function_id`: ids of groups and of
functions are drawn from one sequence. Whoever gives or takes slots of a group locks its row before the function's. A
function that is not READY, or never will be, has its own queue, so that what waits for it keeps nobody else waiting.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, ScalarSelect, Select, Text, bindparam, case, func, select
from sqlalchemy.orm import aliased
from sqlalchemy.sql.elements import ColumnElement

from control_plane_server.catalog.base import columns_of
from control_plane_server.catalog.tables import BatchRow, FunctionRow, InvocationRow, SlotGroupRow, VersionRow
from control_plane_server.domain.entities import FunctionStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotOwner:
    """`owner_id`: the function's id, or its group's."""

    function_id: int
    owner_id: int

    @property
    def is_group(self) -> bool:
        return self.owner_id != self.function_id


OWNER_ID: ColumnElement[int] = case(
    (
        FunctionRow.status == FunctionStatus.READY.value,
        func.coalesce(FunctionRow.slot_group_id, FunctionRow.function_id),
    ),
    else_=FunctionRow.function_id,
).label("slot_owner_id")


def to_owner(row: Row[*tuple[Any, ...]]) -> SlotOwner:
    """Of a row that has `function_id` and OWNER_ID."""
    return SlotOwner(function_id=row.function_id, owner_id=row.slot_owner_id)


def group_is_locked(group_id: Select[Any]) -> ColumnElement[bool]:
    """Always true. Of a statement that locks a function: the row of its group, whose id this selects, is locked first;
    of a function that has none, nothing is."""
    locked = (
        select(SlotGroupRow.group_id)
        .where(SlotGroupRow.group_id == group_id.scalar_subquery())
        .with_for_update(key_share=True)
        .cte("locked_group")
    )
    return select(func.count()).select_from(locked).scalar_subquery() >= 0


SLOT_INVOCATION = bindparam("slot_invocation", type_=Text)
SLOT_BATCH = bindparam("slot_batch", type_=Text)
_BATCH_OF_CALLS = aliased(BatchRow, name="batch_of_calls")
_CALL = aliased(InvocationRow, name="call")
_CALLED = aliased(FunctionRow, name="called")
_GROUP_IS_LOCKED = group_is_locked(
    select(_CALLED.slot_group_id)
    .join(_CALL, _CALL.function_id == _CALLED.function_id)
    .where(_CALL.invocation_id == SLOT_INVOCATION)
)
# NO KEY: inserts of invocations, which hold a key lock on their function, must not wait.
LOCKED_FUNCTION = (
    select(
        *columns_of(FunctionRow, VersionRow),
        FunctionRow.environment,
        FunctionRow.function_id,
        OWNER_ID,
        InvocationRow.concurrency_key,
    )
    .join(VersionRow, VersionRow.version_id == FunctionRow.version_id)
    .join(InvocationRow, InvocationRow.function_id == FunctionRow.function_id)
    .where(InvocationRow.invocation_id == SLOT_INVOCATION, _GROUP_IS_LOCKED)
    .with_for_update(key_share=True, of=FunctionRow)
)
LOCK_FUNCTION = (
    select(FunctionRow.function_id, OWNER_ID)
    .join(InvocationRow, InvocationRow.function_id == FunctionRow.function_id)
    .where(InvocationRow.invocation_id == SLOT_INVOCATION, _GROUP_IS_LOCKED)
    .with_for_update(key_share=True, of=FunctionRow)
)
LOCK_FUNCTION_OF_BATCH = (
    select(FunctionRow.function_id, OWNER_ID)
    .join(BatchRow, BatchRow.function_id == FunctionRow.function_id)
    .where(
        BatchRow.batch_id == SLOT_BATCH,
        group_is_locked(
            select(_CALLED.slot_group_id)
            .join(_BATCH_OF_CALLS, _BATCH_OF_CALLS.function_id == _CALLED.function_id)
            .where(_BATCH_OF_CALLS.batch_id == SLOT_BATCH)
        ),
    )
    .with_for_update(key_share=True, of=FunctionRow)
)
_MEMBER = aliased(FunctionRow, name="slot_group_member")
_VERSION = aliased(VersionRow, name="slot_group_version")


def limit_of_group(group_id: ColumnElement[int]) -> ScalarSelect[int]:
    """The `max_concurrency` that counts: that of the version declared last of those that are READY."""
    project_name = select(SlotGroupRow.project_name).where(SlotGroupRow.group_id == group_id).scalar_subquery()
    function_name = select(SlotGroupRow.function_name).where(SlotGroupRow.group_id == group_id).scalar_subquery()
    return (
        select(_MEMBER.max_concurrency)
        .join(_VERSION, _VERSION.version_id == _MEMBER.version_id)
        .where(
            _VERSION.project_name == project_name,
            _MEMBER.function_name == function_name,
            _MEMBER.slot_group_id == group_id,
            _MEMBER.status == FunctionStatus.READY.value,
        )
        .order_by(_VERSION.declaration_number.desc())
        .limit(1)
        .scalar_subquery()
    )
