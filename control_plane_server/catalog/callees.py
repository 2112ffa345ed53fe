"""What a submit names: the function that is called and, in the same version, the invocation that calls it. Under
`latest` that is the caller's version."""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from sqlalchemy import ARRAY, CTE, BigInteger, Row, Select, all_, and_, bindparam, case, func, insert, or_, select, true
from sqlalchemy.orm import aliased
from sqlalchemy.sql.elements import ColumnElement

from control_plane_server.catalog.base import columns_of
from control_plane_server.catalog.paths import (
    INVOCATION,
    PARENT_FUNCTION_NAME,
    along_callee,
    along_function,
    searchable,
)
from control_plane_server.catalog.tables import BatchRow, FunctionRow, InvocationRow, ProjectRow, VersionRow
from control_plane_server.domain.entities import InvocationStatus, ParentInvocation, ParentRef
from control_plane_server.domain.errors import ParentInvocationDoesNotExist, ProjectIsBeingDeleted
from control_plane_server.domain.identifiers import FunctionName, InvocationId

PARENT = aliased(InvocationRow, name="parent")
PARENT_FUNCTION = aliased(FunctionRow, name="parent_function")
# Listed column by column: a parent's input may be long and is not needed.
PARENT_STATE = (
    PARENT.invocation_id.label("parent_invocation_id"),
    PARENT_FUNCTION.function_name.label("parent_function_name"),
    PARENT.cancellation_request_time.label("parent_cancellation_request_time"),
    PARENT.status.label("parent_status"),
    PARENT.creation_time.label("parent_creation_time"),
    PARENT.last_update_time.label("parent_last_update_time"),
)

_NOW = func.statement_timestamp()


def _found(along: Callable[[Select[*tuple[Any, ...]]], Select[*tuple[Any, ...]]]) -> CTE:
    """The function at a path and the parent that the client names."""
    columns = (
        ProjectRow.deletion_request_time.label("project_deletion_request_time"),
        ProjectRow.closing_time.label("project_closing_time"),
        *columns_of(VersionRow, FunctionRow),
        FunctionRow.signature.label("functions_signature"),
        *PARENT_STATE,
    )
    return (
        along(select(*columns))
        .outerjoin(
            PARENT_FUNCTION,
            and_(
                PARENT_FUNCTION.version_id == VersionRow.version_id,
                PARENT_FUNCTION.function_name == PARENT_FUNCTION_NAME,
            ),
        )
        .outerjoin(PARENT, and_(PARENT.function_id == PARENT_FUNCTION.function_id, PARENT.invocation_id == INVOCATION))
        .cte("found")
    )


CALLEE = _found(along_function)
# Of what names a parent: looks for its version, if `latest` is asked for.
CALLEE_OF_PARENT = _found(along_callee)
# Functions whose arguments are known to be right. The input of a command is any text.
_CHECKED = bindparam("checked_functions", type_=ARRAY(BigInteger))
# The lock waits for a stop of the parent that is being written. Either that stop is seen here, or it commits after this
# insert, and then finds this child when it cancels the children.
_PARENT_IS_STOPPED = (
    select(func.coalesce(InvocationRow.cancellation_request_time, InvocationRow.stop_time))
    .where(InvocationRow.invocation_id == INVOCATION)
    .with_for_update(read=True)
    .scalar_subquery()
    .is_not(None)
)


class ArgumentsAreUnchecked(Exception):
    """Nothing was created: arguments are to be checked by this signature, as text, and the function's id is to be named
    among those that are `checked`."""

    def __init__(self, *, function_id: int, function_name: str, signature: str) -> None:
        super().__init__(function_name)
        self.function_id = function_id
        self.function_name = function_name
        self.signature = signature


def call_parameters(parent: ParentRef | None, checked: Collection[int]) -> dict[str, object]:
    """For a `creation`. `checked`: ids of functions that take the arguments, if they have a signature."""
    return {
        _CHECKED.key: list(checked),
        INVOCATION.key: None if parent is None else searchable(parent.invocation_id),
        PARENT_FUNCTION_NAME.key: None if parent is None else searchable(parent.function_name),
    }


def to_parent(row: Row[*tuple[Any, ...]]) -> ParentInvocation | None:
    """Of a row that has PARENT_STATE."""
    if row.parent_invocation_id is None:
        return None
    return ParentInvocation(
        ref=ParentRef(
            function_name=FunctionName(row.parent_function_name), invocation_id=InvocationId(row.parent_invocation_id)
        ),
        cancellation_request_time=row.parent_cancellation_request_time,
        status=InvocationStatus(row.parent_status),
        creation_time=row.parent_creation_time,
        last_update_time=row.parent_last_update_time,
    )


def creation(
    row: type[InvocationRow] | type[BatchRow], own: Mapping[str, ColumnElement[Any]], *, callee: CTE
) -> Select[*tuple[Any, ...]]:
    """What is found and, if nothing is missing, the row that is inserted, with its `own` columns beside those that all
    calls have. `callee`: CALLEE or CALLEE_OF_PARENT."""
    has_unchecked_signature = and_(
        callee.c.functions_signature.is_not(None),
        callee.c.functions_command.is_(None),
        callee.c.functions_function_id != all_(_CHECKED),
    )
    is_callable = and_(
        callee.c.functions_function_id.is_not(None),
        ~has_unchecked_signature,
        callee.c.project_closing_time.is_(None),
        INVOCATION.is_(None) | callee.c.parent_invocation_id.is_not(None),
    )
    is_cancelled_at_birth: ColumnElement[bool] = callee.c.project_deletion_request_time.is_not(None)
    if callee is CALLEE_OF_PARENT:
        is_cancelled_at_birth = or_(is_cancelled_at_birth, _PARENT_IS_STOPPED)
    values = {
        **own,
        "function_id": callee.c.functions_function_id,
        "parent_invocation_id": callee.c.parent_invocation_id,
        "creation_time": _NOW,
        "last_update_time": _NOW,
        "cancellation_request_time": case((is_cancelled_at_birth, _NOW)),
    }
    inserted = (
        insert(row)
        .from_select(list(values), select(*values.values()).where(is_callable))
        .returning(row.creation_time, row.cancellation_request_time)
        .cte("inserted")
    )
    found = [column for column in callee.c if column.name != "functions_signature"]
    # Only where it was not known: it may be long.
    signature = case((inserted.c.creation_time.is_(None) & has_unchecked_signature, callee.c.functions_signature))
    return (
        select(
            *found,
            signature.label("unchecked_signature"),
            inserted.c.creation_time,
            inserted.c.cancellation_request_time,
        )
        .select_from(callee)
        .outerjoin(inserted, true())
    )


def require_created(row: Row[*tuple[Any, ...]], *, has_parent: bool) -> None:
    """Of a statement that is a `creation`, whose function is there: raises ProjectIsBeingDeleted,
    ParentInvocationDoesNotExist, ArgumentsAreUnchecked if nothing was inserted."""
    if row.project_closing_time is not None:
        raise ProjectIsBeingDeleted
    if has_parent and row.parent_invocation_id is None:
        raise ParentInvocationDoesNotExist
    if row.unchecked_signature is not None:
        raise ArgumentsAreUnchecked(
            function_id=row.functions_function_id,
            function_name=row.functions_function_name,
            signature=row.unchecked_signature,
        )
