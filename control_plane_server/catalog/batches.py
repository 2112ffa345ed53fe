"""Batches as users see them: created, read, listed, asked to stop. How their invocations end is in
`execution_lifecycle/batch_ends.py`.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ARRAY,
    Integer,
    Interval,
    Row,
    Select,
    Text,
    and_,
    any_,
    bindparam,
    case,
    func,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB, array
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.elements import ColumnElement

from control_plane_server.catalog.base import columns_of
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
from control_plane_server.catalog.converters import to_function
from control_plane_server.catalog.invocation_pages import PageStart
from control_plane_server.catalog.invocations import is_about_parent
from control_plane_server.catalog.paths import BatchPath, FunctionPath, along_function, require, searchable
from control_plane_server.catalog.ranks import head_start
from control_plane_server.catalog.tables import (
    BatchRow,
    ExecutionRow,
    FunctionRow,
    InvocationRow,
    VersionRow,
    epoch_second,
)
from control_plane_server.domain.batches import Batch
from control_plane_server.domain.entities import (
    ContainerStatus,
    InvocationCounts,
    InvocationOutcome,
    InvocationStatus,
    ParentRef,
)
from control_plane_server.domain.errors import (
    BatchDoesNotExist,
    BatchIsAlreadyTerminated,
    ParentInvocationDoesNotExist,
    ProjectDoesNotExist,
)
from control_plane_server.domain.identifiers import (
    BatchId,
    FunctionRef,
    execution_id_for,
    new_batch_id,
    new_invocation_id,
)
from control_plane_server.domain.submit_options import NO_OPTIONS, SubmitOptions

_BATCH = bindparam("wanted_batch", type_=Text)
_NEW_ID = bindparam("new_batch", type_=Text)
_SIZE = bindparam("new_size", type_=Integer)
_DELAY = bindparam("new_delay", type_=Interval)

# One clock reading per statement: times written together are equal.
_NOW = func.statement_timestamp()

# Those that hold a slot are few, whatever the batch's size: they are found by the function's executions. A subquery, as
# a join may be planned as one that reads all of the batch.
_BATCH_OF_EXECUTION = (
    select(case((InvocationRow.status == InvocationStatus.RUNNING.value, InvocationRow.batch_id)))
    .where(InvocationRow.invocation_id == ExecutionRow.invocation_id)
    .correlate(ExecutionRow)
    .scalar_subquery()
)
_RUNNING = (
    select(func.count())
    .select_from(ExecutionRow)
    .where(
        ExecutionRow.function_id == any_(array([BatchRow.function_id, FunctionRow.slot_group_id])),
        ExecutionRow.container_status != ContainerStatus.TERMINATED.value,
        BatchRow.batch_id == _BATCH_OF_EXECUTION,
    )
    .correlate(BatchRow, FunctionRow)
    .scalar_subquery()
)
# Those of a replay, by themselves: they may be of many functions.
_RUNNING_OF_REPLAY = (
    select(func.count())
    .select_from(InvocationRow)
    .join(ExecutionRow, ExecutionRow.invocation_id == InvocationRow.invocation_id)
    .where(
        InvocationRow.batch_id == BatchRow.batch_id,
        InvocationRow.status == InvocationStatus.RUNNING.value,
        ExecutionRow.container_status != ContainerStatus.TERMINATED.value,
    )
    .correlate(BatchRow)
    .scalar_subquery()
)
_WHOLE = (
    *columns_of(VersionRow, FunctionRow, BatchRow),
    *PARENT_STATE,
    case((BatchRow.completion_time.is_not(None), 0), (BatchRow.is_replay, _RUNNING_OF_REPLAY), else_=_RUNNING).label(
        "running"
    ),
)


def _with_parent(statement: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    return statement.outerjoin(PARENT, PARENT.invocation_id == BatchRow.parent_invocation_id).outerjoin(
        PARENT_FUNCTION, PARENT_FUNCTION.function_id == PARENT.function_id
    )


_GET_BY_ID = _with_parent(
    select(*_WHOLE)
    .select_from(BatchRow)
    .join(FunctionRow, FunctionRow.function_id == BatchRow.function_id)
    .join(VersionRow, VersionRow.version_id == FunctionRow.version_id)
    .where(BatchRow.batch_id == _BATCH)
)
_FUNCTION = along_function(select(*columns_of(VersionRow, FunctionRow)))


_OWN: dict[str, ColumnElement[Any]] = {"batch_id": _NEW_ID, "size": _SIZE, "not_before": _NOW + _DELAY}
_CREATE = creation(BatchRow, _OWN, callee=CALLEE)
_CREATE_OF_CHILDREN = creation(BatchRow, _OWN, callee=CALLEE_OF_PARENT)
# COPY takes nearly as long: most of the time is that of indexes and foreign keys.
_INSERT_INVOCATIONS = text("""
    WITH batch AS (
        SELECT batches.*, project_name, function_name,
            CASE status WHEN 'READY' THEN coalesce(slot_group_id, function_id) ELSE function_id END AS owner_id
        FROM batches JOIN functions USING (function_id) JOIN versions USING (version_id) WHERE batch_id = :batch_id
    ),
    new AS MATERIALIZED (
        SELECT * FROM unnest(CAST(:invocation_ids AS text[]), CAST(:execution_ids AS text[]), CAST(:inputs AS text[]))
            WITH ORDINALITY AS new (invocation_id, execution_id, input, number)
    ),
    inserted AS (
        INSERT INTO invocations (
            invocation_id, function_id, parent_invocation_id, input, creation_time, last_update_time,
            cancellation_request_time, project_name, function_name, batch_id, batch_index, queue_timeout_seconds,
            tags, not_before, priority, concurrency_key, concurrency_limit, webhook_url, webhook_events
        )
        SELECT invocation_id, function_id, parent_invocation_id, input, creation_time, creation_time,
            cancellation_request_time, project_name, function_name, batch_id, number - 1,
            :queue_timeout_seconds, :tags, not_before, :priority, :concurrency_key, :concurrency_limit,
            :webhook_url, :webhook_events
        FROM new, batch
    )
    INSERT INTO waiting_executions (
        invocation_id, function_id, execution_id, attempt, invocation_creation_time, concurrency_key, concurrency_limit
    )
    SELECT invocation_id, CASE WHEN not_before IS NULL THEN owner_id END, execution_id, 1,
        coalesce(not_before, creation_time) - :head_start, coalesce(:concurrency_key, ''), :concurrency_limit
    FROM new, batch
    """).bindparams(
    bindparam("queue_timeout_seconds", type_=Integer),
    bindparam("tags", type_=JSONB(none_as_null=True)),
    bindparam("priority", type_=Integer),
    bindparam("concurrency_key", type_=Text),
    bindparam("concurrency_limit", type_=Integer),
    bindparam("webhook_url", type_=Text),
    bindparam("webhook_events", type_=ARRAY(Text)),
    bindparam("head_start", type_=Interval),
)
_CANCEL_INVOCATIONS = (
    update(InvocationRow)
    .where(
        InvocationRow.batch_id == _BATCH,
        InvocationRow.status == InvocationStatus.RUNNING,
        InvocationRow.cancellation_request_time.is_(None),
    )
    .values(cancellation_request_time=_NOW, last_update_time=_NOW)
)
_CANCEL = (
    update(BatchRow)
    .where(BatchRow.batch_id == _BATCH, BatchRow.completion_time.is_(None))
    .values(cancellation_request_time=_NOW, last_update_time=_NOW)
    .returning(BatchRow.batch_id)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewBatch:
    """What a client submits. `inputs`: any texts, JSON as a rule; the batch's order is theirs. `options`: of each.
    `resume_keys`: what equal requests under these have made is taken instead."""

    inputs: Sequence[str]
    parent: ParentRef | None = None
    options: SubmitOptions = NO_OPTIONS
    resume_keys: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchPage:
    """`next_offset`: where the next page begins; None on the last page."""

    function: FunctionRef
    batches: tuple[Batch, ...]
    next_offset: str | None


class BatchRepository:
    """The connection's owner commits. What takes a path raises the NotFound of the outermost part that is missing."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def create(self, path: FunctionPath, new: NewBatch, *, checked: Collection[int] = ()) -> Batch:
        """Insert a batch with its invocations, each with its place in the queue of the function, in the order of their
        inputs: needs a transaction. If its parent is stopped or its project is to be deleted, all are created as
        cancelled.

        Raises ProjectIsBeingDeleted once the deletion has begun, ParentInvocationDoesNotExist unless the parent is of
        the same project and version, and ArgumentsAreUnchecked if the function has a signature and is not among those
        that are `checked`.
        """
        batch_id, options = new_batch_id(), new.options
        try:
            created = await self._connection.execute(
                _CREATE if new.parent is None else _CREATE_OF_CHILDREN,
                path.parameters
                | call_parameters(new.parent, checked)
                | {_NEW_ID.key: batch_id, _SIZE.key: len(new.inputs), _DELAY.key: options.delay or None},
            )
            row = require(created.one_or_none(), parts=2)
            require_created(row, has_parent=new.parent is not None)
            parent = to_parent(row)
            # Sorted, as the queue takes what was created together in the order of the ids.
            invocation_ids = sorted(new_invocation_id() for _ in new.inputs)
            await self._connection.execute(
                _INSERT_INVOCATIONS,
                {
                    "batch_id": batch_id,
                    "invocation_ids": invocation_ids,
                    "execution_ids": [execution_id_for(invocation_id, 1) for invocation_id in invocation_ids],
                    "inputs": new.inputs,
                    "queue_timeout_seconds": options.queue_timeout_seconds,
                    "tags": dict(options.tags) or None,
                    "priority": options.priority,
                    "concurrency_key": options.concurrency_key,
                    "concurrency_limit": options.concurrency_limit,
                    "webhook_url": None if options.webhook is None else options.webhook.url,
                    "webhook_events": None if options.webhook is None else list(options.webhook.events),
                    "head_start": head_start(options.priority),
                },
            )
        except IntegrityError as error:
            # A parent may just have been deleted by retention; a function is deleted only with its project.
            raise (ParentInvocationDoesNotExist if is_about_parent(error) else ProjectDoesNotExist) from error
        function = to_function(row)
        return Batch(
            batch_id=batch_id,
            function=function.ref,
            execution_spec=function.execution_spec.with_queue_timeout(options.queue_timeout_seconds),
            parent=None if parent is None else parent.ref,
            size=len(new.inputs),
            creation_time=row.creation_time,
            last_update_time=row.creation_time,
            cancellation_request_time=row.cancellation_request_time,
            completion_time=None,
            counts=InvocationCounts(queued=len(new.inputs), running=0, by_outcome=dict.fromkeys(InvocationOutcome, 0)),
            not_before=row.creation_time + options.delay if options.delay_seconds else None,
        )

    async def get(self, path: BatchPath) -> Batch:
        """Raises BatchDoesNotExist, if the function exists; a replay is of no function."""
        batch = await self._find(path.batch_id)
        if batch is not None and not batch.is_replay and _is_at(path.function, batch.function):
            return batch
        require((await self._connection.execute(_FUNCTION, path.function.parameters)).one_or_none(), parts=2)
        raise BatchDoesNotExist

    async def get_by_id(self, batch_id: str) -> Batch:
        """Raises BatchDoesNotExist."""
        batch = await self._find(batch_id)
        if batch is None:
            raise BatchDoesNotExist
        return batch

    async def list_of_function(self, path: FunctionPath, *, offset: str | None, max_results: int) -> BatchPage:
        """At most `max_results` batches from the offset on, newest first; None starts with the newest. Replays are of
        no function.

        Raises ProjectDoesNotExist, VersionDoesNotExist, FunctionDoesNotExist, and only then OffsetIsInvalid.
        """
        found = require((await self._connection.execute(_FUNCTION, path.parameters)).one_or_none(), parts=2)
        function = to_function(found)
        second = epoch_second(BatchRow.creation_time)
        statement = _with_parent(
            select(*_WHOLE, second.label("second"))
            .select_from(BatchRow)
            .join(FunctionRow, FunctionRow.function_id == BatchRow.function_id)
            .join(VersionRow, VersionRow.version_id == FunctionRow.version_id)
            .where(BatchRow.function_id == found.functions_function_id, ~BatchRow.is_replay)
            .order_by(second.desc(), BatchRow.batch_id)
            .limit(max_results + 1)
        )
        if offset is not None:
            start = PageStart.parse(offset)
            # The index serves the first condition; the second one selects within the start's own second.
            statement = statement.where(
                and_(second <= start.second, or_(second < start.second, BatchRow.batch_id >= start.item_id))
            )
        rows = (await self._connection.execute(statement)).all()
        following = rows[max_results:]
        return BatchPage(
            function=function.ref,
            batches=tuple(map(_to_batch, rows[:max_results])),
            next_offset=(
                str(PageStart(second=following[0].second, item_id=following[0].batches_batch_id)) if following else None
            ),
        )

    async def request_cancellation(self, batch_id: BatchId) -> Batch:
        """Record the request for the batch and for all of its invocations that run: needs a transaction. May be
        repeated.

        Raises BatchDoesNotExist, BatchIsAlreadyTerminated.
        """
        # The invocations first, as whoever ends one locks it before its batch.
        await self._connection.execute(_CANCEL_INVOCATIONS, {_BATCH.key: batch_id})
        cancelled = await self._connection.scalar(_CANCEL, {_BATCH.key: batch_id})
        batch = await self.get_by_id(batch_id)
        if cancelled is None:
            raise BatchIsAlreadyTerminated
        return batch

    async def _find(self, batch_id: str) -> Batch | None:
        found = await self._connection.execute(_GET_BY_ID, {_BATCH.key: searchable(batch_id)})
        row = found.one_or_none()
        return None if row is None else _to_batch(row)


def _is_at(path: FunctionPath, function: FunctionRef) -> bool:
    return (
        path.project_name == function.project_name
        and path.function_name == function.function_name
        and (path.is_latest or path.version_ref == function.version_id)
    )


def _to_batch(row: Row[*tuple[Any, ...]]) -> Batch:
    function = to_function(row)
    parent = to_parent(row)
    left = row.batches_size - row.batches_ended
    return Batch(
        batch_id=BatchId(row.batches_batch_id),
        function=function.ref,
        execution_spec=function.execution_spec,
        parent=None if parent is None else parent.ref,
        size=row.batches_size,
        creation_time=row.batches_creation_time,
        last_update_time=row.batches_last_update_time,
        cancellation_request_time=row.batches_cancellation_request_time,
        completion_time=row.batches_completion_time,
        is_replay=row.batches_is_replay,
        counts=InvocationCounts(
            queued=left - min(left, row.running),
            running=min(left, row.running),
            by_outcome={
                InvocationOutcome.SUCCEEDED: row.batches_succeeded,
                InvocationOutcome.FAILED: row.batches_failed,
                InvocationOutcome.ABORTED: row.batches_aborted,
                InvocationOutcome.CANCELLED: row.batches_cancelled,
                InvocationOutcome.TIMED_OUT: row.batches_timed_out,
            },
        ),
        not_before=row.batches_not_before,
    )
