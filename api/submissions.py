"""Submits invocations, one or a batch, new ones or once more: inserts their rows. Workflows are started afterwards, and
may be later."""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from api.services import Services
from api.warm_starts import has_idle, lease_idle
from control_plane_server.catalog.batches import BatchRepository, NewBatch
from control_plane_server.catalog.database import Database
from control_plane_server.catalog.idempotency import (
    OF_REPLAYS,
    BatchKeyRepository,
    IdempotencyKey,
    IdempotencyKeyRepository,
    KeyIsTaken,
    batch_fingerprint,
    fingerprint,
    replay_fingerprint,
)
from control_plane_server.catalog.invocation_filters import ProjectInvocationFilter
from control_plane_server.catalog.invocations import InvocationRepository, NewInvocation
from control_plane_server.catalog.paths import FunctionPath
from control_plane_server.catalog.replays import ReplayRepository
from control_plane_server.domain.batches import Batch
from control_plane_server.domain.entities import Invocation
from control_plane_server.domain.errors import BlobIsInUse, InvocationDoesNotExist, ServiceIsUnavailable

_TRIES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmittedBatch:
    """`is_resumed`: it is one of an earlier attempt."""

    batch: Batch
    is_resumed: bool = False


async def submit_and_start(
    services: Services, path: FunctionPath, new: NewInvocation, client_key: str | None
) -> Invocation:
    """A new invocation with its workflow, and a container that is idle, or the one that its key or an earlier attempt
    has made.

    Raises IdempotencyKeyIsReused, RequestValidationError for arguments that the function does not take, and what
    `InvocationRepository.create` raises.
    """

    async def create(checked: Sequence[int]) -> tuple[Invocation, bool]:
        if client_key is None:
            return await submit(services.database, path, new, checked=checked), True
        return await submit_once(services.database, path, new, client_key=client_key, checked=checked)

    inputs = [new.input] if new.input_blob is None else []
    invocation, is_new = await services.arguments.create(path, inputs, is_batch=False, create=create)
    if not is_new:
        return invocation
    is_idle = None
    if invocation.function.reuse is not None and invocation.not_before is None:
        is_idle = asyncio.create_task(has_idle(services.database, invocation))  # Temporal takes longer
    is_started = await services.orchestrator.start_invocation(invocation)
    if is_idle is not None and await is_idle and is_started:
        traceparent = None if services.spans is None else services.spans.current_traceparent()
        await lease_idle(services.database, invocation, traceparent=traceparent)
    return invocation


async def submit(
    database: Database, path: FunctionPath, new: NewInvocation, *, checked: Collection[int] = ()
) -> Invocation:
    """A new invocation. Raises what `InvocationRepository.create` raises."""
    async with database.statement() if new.is_one_statement else database.transaction() as connection:
        return await InvocationRepository(connection).create(path, new, checked=checked)


async def submit_once(
    database: Database, path: FunctionPath, new: NewInvocation, *, client_key: str, checked: Collection[int] = ()
) -> tuple[Invocation, bool]:
    """The invocation of this key, or of an earlier attempt, and whether this call created it.

    Raises IdempotencyKeyIsReused, and what `InvocationRepository.create` raises.
    """
    key = IdempotencyKey(
        project_name=path.project_name,
        function_name=path.function_name,
        key=client_key,
        request_fingerprint=fingerprint(
            function_input=new.input,
            parent=new.parent,
            options=new.options,
            input_blob=new.input_blob,
            replay=None if new.replayed_from is None else (new.replayed_from, path.version_ref),
        ),
    )
    earlier = await _find(database, key, new.resume_keys)
    if earlier is not None:
        return earlier, False
    try:
        async with database.transaction() as connection:
            invocation = await InvocationRepository(connection).create(path, new, checked=checked)
            await IdempotencyKeyRepository(connection).record(key, invocation.invocation_id)
    except (KeyIsTaken, BlobIsInUse) as error:
        # Whoever has used the blob may have been this very request, sent twice.
        if isinstance(error, BlobIsInUse) and await _find(database, key, new.resume_keys) is None:
            raise
        return await submit_once(database, path, new, client_key=client_key, checked=checked)
    return invocation, True


async def submit_batch(
    database: Database, path: FunctionPath, new: NewBatch, *, client_key: str | None, checked: Collection[int] = ()
) -> tuple[SubmittedBatch, bool]:
    """A new batch, or the one of this key or of an earlier attempt, and whether this call created it.

    Raises IdempotencyKeyIsReused, and what `BatchRepository.create` raises.
    """
    if client_key is None:
        async with database.transaction() as connection:
            made = await BatchRepository(connection).create(path, new, checked=checked)
        return SubmittedBatch(batch=made), True
    key = IdempotencyKey(
        project_name=path.project_name,
        function_name=path.function_name,
        key=client_key,
        request_fingerprint=batch_fingerprint(inputs=new.inputs, parent=new.parent, options=new.options),
    )
    earlier = await _find_batch(database, key)
    if earlier is not None:
        return SubmittedBatch(batch=earlier), False
    resumed = await _find_resumed_batch(database, key, new.resume_keys) if new.resume_keys else None
    if resumed is not None:
        return SubmittedBatch(batch=resumed, is_resumed=True), False
    try:
        async with database.transaction() as connection:
            batch = await BatchRepository(connection).create(path, new, checked=checked)
            await BatchKeyRepository(connection).record(key, batch.batch_id)
    except KeyIsTaken:
        return await submit_batch(database, path, new, client_key=client_key, checked=checked)
    return SubmittedBatch(batch=batch), True


async def submit_replay(
    database: Database,
    project_name: str,
    matching: ProjectInvocationFilter,
    *,
    version_ref: str | None,
    client_key: str | None,
) -> tuple[Batch, bool]:
    """A batch of all that match once more, or the one of this key, and whether this call created it.

    Raises IdempotencyKeyIsReused, what `ReplayRepository.create` raises, and ServiceIsUnavailable if some of them were
    deleted in the midst of every try.
    """
    key = None
    if client_key is not None:
        key = IdempotencyKey(
            project_name=project_name,
            function_name=OF_REPLAYS,
            key=client_key,
            request_fingerprint=replay_fingerprint(matching, version_ref=version_ref),
        )
        earlier = await _find_batch(database, key)
        if earlier is not None:
            return earlier, False
    for _ in range(_TRIES):
        try:
            async with database.transaction() as connection:
                batch = await ReplayRepository(connection).create(project_name, matching, version_ref=version_ref)
                if key is not None:
                    await BatchKeyRepository(connection).record(key, batch.batch_id)
            return batch, True
        except InvocationDoesNotExist:  # retention has deleted one of them meanwhile
            continue
        except KeyIsTaken:
            assert key is not None
            earlier = await _find_batch(database, key)
            if earlier is not None:
                return earlier, False
    raise ServiceIsUnavailable


async def _find_batch(database: Database, key: IdempotencyKey) -> Batch | None:
    async with database.statement() as connection:
        batch_id = await BatchKeyRepository(connection).find(key)
        return None if batch_id is None else await BatchRepository(connection).get_by_id(batch_id)


async def _find_resumed_batch(database: Database, key: IdempotencyKey, earlier: Sequence[str]) -> Batch | None:
    async with database.statement() as connection:
        batch_id = await BatchKeyRepository(connection).find_resumable(key, earlier)
        return None if batch_id is None else await BatchRepository(connection).get_by_id(batch_id)


async def _find(database: Database, key: IdempotencyKey, resume_keys: Sequence[str]) -> Invocation | None:
    async with database.statement() as connection:
        keys = IdempotencyKeyRepository(connection)
        invocation_id = await keys.find(key)
        if invocation_id is None and resume_keys:
            invocation_id = await keys.find_resumable(key, resume_keys)
        return None if invocation_id is None else await InvocationRepository(connection).get_by_id(invocation_id)
