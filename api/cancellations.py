"""Asks for the end of an invocation, or of a batch: the request is recorded, then whoever can end it is told."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from api.services import Services
from control_plane_server.catalog.batches import BatchRepository
from control_plane_server.catalog.database import Database
from control_plane_server.catalog.execution_lifecycle.batch_ends import BatchEndRepository
from control_plane_server.catalog.execution_lifecycle.batch_looks import BatchLookRepository
from control_plane_server.catalog.invocations import InvocationRepository
from control_plane_server.catalog.paths import InvocationPath
from control_plane_server.domain.batches import Batch
from control_plane_server.domain.entities import Invocation
from control_plane_server.domain.identifiers import BatchId, InvocationId

# As long as a request to Temporal may take.
_PATIENCE = timedelta(seconds=2)
# In one transaction, which holds the lock of the function.
_PIECE = 500


async def cancel(services: Services, path: InvocationPath) -> Invocation:
    """Raises what `InvocationRepository.request_cancellation` raises."""
    async with services.database.transaction() as connection:
        invocation = await InvocationRepository(connection).request_cancellation(path)
    if invocation.batch_id is not None and not invocation.executions:
        part = None if invocation.replayed_from is None else invocation.invocation_id
        await _end_unstarted(services, invocation.batch_id, [part])
    else:
        await services.orchestrator.cancel_invocation(invocation.invocation_id)
    return invocation


async def cancel_batch(services: Services, batch: Batch) -> Batch:
    """Raises what `BatchRepository.request_cancellation` raises."""
    async with services.database.transaction() as connection:
        await BatchRepository(connection).request_cancellation(batch.batch_id)
        parts = await BatchLookRepository(connection).parts_of_replay(batch.batch_id) if batch.is_replay else [None]
    return await _end_unstarted(services, batch.batch_id, parts)


async def _end_unstarted(services: Services, batch_id: BatchId, parts: Sequence[InvocationId | None]) -> Batch:
    """End what has no workflow at once, as much of it as there is time for. The batch's workflow does the rest, and has
    the others' cancelled. `parts`: of a replay, invocations whose functions' are meant."""
    clock = asyncio.get_running_loop().time
    deadline = clock() + _PATIENCE.total_seconds()
    for part in parts:
        while clock() < deadline and await _end_some(services.database, batch_id, part) == _PIECE:
            pass
    async with services.database.statement() as connection:
        batch = await BatchRepository(connection).get_by_id(batch_id)
    await services.orchestrator.advance_batch(batch)
    return batch


async def _end_some(database: Database, batch_id: BatchId, part: InvocationId | None) -> int:
    async with database.transaction() as connection:
        ended = await BatchEndRepository(connection).end_unstarted(
            batch_id, reason=None, at_most=_PIECE, of_replay=part
        )
        return ended.ended
