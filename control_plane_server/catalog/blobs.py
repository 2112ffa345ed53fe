"""What the catalog knows of the object store: announced blobs, whose they are, and what is left over."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import BigInteger, Row, Text, bindparam, delete, func, insert, select, text, true, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from control_plane_server.catalog.base import columns_of
from control_plane_server.catalog.kept_data_tables import BlobRow
from control_plane_server.catalog.paths import (
    PROJECT,
    ExecutionPath,
    InvocationPath,
    along_execution,
    along_invocation,
    require,
    searchable,
)
from control_plane_server.catalog.tables import ExecutionRow, FunctionRow, InvocationRow, ProjectRow, VersionRow
from control_plane_server.domain.blobs import Blob, BlobKind, NewBlob
from control_plane_server.domain.bounds import MAX_ARTIFACTS, MAX_LISTED_ARTIFACTS
from control_plane_server.domain.entities import ContainerStatus
from control_plane_server.domain.errors import (
    BlobDoesNotExist,
    BlobIsInUse,
    ExecutionIsAlreadyTerminated,
    InvocationDoesNotExist,
    ProjectDoesNotExist,
    ProjectIsBeingDeleted,
    TooManyArtifacts,
)
from control_plane_server.domain.identifiers import BlobId, ExecutionId, InvocationId, new_blob_id

_ID = bindparam("new_blob", type_=Text)
_KIND = bindparam("new_kind", type_=Text)
_INVOCATION = bindparam("new_invocation", type_=Text)
_EXECUTION = bindparam("new_execution", type_=Text)
_NAME = bindparam("new_name", type_=Text)
_SIZE = bindparam("new_size", type_=BigInteger)
_SHA256 = bindparam("new_sha256", type_=Text)

_COLUMNS = columns_of(BlobRow)
_CREATE = (
    insert(BlobRow)
    .from_select(
        ["blob_id", "project_name", "kind", "invocation_id", "execution_id", "name", "size", "sha256"],
        select(_ID, ProjectRow.project_name, _KIND, _INVOCATION, _EXECUTION, _NAME, _SIZE, _SHA256).where(
            ProjectRow.project_name == PROJECT, ProjectRow.closing_time.is_(None)
        ),
    )
    .returning(*_COLUMNS)
)
_INVOCATION_COLUMNS = (
    VersionRow.version_id.label("versions_version_id"),
    FunctionRow.function_id.label("functions_function_id"),
    InvocationRow.invocation_id.label("invocations_invocation_id"),
)
_INVOCATION_AT = along_invocation(select(*_INVOCATION_COLUMNS))
_EXECUTION_AT = along_execution(
    select(
        *_INVOCATION_COLUMNS,
        ExecutionRow.execution_id.label("executions_execution_id"),
        ExecutionRow.container_status.label("executions_worker_status"),
        ExecutionRow.launches.label("executions_launches"),
    )
)
# Of a replay of a replay, the object is still that of the first.
_SHARE = text("""
    WITH source AS MATERIALIZED (
        SELECT * FROM blobs WHERE blob_id = ANY(CAST(:sources AS text[])) FOR KEY SHARE
    )
    INSERT INTO blobs (blob_id, object_id, project_name, kind, invocation_id, size, sha256, completed_time)
    SELECT new.blob_id, coalesce(source.object_id, source.blob_id), project_name, kind, new.invocation_id, size, sha256,
        clock_timestamp()
    FROM unnest(CAST(:sources AS text[]), CAST(:blobs AS text[]), CAST(:invocations AS text[]))
        AS new (source_id, blob_id, invocation_id)
    JOIN source ON source.blob_id = new.source_id
    """)


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedInput:
    """`source`: the blob whose bytes a new one is to have."""

    source: BlobId
    blob_id: BlobId
    invocation_id: InvocationId


class BlobRepository:
    """The connection's owner commits. What takes a path raises the NotFound of the outermost part that is missing."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def announce_input(self, project_name: str, new: NewBlob) -> Blob:
        """Raises ProjectDoesNotExist, ProjectIsBeingDeleted."""
        return await self._announce(project_name, new, invocation_id=None, execution_id=None)

    async def announce_of_execution(self, path: ExecutionPath, new: NewBlob) -> Blob:
        """What its container makes. Raises ExecutionIsAlreadyTerminated, ProjectIsBeingDeleted, TooManyArtifacts."""
        row = require((await self._connection.execute(_EXECUTION_AT, path.parameters)).one_or_none(), parts=4)
        is_overtaken = path.launch is not None and path.launch != row.executions_launches
        if row.executions_worker_status == ContainerStatus.TERMINATED or is_overtaken:
            raise ExecutionIsAlreadyTerminated
        if new.kind is BlobKind.ARTIFACT:
            await self._ensure_few_artifacts(row.invocations_invocation_id, row.executions_execution_id, new)
        return await self._announce(
            path.invocation.function.project_name,
            new,
            invocation_id=row.invocations_invocation_id,
            execution_id=row.executions_execution_id,
        )

    async def get(self, project_name: str, blob_id: str) -> Blob:
        """One of a project, whether it is complete or not. Raises BlobDoesNotExist."""
        return await self.get_by_id(blob_id, project_name=searchable(project_name))

    async def get_by_id(self, blob_id: str, *, project_name: str | None) -> Blob:
        """The same; None: of any project. Raises BlobDoesNotExist."""
        found = await self._connection.execute(
            select(*_COLUMNS).where(
                BlobRow.blob_id == searchable(blob_id),
                true() if project_name is None else BlobRow.project_name == project_name,
            )
        )
        return _required(found.one_or_none())

    async def get_of_execution(self, path: ExecutionPath, blob_id: str) -> Blob:
        """One that its container has announced, or that its invocation has. Raises BlobDoesNotExist."""
        row = require((await self._connection.execute(_EXECUTION_AT, path.parameters)).one_or_none(), parts=4)
        found = await self._connection.execute(
            select(*_COLUMNS).where(
                BlobRow.blob_id == searchable(blob_id), BlobRow.invocation_id == row.invocations_invocation_id
            )
        )
        blob = _required(found.one_or_none())
        if not blob.is_complete and blob.execution_id != row.executions_execution_id:
            raise BlobDoesNotExist
        return blob

    async def attach_input(self, blob_id: BlobId, invocation_id: InvocationId) -> None:
        """From now on it is complete, and the invocation's. In the transaction that makes the invocation. Raises
        BlobIsInUse if it is another one's."""
        attached = await self._connection.execute(
            update(BlobRow)
            .where(BlobRow.blob_id == blob_id, BlobRow.completed_time.is_(None))
            .values(completed_time=func.clock_timestamp(), invocation_id=invocation_id)
            .returning(BlobRow.blob_id)
        )
        if attached.one_or_none() is None:
            raise BlobIsInUse

    async def share_inputs(self, shared: Sequence[SharedInput]) -> None:
        """Give new invocations the inputs of ones that have ended: blobs of their own, with the bytes of the others.
        In the transaction that makes the invocations. Raises InvocationDoesNotExist if one has been deleted meanwhile.

        A deletion waits for the lock: so there is never a moment without a row for the object.
        """
        made = await self._connection.execute(
            _SHARE,
            {
                "sources": [one.source for one in shared],
                "blobs": [one.blob_id for one in shared],
                "invocations": [one.invocation_id for one in shared],
            },
        )
        if made.rowcount != len(shared):
            raise InvocationDoesNotExist

    async def complete(self, blob: Blob) -> None:
        """What a container has made is there from now on; of artifacts of the same name in the same execution, the one
        that was announced last. The others are as if they had been given up, and are forgotten as those are; that they
        are complete may be said nevertheless. May be repeated, in a transaction. Raises BlobDoesNotExist if it is gone.
        """
        of_same_name = (
            BlobRow.invocation_id == blob.invocation_id,
            BlobRow.execution_id == blob.execution_id,
            BlobRow.kind == BlobKind.ARTIFACT,
            BlobRow.name == blob.name,
            BlobRow.completed_time.is_not(None),
        )
        if blob.kind is BlobKind.ARTIFACT:
            # Two of a name that come at once see each other.
            lock = func.pg_advisory_xact_lock(func.hashtextextended(blob.execution_id, 0))
            await self._connection.execute(select(lock))
            newer = select(BlobRow.blob_id).where(*of_same_name, BlobRow.creation_time > blob.creation_time).limit(1)
            if await self._connection.scalar(newer) is not None:
                return
        completed = await self._connection.execute(
            update(BlobRow)
            .where(BlobRow.blob_id == blob.blob_id)
            .values(completed_time=func.coalesce(BlobRow.completed_time, func.clock_timestamp()))
            .returning(BlobRow.blob_id)
        )
        if completed.one_or_none() is None:
            raise BlobDoesNotExist
        if blob.kind is BlobKind.ARTIFACT:
            await self._connection.execute(
                update(BlobRow)
                .where(*of_same_name, BlobRow.creation_time < blob.creation_time)
                .values(completed_time=None)
            )

    async def artifacts_of_invocation(self, path: InvocationPath) -> tuple[Blob, ...]:
        """Of all its executions, by their names."""
        row = require((await self._connection.execute(_INVOCATION_AT, path.parameters)).one_or_none(), parts=3)
        return await self._artifacts(row.invocations_invocation_id, None)

    async def artifacts_of_execution(self, path: ExecutionPath) -> tuple[Blob, ...]:
        row = require((await self._connection.execute(_EXECUTION_AT, path.parameters)).one_or_none(), parts=4)
        return await self._artifacts(row.invocations_invocation_id, row.executions_execution_id)

    async def incomplete(self, *, older_than: timedelta, at_most: int) -> tuple[BlobId, ...]:
        """Uploads that were given up: announced so long ago, and not complete."""
        found = await self._connection.scalars(
            select(BlobRow.blob_id)
            .where(BlobRow.completed_time.is_(None), BlobRow.creation_time < func.clock_timestamp() - older_than)
            .order_by(BlobRow.creation_time)
            .limit(at_most)
        )
        return tuple(map(BlobId, found))

    async def forget_incomplete(self, blob_id: BlobId) -> bool:
        """Delete its row, unless it is complete by now. Returns whether it is deleted."""
        deleted = await self._connection.execute(
            delete(BlobRow)
            .where(BlobRow.blob_id == blob_id, BlobRow.completed_time.is_(None))
            .returning(BlobRow.blob_id)
        )
        return deleted.one_or_none() is not None

    async def known(self, keys: Collection[str]) -> frozenset[str]:
        """Which of these the object store has for blobs."""
        own = select(BlobRow.blob_id).where(BlobRow.blob_id.in_(keys))
        shared = select(BlobRow.object_id).where(BlobRow.object_id.in_(keys))
        return frozenset(await self._connection.scalars(own.union(shared)))

    async def _announce(
        self, project_name: str, new: NewBlob, *, invocation_id: str | None, execution_id: str | None
    ) -> Blob:
        parameters = {
            PROJECT.key: searchable(project_name),
            _ID.key: new_blob_id(),
            _KIND.key: new.kind.value,
            _INVOCATION.key: invocation_id,
            _EXECUTION.key: execution_id,
            _NAME.key: new.name,
            _SIZE.key: new.size,
            _SHA256.key: new.sha256,
        }
        try:
            row = (await self._connection.execute(_CREATE, parameters)).one_or_none()
        except IntegrityError as error:  # it was deleted since it was looked for
            raise ProjectDoesNotExist from error
        if row is not None:
            return _to_blob(row)
        project = await self._connection.execute(
            select(ProjectRow.project_name).where(ProjectRow.project_name == searchable(project_name))
        )
        raise ProjectDoesNotExist if project.one_or_none() is None else ProjectIsBeingDeleted

    async def _ensure_few_artifacts(self, invocation_id: str, execution_id: str, new: NewBlob) -> None:
        """One that takes the place of another is none more. Raises TooManyArtifacts."""
        others = select(func.count()).where(
            BlobRow.invocation_id == invocation_id,
            BlobRow.execution_id == execution_id,
            BlobRow.kind == BlobKind.ARTIFACT,
            BlobRow.name != new.name,
            BlobRow.completed_time.is_not(None),
        )
        if (await self._connection.execute(others)).scalar_one() >= MAX_ARTIFACTS:
            raise TooManyArtifacts

    async def _artifacts(self, invocation_id: str, execution_id: str | None) -> tuple[Blob, ...]:
        found = await self._connection.execute(
            select(*_COLUMNS)
            .where(
                BlobRow.invocation_id == invocation_id,
                true() if execution_id is None else BlobRow.execution_id == execution_id,
                BlobRow.kind == BlobKind.ARTIFACT,
                BlobRow.completed_time.is_not(None),
            )
            .order_by(BlobRow.name, BlobRow.creation_time)
            .limit(MAX_LISTED_ARTIFACTS)
        )
        return tuple(map(_to_blob, found))


def _required(row: Row[*tuple[Any, ...]] | None) -> Blob:
    if row is None:
        raise BlobDoesNotExist
    return _to_blob(row)


def _to_blob(row: Row[*tuple[Any, ...]]) -> Blob:
    return Blob(
        blob_id=BlobId(row.blobs_blob_id),
        kind=BlobKind(row.blobs_kind),
        invocation_id=None if row.blobs_invocation_id is None else InvocationId(row.blobs_invocation_id),
        execution_id=None if row.blobs_execution_id is None else ExecutionId(row.blobs_execution_id),
        name=row.blobs_name,
        size=row.blobs_size,
        sha256=row.blobs_sha256,
        creation_time=row.blobs_creation_time,
        completed_time=row.blobs_completed_time,
        object_id=BlobId(row.blobs_object_id or row.blobs_blob_id),
    )
