"""Submits invocations, one or a batch: inserts their rows. Workflows are started afterwards, and may be later."""

from collections.abc import Collection

from control_plane_server.catalog.batches import BatchRepository, NewBatch
from control_plane_server.catalog.database import Database
from control_plane_server.catalog.idempotency import (
    BatchKeyRepository,
    IdempotencyKey,
    IdempotencyKeyRepository,
    KeyIsTaken,
    batch_fingerprint,
    fingerprint,
)
from control_plane_server.catalog.invocations import InvocationRepository, NewInvocation
from control_plane_server.catalog.paths import FunctionPath
from control_plane_server.domain.batches import Batch
from control_plane_server.domain.entities import Invocation
from control_plane_server.domain.errors import BlobIsInUse


async def submit(
    database: Database, path: FunctionPath, new: NewInvocation, *, checked: Collection[int] = ()
) -> Invocation:
    """A new invocation. Raises what `InvocationRepository.create` raises."""
    async with database.statement() if new.input_blob is None else database.transaction() as connection:
        return await InvocationRepository(connection).create(path, new, checked=checked)


async def submit_once(
    database: Database, path: FunctionPath, new: NewInvocation, *, client_key: str, checked: Collection[int] = ()
) -> tuple[Invocation, bool]:
    """The invocation of this key, and whether this call created it.

    Raises IdempotencyKeyIsReused, and what `InvocationRepository.create` raises.
    """
    key = IdempotencyKey(
        project_name=path.project_name,
        function_name=path.function_name,
        key=client_key,
        request_fingerprint=fingerprint(
            function_input=new.input,
            parent=new.parent,
            queue_timeout_seconds=new.queue_timeout_seconds,
            input_blob=new.input_blob,
        ),
    )
    earlier = await _find(database, key)
    if earlier is not None:
        return earlier, False
    try:
        async with database.transaction() as connection:
            invocation = await InvocationRepository(connection).create(path, new, checked=checked)
            await IdempotencyKeyRepository(connection).record(key, invocation.invocation_id)
    except (KeyIsTaken, BlobIsInUse) as error:
        # Whoever has used the blob may have been this very request, sent twice.
        if isinstance(error, BlobIsInUse) and await _find(database, key) is None:
            raise
        return await submit_once(database, path, new, client_key=client_key, checked=checked)
    return invocation, True


async def submit_batch(
    database: Database, path: FunctionPath, new: NewBatch, *, client_key: str | None, checked: Collection[int] = ()
) -> tuple[Batch, bool]:
    """A new batch, or the one of this key, and whether this call created it.

    Raises IdempotencyKeyIsReused, and what `BatchRepository.create` raises.
    """
    if client_key is None:
        async with database.transaction() as connection:
            return await BatchRepository(connection).create(path, new, checked=checked), True
    key = IdempotencyKey(
        project_name=path.project_name,
        function_name=path.function_name,
        key=client_key,
        request_fingerprint=batch_fingerprint(
            inputs=new.inputs, parent=new.parent, queue_timeout_seconds=new.queue_timeout_seconds
        ),
    )
    earlier = await _find_batch(database, key)
    if earlier is not None:
        return earlier, False
    try:
        async with database.transaction() as connection:
            batch = await BatchRepository(connection).create(path, new, checked=checked)
            await BatchKeyRepository(connection).record(key, batch.batch_id)
    except KeyIsTaken:
        return await submit_batch(database, path, new, client_key=client_key, checked=checked)
    return batch, True


async def _find_batch(database: Database, key: IdempotencyKey) -> Batch | None:
    async with database.statement() as connection:
        batch_id = await BatchKeyRepository(connection).find(key)
        return None if batch_id is None else await BatchRepository(connection).get_by_id(batch_id)


async def _find(database: Database, key: IdempotencyKey) -> Invocation | None:
    async with database.statement() as connection:
        invocation_id = await IdempotencyKeyRepository(connection).find(key)
        return None if invocation_id is None else await InvocationRepository(connection).get_by_id(invocation_id)
