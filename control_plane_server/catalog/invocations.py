"""Invocations as users see them: submitted, read, asked to stop. How they end is in
`execution_lifecycle/terminations.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, Select, Text, and_, bindparam, case, func, insert, or_, select, true, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased
from sqlalchemy.sql.elements import ColumnElement

from control_plane_server.catalog.converters import to_execution, to_function
from control_plane_server.catalog.paths import (
    INVOCATION_MATCHES,
    FunctionPath,
    InvocationPath,
    along_function,
    along_invocation,
    require,
    searchable,
)
from control_plane_server.catalog.tables import (
    ExecutionRow,
    FunctionRow,
    InvocationRow,
    ProjectRow,
    VersionRow,
    columns_of,
)
from control_plane_server.domain.entities import Invocation, InvocationStatus, ParentInvocation, ParentRef
from control_plane_server.domain.errors import (
    InvocationDoesNotExist,
    InvocationIsAlreadyTerminated,
    ParentInvocationDoesNotExist,
    ProjectDoesNotExist,
    ProjectIsBeingDeleted,
)
from control_plane_server.domain.identifiers import FunctionName, InvocationId, new_invocation_id

_PARENT = aliased(InvocationRow, name="parent")
_PARENT_FUNCTION = aliased(FunctionRow, name="parent_function")
# Listed column by column: a parent's input may be long and is not needed here.
_PARENT_STATE = (
    _PARENT.invocation_id.label("parent_invocation_id"),
    _PARENT_FUNCTION.function_name.label("parent_function_name"),
    _PARENT.cancellation_request_time.label("parent_cancellation_request_time"),
    _PARENT.status.label("parent_status"),
    _PARENT.creation_time.label("parent_creation_time"),
    _PARENT.last_update_time.label("parent_last_update_time"),
)
_ID = bindparam("wanted_invocation", type_=Text)
_NEW_ID = bindparam("new_invocation", type_=Text)
_INPUT = bindparam("new_input", type_=Text)
_PARENT_ID = bindparam("new_parent", type_=Text)
_PARENT_FUNCTION_NAME = bindparam("new_parent_function", type_=Text)

# One clock reading per statement: times written together are equal.
_NOW = func.statement_timestamp()


def _with_parent_and_executions(statement: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    return (
        statement.outerjoin(_PARENT, _PARENT.invocation_id == InvocationRow.parent_invocation_id)
        .outerjoin(_PARENT_FUNCTION, _PARENT_FUNCTION.function_id == _PARENT.function_id)
        .outerjoin(ExecutionRow, ExecutionRow.invocation_id == InvocationRow.invocation_id)
        .order_by(ExecutionRow.attempt)
    )


# One row for each execution, or for an invocation that has none. An input may be long: it is in the first row only.
_WHOLE = (
    *columns_of(VersionRow, FunctionRow, ExecutionRow),
    InvocationRow.invocation_id.label("invocations_invocation_id"),
    case((func.row_number().over(order_by=ExecutionRow.attempt) == 1, InvocationRow.input)).label("invocations_input"),
    InvocationRow.cancellation_request_time.label("invocations_cancellation_request_time"),
    InvocationRow.status.label("invocations_status"),
    InvocationRow.creation_time.label("invocations_creation_time"),
    InvocationRow.last_update_time.label("invocations_last_update_time"),
    *_PARENT_STATE,
)
_GET = _with_parent_and_executions(along_invocation(select(*_WHOLE)))
_GET_BY_ID = _with_parent_and_executions(
    select(*_WHOLE)
    .select_from(InvocationRow)
    .join(FunctionRow, FunctionRow.function_id == InvocationRow.function_id)
    .join(VersionRow, VersionRow.version_id == FunctionRow.version_id)
    .where(InvocationRow.invocation_id == _ID)
)

# The function at a path and, in the same version, the parent that the client names.
_FOUND = (
    along_function(
        select(
            ProjectRow.deletion_request_time.label("project_deletion_request_time"),
            ProjectRow.closing_time.label("project_closing_time"),
            *columns_of(VersionRow, FunctionRow),
            *_PARENT_STATE,
        )
    )
    .outerjoin(
        _PARENT_FUNCTION,
        and_(
            _PARENT_FUNCTION.version_id == VersionRow.version_id,
            _PARENT_FUNCTION.function_name == _PARENT_FUNCTION_NAME,
        ),
    )
    .outerjoin(_PARENT, and_(_PARENT.function_id == _PARENT_FUNCTION.function_id, _PARENT.invocation_id == _PARENT_ID))
    .cte("found")
)
_PROJECT_IS_BEING_DELETED = _FOUND.c.project_deletion_request_time.is_not(None)
# The lock waits for a stop of the parent that is being written. Either that stop is seen here, or it commits after this
# insert, and then finds this child when it cancels the children.
_PARENT_IS_STOPPED = (
    select(func.coalesce(InvocationRow.cancellation_request_time, InvocationRow.stop_time))
    .where(InvocationRow.invocation_id == _PARENT_ID)
    .with_for_update(read=True)
    .scalar_subquery()
    .is_not(None)
)


def _creation(is_cancelled_at_birth: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
    """What is found and, if nothing is missing, what is inserted."""
    inserted = (
        insert(InvocationRow)
        .from_select(
            [
                "invocation_id",
                "function_id",
                "parent_invocation_id",
                "input",
                "creation_time",
                "last_update_time",
                "cancellation_request_time",
            ],
            select(
                _NEW_ID,
                _FOUND.c.functions_function_id,
                _FOUND.c.parent_invocation_id,
                _INPUT,
                _NOW,
                _NOW,
                case((is_cancelled_at_birth, _NOW)),
            ).where(
                _FOUND.c.functions_function_id.is_not(None),
                _FOUND.c.project_closing_time.is_(None),
                or_(_PARENT_ID.is_(None), _FOUND.c.parent_invocation_id.is_not(None)),
            ),
        )
        .returning(InvocationRow.creation_time, InvocationRow.cancellation_request_time)
        .cte("inserted")
    )
    return select(_FOUND, inserted.c.creation_time, inserted.c.cancellation_request_time).outerjoin(inserted, true())


_CREATE = _creation(_PROJECT_IS_BEING_DELETED)
_CREATE_CHILD = _creation(or_(_PROJECT_IS_BEING_DELETED, _PARENT_IS_STOPPED))

_REQUEST_CANCELLATION = (
    update(InvocationRow)
    .where(*INVOCATION_MATCHES, InvocationRow.status == InvocationStatus.RUNNING.value)
    .values(cancellation_request_time=_NOW, last_update_time=_NOW)
    .returning(InvocationRow.invocation_id)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewInvocation:
    """What a client submits. `input`: any text, JSON as a rule."""

    input: str
    parent: ParentRef | None = None


class InvocationRepository:
    """The connection's owner commits. What takes a path raises the NotFound of the outermost part that is missing."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def create(self, path: FunctionPath, new: NewInvocation) -> Invocation:
        """Insert an invocation, by one statement. If its parent is stopped or its project is to be deleted, it is
        created as cancelled.

        Raises ProjectIsBeingDeleted once the deletion has begun, ParentInvocationDoesNotExist unless the parent is of
        the same project and version.
        """
        invocation_id = new_invocation_id()
        new_parameters = {_NEW_ID.key: invocation_id, _INPUT.key: new.input}
        try:
            created = await self._connection.execute(
                _CREATE if new.parent is None else _CREATE_CHILD,
                path.parameters | _parent_parameters(new.parent) | new_parameters,
            )
        except IntegrityError as error:
            # A parent may just have been deleted by retention; a function is deleted only with its project.
            raise (ParentInvocationDoesNotExist if _is_about_parent(error) else ProjectDoesNotExist) from error
        row = require(created.one_or_none(), parts=2)
        if row.project_closing_time is not None:
            raise ProjectIsBeingDeleted
        parent = _to_parent(row)
        if new.parent is not None and parent is None:
            raise ParentInvocationDoesNotExist
        return Invocation(
            invocation_id=invocation_id,
            function=to_function(row),
            parent=parent,
            input=new.input,
            cancellation_request_time=row.cancellation_request_time,
            status=InvocationStatus.RUNNING,
            creation_time=row.creation_time,
            last_update_time=row.creation_time,
            executions=(),
        )

    async def get(self, path: InvocationPath) -> Invocation:
        """The invocation with its executions, by one statement, so that all of it is of one instant."""
        rows = (await self._connection.execute(_GET, path.parameters)).all()
        require(rows[0] if rows else None, parts=3)
        return _to_invocation(rows)

    async def get_by_id(self, invocation_id: str) -> Invocation:
        """Raises InvocationDoesNotExist."""
        rows = (await self._connection.execute(_GET_BY_ID, {_ID.key: searchable(invocation_id)})).all()
        if not rows:
            raise InvocationDoesNotExist
        return _to_invocation(rows)

    async def request_cancellation(self, path: InvocationPath) -> Invocation:
        """Record the request; a repeated one sets its time anew. Needs a transaction, so that what is returned is what
        it wrote.

        Raises InvocationIsAlreadyTerminated.
        """
        cancelled = await self._connection.scalar(_REQUEST_CANCELLATION, path.parameters)
        invocation = await self.get(path)
        if cancelled is None:
            raise InvocationIsAlreadyTerminated
        return invocation


def _to_invocation(rows: Sequence[Row[*tuple[Any, ...]]]) -> Invocation:
    first = rows[0]
    return Invocation(
        invocation_id=InvocationId(first.invocations_invocation_id),
        function=to_function(first),
        parent=_to_parent(first),
        input=first.invocations_input,
        cancellation_request_time=first.invocations_cancellation_request_time,
        status=InvocationStatus(first.invocations_status),
        creation_time=first.invocations_creation_time,
        last_update_time=first.invocations_last_update_time,
        executions=tuple(to_execution(row) for row in rows if row.executions_execution_id is not None),
    )


def _is_about_parent(error: IntegrityError) -> bool:
    constraint = getattr(error.orig.__cause__ if error.orig else None, "constraint_name", None)
    return constraint == "invocations_parent_invocation_id_fkey"


def _parent_parameters(parent: ParentRef | None) -> dict[str, object]:
    return {
        _PARENT_ID.key: None if parent is None else searchable(parent.invocation_id),
        _PARENT_FUNCTION_NAME.key: None if parent is None else searchable(parent.function_name),
    }


def _to_parent(row: Row[*tuple[Any, ...]]) -> ParentInvocation | None:
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
