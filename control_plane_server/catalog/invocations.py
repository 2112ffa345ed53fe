"""Invocations as users see them: submitted, read, asked to stop. How they end is in
`execution_lifecycle/terminations.py`.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import CTE, Row, Select, Text, bindparam, case, func, select, true, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.elements import ColumnElement

from control_plane_server.catalog.base import columns_of
from control_plane_server.catalog.blobs import BlobRepository, SharedInput
from control_plane_server.catalog.callees import (
    CALLEE,
    CALLEE_OF_PARENT,
    PARENT,
    PARENT_FUNCTION,
    PARENT_STATE,
    call_parameters,
    creation,
    require_created,
    to_parent,
)
from control_plane_server.catalog.converters import to_blob_id, to_execution, to_function, to_replayed_from
from control_plane_server.catalog.ends import KNOWN_END, MEASURED_NOW, to_totals
from control_plane_server.catalog.kept_data_tables import BlobRow, CheckpointRow
from control_plane_server.catalog.outcomes import known_outcome
from control_plane_server.catalog.paths import (
    INVOCATION_MATCHES,
    FunctionPath,
    InvocationPath,
    along_invocation,
    require,
    searchable,
)
from control_plane_server.catalog.submit_options import NEW_OPTIONS, OPTIONS, option_parameters, to_options
from control_plane_server.catalog.tables import ExecutionRow, FunctionRow, InvocationRow, VersionRow
from control_plane_server.domain.blobs import Blob
from control_plane_server.domain.entities import (
    CheckpointSummary,
    Invocation,
    InvocationOutcome,
    InvocationStatus,
    InvocationTotals,
    ParentRef,
)
from control_plane_server.domain.errors import (
    InvocationDoesNotExist,
    InvocationIsAlreadyTerminated,
    ParentInvocationDoesNotExist,
    ProjectDoesNotExist,
)
from control_plane_server.domain.identifiers import BatchId, BlobId, InvocationId, new_blob_id, new_invocation_id
from control_plane_server.domain.schedules import ScheduledCall
from control_plane_server.domain.submit_options import NO_OPTIONS, SubmitOptions

_ID = bindparam("wanted_invocation", type_=Text)
_NEW_ID = bindparam("new_invocation", type_=Text)
_INPUT = bindparam("new_input", type_=Text)
_INPUT_BLOB = bindparam("new_input_blob", type_=Text)
_REPLAYED_FROM = bindparam("new_replayed_from", type_=Text)

# One clock reading per statement: times written together are equal.
_NOW = func.statement_timestamp()


def _with_parent_and_executions(statement: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    return (
        statement.outerjoin(MEASURED_NOW, true())
        .outerjoin(PARENT, PARENT.invocation_id == InvocationRow.parent_invocation_id)
        .outerjoin(PARENT_FUNCTION, PARENT_FUNCTION.function_id == PARENT.function_id)
        .outerjoin(CheckpointRow, CheckpointRow.invocation_id == InvocationRow.invocation_id)
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
    known_outcome().label("invocations_outcome"),
    *KNOWN_END,
    InvocationRow.input_blob_id.label("invocations_input_blob_id"),
    InvocationRow.batch_id.label("invocations_batch_id"),
    InvocationRow.replayed_from.label("invocations_replayed_from"),
    *OPTIONS,
    InvocationRow.schedule_name.label("invocations_schedule_name"),
    InvocationRow.scheduled_time.label("invocations_scheduled_time"),
    InvocationRow.creation_time.label("invocations_creation_time"),
    InvocationRow.last_update_time.label("invocations_last_update_time"),
    *columns_of(CheckpointRow),
    func.coalesce(
        select(BlobRow.size).where(BlobRow.blob_id == CheckpointRow.blob_id).correlate(CheckpointRow).scalar_subquery(),
        func.octet_length(CheckpointRow.value),
    ).label("checkpoints_size"),
    *PARENT_STATE,
)
_GET = _with_parent_and_executions(along_invocation(select(*_WHOLE)))
_GET_BY_ID = _with_parent_and_executions(
    select(*_WHOLE)
    .select_from(InvocationRow)
    .join(FunctionRow, FunctionRow.function_id == InvocationRow.function_id)
    .join(VersionRow, VersionRow.version_id == FunctionRow.version_id)
    .where(InvocationRow.invocation_id == _ID)
)


def _creation(callee: CTE) -> Select[*tuple[Any, ...]]:
    own: dict[str, ColumnElement[Any]] = {
        "invocation_id": _NEW_ID,
        "input": _INPUT,
        "input_blob_id": _INPUT_BLOB,
        "replayed_from": _REPLAYED_FROM,
        **NEW_OPTIONS,
        "project_name": callee.c.versions_project_name,
        "function_name": callee.c.functions_function_name,
    }
    return creation(InvocationRow, own, callee=callee)


_CREATE = _creation(CALLEE)
_CREATE_CHILD = _creation(CALLEE_OF_PARENT)

_REQUEST_CANCELLATION = (
    update(InvocationRow)
    .where(*INVOCATION_MATCHES, InvocationRow.status == InvocationStatus.RUNNING.value)
    .values(cancellation_request_time=_NOW, last_update_time=_NOW)
    .returning(InvocationRow.invocation_id)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewInvocation:
    """What a client submits. `input`: any text, JSON as a rule; empty if it is a blob. `resume_keys`: what equal
    requests under these have made may be taken instead. `scheduled`: the schedule that calls; None: somebody else.
    `replayed_from`: what it is once more: its blob is that one's, and is shared with it."""

    input: str
    input_blob: Blob | None = None
    parent: ParentRef | None = None
    options: SubmitOptions = NO_OPTIONS
    resume_keys: Sequence[str] = ()
    scheduled: ScheduledCall | None = None
    replayed_from: InvocationId | None = None

    @property
    def is_one_statement(self) -> bool:
        """Else it needs a transaction."""
        return self.input_blob is None and self.scheduled is None


class InvocationRepository:
    """The connection's owner commits. What takes a path raises the NotFound of the outermost part that is missing."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def create(self, path: FunctionPath, new: NewInvocation, *, checked: Collection[int] = ()) -> Invocation:
        """Insert an invocation, by one statement; with a blob or of a schedule by two, in a transaction. If its parent
        is stopped or its project is to be deleted, it is created as cancelled.

        Raises ProjectIsBeingDeleted once the deletion has begun, ParentInvocationDoesNotExist unless the parent is of
        the same project and version, ArgumentsAreUnchecked if the function has a signature and is not among those that
        are `checked`, BlobIsInUse, and InvocationDoesNotExist if that has been deleted which it shares its blob with.
        """
        scheduled = new.scheduled
        invocation_id = new_invocation_id() if scheduled is None else scheduled.invocation_id
        blob_id = None if new.input_blob is None else new.input_blob.blob_id
        if blob_id is not None and new.replayed_from is not None:
            blob_id = new_blob_id()
        new_parameters = {
            _NEW_ID.key: invocation_id,
            _INPUT.key: new.input,
            _INPUT_BLOB.key: blob_id,
            _REPLAYED_FROM.key: new.replayed_from,
        } | option_parameters(new.options)
        try:
            created = await self._connection.execute(
                _CREATE if new.parent is None else _CREATE_CHILD,
                path.parameters | call_parameters(new.parent, checked) | new_parameters,
            )
        except IntegrityError as error:
            # A parent may just have been deleted by retention; a function is deleted only with its project.
            raise (ParentInvocationDoesNotExist if is_about_parent(error) else ProjectDoesNotExist) from error
        row = require(created.one_or_none(), parts=2)
        require_created(row, has_parent=new.parent is not None)
        await self._give_input(new, blob_id, invocation_id)
        if scheduled is not None:
            await self._connection.execute(
                update(InvocationRow)
                .where(InvocationRow.invocation_id == invocation_id)
                .values(
                    schedule_id=scheduled.schedule_id,
                    schedule_name=scheduled.schedule_name,
                    scheduled_time=scheduled.scheduled_time,
                )
            )
        parent = to_parent(row)
        return Invocation(
            invocation_id=invocation_id,
            function=to_function(row),
            parent=parent,
            input=new.input,
            cancellation_request_time=row.cancellation_request_time,
            status=InvocationStatus.RUNNING,
            outcome=None,
            time_out=None,
            totals=InvocationTotals(attempts=0, queued_ms=0, starting_ms=0, running_ms=0),
            batch_id=None,
            options=new.options,
            not_before=None if not new.options.delay_seconds else row.creation_time + new.options.delay,
            creation_time=row.creation_time,
            last_update_time=row.creation_time,
            executions=(),
            input_blob_id=blob_id,
            replayed_from=new.replayed_from,
            schedule_name=None if scheduled is None else scheduled.schedule_name,
            scheduled_time=None if scheduled is None else scheduled.scheduled_time,
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

    async def _give_input(self, new: NewInvocation, blob_id: BlobId | None, invocation_id: InvocationId) -> None:
        if blob_id is None or new.input_blob is None:
            return
        blobs = BlobRepository(self._connection)
        if new.replayed_from is None:
            await blobs.attach_input(blob_id, invocation_id)
            return
        shared = SharedInput(source=new.input_blob.blob_id, blob_id=blob_id, invocation_id=invocation_id)
        await blobs.share_inputs([shared])


def _to_invocation(rows: Sequence[Row[*tuple[Any, ...]]]) -> Invocation:
    first = rows[0]
    return Invocation(
        invocation_id=InvocationId(first.invocations_invocation_id),
        function=to_function(first),
        parent=to_parent(first),
        input=first.invocations_input,
        cancellation_request_time=first.invocations_cancellation_request_time,
        status=InvocationStatus(first.invocations_status),
        outcome=None if first.invocations_outcome is None else InvocationOutcome(first.invocations_outcome),
        time_out=first.known_error if first.invocations_outcome == InvocationOutcome.TIMED_OUT else None,
        totals=to_totals(first),
        batch_id=None if first.invocations_batch_id is None else BatchId(first.invocations_batch_id),
        options=to_options(first),
        not_before=first.option_not_before,
        creation_time=first.invocations_creation_time,
        last_update_time=first.invocations_last_update_time,
        executions=tuple(to_execution(row) for row in rows if row.executions_execution_id is not None),
        input_blob_id=to_blob_id(first.invocations_input_blob_id),
        checkpoint=_to_checkpoint(first),
        schedule_name=first.invocations_schedule_name,
        scheduled_time=first.invocations_scheduled_time,
        replayed_from=to_replayed_from(first.invocations_replayed_from),
    )


def _to_checkpoint(row: Row[*tuple[Any, ...]]) -> CheckpointSummary | None:
    if row.checkpoints_save_time is None:
        return None
    return CheckpointSummary(
        attempt=row.checkpoints_attempt, save_time=row.checkpoints_save_time, size=row.checkpoints_size
    )


def is_about_parent(error: IntegrityError) -> bool:
    """Whether the parent of what was to be inserted is gone."""
    constraint = getattr(error.orig.__cause__ if error.orig else None, "constraint_name", None)
    return constraint == "invocations_parent_invocation_id_fkey"
