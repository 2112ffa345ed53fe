"""Checkpoints: the newest of an invocation, which its code saves and a later container or attempt of it reads."""

from sqlalchemy import BigInteger, Integer, Text, bindparam, delete, func, or_, select, true, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from control_plane_server.catalog.blobs import BlobRepository
from control_plane_server.catalog.converters import to_blob_id
from control_plane_server.catalog.kept_data_tables import BlobRow, CheckpointRow
from control_plane_server.catalog.paths import EXECUTION_MATCHES, INVOCATION_MATCHES, ExecutionPath, searchable
from control_plane_server.catalog.tables import ExecutionRow
from control_plane_server.domain.blobs import Blob, BlobKind
from control_plane_server.domain.entities import Checkpoint, ContainerStatus
from control_plane_server.domain.errors import CheckpointDoesNotExist

_VALUE = bindparam("saved_value", type_=Text)
_BLOB = bindparam("saved_blob", type_=Text)
_LAUNCH = bindparam("saved_by_launch", type_=Integer)
_SEQUENCE = bindparam("saved_sequence", type_=BigInteger)
_INVOCATION = bindparam("saved_invocation", type_=Text)

# Under the lock of its row, so that it neither ends nor goes on to another launch meanwhile. An invocation has one
# execution at a time that is not TERMINATED, and that is its newest.
_SAVER = (
    update(ExecutionRow)
    .where(
        *EXECUTION_MATCHES,
        *INVOCATION_MATCHES,
        ExecutionRow.container_status != ContainerStatus.TERMINATED.value,
        ExecutionRow.execution_start_time.is_not(None),
        ExecutionRow.execution_finish_time.is_(None),
        or_(_LAUNCH.is_(None), ExecutionRow.launches == _LAUNCH),
    )
    .values(last_update_time=func.statement_timestamp())
    .returning(ExecutionRow.invocation_id, ExecutionRow.attempt)
    .cte("saver")
)
_INSERT = upsert(CheckpointRow).from_select(
    ["invocation_id", "value", "blob_id", "attempt", "save_time", "launch", "sequence"],
    select(_SAVER.c.invocation_id, _VALUE, _BLOB, _SAVER.c.attempt, func.statement_timestamp(), _LAUNCH, _SEQUENCE),
)
# A request may be sent again while the first one is still on its way: it must not undo what was saved after it.
_SAVED = (
    _INSERT.on_conflict_do_update(
        index_elements=[CheckpointRow.invocation_id],
        set_={
            name: _INSERT.excluded[name] for name in ("value", "blob_id", "attempt", "save_time", "launch", "sequence")
        },
        where=or_(
            CheckpointRow.sequence.is_(None),
            _INSERT.excluded.sequence.is_(None),
            CheckpointRow.attempt != _INSERT.excluded.attempt,
            CheckpointRow.launch.is_distinct_from(_INSERT.excluded.launch),
            CheckpointRow.sequence <= _INSERT.excluded.sequence,
        ),
    )
    .returning(CheckpointRow.invocation_id, CheckpointRow.attempt, CheckpointRow.save_time)
    .cte("saved")
)
# Those of earlier checkpoints, and of whatever a save at the same time has not seen.
_REPLACED = (
    delete(BlobRow)
    .where(
        BlobRow.invocation_id == _SAVED.c.invocation_id,
        BlobRow.kind == BlobKind.CHECKPOINT.value,
        BlobRow.completed_time.is_not(None),
        BlobRow.blob_id.is_distinct_from(_BLOB),
    )
    .cte("replaced")
)
_SAVE = (
    select(_SAVER.c.invocation_id, _SAVED.c.attempt, _SAVED.c.save_time)
    .select_from(_SAVER.outerjoin(_SAVED, true()))
    .add_cte(_REPLACED)
)
_LOAD = select(CheckpointRow.value, CheckpointRow.blob_id, CheckpointRow.attempt, CheckpointRow.save_time).where(
    CheckpointRow.invocation_id == _INVOCATION
)


class CheckpointRepository:
    """Each method is one statement; one more saves a blob, in a transaction, and one more reads what is newer."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def save(
        self,
        path: ExecutionPath,
        *,
        value: str,
        launch: int | None,
        sequence: int | None = None,
        blob: Blob | None = None,
    ) -> Checkpoint | None:
        """Put the value in place of what the invocation has saved before, whole or not at all. None if nothing was
        saved: the execution is not under way, or has gone on to another launch than this; None: any may save it.

        `sequence`: counts up within a launch; a value that is older than the one in place is left out, and the answer
        is the newer one. `blob`: where the value is, then `value` is empty. Raises BlobDoesNotExist if that is gone.
        """
        blob_id = None if blob is None else blob.blob_id
        parameters = {_VALUE.key: value, _BLOB.key: blob_id, _LAUNCH.key: launch, _SEQUENCE.key: sequence}
        row = (await self._connection.execute(_SAVE, path.parameters | parameters)).one_or_none()
        if row is None:
            return None
        if row.save_time is None:
            return await self.load(row.invocation_id)
        if blob is not None:
            await BlobRepository(self._connection).complete(blob)
        return Checkpoint(value=value, attempt=row.attempt, save_time=row.save_time, blob_id=blob_id)

    async def load(self, invocation_id: str) -> Checkpoint:
        """Raises CheckpointDoesNotExist."""
        found = await self._connection.execute(_LOAD, {_INVOCATION.key: searchable(invocation_id)})
        row = found.one_or_none()
        if row is None:
            raise CheckpointDoesNotExist
        return Checkpoint(
            value=row.value, attempt=row.attempt, save_time=row.save_time, blob_id=to_blob_id(row.blob_id)
        )
