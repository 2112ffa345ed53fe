"""Many invocations that have ended, once more: found by the filters of a project's list, created as one batch."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import ARRAY, BigInteger, Row, Text, any_, bindparam, insert, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased

from control_plane_server.catalog.batches import BatchRepository
from control_plane_server.catalog.blobs import BlobRepository, SharedInput
from control_plane_server.catalog.invocation_filters import MOST, ProjectInvocationFilter, Shape
from control_plane_server.catalog.paths import along_version, searchable, version_parameters
from control_plane_server.catalog.ranks import head_start
from control_plane_server.catalog.tables import BatchRow, FunctionRow, InvocationRow, ProjectRow, VersionRow
from control_plane_server.domain.batches import Batch
from control_plane_server.domain.bounds import MAX_BATCH_INPUTS
from control_plane_server.domain.entities import InvocationStatus
from control_plane_server.domain.errors import (
    FunctionDoesNotExist,
    InvocationDoesNotExist,
    NothingToReplay,
    ProjectDoesNotExist,
    ProjectIsBeingDeleted,
    TooManyToReplay,
    VersionDoesNotExist,
)
from control_plane_server.domain.identifiers import (
    BlobId,
    execution_id_for,
    new_batch_id,
    new_blob_id,
    new_invocation_id,
)

_ORIGINALS = bindparam("replayed_originals", type_=ARRAY(Text))
_CALLED = bindparam("replayed_functions", type_=ARRAY(BigInteger))
_TARGET = bindparam("replayed_in", type_=Text)
_PROJECT = bindparam("replayed_project", type_=Text)

_FIND_PROJECT = select(ProjectRow.project_name, ProjectRow.deletion_request_time).where(
    ProjectRow.project_name == _PROJECT
)
_FIND_VERSION = along_version(select(VersionRow.version_id))
# In the order in which they were created, which is that of the batch.
_FOUND = (
    select(InvocationRow.invocation_id, InvocationRow.function_id, InvocationRow.input_blob_id, InvocationRow.priority)
    .where(InvocationRow.invocation_id == any_(_ORIGINALS))
    .order_by(InvocationRow.creation_time, InvocationRow.invocation_id)
)
_SAME = aliased(FunctionRow, name="same_function")
_TARGETS = (
    select(FunctionRow.function_id, FunctionRow.function_name, _SAME.function_id.label("target_id"))
    .outerjoin(_SAME, (_SAME.version_id == _TARGET) & (_SAME.function_name == FunctionRow.function_name))
    .where(FunctionRow.function_id == any_(_CALLED))
)
# As those of a batch. A delay was counted from the original's submit, and is over.
_INSERT_INVOCATIONS = text("""
    WITH batch AS (
        SELECT batch_id, creation_time FROM batches WHERE batch_id = :batch_id
    ),
    new AS MATERIALIZED (
        SELECT * FROM unnest(
            CAST(:originals AS text[]), CAST(:invocation_ids AS text[]), CAST(:execution_ids AS text[]),
            CAST(:function_ids AS bigint[]), CAST(:blob_ids AS text[]), CAST(:head_starts AS interval[])
        ) WITH ORDINALITY AS new (
            original_id, invocation_id, execution_id, function_id, blob_id, head_start, number
        )
    ),
    inserted AS (
        INSERT INTO invocations (
            invocation_id, function_id, input, input_blob_id, creation_time, last_update_time, project_name,
            function_name, batch_id, batch_index, replayed_from, queue_timeout_seconds, tags, priority,
            concurrency_key, concurrency_limit, webhook_url, webhook_events
        )
        SELECT new.invocation_id, new.function_id, original.input, new.blob_id, batch.creation_time,
            batch.creation_time, versions.project_name, functions.function_name, batch.batch_id, number - 1,
            original.invocation_id, original.queue_timeout_seconds, original.tags, original.priority,
            original.concurrency_key, original.concurrency_limit, original.webhook_url, original.webhook_events
        FROM batch, new
            JOIN invocations AS original ON original.invocation_id = new.original_id
            JOIN functions ON functions.function_id = new.function_id
            JOIN versions USING (version_id)
        RETURNING invocation_id, creation_time, concurrency_key, concurrency_limit
    )
    INSERT INTO waiting_executions (
        invocation_id, function_id, execution_id, attempt, invocation_creation_time, concurrency_key, concurrency_limit
    )
    SELECT invocation_id, CASE status WHEN 'READY' THEN coalesce(slot_group_id, function_id) ELSE function_id END,
        execution_id, 1, creation_time - head_start, coalesce(concurrency_key, ''), concurrency_limit
    FROM inserted JOIN new USING (invocation_id) JOIN functions USING (function_id)
    """)

_Found = Sequence[Row[*tuple[Any, ...]]]


class ReplayRepository:
    """The connection's owner commits."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def create(self, project_name: str, matching: ProjectInvocationFilter, *, version_ref: str | None) -> Batch:
        """A batch of all that match and have ended, each once more, oldest first: needs a transaction. They keep their
        inputs and options but for a delay, and have no parent.

        `version_ref`: in whose functions of the same names they run; None: each in the version of its original.

        Raises ProjectDoesNotExist, ProjectIsBeingDeleted, VersionDoesNotExist, FunctionDoesNotExist if the version
        lacks a function that is needed, NothingToReplay, TooManyToReplay, and InvocationDoesNotExist if one of them was
        deleted meanwhile: then it is to be tried again.
        """
        project = await self._require_open(project_name)
        found = await self._find(project, matching)
        function_of = await self._targets(project, found, version_ref)
        batch_id = new_batch_id()
        # Sorted, as the queue takes what was created together in the order of the ids.
        invocation_ids = sorted(new_invocation_id() for _ in found)
        blob_ids = [None if one.input_blob_id is None else new_blob_id() for one in found]
        try:
            await self._connection.execute(
                insert(BatchRow).values(
                    batch_id=batch_id, function_id=function_of[found[0].function_id], size=len(found), is_replay=True
                )
            )
            inserted = await self._connection.execute(
                _INSERT_INVOCATIONS,
                {
                    "batch_id": batch_id,
                    "originals": [one.invocation_id for one in found],
                    "invocation_ids": invocation_ids,
                    "execution_ids": [execution_id_for(invocation_id, 1) for invocation_id in invocation_ids],
                    "function_ids": [function_of[one.function_id] for one in found],
                    "blob_ids": blob_ids,
                    "head_starts": [head_start(one.priority) for one in found],
                },
            )
        except IntegrityError as error:  # functions are deleted only with their project
            raise ProjectDoesNotExist from error
        if inserted.rowcount != len(found):
            raise InvocationDoesNotExist
        shared = [
            SharedInput(source=BlobId(one.input_blob_id), blob_id=blob_id, invocation_id=invocation_id)
            for one, blob_id, invocation_id in zip(found, blob_ids, invocation_ids, strict=True)
            if blob_id is not None
        ]
        if shared:
            await BlobRepository(self._connection).share_inputs(shared)
        return await BatchRepository(self._connection).get_by_id(batch_id)

    async def _require_open(self, project_name: str) -> str:
        found = await self._connection.execute(_FIND_PROJECT, {_PROJECT.key: searchable(project_name)})
        project = found.one_or_none()
        if project is None:
            raise ProjectDoesNotExist
        if project.deletion_request_time is not None:
            raise ProjectIsBeingDeleted
        return str(project.project_name)

    async def _find(self, project: str, matching: ProjectInvocationFilter) -> _Found:
        ended = replace(matching, status=InvocationStatus.TERMINATED)
        parameters = ended.parameters(project) | {MOST.key: MAX_BATCH_INPUTS + 1}
        newest = (await self._connection.execute(Shape.of(ended).newest(), parameters)).scalars().all()
        if len(newest) > MAX_BATCH_INPUTS:
            raise TooManyToReplay
        found = (await self._connection.execute(_FOUND, {_ORIGINALS.key: newest})).all()
        if not found:
            raise NothingToReplay
        return found

    async def _targets(self, project: str, found: _Found, version_ref: str | None) -> dict[int, int]:
        """In which function each function's invocations run."""
        called = {one.function_id for one in found}
        if version_ref is None:
            return {function_id: function_id for function_id in called}
        version_id = (await self._connection.execute(_FIND_VERSION, version_parameters(project, version_ref))).scalar()
        if version_id is None:
            raise VersionDoesNotExist
        targets = (
            await self._connection.execute(_TARGETS, {_CALLED.key: sorted(called), _TARGET.key: version_id})
        ).all()
        missing = sorted({one.function_name for one in targets if one.target_id is None})
        if missing:
            names = ", ".join(map(repr, missing[:5])) + (", …" if len(missing) > 5 else "")
            raise FunctionDoesNotExist(
                f"Version {version_id} has no function {names}, which some of these have called: narrow them by "
                "function_name, or leave version_ref out, so that each runs in the version that it ran in"
            )
        return {one.function_id: one.target_id for one in targets}
